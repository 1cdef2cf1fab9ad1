#include "tests/testing.h"

#include "common/wire/wire.h"
#include "ventilator/tracker.h"

#include <string.h>

enum { TASKS_MAX = 64, SLOTS = 2 };

/* One tracker, one worker, and what the last drain of actions held. */
struct bench {
    struct tracker *tracker;
    struct id128 worker;
    struct buffer frame;
    unsigned kinds[ACTION_FAIL + 1];
    struct tracker_send sent[TASKS_MAX];
    size_t sent_count;
    struct wire_record records[TASKS_MAX];
    size_t record_count;
    uint64_t record_last, position;
    struct wire_stored_entry lost[TASKS_MAX]; // recorded, and not stored yet
    size_t lost_count;
    uint64_t lane_number;
    unsigned sent_to; // the last TASKS' worker
    bool complete;
};

static const struct wire_header HEADER = {.version = WIRE_VERSION};
static const struct tracker_limits LIMITS = {.window_tasks = 1000,
                                             .window_bytes = 1 << 20,
                                             .losses_max = 10,
                                             .lone_deaths_max = 3,
                                             .prefetch_ms = 50,
                                             .heartbeat_ms = 1000,
                                             .liveness_ms = 4000,
                                             .rejoin_ms = 15000,
                                             .workers_max = 8};
static const struct policy POLICY = {.on_fail = ANSWER_FAIL,
                                     .retries_max = 1,
                                     .backoff_min_ms = 100,
                                     .backoff_max_ms = 100};

static void collect(struct bench *bench)
{
    struct tracker_action action;
    memset(bench->kinds, 0, sizeof bench->kinds);
    bench->sent_count = bench->record_count = 0;
    while (tracker_next(bench->tracker, &action)) {
        bench->kinds[action.kind]++;
        if (action.kind == ACTION_TASKS) {
            bench->lane_number = action.number;
            bench->sent_to = action.worker;
            for (size_t i = 0; i < action.count; i++)
                bench->sent[bench->sent_count++] = action.sends[i];
        }
        if (action.kind == ACTION_RECORDS)
            for (size_t i = 0; i < action.count; i++) {
                const struct wire_record *record = &action.records[i];
                bench->records[bench->record_count++] = *record;
                bench->record_last = record->number;
                if (record->kind == RECORD_LOST)
                    bench->lost[bench->lost_count++] =
                        (struct wire_stored_entry){.task = record->task,
                                                   .generation =
                                                       record->generation,
                                                   .attempt = record->attempt,
                                                   .kind = STORED_LOSS};
            }
        bench->complete |= action.kind == ACTION_COMPLETE;
    }
}

static void turn(struct bench *bench, int64_t now_ms)
{
    tracker_turn(bench->tracker, now_ms);
    collect(bench);
}

static struct span body_of(struct bench *bench)
{
    struct wire_header header;
    struct span body;
    struct buffer none = {0};
    assert_int_equal(
        wire_open(buffer_span(&bench->frame), 1 << 20, &none, &header, &body),
        WIRE_FINE);
    return body;
}

// The sink says: these entries are stored, and all RECORDs sent so far, the
// losses among them if there is no other entry.
static void stored(struct bench *bench, const struct wire_stored_entry *entries,
                   size_t count, int64_t now_ms)
{
    struct wire_header header = HEADER;
    header.type = WIRE_STORED;
    const struct wire_stored head = {.from = bench->position,
                                     .to = bench->position + 100,
                                     .record = bench->record_last};
    const struct wire_stored_out lists = {
        .entries = count > 0 ? entries : bench->lost,
        .entry_count = count > 0 ? count : bench->lost_count};
    struct wire_stored got;
    if (count == 0)
        bench->lost_count = 0;
    buffer_clear(&bench->frame);
    wire_put_stored(&bench->frame, &header, &head, &lists);
    assert_true(wire_get_stored(body_of(bench), &got));
    tracker_stored(bench->tracker, &got, now_ms);
    bench->position += 100;
}

static void stored_ok(struct bench *bench, uint64_t task, int64_t now_ms)
{
    const struct wire_stored_entry entry = {
        .task = task, .kind = STORED_FINAL, .status = STATUS_OK};
    stored(bench, &entry, 1, now_ms);
}

static void report(struct bench *bench, struct wire_report report,
                   struct wire_refs_out queued, struct wire_refs_out running,
                   int64_t now_ms)
{
    struct wire_header header = HEADER;
    header.type = WIRE_REPORT;
    struct wire_report got;
    buffer_clear(&bench->frame);
    wire_put_report(&bench->frame, &header, &report, queued, running);
    assert_true(wire_get_report(body_of(bench), &got));
    assert_true(tracker_report(bench->tracker, &bench->worker,
                               tracker_generation(bench->tracker), &got,
                               now_ms));
}

static const struct wire_refs_out NOTHING = {NULL, 0};

static void report_idle(struct bench *bench, int64_t now_ms)
{
    report(bench, (struct wire_report){.lane = 1, .kept = 1}, NOTHING, NOTHING,
           now_ms);
}

static void hello(struct bench *bench, uint8_t worker, int64_t now_ms)
{
    struct wire_header header = HEADER;
    header.type = WIRE_HELLO;
    const struct wire_hello said = {.version_min = 1,
                                    .version_max = 1,
                                    .role = ROLE_WORKER,
                                    .lane = 1,
                                    .slots = SLOTS,
                                    .kept = 1,
                                    .host = SPAN_OF("h")};
    struct wire_hello got;
    unsigned handle;
    bench->worker = (struct id128){{worker}};
    buffer_clear(&bench->frame);
    wire_put_hello(&bench->frame, &header, &said, NOTHING, NOTHING);
    assert_true(wire_get_hello(body_of(bench), &got));
    assert_int_equal(
        tracker_hello(bench->tracker, &bench->worker, &got, now_ms, &handle),
        HELLO_NEW);
    report(bench, (struct wire_report){.lane = 1, .kept = 1}, NOTHING, NOTHING,
           now_ms);
}

