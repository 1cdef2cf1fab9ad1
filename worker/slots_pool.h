/* slots_pool - memory of tasks, which come and go in about the same order
 *
 * Tasks come and go by the hundred thousand in a second. They are put side by
 * side into blocks, so that a walk along a queue is one through memory; a block
 * is used again when its last task is gone. A task that stays holds its block;
 * a large one has memory of its own. So many empty blocks are kept.
 */
#ifndef WORKER_SLOTS_POOL_H
#define WORKER_SLOTS_POOL_H

#include "worker/slots.h"

#include <stddef.h>
#include <stdint.h>

/* The address sanitizer is to see each task's end. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL_IS_USED 0
#elif defined(__has_feature)
#define POOL_IS_USED !__has_feature(address_sanitizer)
#else
#define POOL_IS_USED 1
#endif

enum {
    POOL_BLOCK = 32 << 10,
    POOL_LARGE = POOL_IS_USED ? 4 << 10 : 0, // bytes of a task
    POOL_SPARE = 128,                        // blocks
};

struct pool_block;

/* {0} at first. */
struct pool {
    struct pool_block *current; // where the next task goes
    struct pool_block *spare;
    uint32_t spare_count;
};

/* Room for a task and a payload of that size behind it; its `block` is set and
 * must stay. NULL: no memory. */
struct slot_task *pool_take(struct pool *pool, size_t payload_size);
void pool_give(struct pool *pool, struct slot_task *task);
/* When all tasks are given back. */
void pool_free(struct pool *pool);

#endif
