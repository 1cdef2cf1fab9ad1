/* decide - what the files of `fan decide` share; for them alone */
#ifndef COMMAND_DECIDE_H
#define COMMAND_DECIDE_H

#include "command/rundir.h"
#include "command/tell.h"
#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

struct numset;

struct decide {
    char dir[RUNDIR_PATH_SIZE];
    struct buffer quoting;
    const char *quoted;      // the directory, for a shell
    struct numset *tasks;    // chosen, and not decided yet
    struct numset *done;     // decided so, as the log says
    uint64_t wanted;         // tasks, at first
    enum status status;      // REOPENED, IGNORED, DROPPED
    const char *note, *edit; // edit: or NULL
    uint64_t mem_max;        // 0: as it was
    char user[TELL_USER_SIZE];
    int64_t time_us; // by which it is known in the log, too
    bool live;       // somebody is at work on the run
};

/* -- decide_change.c: may the tasks be changed so? 0, or a problem that says
 * what is wrong, EXIT_USAGE. */
int decide_check_change(const struct decide *decide, struct problem *problem);
/* -- decide_stopped.c: fan-sink stores it. -EAGAIN: somebody has begun to work
 * on the run. */
int decide_stopped(const struct decide *decide, struct problem *problem);
/* -- decide_live.c: the ventilator has it stored. -EAGAIN: nobody is at work
 * on the run any more. */
int decide_live(const struct decide *decide, struct problem *problem);

#endif
