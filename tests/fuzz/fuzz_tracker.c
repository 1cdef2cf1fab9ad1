/* fuzz_tracker - bytes as a schedule of what peers may say to the tracker
 * covers: ventilator/tracker.c ventilator/tracker_*.c
 *
 * Three workers, some ten tasks, and a sink that says what it likes about them.
 * After each event all lists must hold together, each task must have gone where
 * its event may send it, and nothing may be sent that the guarantees forbid.
 */
#include "tests/fuzz/tracker_said.h"

#include <errno.h>
#include <stdlib.h>

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
                // The other of two copies, or a copy that has failed.
                [ENTRY_RECORDING] = FROM(OUT),
                [ENTRY_READY] = FROM(RECORDING) | FROM(OUT),
                [ENTRY_LONELY] = FROM(RECORDING) | FROM(OUT),
                [ENTRY_FETCHING] = FROM(RECORDING) | FROM(OUT),
                [ENTRY_FINISHING] =
                    FROM(OUT) | FROM(RECORDING) | FROM(READY) | FROM(LONELY)},
    [HELLO] = {[ENTRY_OUT] =
                   ABSENT | FROM(READY) | FROM(LONELY) | FROM(FETCHING)},
    [REPORT] = {[ENTRY_FREE] = FROM(OUT),
                [ENTRY_RECORDING] = FROM(OUT),
                [ENTRY_READY] = FROM(OUT),
                [ENTRY_LONELY] = FROM(OUT),
                [ENTRY_FETCHING] = FROM(OUT),
                [ENTRY_FINISHING] = FROM(OUT)},
    [RETURNED] = {[ENTRY_FREE] = FROM(OUT),
                  [ENTRY_RECORDING] = FROM(OUT),
                  [ENTRY_READY] = FROM(OUT),
                  [ENTRY_LONELY] = FROM(OUT),
                  [ENTRY_FETCHING] = FROM(OUT),
                  [ENTRY_FINISHING] = FROM(OUT)},
    [GONE] = {[ENTRY_RECORDING] = FROM(OUT)},
    [FETCHED] = {[ENTRY_READY] = FROM(FETCHING),
                 [ENTRY_LONELY] = FROM(FETCHING),
                 [ENTRY_FINISHING] = FROM(FETCHING)},
    [STEER] = {[ENTRY_FINISHING] =
                   FROM(APART) | FROM(READY) | FROM(LONELY) | FROM(WAITING)},
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

// By its number, or as the copy of what is.
static bool is_found(const struct tracker *tracker, uint32_t at)
{
    const uint32_t found = entry_find(tracker, tracker->entries[at].task);
    return found == at || (found && tracker->entries[found].twin == at);
}

static void check_twin(const struct tracker *tracker, const struct entry *copy)
{
    const struct entry *other = &tracker->entries[copy->twin];
    assert(other->task == copy->task && other->round == copy->round);
    assert(&tracker->entries[other->twin] == copy && other != copy);
    assert(copy->state == ENTRY_OUT || copy->state == ENTRY_RECORDING);
    assert(copy->state == ENTRY_RECORDING || other->state == ENTRY_RECORDING ||
           copy->worker != other->worker);
    const struct entry *first =
        &tracker->entries[entry_find(tracker, copy->task)];
    assert(first->state == ENTRY_OUT || other->state == copy->state);
    assert(first == copy || (!copy->payload && first->payload));
}

// Some are equal.
static double priority_of(uint64_t task)
{
    return (double)(task * 7 % 5) - 2;
}

static bool is_before(const struct entry *one, const struct entry *other)
{
    return one->priority > other->priority ||
           (one->priority == other->priority && one->ordinal < other->ordinal);
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
        assert(is_found(tracker, i));
        if (state == ENTRY_WAITING && older)
            assert(tracker->entries[older].due_ms <= entry->due_ms);
        older = i;
        count++;
    }
    assert(list->newest == older && list->count == count);
    return count;
}

// A heap of all that is ready. Nothing was sent in this turn that comes behind.
static size_t check_rank(const struct tracker *tracker)
{
    const struct list *list = &tracker->lists[ENTRY_READY];
    assert(list->oldest == (list->count > 0 ? tracker->rank[1] : NONE));
    for (size_t i = 1; i <= list->count; i++) {
        const struct entry *entry = &tracker->entries[tracker->rank[i]];
        const struct entry *above =
            &tracker->entries[tracker->rank[i / 2 + !(i / 2)]];
        assert(entry->state == ENTRY_READY && entry->older == i);
        assert(entry->priority == priority_of(entry->task));
        assert(!is_before(entry, above));
    }
    return list->count;
}

static void check_inside(const struct world *world)
{
    const struct tracker *tracker = world->tracker;
    size_t listed = 0, payloads = 0;
    for (unsigned i = ENTRY_READY; i < ENTRY_STATES; i++)
        if (is_ranked(tracker, (enum entry_state)i))
            listed += check_rank(tracker);
        else if (i != ENTRY_OUT)
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
        assert(entry->state == ENTRY_FREE || is_found(tracker, i));
        if (entry->state != ENTRY_FREE && entry->twin)
            check_twin(tracker, entry);
    }
    assert(payloads == tracker->window_tasks && payloads == world->payloads);
    uint64_t finals = 0;
    for (size_t i = 0; i < STATUSES; i++)
        finals += tracker->counts.by_status[i];
    assert(finals == numset_count(tracker->final));
    assert(!tracker->failed);
}

