#include "common/base/map.h"

#include <errno.h>
#include <stdlib.h>

enum { SLOTS_MIN = 16 };

struct slot {
    uint64_t key;
    uint64_t value;
    bool used;
};

struct map {
    struct slot *slots;
    size_t mask; // slots - 1
    size_t count;
};

// The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection.
static uint64_t mix(uint64_t key)
{
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return key ^ (key >> 31);
}

// Eight keys in a row live side by side: most users' keys are numbered on, and
// a place of its own for each would be a cache miss for each.
static size_t home(const struct map *map, uint64_t key)
{
    return (size_t)(mix(key >> 3) << 3 | (key & 7)) & map->mask;
}

// The key's slot, or the free one where it would go.
static size_t find(const struct map *map, uint64_t key)
{
    size_t i = home(map, key);
    while (map->slots[i].used && map->slots[i].key != key)
        i = (i + 1) & map->mask;
    return i;
}

struct map *map_create(void)
{
    struct map *map = calloc(1, sizeof *map);
    if (!map)
        return NULL;
    map->slots = calloc(SLOTS_MIN, sizeof *map->slots);
    if (!map->slots) {
        free(map);
        return NULL;
    }
    map->mask = SLOTS_MIN - 1;
    return map;
}

void map_destroy(struct map **map)
{
    if (!*map)
        return;
    free((*map)->slots);
    free(*map);
    *map = NULL;
}

static int grow(struct map *map)
{
    struct map bigger = {.mask = map->mask * 2 + 1, .count = map->count};
    bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i <= map->mask; i++)
        if (map->slots[i].used)
            bigger.slots[find(&bigger, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    *map = bigger;
    return 0;
}

int map_put(struct map *map, uint64_t key, uint64_t value)
{
    size_t i = find(map, key);
    if (!map->slots[i].used) {
        if (map->count + 1 > (map->mask + 1) / 4 * 3) {
            const int rc = grow(map);
            if (rc != 0)
                return rc;
            i = find(map, key);
        }
        map->count++;
    }
    map->slots[i] = (struct slot){key, value, true};
    return 0;
}

bool map_get(const struct map *map, uint64_t key, uint64_t *value)
{
    if (map->count == 0)
        return false;
    const struct slot *slot = &map->slots[find(map, key)];
    if (slot->used)
        *value = slot->value;
    return slot->used;
}

bool map_remove(struct map *map, uint64_t key)
{
    if (map->count == 0)
        return false;
    size_t hole = find(map, key);
    if (!map->slots[hole].used)
        return false;
    // Close the hole by moving back whoever may live there (Knuth 6.4 R),
    // so that no tombstones are left.
    for (size_t i = (hole + 1) & map->mask; map->slots[i].used;
         i = (i + 1) & map->mask) {
        const size_t want = home(map, map->slots[i].key);
        if (((i - want) & map->mask) >= ((i - hole) & map->mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].used = false;
    map->count--;
    return true;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

bool map_next(const struct map *map, size_t *cursor, uint64_t *key,
              uint64_t *value)
{
    while (*cursor <= map->mask) {
        const struct slot *slot = &map->slots[(*cursor)++];
        if (slot->used) {
            *key = slot->key;
            *value = slot->value;
            return true;
        }
    }
    return false;
}
