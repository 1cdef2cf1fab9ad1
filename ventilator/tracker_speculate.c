#include "ventilator/tracker_speculate.h"

enum {
    FINISHED_MIN = 3,
    SLOW_MIN_MS = 250,
    TIMES_MEDIAN = 2,
    OF_RUN = 50,
    HALF = 10, // of 20
    MOST = 19,
    ALL = 20,
};

// Times below 4 ms have a class each, all others share a quarter of an octave.
static unsigned class_of(int64_t ms)
{
    if (ms < 4)
        return ms < 0 ? 0 : (unsigned)ms;
    const unsigned octave = 63U - (unsigned)__builtin_clzll((uint64_t)ms);
    return 4 * (octave - 1) + ((uint64_t)ms >> (octave - 2) & 3);
}

// The longest time in it.
static int64_t end_of(unsigned class)
{
    if (class < 4)
        return class;
    const unsigned octave = class / 4 + 1;
    return (int64_t)(((uint64_t)(class % 4 + 5) << (octave - 2)) - 1);
}

void speculate_took(struct speculate *speculate, int64_t ms)
{
    speculate->took[class_of(ms)]++;
    speculate->count++;
}

// Within which so many of 20 have finished.
static int64_t within_ms(const struct speculate *speculate, uint64_t of_20)
{
    uint64_t passed = 0;
    for (unsigned i = 0; i < SPECULATE_CLASSES; i++) {
        passed += speculate->took[i];
        if (passed * ALL >= speculate->count * of_20)
            return end_of(i);
    }
    return INT64_MAX;
}

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

int64_t speculate_slow_ms(const struct speculate *speculate, int64_t run_ms)
{
    if (speculate->count < FINISHED_MIN)
        return INT64_MAX;
    const int64_t median_ms = within_ms(speculate, HALF);
    const int64_t usual_ms =
        larger(median_ms < INT64_MAX / TIMES_MEDIAN ? TIMES_MEDIAN * median_ms
                                                    : INT64_MAX,
               within_ms(speculate, MOST));
    return larger(usual_ms, larger(run_ms / OF_RUN, SLOW_MIN_MS));
}
