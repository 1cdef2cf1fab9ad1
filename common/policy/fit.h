/* fit - how many tasks of a run fit into a worker at once
 *
 * A run says what each of its tasks takes, a worker what it has: CPUs, memory,
 * GPUs, amounts of any name such as license=2, and labels such as site=x, which
 * no task takes away. As many tasks fit as the scarcest of them allows. Whole
 * numbers only. Pure.
 */
#ifndef COMMON_POLICY_FIT_H
#define COMMON_POLICY_FIT_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIT_NAME_MAX = 64, FIT_WORDS_MAX = 128 };

/* NAME=N or NAME=TEXT each; borrowed. */
struct fit_words {
    char *const *at;
    size_t count;
};

/* Of a run: what each task takes, 0 for what it does not ask for, and the
 * labels that are required. Of a worker: what it has. */
struct fit {
    uint64_t cpus, mem_bytes, gpus;
    struct fit_words named;  /* NAME=N */
    struct fit_words labels; /* NAME=TEXT */
};

/* NAME: a letter or _, then these, digits, - and dots, FIT_NAME_MAX at most.
 * The spans borrow. */
bool fit_read_label(const char *word, struct span *name, struct span *text);
/* N: a whole number, 1 to 2^40; also 0 where `has`. A name that is an option of
 * its own (cpus, mem, gpus) is none. */
bool fit_read_amount(const char *word, bool has, struct span *name,
                     uint64_t *amount);
/* The second of two words with the same name, or NULL. */
const char *fit_twice(struct fit_words words);

/* At most `most`. Where it is 0, `why` gets a clause that can follow "because":
 * the first of them that is missing. A name the worker has twice counts with
 * its first word; of a label any value will do. */
uint32_t fit_count(const struct fit *takes, const struct fit *has,
                   uint32_t most, struct buffer *why);

#endif
