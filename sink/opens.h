/* opens - tasks with a history and no final record in their round
 *
 * Remembers for each which attempts were recorded failed or lost, so that
 * neither is counted twice. Memory: some dozen bytes for each such task and 12
 * for each recorded attempt; all freed when the task becomes final. Pure.
 */
#ifndef SINK_OPENS_H
#define SINK_OPENS_H

#include "common/policy/policy.h"
#include "common/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum seen_kind { SEEN_FAILURE = 1, SEEN_LOSS = 2 };
struct seen {
    uint32_t generation, attempt;
    uint8_t kinds;       /* mask of enum seen_kind */
    uint8_t class, code; /* of a failure that counts; else 0 */
};

struct open_task {
    uint64_t task;
    struct id128 key; /* as its attempts have it */
    uint32_t round;
    uint32_t failures, losses, lone_deaths;     /* in this round */
    uint32_t floor_generation, floor_attempt;   /* lowest taken; see REOPENED */
    uint8_t last_class, last_exit, last_signal; /* of the last attempt */
    bool held;
    struct seen *seen; /* ascending */
    size_t seen_count, seen_capacity;
};

struct opens;

struct opens *opens_create(void); /* NULL when out of memory */
void opens_destroy(struct opens **opens);
/* Pointers live until the next opens_add or opens_remove. */
struct open_task *opens_find(const struct opens *opens, uint64_t task);
/* Finds or makes it; NULL when out of memory. */
struct open_task *opens_add(struct opens *opens, uint64_t task, uint32_t round);
void opens_remove(struct opens *opens, uint64_t task); /* absent: nothing */
size_t opens_count(const struct opens *opens);
/* In no order; index < opens_count. */
const struct open_task *opens_at(const struct opens *opens, size_t index);

/* The mask of what is recorded of that attempt; 0: nothing. O(log n). */
unsigned open_task_seen(const struct open_task *task, uint32_t generation,
                        uint32_t attempt);
/* Returns 0 or -ENOMEM. */
int open_task_note(struct open_task *task, uint32_t generation,
                   uint32_t attempt, enum seen_kind kind);

/* Notes of an attempt that was noted what it failed of: this one counts. */
void open_task_blame(struct open_task *task, uint32_t generation,
                     uint32_t attempt, struct failure failure);
/* Steps through what it has failed of, each once, with how often. `cause` is
 * zeroed at first; false at the end. O(seen). */
bool open_task_next_cause(const struct open_task *task,
                          struct wire_cause *cause);

#endif
