/* slots - the worker's pure core: its lane, its queue, its slots, its totals
 *
 * Tasks come in over numbered lanes, wait in one queue and start in order, one
 * to a slot. A task marked alone starts only when nothing else runs, and
 * nothing starts beside it. What has not started can be recalled, from the
 * tail. Everything a REPORT or HELLO says of tasks is made here.
 *
 * No clock, no I/O. Every call is O(1) but those that say otherwise. Not
 * thread safe.
 */
#ifndef WORKER_SLOTS_H
#define WORKER_SLOTS_H

#include "common/base/bytes.h"
#include "common/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slots;

/* A task at this worker. Owned by slots. */
struct slot_task {
    uint64_t task;
    uint32_t round, generation, attempt, failures;
    uint32_t slot; // from 1 while it runs; 0: queued
    bool alone, copy, edited;
    int64_t timeout_ms; // 0: as all tasks of the run
    uint64_t mem_max;   // the same
    struct id128 key;
    struct slot_task *before, *after; // in the queue, or in the running list
    struct pool_block *block;         // where its memory is from
    struct span payload;              // a wire_command, behind this struct
};

/* `count` slots, at least 1. NULL when out of memory. */
struct slots *slots_create(uint32_t count);
void slots_destroy(struct slots **slots);
/* Uses `count` of them, which may be none; before any task is here. */
void slots_use(struct slots *slots, uint32_t count);
/* How many there are, used or not. */
uint32_t slots_room(const struct slots *slots);

/* -- the lane -- */

/* Opens the next lane, whose id is returned: the first is 1. What was received
 * on the old one counts no more; queued and running tasks stay. */
uint32_t slots_open_lane(struct slots *slots);
uint32_t slots_lane(const struct slots *slots);

enum lane_verdict {
    LANE_TAKE,      // the next one: its tasks are to be added
    LANE_OTHER,     // of another lane: ignore, count
    LANE_DUPLICATE, // has been taken before
    LANE_GAP,       // something is missing before it: refuse, report
};
/* Judges a TASKS message by its lane and number; LANE_TAKE counts it as
 * received, all others as dropped. */
enum lane_verdict slots_receive(struct slots *slots, uint32_t lane,
                                uint64_t number);
/* Counts a message that was refused for any other reason. */
void slots_drop(struct slots *slots);

/* -- tasks -- */

/* Queues a copy of `task`. The same attempt, queued or running, is not taken
 * twice; a newer attempt of a queued task replaces it where it stands.
 * Returns 1, 0 when it was there, -ENOMEM, -ENOBUFS at WIRE_RUNS_MAX. */
int slots_add(struct slots *slots, const struct wire_task *task,
              uint32_t generation);

/* Moves the next task to a free slot and gives it, or NULL when none can start:
 * empty queue, no slot, an alone task in the way, or draining. It stays valid
 * until slots_finish. */
const struct slot_task *slots_start(struct slots *slots);

/* The task in a slot (from 1), or NULL. */
const struct slot_task *slots_running(const struct slots *slots, uint32_t slot);

/* Frees the slot; `counted` adds the task to the totals. */
void slots_finish(struct slots *slots, uint32_t slot, uint64_t busy_us,
                  bool counted);

/* Where tasks wait at their slot, too: as slots_start, but in a slot (from 1)
 * of the caller's choice, behind what is there. A worker uses either this, and
 * the three below, or slots_start and slots_finish. */
const struct slot_task *slots_hand(struct slots *slots, uint32_t slot);
/* As slots_finish, and `task` is gone; it counts. */
void slots_end(struct slots *slots, const struct slot_task *task);
/* Adds the time of tasks that were ended by slots_end. */
void slots_busy(struct slots *slots, uint64_t busy_us);
/* Puts a task that was handed and has not begun at the queue's head; it is
 * gone where a newer attempt is held. */
void slots_unhand(struct slots *slots, const struct slot_task *task);
/* Ends a task that somebody still uses: its memory stays until
 * slots_destroy. */
void slots_abandon(struct slots *slots, const struct slot_task *task);

/* Takes up to `count` unstarted tasks off the tail of the queue and lists them.
 * The list is valid until the next call that lists. Cost: those tasks. On
 * out of memory nothing is taken and the list is empty. */
struct wire_refs_out slots_recall(struct slots *slots, uint32_t count);

/* No task starts from now on. Recall the queue, and what still arrives. */
void slots_drain(struct slots *slots);
bool slots_draining(const struct slots *slots);

/* Removes queued tasks that `refs` names, and calls `stop` with each
 * running one. Cost: all tasks held. Returns how many were queued. */
uint32_t slots_cancel(struct slots *slots, const struct wire_refs *refs,
                      void (*stop)(void *argument,
                                   const struct slot_task *task),
                      void *argument);

/* -- what to report -- */

uint32_t slots_count(const struct slots *slots);
uint32_t slots_queued_count(const struct slots *slots);
uint32_t slots_running_count(const struct slots *slots);
/* All of them, in runs, in order of the queue or of start. Each list is valid
 * until a task comes or goes. Cost: the tasks that run; those that are queued
 * where some have left from the middle. Empty on out of memory: then
 * slots_listed is false, and the list must not be sent. */
struct wire_refs_out slots_list_queued(struct slots *slots);
struct wire_refs_out slots_list_running(struct slots *slots);
bool slots_listed(const struct slots *slots);
/* Fills lane, received, finished, busy_us, dropped and the draining flag. */
void slots_report(const struct slots *slots, struct wire_report *report);

#endif
