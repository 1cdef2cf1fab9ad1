#include "ventilator/tally.h"

#include "common/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    size_t rules;
    struct map *rows; // task -> row
    uint32_t *counts; // `rules` to a row
    size_t used, capacity;
    size_t *idle; // rows of tasks that were dropped; room for `capacity`
    size_t idle_count;
};

struct tally *tally_create(size_t rules)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (!tally)
        return NULL;
    tally->rules = rules;
    tally->rows = map_create();
    if (!tally->rows)
        tally_destroy(&tally);
    return tally;
}

void tally_destroy(struct tally **tally)
{
    struct tally *old = *tally;
    if (!old)
        return;
    if (old->rows)
        map_destroy(&old->rows);
    free(old->counts);
    free(old->idle);
    free(old);
    *tally = NULL;
}

static int make_room(struct tally *tally)
{
    if (tally->idle_count > 0 || tally->used < tally->capacity)
        return 0;
    const size_t capacity = tally->capacity > 0 ? 2 * tally->capacity : 64;
    uint32_t *counts = reallocarray(tally->counts, capacity,
                                    tally->rules * sizeof *tally->counts);
    if (!counts)
        return -ENOMEM;
    tally->counts = counts;
    size_t *idle = reallocarray(tally->idle, capacity, sizeof *tally->idle);
    if (!idle)
        return -ENOMEM;
    tally->idle = idle;
    tally->capacity = capacity;
    return 0;
}

int tally_add(struct tally *tally, uint64_t task, size_t rule, uint32_t count)
{
    uint64_t row;
    if (!map_get(tally->rows, task, &row)) {
        if (make_room(tally) < 0)
            return -ENOMEM;
        row = tally->idle_count > 0 ? tally->idle[tally->idle_count - 1]
                                    : tally->used;
        if (map_put(tally->rows, task, row) < 0)
            return -ENOMEM;
        if (tally->idle_count > 0)
            tally->idle_count--;
        else
            tally->used++;
        memset(&tally->counts[row * tally->rules], 0,
               tally->rules * sizeof *tally->counts);
    }
    uint32_t *const at = &tally->counts[row * tally->rules + rule];
    *at = count < UINT32_MAX - *at ? *at + count : UINT32_MAX;
    return 0;
}

const uint32_t *tally_of(const struct tally *tally, uint64_t task)
{
    uint64_t row;
    return map_get(tally->rows, task, &row) ? &tally->counts[row * tally->rules]
                                            : NULL;
}

void tally_drop(struct tally *tally, uint64_t task)
{
    uint64_t row;
    if (!map_get(tally->rows, task, &row))
        return;
    map_remove(tally->rows, task);
    tally->idle[tally->idle_count++] = (size_t)row;
}

int tally_clear(struct tally *tally)
{
    struct map *fresh = map_create();
    if (!fresh)
        return -ENOMEM;
    map_destroy(&tally->rows);
    tally->rows = fresh;
    tally->used = tally->idle_count = 0;
    return 0;
}
