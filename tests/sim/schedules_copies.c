/* schedules_copies - slow tasks run a second time; bad hosts get none */
#include "tests/sim/script.h"

#define STEPS(list) .steps = (list), .count = sizeof(list) / sizeof *(list)

// Task 1 is slow at the first worker and has its copy at the second; the last
// one keeps the run up.
static void slow(struct plan *plan)
{
    plan->workers = 3;
    plan->tasks = 6;
    plan->limits.speculate = true;
    plan->task[1].slow = 1U << W1;
    plan->task[6].ms = 15000;
}
// The copy takes longer than it takes to miss a worker.
static void very_slow(struct plan *plan)
{
    slow(plan);
    plan->task[1].ms = 6000;
    plan->task[6].ms = 30000;
}
static void slow_and_fails(struct plan *plan)
{
    slow(plan);
    plan->task[1].fails = 1;
}
static void slow_and_tried_again(struct plan *plan)
{
    slow_and_fails(plan);
    plan->policy.retries_max = 1;
}

static const struct script_step COPIED[] = {
    {NOTE("runs", 1, ANY, 1)},
    {NOTE("runs", 1, ANY, 2)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK)},
    {NOTE("ends", 1, CLASS_CANCELLED, 1), .within_ms = 500},
};

// Only the copy's worker dies; the task goes on where it was.
static const struct script_step LOST[] = {
    {NOTE("runs", 1, ANY, 2), KILL(W2)},
    {START(W2)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_LOST)},
    {NOTE("ends", 1, CLASS_NONE, 1)},
};

// The copy goes on where the task's own worker dies.
static const struct script_step LEFT[] = {
    {NOTE("runs", 1, ANY, 2), KILL(W1)},
    {START(W1)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_LOST)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK)},
};

static const struct script_step FAILS[] = {
    {NOTE("ends", 1, CLASS_EXIT, 2)},
    {NOTE("ends", 1, CLASS_EXIT, 1)},
    {NOTE("final", RECORD_FINAL, 1, ANY)},
};

// The next ventilator hears of the failures from the sink alone.
static const struct script_step FAILS_BEFORE[] = {
    {NOTE("durable", EVENT_NONE, 1, STATUS_FAILED), KILL(VENT)},
    {START(VENT)},
    {NOTE("ends", 1, CLASS_EXIT, 1)},
    {NOTE("durable", EVENT_NONE, 1, STATUS_OK)},
};

// What failed at the second host passes at the first, which is leaving.
static const struct script_step LAST_HOST[] = {
    {NOTE("runs", 1, ANY, ANY), LATER(2500), FAULT(DRAIN, W1, 0)},
    {NOTE("closes", W1, ANY, ANY)},
};
static void last_host(struct plan *plan)
{
    plan->workers = 2;
    plan->tasks = 12;
    plan->slots[W1 - WORK] = 3;
    plan->bad = W2;
    plan->limits.bar_ms = 5000;
    plan->policy.retries_max = 30;
    plan->policy.backoff_min_ms = plan->policy.backoff_max_ms = 500;
}

const struct schedule SCHEDULES_COPIES[] = {
    {.name = "slower-copy-is-stopped",
     .rule = "of two copies the slower is stopped when the other is stored",
     .mutant = MUTANT_COPY_RUNS_ON,
     .breaks = "late",
     .prepare = slow,
     STEPS(COPIED)},
    {.name = "copy-is-lost",
     .rule = "a task that lost one of its copies goes on as the other",
     .mutant = MUTANT_COPY_SENT_AGAIN,
     .breaks = "loss-first",
     .prepare = slow,
     STEPS(LOST)},
    {.name = "copied-is-lost",
     .rule = "whichever of the two it is",
     .mutant = MUTANT_COPY_SENT_AGAIN,
     .breaks = "again",
     .prepare = very_slow,
     STEPS(LEFT),
     .runs_max = 8}, // the last task has a copy, too
    {.name = "copy-fails",
     .rule = "a copy that fails ends nothing while the other runs",
     .mutant = MUTANT_COPY_DECIDES,
     .breaks = "retries",
     .prepare = slow_and_fails,
     STEPS(FAILS)},
    {.name = "copy-fails-before-a-restart",
     .rule = "and uses up no retry, nor for the next ventilator",
     .mutant = MUTANT_COPY_COUNTS,
     .breaks = "retries",
     .prepare = slow_and_tried_again,
     STEPS(FAILS_BEFORE)},
    {.name = "last-host",
     .rule = "the only host is never quarantined",
     .mutant = MUTANT_BAR_THE_ONLY,
     .breaks = "host",
     .prepare = last_host,
     STEPS(LAST_HOST)},
    {.name = NULL}};
