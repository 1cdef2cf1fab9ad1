/* slots_refs - lists of tasks as runs, as HELLO, REPORT and RETURNED tell them
 *
 * A run is of consecutive numbers that were sent as the same attempt. The list
 * of a queue follows it from change to change at its ends, for it is told of
 * many times while a task waits; another change makes it stale, and it is
 * made again when it is asked for.
 */
#ifndef WORKER_SLOTS_REFS_H
#define WORKER_SLOTS_REFS_H

#include "common/wire/wire.h"
#include "worker/slots.h"

#include <stdbool.h>
#include <stddef.h>

/* {0} is the list of nothing. */
struct refs {
    struct wire_refs *at;
    size_t first, count, capacity;
    bool stale; // says nothing: to be made again
};

void refs_free(struct refs *refs);
/* Empty, and with room for `capacity` runs. False: no memory, it is stale. */
bool refs_begin(struct refs *refs, size_t capacity);

/* `task` has come to the tail, or the head. Without memory: stale. */
void refs_append(struct refs *refs, const struct slot_task *task);
void refs_prepend(struct refs *refs, const struct slot_task *task);
/* The task at the head, or the tail, is gone. */
void refs_drop_first(struct refs *refs);
void refs_drop_last(struct refs *refs);

struct wire_refs_out refs_out(const struct refs *refs);

#endif
