/* stock - what a worker has for its tasks, and which GPUs are whose
 *
 * What the settings say, else what is found: the CPUs and the memory that this
 * process may use, the GPUs of CUDA_VISIBLE_DEVICES or of /dev/nvidia*.
 */
#ifndef WORKER_STOCK_H
#define WORKER_STOCK_H

#include "common/base/problem.h"
#include "common/policy/fit.h"
#include "common/setting/setting.h"
#include "common/wire/wire.h"

#include <stdint.h>

enum { STOCK_GPUS_MAX = 1024 };

struct stock {
    struct fit has;    /* its words are the settings' */
    struct texts gpus; /* numbers or names, as CUDA_VISIBLE_DEVICES has them */
};

/* {0} at first; the settings outlive it. Returns 0, or -errno with a problem:
 * what --gpus, --resource or --label say is wrong. Close it in any case. */
int stock_open(struct stock *stock, const struct settings *settings,
               struct problem *problem);
void stock_close(struct stock *stock);

/* Appends the GPUs of `text`, such as "0,2" or "2,". 0, -ENOMEM, or -EINVAL
 * where one is nothing, or there twice. */
int stock_read_gpus(const char *text, struct texts *gpus);

/* What HELLO says of it, as it says it on a command line. `text` holds the
 * numbers, and has to outlive the pairs. Returns how many. */
enum { STOCK_PAIRS_MAX = 3 + 2 * FIT_WORDS_MAX };
size_t stock_pairs(const struct stock *stock, struct buffer *text,
                   struct wire_pair pairs[STOCK_PAIRS_MAX]);

/* Shares the GPUs out: for each of `slots` slots the next `each` of them, with
 * commas between. A slot keeps its own, so no two tasks ever have the same.
 * Empty where `each` is 0. Returns 0 or -ENOMEM. */
int stock_deal(const struct stock *stock, uint32_t slots, uint64_t each,
               struct texts *dealt);

#endif
