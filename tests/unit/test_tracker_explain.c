// Why nothing moves: each reason that the tracker can give.
#include "tests/unit/tracker_bench.h"

static enum reason of(const struct bench *bench, uint64_t task)
{
    return tracker_explain(bench->tracker, task).reason;
}

static enum reason of_run(const struct bench *bench)
{
    return tracker_explain_run(bench->tracker).reason;
}

static void before_anybody_is_there(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(of(bench, 1), REASON_NO_SINK);
    assert_int_equal(of_run(bench), REASON_NO_SINK);
    tracker_sink_hello(bench->tracker, 0);
    assert_int_equal(of(bench, 1), REASON_SYNCING);
    synced(bench, &(struct wire_synced){.generation = 1},
           &(struct wire_synced_out){0}, 0);
    tracker_input_ended(bench->tracker, CURSOR_REDO);
    assert_int_equal(of(bench, 1), REASON_UNREAD);
    assert_int_equal(of_run(bench), REASON_UNREAD);
    offer(bench, 1);
    turn(bench, 1);
    assert_int_equal(of(bench, 1), REASON_NO_WORKER);
    assert_int_equal(of_run(bench), REASON_NO_WORKER);
    hello(bench, 1, 1);
    turn(bench, 2);
    assert_int_equal(of(bench, 1), REASON_JOINING);
    stored(bench, NULL, 0, 3);
    assert_int_equal(of(bench, 1), REASON_STORING); // the mark
}

static void at_a_worker(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs first = {
        .task = 1, .count = 2, .generation = 1, .attempt = 1};
    warm_up(bench, 5);
    assert_int_equal(bench->sent_count, SLOTS);
    assert_int_equal(of(bench, 1), REASON_SENT);
    assert_int_equal(of(bench, 3), REASON_BUSY);
    report(bench,
           (struct wire_report){
               .lane = 1, .received = bench->lane_number, .kept = 1},
           NOTHING, (struct wire_refs_out){&first, 1}, 1000);
    const struct tracker_why why = tracker_explain(bench->tracker, 2);
    assert_int_equal(why.reason, REASON_RUNNING);
    assert_int_equal(why.worker, 1);
    assert_int_equal(why.silent_ms, 0);
    assert_int_equal(tracker_explain_run(bench->tracker).task, 1);
    turn(bench, 2000); // who has slept for long takes nobody for silent
    turn(bench, 3000);
    turn(bench, 3500);
    assert_int_equal(tracker_explain(bench->tracker, 2).silent_ms, 2500);
}

static void what_came_last_waits_for_a_slot(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs first = {
        .task = 1, .count = 1, .generation = 1, .attempt = 1};
    const struct wire_refs second = {
        .task = 2, .count = 1, .generation = 1, .attempt = 1};
    warm_up(bench, 2);
    report(bench,
           (struct wire_report){
               .lane = 1, .received = bench->lane_number, .kept = 1},
           (struct wire_refs_out){&second, 1},
           (struct wire_refs_out){&first, 1}, 10);
    assert_int_equal(of(bench, 1), REASON_RUNNING);
    assert_int_equal(of(bench, 2), REASON_QUEUED);
}

static void what_has_ended_waits_for_the_sink(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs second = {
        .task = 2, .count = 1, .generation = 1, .attempt = 1};
    warm_up(bench, 2);
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = bench->lane_number,
                                .kept = 1,
                                .made = 1,
                                .finished = 1},
           NOTHING, (struct wire_refs_out){&second, 1}, 10);
    assert_int_equal(of(bench, 1), REASON_UNSTORED);
    assert_int_equal(of(bench, 2), REASON_RUNNING);
    stored_ok(bench, 1, 11);
    assert_int_equal(of(bench, 1), REASON_FINAL);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    assert_int_equal(of(bench, 9), REASON_NO_TASK);
}

static void failed_one_backs_off(void **state)
{
    struct bench *bench = *state;
    const struct wire_stored_entry failed = {.task = 1,
                                             .generation = 1,
                                             .attempt = 1,
                                             .kind = STORED_FAILURE,
                                             .status = STATUS_FAILED,
                                             .class = CLASS_EXIT,
                                             .code = 7};
    warm_up(bench, 1);
    stored(bench, &failed, 1, 10);
    const struct tracker_why why = tracker_explain(bench->tracker, 1);
    assert_int_equal(why.reason, REASON_BACKOFF);
    assert_in_range(why.ms, 1, 100);
    assert_int_equal(why.failures, 1);
    assert_int_equal(why.class, CLASS_EXIT);
    assert_int_equal(why.code, 7);
    assert_int_equal(of_run(bench), REASON_BACKOFF);
    assert_int_equal(tracker_explain_run(bench->tracker).task, 1);
}

static void paused_and_drained(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 5);
    assert_int_equal(tracker_pause(bench->tracker,
                                   &(struct tracker_pause){
                                       .paused = true, .text = SPAN_OF("me\n")},
                                   10),
                     0);
    assert_int_equal(of(bench, 5), REASON_PAUSED);
    assert_int_equal(of_run(bench), REASON_PAUSED);
    tracker_drain(bench->tracker);
    assert_int_equal(of(bench, 5), REASON_DRAINING);
}

static void worker_nearest_to_take_it_is_the_reason(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 5);
    assert_int_equal(of(bench, 5), REASON_BUSY);
    hello(bench, 2, 10); // not stored: the first is nearer
    assert_int_equal(of(bench, 5), REASON_BUSY);
    tracker_worker_gone(bench->tracker, &(struct id128){{1}}, GONE_DRAINED, 11);
    assert_int_equal(of(bench, 5), REASON_JOINING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(before_anybody_is_there),
        TEST(at_a_worker),
        TEST(what_came_last_waits_for_a_slot),
        TEST(what_has_ended_waits_for_the_sink),
        TEST(failed_one_backs_off),
        TEST(paused_and_drained),
        TEST(worker_nearest_to_take_it_is_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
