#include "tests/unit/tracker_bench.h"

// Says that it has made no result; the sink, that it has stored five of it.
static void says_less_than_is_stored(struct bench *bench, int64_t now_ms)
{
    report_idle(bench, now_ms);
    turn(bench, now_ms);
}

static void store_five_of(struct bench *bench, int64_t now_ms)
{
    const struct wire_worker_mark mark = {bench->worker, 5};
    const struct wire_stored head = {.from = bench->position,
                                     .to = bench->position,
                                     .record = bench->record_last};
    const struct wire_stored_out lists = {.workers = &mark, .worker_count = 1};
    assert_true(talk_stored(talk_of(bench), &head, &lists, now_ms));
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

static void report_of_an_older_lane_is_not_believed(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 2);
    const struct wire_report said = {.lane = 1, .received = 5, .kept = 1};
    bool known = true;
    assert_true(talk_report(talk_of(bench), &bench->worker, &said,
                            (struct talk_held){NOTHING, NOTHING}, 6, &known));
    assert_false(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_pause_expires_nobody_but_silence_does),
        TEST(worker_whose_results_were_forged_joins_again),
        TEST(report_that_was_overtaken_costs_no_worker),
        TEST(rostered_worker_that_was_lost_joins_again),
        TEST(what_a_worker_has_retired_needs_no_mark),
        TEST(hello_in_parts_is_one_hello),
        TEST(claims_that_cannot_be_are_counted_and_dropped),
        TEST(repeated_hello_tells_what_came_since),
        TEST(of_two_copies_the_newer_is_kept),
        TEST(of_two_copies_the_newer_is_kept_though_told_last),
        TEST(copy_that_is_still_held_is_cancelled_again),
        TEST(worker_lost_before_the_sync_is_not_in_the_roster),
        TEST(hello_that_is_not_whole_keeps_the_roster_waiting),
        TEST(report_of_an_older_lane_is_not_believed),
    };
    return cmocka_run_group_tests_name("tracker_workers", tests, NULL, NULL);
}
