/* rundir - run directories: finding one, locking it, its small files */
#ifndef COMMAND_RUNDIR_H
#define COMMAND_RUNDIR_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/setting/setting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNDIR_PARENT "fan-runs"
#define RUNDIR_EXIT   "exit" /* the exit code of `fan run`, once it has ended */
#define STAGES_FILE   "stages.yaml" /* the run file of a run with stages */

enum { RUNDIR_PATH_SIZE = 4096 };

/* The directory a looking verb means: its operand, --run NAME or a path, or
 * the newest run. Returns 0, or -ENOENT with a problem. */
int rundir_find(const struct settings *settings, char dir[RUNDIR_PATH_SIZE],
                struct problem *problem);
/* Can its name be printed and typed as it is? A control character in it, other
 * than newline and tab, would steer the terminal of whoever looks. Returns 0,
 * or -EINVAL with a usage problem. */
int rundir_check_name(const char *dir, struct problem *problem);
/* Is it the directory of a run, by a name that can be printed? Returns 0, or
 * -ENOENT or -EINVAL with a usage problem. */
int rundir_check(const char *dir, struct problem *problem);
/* The run in fan-runs whose plan was written last. Returns 0 or -ENOENT. */
int rundir_newest(char dir[RUNDIR_PATH_SIZE]);

bool rundir_has(const char *dir, const char *name);
/* Makes the directory and those above it. Returns 0 or -errno. */
int rundir_make(const char *dir);
/* Reads a small text file without its final newline; longer ones are cut.
 * Returns 0 or -errno. */
int rundir_read(const char *dir, const char *name, char *text, size_t size);
/* Removes the files of `dir` whose names begin so. */
void rundir_empty(const char *dir, const char *prefix);

/* Takes the directory's lock.run for this process, waiting up to `wait_ms`.
 * Returns its descriptor, -EAGAIN when it is held elsewhere, or -errno. */
int rundir_lock(const char *dir, int64_t wait_ms);
/* Does anybody hold this lock of the directory? */
bool rundir_is_locked(const char *dir, const char *name);
/* Is a `fan run` at work there? */
bool rundir_is_live(const char *dir);

#endif
