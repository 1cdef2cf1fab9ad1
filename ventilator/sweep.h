/* sweep - one parameter of a sweep, its values by number
 *
 *   T=1:100:10        from 1 to 100 in steps of 10: 1 11 ... 91 (step 1 if
 * none) T=0.5:0:-0.25     down, in decimals, exact and written as seq does:
 *                     0.50 0.25 0.00
 *   m=a,b,10:12       a list of texts and ranges: a b 10 11 12
 *   u=random(5)       five numbers from 0 to below 1
 *   u=random(5,-1,1)  from -1 to below 1
 *   +b=x,y            paired with the parameter before it, not multiplied
 *
 * The nth random number is SplitMix64's (Steele, Lea, Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014) for the run's seed, the
 * parameter's name and n, its upper 53 bits as a fraction: the same again in
 * every reading of the input, on every host. It is written with as few digits
 * as give it back.
 *
 * Memory: the text, and 48 bytes for each range or text of a list. Pure.
 */
#ifndef VENTILATOR_SWEEP_H
#define VENTILATOR_SWEEP_H

#include "common/base/bytes.h"
#include "common/base/problem.h"

#include <stdbool.h>
#include <stdint.h>

/* Values of a parameter, and tasks of a sweep, are at most 2^40. */
#define SWEEP_MAX (UINT64_C(1) << 40)

struct sweep_item { /* a text, or a range of decimals */
    struct span text;
    bool range;
    int64_t first, step; /* in units of 10^-decimals */
    unsigned decimals;
    uint64_t count;
};

struct sweep {
    char *name;
    bool linked; /* paired with the one before */
    bool random;
    double low, high;
    uint64_t seed;
    char *text; /* what the items' texts lie in */
    struct sweep_item *items;
    size_t item_count;
    uint64_t count; /* values in all */
};

/* Reads NAME=VALUES. 0, or -EINVAL, -ERANGE with a usage problem that names
 * the part, or -ENOMEM. What it took is given back by sweep_clear in any
 * case. */
int sweep_read(struct sweep *sweep, const char *text, uint64_t run_seed,
               struct problem *problem);
void sweep_clear(struct sweep *sweep);

/* Appends the value `index`, below sweep->count. Costs a walk over the items
 * of the list. */
void sweep_value(const struct sweep *sweep, uint64_t index, struct buffer *out);

#endif