static void sync(struct bench *bench, const struct wire_synced *head,
                 const struct wire_synced_out *lists, int64_t now_ms)
{
    struct wire_header header = HEADER;
    header.type = WIRE_SYNCED;
    struct wire_synced got;
    tracker_sink_hello(bench->tracker, now_ms);
    buffer_clear(&bench->frame);
    wire_put_synced(&bench->frame, &header, head, lists);
    assert_true(wire_get_synced(body_of(bench), &got));
    tracker_synced(bench->tracker, &got, now_ms);
}

static void sync_empty(struct bench *bench, int64_t now_ms)
{
    sync(bench, &(struct wire_synced){.generation = 1},
         &(struct wire_synced_out){0}, now_ms);
    tracker_input_ended(bench->tracker, CURSOR_REDO);
}

// A second ventilator's SYNC: five tasks may have been sent, to worker 1.
static void sync_after_a_crash(struct bench *bench, int64_t now_ms)
{
    const struct wire_roster_entry joined = {.worker = {{1}},
                                             .host = SPAN_OF("h")};
    sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
         &(struct wire_synced_out){.roster = &joined, .roster_count = 1},
         now_ms);
}

static void offer(struct bench *bench, uint64_t task)
{
    static int payload;
    tracker_offer(bench->tracker,
                  &(struct tracker_offer){.task = task,
                                          .ordinal = task,
                                          .payload = &payload,
                                          .payload_size = 10},
                  0);
}

// A synced tracker with a joined worker and the mark moved.
static void warm_up(struct bench *bench, uint64_t tasks)
{
    sync_empty(bench, 0);
    hello(bench, 1, 0);
    for (uint64_t task = 1; task <= tasks; task++)
        offer(bench, task);
    turn(bench, 1); // JOINED goes to the sink
    assert_int_equal(bench->sent_count, 0);
    stored(bench, NULL, 0, 2);
    turn(bench, 3); // the mark does
    assert_int_equal(bench->sent_count, 0);
    stored(bench, NULL, 0, 4);
    turn(bench, 5);
}

static int setup(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.tracker = tracker_create(&LIMITS, &POLICY, 0);
    *state = &bench;
    return bench.tracker ? 0 : -1;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    tracker_destroy(&bench->tracker);
    buffer_free(&bench->frame);
    return 0;
}

static void nothing_goes_out_before_a_sink_has_synced(void **state)
{
    struct bench *bench = *state;
    hello(bench, 1, 0);
    assert_false(tracker_wants(bench->tracker, CURSOR_FRONT));
    turn(bench, 1);
    assert_int_equal(bench->kinds[ACTION_TASKS], 0);
}

static void roster_and_mark_are_stored_before_the_first_task(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 5);
    assert_int_equal(bench->sent_count, SLOTS); // credit: slots, speed unknown
    assert_int_equal(bench->sent[0].task, 1);
    assert_int_equal(bench->sent[0].attempt, 1);
}

static void reported_finish_frees_credit_but_completes_nothing(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 4);
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = bench->lane_number,
                                .kept = 1,
                                .made = 1,
                                .finished = 2,
                                .busy_us = 2000000},
           NOTHING, NOTHING, 6);
    turn(bench, 6);
    assert_int_equal(bench->sent_count, SLOTS);
    struct tracker_counts counts;
    tracker_counts(bench->tracker, &counts);
    assert_int_equal(counts.by_status[STATUS_OK], 0);
}

static void run_completes_only_when_its_last_record_is_stored(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 2);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    stored_ok(bench, 1, 6);
    stored_ok(bench, 2, 6);
    turn(bench, 7);
    assert_int_equal(bench->record_count, 1);
    assert_int_equal(bench->records[0].kind, RECORD_COMPLETE);
    assert_false(bench->complete);
    stored(bench, NULL, 0, 8);
    collect(bench);
    assert_true(bench->complete);
}

static void failure_is_retried_after_backoff_then_made_final(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    struct wire_stored_entry failure = {.task = 1,
                                        .generation = 1,
                                        .attempt = 1,
                                        .kind = STORED_FAILURE,
                                        .status = STATUS_FAILED,
                                        .class = CLASS_EXIT};
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = 1,
                                .kept = 1,
                                .made = 1,
                                .finished = 1,
                                .busy_us = 1000000},
           NOTHING, NOTHING, 6);
    stored(bench, &failure, 1, 10);
    turn(bench, 11);
    assert_int_equal(bench->sent_count, 0);
    turn(bench, 200);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].attempt, 2);
    assert_int_equal(bench->sent[0].failures, 1);
    failure.attempt = 2;
    stored(bench, &failure, 1, 210);
    turn(bench, 211);
    assert_int_equal(bench->record_count, 1);
    assert_int_equal(bench->records[0].kind, RECORD_FINAL);
    assert_int_equal(bench->records[0].status, STATUS_FAILED);
}

