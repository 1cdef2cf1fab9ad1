/* vent_hear - messages to the ventilator; see sim_vent.c
 *
 * As messages.c has it. Decisions that sit in that edge: who is told to say
 * HELLO first; that a generation is written down before it is used; that a
 * sink which offers no higher one is refused; whose address is believed.
 */
#include "tests/sim/sim_vent.h"

#include "common/base/mutant.h"
#include "tests/sim/script.h"
#include "tests/sim/truth.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 1 << 24 };

struct incoming {
    struct wire_header header;
    struct span body;
    unsigned from;
    uint32_t epoch;
};

static void refuse(struct world *world, const struct incoming *in,
                   enum wire_refusal code)
{
    const struct wire_header header = vent_header(world, WIRE_REFUSED);
    const struct wire_refused refused = {.code = (uint16_t)code};
    world_note(world, "refuses", in->from, (int64_t)code, 0);
    wire_put_refused(&world->vent->out, &header, &refused);
    vent_reply(world, in->from, in->epoch);
}

static void hello_sink(struct world *world, const struct incoming *in,
                       const struct wire_hello *hello)
{
    struct vent *vent = world->vent;
    vent->sink_there = true;
    vent->sink = in->header.sender;
    vent->sink_epoch = in->epoch;
    memcpy(vent->results_bytes, hello->endpoint.at, hello->endpoint.size);
    vent->results = (struct span){vent->results_bytes, hello->endpoint.size};
    const struct wire_header header = vent_header(world, WIRE_WELCOME);
    const struct wire_welcome welcome = {.version = WIRE_VERSION,
                                         .sink = vent->sink};
    wire_put_welcome(&vent->out, &header, &welcome,
                     (struct wire_pairs_out){NULL, 0});
    vent_reply(world, SINK, in->epoch);
    tracker_sink_hello(vent->tracker, vent_now(world));
}

static void welcome(struct world *world, unsigned handle,
                    const struct incoming *in, const struct wire_hello *hello)
{
    struct vent *vent = world->vent;
    struct vent_peer *peer = &vent->peers[handle];
    if (!peer->used)
        *peer = (struct vent_peer){.used = true, .id = in->header.sender};
    peer->epoch = in->epoch;
    if (peer->lane != hello->lane || peer->port == 0) {
        vent_close_lane(world, peer);
        peer->lane = hello->lane;
        peer->port = vent_free_port(world);
    }
    const struct wire_header header = vent_header(world, WIRE_WELCOME);
    const struct wire_welcome said = {
        .version = WIRE_VERSION,
        .lane = peer->lane,
        .sink = vent->sink,
        .lane_endpoint = {(const uint8_t *)&peer->port, sizeof peer->port},
        .results_endpoint = vent->results};
    wire_put_welcome(&vent->out, &header, &said,
                     (struct wire_pairs_out){NULL, 0});
    vent_reply(world, in->from, in->epoch);
    // A pidfd cannot be had of a process that is gone already.
    if (!id_alive(world, &peer->id) && world->plan->notice == 100)
        vent_notice(world, &peer->id);
}

static void on_bye_marks(struct vent *vent, const struct id128 *sender)
{
    if (vent->sink_there && id128_equal(&vent->sink, sender))
        vent->sink_bye = true;
    for (unsigned i = 1; i <= SIM_PEERS; i++)
        if (vent->peers[i].used && id128_equal(&vent->peers[i].id, sender))
            vent->peers[i].bye = true;
}

