/* schedules_links - what a connection loses, delays or says twice */
#include "tests/sim/script.h"

#define STEPS(list) .steps = (list), .count = sizeof(list) / sizeof *(list)

static const struct script_step SINK_AGAIN[] = {
    {NOTE("forgets", 2, ANY, ANY), KILL(SINK)},
    {START(SINK)},
    {NOTE("durable", EVENT_NONE, 3, STATUS_OK)},
};

// The last one: nothing comes behind it that would show the gap.
static const struct script_step STORED_LAST[] = {
    {NOTE("durable", EVENT_NONE, 4, STATUS_OK)},
    {MESSAGE("STORED", SINK, VENT), .act = DO_LOSE},
};
static void deaf(struct plan *plan)
{
    plan->deaf = 100;
}

static const struct script_step STORED_ONE[] = {
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK)},
    {MESSAGE("STORED", SINK, VENT), .act = DO_LOSE},
    {NOTE("durable", EVENT_NONE, 4, STATUS_OK)},
};
static void deaf_three_workers(struct plan *plan)
{
    plan->deaf = 100;
    plan->workers = 3;
}

static const struct script_step RESULTS_LOST[] = {
    {MESSAGE("RESULTS", W1, SINK), .act = DO_LOSE},
    {NOTE("durable", EVENT_NONE, 4, STATUS_OK)},
};

// W2's JOINED is lost, and W3's goes out before it is said again.
static const struct script_step RECORD_MISSED[] = {
    {NOTE("runs", 1, ANY, ANY), START(W2)},
    {MESSAGE("RECORD", VENT, SINK), .act = DO_LOSE},
    {NOTE("stored", ANY, ANY, ANY), START(W3)},
    {NOTE("hello", W3, ANY, ANY)},
};
static void record_lost(struct plan *plan)
{
    plan->workers = 3;
    plan->deaf = 100;
    plan->tasks = 8;
    plan->task[1].ms = 300;
}

static const struct script_step RETURNED_LOST[] = {
    {NOTE("runs", 3, ANY, ANY), START(W2)},
    {MESSAGE("RETURNED", W1, VENT), .act = DO_LOSE},
};
static void returned_lost(struct plan *plan)
{
    plan->workers = 2;
    plan->deaf = 100;
    plan->tasks = 8;
    plan->task[1].ms = plan->task[2].ms = 5;
    for (unsigned i = 3; i <= plan->tasks; i++)
        plan->task[i].ms = 3000;
}

static const struct script_step SINK_MOVED[] = {
    {NOTE("runs", 2, ANY, ANY), KILL(SINK)},
    {START(SINK)},
    {NOTE("connected", WAY_RESULTS, W1, ANY)},
};

static const struct script_step RESULTS_LAST[] = {
    {NOTE("ends", 4, ANY, ANY)},
    {MESSAGE("RESULTS", W1, SINK), .act = DO_LOSE},
};

// A copy that never ends by itself holds up the only worker that is left.
static const struct script_step CANCEL_LOST[] = {
    {NOTE("runs", 1, ANY, 1), FAULT(PAUSE, W1, 6000)},
    {NOTE("runs", 1, ANY, 2), .act = DO_HANG, .fault.victim = W1},
    {MESSAGE("CANCEL", VENT, W1), .act = DO_LOSE},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK), KILL(W2)},
};
static void cancel_lost(struct plan *plan)
{
    plan->workers = 2;
    plan->tasks = 12;
    plan->task[1].ms = 8000;
    plan->deaf = 100;
}

static const struct script_step LANE_LOST[] = {
    {NOTE("runs", 1, ANY, ANY)},
    {MESSAGE("TASKS", VENT, W1), .act = DO_LOSE},
    {NOTE("lane-again", ANY, ANY, ANY)},
};

static const struct script_step WORD[] = {
    {NOTE("ends", 4, ANY, ANY)},
    {MESSAGE("RESULTS", W1, SINK), .act = DO_STALL},
    {LATER(8000), .act = DO_FLOW},
};