static void
dead_workers_task_goes_again_only_when_its_loss_is_stored(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    const struct id128 dead = bench->worker;
    tracker_worker_gone(bench->tracker, &dead, GONE_CRASHED, 10);
    hello(bench, 2, 10);
    turn(bench, 11);
    assert_int_equal(bench->sent_count, 0);
    assert_int_equal(bench->records[0].kind, RECORD_LOST);
    stored(bench, NULL, 0, 12);
    turn(bench, 13);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].attempt, 2);
    assert_int_equal(bench->sent[0].failures, 0); // a loss is no failure
}

static void failure_of_a_lost_attempt_never_counts(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    const struct id128 dead = bench->worker;
    tracker_worker_gone(bench->tracker, &dead, GONE_CRASHED, 10);
    hello(bench, 2, 10);
    turn(bench, 11);
    stored(bench, NULL, 0, 12);
    turn(bench, 13);
    const struct wire_stored_entry zombie = {.task = 1,
                                             .generation = 1,
                                             .attempt = 1,
                                             .kind = STORED_FAILURE,
                                             .class = CLASS_EXIT};
    stored(bench, &zombie, 1, 14);
    turn(bench, 15);
    assert_int_equal(bench->record_count, 0);
    struct tracker_counts counts;
    tracker_counts(bench->tracker, &counts);
    assert_int_equal(counts.retries, 0);
    assert_int_equal(counts.odd, 1);
}

static void task_that_kills_three_workers_alone_is_quarantined(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    unsigned deaths = 0;
    int64_t now_ms = 100;
    for (uint8_t worker = 2; worker < 20; worker++, now_ms += 10) {
        assert_int_equal(bench->sent_count, 1);
        assert_int_equal(bench->sent[0].flags, deaths < 2 ? 0 : TASK_ALONE);
        const struct id128 dead = bench->worker;
        tracker_worker_gone(bench->tracker, &dead, GONE_CRASHED, now_ms);
        deaths++;
        hello(bench, worker, now_ms);
        turn(bench, now_ms + 1);
        stored(bench, NULL, 0, now_ms + 2);
        turn(bench, now_ms + 3);
        if (bench->record_count > 0)
            break;
    }
    assert_int_equal(deaths, 5); // K + 2
    assert_int_equal(bench->records[0].kind, RECORD_FINAL);
    assert_int_equal(bench->records[0].status, STATUS_QUARANTINED);
}

// Says that it has made no result; the sink, that it has stored five of it.
static void says_less_than_is_stored(struct bench *bench, int64_t now_ms)
{
    report(bench, (struct wire_report){.lane = 1, .kept = 1}, NOTHING, NOTHING,
           now_ms);
    turn(bench, now_ms);
}

static void store_five_of(struct bench *bench, int64_t now_ms)
{
    struct wire_header header = HEADER;
    header.type = WIRE_STORED;
    const struct wire_worker_mark mark = {bench->worker, 5};
    const struct wire_stored head = {.from = bench->position,
                                     .to = bench->position,
                                     .record = bench->record_last};
    const struct wire_stored_out lists = {.workers = &mark, .worker_count = 1};
    struct wire_stored got;
    buffer_clear(&bench->frame);
    wire_put_stored(&bench->frame, &header, &head, &lists);
    assert_true(wire_get_stored(body_of(bench), &got));
    tracker_stored(bench->tracker, &got, now_ms);
}

static void worker_whose_results_were_forged_joins_again(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 0);
    store_five_of(bench, 10);
    for (int64_t now_ms = 1000; now_ms <= 5000; now_ms += 1000) {
        says_less_than_is_stored(bench, now_ms);
        assert_int_equal(bench->kinds[ACTION_CLOSE], 0);
    }
    says_less_than_is_stored(bench, 6000);
    assert_int_equal(bench->kinds[ACTION_CLOSE], 1);
}

static void report_that_was_overtaken_costs_no_worker(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 0);
    store_five_of(bench, 10);
    says_less_than_is_stored(bench, 20);
    says_less_than_is_stored(bench, 6000); // we were stopped; it is an old one
    assert_int_equal(bench->kinds[ACTION_CLOSE], 0);
    report(bench, (struct wire_report){.lane = 1, .kept = 6, .made = 5},
           NOTHING, NOTHING, 9000);
    turn(bench, 9000);
    for (int64_t now_ms = 9500; now_ms <= 13000; now_ms += 1000) {
        turn(bench, now_ms);
        assert_int_equal(bench->kinds[ACTION_CLOSE], 0);
    }
}

static void own_pause_expires_nobody_but_silence_does(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    turn(bench, 100000);
    assert_int_equal(bench->kinds[ACTION_CLOSE], 0);
    for (int64_t now_ms = 101000; now_ms <= 104000; now_ms += 1000) {
        turn(bench, now_ms);
        assert_int_equal(bench->kinds[ACTION_CLOSE], 0);
    }
    turn(bench, 105000);
    assert_int_equal(bench->kinds[ACTION_CLOSE], 1);
}

