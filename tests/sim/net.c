/* net - connections that keep the order of what they carry, and lose it all
 * when they go. What a dialler sends before it is connected waits, as it does
 * in a ZeroMQ socket; what a listener sends to nobody is dropped. */
#include "tests/sim/script.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_TYPE_AT = 5 }; // in a header

void queue_add(struct queue *queue, struct frame *frame)
{
    frame->next = NULL;
    if (!queue->first)
        queue->end = &queue->first;
    *queue->end = frame;
    queue->end = &frame->next;
}

static struct frame *queue_take(struct queue *queue)
{
    struct frame *frame = queue->first;
    if (frame)
        queue->first = frame->next;
    return frame;
}

void queue_clear(struct queue *queue)
{
    struct frame *frame;
    while ((frame = queue_take(queue)))
        free(frame);
}

struct frame *net_take(struct world *world, unsigned process,
                       enum socket socket)
{
    return queue_take(&world->process[process].in[socket]);
}

static unsigned listener_of(enum way way)
{
    return way == WAY_RESULTS ? SINK : VENT;
}

static bool listens(const struct world *world, enum way way, unsigned port)
{
    const struct process *there = &world->process[listener_of(way)];
    if (!there->alive || world->now_ms < there->paused_ms)
        return false;
    return way == WAY_CONTROL   ? true
           : way == WAY_RESULTS ? sink_listens(world, port)
                                : vent_listens(world, port);
}

static void try_later(struct world *world, enum way way, unsigned process)
{
    struct channel *channel = &world->channel[way][process];
    int64_t at_ms =
        world->now_ms + world_draw(world, (uint32_t)world->plan->dial_ms) + 1;
    if (at_ms < channel->shut_ms)
        at_ms = channel->shut_ms;
    world_at(world, at_ms,
             (struct step){.kind = STEP_DIAL,
                           .process = (uint8_t)process,
                           .way = (uint8_t)way,
                           .detail = channel->epoch});
}

void net_dial(struct world *world, enum way way, unsigned process,
              unsigned port)
{
    struct channel *channel = &world->channel[way][process];
    net_hang_up(world, way, process);
    channel->wanted = true;
    channel->was_up = false;
    channel->port = port;
    world_at(world,
             world->now_ms + world_draw(world, (uint32_t)world->plan->delay_ms),
             (struct step){.kind = STEP_DIAL,
                           .process = (uint8_t)process,
                           .way = (uint8_t)way,
                           .detail = channel->epoch});
}

void net_hang_up(struct world *world, enum way way, unsigned process)
{
    struct channel *channel = &world->channel[way][process];
    channel->epoch++; // what is under way arrives no more
    channel->up = channel->wanted = channel->twins = false;
    queue_clear(&channel->waiting);
    if (way == WAY_LANE)
        queue_clear(&world->process[process].in[SOCKET_OTHER]);
}

void net_drop(struct world *world, enum way way, unsigned process)
{
    struct channel *channel = &world->channel[way][process];
    channel->trouble_ms = world->now_ms;
    if (!channel->up)
        return;
    world_note(world, "connection-lost", way, process, 0);
    channel->up = channel->twins = false;
    channel->epoch++;
    try_later(world, way, process);
}

static void post(struct world *world, enum way way, unsigned process,
                 unsigned direction, struct frame *frame)
{
    struct channel *channel = &world->channel[way][process];
    int64_t at_ms =
        world->now_ms + world_draw(world, (uint32_t)world->plan->delay_ms);
    if (at_ms < channel->arrival_ms[direction])
        at_ms = channel->arrival_ms[direction];
    channel->arrival_ms[direction] = at_ms;
    frame->epoch = channel->epoch;
    world_at(world, at_ms,
             (struct step){.kind = STEP_ARRIVAL,
                           .process = (uint8_t)process,
                           .way = (uint8_t)way,
                           .direction = (uint8_t)direction,
                           .frame = frame});
}

