/* gather - which records of a log are a run's results
 *
 * One for each task: the final record of its last round. Where the ventilator
 * made it final (a last failure), it is filled up with the attempt it is
 * about, which holds the output. Failed attempts are spilled to a file until
 * their task is final; memory is some dozen bytes for each of them and for
 * each task that was done again. No clock.
 *
 * Survey a log to its end, then take it from its start: so a result that is
 * replaced later is passed over. What is taken beyond the survey comes out as
 * it comes.
 */
#ifndef COMMAND_GATHER_H
#define COMMAND_GATHER_H

#include "common/base/bytes.h"
#include "common/store/record.h"

#include <stdbool.h>
#include <stddef.h>

struct gather_options {
    bool failed;       /* only what failed */
    bool all_attempts; /* every attempt, loss and decision, as in the log */
    bool held;         /* a task that is held, too, each time: the attempt
                        * that failed, with status held; never final */
};
/* `line` is the record as stored, empty where it was filled up. Its spans live
 * until it returns. Returns 0, or a negative errno, which is handed on. */
typedef int gather_emit(void *context, const struct record *record,
                        struct span line);

struct gather;

/* NULL when out of memory. */
struct gather *gather_create(struct gather_options options);
void gather_destroy(struct gather **gather);

/* Returns 0 or -ENOMEM. */
int gather_survey(struct gather *gather, const struct record *record);
/* Returns 0, what `emit` returned, -errno of memory or spilling, or -EBADMSG
 * for a second final record of one task and round. */
int gather_take(struct gather *gather, const struct record *record,
                struct span line, gather_emit *emit, void *context);

#endif
