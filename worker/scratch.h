/* scratch - a folder for each task, $FAN_DIR, and what becomes of it
 *
 *     $TMPDIR/fan-HOST-UID/RUN-XXXXXX/slot-3      while a task runs
 *     $TMPDIR/fan-HOST-UID/RUN-XXXXXX/task-17.1   kept: task 17, first try
 *
 * A slot's folder is there before its task. Making and removing one for each
 * would cost a short command more than 1 % of its time; so one that nothing was
 * put into, which the folder's own time of change tells for less than a
 * microsecond, is given to the next task. What has been used is set aside, and
 * a thread removes it.
 *
 * Each worker holds a lock in its folder. What one left that was killed, the
 * next on the same host removes, but for what was kept.
 */
#ifndef WORKER_SCRATCH_H
#define WORKER_SCRATCH_H

#include "common/base/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct scratch;

/* Of a path, which goes into a note. */
enum { SCRATCH_PATH_SIZE = 480 };

/* NULL with a problem. `run` names the folder. */
struct scratch *scratch_open(const char *run, uint32_t slots,
                             struct problem *problem);
/* Removes all but what was kept, and waits for that. */
void scratch_close(struct scratch **scratch);

/* The folder for a slot's (from 1) next task, empty and 0700. Borrowed until
 * the next call. NULL with errno where it cannot be made. */
const char *scratch_take(struct scratch *scratch, uint32_t slot);

struct scratch_end {
    uint32_t slot;
    uint64_t task;
    uint32_t attempt;
    bool keep;
};
/* The slot's task has ended. True where its folder has something in it and is
 * kept: then `path` is where. */
bool scratch_end(struct scratch *scratch, const struct scratch_end *end,
                 char path[SCRATCH_PATH_SIZE]);

/* Is so much still to be removed that no task should start? */
bool scratch_is_behind(struct scratch *scratch);

#endif
