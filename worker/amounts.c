#include "worker/amounts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char GPUS[] = "CUDA_VISIBLE_DEVICES";
static const char THREADS[] = "OMP_NUM_THREADS";

// Who has set the number of threads knows better.
void amounts_put(const struct amounts *amounts, uint32_t slot,
                 struct texts_out *texts)
{
    if (amounts->cpus > 0) {
        texts_begin(texts);
        texts_printf(texts, "FAN_CPUS=%" PRIu64, amounts->cpus);
        texts_end(texts);
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables meanwhile
    if (amounts->cpus > 0 && !getenv(THREADS)) {
        texts_begin(texts);
        texts_printf(texts, "%s=%" PRIu64, THREADS, amounts->cpus);
        texts_end(texts);
    }
    if (slot >= 1 && slot <= amounts->gpus_count) {
        texts_begin(texts);
        texts_printf(texts, "%s=%s", GPUS, amounts->gpus[slot - 1]);
        texts_end(texts);
    }
}

bool amounts_replace(const struct amounts *amounts, const char *variable)
{
    const size_t size = sizeof GPUS - 1;
    return amounts->gpus_count > 0 && strncmp(variable, GPUS, size) == 0 &&
           variable[size] == '=';
}
