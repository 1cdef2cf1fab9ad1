/* schedules_runs - rounds of a run that is resumed, messages in parts, poison
 */
#include "tests/sim/script.h"

#define STEPS(list) .steps = (list), .count = sizeof(list) / sizeof *(list)

#define NEXT_LIFE                                  \
    {NOTE("life-ends", 0, ANY, ANY), START(SINK)}, \
    {                                              \
        START(VENT)                                \
    }

static const struct script_step RESUMED[] = {
    NEXT_LIFE,
    {START(W1)},
    {NOTE("durable", EVENT_RESUMED, ANY, ANY)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_FAILED), KILL(SINK)},
    {START(SINK)},
    {MESSAGE("SYNCED", SINK, VENT)},
};
static void resumed(struct plan *plan)
{
    plan->task[1].fails = 1;
    plan->resumes = 1;
}

// Its worker slept while others ended the round, and the run.
static const struct script_step OLD_ROUND[] = {
    {NOTE("runs", 1, ANY, 1), FAULT(PAUSE, W1, 30000)},
    NEXT_LIFE,
    {LATER(25000), START(W2)},
    {NOTE("old-round", 1, ANY, 1)},
};
static void old_round(struct plan *plan)
{
    resumed(plan);
    plan->workers = 2;
    plan->survive = 100;
}

static const struct script_step HELLO_PARTS[] = {
    {NOTE("runs", 3, ANY, ANY), KILL(VENT)},
    {START(VENT)},
    {START(W2)},
    {MESSAGE("HELLO", W1, VENT), .act = DO_PASS},
    {MESSAGE("HELLO", W1, VENT), .act = DO_STALL},
    {LATER(2000), .act = DO_FLOW},
};
static void hello_parts(struct plan *plan)
{
    plan->part_max = 1;
    plan->workers = 2;
    plan->slots[W1 - WORK] = 2;
    plan->task[1].ms = plan->task[3].ms = 5000;
}

// Its second part names the worker that cannot say HELLO for a while.
static const struct script_step SYNCED_PARTS[] = {
    {NOTE("runs", 1, ANY, ANY), START(W2)},
    {NOTE("runs", 2, ANY, ANY), CUT_CONTROL(W2, 4000)},
    {KILL(VENT)},
    {START(VENT)},
    {MESSAGE("SYNCED", SINK, VENT), .act = DO_PASS},
    {MESSAGE("SYNCED", SINK, VENT), .act = DO_STALL},
    {LATER(2000), .act = DO_FLOW},
    {NOTE("hello", W2, ANY, ANY)},
};
static void synced_parts(struct plan *plan)
{
    plan->part_max = 1;
    plan->workers = 2;
    plan->tasks = 2;
    plan->task[2].ms = 7000;
}

#define DIES_AND_COMES                                    \
    {                                                     \
        NOTE("dies", W1, ANY, ANY), LATER(200), START(W1) \
    }
static const struct script_step POISON[] = {
    DIES_AND_COMES, DIES_AND_COMES, DIES_AND_COMES,
    DIES_AND_COMES, DIES_AND_COMES,
};
static void poison(struct plan *plan)
{
    plan->task[1].killer = true;
    plan->notice = 100;
}

static const struct script_step TASKS_GAP[] = {
    {MESSAGE("TASKS", VENT, W1), .act = DO_LOSE},
    {NOTE("lane", LANE_GAP, ANY, 2)},
    {NOTE("lane-again", ANY, 1, ANY)},
};
static void tasks_gap(struct plan *plan)
{
    plan->slots[0] = 2;
    plan->input_ms = 300;
}

// The one that fits is busy, dies, and comes back: the other gets nothing.
static const struct script_step UNFIT[] = {
    {START(W2)},
    {NOTE("hello", W2, ANY, ANY)},
    {NOTE("runs", 1, ANY, ANY), KILL(W1)},
    {LATER(2000), START(W1)},
};
static void unfit(struct plan *plan)
{
    plan->workers = 2;
    plan->unfit = 1 << (W2 - WORK);
}

const struct schedule SCHEDULES_RUNS[] = {
    {.name = "resumed-once",
     .rule = "a resume opens again once what ended badly",
     .mutant = MUTANT_RESUME_AGAIN,
     .breaks = "I10",
     .prepare = resumed,
     STEPS(RESUMED)},
    {.name = "result-of-an-old-round",
     .rule = "a result counts for its own round only",
     .mutant = MUTANT_OLD_ROUND,
     .breaks = "log",
     .prepare = old_round,
     STEPS(OLD_ROUND)},
    {.name = "hello-in-parts",
     .rule = "what each part of a HELLO lists is adopted",
     .mutant = MUTANT_NO_ADOPTION,
     .breaks = "I10",
     .prepare = hello_parts,
     STEPS(HELLO_PARTS),
     .late = 1 << W2,
     .runs_max = 4},
    {.name = "synced-in-parts",
     .rule = "SYNCED counts when its last part is there",
     .mutant = MUTANT_SYNCED_CUT,
     .breaks = "again",
     .prepare = synced_parts,
     STEPS(SYNCED_PARTS),
     .late = 1 << W2,
     .runs_max = 2},
    {.name = "poison",
     .rule = "a quarantine is a record, and ends a task once it is stored",
     .mutant = MUTANT_QUARANTINE_ALONE,
     .breaks = "I1",
     .prepare = poison,
     STEPS(POISON),
     .runs_max = 8},
    {.name = "gap-on-a-lane",
     .rule = "TASKS that skip a number are refused",
     .mutant = MUTANT_TASKS_GAP,
     .breaks = "link",
     .prepare = tasks_gap,
     STEPS(TASKS_GAP),
     .runs_max = 4},
    {.name = "no-task-fits",
     .rule = "a worker that no task fits is sent none",
     .mutant = MUTANT_UNFIT_FED,
     .breaks = "fit",
     .prepare = unfit,
     STEPS(UNFIT),
     .late = 1 << W2},
    {.name = NULL}};
