/* schedules_tasks - attempts, losses and failures of a task */
#include "tests/sim/script.h"

#define STEPS(list) .steps = (list), .count = sizeof(list) / sizeof *(list)

static void two_workers(struct plan *plan)
{
    plan->workers = 2;
}

// It fails at a worker that was given up, while its next attempt runs.
static const struct script_step ZOMBIE[] = {
    {NOTE("runs", 1, ANY, 1), FAULT(PAUSE, W1, 10000)},
    {NOTE("runs", 1, ANY, 2)},
    {NOTE("lost-attempt", 1, ANY, 1)},
};
static const struct script_step ZOMBIE_SYNC[] = {
    {NOTE("runs", 1, ANY, 1), FAULT(PAUSE, W1, 10000)},
    {NOTE("runs", 1, ANY, 2), KILL(SINK)},
    {LATER(100), START(SINK)},
    {NOTE("lost-attempt", 1, ANY, 1)},
};
static void zombie(struct plan *plan)
{
    plan->workers = 2;
    plan->task[1].ms = 8000;
    plan->task[1].fails = 1;
}

// HELLO of the copy that was given up comes first.
static const struct script_step TWO_COPIES[] = {
    {NOTE("runs", 1, ANY, 1), FAULT(PAUSE, W1, 5000)},
    {NOTE("runs", 1, ANY, 2), CUT_CONTROL(W2, 3000)},
    {KILL(VENT)},
    {START(VENT)},
    {NOTE("hello", W1, ANY, ANY)},
    {NOTE("hello", W2, ANY, ANY)},
};

static const struct script_step ZOMBIE_OK[] = {
    {NOTE("runs", 1, ANY, 1), FAULT(PAUSE, W1, 12000)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK)},
    {NOTE("duplicate", 1, ANY, 1)},
};

static void zombie_ok(struct plan *plan)
{
    plan->workers = 2;
    plan->tasks = 16;
    plan->task[1].ms = 4000;
}

static const struct script_step LOSS_WAITS[] = {
    {NOTE("runs", 1, ANY, 1), FAULT(PAUSE, W1, 30000)},
    {MESSAGE("RECORD", VENT, SINK), .act = DO_STALL},
    {LATER(8000), .act = DO_FLOW},
    {NOTE("runs", 1, ANY, 2)},
};
static void long_first(struct plan *plan)
{
    plan->workers = 2;
    plan->task[1].ms = 8000;
}

static const struct script_step MARK_WAITS[] = {
    {MESSAGE("SYNCED", SINK, VENT)},
    {MESSAGE("RECORD", VENT, SINK)},
    {MESSAGE("RECORD", VENT, SINK), .act = DO_STALL},
    {LATER(3000), .act = DO_FLOW},
    {NOTE("runs", 1, ANY, ANY)},
};

static const struct script_step JOINED_WAITS[] = {
    {NOTE("runs", 1, ANY, ANY), START(W2)},
    {MESSAGE("RECORD", VENT, SINK), .act = DO_STALL},
    {LATER(3000), .act = DO_FLOW},
};

// Killed three times, of which the task is not guilty.
static const struct script_step LOSSES[] = {
    {NOTE("runs", 1, ANY, 1), KILL(W1)},         {START(W1)},
    {NOTE("runs", 1, ANY, 2), KILL(W1)},         {START(W1)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK)},
};

// Its worker wakes up when the next ventilator has given the task to another.
static const struct script_step OLD_FAILURE[] = {
    {NOTE("runs", 1, 1, 1), FAULT(PAUSE, W1, 8000)},
    {KILL(VENT)},
    {START(VENT)},
    {NOTE("runs", 1, 2, 1)},
    {NOTE("attempt", 1, 1, 1)},
};
static void old_failure(struct plan *plan)
{
    plan->workers = 2;
    plan->task[1].ms = 4000;
    plan->task[1].fails = 1;
    plan->policy.retries_max = 1;
}

// It is adopted by its HELLO, and fails before the sink is asked.
static const struct script_step TOLD_FAILURE[] = {
    {NOTE("runs", 1, ANY, ANY), KILL(VENT)},
    {START(VENT)},
    {MESSAGE("SYNC", VENT, SINK), .act = DO_STALL},
    {NOTE("hello", W1, ANY, ANY)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_FAILED), LATER(100), .act = DO_FLOW},
    {NOTE("final", RECORD_FINAL, 1, ANY)},
};
static void told_failure(struct plan *plan)
{
    plan->task[1].ms = 1500;
    plan->task[1].fails = 1;
}

static const struct script_step SPENT[] = {
    {NOTE("runs", 1, ANY, 3)},
    {NOTE("final", RECORD_FINAL, 1, ANY)},
};
static void always_fails(struct plan *plan)
{
    plan->task[1].fails = 99;
    plan->policy.retries_max = 2;
}

// The third failure is the second by time: the first was told by SYNCED.
static const struct script_step CLASSES_APART[] = {
    {NOTE("durable", EVENT_NONE, 1, STATUS_FAILED)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_FAILED), KILL(VENT)},
    {START(VENT)},
    {NOTE("runs", 1, 2, 1)},
    {NOTE("final", RECORD_FINAL, 1, ANY)},
};
static void time_exit_time(struct plan *plan)
{
    struct policy_rule rule = {.class = CLASS_TIMEOUT,
                               .code_last = UINT8_MAX,
                               .answer = ANSWER_RETRY,
                               .retries_max = 1};
    (void)policy_add_rule(&plan->policy, &rule);
    rule.class = CLASS_EXIT;
    (void)policy_add_rule(&plan->policy, &rule);
    plan->task[1].fails = 99;
    plan->task[1].how[0] = plan->task[1].how[2] = 3;
}

