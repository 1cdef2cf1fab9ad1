/* tracker_speculate - from when on a running task counts as slow
 *
 * A task that runs much longer than the others may be stuck with a slow disk
 * or a busy processor, and everybody waits for it. MapReduce starts "backup
 * executions" of what still runs when a job is nearly done, and takes
 * whichever ends first (Dean and Ghemawat, OSDI 2004, section 3.6). LATE
 * (Zaharia and others, OSDI 2008) shows what that costs where nobody looks
 * whom it helps, and copies only the slowest few, at a place that is not slow
 * itself. The rules here are made of both, for tasks that tell no progress:
 * slow is who has run
 *
 * - twice the median of the finished ones: what is started now will take about
 *   the median, and so wins if the old one needs as long again;
 * - longer than 19 of 20 of them: where tasks are of several lengths, the long
 *   ones are not slow;
 * - a fiftieth of the time of the whole run so far: less would not be noticed;
 * - a quarter of a second: less is gone before the copy has begun.
 *
 * How long tasks took is counted in classes, four to each power of two, so that
 * it takes a kilobyte however many there are. Pure; no clock. Times are ms.
 */
#ifndef VENTILATOR_TRACKER_SPECULATE_H
#define VENTILATOR_TRACKER_SPECULATE_H

#include <stdint.h>

enum { SPECULATE_CLASSES = 256 };

/* Zeroed, nothing is known. */
struct speculate {
    uint64_t took[SPECULATE_CLASSES]; // finished tasks, by their time
    uint64_t count;
};

void speculate_took(struct speculate *speculate, int64_t ms);

/* A task that has run so long is slow, where the whole run has taken run_ms so
 * far; INT64_MAX while too few have finished to say. */
int64_t speculate_slow_ms(const struct speculate *speculate, int64_t run_ms);

#endif
