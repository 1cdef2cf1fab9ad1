/* schedules_lives - processes that come again: generations, lanes, rosters */
#include "tests/sim/script.h"

#define STEPS(list) .steps = (list), .count = sizeof(list) / sizeof *(list)

// The sink's host is another after a restart, and so is its directory.
static const struct script_step EMPTIED[] = {
    {NOTE("durable", EVENT_NONE, 2, STATUS_OK), LATER(100), KILL(SINK)},
    {KILL(VENT)},
    {EMPTY},
    {START(SINK)},
    {START(VENT)},
};

static const struct script_step SHORTER[] = {
    {NOTE("durable", EVENT_NONE, 2, STATUS_OK), LATER(100), KILL(SINK)},
    {EMPTY},
    {START(SINK)},
};

// What was made for the ventilator before is held up until another is there.
static const struct script_step OLD_RESULT[] = {
    {MESSAGE("RESULTS", W1, SINK), .act = DO_STALL},
    {KILL(VENT)},
    {START(VENT)},
    {MESSAGE("SYNCED", SINK, VENT), LATER(100), .act = DO_FLOW},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK)},
};

static const struct script_step SYNCED_LOST[] = {
    {NOTE("runs", 2, ANY, ANY), KILL(SINK)},
    {START(SINK)},
    {MESSAGE("SYNCED", SINK, VENT), .act = DO_LOSE},
    {MESSAGE("SYNC", VENT, SINK)},
    {NOTE("runs", 4, 1, ANY)},
};

static const struct script_step SINK_LATE[] = {
    {NOTE("runs", 1, ANY, ANY), KILL(SINK)},
    {KILL(VENT)},
    {START(VENT)},
    {NOTE("hello", W1, ANY, ANY)},
    {LATER(8000), START(SINK)},
};

// Its worker is there, but cannot say so for a while.
static const struct script_step ROSTER[] = {
    {NOTE("runs", 1, ANY, ANY)},
    {NOTE("runs", 2, ANY, ANY), CUT_CONTROL(W1, 4000)},
    {KILL(VENT)},
    {START(VENT)},
    {NOTE("hello", W2, ANY, ANY)},
    {NOTE("hello", W1, ANY, ANY)},
};
static void roster(struct plan *plan)
{
    plan->workers = 2;
    plan->task[1].ms = 6000;
}

static const struct script_step ADOPTED[] = {
    {NOTE("runs", 1, ANY, ANY), KILL(VENT)},
    {START(VENT)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK)},
};

// It is given up before SYNCED tells of it, and comes back after.
static const struct script_step LEAVING[] = {
    {NOTE("runs", 1, ANY, ANY), KILL(VENT)},
    {START(VENT)},
    {MESSAGE("SYNCED", SINK, VENT), .act = DO_STALL},
    {NOTE("hello", W1, ANY, ANY), CUT_CONTROL(W1, 6000)},
    {NOTE("closes", W1, ANY, ANY), LATER(500), .act = DO_FLOW},
    {NOTE("hello", W1, ANY, ANY)},
    {NOTE("durable", EVENT_JOINED, ANY, ANY)},
};

// The sink answers a ventilator that is gone, and its successor hears it.
static const struct script_step LATE_SYNCED[] = {
    {NOTE("runs", 1, ANY, ANY), KILL(SINK)},
    {START(SINK)},
    {MESSAGE("SYNCED", SINK, VENT), .act = DO_HOLD},
    {KILL(VENT)},
    {START(VENT)},
    {MESSAGE("SYNCED", SINK, VENT), .act = DO_STALL},
    {LATER(10), .act = DO_HAUNT},
    {LATER(100), .act = DO_FLOW},
};

static const struct script_step OLD_PORT[] = {
    {NOTE("runs", 1, ANY, ANY), CUT_CONTROL(W1, 20000)},
    {KILL(VENT)},
    {START(VENT)},
    {START(W2)},
    {NOTE("connected", WAY_LANE, W1, 1)},
};
static void old_port(struct plan *plan)
{
    plan->workers = 2;
    plan->ports = 1;
    plan->tasks = 8;
}

