/* amounts - what a command's environment says of the resources it has */
#ifndef WORKER_AMOUNTS_H
#define WORKER_AMOUNTS_H

#include "worker/texts.h"

#include <stdbool.h>
#include <stdint.h>

struct amounts {
    uint64_t cpus;     /* FAN_CPUS, OMP_NUM_THREADS; 0: neither */
    char *const *gpus; /* CUDA_VISIBLE_DEVICES of each slot; NULL: as it is */
    size_t gpus_count;
};

/* The variables of a slot (from 1). */
void amounts_put(const struct amounts *amounts, uint32_t slot,
                 struct texts_out *texts);
/* Is it a variable of the worker's own that tasks must not have beside these?
 */
bool amounts_replace(const struct amounts *amounts, const char *variable);

#endif