static void
what_may_have_been_sent_waits_for_those_who_may_hold_it(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    turn(bench, 1);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    assert_true(tracker_wants(bench->tracker, CURSOR_FRONT));
    hello(bench, 1, 2);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

static void worker_that_spoke_before_the_sync_is_not_waited_for(void **state)
{
    struct bench *bench = *state;
    hello(bench, 1, 0);
    sync_after_a_crash(bench, 1);
    turn(bench, 2);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    report_idle(bench, 3);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

static void worker_that_never_comes_back_is_waited_for_so_long(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    turn(bench, LIMITS.rejoin_ms - 1);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    turn(bench, LIMITS.rejoin_ms);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

static void task_that_went_astray_is_sent_again_without_a_loss(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    report(bench, (struct wire_report){.lane = 1, .received = 1, .kept = 1},
           NOTHING, NOTHING, 10);
    turn(bench, 11);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].attempt, 2);
    struct tracker_counts counts;
    tracker_counts(bench->tracker, &counts);
    assert_int_equal(counts.losses, 0);
}

static void stored_that_skips_is_not_believed(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    bench->position += 1;
    stored_ok(bench, 1, 6);
    assert_true(tracker_needs(bench->tracker, 1));
}

// This worker says HELLO with a running task, on this lane.
static enum hello_verdict worker_says(struct bench *bench, uint8_t worker,
                                      uint32_t lane, struct wire_refs running,
                                      uint8_t flags, int64_t now_ms)
{
    struct wire_header header = HEADER;
    header.type = WIRE_HELLO;
    const struct wire_hello said = {.version_min = 1,
                                    .version_max = 1,
                                    .role = ROLE_WORKER,
                                    .flags = flags,
                                    .lane = lane,
                                    .slots = SLOTS,
                                    .kept = 1,
                                    .host = SPAN_OF("h")};
    struct wire_hello got;
    unsigned handle;
    bench->worker = (struct id128){{worker}};
    buffer_clear(&bench->frame);
    wire_put_hello(&bench->frame, &header, &said, NOTHING,
                   (struct wire_refs_out){&running, 1});
    assert_true(wire_get_hello(body_of(bench), &got));
    return tracker_hello(bench->tracker, &bench->worker, &got, now_ms, &handle);
}

static enum hello_verdict hello_running(struct bench *bench, uint32_t lane,
                                        struct wire_refs running, uint8_t flags,
                                        int64_t now_ms)
{
    return worker_says(bench, 1, lane, running, flags, now_ms);
}

static const struct wire_refs HELD = {
    .task = 1, .count = 1, .generation = 1, .attempt = 2};
static const struct wire_stored_entry HELD_FAILED = {.task = 1,
                                                     .round = 1,
                                                     .generation = 1,
                                                     .attempt = 2,
                                                     .kind = STORED_FAILURE,
                                                     .status = STATUS_FAILED,
                                                     .class = CLASS_EXIT};

// After a crash: task 1, in its second round, has failed this often before.
static void sync_with_history(struct bench *bench, uint32_t failures)
{
    const struct wire_open_task open = {
        .task = 1, .round = 1, .failures = failures};
    const struct wire_roster_entry joined = {.worker = {{1}},
                                             .host = SPAN_OF("h")};
    sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
         &(struct wire_synced_out){.open = &open,
                                   .open_count = 1,
                                   .roster = &joined,
                                   .roster_count = 1},
         1);
}

static void task_held_before_the_sync_has_its_history(void **state)
{
    struct bench *bench = *state;
    hello_running(bench, 1, HELD, 0, 0);
    sync_with_history(bench, 1);
    turn(bench, 2);
    stored(bench, &HELD_FAILED, 1, 3); // its second failure: retries are spent
    turn(bench, 4);
    assert_int_equal(bench->record_count, 1);
    assert_int_equal(bench->records[0].kind, RECORD_FINAL);
    assert_int_equal(bench->records[0].round, 1);
}

static void failure_of_a_task_not_read_yet_is_remembered(void **state)
{
    struct bench *bench = *state;
    sync_with_history(bench, 0);
    hello_running(bench, 1, HELD, 0, 2);
    turn(bench, 3);
    stored(bench, &HELD_FAILED, 1, 4);
    turn(bench, 1000); // backed off, and not in memory
    report(bench, (struct wire_report){.lane = 1, .kept = 1}, NOTHING, NOTHING,
           1001);
    offer(bench, 1);
    turn(bench, 1002);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].round, 1);
    assert_int_equal(bench->sent[0].failures, 1);
}

static bool recorded(const struct bench *bench, enum record_kind kind)
{
    for (size_t i = 0; i < bench->record_count; i++)
        if (bench->records[i].kind == kind)
            return true;
    return false;
}

static void rostered_worker_that_was_lost_joins_again(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    hello(bench, 1, 0);
    int64_t now_ms = 0;
    for (; now_ms <= 5000; now_ms += 1000) // silence
        turn(bench, now_ms);
    assert_true(recorded(bench, RECORD_LEFT));
    stored(bench, NULL, 0, now_ms);
    hello(bench, 1, now_ms);
    turn(bench, now_ms + 1);
    assert_true(recorded(bench, RECORD_JOINED));
}

static void sync_that_was_cut_short_is_taken_whole_the_next_time(void **state)
{
    struct bench *bench = *state;
    const struct wire_run first = {1, 2}, second = {3, 2};
    const struct wire_roster_entry joined = {.worker = {{1}},
                                             .host = SPAN_OF("h")};
    const struct wire_synced_out parts[] = {
        {.finals = {&first, 1}, .roster = &joined, .roster_count = 1},
        {.finals = {&second, 1}}};
    const struct wire_synced more = {
        .generation = 2, .flags = SYNCED_MORE, .mark = 5};
    sync(bench, &more, &parts[0], 0); // and the sink dies
    sync(bench, &more, &parts[0], 1);
    struct wire_synced got;
    struct wire_header header = HEADER;
    header.type = WIRE_SYNCED;
    buffer_clear(&bench->frame);
    wire_put_synced(
        &bench->frame, &header,
        &(struct wire_synced){.generation = 2, .part = 1, .mark = 5},
        &parts[1]);
    assert_true(wire_get_synced(body_of(bench), &got));
    tracker_synced(bench->tracker, &got, 2);
    assert_false(tracker_needs(bench->tracker, 1));
    assert_false(tracker_needs(bench->tracker, 3));
    hello(bench, 1, 3);
    turn(bench, 4);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO)); // one of them
}