static const struct script_step SILENT[] = {
    {NOTE("runs", 1, ANY, 1), FAULT(PARTITION, W1, 6000)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_LOST)},
};
static void very_long(struct plan *plan)
{
    plan->workers = 2;
    plan->task[1].ms = 20000;
}

static const struct script_step WAITING[] = {
    {NOTE("durable", EVENT_NONE, 2, STATUS_FAILED)},
    {NOTE("runs", 3, ANY, ANY), .within_ms = 2000},
    {NOTE("runs", 4, ANY, ANY), .within_ms = 2000},
    {NOTE("runs", 1, ANY, 2)},
};
static void waiting(struct plan *plan)
{
    plan->limits.window_tasks = 2;
    plan->task[1].fails = plan->task[2].fails = 1;
    plan->policy.retries_max = 1;
    plan->policy.backoff_min_ms = plan->policy.backoff_max_ms = 10000;
}

// By a year, while a retry is due.
static const struct script_step SET_BACK[] = {
    {NOTE("durable", EVENT_NONE, 2, STATUS_FAILED), LATER(100), .act = DO_FAULT,
     .fault = {.kind = FAULT_WALL, .length_ms = 12000, .detail = 128}},
    {NOTE("runs", 1, ANY, 2), .within_ms = 12000},
};

const struct schedule SCHEDULES_TASKS[] = {
    {.name = "zombie-fails",
     .rule = "a failure of an attempt recorded lost does not count",
     .mutant = MUTANT_LOST_FAILURE,
     .breaks = "lost-first",
     .prepare = zombie,
     STEPS(ZOMBIE)},
    {.name = "zombie-fails-after-a-crash",
     .rule = "nor does it after a crash of the sink that recorded the loss",
     .mutant = MUTANT_FORGET_LOSSES,
     .breaks = "lost-first",
     .prepare = zombie,
     STEPS(ZOMBIE_SYNC)},
    {.name = "zombie-succeeds",
     .rule = "a task has one final record, whoever comes with another",
     .mutant = MUTANT_SECOND_FINAL,
     .breaks = "I2",
     .prepare = zombie_ok,
     STEPS(ZOMBIE_OK)},
    {.name = "two-copies-told",
     .rule = "of two copies told by HELLOs the newer attempt stays",
     .mutant = MUTANT_OLDER_STAYS,
     .breaks = "again",
     .prepare = zombie,
     STEPS(TWO_COPIES),
     .runs_max = 5},
    {.name = "attempts-have-numbers",
     .rule = "no two sends of a task have the same (generation, attempt)",
     .mutant = MUTANT_ATTEMPT_AGAIN,
     .breaks = "I7",
     STEPS(LOSSES)},
    {.name = "loss-before-resend",
     .rule = "a loss is stored before the next attempt goes out",
     .mutant = MUTANT_LOSS_UNRECORDED,
     .breaks = "loss-first",
     .prepare = long_first,
     STEPS(LOSS_WAITS)},
    {.name = "mark-before-tasks",
     .rule = "nothing goes out beyond the stored mark",
     .mutant = MUTANT_SKIP_MARK,
     .breaks = "mark",
     STEPS(MARK_WAITS),
     .runs_max = 4},
    {.name = "joined-before-tasks",
     .rule = "nothing goes to a worker before its JOINED is stored",
     .mutant = MUTANT_SKIP_ROSTER,
     .breaks = "roster",
     .prepare = two_workers,
     STEPS(JOINED_WAITS),
     .late = 1 << W2,
     .runs_max = 4},
    {.name = "losses-are-no-failures",
     .rule = "a lost worker uses up no retry",
     .mutant = MUTANT_LOSS_IS_FAILURE,
     .breaks = "retries",
     STEPS(LOSSES)},
    {.name = "failure-of-an-old-generation",
     .rule = "a failure belongs to its (generation, attempt)",
     .mutant = MUTANT_TRACKER_GENERATION,
     .breaks = "loss-first",
     .prepare = old_failure,
     STEPS(OLD_FAILURE)},
    {.name = "failure-told-by-synced",
     .rule = "failures that SYNCED tells of are not tried once more",
     .mutant = MUTANT_HISTORY_IGNORED,
     .breaks = "retries",
     .prepare = told_failure,
     STEPS(TOLD_FAILURE),
     .runs_max = 4},
    {.name = "retries-are-spent",
     .rule = "each stored failure uses up one retry",
     .mutant = MUTANT_SPEND_TWICE,
     .breaks = "I13",
     .prepare = always_fails,
     STEPS(SPENT),
     .runs_max = 6},
    {.name = "classes-count-apart",
     .rule = "a rule's retries are counted for itself, from the log",
     .mutant = MUTANT_CAUSES_IGNORED,
     .breaks = "retries",
     .prepare = time_exit_time,
     STEPS(CLASSES_APART),
     .runs_max = 7},
    {.name = "silence-is-no-crash",
     .rule = "only a process that is surely dead counts as a crash",
     .mutant = MUTANT_SILENT_IS_CRASH,
     .breaks = "I8",
     .prepare = very_long,
     STEPS(SILENT)},
    {.name = "clock-set-back",
     .rule = "timers go by a clock that nobody sets",
     .mutant = MUTANT_WALL_CLOCK,
     .breaks = "I13",
     .prepare = waiting,
     STEPS(SET_BACK),
     .runs_max = 6},
    {.name = "waiting-tasks-stop-no-input",
     .rule = "tasks that wait for their retry leave the window",
     .mutant = MUTANT_WAITING_STAYS,
     .breaks = "late",
     .prepare = waiting,
     STEPS(WAITING),
     .runs_max = 6},
    {.name = NULL}};
