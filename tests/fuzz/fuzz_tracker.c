/* fuzz_tracker - bytes as a schedule of what peers may say to the tracker
 * covers: ventilator/tracker.c ventilator/tracker_*.c
 *
 * Three workers, some ten tasks, and a sink that says what it likes about them.
 * After each event all lists must hold together, each task must have gone where
 * its event may send it, and nothing may be sent that the guarantees forbid.
 */
#include "tests/fuzz/draw.h"
#include "ventilator/tracker_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 10, WORKERS = 3, RECORDS = 1024, HELD = 16, SLOTS_MAX = 3 };

enum op {
    TURN,
    OFFER,
    SINK_HELLO,
    SYNCED,
    STORED,
    HELLO,
    REPORT,
    RETURNED,
    GONE,
    FETCHED,
    ENDED,
    DRAIN,
    OPS
};

struct peer { // an incarnation
    uint32_t lane, slots;
    uint64_t sent, received, made, retired;
    uint32_t told; // tasks it was last heard to hold
    uint32_t unreceived[256];
    bool idle_word, rostered, shut, speed;
};

struct world {
    struct tracker *tracker;
    struct reader bytes;
    int64_t now_ms;
    enum op op;
    enum entry_state before[TASKS + 1];
    bool due[TASKS + 1], final[TASKS + 1], offered[TASKS + 1];
    uint64_t newest[TASKS + 1]; // attempt sent, with its generation
    uint64_t mark, record_seen, ordinal;
    struct wire_record record[RECORDS]; // by number
    struct peer peer[WORKERS + 1];
    unsigned of_handle[WORKERS + 1];
    size_t payloads;
    bool fetching[TASKS + 1], drained;
    struct buffer frame;
};

#define FROM(state) (1U << ENTRY_##state)
enum { ABSENT = 1U << ENTRY_FREE };

// From which states an event may bring a task to a state (by column); keeping
// it is always allowed. What turns into FINISHING comes from any open state.
static const unsigned MAY[OPS][ENTRY_STATES] = {
    [TURN] = {[ENTRY_OUT] =
                  FROM(READY) | FROM(LONELY) | FROM(WAITING) | FROM(RECORDING),
              [ENTRY_RECORDING] = FROM(OUT),
              [ENTRY_READY] = FROM(WAITING),
              [ENTRY_LONELY] = FROM(WAITING),
              [ENTRY_FETCHING] = FROM(WAITING),
              [ENTRY_FINISHING] = FROM(WAITING)},
    [OFFER] = {[ENTRY_READY] = ABSENT,
               [ENTRY_LONELY] = ABSENT,
               [ENTRY_FINISHING] = ABSENT},
    [STORED] = {[ENTRY_FREE] = ~0U,
                [ENTRY_WAITING] = FROM(OUT) | FROM(RECORDING),
                [ENTRY_READY] = FROM(RECORDING),
                [ENTRY_LONELY] = FROM(RECORDING),
                [ENTRY_FETCHING] = FROM(RECORDING),
                [ENTRY_FINISHING] =
                    FROM(OUT) | FROM(RECORDING) | FROM(READY) | FROM(LONELY)},
    [HELLO] = {[ENTRY_OUT] =
                   ABSENT | FROM(READY) | FROM(LONELY) | FROM(FETCHING)},
    [REPORT] = {[ENTRY_FREE] = FROM(OUT),
                [ENTRY_READY] = FROM(OUT),
                [ENTRY_LONELY] = FROM(OUT),
                [ENTRY_FETCHING] = FROM(OUT),
                [ENTRY_FINISHING] = FROM(OUT)},
    [RETURNED] = {[ENTRY_FREE] = FROM(OUT),
                  [ENTRY_READY] = FROM(OUT),
                  [ENTRY_LONELY] = FROM(OUT),
                  [ENTRY_FETCHING] = FROM(OUT),
                  [ENTRY_FINISHING] = FROM(OUT)},
    [GONE] = {[ENTRY_RECORDING] = FROM(OUT)},
    [FETCHED] = {[ENTRY_READY] = FROM(FETCHING),
                 [ENTRY_LONELY] = FROM(FETCHING),
                 [ENTRY_FINISHING] = FROM(FETCHING)},
};

