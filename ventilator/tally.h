/* tally - how often each open task has failed, by the rule that answers it
 *
 * Rules are numbered as policy_find_rule gives them, from 0. Memory: 4 bytes a
 * rule for each task that has failed and was not dropped. Pure.
 */
#ifndef VENTILATOR_TALLY_H
#define VENTILATOR_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally;

struct tally *tally_create(size_t rules); /* NULL when out of memory */
void tally_destroy(struct tally **tally);
/* 0, or -ENOMEM: nothing is changed. */
int tally_add(struct tally *tally, uint64_t task, size_t rule, uint32_t count);
/* By rule; NULL: it has not failed. Until the next add or drop. */
const uint32_t *tally_of(const struct tally *tally, uint64_t task);
void tally_drop(struct tally *tally, uint64_t task); /* absent: nothing */
int tally_clear(struct tally *tally);                /* 0, or -ENOMEM */

#endif
