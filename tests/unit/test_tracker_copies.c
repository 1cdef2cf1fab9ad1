/* Tasks 1 to 3 took 10 ms, task 4 is slow at worker 1; worker 2 idles. */
#include "tests/unit/tracker_bench.h"

enum { SLOW_MS = 1000 };
static const struct wire_refs FIRST = {
    .task = 4, .count = 1, .generation = 1, .attempt = 1};
static const struct wire_refs COPY = {
    .task = 4, .count = 1, .generation = 1, .attempt = 2};

static void runs(struct bench *bench, uint8_t worker, uint64_t received,
                 const struct wire_refs *refs, int64_t now_ms)
{
    const struct wire_refs_out running = {refs, refs ? 1 : 0};
    bench->worker = (struct id128){{worker}};
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = received,
                                .kept = 1,
                                .made = worker == 1 ? 3 : 0},
           NOTHING, running, now_ms);
}

// The second worker joins when the others' results are in.
static void one_is_slow(struct bench *bench)
{
    warm_up(bench, 4);
    runs(bench, 1, 1, NULL, 8);
    turn(bench, 9);
    for (uint64_t task = 1; task <= 3; task++)
        stored_ok(bench, task, 15);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    runs(bench, 1, bench->lane_number, &FIRST, 20);
    hello(bench, 2, 20);
    turn(bench, 21);
    stored(bench, NULL, 0, 22);
}

static void copied(struct bench *bench)
{
    one_is_slow(bench);
    runs(bench, 1, bench->lane_number, &FIRST, SLOW_MS);
    runs(bench, 2, 0, NULL, SLOW_MS);
    turn(bench, SLOW_MS);
    assert_int_equal(bench->sent_count, 1);
    runs(bench, 2, 1, &COPY, SLOW_MS + 1);
}

static void turn_without_a_send(struct bench *bench, int64_t now_ms)
{
    turn(bench, now_ms);
    assert_int_equal(bench->sent_count, 0);
}

static struct wire_stored_entry failed(uint32_t attempt, enum stored_kind kind)
{
    return (struct wire_stored_entry){.task = 4,
                                      .generation = 1,
                                      .attempt = attempt,
                                      .kind = (uint8_t)kind,
                                      .status = STATUS_FAILED,
                                      .class = CLASS_EXIT};
}

static void gone(struct bench *bench, uint8_t worker, int64_t now_ms)
{
    const struct id128 id = {{worker}};
    tracker_worker_gone(bench->tracker, &id, GONE_LOST, now_ms);
    turn_without_a_send(bench, now_ms);
    assert_true(recorded(bench, RECORD_LOST));
    stored(bench, NULL, 0, now_ms + 1);
}

static void slow_task_is_copied_to_an_idle_worker(void **state)
{
    struct bench *bench = *state;
    one_is_slow(bench);
    turn_without_a_send(bench, 200); // not slow yet
    runs(bench, 1, bench->lane_number, &FIRST, SLOW_MS);
    runs(bench, 2, 0, NULL, SLOW_MS);
    turn(bench, SLOW_MS);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].task, 4);
    assert_int_equal(bench->sent[0].attempt, 2);
    assert_int_equal(bench->sent[0].flags, TASK_COPY);
    assert_int_equal(bench->sent_to, 2);
    runs(bench, 2, 1, &COPY, SLOW_MS + 1);
    turn_without_a_send(bench, 3 * SLOW_MS); // never a third
    struct tracker_counts counts;
    tracker_counts(bench->tracker, &counts);
    assert_int_equal(counts.speculated, 1);
}

static void nothing_is_copied_while_there_may_be_more(void **state)
{
    struct bench *bench = *state;
    one_is_slow(bench);
    offer(bench, 5); // takes the slot
    runs(bench, 2, 0, NULL, SLOW_MS);
    turn(bench, SLOW_MS);
    for (size_t i = 0; i < bench->sent_count; i++)
        assert_int_equal(bench->sent[i].flags, 0);
}

