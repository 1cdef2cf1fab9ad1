#include "worker/slots_pool.h"

#include <stdalign.h>
#include <stdlib.h>

struct pool_block {
    struct pool_block *next; // of the spare ones
    size_t used;
    uint32_t live; // tasks in it
    alignas(max_align_t) uint8_t room[POOL_BLOCK];
};

static struct pool_block *take_block(struct pool *pool)
{
    struct pool_block *block = pool->spare;
    if (block) {
        pool->spare = block->next;
        pool->spare_count--;
    } else {
        block = malloc(sizeof *block);
    }
    if (block)
        block->used = block->live = 0;
    return block;
}

static void give_block(struct pool *pool, struct pool_block *block)
{
    if (block == pool->current) {
        block->used = 0;
    } else if (pool->spare_count < POOL_SPARE) {
        block->next = pool->spare;
        pool->spare = block;
        pool->spare_count++;
    } else {
        free(block);
    }
}

struct slot_task *pool_take(struct pool *pool, size_t payload_size)
{
    enum { STEP = alignof(max_align_t) };
    const size_t size =
        (sizeof(struct slot_task) + payload_size + STEP - 1) / STEP * STEP;
    struct slot_task *task;
    if (size > POOL_LARGE) {
        task = malloc(size);
        if (task)
            task->block = NULL;
        return task;
    }
    if (!pool->current || size > POOL_BLOCK - pool->current->used) {
        struct pool_block *block = take_block(pool);
        if (!block)
            return NULL;
        pool->current = block; // its tasks give back the one before
    }
    task =
        (struct slot_task *)(void *)(pool->current->room + pool->current->used);
    task->block = pool->current;
    pool->current->used += size;
    pool->current->live++;
    return task;
}

void pool_give(struct pool *pool, struct slot_task *task)
{
    struct pool_block *block = task->block;
    if (!block)
        free(task);
    else if (--block->live == 0)
        give_block(pool, block);
}

void pool_free(struct pool *pool)
{
    free(pool->current);
    while (pool->spare) {
        struct pool_block *block = pool->spare;
        pool->spare = block->next;
        free(block);
    }
    *pool = (struct pool){0};
}
