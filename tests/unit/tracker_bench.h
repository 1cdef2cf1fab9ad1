/* tracker_bench - one tracker, and what the rest of a run says to it */
#ifndef TESTS_UNIT_TRACKER_BENCH_H
#define TESTS_UNIT_TRACKER_BENCH_H

#include "tests/testing.h"

#include "tests/talk.h"

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
    struct span host; // of who says HELLO; empty: "h"
    bool complete;
};

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

static inline void collect(struct bench *bench)
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

static inline void turn(struct bench *bench, int64_t now_ms)
{
    tracker_turn(bench->tracker, now_ms);
    collect(bench);
}

static inline struct talk talk_of(struct bench *bench)
{
    return (struct talk){bench->tracker, &bench->frame};
}

// The sink says: these entries are stored, and all RECORDs sent so far, the
// losses among them if there is no other entry.
static inline void stored(struct bench *bench,
                          const struct wire_stored_entry *entries, size_t count,
                          int64_t now_ms)
{
    const struct wire_stored head = {.from = bench->position,
                                     .to = bench->position + 100,
                                     .record = bench->record_last};
    const struct wire_stored_out lists = {
        .entries = count > 0 ? entries : bench->lost,
        .entry_count = count > 0 ? count : bench->lost_count};
    if (count == 0)
        bench->lost_count = 0;
    assert_true(talk_stored(talk_of(bench), &head, &lists, now_ms));
    bench->position += 100;
}

static inline void stored_ok(struct bench *bench, uint64_t task, int64_t now_ms)
{
    const struct wire_stored_entry entry = {
        .task = task, .kind = STORED_FINAL, .status = STATUS_OK};
    stored(bench, &entry, 1, now_ms);
}

static inline void report(struct bench *bench, struct wire_report report,
                          struct wire_refs_out queued,
                          struct wire_refs_out running, int64_t now_ms)
{
    bool known = false;
    assert_true(talk_report(talk_of(bench), &bench->worker, &report,
                            (struct talk_held){queued, running}, now_ms,
                            &known));
    assert_true(known);
}

static const struct wire_refs_out NOTHING = {NULL, 0};

static inline void report_idle(struct bench *bench, int64_t now_ms)
{
    report(bench, (struct wire_report){.lane = 1, .kept = 1}, NOTHING, NOTHING,
           now_ms);
}

// This worker says HELLO on this lane, with what it runs.
static inline enum hello_verdict say_hello(struct bench *bench, uint8_t worker,
                                           uint32_t lane, uint8_t flags,
                                           struct wire_refs_out running,
                                           int64_t now_ms)
{
    const struct wire_hello hello = {
        .flags = flags,
        .lane = lane,
        .slots = SLOTS,
        .host = bench->host.size > 0 ? bench->host : SPAN_OF("h")};
    enum hello_verdict verdict = HELLO_FULL;
    bench->worker = (struct id128){{worker}};
    assert_true(talk_hello(talk_of(bench), &bench->worker, hello,
                           (struct talk_held){NOTHING, running}, now_ms,
                           &verdict));
    return verdict;
}

static inline void hello(struct bench *bench, uint8_t worker, int64_t now_ms)
{
    assert_int_equal(say_hello(bench, worker, 1, 0, NOTHING, now_ms),
                     HELLO_NEW);
    report_idle(bench, now_ms);
}

static inline void synced(struct bench *bench, const struct wire_synced *head,
                          const struct wire_synced_out *lists, int64_t now_ms)
{
    assert_true(talk_synced(talk_of(bench), head, lists, now_ms));
}

static inline void sync(struct bench *bench, const struct wire_synced *head,
                        const struct wire_synced_out *lists, int64_t now_ms)
{
    tracker_sink_hello(bench->tracker, now_ms);
    synced(bench, head, lists, now_ms);
}

static inline void sync_empty(struct bench *bench, int64_t now_ms)
{
    sync(bench, &(struct wire_synced){.generation = 1},
         &(struct wire_synced_out){0}, now_ms);
    tracker_input_ended(bench->tracker, CURSOR_REDO);
}

// A second ventilator's SYNC: five tasks may have been sent, to worker 1.
static inline void sync_after_a_crash(struct bench *bench, int64_t now_ms)
{
    const struct wire_roster_entry joined = {.worker = {{1}},
                                             .host = SPAN_OF("h")};
    sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
         &(struct wire_synced_out){.roster = &joined, .roster_count = 1},
         now_ms);
}

static inline void offer(struct bench *bench, uint64_t task)
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
static inline void warm_up(struct bench *bench, uint64_t tasks)
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

// The same with one task, or a run of them, that it says to be running.
static inline enum hello_verdict worker_says(struct bench *bench,
                                             uint8_t worker, uint32_t lane,
                                             struct wire_refs running,
                                             uint8_t flags, int64_t now_ms)
{
    return say_hello(bench, worker, lane, flags,
                     (struct wire_refs_out){&running, 1}, now_ms);
}

static inline enum hello_verdict hello_running(struct bench *bench,
                                               uint32_t lane,
                                               struct wire_refs running,
                                               uint8_t flags, int64_t now_ms)
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
static inline void sync_with_history(struct bench *bench, uint32_t failures)
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

static inline bool recorded(const struct bench *bench, enum record_kind kind)
{
    for (size_t i = 0; i < bench->record_count; i++)
        if (bench->records[i].kind == kind)
            return true;
    return false;
}

static inline int setup(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.tracker = tracker_create(&LIMITS, &POLICY, 0);
    *state = &bench;
    return bench.tracker ? 0 : -1;
}

static inline int teardown(void **state)
{
    struct bench *bench = *state;
    tracker_destroy(&bench->tracker);
    buffer_free(&bench->frame);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