// Its sibling has done the task already, and has left.
static const struct script_step DROPPED[] = {
    {NOTE("runs", 1, ANY, ANY), FAULT(PAUSE, W1, 12000)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK), KILL(W2)},
    {NOTE("duplicate", 1, ANY, 1)},
};
static void dropped(struct plan *plan)
{
    plan->workers = 2;
    plan->tasks = 6;
    plan->retain_max = 1;
}

const struct schedule SCHEDULES_LINKS[] = {
    {.name = "restarted-sink-expects-one",
     .rule = "RESULTS says what is still kept, and a sink that is new begins "
             "there",
     .mutant = MUTANT_KEPT_IGNORED,
     .breaks = "I13",
     STEPS(SINK_AGAIN),
     .runs_max = 4},
    {.name = "last-stored-lost",
     .rule = "STORED is said again to a position that stays behind",
     .mutant = MUTANT_NEVER_TELL_AGAIN,
     .breaks = "I13",
     .prepare = deaf,
     STEPS(STORED_LAST),
     .runs_max = 4},
    {.name = "stored-skips",
     .rule = "STORED counts only from where the ventilator stands",
     .mutant = MUTANT_STORED_UNCHECKED,
     .breaks = "link",
     .prepare = deaf_three_workers,
     STEPS(STORED_ONE),
     .runs_max = 4},
    {.name = "results-lost",
     .rule = "RESULTS that skip a number are refused",
     .mutant = MUTANT_RESULTS_GAP,
     .breaks = "link",
     STEPS(RESULTS_LOST),
     .runs_max = 4},
    {.name = "record-lost",
     .rule = "RECORDs that skip a number are refused",
     .mutant = MUTANT_RECORDS_GAP,
     .breaks = "link",
     .prepare = record_lost,
     STEPS(RECORD_MISSED),
     .late = 1 << W2 | 1 << W3},
    {.name = "last-results-lost",
     .rule = "a worker is asked again for results that are not stored",
     .mutant = MUTANT_NO_RESEND,
     .breaks = "I13",
     STEPS(RESULTS_LAST),
     .runs_max = 4},
    {.name = "results-forgotten",
     .rule = "a worker keeps a result until it is told that it is stored",
     .mutant = MUTANT_RETIRE_EARLY,
     .breaks = "I5",
     STEPS(RESULTS_LAST),
     .runs_max = 4},
    {.name = "cancel-lost",
     .rule = "CANCEL is said again while the task is still held",
     .mutant = MUTANT_CANCEL_ONCE,
     .breaks = "I13",
     .prepare = cancel_lost,
     STEPS(CANCEL_LOST)},
    {.name = "tasks-lost",
     .rule = "a lane goes back to the last number it has a receipt for",
     .mutant = MUTANT_LANE_STUCK,
     .breaks = "I13",
     STEPS(LANE_LOST),
     .runs_max = 4},
    {.name = "returned-lost",
     .rule = "what no REPORT holds, and no result tells of, is sent again",
     .mutant = MUTANT_ASTRAY,
     .breaks = "I13",
     .prepare = returned_lost,
     STEPS(RETURNED_LOST),
     .late = 1 << W2,
     .runs_max = 8},
    {.name = "sink-moves",
     .rule = "RESEND says where the sink is now",
     .mutant = MUTANT_ENDPOINT_OLD,
     .breaks = "I13",
     STEPS(SINK_MOVED),
     .runs_max = 4,
     .moves = true},
    {.name = "dropped-is-acknowledged",
     .rule = "what the sink drops is acknowledged like what it stores",
     .mutant = MUTANT_DROP_UNACKED,
     .breaks = "I13",
     .prepare = dropped,
     STEPS(DROPPED)},
    {.name = "complete-while-one-is-out",
     .rule = "a run is complete when nothing of it is out",
     .mutant = MUTANT_COMPLETE_EARLY,
     .breaks = "I1",
     STEPS(WORD),
     .runs_max = 4},
    {.name = "finished-is-not-stored",
     .rule = "a task ends by STORED, not by a worker's REPORT",
     .mutant = MUTANT_TRUST_WORKER,
     .breaks = "I1",
     STEPS(WORD),
     .runs_max = 4},
    {.name = NULL}};
