/* problem - an error as a value: what went wrong, where, and what to do now
 *
 * Functions that can fail in ways a person must hear of take a problem, fill
 * it and return its code; only the edge prints it. The first problem wins:
 * setting it again, in cleanup say, changes nothing.
 */
#ifndef COMMON_BASE_PROBLEM_H
#define COMMON_BASE_PROBLEM_H

/* Exit codes of all programs; the table is in every man page. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_TASKS_FAILED = 3,
    EXIT_TASKS_HELD = 4,
    EXIT_HALTED = 5,
    EXIT_GAVE_UP_WAITING = 6,
    EXIT_UNREACHABLE = 7,
    EXIT_NOT_AUTHORISED = 8,
    EXIT_DAMAGED = 9,
};

struct problem {
    int code; /* 0: none; else a negative errno */
    enum exit_code exit;
    char text[1024]; /* a sentence for a person, without a final newline */
};

/* Empty, without writing all of it: for one that is made for each task. */
static inline void problem_clear(struct problem *problem)
{
    problem->code = 0;
    problem->exit = EXIT_OK;
    problem->text[0] = '\0';
}

/* Returns `code` (negative errno). The exit code is EXIT_ERROR. */
int problem_set(struct problem *problem, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with another exit code, EXIT_USAGE for instance. */
int problem_exit(struct problem *problem, enum exit_code exit, int code,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