static enum entry_state state_of(const struct world *world, uint64_t task)
{
    const uint32_t at = entry_find(world->tracker, task);
    return at ? world->tracker->entries[at].state : ENTRY_FREE;
}

static void remember(struct world *world)
{
    for (uint64_t i = 1; i <= TASKS; i++)
        world->before[i] = state_of(world, i);
}

static void check_moves(const struct world *world)
{
    for (uint64_t i = 1; i <= TASKS; i++) {
        const enum entry_state now = state_of(world, i);
        assert(now == world->before[i] ||
               (MAY[world->op][now] & 1U << world->before[i]));
    }
}

static size_t check_list(const struct tracker *tracker, const struct list *list,
                         enum entry_state state, uint32_t worker)
{
    size_t count = 0;
    uint32_t older = NONE;
    for (uint32_t i = list->oldest; i; i = tracker->entries[i].newer) {
        const struct entry *entry = &tracker->entries[i];
        assert(entry->older == older && entry->state == state);
        assert(state != ENTRY_OUT || entry->worker == worker);
        assert(entry_find(tracker, entry->task) == i);
        if (state == ENTRY_WAITING && older)
            assert(tracker->entries[older].due_ms <= entry->due_ms);
        older = i;
        count++;
    }
    assert(list->newest == older && list->count == count);
    return count;
}

static void check_inside(const struct world *world)
{
    const struct tracker *tracker = world->tracker;
    size_t listed = 0, payloads = 0;
    for (unsigned i = ENTRY_READY; i < ENTRY_STATES; i++)
        if (i != ENTRY_OUT)
            listed +=
                check_list(tracker, &tracker->lists[i], (enum entry_state)i, 0);
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (!worker)
            continue;
        listed += check_list(tracker, &worker->out, ENTRY_OUT, i);
        bool alone = false;
        for (uint32_t k = worker->out.oldest; k; k = tracker->entries[k].newer)
            alone = alone || tracker->entries[k].alone;
        assert(alone == worker->alone);
        assert(worker->received <= worker->sent);
    }
    assert(listed == tracker->open_count);
    for (uint32_t i = 1; i < tracker->entry_count; i++) {
        const struct entry *entry = &tracker->entries[i];
        payloads += entry->payload != NULL;
        assert(entry->state != ENTRY_OPENED);
        assert(entry->state == ENTRY_FREE ||
               entry_find(tracker, entry->task) == i);
    }
    assert(payloads == tracker->window_tasks && payloads == world->payloads);
    uint64_t finals = 0;
    for (size_t i = 0; i < STATUSES; i++)
        finals += tracker->counts.by_status[i];
    assert(finals == numset_count(tracker->final));
    assert(!tracker->failed);
}

static void check_tasks(struct world *world,
                        const struct tracker_action *action)
{
    struct peer *peer = &world->peer[world->of_handle[action->worker]];
    uint32_t held = peer->told + (uint32_t)action->count;
    assert(world->op == TURN && tracker_is_synced(world->tracker));
    assert(!world->drained && peer->rostered && !peer->shut);
    assert(action->count > 0 && action->number == ++peer->sent);
    for (uint64_t i = peer->received + 1; i < peer->sent; i++)
        held += peer->unreceived[i % 256];
    assert(peer->speed || held <= peer->slots);
    peer->unreceived[peer->sent % 256] = (uint32_t)action->count;
    for (size_t i = 0; i < action->count; i++) {
        const struct tracker_send *send = &action->sends[i];
        const uint64_t attempt =
            (uint64_t)tracker_generation(world->tracker) << 32 | send->attempt;
        assert(send->task >= 1 && send->task <= TASKS);
        assert(!world->final[send->task] && send->payload);
        assert(*(const uint64_t *)send->payload == send->task);
        assert(attempt > world->newest[send->task]);
        assert(send->task * 2 <= world->mark);
        assert(!(send->flags & TASK_ALONE) || held == 1);
        world->newest[send->task] = attempt;
    }
}

