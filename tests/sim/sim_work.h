/* sim_work - what the two files of a simulated worker share */
#ifndef TESTS_SIM_SIM_WORK_H
#define TESTS_SIM_SIM_WORK_H

#include "tests/sim/sim.h"

enum phase { PHASE_GREETING, PHASE_WORKING, PHASE_LEAVING };
enum drain { DRAIN_NO, DRAIN_RUNNING, DRAIN_STORING };

struct running {
    bool ended, cancelled;
    int64_t ends_ms;
    uint32_t serial;
    struct failure failure;
    int64_t started_ms;
};
struct made { // a result, by the number of its message
    uint64_t number, task;
    uint32_t generation, attempt;
};

struct work {
    unsigned process;
    uint8_t host; // its name
    struct id128 id;
    enum phase phase;
    enum drain drain;
    struct slots *slots;
    struct retain *retain;
    uint32_t generation, slot_count, serial;
    struct running running[SIM_SLOTS + 1];
    unsigned lane_port, results_port;
    struct id128 sink, run, ventilator;
    bool has_results, changed, left, ended;
    uint64_t next_push;
    int64_t report_ms, hello_ms, heard_ms, until_ms, turned_ms, next_ms;
    struct buffer frame, batch, scratch;
    size_t batch_begun;
    uint32_t batch_count;
    struct made *made;
    size_t made_count, made_capacity, made_retired;
};

void work_greet_again(struct world *world, struct work *work);
void work_say_report(struct world *world, struct work *work);
void work_give_back(struct world *world, struct work *work, uint32_t count);
void work_say_bye(struct world *world, struct work *work, uint8_t reason);
/* The results up to this number are forgotten. */
void work_retired(struct world *world, struct work *work, uint64_t number);
void work_hear(struct world *world, struct work *work);

#endif
