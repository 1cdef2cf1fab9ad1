/* process - telling whether another process is still alive
 *
 * A pid alone is reused; with its start time and what makes pids comparable
 * it names one process for good.
 */
#ifndef COMMON_BASE_PROCESS_H
#define COMMON_BASE_PROCESS_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct process {
    uint32_t pid;
    uint64_t start; /* clock ticks since boot: field 22 of /proc/PID/stat */
    /* Equal only where pids mean the same: the kernel's boot id, with the
     * number of the pid namespace folded into its last 8 bytes. */
    struct id128 boot;
};

/* This process. What /proc does not tell stays 0: then nobody can know. */
struct process process_self(void);

enum { PROCESS_GONE = -1, PROCESS_UNKNOWN = -2 };
/* A pidfd of it, readable once it ends; PROCESS_GONE: it has ended surely;
 * PROCESS_UNKNOWN: it cannot be known from here. */
int process_open(const struct process *process);
/* Surely alive, here and now. */
bool process_is_alive(const struct process *process);
/* Has the process of this pidfd ended? */
bool process_has_ended(int pidfd);

#endif
