// A retry that is to go to another host than where it failed.
#include "tests/unit/tracker_bench.h"

static const struct policy APART = {.on_fail = ANSWER_FAIL,
                                    .rules = {{.class = CLASS_EXIT,
                                               .code_last = 255,
                                               .answer = ANSWER_RETRY,
                                               .retries_max = 9,
                                               .other_host = true}},
                                    .rule_count = 1,
                                    .timeout_ms = INT64_MAX,
                                    .mem_max = UINT64_MAX};

static int setup_apart(void **state)
{
    if (setup(state) != 0)
        return -1;
    struct bench *bench = *state;
    tracker_destroy(&bench->tracker);
    bench->tracker = tracker_create(&LIMITS, &APART, 0);
    return bench->tracker ? 0 : -1;
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup_apart, teardown)

enum { FIRST = 1, SECOND = 2 };

// Task 1 is at the first worker, on "h"; a second joins from another host.
static void begin(struct bench *bench, bool second)
{
    warm_up(bench, 1);
    assert_int_equal(bench->sent_count, 1);
    if (!second)
        return;
    bench->host = SPAN_OF("other");
    hello(bench, SECOND, 6);
    turn(bench, 7);
    stored(bench, NULL, 0, 8);
    turn(bench, 9);
}

static void lives(struct bench *bench, uint8_t worker, uint32_t flags,
                  uint64_t made, int64_t now_ms)
{
    bench->worker = (struct id128){{worker}};
    report(bench,
           (struct wire_report){.lane = 1,
                                .flags = flags,
                                .received = worker == FIRST ? made : 0,
                                .kept = 1,
                                .made = made,
                                .finished = made,
                                .busy_us = made * UINT64_C(1000)},
           NOTHING, NOTHING, now_ms);
}

static void fails(struct bench *bench, uint32_t attempt, int64_t now_ms)
{
    const struct wire_stored_entry entry = {.task = 1,
                                            .generation = 1,
                                            .attempt = attempt,
                                            .kind = STORED_FAILURE,
                                            .status = STATUS_FAILED,
                                            .class = CLASS_EXIT,
                                            .code = 1};
    stored(bench, &entry, 1, now_ms);
    turn(bench, now_ms + 1);
}

static void it_goes_where_it_has_not_failed(void **state)
{
    struct bench *bench = *state;
    begin(bench, true);
    const unsigned first = 1;
    lives(bench, FIRST, 0, 1, 10);
    fails(bench, 1, 11);
    assert_int_equal(bench->sent_count, 1);
    assert_int_not_equal(bench->sent_to, first);
    assert_int_equal(bench->kinds[ACTION_APART], 0);
    // Having failed on both, it goes anywhere, and that is said.
    fails(bench, 2, 14);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->kinds[ACTION_APART], 1);
}

static void alone_it_goes_on_there_at_once(void **state)
{
    struct bench *bench = *state;
    begin(bench, false);
    lives(bench, FIRST, 0, 1, 10);
    fails(bench, 1, 11);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->kinds[ACTION_APART], 1);
}

static void it_waits_a_minute_for_room(void **state)
{
    struct bench *bench = *state;
    begin(bench, true);
    lives(bench, SECOND, REPORT_FULL, 0, 10);
    lives(bench, FIRST, 0, 1, 10);
    fails(bench, 1, 1000);
    assert_int_equal(bench->sent_count, 0);
    for (int64_t now_ms = 2000; now_ms <= 60000; now_ms += 1000) {
        lives(bench, SECOND, REPORT_FULL, 0, now_ms);
        lives(bench, FIRST, 0, 1, now_ms);
        turn(bench, now_ms);
        assert_int_equal(bench->sent_count, 0);
    }
    lives(bench, SECOND, REPORT_FULL, 0, 61001);
    lives(bench, FIRST, 0, 1, 61001);
    turn(bench, 61001);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent_to, 1);
    assert_int_equal(bench->kinds[ACTION_APART], 1);
}

// So many tasks more than slots are at the second worker, which is as quick as
// the first: there is room behind them.
static void fill_the_second(struct bench *bench)
{
    lives(bench, FIRST, REPORT_FULL, 1, 10);
    lives(bench, SECOND, 0, 0, 10);
    for (uint64_t task = 2; task <= 4; task++)
        offer(bench, task);
    turn(bench, 11);
    assert_int_equal(bench->sent_count, 2);
    assert_int_not_equal(bench->sent_to, 1);
    const struct wire_refs two = {
        .task = 2, .count = 2, .generation = 1, .attempt = 1};
    bench->worker = (struct id128){{SECOND}};
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = bench->lane_number,
                                .kept = 1,
                                .made = 9,
                                .finished = 9,
                                .busy_us = 9000},
           NOTHING, (struct wire_refs_out){&two, 1}, 12);
    turn(bench, 13);
    assert_int_equal(bench->sent_count, 1);
    assert_int_not_equal(bench->sent_to, 1);
}

static void it_waits_in_the_queue_of_who_is_busy(void **state)
{
    struct bench *bench = *state;
    begin(bench, true);
    fill_the_second(bench);
    fails(bench, 1, 14);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].task, 1);
    assert_int_not_equal(bench->sent_to, 1);
}

static void but_not_where_it_would_be_taken_back(void **state)
{
    struct bench *bench = *state;
    begin(bench, true);
    fill_the_second(bench);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    lives(bench, FIRST, 0, 1, 14);
    fails(bench, 1, 14);
    assert_int_equal(bench->sent_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(it_goes_where_it_has_not_failed),
        ROW(alone_it_goes_on_there_at_once),
        ROW(it_waits_a_minute_for_room),
        ROW(it_waits_in_the_queue_of_who_is_busy),
        ROW(but_not_where_it_would_be_taken_back),
    };
    return cmocka_run_group_tests_name("tracker_apart", tests, NULL, NULL);
}