static void what_a_worker_has_retired_needs_no_mark(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    // Ventilator and sink are new: 24 results are stored, and nobody says so.
    report(
        bench,
        (struct wire_report){.lane = 1, .received = 1, .kept = 25, .made = 24},
        NOTHING, NOTHING, 10);
    turn(bench, 11);
    assert_int_equal(bench->sent_count, 1);
}

static void drained_workers_tasks_are_not_suspect(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    int64_t now_ms = 100;
    for (uint8_t worker = 2; worker < 20; worker++, now_ms += 10) {
        assert_int_equal(bench->sent_count, 1);
        assert_int_equal(bench->sent[0].flags, 0);
        const struct id128 drained = bench->worker;
        tracker_worker_gone(bench->tracker, &drained, GONE_DRAINED, now_ms);
        hello(bench, worker, now_ms);
        turn(bench, now_ms + 1);
        stored(bench, NULL, 0, now_ms + 2);
        turn(bench, now_ms + 3);
    }
}

static void
results_of_a_sink_that_stands_still_are_asked_for_ever_less(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    unsigned resends = 0;
    for (int64_t now_ms = 10; now_ms < 600000; now_ms += 500) {
        report(bench,
               (struct wire_report){
                   .lane = 1, .received = 1, .kept = 1, .made = 1},
               NOTHING, NOTHING, now_ms);
        turn(bench, now_ms);
        resends += bench->kinds[ACTION_RESEND];
    }
    assert_in_range(resends, 5, 15);
}

static void hello_in_parts_is_one_hello(void **state)
{
    struct bench *bench = *state;
    struct wire_refs other = HELD;
    other.task = 2;
    sync_with_history(bench, 0);
    assert_int_equal(hello_running(bench, 1, HELD, HELLO_MORE, 2), HELLO_PART);
    assert_int_equal(hello_running(bench, 1, other, 0, 3), HELLO_NEW);
    report(bench, (struct wire_report){.lane = 1, .kept = 1}, NOTHING,
           (struct wire_refs_out){(struct wire_refs[]){HELD, other}, 2}, 4);
    offer(bench, 1);
    offer(bench, 2);
    turn(bench, 5);
    assert_int_equal(bench->sent_count, 0); // both run there
    // Its answer was lost: all of it again changes nothing.
    assert_int_equal(hello_running(bench, 1, HELD, HELLO_MORE, 6), HELLO_AGAIN);
    assert_int_equal(hello_running(bench, 1, other, 0, 7), HELLO_AGAIN);
}

// A liar's claims take no memory, and hold up the end of nothing.
static void claims_that_cannot_be_are_counted_and_dropped(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs odd[] = {
        {1000, 1, 1, 1}, {1, 1000, 1, 1},
        {0, 1, 1, 1},    {UINT64_C(1) << 40, 1, 1, 1},
        {1, 1, 2, 1},    {1, 1, 0, 1},
        {1, 1, 1, 0}};
    struct tracker_counts counts;
    warm_up(bench, 1);
    for (uint8_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_int_equal(worker_says(bench, 100 + i, 1, odd[i], 0, 6),
                         HELLO_NEW);
    const struct wire_refs many = {1, 1000000, 1, 1};
    assert_int_equal(worker_says(bench, 200, 1, many, 0, 6), HELLO_ODD);
    tracker_counts(bench->tracker, &counts);
    assert_int_equal(counts.odd, sizeof odd / sizeof odd[0] + 1);
}

// Its worker was taken for lost, came back and was told to stop the stale copy.
static void stopped_copy_of_a_lost_task_fails_nothing(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    const struct id128 lost = bench->worker;
    tracker_worker_gone(bench->tracker, &lost, GONE_LOST, 10);
    const struct wire_stored_entry stopped = {.task = 1,
                                              .generation = 1,
                                              .attempt = 1,
                                              .kind = STORED_FAILURE,
                                              .status = STATUS_FAILED,
                                              .class = CLASS_CANCELLED};
    bench->record_last = 0; // the loss is not stored yet
    stored(bench, &stopped, 1, 11);
    hello(bench, 2, 12);
    turn(bench, 13);
    assert_false(recorded(bench, RECORD_FINAL));
    stored(bench, NULL, 0, 14);
    turn(bench, 15);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].failures, 0);
}

// The ventilator died after the last failure and before it made it final.
static void spent_retries_are_not_tried_after_a_crash(void **state)
{
    struct bench *bench = *state;
    const struct wire_open_task open[] = {
        {.task = 1, .failures = 2, .last_class = CLASS_EXIT},
        {.task = 2, .losses = 3, .lone_deaths = 3, .last_class = CLASS_LOST},
        {.task = 3, .losses = 10, .last_class = CLASS_LOST}};
    sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
         &(struct wire_synced_out){.open = open, .open_count = 3}, 1);
    for (uint64_t task = 1; task <= 3; task++)
        offer(bench, task);
    turn(bench, 2);
    assert_int_equal(bench->record_count, 3);
    static const struct {
        enum status status;
        enum fail_class class;
    } ENDS[] = {{STATUS_FAILED, CLASS_EXIT},
                {STATUS_QUARANTINED, CLASS_QUARANTINED},
                {STATUS_FAILED, CLASS_LOST}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bench->records[i].kind, RECORD_FINAL);
        assert_int_equal(bench->records[i].status, ENDS[i].status);
        assert_int_equal(bench->records[i].class, ENDS[i].class);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

