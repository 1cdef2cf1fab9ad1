/* map - a hash map from 64-bit numbers to 64-bit values
 *
 * Open addressing, linear probing, power-of-two size, at most 3/4 full; it
 * grows and never shrinks. Keys are mixed, so peers cannot choose collisions
 * cheaply. Not thread safe.
 */
#ifndef COMMON_BASE_MAP_H
#define COMMON_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

struct map *map_create(void); /* NULL when out of memory */
void map_destroy(struct map **map);
/* Sets the value of `key`. Returns 0 or -ENOMEM (nothing changed). */
int map_put(struct map *map, uint64_t key, uint64_t value);
/* Returns false, leaving *value alone, when `key` is absent. */
bool map_get(const struct map *map, uint64_t key, uint64_t *value);
bool map_remove(struct map *map, uint64_t key); /* was it there? */
size_t map_count(const struct map *map);
/* Iterates in no order: start with *cursor 0; false at the end. The map may
 * not change meanwhile. */
bool map_next(const struct map *map, size_t *cursor, uint64_t *key,
              uint64_t *value);

#endif
