/* tracker_said - what workers and the sink say to the tracker, drawn from the
 * fuzzer's bytes, and what the peers know then */
#ifndef TESTS_FUZZ_TRACKER_SAID_H
#define TESTS_FUZZ_TRACKER_SAID_H

#include "tests/fuzz/tracker_world.h"

#include <assert.h>

static const struct wire_header HEADER = {.version = WIRE_VERSION,
                                          .type = WIRE_REPORT};

static inline struct span body_of(const struct buffer *frame)
{
    return (struct span){frame->at + WIRE_HEADER_SIZE,
                         frame->size - WIRE_HEADER_SIZE};
}

// All that a worker has been given, up to HELD.
static inline size_t held_refs(const struct world *world, unsigned which,
                               struct wire_refs *refs)
{
    size_t count = 0;
    const struct tracker *tracker = world->tracker;
    for (uint32_t k = 1; k <= WORKERS; k++) {
        if (world->of_handle[k] != which)
            continue;
        for (uint32_t i = tracker->workers[k]->out.oldest; i && count < HELD;
             i = tracker->entries[i].newer)
            refs[count++] =
                (struct wire_refs){.task = tracker->entries[i].task,
                                   .count = 1,
                                   .generation = tracker->entries[i].generation,
                                   .attempt = tracker->entries[i].attempt};
    }
    return count;
}