static const struct script_step OLD_REPORT[] = {
    {NOTE("runs", 1, ANY, ANY)},
    {MESSAGE("REPORT", W1, VENT), .act = DO_HOLD},
    {DROP(WAY_CONTROL, W1)},
    {NOTE("hello", W1, ANY, 2)},
    {MESSAGE("TASKS", VENT, W1), .act = DO_STALL},
    {LATER(10), .act = DO_HAUNT},
    {DROP(WAY_LANE, W1)},
    {.act = DO_FLOW},
    {NOTE("lane-again", ANY, ANY, ANY)},
};

static const struct script_step PAUSED[] = {
    {NOTE("runs", 2, ANY, ANY), FAULT(PAUSE, VENT, 20000)},
};
static void paused(struct plan *plan)
{
    plan->workers = 3;
    plan->batch = 1;
    plan->tasks = 6;
    for (unsigned i = 1; i <= 6; i++)
        plan->task[i].ms = 8000;
}

const struct schedule SCHEDULES_LIVES[] = {
    {.name = "empty-sink-directory",
     .rule = "a generation is granted once, also by a sink that starts anew",
     .mutant = MUTANT_GENERATION_ANY,
     .breaks = "I5",
     STEPS(EMPTIED),
     .stops = true},
    {.name = "log-shorter-than-told",
     .rule = "a sink whose log lacks what it has acknowledged is not gone on "
             "with",
     .mutant = MUTANT_SHORT_LOG,
     .breaks = "I3",
     STEPS(SHORTER),
     .stops = true},
    {.name = "result-of-an-old-generation",
     .rule = "results of every generation of the run count",
     .mutant = MUTANT_RESULTS_FENCED,
     .breaks = "I5",
     STEPS(OLD_RESULT),
     .runs_max = 4},
    {.name = "synced-lost",
     .rule = "a repeated SYNC gets the generation it had",
     .mutant = MUTANT_GRANT_NEW,
     .breaks = "I13",
     STEPS(SYNCED_LOST),
     .runs_max = 4},
    {.name = "sink-comes-last",
     .rule = "nothing goes out before the sink has answered SYNC",
     .mutant = MUTANT_SEND_UNSYNCED,
     .breaks = "I14",
     STEPS(SINK_LATE),
     .runs_max = 4},
    {.name = "ventilator-again",
     .rule = "each ventilator has a generation of its own",
     .mutant = MUTANT_GRANT_SAME,
     .breaks = "I7",
     .prepare = roster,
     STEPS(ADOPTED),
     .runs_max = 4},
    {.name = "held-tasks-are-adopted",
     .rule = "what a worker's HELLO lists is its own, and goes to no other",
     .mutant = MUTANT_NO_ADOPTION,
     .breaks = "I10",
     .prepare = roster,
     STEPS(ADOPTED),
     .runs_max = 4},
    {.name = "given-up-before-synced",
     .rule = "who was given up joins again, whatever the roster says",
     .mutant = MUTANT_LEAVING_MET,
     .breaks = "roster",
     STEPS(LEAVING)},
    {.name = "late-synced",
     .rule = "SYNCED counts for the ventilator it names",
     .mutant = MUTANT_SYNCED_OF_OTHER,
     .breaks = "I7",
     STEPS(LATE_SYNCED),
     .runs_max = 4},
    {.name = "roster-awaited",
     .rule = "what may still run at a worker of the roster waits for its HELLO",
     .mutant = MUTANT_ROSTER_UNAWAITED,
     .breaks = "I10",
     .prepare = roster,
     STEPS(ROSTER),
     .runs_max = 4},
    {.name = "old-lane-port",
     .rule = "another lane's TASKS are ignored, and sent again to its own",
     .mutant = MUTANT_LANE_ANY,
     .breaks = "lane",
     .prepare = old_port,
     STEPS(OLD_PORT),
     .late = 1 << W2},
    {.name = "report-of-an-old-lane",
     .rule = "a REPORT counts for its own lane only",
     .mutant = MUTANT_LANE_REPORT,
     .breaks = "I13",
     STEPS(OLD_REPORT)},
    {.name = "own-pause",
     .rule = "time in which the ventilator stood still is nobody's silence",
     .mutant = MUTANT_NO_PAUSE_GUARD,
     .breaks = "I12",
     .prepare = paused,
     STEPS(PAUSED),
     .runs_max = 6},
    {.name = NULL}};