// The first HELLO was said before the last ventilator's TASKS came through.
static void repeated_hello_tells_what_came_since(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    hello(bench, 1, 1);
    assert_int_equal(hello_running(bench, 1, HELD, 0, 1), HELLO_AGAIN);
    hello(bench, 2, 2);
    offer(bench, HELD.task);
    turn(bench, 3);
    stored(bench, NULL, 0, 4);
    turn(bench, 5);
    assert_int_equal(bench->sent_count, 0);
}

// It may have been said long before we came: what counts is what the worker
// says when it has heard of us.
static void hello_alone_does_not_settle_the_roster(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    worker_says(bench, 1, 1, HELD, 0, 1);
    turn(bench, 2);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    report_idle(bench, 3);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

static void synced_that_skips_a_part_is_not_believed(void **state)
{
    struct bench *bench = *state;
    const struct wire_run first = {1, 2}, third = {5, 2};
    const struct wire_synced_out parts[] = {{.finals = {&first, 1}},
                                            {.finals = {&third, 1}}};
    sync(bench, &(struct wire_synced){.generation = 2, .flags = SYNCED_MORE},
         &parts[0], 0);
    buffer_clear(&bench->frame);
    struct wire_header header = HEADER;
    header.type = WIRE_SYNCED;
    struct wire_synced got;
    wire_put_synced(&bench->frame, &header,
                    &(struct wire_synced){.generation = 2, .part = 2},
                    &parts[1]);
    assert_true(wire_get_synced(body_of(bench), &got));
    tracker_synced(bench->tracker, &got, 1);
    assert_false(tracker_is_synced(bench->tracker));
    collect(bench);
    turn(bench, 10000);
    assert_int_equal(bench->kinds[ACTION_SYNC], 1);
}

// Its worker was cut off, another did it, and then the ventilator died.
static void copy_of_a_final_task_told_before_the_sync_is_stopped(void **state)
{
    struct bench *bench = *state;
    const struct wire_run final = {HELD.task, 1};
    hello_running(bench, 1, HELD, 0, 0);
    sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
         &(struct wire_synced_out){.finals = {&final, 1}}, 1);
    collect(bench);
    assert_int_equal(bench->kinds[ACTION_CANCEL], 1);
    tracker_input_ended(bench->tracker, CURSOR_REDO);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    turn(bench, 2);
    stored(bench, NULL, 0, 3);
    collect(bench);
    assert_true(bench->complete);
}

// Workers 1 and 2 say HELLO with attempts of one task, and only the older one,
// which was given up for the newer, is stopped. SYNCED could not tell yet.
static void newer_is_kept(struct bench *bench, uint32_t first, uint32_t second)
{
    const unsigned older_at = first < second ? 1 : 2;
    struct tracker_action action;
    unsigned cancelled = 0;
    worker_says(bench, 1, 1, (struct wire_refs){1, 1, 1, first}, 0, 0);
    worker_says(bench, 2, 1, (struct wire_refs){1, 1, 1, second}, 0, 1);
    while (tracker_next(bench->tracker, &action)) {
        if (action.kind != ACTION_CANCEL)
            continue;
        assert_int_equal(action.worker, older_at);
        assert_int_equal(action.refs.attempt, first < second ? first : second);
        cancelled++;
    }
    assert_int_equal(cancelled, 1);
}

static void of_two_copies_the_newer_is_kept(void **state)
{
    newer_is_kept(*state, 3, 2);
}

static void of_two_copies_the_newer_is_kept_though_told_last(void **state)
{
    newer_is_kept(*state, 2, 3);
}

static void what_waits_is_recalled_until_it_is_back(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs held = {1, 2, 1, 1};
    warm_up(bench, 2);
    const struct wire_report said = {
        .lane = 1, .kept = 1, .received = bench->lane_number};
    tracker_drain(bench->tracker);
    for (int64_t now_ms = 100; now_ms <= 2500; now_ms += 100) {
        report(bench, said, (struct wire_refs_out){&held, 1}, NOTHING, now_ms);
        turn(bench, now_ms);
        assert_int_equal(bench->kinds[ACTION_RECALL], now_ms % 1100 == 100);
    }
    report(bench, said, NOTHING, (struct wire_refs_out){&held, 1}, 4000);
    turn(bench, 4000); // they have started: they end as they like
    assert_int_equal(bench->kinds[ACTION_RECALL], 0);
}

// Once is what has just ended; what a later REPORT still holds is meant.
static void copy_that_is_still_held_is_cancelled_again(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs old = {1, 1, 1, 2};
    const struct wire_report said = {.lane = 1, .kept = 1};
    const struct wire_refs_out lists = {&old, 1};
    worker_says(bench, 2, 1, (struct wire_refs){1, 1, 1, 3}, 0, 0);
    worker_says(bench, 1, 1, old, 0, 0);
    collect(bench);
    assert_int_equal(bench->kinds[ACTION_CANCEL], 1);
    report(bench, said, NOTHING, lists, 1000);
    report(bench, said, NOTHING, lists, 1500);
    collect(bench);
    assert_int_equal(bench->kinds[ACTION_CANCEL], 0);
    for (int64_t now_ms = 2000; now_ms <= 4000; now_ms += 1000) {
        report(bench, said, NOTHING, lists, now_ms);
        collect(bench);
        assert_int_equal(bench->kinds[ACTION_CANCEL], 1);
    }
    report(bench, said, NOTHING, NOTHING, 5000);
    collect(bench);
    assert_int_equal(bench->kinds[ACTION_CANCEL], 0);
}

