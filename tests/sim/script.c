#include "tests/sim/script.h"

#include "tests/sim/truth.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_STALLED = 1, KEPT_HELD, HAUNTS, WIRE_TYPE_AT = 5 };

void script_plan(struct plan *plan, const struct schedule *schedule)
{
    *plan = (struct plan){
        .schedule = schedule,
        .tasks = 4,
        .workers = 1,
        .limits = {.window_tasks = 10000,
                   .window_bytes = 1 << 20,
                   .losses_max = 10,
                   .lone_deaths_max = SIM_LONE_DEATHS,
                   .prefetch_ms = 50,
                   .heartbeat_ms = 1000,
                   .liveness_ms = 3000,
                   .rejoin_ms = 5000,
                   .workers_max = SIM_PEERS},
        .policy = {.on_fail = ANSWER_FAIL, .backoff_max_ms = 10000},
        .retain_max = 1 << 20,
        .delay_ms = 1,
        .dial_ms = 1,
        .restart_ms = 1,
        .ports = 60000,
        .batch = UINT_MAX,
        .part_max = 256,
        .quiet_from_ms = 60000,
    };
    for (unsigned i = 0; i < SIM_WORKERS; i++)
        plan->slots[i] = 1;
    for (unsigned i = 1; i <= SIM_TASKS; i++)
        plan->task[i].ms = 1000;
    if (schedule->prepare)
        schedule->prepare(plan);
}

static const struct script_step *next(const struct world *world)
{
    const struct schedule *schedule = world->plan->schedule;
    return world->script->at < schedule->count && !world->script->waits
               ? &schedule->steps[world->script->at]
               : NULL;
}

static bool fits(int64_t wanted, int64_t is)
{
    return wanted == ANY || wanted == is;
}

static bool is_about(const struct script_step *step, const char *what,
                     int64_t a, int64_t b, int64_t c)
{
    return strcmp(step->when, what) == 0 && fits(step->a, a) &&
           fits(step->b, b) && fits(step->c, c);
}

static bool is_of_message(const struct script_step *step)
{
    return step->act == DO_PASS || step->act == DO_LOSE ||
           step->act == DO_HOLD || step->act == DO_STALL;
}

static void keep(struct world *world, const struct step *step, bool held)
{
    struct script *script = world->script;
    if (script->kept_count == script->kept_capacity) {
        script->kept_capacity = 2 * script->kept_capacity + 16;
        script->kept = reallocarray(script->kept, script->kept_capacity,
                                    sizeof *script->kept);
        if (!script->kept)
            abort();
    }
    script->kept[script->kept_count] = *step;
    script->kept[script->kept_count++].detail = held ? KEPT_HELD : KEPT_STALLED;
}

static void give_back(struct world *world, bool held)
{
    struct script *script = world->script;
    size_t left = 0;
    for (size_t i = 0; i < script->kept_count; i++) {
        struct step *step = &script->kept[i];
        if ((step->detail == KEPT_HELD) != held) {
            script->kept[left++] = *step;
            continue;
        }
        step->detail = held ? HAUNTS : 0;
        if (held)
            step->frame->epoch = world->channel[step->way][step->process].epoch;
        world_at(world, world->now_ms, *step);
    }
    script->kept_count = left;
    if (!held)
        memset(script->stalled, 0, sizeof script->stalled);
}

static void act(struct world *world, const struct script_step *step)
{
    const unsigned process = step->fault.victim;
    switch (step->act) {
    case DO_FAULT:
        fault_happens(world, &step->fault);
        break;
    case DO_START:
        world_at(world, world->now_ms,
                 (struct step){.kind = STEP_START,
                               .process = (uint8_t)process,
                               .detail = world->resumes});
        break;
    case DO_HAUNT:
        give_back(world, true);
        break;
    case DO_FLOW:
        give_back(world, false);
        break;
    case DO_DROP:
        net_drop(world, step->way, process);
        break;
    case DO_HANG:
        work_hang(world, process);
        break;
    case DO_EMPTY:
        sink_empty(world);
        truth_empty(world);
        break;
    case DO_NOTHING:
    case DO_PASS:
    case DO_LOSE:
    case DO_HOLD:
    case DO_STALL:
        break;
    }
}