static void check_records(struct world *world,
                          const struct tracker_action *action)
{
    for (size_t i = 0; i < action->count; i++) {
        const struct wire_record *record = &action->records[i];
        assert(record->number >= action->number && record->number < RECORDS);
        assert(i == 0 || record->number == record[-1].number + 1);
        assert(record->number <= world->record_seen + 1);
        if (record->number > world->record_seen)
            world->record_seen = record->number;
        world->record[record->number] = *record;
    }
}

static void forget(struct world *world, void *payload)
{
    assert(payload && world->payloads > 0);
    world->payloads--;
    free(payload);
}

static void act(struct world *world)
{
    struct tracker_action action;
    while (tracker_next(world->tracker, &action)) {
        struct peer *peer = &world->peer[action.worker <= WORKERS
                                             ? world->of_handle[action.worker]
                                             : 0];
        switch (action.kind) {
        case ACTION_TASKS:
            check_tasks(world, &action);
            break;
        case ACTION_RECORDS:
            check_records(world, &action);
            break;
        case ACTION_FORGET:
            for (size_t i = 0; i < action.count; i++)
                forget(world, action.payloads[i]);
            break;
        case ACTION_FETCH:
            assert(!world->final[action.task]);
            world->fetching[action.task] = true;
            break;
        case ACTION_RETIRE:
            assert(action.number <= peer->retired);
            break;
        case ACTION_LANE_AGAIN:
            assert(action.number > peer->received &&
                   action.number <= peer->sent);
            break;
        case ACTION_LANE_FORGET:
            assert(action.number <= peer->sent);
            break;
        case ACTION_CLOSE:
            *peer = (struct peer){.lane = peer->lane, .retired = 0};
            world->of_handle[action.worker] = 0;
            break;
        case ACTION_COMPLETE:
            for (unsigned i = 1; i <= TASKS; i++)
                assert(!world->offered[i] || world->final[i]);
            break;
        case ACTION_FAIL:
            abort();
        case ACTION_SYNC:
        case ACTION_RESEND:
        case ACTION_RECALL:
        case ACTION_CANCEL:
            break;
        }
    }
}

static const struct wire_header HEADER = {.version = WIRE_VERSION,
                                          .type = WIRE_REPORT};

static struct span body_of(const struct buffer *frame)
{
    return (struct span){frame->at + WIRE_HEADER_SIZE,
                         frame->size - WIRE_HEADER_SIZE};
}

