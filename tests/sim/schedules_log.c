/* schedules_log - crashes of the sink, between writing, syncing and saying */
#include "tests/sim/script.h"

#define STEPS(list) .steps = (list), .count = sizeof(list) / sizeof *(list)

static const struct script_step READABLE[] = {
    {NOTE("ends", 2, ANY, ANY)},
    {NOTE("written", ANY, ANY, ANY), KILL(SINK)},
    {LATER(100), START(SINK)},
    {MESSAGE("SYNCED", SINK, VENT), LATER(1000), FAULT(POWER, SINK, 0)},
    {LATER(100), START(SINK)},
};

static const struct script_step FSYNC_FAILS[] = {
    {NOTE("ends", 2, ANY, ANY), FAULT(FSYNC, SINK, 0)},
    {NOTE("dies", SINK, ANY, ANY), LATER(100), START(SINK)},
};

static const struct script_step POWER_CUT[] = {
    {NOTE("ends", 2, ANY, ANY)},
    {NOTE("written", ANY, ANY, ANY), FAULT(POWER, SINK, 0)},
    {LATER(100), START(SINK)},
};

static const struct script_step FULL[] = {
    {NOTE("runs", 2, ANY, ANY), FAULT(DISK_FULL, SINK, 10000)},
    {LATER(5000), KILL(SINK)},
    {LATER(100), START(SINK)},
};

// Durable, and nobody was told: it comes again.
static const struct script_step FAILED_TWICE[] = {
    {NOTE("durable", EVENT_NONE, 1, STATUS_FAILED), KILL(SINK)},
    {LATER(100), START(SINK)},
    {NOTE("duplicate", 1, ANY, 1)},
    {NOTE("runs", 1, ANY, 2)},
};
static void one_failure(struct plan *plan)
{
    plan->task[1].fails = 1;
    plan->policy.retries_max = 1;
}

static const struct script_step FINAL_TWICE[] = {
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK), KILL(SINK)},
    {LATER(100), START(SINK)},
    {NOTE("duplicate", 1, ANY, 1)},
};

static const struct script_step FINAL_OF_FAILED[] = {
    {NOTE("attempt", 1, ANY, 1)},
    {NOTE("final", RECORD_FINAL, 1, ANY)},
};
static void no_retry(struct plan *plan)
{
    plan->task[1].fails = 1;
}

// Of the ventilator before; it has made more of them than the next will.
static const struct script_step OLD_RECORD[] = {
    {NOTE("runs", 1, ANY, ANY), START(W2)},
    {MESSAGE("RECORD", VENT, SINK), .act = DO_HOLD},
    {KILL(VENT)},
    {START(VENT)},
    {NOTE("hello", W2, ANY, ANY), LATER(500), .act = DO_HAUNT},
    {START(W3)},
};
static void three_workers(struct plan *plan)
{
    plan->workers = 3;
    plan->tasks = 8;
}

const struct schedule SCHEDULES_LOG[] = {
    {.name = "readable-is-not-durable",
     .rule = "what a sink finds behind what was surely synced is synced before "
             "it is said",
     .mutant = MUTANT_RECOVER_UNSYNCED,
     .breaks = "round",
     STEPS(READABLE),
     .runs_max = 4},
    {.name = "power-cut-before-the-sync",
     .rule = "nothing is said before its sync",
     .mutant = MUTANT_ACK_BEFORE_SYNC,
     .breaks = "I3",
     STEPS(POWER_CUT),
     .runs_max = 4},
    {.name = "failed-sync",
     .rule = "after a sync that failed nothing is said, and the sink ends",
     .mutant = MUTANT_FSYNC_AGAIN,
     .breaks = "I3",
     STEPS(FSYNC_FAILS),
     .runs_max = 4},
    {.name = "acknowledged-on-a-full-disk",
     .rule = "a number counts as received once its records are synced",
     .mutant = MUTANT_ACK_DUPLICATE,
     .breaks = "I5",
     STEPS(FULL),
     .runs_max = 4},
    {.name = "failure-counted-twice",
     .rule = "attempts are known again after a crash of the sink",
     .mutant = MUTANT_FORGET_FAILURES,
     .breaks = "log",
     .prepare = one_failure,
     STEPS(FAILED_TWICE),
     .runs_max = 5},
    {.name = "final-stored-twice",
     .rule = "final records are known again after a crash of the sink",
     .mutant = MUTANT_LEDGER_FORGETS,
     .breaks = "round",
     STEPS(FINAL_TWICE),
     .runs_max = 4},
    {.name = "final-of-a-failed-attempt",
     .rule = "a final record is no duplicate of its attempt's",
     .mutant = MUTANT_FINAL_IS_ATTEMPT,
     .breaks = "I3",
     .prepare = no_retry,
     STEPS(FINAL_OF_FAILED),
     .runs_max = 4},
    {.name = "record-of-an-old-ventilator",
     .rule = "RECORDs of an older generation are refused",
     .mutant = MUTANT_RECORD_OF_OLD,
     .breaks = "I3",
     .prepare = three_workers,
     STEPS(OLD_RECORD),
     .late = 1 << W2 | 1 << W3},
    {.name = NULL}};
