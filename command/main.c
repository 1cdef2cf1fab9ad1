/* fan - the front command: starts runs and looks after them, a verb each */
#include "command/verb.h"
#include "common/base/files.h"
#include "common/base/nearest.h"
#include "common/base/version.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct verb {
    const char *name;
    int (*run)(int argc, char **argv); // NULL: the program fan-NAME
    const char *help;
};

static const struct verb VERBS[] = {
    {"run", verb_run, "run a command for each value, and keep every result"},
    {"add", verb_add, "add tasks to a run that is open"},
    {"status", verb_status, "show how far a run is"},
    {"top", verb_top, "watch a run on the whole screen"},
    {"list", verb_list, "show tasks that are done, a line each"},
    {"show", verb_show, "show all that is known of a task"},
    {"explain", verb_explain, "tell why a task or a run goes no further"},
    {"logs", verb_logs, "print what tasks have printed"},
    {"events", verb_events, "show what has happened to a run"},
    {"hosts", verb_hosts, "show where a run is at work"},
    {"wait", verb_wait, "wait until a run ends"},
    {"results", verb_results, "print the results of a run"},
    {"report", verb_report, "make a page of HTML of what came of a run"},
    {"page", NULL, "serve a page about a run for a browser"},
    {"verify", verb_verify, "check stored results for damage"},
    {"held", verb_held, "show the tasks that wait for a decision"},
    {"decide", verb_decide, "decide about held tasks"},
    {"cancel", verb_cancel, "stop tasks of a run for good"},
    {"pause", verb_pause, "start no more tasks of a run for now"},
    {"resume", verb_resume, "start tasks again in a run that is paused"},
    {"completion", verb_completion, "make a shell complete fan's words"},
    {"ventilator", NULL, "by hand: give tasks to workers"},
    {"worker", NULL, "by hand: run tasks"},
    {"sink", NULL, "by hand: store results"},
};

static void write_help(FILE *to)
{
    fprintf(to, "Usage: fan VERB [OPTION]...\n"
                "Fan a batch of tasks out to workers and collect the "
                "results.\n\n");
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        fprintf(to, "  %-12s%s\n", VERBS[i].name, VERBS[i].help);
    fprintf(to, "\n'fan VERB --help' tells the options of a verb.\n"
                "  -h, --help     show this and exit\n"
                "  -V, --version  show the version and exit\n");
}

static int run_program(const struct verb *verb, char **argv)
{
    char path[PATH_MAX], name[64];
    snprintf(name, sizeof name, "fan-%s", verb->name);
    const int error = verb_beside(name, path, sizeof path);
    if (!error)
        execv(path, argv);
    fprintf(stderr, "fan: cannot start %s: %s\n", name,
            strerror(error ? -error : errno));
    return EXIT_ERROR;
}

static int no_such_verb(const char *typed)
{
    const struct span word = span_of_text(typed);
    struct nearest nearest;
    nearest_begin(&nearest, word, nearest_slip(word));
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        nearest_try(&nearest, VERBS[i].name);
    fprintf(stderr, "fan: there is no verb '%s'%s%s%s\nTry 'fan --help'.\n",
            typed, nearest.word ? "; did you mean '" : "",
            nearest.word ? nearest.word : "", nearest.word ? "'?" : "");
    return EXIT_USAGE;
}

static int run_verb(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        if (strcmp(argv[0], VERBS[i].name) == 0)
            return VERBS[i].run ? VERBS[i].run(argc, argv)
                                : run_program(&VERBS[i], argv);
    return no_such_verb(argv[0]);
}

int main(int argc, char **argv)
{
    files_open_standard();
    if (argc < 2) {
        write_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        write_help(stdout);
        return fflush(stdout) == 0 ? EXIT_OK : EXIT_ERROR;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("fan %s\n", version_text());
        return fflush(stdout) == 0 ? EXIT_OK : EXIT_ERROR;
    }
    return run_verb(argc - 1, argv + 1);
}
