/* schedules_held - tasks that are held or cancelled, as a person decides */
#include "tests/sim/script.h"

#define STEPS(list) .steps = (list), .count = sizeof(list) / sizeof *(list)

static void waits(struct plan *plan)
{
    plan->policy.on_fail = ANSWER_HOLD;
    plan->limits.held_wait = true;
    plan->task[1].fails = 1;
}

static void ends(struct plan *plan)
{
    plan->policy.on_fail = ANSWER_HOLD;
    plan->task[1].fails = 1;
    plan->resumes = 1;
}

static const struct script_step PARKED[] = {
    {NOTE("durable", EVENT_DECISION, 1, ANY)},
    {NOTE("runs", 1, ANY, 2)},
};

static const struct script_step KILLED[] = {
    {NOTE("durable", EVENT_DECISION, 1, ANY), KILL(VENT)},
    {START(VENT)},
    {NOTE("decides", 1, STATUS_REOPENED, ANY)},
    {NOTE("runs", 1, 2, 1)},
};

static const struct script_step RETRIED[] = {
    {NOTE("decides", 1, STATUS_REOPENED, ANY)},
    {NOTE("runs", 1, ANY, 2)},
};

static const struct script_step UNSTORED[] = {
    {NOTE("decides", 1, STATUS_REOPENED, ANY)},
    {MESSAGE("RECORD", VENT, SINK), .act = DO_STALL},
    {LATER(2000), .act = DO_FLOW},
    {NOTE("runs", 1, ANY, 2)},
};

static const struct script_step STORED_ONLY[] = {
    {NOTE("decides", 1, STATUS_REOPENED, ANY)},
    {NOTE("durable", EVENT_DECISION, 1, ANY), KILL(SINK)},
    {START(SINK)},
    {NOTE("runs", 1, ANY, 2)},
};

static const struct script_step BOTH[] = {
    {NOTE("decides", 1, STATUS_REOPENED, ANY)},
    {NOTE("durable", EVENT_DECISION, 1, ANY), KILL(SINK)},
    {KILL(VENT)},
    {START(SINK)},
    {START(VENT)},
    {NOTE("runs", 1, 2, 1)},
};

// By nobody that runs: the decision stands in the log when it is resumed.
static const struct script_step STOPPED[] = {
    {NOTE("parked", ANY, ANY, ANY)},
    {NOTE("writes", 1, STATUS_REOPENED, ANY), LATER(10), START(SINK)},
    {START(VENT)},
    {START(W1)},
    {NOTE("runs", 1, 2, 1)},
};

// Its result is with a worker that is about to leave when another's failure is
// answered.
static const struct script_step ON_ITS_WAY[] = {
    {MESSAGE("RESULTS", W1, SINK), .act = DO_STALL},
    {FAULT(DRAIN, W1, 0)},
    {KILL(VENT)},
    {START(W2)},
    {START(VENT)},
    {NOTE("runs", 1, 2, 1)},
    {NOTE("durable", EVENT_DECISION, 1, ANY)},
    {LATER(2000), .act = DO_FLOW},
    {NOTE("attempt", 1, 1, 1)},
    {NOTE("parked", ANY, ANY, ANY)},
};
static void on_its_way(struct plan *plan)
{
    plan->policy.on_fail = ANSWER_HOLD;
    plan->tasks = 1;
    plan->workers = 2;
    plan->task[1].fails = 2;
}

// A task that never ends by itself, and a CANCEL that is lost.
static const struct script_step CANCEL_LOST[] = {
    {NOTE("runs", 1, ANY, ANY), .act = DO_HANG, .fault.victim = W1},
    {MESSAGE("CANCEL", VENT, W1), .act = DO_LOSE},
    {NOTE("durable", EVENT_NONE, 1, STATUS_CANCELLED)},
};
static void cancels(struct plan *plan)
{
    plan->tasks = 2;
    plan->cancel.at_ms = 500;
    plan->cancel.first = plan->cancel.last = 1;
}

const struct schedule SCHEDULES_HELD[] = {
    {.name = "cancelled-again-and-again",
     .rule = "a worker is told to stop a cancelled task until it has ended",
     .mutant = MUTANT_CANCEL_SAID_ONCE,
     .breaks = "I13",
     .prepare = cancels,
     STEPS(CANCEL_LOST),
     .runs_max = 2},
    {.name = "held-is-recorded",
     .rule = "a task is held once the sink has that in writing",
     .mutant = MUTANT_HELD_UNRECORDED,
     .breaks = "I13",
     .prepare = waits,
     STEPS(PARKED),
     .runs_max = 5},
    {.name = "held-told-by-synced",
     .rule = "what SYNCED says is held goes to nobody",
     .mutant = MUTANT_HELD_FORGOTTEN,
     .breaks = "held",
     .prepare = waits,
     STEPS(KILLED),
     .runs_max = 5},
    {.name = "retried-is-read-again",
     .rule = "what a person has tried again is read from the input again",
     .mutant = MUTANT_RETRY_UNREAD,
     .breaks = "I1",
     .prepare = waits,
     STEPS(RETRIED),
     .runs_max = 5},
    {.name = "retried-attempts-go-on",
     .rule = "its attempts are not counted from one again",
     .mutant = MUTANT_RETRY_FROM_ONE,
     .breaks = "I7",
     .prepare = waits,
     STEPS(RETRIED),
     .runs_max = 5},
    {.name = "decision-before-obeyed",
     .rule = "a decision is stored before it is obeyed",
     .mutant = MUTANT_DECIDED_EARLY,
     .breaks = "held",
     .prepare = waits,
     STEPS(UNSTORED),
     .runs_max = 5},
    {.name = "decision-outlives-the-sink",
     .rule = "a decision that is stored is obeyed, though nobody was told",
     .mutant = MUTANT_DECIDED_FORGETS,
     .breaks = "held",
     .prepare = waits,
     STEPS(STORED_ONLY),
     .runs_max = 5},
    {.name = "decision-outlives-both",
     .rule = "also by another ventilator, once",
     .mutant = MUTANT_DECIDED_FORGETS,
     .breaks = "held",
     .prepare = waits,
     STEPS(BOTH),
     .runs_max = 5},
    {.name = "decision-on-a-stopped-run",
     .rule = "what was decided on a stopped run is obeyed when it is resumed",
     .mutant = MUTANT_DECIDED_FORGETS,
     .breaks = "held",
     .prepare = ends,
     STEPS(STOPPED),
     .runs_max = 5},
    {.name = "held-when-all-is-in",
     .rule = "a run ends with held tasks when every result is stored",
     .mutant = MUTANT_PARKED_EARLY,
     .breaks = "I5",
     .prepare = on_its_way,
     STEPS(ON_ITS_WAY),
     .late = 1 << W2},
    {.name = NULL}};
