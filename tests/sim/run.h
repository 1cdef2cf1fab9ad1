/* run - plans that are run: one, many, each twice, each with a mistake */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "tests/sim/sim.h"

enum { JOBS_MAX = 64 };

struct options {
    struct choice choice;
    uint64_t seeds;
    double seconds;
    unsigned jobs; // processes that share the seeds
    bool print, one, replay, mutants;
    bool schedules, bite;
    const char *schedule; // of this name only
    const char *page;     // that has their table
};

void run_plan(const struct choice *choice, bool print, struct outcome *outcome);

/* These return the exit status: 0, or 1 where something was broken. */
int run_one(const struct options *options);
int run_replay(const struct options *options);
int run_many(const struct options *options);
int run_mutants(const struct options *options);

/* shrink.c: says what a seed broke, and with how little it still does. */
void tell_broken(const struct choice *choice, const struct outcome *outcome);

#endif
