/* sim_vent - the ventilator's loop around its tracker
 *
 * As ventilator.c, peers.c and input.c have it. Decisions that sit in those
 * edges and are repeated here: when a lane is closed, what is kept of it and
 * sent again; where the two cursors of the input stand; how the run ends.
 */
#include "tests/sim/sim_vent.h"

#include "common/base/mutant.h"
#include "tests/sim/script.h"
#include "tests/sim/truth.h"

#include <stdlib.h>
#include <string.h>

enum { FAREWELL_MS = 5000, END_AGAIN_MS = 500 };

// The clock that its timers go by.
int64_t vent_now(const struct world *world)
{
    return world->now_ms + (MUTANT(WALL_CLOCK) ? world->wall_ms : 0);
}

void vent_start(struct world *world)
{
    struct vent *vent = calloc(1, sizeof *vent);
    if (!vent)
        abort();
    world->vent = vent;
    vent->tracker = tracker_create(&world->plan->limits, &world->plan->policy,
                                   vent_now(world));
    if (!vent->tracker)
        abort();
    vent->generation_known = world->generation_file;
    truth_vent_starts(world);
}

static void drop_frames(struct vent_peer *peer)
{
    for (size_t i = 0; i < peer->frame_count; i++)
        buffer_free(&peer->frames[i].frame);
    peer->frame_count = peer->frame_sent = 0;
}

void vent_close_lane(struct world *world, struct vent_peer *peer)
{
    const unsigned port = peer->port;
    drop_frames(peer);
    peer->port = 0;
    for (unsigned i = WORK; port && i < PROCESSES; i++)
        if (world->channel[WAY_LANE][i].up &&
            twin_has(world, WAY_LANE, i) == world->twin_acts &&
            world->channel[WAY_LANE][i].port == port)
            net_drop(world, WAY_LANE, i);
}

void vent_stop(struct world *world)
{
    struct vent *vent = world->vent;
    for (unsigned i = 1; i <= SIM_PEERS; i++) {
        drop_frames(&vent->peers[i]);
        free(vent->peers[i].frames);
    }
    tracker_destroy(&vent->tracker);
    buffer_free(&vent->out);
    buffer_free(&vent->scratch);
    free(vent);
    world->vent = NULL;
}

const struct tracker *vent_tracker(const struct world *world)
{
    return world->vent->tracker;
}

bool vent_listens(const struct world *world, unsigned port)
{
    if (!world->vent || port == 0)
        return false;
    for (unsigned i = 1; i <= SIM_PEERS; i++)
        if (world->vent->peers[i].used && world->vent->peers[i].port == port)
            return true;
    return false;
}

bool vent_serves(const struct world *world, const struct id128 *worker)
{
    const struct vent *vent = world->vent;
    for (unsigned i = 1; i <= SIM_PEERS; i++)
        if (vent->peers[i].used && id128_equal(&vent->peers[i].id, worker))
            return true;
    if (world->now_ms >= vent->placed_ms + world->plan->limits.rejoin_ms)
        return false;
    for (size_t i = 0; i < vent->awaited_count; i++)
        if (id128_equal(&vent->awaited[i], worker))
            return true;
    return false;
}

bool vent_may_feed(const struct world *world, unsigned not_at)
{
    const struct vent *vent = world->vent;
    for (unsigned i = 1; i <= SIM_PEERS; i++)
        if (vent->peers[i].used && !vent->peers[i].drains &&
            !(not_at >> id_process(&vent->peers[i].id) & 1))
            return true;
    return false;
}

unsigned vent_free_port(struct world *world)
{
    unsigned port, tries = 0;
    do
        port = 1 + world_draw(world, ++tries < 20 ? world->plan->ports : 60000);
    while (vent_listens(world, port));
    return port;
}

bool vent_decides(struct world *world, uint64_t task, enum status status)
{
    struct vent *vent = world->vent;
    const struct tracker_decision decision = {
        .task = task, .status = status, .text = SPAN_OF("eve\nwhy")};
    if (vent->ending ||
        tracker_decide(vent->tracker, &decision, vent_now(world)) != 0)
        return false;
    vent_act(world);
    world_turn(world, VENT, world->now_ms);
    return true;
}