// Where there are priorities, what was given out goes before what was not.
static void check_order(const struct tracker *tracker, uint64_t task)
{
    const struct list *list = &tracker->lists[ENTRY_READY];
    if (!is_ranked(tracker, ENTRY_READY) || list->count == 0)
        return;
    const struct entry *first = &tracker->entries[list->oldest];
    assert(!is_before(first, &tracker->entries[entry_find(tracker, task)]));
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
        if (!(send->flags & (TASK_ALONE | TASK_COPY)))
            check_order(world->tracker, send->task);
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
        case ACTION_PARKED:
            for (uint64_t i = 1; i <= TASKS; i++)
                assert(!world->offered[i] || world->final[i] ||
                       task_is_held(world->tracker, i));
            break;
        case ACTION_FAIL:
            abort();
        case ACTION_REDO:
        case ACTION_SYNC:
        case ACTION_RESEND:
        case ACTION_RECALL:
        case ACTION_CANCEL:
        case ACTION_HOST:
        case ACTION_APART:
            break;
        }
    }
}

static struct wire_stored_entry draw_entry(struct world *world)
{
    struct wire_stored_entry entry = {.task = 1 + draw(&world->bytes, TASKS)};
    const uint64_t newest = world->newest[entry.task];
    const uint64_t older = draw_rare(&world->bytes, 4) && newest > 0;
    entry.kind = (uint8_t)(1 + draw(&world->bytes, STORED_COPY));
    entry.generation = (uint32_t)((newest - older) >> 32);
    entry.attempt = (uint32_t)(newest - older);
    entry.class = (uint8_t)(1 + draw(&world->bytes, CLASSES - 1));
    entry.status = (uint8_t)(1 + draw(&world->bytes, STATUSES - 1));
    if (entry.kind == STORED_FINAL)
        world->final[entry.task] = true;
    if (entry.kind == STORED_HELD) // to be read again, once it is retried
        world->offered[entry.task] = false;
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
                                  .priority = priority_of(task),
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

static void on_decide(struct world *world)
{
    static const enum status STATUSES_OF[] = {STATUS_REOPENED, STATUS_IGNORED,
                                              STATUS_DROPPED};
    const struct tracker_decision decision = {
        .task = 1 + draw(&world->bytes, TASKS),
        .status = STATUSES_OF[draw(&world->bytes, 3)],
        .text = SPAN_OF("eve\nwhy")};
    const bool held = task_is_held(world->tracker, decision.task);
    const int result = tracker_decide(world->tracker, &decision, world->now_ms);
    assert(held ? result == 0 || result == -EALREADY : result == -ENOENT);
    assert(task_is_held(world->tracker, decision.task) == held);
}

static void on_steer(struct world *world)
{
    const uint64_t first = 1 + draw(&world->bytes, TASKS);
    const struct tracker_cancel cancel = {.first = first,
                                          .last =
                                              first + draw(&world->bytes, 3),
                                          .text = SPAN_OF("eve\nwhy")};
    const struct tracker_pause pause = {.paused = draw(&world->bytes, 2),
                                        .text = SPAN_OF("eve\nwhy")};
    if (!tracker_is_synced(world->tracker))
        return;
    (void)tracker_pause(world->tracker, &pause, world->now_ms);
    if (draw_rare(&world->bytes, 2))
        (void)tracker_cancel(world->tracker, &cancel, world->now_ms);
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
    [DECIDE] = on_decide,
    [STEER] = on_steer,
};

static struct tracker *create(struct world *world)
{
    struct tracker_limits limits = {.window_bytes = 1000,
                                    .prefetch_ms = 100,
                                    .heartbeat_ms = 1000,
                                    .liveness_ms = 3000,
                                    .workers_max = WORKERS,
                                    .speculate = true,
                                    .bar_ms = 5000};
    struct policy policy = {.on_fail = ANSWER_FAIL, .backoff_max_ms = 10000};
    limits.window_tasks = TASKS - draw(&world->bytes, TASKS - 1);
    limits.priorities = limits.window_tasks % 2;
    limits.order_window = draw(&world->bytes, 30);
    limits.losses_max = 4 - draw(&world->bytes, 4);
    limits.lone_deaths_max = 1 + draw(&world->bytes, 3);
    limits.rejoin_ms = 1000 * draw(&world->bytes, 4);
    policy.retries_max = draw(&world->bytes, 3);
    policy.backoff_min_ms = draw(&world->bytes, 2) * 5000;
    static const enum answer ANSWER_TO[] = {ANSWER_FAIL, ANSWER_IGNORE,
                                            ANSWER_HOLD};
    policy.on_fail = ANSWER_TO[draw(&world->bytes, 3)];
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
