/* held_read - a log's held tasks */
#include "command/held.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/store/logread.h"

#include <errno.h>
#include <string.h>

static void tell_damage(const char *dir, struct problem *problem)
{
    struct buffer quoted = {0};
    problem_exit(problem, EXIT_DAMAGED, -EBADMSG,
                 "the log of %s is damaged: only what stands before was read; "
                 "more tells  fan verify %s",
                 dir, verb_quoted(&quoted, dir));
    buffer_free(&quoted);
}

static int read_all(struct held *held, struct logread *log, const char *dir,
                    struct problem *problem)
{
    struct record record;
    for (;;) {
        switch (logread_next(log, &record, NULL, problem)) {
        case LOGREAD_RECORD:
            if (held_take(held, &record) != 0)
                return problem_set(problem, -ENOMEM, "out of memory");
            break;
        case LOGREAD_END:
            return 0;
        case LOGREAD_DAMAGED:
            tell_damage(dir, problem);
            return 0;
        case LOGREAD_ERROR:
            return problem->code;
        }
    }
}

struct held *held_read(const char *dir, const struct held_watch *watch,
                       struct problem *problem)
{
    if (rundir_check(dir, problem) != 0)
        return NULL;
    struct logread *log = logread_open(dir, 0, problem);
    if (!log)
        return NULL;
    struct held *held = held_create();
    if (held)
        held_watch(held, watch);
    int error = held ? read_all(held, log, dir, problem) : -ENOMEM;
    logread_close(&log);
    if (error == 0)
        error = held_settle(held);
    if (error == -ENOMEM)
        problem_set(problem, -ENOMEM, "out of memory");
    if (error != 0)
        held_destroy(&held);
    return held;
}
