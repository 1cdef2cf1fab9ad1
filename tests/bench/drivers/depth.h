/* depth - what the programs of the latency benchmark share: the file that
 * $BENCH_DEPTH names, mapped, with three times of each task */
#ifndef TESTS_BENCH_DEPTH_H
#define TESTS_BENCH_DEPTH_H

#include <stdint.h>

struct depth_times {
    int64_t given_ns;  // the source gave it to the ventilator
    int64_t sunk_ns;   // its result is at the sink
    int64_t stored_ns; // the ventilator knows that it is stored
};

/* The times of a task by its number, or NULL beyond the file's end. */
struct depth_times *depth_of(uint64_t task);
int64_t depth_now_ns(void);

#endif
