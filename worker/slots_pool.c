#include "worker/slots_pool.h"

#include <stdlib.h>

static size_t place_of(size_t payload_size)
{
    const size_t size = sizeof(struct slot_task) + payload_size;
    return (size + POOL_STEP - 1) / POOL_STEP;
}

struct slot_task *pool_take(struct pool *pool, size_t payload_size)
{
    const size_t place = place_of(payload_size);
    struct slot_task *task = place < POOL_SIZES ? pool->free[place] : NULL;
    if (!task)
        return malloc(place * POOL_STEP);
    pool->free[place] = task->after;
    pool->count[place]--;
    return task;
}

void pool_give(struct pool *pool, struct slot_task *task)
{
    const size_t place = place_of(task->payload.size);
    if (place >= POOL_SIZES || pool->count[place] >= POOL_MAX) {
        free(task);
        return;
    }
    task->after = pool->free[place];
    pool->free[place] = task;
    pool->count[place]++;
}

void pool_free(struct pool *pool)
{
    for (size_t place = 0; place < POOL_SIZES; place++)
        while (pool->free[place]) {
            struct slot_task *task = pool->free[place];
            pool->free[place] = task->after;
            free(task);
        }
}
