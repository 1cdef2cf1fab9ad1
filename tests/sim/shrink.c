/* shrink - the least that still breaks */
#include "tests/sim/run.h"

#include <inttypes.h>
#include <stdio.h>

static bool still_breaks(const struct choice *choice)
{
    struct outcome outcome;
    run_plan(choice, false, &outcome);
    return outcome.broke != NULL;
}

static unsigned fewer(struct choice *choice, unsigned *number, unsigned now)
{
    for (unsigned less = 1; less < now; less++) {
        *number = less;
        if (still_breaks(choice))
            return less;
    }
    *number = now;
    return now;
}

// Fewer faults, workers, tasks, as long as something still breaks.
static struct choice shrink(struct choice choice)
{
    struct plan plan;
    plan_draw(&plan, &choice);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < SIM_FAULTS; i++) {
            struct choice tried = choice;
            tried.faults &= ~(1U << i);
            if (tried.faults != choice.faults && still_breaks(&tried))
                choice = tried;
        }
        fewer(&choice, &choice.workers,
              choice.workers ? choice.workers : plan.workers);
        fewer(&choice, &choice.tasks, choice.tasks ? choice.tasks : plan.tasks);
    }
    return choice;
}

void tell_broken(const struct choice *choice, const struct outcome *outcome)
{
    printf("seed %" PRIu64 " broke %s after %" PRIu64 " events, %.3f s: %s\n",
           choice->seed, outcome->broke, outcome->steps,
           (double)outcome->ended_ms / 1000, outcome->why);
    const struct choice small = shrink(*choice);
    struct outcome again;
    run_plan(&small, false, &again);
    printf("shrunk: %s after %" PRIu64 " events: %s\nreplay: fan-sim --one "
           "--seed %" PRIu64 " --tasks %u --workers %u --faults %#x --trace\n",
           again.broke ? again.broke : "?", again.steps, again.why, small.seed,
           small.tasks, small.workers, small.faults);
    fflush(stdout);
}