static void both_copies_are_stopped_when_one_is_final(void **state)
{
    struct bench *bench = *state;
    copied(bench);
    stored_ok(bench, 4, SLOW_MS + 5);
    collect(bench);
    assert_int_equal(bench->kinds[ACTION_CANCEL], 2);
    turn(bench, SLOW_MS + 6);
    assert_true(recorded(bench, RECORD_COMPLETE));
}

static void failure_of_a_copy_costs_nothing(void **state)
{
    struct bench *bench = *state;
    copied(bench);
    const struct wire_stored_entry copy = failed(2, STORED_COPY);
    stored(bench, &copy, 1, SLOW_MS + 5);
    runs(bench, 2, 1, NULL, SLOW_MS + 5);
    turn_without_a_send(bench, SLOW_MS + 6);
    const struct wire_stored_entry first = failed(1, STORED_FAILURE);
    stored(bench, &first, 1, SLOW_MS + 7);
    turn(bench, SLOW_MS + 300); // it has one retry
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].attempt, 3);
    assert_int_equal(bench->sent[0].failures, 1);
    assert_int_equal(bench->sent[0].flags, 0);
}

static void copy_goes_on_where_the_task_has_failed(void **state)
{
    struct bench *bench = *state;
    copied(bench);
    const struct wire_stored_entry first = failed(1, STORED_FAILURE);
    stored(bench, &first, 1, SLOW_MS + 5);
    runs(bench, 1, bench->lane_number, NULL, SLOW_MS + 5);
    turn_without_a_send(bench, SLOW_MS + 300);
    const struct wire_stored_entry copy = failed(2, STORED_COPY);
    stored(bench, &copy, 1, SLOW_MS + 301);
    turn(bench, SLOW_MS + 302);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].failures, 1);
}

static void loss_of_one_sends_nothing_while_the_other_runs(void **state)
{
    struct bench *bench = *state;
    copied(bench);
    gone(bench, 1, SLOW_MS + 5);
    turn_without_a_send(bench, SLOW_MS + 7);
    gone(bench, 2, SLOW_MS + 10); // now both are
    hello(bench, 3, SLOW_MS + 12);
    turn(bench, SLOW_MS + 13);
    stored(bench, NULL, 0, SLOW_MS + 14);
    turn(bench, SLOW_MS + 15);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].attempt, 3);
    assert_int_equal(bench->sent[0].failures, 0);
    assert_int_equal(bench->sent[0].flags, TASK_ALONE); // two losses: a suspect
}

static void hello_that_tells_of_a_copy_takes_it_over_from_nobody(void **state)
{
    struct bench *bench = *state;
    copied(bench);
    assert_int_equal(worker_says(bench, 2, 2, COPY, 0, SLOW_MS + 5),
                     HELLO_LANE_NEW);
    assert_int_equal(worker_says(bench, 1, 2, FIRST, 0, SLOW_MS + 5),
                     HELLO_LANE_NEW);
    collect(bench);
    assert_int_equal(bench->kinds[ACTION_CANCEL], 0);
    struct wire_refs third = FIRST;
    third.attempt = 9;
    (void)worker_says(bench, 2, 3, third, 0, SLOW_MS + 6);
    collect(bench);
    assert_int_equal(bench->kinds[ACTION_CANCEL], 1);
}

static int setup_copies(void **state)
{
    static struct bench bench;
    struct tracker_limits limits = LIMITS;
    limits.speculate = true;
    memset(&bench, 0, sizeof bench);
    bench.tracker = tracker_create(&limits, &POLICY, 0);
    *state = &bench;
    return bench.tracker ? 0 : -1;
}

#define COPIES(name) \
    cmocka_unit_test_setup_teardown(name, setup_copies, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COPIES(slow_task_is_copied_to_an_idle_worker),
        COPIES(nothing_is_copied_while_there_may_be_more),
        COPIES(both_copies_are_stopped_when_one_is_final),
        COPIES(failure_of_a_copy_costs_nothing),
        COPIES(copy_goes_on_where_the_task_has_failed),
        COPIES(loss_of_one_sends_nothing_while_the_other_runs),
        COPIES(hello_that_tells_of_a_copy_takes_it_over_from_nobody),
    };
    return cmocka_run_group_tests_name("tracker_copies", tests, NULL, NULL);
}
