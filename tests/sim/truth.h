/* truth - what is really so in the simulated world, and what it forbids
 *
 * Built from what the disk holds for good and from what the workers really
 * did, never from what the cores believe. Each call that learns something
 * checks the guarantees it touches.
 */
#ifndef TESTS_SIM_TRUTH_H
#define TESTS_SIM_TRUTH_H

#include "tests/sim/sim.h"

enum { TRIES = 128, TO_AND_FRO = 16 };

/* A send of a task. */
struct
try {
    uint32_t generation, attempt;
    struct id128 worker;
    bool started, ended, alone, copy;
    bool late; // sent by a ventilator that another had followed
    bool failed_stored, lost_stored;
    struct failure failure;
    uint32_t round;
};
struct true_task {
    uint32_t round;
    unsigned finals;   // in it, as all that follows
    uint64_t final_at; // byte of the log
    enum status status;
    enum fail_class class;
    unsigned failures, losses, lone_deaths; // stored, and counted
    unsigned blame[SIM_KINDS];              // of the failures
    bool held;                              // parked for a person
    uint32_t asked;    // what the person has decided meanwhile, a bit each
    unsigned retried;  // how often the person had it tried again
    uint32_t forgiven; // failures before that
    unsigned starts;
    bool beside; // it was started, or sent, before another run was stored
    unsigned try_count;
    struct try tries[TRIES];
};

/* A record the ventilator has handed out, by number. */
struct true_record {
    uint8_t kind;
    uint32_t generation, attempt;
    uint64_t task, a;
    struct id128 subject;
};

/* What a ventilator has handed out and was told. */
struct heard {
    uint64_t known;             // a bit for each task it was told is final
    uint64_t cancelled;         // a bit for each task it was told to stop
    unsigned barred;            // a bit for each host that it has quarantined
    struct true_record *record; // by number - 1
    size_t record_count, record_capacity, record_checked;
};

struct true_worker {
    struct id128 id;
    bool left;
};

/* What a receiver has taken of a numbered link. */
struct true_link {
    struct id128 sender;
    uint32_t turn; // lane or generation: numbers begin anew in each
    uint64_t taken;
};

struct truth {
    uint64_t mark, durable;
    uint64_t record_durable; // highest number of this generation
    struct true_link lane[SIM_WORKERS], results[SIM_WORKERS], records;
    uint32_t generation;
    struct id128 resumed; // the last token
    bool complete, paused;
    struct true_worker *roster; // joined, for good
    size_t roster_count, roster_capacity;
    struct heard heard[2];   // the ventilator's, the twin's
    struct true_task task[]; // from 1; 0 takes what is wrong
};

struct truth *truth_create(unsigned tasks);
void truth_destroy(struct truth **truth);
/* The disk is another's, on which nothing of this run is. */
void truth_empty(struct world *world);

struct true_task *truth_task(struct world *world, uint64_t task);
struct try *truth_try(struct true_task *task, uint32_t generation,
                      uint32_t attempt);
/* The newest of a generation. */
struct try *truth_last(struct true_task *task, uint32_t generation);
size_t truth_roster(const struct truth *truth, const struct id128 *id);

/* The disk has this record for good. */
void truth_durable(struct world *world, const struct record *record);
/* So a sink that was started finds a task. */
void truth_recovered(struct world *world, unsigned task, uint32_t round,
                     bool final, bool held);
/* The sink says STORED or SYNCED up to `to`. */
void truth_told(struct world *world, uint64_t to,
                const struct ledger_news *news);
/* The ventilator hears so, and believes it. */
void truth_heard(struct world *world, const struct wire_stored *stored);
void truth_synced(struct world *world, const struct wire_synced *part);
/* It takes this part for the last one. */
void truth_synced_whole(struct world *world, uint64_t position);
void truth_vent_starts(struct world *world);
/* It is the twin from now on. */
void truth_twin(struct world *world);
void truth_records(struct world *world, const struct tracker_action *action);
void truth_sends(struct world *world, const struct tracker_action *action,
                 const struct id128 *worker, uint32_t generation);
void truth_worker_closed(struct world *world, const struct id128 *worker,
                         bool by_itself);
/* It quarantines the host of this worker, or does so no more. */
void truth_bars(struct world *world, unsigned process, bool bars);
void truth_complete(struct world *world);
/* The run ends, with all that is not final held. */
void truth_parked(struct world *world);
/* truth_held.c: a person's decision, or that one is needed, is durable. */
void truth_decision(struct world *world, const struct record *record);
/* The ventilator has been told to stop this task. */
void truth_cancels(struct world *world, uint64_t task);
void truth_starts(struct world *world, const struct slot_task *slot,
                  const struct id128 *worker);
void truth_ends(struct world *world, const struct slot_task *slot,
                struct failure failure);
/* A worker forgets the result of this attempt. */
void truth_retires(struct world *world, uint64_t number, uint32_t generation,
                   uint32_t attempt);
void truth_at_end(struct world *world);

/* truth_policy.c: what the policy says, found out the slow way. */
/* One that fails as planned, and of which nothing is lost. */
struct fate {
    unsigned runs;
    enum status status;
};
struct fate truth_fate(const struct plan *plan, const struct task_plan *task);
/* Has it failed so often that it may end as this, of this class? */
bool truth_may_end(const struct plan *plan, const struct true_task *task,
                   enum status status, enum fail_class class);
void truth_blame(struct true_task *task, struct failure failure);

/* truth_link.c: a receiver counts a number as received. */
void truth_takes_tasks(struct world *world, const struct id128 *worker,
                       uint32_t lane, uint64_t number);
void truth_takes_results(struct world *world, const struct id128 *worker,
                         uint64_t number, uint64_t kept);
void truth_takes_record(struct world *world, uint32_t generation,
                        uint64_t number, uint64_t kept);
void truth_takes_stored(struct world *world, uint64_t from, uint64_t position);
void truth_sink_starts(struct world *world);

#endif
