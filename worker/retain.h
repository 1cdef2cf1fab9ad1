/* retain - the results a worker keeps until the sink has stored them
 *
 * Encoded RESULTS frames, numbered from 1 without a gap. A frame leaves only
 * by retain_retire. The byte budget does not refuse a result (it is there
 * already): once it is reached, retain_full says so, and no task starts until
 * it is false again. Pure: no clock, no I/O.
 */
#ifndef WORKER_RETAIN_H
#define WORKER_RETAIN_H

#include "common/base/share.h"

#include <stdbool.h>
#include <stdint.h>

struct retain;

struct retain *retain_create(uint64_t bytes_max); /* NULL: out of memory */
void retain_destroy(struct retain **retain);
void retain_set_max(struct retain *retain, uint64_t bytes_max);

/* The lowest number kept: made + 1 when there is none. */
uint64_t retain_kept(const struct retain *retain);
uint64_t retain_made(const struct retain *retain); /* the highest; 0: none */
bool retain_full(const struct retain *retain);

/* Takes over the frame's memory (and empties it) as number retain_made + 1,
 * which it must carry. Returns 0 or -ENOMEM (the frame is the caller's). */
int retain_add(struct retain *retain, struct buffer *frame);
/* Forgets all up to `number`. Returns 0, or -EINVAL (nothing changed) for a
 * number that has not been made. */
int retain_retire(struct retain *retain, uint64_t number);
/* The frame of that number, to be sent; NULL when not kept. Who holds it, too,
 * may do so for longer than it is kept. */
struct share *retain_frame(const struct retain *retain, uint64_t number);
/* The same, to be changed, in a copy where somebody else holds it, too. NULL
 * when not kept, or without memory. */
struct buffer *retain_change(struct retain *retain, uint64_t number);

#endif