// Tasks that a worker says it holds: mostly as they were last sent.
static inline size_t draw_refs(struct world *world, unsigned which,
                               struct wire_refs *refs)
{
    enum { LIST_MAX = 5 };
    const size_t count = draw(&world->bytes, LIST_MAX + 3);
    if (count > LIST_MAX)
        return held_refs(world, which, refs);
    for (size_t i = 0; i < count; i++) {
        const uint64_t task = 1 + draw(&world->bytes, TASKS);
        const uint64_t newest = world->newest[task];
        refs[i] = (struct wire_refs){.task = task,
                                     .count = 1,
                                     .generation = (uint32_t)(newest >> 32),
                                     .attempt = (uint32_t)newest};
        if (draw_rare(&world->bytes, 5)) {
            refs[i].generation = 1 + draw(&world->bytes, 3);
            refs[i].attempt = 1 + draw(&world->bytes, 4);
        }
        if (draw_rare(&world->bytes, 9))
            refs[i].count = 1 + draw(&world->bytes, 4);
        if (task + refs[i].count > TASKS + 1)
            refs[i].count = (uint32_t)(TASKS + 1 - task);
        if (refs[i].generation == 0)
            refs[i].generation = refs[i].attempt = 1;
        // An attempt there was: none may ever be sent under its number.
        const uint64_t said =
            (uint64_t)refs[i].generation << 32 | refs[i].attempt;
        if (refs[i].generation > tracker_generation(world->tracker) ||
            said > newest)
            refs[i].generation = 0;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (refs[i].generation > 0)
            refs[kept++] = refs[i];
    return kept;
}

static inline uint32_t count_of(const struct wire_refs *refs, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += refs[i].count;
    return sum;
}

// A worker's word, and the tasks it says it holds.
struct said {
    unsigned which;
    struct id128 id;
    struct peer *peer;
    struct wire_refs queued[HELD], running[HELD];
    size_t queued_count, running_count;
};

static inline void draw_said(struct world *world, struct said *said)
{
    said->which = 1 + draw(&world->bytes, WORKERS);
    said->id = draw_id('w', said->which);
    said->peer = &world->peer[said->which];
    said->queued_count = draw_refs(world, said->which, said->queued);
    said->running_count = draw_refs(world, said->which, said->running);
}

static inline uint32_t held_of(const struct said *said)
{
    return count_of(said->queued, said->queued_count) +
           count_of(said->running, said->running_count);
}

static inline void on_hello(struct world *world)
{
    struct said said;
    draw_said(world, &said);
    struct peer *const peer = said.peer;
    struct wire_hello hello = {.version_min = 1,
                               .version_max = 1,
                               .role = ROLE_WORKER,
                               .slots = draw(&world->bytes, SLOTS_MAX + 1),
                               .pid = 7,
                               .host = SPAN_OF("h")};
    unsigned handle = 0;
    hello.lane = peer->lane + draw(&world->bytes, 2);
    hello.flags = draw_rare(&world->bytes, 4) ? HELLO_MORE : 0;
    hello.made = peer->made + draw(&world->bytes, 3);
    hello.kept = hello.made + 1 - draw(&world->bytes, 2) * (hello.made > 0);
    buffer_clear(&world->frame);
    wire_put_hello(&world->frame, &HEADER, &hello,
                   (struct wire_refs_out){said.queued, said.queued_count},
                   (struct wire_refs_out){said.running, said.running_count},
                   (struct wire_pairs_out){0});
    assert(wire_get_hello(body_of(&world->frame), &hello));
    const uint32_t lane = peer->lane;
    const bool part = peer->idle_word;
    const enum hello_verdict verdict =
        tracker_hello(world->tracker, &said.id, &hello, world->now_ms, &handle);
    assert(verdict != HELLO_FULL && handle >= 1 && handle <= WORKERS);
    const bool known = world->of_handle[handle] == said.which;
    assert(known || world->of_handle[handle] == 0);
    world->of_handle[handle] = said.which;
    peer->idle_word = verdict == HELLO_PART;
    if (verdict == HELLO_AGAIN)
        return;
    if (!known || hello.lane != lane) {
        peer->lane = hello.lane;
        peer->slots = hello.slots;
        peer->sent = peer->received = 0;
        peer->told = 0;
        peer->made = hello.made;
        if (hello.kept - 1 > peer->retired)
            peer->retired = hello.kept - 1;
    } else {
        assert(part);
    }
    peer->told += held_of(&said);
    peer->rostered =
        peer->rostered || world->tracker->workers[handle]->rostered;
}

static inline void on_report(struct world *world)
{
    struct said said;
    draw_said(world, &said);
    struct peer *const peer = said.peer;
    struct wire_report report = {.lane =
                                     peer->lane - draw_rare(&world->bytes, 8)};
    if (draw_rare(&world->bytes, 8))
        report.flags = draw(&world->bytes, 4);
    report.received = peer->sent - draw(&world->bytes, 2) * (peer->sent > 0);
    report.made = peer->made + draw(&world->bytes, 2);
    if (report.received < peer->received)
        report.received = peer->received;
    if (draw_rare(&world->bytes, 16))
        report.received = draw(&world->bytes, 9);
    report.kept = report.made + 1 - draw(&world->bytes, 2) * (report.made > 0);
    if (draw_rare(&world->bytes, 6)) {
        report.finished = draw(&world->bytes, 8);
        report.busy_us = draw(&world->bytes, 8) * 1000;
    }
    buffer_clear(&world->frame);
    wire_put_report(&world->frame, &HEADER, &report,
                    (struct wire_refs_out){said.queued, said.queued_count},
                    (struct wire_refs_out){said.running, said.running_count});
    assert(wire_get_report(body_of(&world->frame), &report));
    const bool known =
        tracker_report(world->tracker, &said.id, world->tracker->generation,
                       &report, world->now_ms);
    if (!known || report.lane != peer->lane || peer->idle_word)
        return;
    assert(report.received <= peer->sent);
    if (report.received > peer->received)
        peer->received = report.received;
    peer->told = held_of(&said);
    peer->shut = report.flags & (REPORT_FULL | REPORT_DRAINING);
    peer->made = report.made;
    peer->speed = peer->speed || report.busy_us > 0;
    if (report.kept - 1 > peer->retired)
        peer->retired = report.kept - 1;
}

static inline void on_returned(struct world *world)
{
    const unsigned which = 1 + draw(&world->bytes, WORKERS);
    const struct id128 id = draw_id('w', which);
    struct peer *peer = &world->peer[which];
    struct wire_refs refs[HELD];
    const size_t count = draw_refs(world, which, refs);
    struct wire_returned returned;
    const uint32_t lane = peer->lane - draw_rare(&world->bytes, 8);
    buffer_clear(&world->frame);
    wire_put_returned(&world->frame, &HEADER, lane,
                      (struct wire_refs_out){refs, count});
    assert(wire_get_returned(body_of(&world->frame), &returned));
    const uint32_t at = (uint32_t)(world->of_handle[1] == which   ? 1
                                   : world->of_handle[2] == which ? 2
                                   : world->of_handle[3] == which ? 3
                                                                  : 0);
    tracker_returned(world->tracker, &id, &returned, world->now_ms);
    // A task that was given back is held no more, as far as credit goes.
    if (at)
        peer->told = world->tracker->workers[at]->queued +
                     world->tracker->workers[at]->running;
}

static inline void on_synced(struct world *world)
{
    struct tracker *tracker = world->tracker;
    const bool first = !tracker->loaded;
    struct wire_run runs[TASKS];
    struct wire_open_task open = {.task = 1 + draw(&world->bytes, TASKS)};
    struct wire_synced part = {
        .generation = tracker->generation ? tracker->generation : 2,
        .flags = draw_rare(&world->bytes, 6) ? SYNCED_MORE : 0,
        .position = tracker_position(tracker)};
    struct wire_synced_out lists = {.finals = {runs, 0}, .open = &open};
    struct wire_roster_entry roster = {
        .worker = draw_id('w', 1 + draw(&world->bytes, WORKERS)), .pid = 7};
    if (!tracker->sink_there || tracker->synced)
        return;
    if (!first || draw_rare(&world->bytes, 8))
        part.flags |= SYNCED_DELTA;
    if (draw_rare(&world->bytes, 12))
        part.position++;
    const bool takes = first || ((part.flags & SYNCED_DELTA) &&
                                 part.position == tracker_position(tracker));
    if (first) {
        for (uint64_t i = draw(&world->bytes, TASKS), k = 0; k < i; k += 2)
            world->final[k + 1] = true;
        for (uint64_t i = 1; i <= TASKS; i++)
            if (world->final[i])
                runs[lists.finals.count++] = (struct wire_run){i, 1};
        part.by_status[STATUS_OK] = lists.finals.count;
        part.mark = 2 * draw(&world->bytes, TASKS + 1);
        if (draw(&world->bytes, 2) && !world->final[open.task]) {
            lists.open_count = 1;
            open.failures = draw(&world->bytes, 4);
            open.losses = draw(&world->bytes, 4);
            open.lone_deaths = draw(&world->bytes, 3);
            open.last_class = open.failures ? CLASS_EXIT : CLASS_NONE;
        }
        lists.roster = &roster;
        lists.roster_count = draw(&world->bytes, 2);
        if (part.mark > world->mark)
            world->mark = part.mark;
    }
    buffer_clear(&world->frame);
    wire_put_synced(&world->frame, &HEADER, &part, &lists);
    assert(wire_get_synced(body_of(&world->frame), &part));
    tracker_synced(tracker, &part, world->now_ms);
    assert(tracker_is_synced(tracker) ==
           (takes && !(part.flags & SYNCED_MORE)));
    for (uint32_t i = 1; i <= WORKERS; i++)
        if (world->of_handle[i] && worker_at(tracker, i)->rostered)
            world->peer[world->of_handle[i]].rostered = true;
}

#endif
