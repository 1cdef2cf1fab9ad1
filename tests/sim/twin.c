/* twin - a ventilator that goes on though another has taken its place
 *
 * Its host was taken for dead, or somebody started the run twice, on two hosts,
 * so that no lock stood in the way. Who had a connection to the old one keeps
 * it until it is lost, and then finds the new one: each of the others talks to
 * one of the two at a time. While the old one takes its turn it stands where
 * the new one stood, for all that a ventilator does.
 */
#include "tests/sim/truth.h"

bool twin_has(const struct world *world, enum way way, unsigned process)
{
    return world->channel[way][process].twins;
}

// Those that are up stay with it, and are lost one by one.
static void keep_connections(struct world *world, int64_t length_ms)
{
    for (unsigned i = SINK; i < PROCESSES; i++)
        for (enum way way = WAY_CONTROL; way <= WAY_LANE; way++) {
            struct channel *channel = &world->channel[way][i];
            if (way == WAY_RESULTS || !channel->up)
                continue;
            channel->twins = true;
            world_at(world,
                     world->now_ms + world_draw(world, (uint32_t)length_ms),
                     (struct step){.kind = STEP_DROP,
                                   .process = (uint8_t)i,
                                   .way = (uint8_t)way,
                                   .detail = channel->epoch});
        }
}

void twin_begins(struct world *world, const struct fault *fault)
{
    struct process *twin = &world->process[TWIN];
    struct process *place = &world->process[VENT];
    if (world->twin || !place->alive || place->dying)
        return;
    *twin = *place;
    world->twin = world->vent;
    world->vent = NULL;
    twin->turn_ms = -1;
    if (fault->detail % 2)
        twin->paused_ms =
            world->now_ms + world_draw(world, (uint32_t)fault->length_ms);
    *place = (struct process){.life = twin->life, .turn_ms = -1};
    place->trouble_ms = world->now_ms;
    truth_twin(world);
    keep_connections(world, fault->length_ms);
    world_turn(world, TWIN, world->now_ms);
    world_restart(world, VENT);
    world_at(world, world->now_ms + fault->length_ms,
             (struct step){.kind = STEP_TWIN_ENDS, .detail = twin->life});
}

static void change_places(struct world *world)
{
    const struct process process = world->process[VENT];
    struct vent *vent = world->vent;
    world->process[VENT] = world->process[TWIN];
    world->process[TWIN] = process;
    world->vent = world->twin;
    world->twin = vent;
    world->twin_acts = !world->twin_acts;
}

void twin_turn(struct world *world)
{
    change_places(world);
    vent_turn(world);
    change_places(world);
}

void twin_ends(struct world *world)
{
    struct process *twin = &world->process[TWIN];
    if (!world->twin)
        return;
    world_note(world, "dies", TWIN, twin->life, 0);
    change_places(world);
    vent_stop(world);
    change_places(world);
    world->twin = NULL;
    twin->alive = twin->dying = false;
    for (unsigned i = SINK; i < PROCESSES; i++)
        for (enum way way = WAY_CONTROL; way <= WAY_LANE; way++)
            if (twin_has(world, way, i))
                net_drop(world, way, i);
    for (unsigned i = 0; i < SOCKETS; i++)
        queue_clear(&twin->in[i]);
}
