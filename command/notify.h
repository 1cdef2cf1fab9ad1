/* notify - which failures a hook is told of: a queue, a rate and counts
 *
 * A failure is taken at once or left out for good: nothing waits until the rate
 * allows it, so nobody is told late of what is old. What was left out is told
 * by number in the next call. At most `rate` calls begin within any minute: one
 * is taken while those that wait and those that have begun in the last minute
 * are fewer. Pure: no clock, no process.
 */
#ifndef COMMAND_NOTIFY_H
#define COMMAND_NOTIFY_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct notify;

/* At most `rate` calls a minute, at least 1; what waits is at most `rate`
 * objects and `bytes_max` bytes, but one of any size. NULL: out of memory. */
struct notify *notify_create(uint64_t rate, size_t bytes_max);
void notify_destroy(struct notify **notify);

/* Would a failure be taken now? If not, say so with notify_leave_out. */
bool notify_has_room(const struct notify *notify, int64_t now_ms);
void notify_leave_out(struct notify *notify);
/* Takes a copy of a JSON object, for which there is room. One that is too
 * large, or for which there is no memory, is left out. */
void notify_put(struct notify *notify, struct span object);

/* The next call begins: fills `text` with its object, to which "suppressed" is
 * added, the number of those left out since the call before. False: none
 * waits, or one is under way. */
bool notify_begin(struct notify *notify, int64_t now_ms, struct buffer *text);
/* The call that is under way has ended. */
void notify_end(struct notify *notify, bool succeeded);
/* What still waits is left out. */
void notify_drop(struct notify *notify);

struct notify_counts {
    uint64_t calls;    /* that have begun */
    uint64_t failed;   /* of them */
    uint64_t left_out; /* in all */
    size_t waiting;
};
void notify_counts(const struct notify *notify, struct notify_counts *counts);

#endif
