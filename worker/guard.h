/* guard - does the host leave room for one more task?
 *
 * With --max-load and --min-free-memory a worker starts nothing while the host
 * has more to do, or less memory, than that. What runs goes on. The load is how
 * many threads run or are ready to, now, as GNU make and GNU parallel count it:
 * the kernel's mean over a minute would let everything start first. So the host
 * is looked at before each start; while it is too busy, now and then.
 */
#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

enum { GUARD_APART_MS = 100, GUARD_TEXT_SIZE = 128 };

struct guard {
    uint64_t load_max;   /* 0: any */
    uint64_t memory_min; /* bytes that are to be available; 0: any */
    int64_t due_ms;      /* while closed: when to look again */
    bool closed;
    char why[GUARD_TEXT_SIZE]; /* while closed, a phrase */
};

/* May a task start? Without a limit this costs nothing. */
bool guard_allows(struct guard *guard, int64_t now_ms);

/* What it is decided by: judged as if the host were so. */
struct guard_host {
    uint64_t load, available_bytes;
};
void guard_judge(struct guard *guard, const struct guard_host *host);

#endif