static void on_hello(struct world *world, const struct incoming *in)
{
    struct vent *vent = world->vent;
    struct wire_hello hello;
    unsigned handle = 0;
    if (!wire_get_hello(in->body, &hello))
        return;
    if (vent->ending) {
        on_bye_marks(vent, &in->header.sender);
        refuse(world, in, REFUSED_COMPLETE);
        return;
    }
    if (hello.role == ROLE_SINK) {
        hello_sink(world, in, &hello);
        return;
    }
    if (world->plan->unfit >> (in->from - WORK) & 1)
        hello.slots = 0;
    const enum hello_verdict verdict = tracker_hello(
        vent->tracker, &in->header.sender, &hello, vent_now(world), &handle);
    world_note(world, "hello", in->from, verdict, hello.lane);
    if (verdict == HELLO_FULL)
        refuse(world, in, REFUSED_FULL);
    else if (verdict != HELLO_PART && verdict != HELLO_ODD)
        welcome(world, handle, in, &hello);
}

static void on_report(struct world *world, const struct incoming *in)
{
    struct vent *vent = world->vent;
    struct wire_report report;
    if (!wire_get_report(in->body, &report))
        return;
    if (!tracker_report(vent->tracker, &in->header.sender,
                        in->header.generation, &report, vent_now(world))) {
        refuse(world, in, REFUSED_HELLO_FIRST);
        return;
    }
    for (unsigned i = 1; i <= SIM_PEERS; i++)
        if (vent->peers[i].used &&
            id128_equal(&vent->peers[i].id, &in->header.sender)) {
            vent->peers[i].epoch = in->epoch;
            vent->peers[i].drains = report.flags & REPORT_DRAINING;
        }
}

static void on_returned(struct world *world, const struct incoming *in)
{
    struct wire_returned returned;
    if (wire_get_returned(in->body, &returned) &&
        !tracker_returned(world->vent->tracker, &in->header.sender, &returned,
                          vent_now(world)))
        refuse(world, in, REFUSED_HELLO_FIRST);
}

static bool from_sink(struct world *world, const struct incoming *in)
{
    struct vent *vent = world->vent;
    if (vent->sink_there && id128_equal(&vent->sink, &in->header.sender)) {
        vent->sink_epoch = in->epoch;
        return true;
    }
    refuse(world, in, REFUSED_HELLO_FIRST);
    return false;
}

static void on_stored(struct world *world, const struct incoming *in)
{
    struct vent *vent = world->vent;
    struct wire_stored stored;
    if (!from_sink(world, in) || !wire_get_stored(in->body, &stored))
        return;
    world_note(world, "stored", (int64_t)stored.from, (int64_t)stored.to,
               (int64_t)tracker_position(vent->tracker));
    const uint64_t position = tracker_position(vent->tracker);
    const bool taken = tracker_is_synced(vent->tracker) &&
                       (stored.from == position || MUTANT(STORED_UNCHECKED));
    if (taken)
        truth_heard(world, &stored);
    if (!world->broke)
        tracker_stored(vent->tracker, &stored, vent_now(world));
    if (tracker_position(vent->tracker) != position)
        truth_takes_stored(world, stored.from, position);
}

static bool grant(struct world *world, uint32_t generation)
{
    if (tracker_generation(world->vent->tracker) == generation)
        return true;
    struct vent *vent = world->vent;
    if (generation <= vent->generation_known && !MUTANT(GENERATION_ANY)) {
        script_stops(world, "I7", "a generation is offered again");
        return false;
    }
    if (world_dies(world, VENT))
        return false;
    vent->generation_known = generation;
    if (!world->twin_acts) // the other's host has a file of its own
        world->generation_file = generation;
    return !world_dies(world, VENT);
}

static void await(struct vent *vent, const struct id128 *worker)
{
    if (vent->awaited_count < SIM_PEERS)
        vent->awaited[vent->awaited_count++] = *worker;
}

static void watch_roster(struct world *world)
{
    struct vent *vent = world->vent;
    size_t cursor = 0;
    struct wire_roster_entry entry;
    while (tracker_roster_next(vent->tracker, &cursor, &entry))
        if (world->plan->notice == 100 && !id_alive(world, &entry.worker))
            tracker_worker_gone(vent->tracker, &entry.worker, GONE_CRASHED,
                                vent_now(world));
        else if (vent->placed_ms == world->now_ms)
            await(vent, &entry.worker);
}

