/* numset - a set of task numbers, small where they are nearly in order
 *
 * Everything below a moving base is in the set; above it, pages of bits are
 * held only where they are neither empty nor full. Filling 1..n in any order
 * that stays within a window w costs about w/8 bytes; the worst case is one
 * bit for each number up to the largest.
 * A pure data structure: no clock, no I/O. Not thread safe.
 */
#ifndef COMMON_BASE_NUMSET_H
#define COMMON_BASE_NUMSET_H

#include <stdbool.h>
#include <stdint.h>

struct numset;

struct numset *numset_create(void); /* NULL when out of memory */
void numset_destroy(struct numset **set);

/* Adds `number` (any but UINT64_MAX). Returns 1 when it is new, 0 when it was
 * there, -ENOMEM (the set is unchanged), -ERANGE above NUMSET_NUMBER_MAX.
 * Amortised O(1). */
int numset_add(struct numset *set, uint64_t number);
/* As adding each of `count` numbers from `first`; returns 0 or -errno. 64 at a
 * time. */
int numset_add_run(struct numset *set, uint64_t first, uint64_t count);
/* Returns 1 when it was there, 0 when not, -ENOMEM. */
int numset_remove(struct numset *set, uint64_t number);
bool numset_has(const struct numset *set, uint64_t number);
uint64_t numset_count(const struct numset *set);
/* The smallest number >= `from` that is not in the set. */
uint64_t numset_next_absent(const struct numset *set, uint64_t from);
/* Finds the first run at or after `from`. Returns false when there is none.
 * Walking all runs costs O(pages + runs). */
bool numset_next_run(const struct numset *set, uint64_t from, uint64_t *first,
                     uint64_t *count);

/* A peer that names a number above this is wrong, not large. */
#define NUMSET_NUMBER_MAX (UINT64_C(1) << 40)

#endif
