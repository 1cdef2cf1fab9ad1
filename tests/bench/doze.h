/* doze - sleeps so many microseconds, as exactly as the kernel can
 *
 * A thread's first call asks for timers without slack: else each sleep takes
 * 50 microseconds more.
 */
#ifndef TESTS_BENCH_DOZE_H
#define TESTS_BENCH_DOZE_H

#include <sys/prctl.h>
#include <time.h>

static inline int doze(long us)
{
    static _Thread_local int exact;
    if (!exact)
        exact = prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL) == 0;
    const struct timespec time = {us / 1000000, us % 1000000 * 1000};
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

#endif