// All that a worker has been given, up to HELD.
static size_t held_refs(const struct world *world, unsigned which,
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
static size_t draw_refs(struct world *world, unsigned which,
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

static uint32_t count_of(const struct wire_refs *refs, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += refs[i].count;
    return sum;
}

static void on_hello(struct world *world)
{
    const unsigned which = 1 + draw(&world->bytes, WORKERS);
    const struct id128 id = draw_id('w', which);
    struct peer *peer = &world->peer[which];
    struct wire_refs queued[HELD], running[HELD];
    const size_t q = draw_refs(world, which, queued);
    const size_t r = draw_refs(world, which, running);
    struct wire_hello hello = {.version_min = 1,
                               .version_max = 1,
                               .role = ROLE_WORKER,
                               .slots = 1 + draw(&world->bytes, SLOTS_MAX),
                               .pid = 7,
                               .host = SPAN_OF("h")};
    unsigned handle = 0;
    hello.lane = peer->lane + draw(&world->bytes, 2);
    hello.flags = draw_rare(&world->bytes, 4) ? HELLO_MORE : 0;
    hello.made = peer->made + draw(&world->bytes, 3);
    hello.kept = hello.made + 1 - draw(&world->bytes, 2) * (hello.made > 0);
    buffer_clear(&world->frame);
    wire_put_hello(&world->frame, &HEADER, &hello,
                   (struct wire_refs_out){queued, q},
                   (struct wire_refs_out){running, r});
    assert(wire_get_hello(body_of(&world->frame), &hello));
    const uint32_t lane = peer->lane;
    const bool part = peer->idle_word;
    const enum hello_verdict verdict =
        tracker_hello(world->tracker, &id, &hello, world->now_ms, &handle);
    assert(verdict != HELLO_FULL && handle >= 1 && handle <= WORKERS);
    const bool known = world->of_handle[handle] == which;
    assert(known || world->of_handle[handle] == 0);
    world->of_handle[handle] = which;
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
    peer->told += count_of(queued, q) + count_of(running, r);
    peer->rostered =
        peer->rostered || world->tracker->workers[handle]->rostered;
}

static void on_report(struct world *world)
{
    const unsigned which = 1 + draw(&world->bytes, WORKERS);
    const struct id128 id = draw_id('w', which);
    struct peer *peer = &world->peer[which];
    struct wire_refs queued[HELD], running[HELD];
    const size_t q = draw_refs(world, which, queued);
    const size_t r = draw_refs(world, which, running);
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
                    (struct wire_refs_out){queued, q},
                    (struct wire_refs_out){running, r});
    assert(wire_get_report(body_of(&world->frame), &report));
    const bool known =
        tracker_report(world->tracker, &id, world->tracker->generation, &report,
                       world->now_ms);
    if (!known || report.lane != peer->lane || peer->idle_word)
        return;
    assert(report.received <= peer->sent);
    if (report.received > peer->received)
        peer->received = report.received;
    peer->told = count_of(queued, q) + count_of(running, r);
    peer->shut = report.flags & (REPORT_FULL | REPORT_DRAINING);
    peer->made = report.made;
    peer->speed = peer->speed || report.busy_us > 0;
    if (report.kept - 1 > peer->retired)
        peer->retired = report.kept - 1;
}

static void on_returned(struct world *world)
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

static void on_synced(struct world *world)
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

static struct wire_stored_entry draw_entry(struct world *world)
{
    struct wire_stored_entry entry = {.task = 1 + draw(&world->bytes, TASKS)};
    const uint64_t newest = world->newest[entry.task];
    const uint64_t older = draw_rare(&world->bytes, 4) && newest > 0;
    entry.kind = (uint8_t)(1 + draw(&world->bytes, STORED_HELD));
    entry.generation = (uint32_t)((newest - older) >> 32);
    entry.attempt = (uint32_t)(newest - older);
    entry.class = (uint8_t)(1 + draw(&world->bytes, CLASSES - 1));
    entry.status = (uint8_t)(1 + draw(&world->bytes, STATUSES - 1));
    if (entry.kind == STORED_FINAL)
        world->final[entry.task] = true;
    return entry;
}

static void take_record(struct world *world, uint64_t number)
{
    const struct wire_record *record = &world->record[number];
    if (record->kind == RECORD_MARK && record->a > world->mark)
        world->mark = record->a;
    for (unsigned i = 1; i <= WORKERS; i++) {
        const struct id128 id = draw_id('w', i);
        if (record->kind == RECORD_JOINED && id128_equal(&id, &record->subject))
            world->peer[i].rostered = true;
    }
}

static void on_stored(struct world *world)
{
    struct tracker *tracker = world->tracker;
    const struct wire_run run = {1 + draw(&world->bytes, TASKS), 1};
    struct wire_stored_entry entries[3];
    struct wire_worker_mark mark = {
        .worker = draw_id('w', 1 + draw(&world->bytes, WORKERS))};
    mark.number = draw(&world->bytes, 8);
    const uint64_t recorded =
        world->record_seen - draw(&world->bytes, 3) % (world->record_seen + 1);
    struct wire_stored stored = {.from = tracker_position(tracker),
                                 .record = recorded};
    struct wire_stored_out lists = {
        .finals = {&run, 0}, .entries = entries, .workers = &mark};
    lists.finals.count = draw(&world->bytes, 2);
    lists.entry_count = draw(&world->bytes, 3);
    lists.worker_count = draw(&world->bytes, 2);
    const bool stray = draw_rare(&world->bytes, 12);
    stored.from += stray;
    stored.to = stored.from + draw(&world->bytes, 9);
    if (stray || !tracker_is_synced(tracker)) {
        lists.finals.count = lists.entry_count = 0;
    } else {
        const unsigned who = drawn_which(&mark.worker);
        if (lists.worker_count > 0 && mark.number > world->peer[who].retired)
            world->peer[who].retired = mark.number;
        if (lists.finals.count > 0)
            world->final[run.first] = true;
        for (size_t i = 0; i < lists.entry_count; i++)
            entries[i] = draw_entry(world);
        for (uint64_t i = 1; i <= recorded; i++)
            take_record(world, i);
    }
    buffer_clear(&world->frame);
    wire_put_stored(&world->frame, &HEADER, &stored, &lists);
    assert(wire_get_stored(body_of(&world->frame), &stored));
    tracker_stored(tracker, &stored, world->now_ms);
}

static struct tracker_offer draw_offer(struct world *world, uint64_t task)
{
    struct tracker_offer offer = {.task = task,
                                  .ordinal = task * 2,
                                  .offset = task * 20,
                                  .key = draw_id('k', (unsigned)task)};
    if (draw_rare(&world->bytes, 8)) {
        offer.bad = "no command";
        return offer;
    }
    uint64_t *payload = malloc(sizeof *payload);
    if (!payload)
        abort();
    *payload = task;
    world->payloads++;
    offer.payload = payload;
    offer.payload_size = sizeof *payload;
    return offer;
}

// Reads on as the ventilator does: what is final is passed over.
static void on_offer(struct world *world)
{
    const uint64_t task = 1 + draw(&world->bytes, TASKS);
    const enum cursor cursor =
        task <= world->ordinal ? CURSOR_REDO : CURSOR_FRONT;
    if (!tracker_wants(world->tracker, cursor) ||
        !tracker_needs(world->tracker, task))
        return;
    if (cursor == CURSOR_FRONT)
        world->ordinal = task;
    const struct tracker_offer offer = draw_offer(world, task);
    world->offered[task] = true;
    tracker_offer(world->tracker, &offer, world->now_ms);
}

static void on_fetched(struct world *world)
{
    const uint64_t task = 1 + draw(&world->bytes, TASKS);
    if (!world->fetching[task])
        return;
    world->fetching[task] = false;
    const struct tracker_offer offer = draw_offer(world, task);
    tracker_fetched(world->tracker, &offer, world->now_ms);
}

static void on_gone(struct world *world)
{
    const struct id128 id = draw_id('w', 1 + draw(&world->bytes, WORKERS));
    tracker_worker_gone(world->tracker, &id,
                        (enum gone)draw(&world->bytes, GONE_CRASHED + 1),
                        world->now_ms);
}

static void on_turn(struct world *world)
{
    static const int64_t STEPS_MS[] = {1, 10, 100, 490, 1000, 2000, 60000};
    world->now_ms +=
        STEPS_MS[draw(&world->bytes, sizeof STEPS_MS / sizeof STEPS_MS[0])];
    assert(tracker_turn(world->tracker, world->now_ms) >= 0);
}

static void on_sink_hello(struct world *world)
{
    tracker_sink_hello(world->tracker, world->now_ms);
}

static void on_ended(struct world *world)
{
    tracker_input_ended(world->tracker,
                        (enum cursor)draw(&world->bytes, CURSOR_FRONT + 1));
}

static void on_drain(struct world *world)
{
    if (!draw_rare(&world->bytes, 8))
        return;
    tracker_drain(world->tracker);
    world->drained = true;
}

static void (*const EVENTS_OF[OPS])(struct world *) = {
    [TURN] = on_turn,
    [OFFER] = on_offer,
    [SINK_HELLO] = on_sink_hello,
    [SYNCED] = on_synced,
    [STORED] = on_stored,
    [HELLO] = on_hello,
    [REPORT] = on_report,
    [RETURNED] = on_returned,
    [GONE] = on_gone,
    [FETCHED] = on_fetched,
    [ENDED] = on_ended,
    [DRAIN] = on_drain,
};

static struct tracker *create(struct world *world)
{
    struct tracker_limits limits = {.window_bytes = 1000,
                                    .prefetch_ms = 100,
                                    .heartbeat_ms = 1000,
                                    .liveness_ms = 3000,
                                    .workers_max = WORKERS};
    struct policy policy = {.on_fail = ANSWER_FAIL, .backoff_max_ms = 10000};
    limits.window_tasks = TASKS - draw(&world->bytes, TASKS - 1);
    limits.order_window = draw(&world->bytes, 30);
    limits.losses_max = 4 - draw(&world->bytes, 4);
    limits.lone_deaths_max = 1 + draw(&world->bytes, 3);
    limits.rejoin_ms = 1000 * draw(&world->bytes, 4);
    policy.retries_max = draw(&world->bytes, 3);
    policy.backoff_min_ms = draw(&world->bytes, 2) * 5000;
    if (draw(&world->bytes, 2))
        policy.on_fail = ANSWER_IGNORE;
    return tracker_create(&limits, &policy, world->now_ms);
}

static void end(struct world *world)
{
    const struct tracker *tracker = world->tracker;
    for (uint32_t i = 1; i < tracker->entry_count; i++)
        if (tracker->entries[i].payload)
            forget(world, tracker->entries[i].payload);
    assert(world->payloads == 0);
    tracker_destroy(&world->tracker);
    buffer_free(&world->frame);
    free(world);
}

// Two workers and the sink are there, all tasks are read, some are out.
static const uint8_t BEGUN[] = {
    SINK_HELLO,                                           //
    SYNCED,     0, 0, 0,     0, 0, 0,     TASKS, 0, 0,    // mark: all of them
    HELLO,      0, 0, 0,     1, 1, 0,     0,     0,       // two slots
    HELLO,      1, 0, 0,     1, 1, 0,     0,     0,       //
    TURN,       1,                                        // JOINED goes out
    STORED,     0, 0, 0,     0, 0, 0,     0,     0, 1,    // and is in
    REPORT,     0, 0, 0,     0, 0, 0,     0,     0, 0, 0, // on its lane
    REPORT,     1, 0, 0,     0, 0, 0,     0,     0, 0, 0, //
    OFFER,      0, 0, OFFER, 1, 0, OFFER, 2,     0,       //
    OFFER,      3, 0, OFFER, 4, 0, OFFER, 5,     0,       //
    TURN,       0,                                        // four are sent
    REPORT,     0, 0, 7,     0, 0, 0,     0,     0, 0, 0, // and run
    REPORT,     1, 0, 7,     0, 0, 0,     0,     0, 0, 0, //
};

static void run(struct world *world)
{
    while (reader_left(&world->bytes) > 0 &&
           world->tracker->record_next < RECORDS - 16) {
        world->op = (enum op)draw(&world->bytes, OPS);
        remember(world);
        EVENTS_OF[world->op](world);
        act(world);
        check_moves(world);
        check_inside(world);
    }
}

// Some bytes of limits; then a schedule, mostly of a run that has begun.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return 0;
    world->bytes = reader_over((struct span){data, size});
    world->now_ms = 1000;
    world->tracker = create(world);
    if (draw(&world->bytes, 4) > 0) {
        const struct reader rest = world->bytes;
        world->bytes = reader_over((struct span){BEGUN, sizeof BEGUN});
        run(world);
        world->bytes = rest;
    }
    run(world);
    end(world);
    return 0;
}
