/* memory - did a command fail for want of memory?
 *
 * The limit of a command is on what it maps (RLIMIT_AS): what is beyond it is
 * refused, and the command ends in its own way, mostly with an exit code. So it
 * is told by what is left of it: what it had at most, or its last words. What
 * the kernel kills when the machine has no more dies of SIGKILL, and is
 * counted.
 */
#ifndef WORKER_MEMORY_H
#define WORKER_MEMORY_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* A command that has failed by itself. */
struct memory_end {
    uint64_t limit_bytes;  /* UINT64_MAX: none */
    uint64_t peak_bytes;   /* resident */
    uint64_t worker_bytes; /* our own peak, below which the other says
                            * nothing: it begins in our memory */
    int signal;            /* that it died of, or 0 */
    uint64_t kills_before, kills_now; /* memory_kills() */
    struct span err;                  /* what it wrote to stderr */
};
/* NULL: it did not; else why it is thought so, a sentence. */
const char *memory_ran_out(const struct memory_end *end);

/* How many processes the kernel has killed on this host for want of memory, 0
 * where it does not say. Cost: some 40 us. */
uint64_t memory_kills(void);

#endif