// A worker came back after its time, with the result of an attempt that nobody
// had recorded as lost: the sink counts its failure, so it spends a retry.
static void failure_of_an_attempt_given_up_in_silence_counts(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    assert_int_equal(bench->sent_count, 1);
    struct wire_stored_entry failed = HELD_FAILED;
    for (uint32_t attempt = 7; attempt <= 8; attempt++) {
        failed.generation = 0;
        failed.attempt = attempt;
        failed.round = 0;
        stored(bench, &failed, 1, 6);
    }
    turn(bench, 7);
    assert_false(recorded(bench, RECORD_FINAL)); // it runs, and may succeed
    const struct id128 gone = bench->worker;
    tracker_worker_gone(bench->tracker, &gone, GONE_LOST, 8);
    turn(bench, 9);
    stored(bench, NULL, 0, 10);
    turn(bench, 11);
    assert_true(recorded(bench, RECORD_FINAL));
}

// The last ventilator had recorded it, and SYNCED counted it: the sink drops
// the second record, and acknowledges it.
static void loss_counts_once_though_two_ventilators_record_it(void **state)
{
    struct bench *bench = *state;
    for (int told = 0; told < 2; told++) {
        const struct wire_open_task open = {.task = 1, .losses = 9};
        hello_running(bench, 1, HELD, 0, 0);
        sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
             &(struct wire_synced_out){.open = &open, .open_count = 1}, 1);
        offer(bench, 1);
        tracker_worker_gone(bench->tracker, &bench->worker, GONE_LOST, 2);
        turn(bench, 3);
        assert_true(recorded(bench, RECORD_LOST));
        if (!told)
            bench->lost_count = 0;
        stored(bench, NULL, 0, 4);
        turn(bench, 5);
        assert_int_equal(recorded(bench, RECORD_FINAL), told);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

static void failure_that_synced_told_of_ends_an_adopted_task(void **state)
{
    struct bench *bench = *state;
    hello_running(bench, 1, HELD, 0, 0);
    sync_with_history(bench, 2); // it failed while no ventilator was there
    offer(bench, 1);
    turn(bench, 1);
    report(bench, (struct wire_report){.lane = 1, .kept = 1}, NOTHING, NOTHING,
           2);
    turn(bench, 3);
    assert_int_equal(bench->sent_count, 0);
    assert_true(recorded(bench, RECORD_FINAL));
}

static void worker_lost_before_the_sync_is_not_in_the_roster(void **state)
{
    struct bench *bench = *state;
    hello(bench, 1, 0);
    for (int64_t now_ms = 0; now_ms <= 5000; now_ms += 1000) // silence
        turn(bench, now_ms);
    sync_after_a_crash(bench, 5000);
    tracker_input_ended(bench->tracker, CURSOR_REDO);
    hello(bench, 1, 5001);
    offer(bench, 1);
    turn(bench, 5002);
    assert_int_equal(bench->sent_count, 0); // its second JOINED is not stored
    assert_true(recorded(bench, RECORD_JOINED));
    stored(bench, NULL, 0, 5003);
    turn(bench, 5004);
    assert_int_equal(bench->sent_count, 1);
}

static void hello_that_is_not_whole_keeps_the_roster_waiting(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    assert_int_equal(hello_running(bench, 1, HELD, HELLO_MORE, 1), HELLO_PART);
    turn(bench, 2);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    assert_int_equal(hello_running(bench, 1, HELD, 0, 3), HELLO_NEW);
    report_idle(bench, 4);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

// Only SYNCED says which round it was lost in: another's record is refused.
static void loss_before_the_sync_is_recorded_in_its_round(void **state)
{
    struct bench *bench = *state;
    hello_running(bench, 1, HELD, 0, 0);
    tracker_worker_gone(bench->tracker, &bench->worker, GONE_CRASHED, 1);
    sync_with_history(bench, 0);
    turn(bench, 2);
    assert_true(recorded(bench, RECORD_LOST));
    for (size_t i = 0; i < bench->record_count; i++)
        if (bench->records[i].kind == RECORD_LOST)
            assert_int_equal(bench->records[i].round, 1);
}

// Numbers stay when a run is resumed, and places begin anew: what is new to
// this ventilator may run at a worker that has seen the run before.
static void resumed_run_waits_for_its_roster_first(void **state)
{
    struct bench *bench = *state;
    const struct wire_roster_entry joined = {.worker = {{1}},
                                             .host = SPAN_OF("h")};
    sync(bench,
         &(struct wire_synced){.generation = 2, .resumed = {{9}}, .mark = 0},
         &(struct wire_synced_out){.roster = &joined, .roster_count = 1}, 0);
    turn(bench, 1);
    assert_false(tracker_wants(bench->tracker, CURSOR_FRONT));
    hello(bench, 1, 2);
    assert_true(tracker_wants(bench->tracker, CURSOR_FRONT));
}

static void sync_is_asked_again_ever_less_often(void **state)
{
    struct bench *bench = *state;
    tracker_sink_hello(bench->tracker, 0);
    collect(bench);
    int asked = 0;
    for (int64_t now_ms = 0; now_ms <= 60000; now_ms += 500) {
        turn(bench, now_ms);
        asked += (int)bench->kinds[ACTION_SYNC];
    }
    assert_int_equal(asked, 4); // after 2, 6, 14 and 30 seconds
}

static void report_of_an_older_lane_is_not_believed(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 2);
    struct wire_header header = HEADER;
    header.type = WIRE_REPORT;
    const struct wire_report said = {.lane = 1, .received = 5, .kept = 1};
    struct wire_report got;
    buffer_clear(&bench->frame);
    wire_put_report(&bench->frame, &header, &said, NOTHING, NOTHING);
    assert_true(wire_get_report(body_of(bench), &got));
    assert_false(tracker_report(bench->tracker, &bench->worker, 1, &got, 6));
}

static void what_is_taken_for_an_idle_worker_goes_to_it(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs first = {1, 2, 1, 1}, rest = {3, 6, 1, 1};
    const struct wire_refs_out running = {&first, 1}, queued = {&rest, 1};
    struct wire_report busy = {
        .lane = 1, .kept = 1, .finished = 9, .busy_us = 9000};
    warm_up(bench, 2);
    for (uint64_t task = 3; task <= 8; task++)
        offer(bench, task);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    busy.received = bench->lane_number;
    report(bench, busy, NOTHING, running, 6); // short tasks: much is fetched
    turn(bench, 7);
    assert_int_equal(bench->sent_to, 1);
    busy.received = bench->lane_number;
    report(bench, busy, queued, running, 8);
    hello(bench, 2, 9);
    turn(bench, 10); // JOINED
    stored(bench, NULL, 0, 11);
    turn(bench, 12);
    assert_int_equal(bench->kinds[ACTION_RECALL], 1);
    struct wire_header header = HEADER;
    header.type = WIRE_RETURNED;
    const struct wire_refs last = {8, 1, 1, 1};
    struct wire_returned got;
    buffer_clear(&bench->frame);
    wire_put_returned(&bench->frame, &header, 1,
                      (struct wire_refs_out){&last, 1});
    assert_true(wire_get_returned(body_of(bench), &got));
    const struct id128 one = {{1}};
    assert_true(tracker_returned(bench->tracker, &one, &got, 13));
    turn(bench, 14);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent_to, 2);
}

