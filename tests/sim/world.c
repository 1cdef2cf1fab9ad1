/* world - the clock, what happens when, processes that come and go */
#include "tests/sim/sim.h"

#include "tests/sim/person.h"
#include "tests/sim/script.h"
#include "tests/sim/truth.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 1500000, STEPS_MAX = 400000 };

uint32_t world_draw(struct world *world, uint32_t below)
{
    return below == 0 ? 0 : (uint32_t)(random_next(&world->random) % below);
}

bool world_chance(struct world *world, uint32_t of_10000)
{
    return of_10000 > 0 && world_draw(world, 10000) < of_10000;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 32;
}

void world_note(struct world *world, const char *what, int64_t a, int64_t b,
                int64_t c)
{
    uint64_t hash = mix(world->hash, (uint64_t)world->now_ms);
    for (const char *at = what; *at; at++)
        hash = hash * 31 + (uint8_t)*at;
    hash = mix(mix(hash, (uint64_t)a), (uint64_t)b);
    world->hash = mix(hash, (uint64_t)c);
    if (world->print)
        printf("%8.3f %-16s %" PRId64 " %" PRId64 " %" PRId64 "\n",
               (double)world->now_ms / 1000, what, a, b, c);
    if (world->script)
        script_note(world, what, a, b, c);
}

void world_broke(struct world *world, const char *guarantee, const char *format,
                 ...)
{
    if (world->broke)
        return;
    world->broke = guarantee;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->why, sizeof world->why, format, arguments);
    va_end(arguments);
    if (world->print)
        printf("%8.3f BROKEN %s: %s\n", (double)world->now_ms / 1000, guarantee,
               world->why);
}