bool vent_pauses(struct world *world, bool paused)
{
    struct vent *vent = world->vent;
    const struct tracker_pause pause = {.paused = paused,
                                        .text = SPAN_OF("eve\nwhy")};
    if (vent->ending || !tracker_is_synced(vent->tracker) ||
        tracker_pause(vent->tracker, &pause, vent_now(world)) != 0)
        return false;
    vent_act(world);
    world_turn(world, VENT, world->now_ms);
    return true;
}

bool vent_cancels(struct world *world, uint64_t first, uint64_t last)
{
    struct vent *vent = world->vent;
    const struct tracker_cancel cancel = {
        .first = first, .last = last, .text = SPAN_OF("eve\nwhy")};
    if (vent->ending || !tracker_is_synced(vent->tracker) ||
        tracker_cancel(vent->tracker, &cancel, vent_now(world)) != 0)
        return false;
    vent_act(world);
    world_turn(world, VENT, world->now_ms);
    return true;
}

void vent_notice(struct world *world, const struct id128 *worker)
{
    struct vent *vent = world->vent;
    if (!vent || vent->gone_count == PROCESSES)
        return;
    vent->gone[vent->gone_count++] = *worker;
    world_turn(world, VENT, world->now_ms);
}

struct wire_header vent_header(const struct world *world, enum wire_type type)
{
    return (struct wire_header){.version = WIRE_VERSION,
                                .type = (uint8_t)type,
                                .generation =
                                    tracker_generation(world->vent->tracker),
                                .run = {{1}},
                                .sender = world->process[VENT].id};
}

void vent_reply(struct world *world, unsigned process, uint32_t epoch)
{
    struct vent *vent = world->vent;
    (void)net_down(world, WAY_CONTROL, process, epoch, buffer_span(&vent->out));
    buffer_clear(&vent->out);
}

static struct tracker_offer offer_of(struct world *world, uint64_t task)
{
    struct tracker_offer offer = {.task = task,
                                  .ordinal = task,
                                  .offset = task * 10,
                                  .priority = (double)(task * 7 % 5)};
    offer.key.byte[0] = (uint8_t)task;
    if (world->plan->task[task].bad) {
        offer.bad = "bad";
    } else {
        offer.payload = &world->truth->task[task];
        offer.payload_size = 10;
    }
    return offer;
}

static void close_peer(struct world *world, unsigned handle)
{
    struct vent_peer *peer = &world->vent->peers[handle];
    if (peer->used)
        truth_worker_closed(world, &peer->id, peer->leaves);
    vent_close_lane(world, peer);
    free(peer->frames);
    *peer = (struct vent_peer){0};
}

static void end_run(struct world *world, bool parked)
{
    if (parked)
        truth_parked(world);
    else
        truth_complete(world);
    // Of two that end, the older one may be the later.
    const uint32_t generation = tracker_generation(world->vent->tracker);
    if (generation > world->ended)
        world->ended = generation;
    world->vent->ending = true;
    world->vent->end_until_ms = world->now_ms + FAREWELL_MS;
    world->vent->end_again_ms = world->now_ms + END_AGAIN_MS;
    vent_say_end(world);
}

// Its worker's number is in its name.
static void tell_host(struct world *world, const struct tracker_action *action)
{
    struct tracker_host host;
    if (tracker_host(world->vent->tracker, action->task, &host))
        truth_bars(world, host.name.at[0], action->number > 0);
}

static void act(struct world *world, const struct tracker_action *action)
{
    struct vent *vent = world->vent;
    struct vent_peer *peer = &vent->peers[action->worker];
    struct tracker_offer offer;
    switch (action->kind) {
    case ACTION_SYNC:
        vent_say_sync(world, action->number);
        break;
    case ACTION_RECORDS:
        vent_say_records(world, action);
        break;
    case ACTION_TASKS:
        vent_say_tasks(world, action);
        break;
    case ACTION_LANE_AGAIN:
        world_note(world, "lane-again", action->worker, (int64_t)action->number,
                   0);
        vent_forget_frames(peer, action->number - 1);
        peer->frame_sent = 0;
        vent_flush(world, peer);
        break;
    case ACTION_LANE_FORGET:
        vent_forget_frames(peer, action->number);
        break;
    case ACTION_RETIRE:
    case ACTION_RESEND:
    case ACTION_RECALL:
    case ACTION_CANCEL:
        vent_say_numbered(world, action);
        break;
    case ACTION_CLOSE:
        close_peer(world, action->worker);
        break;
    case ACTION_FETCH:
        offer = offer_of(world, action->ordinal);
        tracker_fetched(vent->tracker, &offer, vent_now(world));
        break;
    case ACTION_FORGET:
    case ACTION_APART:
        break;
    case ACTION_HOST:
        tell_host(world, action);
        break;
    case ACTION_REDO:
        if (vent->next[CURSOR_FRONT] - 1 > vent->mark)
            vent->mark = vent->next[CURSOR_FRONT] - 1;
        vent->next[CURSOR_REDO] = 1;
        break;
    case ACTION_PARKED:
        // What was decided since is told to the newer one; nobody waits for the
        // older, and its END says nothing to who knows the newer.
        if (!world->twin_acts ||
            tracker_generation(vent->tracker) >= world->truth->generation)
            end_run(world, true);
        break;
    case ACTION_COMPLETE:
        end_run(world, false);
        break;
    case ACTION_FAIL:
        script_stops(world, "I13", action->text);
        break;
    }
}