static void on_synced(struct world *world, const struct incoming *in)
{
    struct vent *vent = world->vent;
    struct wire_synced part;
    if (!from_sink(world, in) || !wire_get_synced(in->body, &part) ||
        (!id128_equal(&part.ventilator, &world->process[VENT].id) &&
         !MUTANT(SYNCED_OF_OTHER)) ||
        tracker_is_synced(vent->tracker) || !grant(world, part.generation))
        return;
    truth_synced(world, &part);
    tracker_synced(vent->tracker, &part, vent_now(world));
    if (!tracker_is_synced(vent->tracker))
        return;
    truth_synced_whole(world, part.position);
    if (!vent->placed) {
        uint64_t from, offset;
        vent->placed = true;
        vent->placed_ms = world->now_ms;
        tracker_mark(vent->tracker, &vent->mark, &from, &offset);
        vent->next[CURSOR_REDO] = 1;
        vent->next[CURSOR_FRONT] = from ? from : 1;
        if (vent->mark == 0)
            tracker_input_ended(vent->tracker, CURSOR_REDO);
        if (offset != from * 10)
            world_broke(world, "mark", "a place and its offset do not fit");
    }
    watch_roster(world);
}

static void on_bye(struct world *world, const struct incoming *in)
{
    struct vent *vent = world->vent;
    struct wire_bye bye;
    if (!wire_get_bye(in->body, &bye))
        return;
    if (vent->ending) {
        on_bye_marks(vent, &in->header.sender);
        return;
    }
    for (unsigned i = 1; i <= SIM_PEERS; i++)
        if (vent->peers[i].used &&
            id128_equal(&vent->peers[i].id, &in->header.sender))
            vent->peers[i].leaves = true;
    tracker_worker_gone(vent->tracker, &in->header.sender,
                        bye.reason == END_DRAINED ? GONE_DRAINED : GONE_LOST,
                        vent_now(world));
}

static void hear(struct world *world, const struct frame *frame)
{
    struct incoming in = {.from = frame->from, .epoch = frame->epoch};
    if (wire_open((struct span){frame->bytes, frame->size}, FRAME_MAX,
                  &world->vent->scratch, &in.header, &in.body) != WIRE_FINE) {
        world_broke(world, "wire", "a message cannot be read");
        return;
    }
    const struct id128 run = {{1}};
    if (in.header.type != WIRE_HELLO && !id128_equal(&in.header.run, &run))
        return;
    if (in.header.type == WIRE_HELLO)
        on_hello(world, &in);
    else if (in.header.type == WIRE_REPORT)
        on_report(world, &in);
    else if (in.header.type == WIRE_RETURNED)
        on_returned(world, &in);
    else if (in.header.type == WIRE_STORED)
        on_stored(world, &in);
    else if (in.header.type == WIRE_SYNCED)
        on_synced(world, &in);
    else if (in.header.type == WIRE_BYE)
        on_bye(world, &in);
}

void vent_hear(struct world *world)
{
    struct frame *frame;
    for (unsigned i = 0;
         i < world->plan->batch && !world->broke && !world_dies(world, VENT) &&
         (frame = net_take(world, VENT, SOCKET_CONTROL));
         i++) {
        hear(world, frame);
        free(frame);
        vent_act(world);
    }
}

void vent_say_end(struct world *world)
{
    struct vent *vent = world->vent;
    const struct wire_header header = vent_header(world, WIRE_END);
    const struct wire_end end = {.reason = END_COMPLETE};
    for (unsigned i = 1; i <= SIM_PEERS; i++) {
        if (!vent->peers[i].used || vent->peers[i].bye)
            continue;
        wire_put_end(&vent->out, &header, &end);
        vent_reply(world, id_process(&vent->peers[i].id), vent->peers[i].epoch);
    }
    if (!vent->sink_there || vent->sink_bye)
        return;
    wire_put_end(&vent->out, &header, &end);
    vent_reply(world, SINK, vent->sink_epoch);
}
