#include "tests/sim/sim.h"

static const int64_t YEAR_MS = INT64_C(365) * 24 * 3600 * 1000;

static void pause_it(struct world *world, unsigned victim, int64_t length_ms)
{
    struct process *it = &world->process[victim];
    const int64_t until_ms = world->now_ms + length_ms;
    if (!it->alive || until_ms <= it->paused_ms)
        return;
    if (it->paused_ms <= world->now_ms)
        it->paused_from = world->now_ms;
    it->paused_ms = until_ms;
    it->trouble_ms = until_ms;
    it->turn_ms = -1;
    world_turn(world, victim, until_ms);
}

static void shut(struct world *world, enum way way, unsigned process,
                 int64_t until_ms)
{
    struct channel *channel = &world->channel[way][process];
    channel->shut_ms = until_ms;
    net_drop(world, way, process);
    channel->trouble_ms = until_ms;
}

// A process cut off: from all, or from one of the two it talks to.
static void partition(struct world *world, const struct fault *fault,
                      unsigned victim)
{
    const int64_t until_ms = world->now_ms + fault->length_ms;
    for (unsigned i = SINK; i < PROCESSES; i++) {
        if (victim != VENT && victim != SINK && i != victim)
            continue;
        if (victim != SINK || i == SINK)
            shut(world, WAY_CONTROL, i, until_ms);
        if (victim != SINK && fault->detail % 2)
            shut(world, WAY_LANE, i, until_ms);
        if (victim != VENT && fault->detail % 3)
            shut(world, WAY_RESULTS, i, until_ms);
    }
}

static void stall(struct world *world, const struct fault *fault,
                  unsigned process)
{
    struct channel *channel =
        &world->channel[fault->detail % WAYS][process < SINK ? SINK : process];
    const int64_t until_ms = world->now_ms + fault->length_ms;
    int64_t *arrival_ms = &channel->arrival_ms[fault->detail / 4 % 2];
    if (*arrival_ms < until_ms)
        *arrival_ms = until_ms;
    channel->trouble_ms = until_ms;
}

// Nothing of what is sent arrives, and only at the end does anybody see it.
static void swallow(struct world *world, const struct fault *fault,
                    unsigned process)
{
    process = process < SINK ? SINK : process;
    const enum way way = (enum way)(fault->detail % WAYS);
    struct channel *channel = &world->channel[way][process];
    const int64_t until_ms = world->now_ms + fault->length_ms;
    for (unsigned i = UP; i <= DOWN; i++)
        if (channel->arrival_ms[i] <= until_ms)
            channel->arrival_ms[i] = until_ms + 1;
    channel->trouble_ms = until_ms;
    world_at(world, until_ms,
             (struct step){.kind = STEP_DROP,
                           .process = (uint8_t)process,
                           .way = (uint8_t)way,
                           .detail = channel->epoch});
}

void fault_happens(struct world *world, const struct fault *fault)
{
    unsigned victim = fault->victim;
    if (victim >= WORK + world->plan->workers)
        victim = WORK + victim % world->plan->workers;
    world_note(world, "fault", fault->kind, victim, fault->length_ms);
    switch ((enum fault_kind)fault->kind) {
    case FAULT_KILL:
    case FAULT_POWER:
        world_kill(world, victim, fault->kind == FAULT_POWER);
        break;
    case FAULT_PAUSE:
        pause_it(world, victim, fault->length_ms);
        break;
    case FAULT_DROP:
        swallow(world, fault, victim);
        break;
    case FAULT_PARTITION:
        partition(world, fault, victim);
        break;
    case FAULT_STALL:
        stall(world, fault, victim);
        break;
    case FAULT_DISK_FULL:
        world->disk_full_ms = world->now_ms + fault->length_ms;
        break;
    case FAULT_FSYNC:
        world->fsync_fails = true;
        break;
    case FAULT_DRAIN:
        if (victim >= WORK)
            work_drain(world, victim);
        break;
    case FAULT_WALL:
        world->wall_ms += (fault->detail % 2 ? 1 : -1) * fault->length_ms *
                          (fault->detail < 128 ? 1 : YEAR_MS / 12000);
        break;
    case FAULT_TWIN:
        twin_begins(world, fault);
        break;
    case FAULT_KINDS:
        break;
    }
}