static bool sooner(const struct step *a, const struct step *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void world_at(struct world *world, int64_t at_ms, struct step step)
{
    if (world->heap_count == world->heap_capacity) {
        world->heap_capacity =
            world->heap_capacity ? 2 * world->heap_capacity : 256;
        world->heap = reallocarray(world->heap, world->heap_capacity,
                                   sizeof *world->heap);
        if (!world->heap)
            abort();
    }
    step.at_ms = at_ms;
    step.order = ++world->order;
    size_t at = world->heap_count++;
    while (at > 0 && sooner(&step, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = step;
}

static struct step take_step(struct world *world)
{
    struct step *heap = world->heap;
    const struct step first = heap[0];
    const struct step last = heap[--world->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->heap_count)
            break;
        if (child + 1 < world->heap_count &&
            sooner(&heap[child + 1], &heap[child]))
            child++;
        if (!sooner(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

void world_turn(struct world *world, unsigned process, int64_t at_ms)
{
    struct process *it = &world->process[process];
    if (at_ms < it->paused_ms)
        at_ms = it->paused_ms;
    if (!it->alive || (it->turn_ms >= 0 && it->turn_ms <= at_ms))
        return;
    it->turn_ms = at_ms;
    const unsigned whose = process == VENT && world->twin_acts ? TWIN : process;
    world_at(world, at_ms,
             (struct step){.kind = STEP_TURN,
                           .process = (uint8_t)whose,
                           .detail = it->life});
}

bool world_dies(struct world *world, unsigned process)
{
    struct process *it = &world->process[process];
    if (!it->dying && world->now_ms < world->plan->quiet_from_ms &&
        world_chance(world, world->plan->crash)) {
        it->dying = true;
        it->power = world_chance(world, 5000);
    }
    return it->dying;
}

struct id128 world_id(unsigned process, uint32_t life)
{
    struct id128 id = {
        {(uint8_t)(process + 1), (uint8_t)life, (uint8_t)(life >> 8)}};
    uint64_t state = process * UINT64_C(1000003) + life;
    const uint64_t rest = random_next(&state);
    memcpy(id.byte + 8, &rest, sizeof rest);
    return id;
}

unsigned id_process(const struct id128 *id)
{
    return (unsigned)id->byte[0] - 1;
}

uint32_t id_life(const struct id128 *id)
{
    return (uint32_t)id->byte[1] | (uint32_t)id->byte[2] << 8;
}

bool id_alive(const struct world *world, const struct id128 *id)
{
    const struct process *it = &world->process[id_process(id)];
    return it->alive && it->life == id_life(id);
}

static void start(struct world *world, unsigned process)
{
    struct process *it = &world->process[process];
    it->alive = true;
    it->dying = it->reconnected = it->power = it->leaves = false;
    it->life++;
    it->turn_ms = -1;
    it->paused_ms = 0;
    it->trouble_ms = world->now_ms;
    it->id = world_id(process, it->life);
    world_note(world, "starts", process, it->life, 0);
    if (process == VENT)
        vent_start(world);
    else if (process == SINK)
        sink_start(world);
    else
        work_start(world, process);
    if (process != VENT)
        net_dial(world, WAY_CONTROL, process, 0);
    world_turn(world, process, world->now_ms);
}

static void lose_connections(struct world *world, unsigned process)
{
    for (unsigned i = SINK; i < PROCESSES; i++) {
        if (i == process) {
            net_hang_up(world, WAY_CONTROL, i);
            net_hang_up(world, WAY_RESULTS, i);
            net_hang_up(world, WAY_LANE, i);
        } else if (process == VENT) {
            if (!twin_has(world, WAY_CONTROL, i))
                net_drop(world, WAY_CONTROL, i);
            if (!twin_has(world, WAY_LANE, i))
                net_drop(world, WAY_LANE, i);
        } else if (process == SINK) {
            net_drop(world, WAY_RESULTS, i);
        }
    }
}

void world_restart(struct world *world, unsigned process)
{
    world_at(world,
             world->now_ms +
                 world_draw(world, (uint32_t)world->plan->restart_ms) + 1,
             (struct step){.kind = STEP_START,
                           .process = (uint8_t)process,
                           .detail = world->resumes});
}

void world_kill(struct world *world, unsigned process, bool power)
{
    struct process *it = &world->process[process];
    if (!it->alive)
        return;
    world_note(world, "dies", process, it->life, power);
    it->power = power;
    it->trouble_ms = world->now_ms;
    if (process == VENT)
        vent_stop(world);
    else if (process == SINK)
        sink_stop(world);
    else
        work_stop(world, process);
    it->alive = it->dying = false;
    lose_connections(world, process);
    for (unsigned i = 0; i < SOCKETS; i++)
        queue_clear(&it->in[i]);
    if (world->over)
        return;
    if (!world->script) // it says who is started, and when
        world_restart(world, process);
    if (process >= WORK && !power &&
        world_draw(world, 100) < world->plan->notice)
        world_at(world, world->now_ms + world_draw(world, 100),
                 (struct step){.kind = STEP_DEATH_NOTICE,
                               .process = (uint8_t)process,
                               .detail = it->life});
}

static void take_turn(struct world *world, const struct step *step)
{
    struct process *it = &world->process[step->process];
    if (!it->alive || it->life != step->detail || it->turn_ms != step->at_ms)
        return;
    it->turn_ms = -1;
    if (world->now_ms < it->paused_ms) {
        world_turn(world, step->process, it->paused_ms);
        return;
    }
    if (step->process == VENT)
        vent_turn(world);
    else if (step->process == SINK)
        sink_turn(world);
    else if (step->process == TWIN)
        twin_turn(world);
    else
        work_turn(world, step->process);
    if (it->dying && step->process == TWIN)
        twin_ends(world);
    else if (it->dying)
        world_kill(world, step->process, it->power);
}

static void happen(struct world *world, const struct step *step)
{
    const struct id128 id = world_id(step->process, step->detail);
    switch ((enum step_kind)step->kind) {
    case STEP_TURN:
        take_turn(world, step);
        break;
    case STEP_ARRIVAL:
        net_arrived(world, step);
        break;
    case STEP_DIAL:
        net_dialled(world, step);
        break;
    case STEP_DROP:
        if (world->channel[step->way][step->process].epoch == step->detail)
            net_drop(world, (enum way)step->way, step->process);
        break;
    case STEP_GHOST:
        net_ghost(world, step);
        break;
    case STEP_FAULT:
        fault_happens(world, &world->plan->fault[step->detail]);
        break;
    case STEP_START:
        if (step->detail == world->resumes &&
            !world->process[step->process].alive)
            start(world, step->process);
        break;
    case STEP_TASK_ENDS:
        work_task_ends(world, step);
        break;
    case STEP_LIFE_ENDS:
        lives_end(world, step->detail);
        break;
    case STEP_TWIN_ENDS:
        if (world->process[TWIN].life == step->detail)
            twin_ends(world);
        break;
    case STEP_DEATH_NOTICE:
        vent_notice(world, &id);
        break;
    case STEP_DECIDES:
        person_decides(world, step->detail);
        break;
    case STEP_PAUSES:
        person_pauses(world, step->detail != 0);
        break;
    case STEP_CANCELS:
        person_cancels(world);
        break;
    case STEP_SCRIPT:
        script_happens(world);
        break;
    }
}

static void open_world(struct world *world)
{
    lives_begin(world);
    world->truth = truth_create(world->plan->tasks);
    if (world->plan->schedule)
        script_begin(world);
    for (unsigned i = 0; i < WORK + world->plan->workers; i++)
        if (!world->script || !(world->plan->schedule->late >> i & 1))
            world_at(world, world_draw(world, 50),
                     (struct step){.kind = STEP_START, .process = (uint8_t)i});
    for (unsigned i = 0; i < world->plan->faults; i++)
        world_at(world, world->plan->fault[i].at_ms,
                 (struct step){.kind = STEP_FAULT, .detail = i});
    if (world->plan->cancel.at_ms > 0)
        world_at(world, world->plan->cancel.at_ms,
                 (struct step){.kind = STEP_CANCELS});
    if (world->plan->pause_ms > 0)
        world_at(world, world->plan->pause_ms,
                 (struct step){.kind = STEP_PAUSES, .detail = true});
}

static void close_world(struct world *world)
{
    world->over = true;
    twin_ends(world);
    for (unsigned i = 0; i < PROCESSES; i++)
        world_kill(world, i, false);
    sink_free(world);
    if (world->script)
        script_free(world);
    while (world->heap_count > 0)
        free(world->heap[--world->heap_count].frame);
    free(world->heap);
    truth_destroy(&world->truth);
}

void world_run(const struct plan *plan, bool print, struct outcome *outcome)
{
    struct world world = {
        .plan = plan, .random = ~plan->choice.seed, .print = print};
    open_world(&world);
    while (!world.over && !world.broke && world.heap_count > 0) {
        struct step step = take_step(&world);
        world.now_ms = step.at_ms;
        world.steps++;
        happen(&world, &step);
        const int64_t well_ms = world.began_ms > plan->quiet_from_ms
                                    ? world.began_ms
                                    : plan->quiet_from_ms;
        if (world.now_ms > well_ms + PATIENCE_MS || world.steps > STEPS_MAX)
            world_broke(&world, "I13", "no end %" PRId64 " s after the faults",
                        (world.now_ms - well_ms) / 1000);
    }
    if (!world.broke && !(world.script && world.script->stopped))
        truth_at_end(&world);
    if (!world.broke && world.script)
        script_at_end(&world);
    *outcome = (struct outcome){.hash = world.hash,
                                .steps = world.steps,
                                .ended_ms = world.now_ms,
                                .broke = world.broke};
    memcpy(outcome->why, world.why, sizeof world.why);
    close_world(&world);
}
