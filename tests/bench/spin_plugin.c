/* spin_plugin - a task of known length that needs its CPU: as much work as
 * takes SPIN_NS nanoseconds of it when nobody else wants it
 *
 * Work is counted in rounds, as in Task Bench, and not in time: what passes
 * while others have the CPU, or to read a clock, is no work.
 */
#include "include/fan.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { PROBES = 20, PROBE_ROUNDS = 100000 };

static int64_t had_ns(void)
{
    struct timespec had;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &had);
    return (int64_t)had.tv_sec * 1000000000 + had.tv_nsec;
}

// xorshift (Marsaglia 2003): each round waits for the one before.
static uint64_t work(uint64_t rounds)
{
    uint64_t x = 1;
    for (uint64_t i = 0; i < rounds; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

// The fastest probe is the least disturbed.
const char *fan_slot_open(unsigned slot, void **state)
{
    (void)slot;
    const char *ns = getenv("SPIN_NS");
    int64_t least_ns = INT64_MAX;
    uint64_t *rounds = malloc(sizeof *rounds);
    *state = rounds;
    if (!ns || !rounds)
        return "SPIN_NS is not set";
    for (int i = 0; i < PROBES; i++) {
        const int64_t before_ns = had_ns();
        if (work(PROBE_ROUNDS) == 0) // never: its result is wanted
            return "no work was done";
        const int64_t took_ns = had_ns() - before_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    *rounds = (uint64_t)(strtod(ns, NULL) * PROBE_ROUNDS / (double)least_ns);
    return NULL;
}

int fan_run(struct fan_task *task, void *state)
{
    (void)task;
    return work(*(const uint64_t *)state) == 0; // never
}

void fan_slot_close(unsigned slot, void *state)
{
    (void)slot;
    free(state);
}