void vent_act(struct world *world)
{
    struct tracker_action action;
    while (!world->broke && !world_dies(world, VENT) &&
           tracker_next(world->vent->tracker, &action))
        act(world, &action);
}

static bool read_one(struct world *world, enum cursor cursor)
{
    struct vent *vent = world->vent;
    const uint64_t task = vent->next[cursor];
    const bool ended = task > world->plan->tasks ||
                       (cursor == CURSOR_REDO && task > vent->mark);
    if (ended) {
        tracker_input_ended(vent->tracker, cursor);
        return false;
    }
    if (world->now_ms < (int64_t)task * world->plan->input_ms)
        return false;
    vent->next[cursor]++;
    if ((cursor == CURSOR_FRONT && task <= vent->mark) ||
        !tracker_needs(vent->tracker, task))
        return true;
    const struct tracker_offer offer = offer_of(world, task);
    tracker_offer(vent->tracker, &offer, vent_now(world));
    return true;
}

static void pump(struct world *world)
{
    for (enum cursor cursor = CURSOR_REDO; cursor <= CURSOR_FRONT; cursor++)
        while (tracker_wants(world->vent->tracker, cursor) &&
               read_one(world, cursor))
            ;
}

static void farewell(struct world *world)
{
    struct vent *vent = world->vent;
    bool all = !vent->sink_there || vent->sink_bye;
    for (unsigned i = 1; i <= SIM_PEERS; i++)
        all = all && (!vent->peers[i].used || vent->peers[i].bye);
    if (all || world->now_ms >= vent->end_until_ms) {
        lives_complete(world);
        return;
    }
    if (world->now_ms >= vent->end_again_ms) {
        vent->end_again_ms = world->now_ms + END_AGAIN_MS;
        vent_say_end(world);
    }
    world_turn(world, VENT, vent->end_again_ms);
}

// A pidfd tells of a worker that was welcomed, and of no other.
static void take_notices(struct world *world)
{
    struct vent *vent = world->vent;
    for (size_t i = 0; i < vent->gone_count; i++) {
        for (unsigned j = 1; j <= SIM_PEERS; j++) {
            if (!vent->peers[j].used ||
                !id128_equal(&vent->peers[j].id, &vent->gone[i]))
                continue;
            tracker_worker_gone(vent->tracker, &vent->gone[i], GONE_CRASHED,
                                vent_now(world));
            vent_act(world);
            break;
        }
    }
    vent->gone_count = 0;
}

void vent_turn(struct world *world)
{
    struct vent *vent = world->vent;
    vent_hear(world);
    if (world->broke || world_dies(world, VENT))
        return;
    take_notices(world);
    if (vent->ending) {
        farewell(world);
        return;
    }
    for (unsigned i = 1; i <= SIM_PEERS; i++)
        if (vent->peers[i].frame_sent < vent->peers[i].frame_count)
            vent_flush(world, &vent->peers[i]);
    pump(world);
    const int64_t wait_ms = tracker_turn(vent->tracker, vent_now(world));
    vent_act(world);
    const bool more = (tracker_wants(vent->tracker, CURSOR_FRONT) &&
                       world->plan->input_ms == 0) ||
                      world->process[VENT].in[SOCKET_CONTROL].first;
    if (!world->broke)
        world_turn(world, VENT,
                   world->now_ms + (more || wait_ms < 1 ? 1 : wait_ms));
}
