/* belt - work for one thread, and what it has done, in one ring of places
 *
 * The giver (one thread) fills places and gives them; the taker (another)
 * begins and ends them, one after the other, in order; the giver takes what
 * has ended, in order, and so frees the places. What has not begun can be
 * recalled at any time. No lock and no system call: one atomic operation to
 * give or begin. Neither side waits here; see plugin.c for that.
 *
 * The belt counts; the places' contents are the caller's, in an array of
 * `size`. The contents of a place belong to the taker from begin to end, and
 * to the giver otherwise.
 */
#ifndef WORKER_BELT_H
#define WORKER_BELT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Counts since the start, which may overflow: their differences matter. */
struct belt {
    uint32_t mask;
    uint32_t taken, filled, given;        // the giver's own
    alignas(64) _Atomic uint64_t cursors; // begun; given in the upper half
    alignas(64) _Atomic uint32_t ended;   // the taker's alone to change
};

/* `size` is a power of two. */
void belt_init(struct belt *belt, uint32_t size);

/* -- the giver's -- */

uint32_t belt_held(const struct belt *belt); /* filled and not taken */
bool belt_full(const struct belt *belt);
/* The place to fill next; not when the belt is full. */
uint32_t belt_place(const struct belt *belt);
void belt_fill(struct belt *belt); /* that place is filled */
/* Gives what has been filled. Returns false when that was nothing. */
bool belt_give(struct belt *belt);
/* Takes back all that was given and has not begun: that many, in places from
 * *first on, circularly. */
uint32_t belt_recall(struct belt *belt, uint32_t *first);
/* The first that has ended, until it is taken. */
bool belt_next(const struct belt *belt, uint32_t *place);
void belt_take(struct belt *belt);
/* Ended and not taken. */
uint32_t belt_ended(const struct belt *belt);
/* The place that has begun and not ended, as it is at this moment. */
bool belt_running(const struct belt *belt, uint32_t *place);
/* Has everything that was given ended? */
bool belt_idle(const struct belt *belt);

/* -- the taker's -- */

bool belt_begin(struct belt *belt, uint32_t *place); /* false: none is there */
/* What it began has ended: who sees that, sees all it wrote. It may wait until
 * the taker's next atomic exchange to be seen. */
void belt_end(struct belt *belt);
bool belt_is_empty(const struct belt *belt); /* of what could begin */

#endif
