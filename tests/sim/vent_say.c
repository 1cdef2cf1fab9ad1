/* vent_say - messages of the ventilator; see sim_vent.c */
#include "tests/sim/sim_vent.h"

#include "tests/sim/truth.h"

#include <stdlib.h>
#include <string.h>

// A lane is bound: whoever has dialled its port gets a share.
void vent_flush(struct world *world, struct vent_peer *peer)
{
    for (unsigned tried = 0;
         tried < PROCESSES && peer->frame_sent < peer->frame_count; tried++) {
        const unsigned to = peer->rotate++ % PROCESSES;
        const struct channel *channel = &world->channel[WAY_LANE][to];
        if (to < WORK || twin_has(world, WAY_LANE, to) != world->twin_acts ||
            !channel->up || channel->port != peer->port || peer->port == 0)
            continue;
        const struct lane_frame *next = &peer->frames[peer->frame_sent];
        if (!net_down(world, WAY_LANE, to, channel->epoch,
                      buffer_span(&next->frame)))
            return;
        peer->frame_sent++;
        tried = 0;
    }
}

void vent_say_tasks(struct world *world, const struct tracker_action *action)
{
    struct vent *vent = world->vent;
    struct vent_peer *peer = &vent->peers[action->worker];
    if (peer->frame_count == peer->frame_capacity) {
        peer->frame_capacity = 2 * peer->frame_capacity + 8;
        peer->frames = reallocarray(peer->frames, peer->frame_capacity,
                                    sizeof *peer->frames);
        if (!peer->frames)
            abort();
    }
    struct lane_frame *added = &peer->frames[peer->frame_count++];
    *added = (struct lane_frame){.number = action->number};
    const struct wire_header header = vent_header(world, WIRE_TASKS);
    truth_sends(world, action, &peer->id, header.generation);
    const struct wire_tasks tasks = {
        .lane = peer->lane, .addressee = peer->id, .number = action->number};
    const size_t begun = wire_begin_tasks(&added->frame, &header, &tasks);
    for (size_t i = 0; i < action->count; i++) {
        const struct tracker_send *send = &action->sends[i];
        const struct wire_task task = {.task = send->task,
                                       .round = send->round,
                                       .attempt = send->attempt,
                                       .failures = send->failures,
                                       .timeout_ms = send->timeout_ms,
                                       .mem_max = send->mem_max,
                                       .flags = send->flags,
                                       .key = send->key};
        wire_add_task(&added->frame, &task);
    }
    wire_end_tasks(&added->frame, begun, (uint32_t)action->count);
    vent_flush(world, peer);
}

void vent_forget_frames(struct vent_peer *peer, uint64_t number)
{
    size_t done = 0;
    while (done < peer->frame_count && peer->frames[done].number <= number)
        buffer_free(&peer->frames[done++].frame);
    if (done == 0)
        return;
    peer->frame_count -= done;
    peer->frame_sent = peer->frame_sent > done ? peer->frame_sent - done : 0;
    memmove(peer->frames, peer->frames + done,
            peer->frame_count * sizeof peer->frames[0]);
}

void vent_say_numbered(struct world *world, const struct tracker_action *action)
{
    struct vent *vent = world->vent;
    const struct vent_peer *peer = &vent->peers[action->worker];
    struct wire_header header = vent_header(world, WIRE_RETIRE);
    if (!peer->used)
        return;
    if (action->kind == ACTION_RETIRE) {
        const struct wire_retire retire = {action->number};
        wire_put_retire(&vent->out, &header, &retire);
    } else if (action->kind == ACTION_RESEND) {
        const struct wire_resend resend = {action->number, vent->sink,
                                           vent->results};
        if (!vent->sink_there)
            return;
        wire_put_resend(&vent->out, &header, &resend);
    } else if (action->kind == ACTION_RECALL) {
        const struct wire_recall recall = {peer->lane, (uint32_t)action->count};
        wire_put_recall(&vent->out, &header, &recall);
    } else {
        wire_put_cancel(&vent->out, &header,
                        (struct wire_refs_out){&action->refs, 1});
    }
    vent_reply(world, id_process(&peer->id), peer->epoch);
}

void vent_say_records(struct world *world, const struct tracker_action *action)
{
    struct vent *vent = world->vent;
    const struct wire_header header = vent_header(world, WIRE_RECORD);
    const struct wire_records records = {
        .kept = action->number, .position = tracker_position(vent->tracker)};
    truth_records(world, action);
    if (!vent->sink_there)
        return;
    wire_put_records(&vent->out, &header, &records, action->records,
                     action->count);
    vent_reply(world, SINK, vent->sink_epoch);
}

void vent_say_sync(struct world *world, uint64_t position)
{
    struct vent *vent = world->vent;
    const struct wire_header header = vent_header(world, WIRE_SYNC);
    const struct wire_sync sync = {.position = position,
                                   .generation = vent->generation_known,
                                   .resume = lives_token(world)};
    wire_put_sync(&vent->out, &header, &sync);
    vent_reply(world, SINK, vent->sink_epoch);
}
