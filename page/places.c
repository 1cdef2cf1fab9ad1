#include "page/places.h"

#include "common/base/map.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    PART_SIZE = 64 << 10,
    CHUNK = 1024, // tasks
    PART_BITS = 24,
    PARTS_MAX = 1 << PART_BITS, // beyond, the last one is what is left
};

struct places {
    uint64_t *starts; // of part i+1
    uint32_t count, capacity;
    struct map *chunks; // task / CHUNK -> index of a chunk
    uint32_t **lasts;   // the last part of each task of a chunk; 0: none
    size_t chunk_count, chunk_capacity;
    struct map *before; // task and part -> the part before
};

struct places *places_create(void)
{
    struct places *places = calloc(1, sizeof *places);
    if (!places)
        return NULL;
    places->chunks = map_create();
    places->before = map_create();
    if (!places->chunks || !places->before)
        places_destroy(&places);
    return places;
}

void places_destroy(struct places **places)
{
    struct places *const gone = *places;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->chunk_count; i++)
        free(gone->lasts[i]);
    map_destroy(&gone->chunks);
    map_destroy(&gone->before);
    free((void *)gone->lasts);
    free(gone->starts);
    free(gone);
    *places = NULL;
}

static int reach(struct places *places, uint64_t offset)
{
    const uint32_t count = places->count;
    if (count > 0 && (offset < places->starts[count - 1] + PART_SIZE ||
                      count + 1 >= PARTS_MAX))
        return 0;
    if (count == places->capacity) {
        const uint32_t larger = count ? 2 * count : 64;
        uint64_t *const grown =
            reallocarray(places->starts, larger, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        places->starts = grown;
        places->capacity = larger;
    }
    places->starts[places->count++] = offset;
    return 0;
}

static uint32_t *chunk_of(struct places *places, uint64_t task)
{
    uint64_t at;
    if (map_get(places->chunks, task / CHUNK, &at))
        return places->lasts[at];
    if (places->chunk_count == places->chunk_capacity) {
        const size_t larger =
            places->chunk_capacity ? 2 * places->chunk_capacity : 16;
        uint32_t **const grown =
            reallocarray((void *)places->lasts, larger, sizeof *grown);
        if (!grown)
            return NULL;
        places->lasts = grown;
        places->chunk_capacity = larger;
    }
    uint32_t *const chunk = calloc(CHUNK, sizeof *chunk);
    if (!chunk ||
        map_put(places->chunks, task / CHUNK, places->chunk_count) != 0) {
        free(chunk);
        return NULL;
    }
    places->lasts[places->chunk_count++] = chunk;
    return chunk;
}

int places_add(struct places *places, uint64_t task, uint64_t offset)
{
    const int error = reach(places, offset);
    uint32_t *const chunk = error ? NULL : chunk_of(places, task);
    if (!chunk)
        return -ENOMEM;
    uint32_t *const last = &chunk[task % CHUNK];
    if (*last == places->count)
        return 0;
    if (*last != 0 &&
        map_put(places->before, task << PART_BITS | places->count, *last) != 0)
        return -ENOMEM;
    *last = places->count;
    return 0;
}

bool places_next(const struct places *places, uint64_t task, uint32_t *part,
                 uint64_t *from, uint64_t *end)
{
    uint64_t found = 0, at;
    if (*part != 0)
        (void)map_get(places->before, task << PART_BITS | *part, &found);
    else if (map_get(places->chunks, task / CHUNK, &at))
        found = places->lasts[at][task % CHUNK];
    if (found == 0)
        return false;
    *part = (uint32_t)found;
    *from = places->starts[found - 1];
    *end = found < places->count ? places->starts[found] : UINT64_MAX;
    return true;
}
