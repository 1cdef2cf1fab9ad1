/* places - in which parts of the log the records of a task stand
 *
 * Parts are some 64 KiB of members each, so that a task's records are read
 * without reading the log. Memory: 4 bytes a task where numbers are dense, 4
 * KiB for each 1,024 at worst; 16 to 32 bytes for each further part of one.
 * Pure.
 */
#ifndef PAGE_PLACES_H
#define PAGE_PLACES_H

#include <stdbool.h>
#include <stdint.h>

struct places;

struct places *places_create(void); /* NULL when out of memory */
void places_destroy(struct places **places);
/* A record of `task` stands in the member at `offset`; offsets never fall.
 * Returns 0 or -ENOMEM. */
int places_add(struct places *places, uint64_t task, uint64_t offset);
/* The parts with records of it, the last first: *part is 0 to begin with, and
 * `from` and `end` are offsets; end UINT64_MAX: the end of the log. False:
 * there is none (more). */
bool places_next(const struct places *places, uint64_t task, uint32_t *part,
                 uint64_t *from, uint64_t *end);

#endif
