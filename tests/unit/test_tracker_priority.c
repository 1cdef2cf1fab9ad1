// Which task goes first where tasks have priorities.
#include "tests/unit/tracker_bench.h"

enum { WINDOW = 16 };

static int setup_priorities(void **state)
{
    if (setup(state) != 0)
        return -1;
    struct bench *bench = *state;
    struct tracker_limits limits = LIMITS;
    limits.priorities = true;
    limits.window_tasks = WINDOW;
    tracker_destroy(&bench->tracker);
    bench->tracker = tracker_create(&limits, &POLICY, 0);
    return bench->tracker ? 0 : -1;
}

#define ROW(name) \
    cmocka_unit_test_setup_teardown(name, setup_priorities, teardown)

static void give(struct bench *bench, uint64_t task, double priority)
{
    static int payload;
    tracker_offer(bench->tracker,
                  &(struct tracker_offer){.task = task,
                                          .ordinal = task,
                                          .priority = priority,
                                          .payload = &payload,
                                          .payload_size = 10},
                  0);
}

// The worker has joined, with two slots, and the mark is beyond all.
static void begin(struct bench *bench)
{
    sync(bench, &(struct wire_synced){.generation = 1, .mark = 1000},
         &(struct wire_synced_out){0}, 0);
    tracker_input_ended(bench->tracker, CURSOR_REDO);
    hello(bench, 1, 0);
    turn(bench, 1);
    stored(bench, NULL, 0, 2);
}

static void assert_sent(const struct bench *bench, const uint64_t *tasks,
                        size_t count)
{
    assert_int_equal(bench->sent_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(bench->sent[i].task, tasks[i]);
}
#define ASSERT_SENT(bench, ...)                         \
    assert_sent(bench, (const uint64_t[]){__VA_ARGS__}, \
                sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

// Ends both tasks that are at the worker.
static void both_end(struct bench *bench, uint64_t one, uint64_t other,
                     int64_t now_ms)
{
    stored_ok(bench, one, now_ms);
    stored_ok(bench, other, now_ms);
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = bench->lane_number,
                                .kept = 1,
                                .finished = 1},
           NOTHING, NOTHING, now_ms);
    turn(bench, now_ms);
}

static void higher_goes_first_and_equal_in_the_inputs_order(void **state)
{
    struct bench *bench = *state;
    static const double PRIORITIES[] = {0, -1, 2.5, 0, 2.5, -1};
    begin(bench);
    for (uint64_t i = 0; i < 6; i++)
        give(bench, i + 1, PRIORITIES[i]);
    turn(bench, 3);
    ASSERT_SENT(bench, 3, 5);
    both_end(bench, 3, 5, 10);
    ASSERT_SENT(bench, 1, 4);
    both_end(bench, 1, 4, 20);
    ASSERT_SENT(bench, 2, 6);
}

static void what_comes_later_and_is_higher_goes_first(void **state)
{
    struct bench *bench = *state;
    begin(bench);
    for (uint64_t task = 1; task <= 4; task++)
        give(bench, task, 0);
    turn(bench, 3);
    ASSERT_SENT(bench, 1, 2);
    give(bench, 5, 1);
    both_end(bench, 1, 2, 10);
    ASSERT_SENT(bench, 5, 3);
}

static void nothing_goes_while_input_is_read_on(void **state)
{
    struct bench *bench = *state;
    begin(bench);
    give(bench, 1, 0);
    tracker_reads_on(bench->tracker);
    turn(bench, 3);
    assert_int_equal(bench->sent_count, 0);
    give(bench, 2, 1);
    turn(bench, 4);
    ASSERT_SENT(bench, 2, 1);
}

static void retried_task_keeps_its_priority(void **state)
{
    struct bench *bench = *state;
    static const struct wire_stored_entry FAILED = {.task = 2,
                                                    .generation = 1,
                                                    .attempt = 1,
                                                    .kind = STORED_FAILURE,
                                                    .status = STATUS_FAILED,
                                                    .class = CLASS_EXIT};
    begin(bench);
    for (uint64_t task = 1; task <= 6; task++)
        give(bench, task, task == 2);
    turn(bench, 3);
    ASSERT_SENT(bench, 2, 1);
    stored(bench, &FAILED, 1, 10);
    stored_ok(bench, 1, 10);
    turn(bench, 200); // the wait before its retry is over
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = bench->lane_number,
                                .kept = 1,
                                .finished = 2},
           NOTHING, NOTHING, 200);
    turn(bench, 200);
    ASSERT_SENT(bench, 2, 3);
}

// Stored after all, as the fourth of a heap: what takes its place is higher
// than what was above it.
static void ready_task_that_ends_leaves_the_others_in_order(void **state)
{
    struct bench *bench = *state;
    static const double PRIORITIES[] = {100, 10, 99, 9, 8,  98, 97,
                                        1,   2,  3,  4, 96, 95};
    begin(bench);
    for (uint64_t i = 0; i < sizeof PRIORITIES / sizeof *PRIORITIES; i++)
        give(bench, i + 1, PRIORITIES[i]);
    stored_ok(bench, 4, 3);
    turn(bench, 3);
    ASSERT_SENT(bench, 1, 3);
    both_end(bench, 1, 3, 10);
    ASSERT_SENT(bench, 6, 7);
    both_end(bench, 6, 7, 20);
    ASSERT_SENT(bench, 12, 13);
    both_end(bench, 12, 13, 30);
    ASSERT_SENT(bench, 2, 5);
}

// All of it, not what would fill messages to the workers.
static void window_is_read_to_its_end(void **state)
{
    struct bench *bench = *state;
    begin(bench);
    for (uint64_t task = 1; task <= WINDOW; task++) {
        assert_true(tracker_wants(bench->tracker, CURSOR_FRONT));
        give(bench, task, (double)task);
    }
    assert_false(tracker_wants(bench->tracker, CURSOR_FRONT));
    turn(bench, 3);
    ASSERT_SENT(bench, WINDOW, WINDOW - 1);
}

// Of a run that is cut short: what is out, and what is not.
static void payloads_are_given_back_at_the_end(void **state)
{
    struct bench *bench = *state;
    struct tracker_action action;
    size_t count = 0;
    begin(bench);
    for (uint64_t task = 1; task <= 5; task++)
        give(bench, task, 0);
    turn(bench, 3);
    stored_ok(bench, 1, 4); // its payload is to be given back already
    tracker_give_up(bench->tracker);
    while (tracker_next(bench->tracker, &action))
        count += action.kind == ACTION_FORGET ? action.count : 0;
    assert_int_equal(count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(higher_goes_first_and_equal_in_the_inputs_order),
        ROW(what_comes_later_and_is_higher_goes_first),
        ROW(nothing_goes_while_input_is_read_on),
        ROW(retried_task_keeps_its_priority),
        ROW(ready_task_that_ends_leaves_the_others_in_order),
        ROW(window_is_read_to_its_end),
        ROW(payloads_are_given_back_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