void net_dialled(struct world *world, const struct step *step)
{
    const enum way way = (enum way)step->way;
    struct channel *channel = &world->channel[way][step->process];
    struct process *dialler = &world->process[step->process];
    if (!channel->wanted || channel->up || step->detail != channel->epoch)
        return;
    if (world->now_ms < channel->shut_ms ||
        world->now_ms < dialler->paused_ms ||
        !listens(world, way, channel->port)) {
        channel->trouble_ms = world->now_ms;
        try_later(world, way, step->process);
        return;
    }
    channel->up = channel->was_up = true;
    channel->trouble_ms = world->now_ms;
    channel->epoch++;
    channel->arrival_ms[UP] = channel->arrival_ms[DOWN] = world->now_ms;
    world_note(world, "connected", way, step->process, channel->port);
    struct frame *frame;
    while ((frame = queue_take(&channel->waiting)))
        post(world, way, step->process, UP, frame);
    if (way == WAY_CONTROL) {
        dialler->reconnected = world_draw(world, 100) >= world->plan->deaf;
        world_turn(world, step->process, world->now_ms);
    } else if (way == WAY_LANE) {
        world_turn(world, VENT, world->now_ms);
    }
}

static struct frame *copy(unsigned from, struct span bytes)
{
    struct frame *frame = malloc(sizeof *frame + bytes.size);
    if (!frame)
        abort();
    *frame = (struct frame){.from = (uint8_t)from, .size = bytes.size};
    memcpy(frame->bytes, bytes.at, bytes.size);
    return frame;
}

void net_up(struct world *world, enum way way, unsigned process,
            struct span frame)
{
    struct channel *channel = &world->channel[way][process];
    if (!channel->wanted || world->process[process].dying)
        return;
    struct frame *sent = copy(process, frame);
    if (channel->up)
        post(world, way, process, UP, sent);
    else
        queue_add(&channel->waiting, sent);
}

// A message of a ventilator that comes long after it, when another is there:
// no single connection can do that, but fencing must not rest on it.
static void haunt(struct world *world, unsigned process, struct span frame)
{
    const uint8_t type = frame.at[WIRE_TYPE_AT];
    if (type == WIRE_WELCOME || type == WIRE_REFUSED || type == WIRE_SYNC ||
        type == WIRE_END || !world_chance(world, world->plan->ghosts))
        return;
    struct frame *ghost = copy(VENT, frame);
    ghost->epoch = world->process[process].life;
    world_at(world, world->now_ms + 1 + world_draw(world, 20000),
             (struct step){.kind = STEP_GHOST,
                           .process = (uint8_t)process,
                           .detail = world->process[VENT].life,
                           .frame = ghost});
}

void net_ghost(struct world *world, const struct step *step)
{
    struct process *to = &world->process[step->process];
    if (!to->alive || to->life != step->frame->epoch || !world->vent ||
        world->process[VENT].life == step->detail ||
        !tracker_is_synced(vent_tracker(world))) {
        free(step->frame);
        return;
    }
    world_note(world, "ghost", step->process, step->frame->bytes[WIRE_TYPE_AT],
               0);
    queue_add(&to->in[SOCKET_CONTROL], step->frame);
    world_turn(world, step->process, world->now_ms);
}

bool net_down(struct world *world, enum way way, unsigned process,
              uint32_t epoch, struct span frame)
{
    const struct channel *channel = &world->channel[way][process];
    if (!channel->up || channel->epoch != epoch ||
        world->process[listener_of(way)].dying)
        return false;
    if (way == WAY_CONTROL)
        haunt(world, process, frame);
    post(world, way, process, DOWN, copy(listener_of(way), frame));
    return true;
}

void net_arrived(struct world *world, const struct step *step)
{
    const enum way way = (enum way)step->way;
    const struct channel *channel = &world->channel[way][step->process];
    const unsigned listener = channel->twins ? TWIN : listener_of(way);
    const unsigned to = step->direction == UP ? listener : step->process;
    struct frame *frame = step->frame;
    if (frame->epoch != channel->epoch || !world->process[to].alive) {
        free(frame);
        return;
    }
    if (world->script && script_takes(world, step))
        return;
    world_note(world, wire_type_name(frame->bytes[WIRE_TYPE_AT]), frame->from,
               to, (int64_t)frame->size);
    queue_add(&world->process[to]
                   .in[way == WAY_CONTROL ? SOCKET_CONTROL : SOCKET_OTHER],
              frame);
    world_turn(world, to, world->now_ms + world_draw(world, 3));
}
