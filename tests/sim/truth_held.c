/* truth_held - tasks that wait for a person, and what that one decides */
#include "common/base/mutant.h"
#include "tests/sim/person.h"
#include "tests/sim/truth.h"

#include <inttypes.h>
#include <string.h>

static void is_held(struct world *world, const struct record *record)
{
    struct true_task *task = truth_task(world, record->task);
    if (task->held || task->finals > 0)
        world_broke(world, "held", "task %" PRIu64 " is held twice, or final",
                    record->task);
    if (!truth_may_end(world->plan, task, STATUS_HELD, record->class))
        world_broke(world, "held", "task %" PRIu64 " failed %u times only",
                    record->task, task->failures);
    task->held = true;
    task->asked &= 1U << STATUS_CANCELLED;
    person_learns(world, record->task);
}

// Once for each time that it was held.
static void is_retried(struct world *world, const struct record *record)
{
    struct true_task *task = truth_task(world, record->task);
    if (!task->held || !(task->asked >> STATUS_REOPENED & 1))
        world_broke(world, "held", "task %" PRIu64 ": nobody decided so",
                    record->task);
    task->held = false;
    task->retried++;
    task->forgiven += task->failures;
    task->failures = task->losses = task->lone_deaths = 0;
    memset(task->blame, 0, sizeof task->blame);
}

void truth_decision(struct world *world, const struct record *record)
{
    if (record->round != truth_task(world, record->task)->round)
        world_broke(world, "round", "task %" PRIu64 " is decided in round %u",
                    record->task, record->round);
    if (record->status == STATUS_HELD)
        is_held(world, record);
    else
        is_retried(world, record);
}

void truth_parked(struct world *world)
{
    unsigned held = 0;
    world_note(world, "parked", 0, 0, 0);
    for (unsigned i = 1; i <= world->plan->tasks; i++) {
        const struct true_task *task = &world->truth->task[i];
        held += task->held;
        if (!task->held && task->finals != 1)
            world_broke(world, "I1", "parked without task %u", i);
    }
    if (held == 0 || world->truth->complete || world->plan->limits.held_wait)
        world_broke(world, "held", "parked, and nothing is held");
}