static void answer_to_an_older_sync_is_not_believed(void **state)
{
    struct bench *bench = *state;
    const struct wire_synced_out nothing = {0};
    sync(bench, &(struct wire_synced){.generation = 1, .position = 100},
         &nothing, 0);
    sync(bench, &(struct wire_synced){.generation = 1, .position = 300},
         &nothing, 1); // what was stored from 100 on would be skipped
    assert_false(tracker_is_synced(bench->tracker));
    assert_int_equal(tracker_position(bench->tracker), 100);
    sync(bench,
         &(struct wire_synced){
             .generation = 1, .flags = SYNCED_DELTA, .position = 100},
         &nothing, 2);
    assert_true(tracker_is_synced(bench->tracker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_goes_out_before_a_sink_has_synced),
        TEST(roster_and_mark_are_stored_before_the_first_task),
        TEST(reported_finish_frees_credit_but_completes_nothing),
        TEST(run_completes_only_when_its_last_record_is_stored),
        TEST(failure_is_retried_after_backoff_then_made_final),
        TEST(dead_workers_task_goes_again_only_when_its_loss_is_stored),
        TEST(failure_of_a_lost_attempt_never_counts),
        TEST(task_that_kills_three_workers_alone_is_quarantined),
        TEST(own_pause_expires_nobody_but_silence_does),
        TEST(worker_whose_results_were_forged_joins_again),
        TEST(report_that_was_overtaken_costs_no_worker),
        TEST(task_that_went_astray_is_sent_again_without_a_loss),
        TEST(stored_that_skips_is_not_believed),
        TEST(what_may_have_been_sent_waits_for_those_who_may_hold_it),
        TEST(worker_that_spoke_before_the_sync_is_not_waited_for),
        TEST(worker_that_never_comes_back_is_waited_for_so_long),
        TEST(task_held_before_the_sync_has_its_history),
        TEST(failure_of_a_task_not_read_yet_is_remembered),
        TEST(rostered_worker_that_was_lost_joins_again),
        TEST(sync_that_was_cut_short_is_taken_whole_the_next_time),
        TEST(what_a_worker_has_retired_needs_no_mark),
        TEST(drained_workers_tasks_are_not_suspect),
        TEST(results_of_a_sink_that_stands_still_are_asked_for_ever_less),
        TEST(hello_in_parts_is_one_hello),
        TEST(claims_that_cannot_be_are_counted_and_dropped),
        TEST(spent_retries_are_not_tried_after_a_crash),
        TEST(stopped_copy_of_a_lost_task_fails_nothing),
        TEST(what_waits_is_recalled_until_it_is_back),
        TEST(failure_of_an_attempt_given_up_in_silence_counts),
        TEST(loss_counts_once_though_two_ventilators_record_it),
        TEST(failure_that_synced_told_of_ends_an_adopted_task),
        TEST(repeated_hello_tells_what_came_since),
        TEST(hello_alone_does_not_settle_the_roster),
        TEST(synced_that_skips_a_part_is_not_believed),
        TEST(copy_of_a_final_task_told_before_the_sync_is_stopped),
        TEST(of_two_copies_the_newer_is_kept),
        TEST(of_two_copies_the_newer_is_kept_though_told_last),
        TEST(copy_that_is_still_held_is_cancelled_again),
        TEST(worker_lost_before_the_sync_is_not_in_the_roster),
        TEST(hello_that_is_not_whole_keeps_the_roster_waiting),
        TEST(loss_before_the_sync_is_recorded_in_its_round),
        TEST(resumed_run_waits_for_its_roster_first),
        TEST(sync_is_asked_again_ever_less_often),
        TEST(report_of_an_older_lane_is_not_believed),
        TEST(what_is_taken_for_an_idle_worker_goes_to_it),
        TEST(answer_to_an_older_sync_is_not_believed),
    };
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
