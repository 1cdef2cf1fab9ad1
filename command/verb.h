/* verb - what the verbs of the front command share
 *
 * A verb gets its own name as argv[0], prints data on stdout and talk on
 * stderr, and returns the exit code of the program.
 */
#ifndef COMMAND_VERB_H
#define COMMAND_VERB_H

#include "common/base/problem.h"
#include "common/setting/setting.h"

int verb_run(int argc, char **argv);
int verb_add(int argc, char **argv);
int verb_completion(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_logs(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_results(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_verify(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_events(int argc, char **argv);
int verb_hosts(int argc, char **argv);
int verb_wait(int argc, char **argv);
int verb_held(int argc, char **argv);
int verb_decide(int argc, char **argv);
int verb_cancel(int argc, char **argv);
int verb_pause(int argc, char **argv);
int verb_resume(int argc, char **argv);

enum { VERB_GO = -1 };
/* Initialises `settings` and reads flags and environment for `program`;
 * answers --help and --version. Returns VERB_GO, or the exit code with which
 * to end now. The caller clears the settings in both cases. */
int verb_open(struct settings *settings, unsigned program, int argc,
              char **argv);
/* Prints the problem and returns its exit code. */
int verb_fail(unsigned program, const struct problem *problem);

/* Appends `path` as one would type it in a shell, as an operand of fan. */
void verb_quote(struct buffer *out, const char *path);
/* The same, ended with a NUL; `path` itself where there is no memory. The
 * caller frees `out`. */
const char *verb_quoted(struct buffer *out, const char *path);
/* Appends the command that goes on with the run in `dir`: of a stage, or of a
 * run with stages, with all of them. */
void verb_put_again(struct buffer *out, const char *dir);
/* The path of `name` in the folder this program runs from. Returns 0, or
 * -errno. */
int verb_beside(const char *name, char *path, size_t size);

#endif
