/* slots_pool - the memory of tasks that are gone, for the next of their size
 *
 * Tasks come and go by the hundred thousand in a second, most of a size.
 * Bounded in sizes and in how many of each; what is beyond goes through malloc.
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

enum { POOL_STEP = 64, POOL_SIZES = POOL_IS_USED ? 32 : 1, POOL_MAX = 4096 };

/* {0} at first. */
struct pool {
    struct slot_task *free[POOL_SIZES]; // linked by `after`
    uint32_t count[POOL_SIZES];
};

/* Room for a task and a payload of that size behind it. NULL: no memory. */
struct slot_task *pool_take(struct pool *pool, size_t payload_size);
/* `task` tells its payload's size. */
void pool_give(struct pool *pool, struct slot_task *task);
void pool_free(struct pool *pool);

#endif