// The steps behind one that is done, as long as they wait for nothing.
static void go_on(struct world *world);

static void came(struct world *world, const struct script_step *step)
{
    struct script *script = world->script;
    world_note(world, "step", (int64_t)script->at + 1, 0, 0);
    if (step->within_ms > 0 &&
        world->now_ms - script->since_ms > step->within_ms)
        world_broke(world, "late", "step %zu came after %" PRId64 " ms",
                    script->at + 1, world->now_ms - script->since_ms);
    script->waits = true;
    // Who dies in its turn says and does nothing more in it.
    if (step->act == DO_FAULT && step->after_ms == 0 &&
        (step->fault.kind == FAULT_KILL || step->fault.kind == FAULT_POWER)) {
        struct process *it = &world->process[step->fault.victim];
        it->dying = it->alive;
        it->power = step->fault.kind == FAULT_POWER;
    }
    world_at(world, world->now_ms + step->after_ms,
             (struct step){.kind = STEP_SCRIPT});
}

static void done(struct world *world)
{
    world->script->at++;
    world->script->waits = false;
    world->script->since_ms = world->now_ms;
    go_on(world);
}

static void go_on(struct world *world)
{
    const struct script_step *step = next(world);
    if (step && !step->when)
        came(world, step);
}

void script_begin(struct world *world)
{
    world->script = calloc(1, sizeof *world->script);
    if (!world->script)
        abort();
    go_on(world);
}

void script_note(struct world *world, const char *what, int64_t a, int64_t b,
                 int64_t c)
{
    const struct script_step *step = next(world);
    if (step && step->when && !is_of_message(step) &&
        is_about(step, what, a, b, c))
        came(world, step);
}

void script_happens(struct world *world)
{
    act(world, &world->plan->schedule->steps[world->script->at]);
    done(world);
}

bool script_takes(struct world *world, const struct step *arrival)
{
    const struct script_step *step = next(world);
    struct frame *frame = arrival->frame;
    const unsigned listener = arrival->way == WAY_RESULTS ? SINK : VENT;
    const unsigned to = arrival->direction == UP ? listener : arrival->process;
    bool *stalled =
        &world->script
             ->stalled[arrival->way][arrival->process][arrival->direction];
    if (arrival->detail == HAUNTS)
        return false;
    if (step && step->when && is_of_message(step) &&
        is_about(step, wire_type_name(frame->bytes[WIRE_TYPE_AT]), frame->from,
                 to, 0)) {
        world_note(world, "step", (int64_t)world->script->at + 1, 0, 0);
        if (step->act == DO_HOLD)
            keep(world, arrival, true);
        if (step->act == DO_STALL)
            *stalled = true;
        if (step->act == DO_LOSE) {
            free(frame);
            net_drop(world, (enum way)arrival->way, arrival->process);
        }
        const bool taken = step->act == DO_HOLD || step->act == DO_LOSE;
        done(world);
        if (taken)
            return true;
    }
    if (*stalled)
        keep(world, arrival, false);
    return *stalled;
}

void script_stops(struct world *world, const char *guarantee, const char *why)
{
    if (!world->script || !world->plan->schedule->stops) {
        world_broke(world, guarantee, "%s", why);
        return;
    }
    world_note(world, "stops", 0, 0, 0);
    world->script->stopped = world->over = true;
}

void script_at_end(struct world *world)
{
    const struct schedule *schedule = world->plan->schedule;
    unsigned runs = 0;
    for (unsigned i = 1; i <= world->plan->tasks; i++)
        runs += world->truth->task[i].starts;
    if (world->script->at < schedule->count)
        world_broke(world, "script", "step %zu never came",
                    world->script->at + 1);
    if (schedule->stops && !world->script->stopped)
        world_broke(world, "stops", "the run went on");
    if (schedule->runs_max > 0 && runs > schedule->runs_max)
        world_broke(world, "again", "tasks ran %u times, not %u", runs,
                    schedule->runs_max);
}

void script_free(struct world *world)
{
    struct script *script = world->script;
    while (script->kept_count > 0)
        free(script->kept[--script->kept_count].frame);
    free(script->kept);
    free(script);
    world->script = NULL;
}
