// What the tracker makes of a policy's rules, and of what SYNCED says.
#include "tests/unit/tracker_bench.h"

// Two more tries of what took too long, one of other exit codes, none of 65.
static const struct policy RULES = {
    .on_fail = ANSWER_FAIL,
    .rules = {{.class = CLASS_TIMEOUT,
               .code_last = 255,
               .answer = ANSWER_RETRY,
               .retries_max = 2,
               .timeout.times = 2,
               .mem.times = 3},
              {.class = CLASS_EXIT,
               .code_last = 255,
               .answer = ANSWER_RETRY,
               .retries_max = 1},
              {.class = CLASS_EXIT,
               .code_first = 65,
               .code_last = 65,
               .answer = ANSWER_IGNORE}},
    .rule_count = 3,
    .timeout_ms = 700,
    .mem_max = 1000,
};

static int setup_rules(void **state)
{
    if (setup(state) != 0)
        return -1;
    struct bench *bench = *state;
    tracker_destroy(&bench->tracker);
    bench->tracker = tracker_create(&LIMITS, &RULES, 0);
    return bench->tracker ? 0 : -1;
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup_rules, teardown)

// Task 1, at its worker in this attempt, fails so; what follows is due.
static void fails(struct bench *bench, uint32_t attempt, enum fail_class class,
                  uint8_t code)
{
    const struct wire_stored_entry entry = {.task = 1,
                                            .generation = 1,
                                            .attempt = attempt,
                                            .kind = STORED_FAILURE,
                                            .status = STATUS_FAILED,
                                            .class = (uint8_t) class,
                                            .code = code};
    const int64_t now_ms = 10 * (int64_t)attempt;
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = bench->lane_number,
                                .kept = 1,
                                .made = attempt,
                                .finished = attempt,
                                .busy_us = attempt * UINT64_C(1000)},
           NOTHING, NOTHING, now_ms);
    stored(bench, &entry, 1, now_ms + 1);
    turn(bench, now_ms + 2);
}

static void assert_goes_again(const struct bench *bench)
{
    assert_int_equal(bench->sent_count, 1);
    assert_false(recorded(bench, RECORD_FINAL));
}

// What the attempt that was sent may take; 0: what the run gives.
static void assert_has(const struct bench *bench, uint64_t timeout_ms,
                       uint64_t mem_max)
{
    assert_int_equal(bench->sent[0].timeout_ms, timeout_ms);
    assert_int_equal(bench->sent[0].mem_max, mem_max);
}

static void assert_ends(const struct bench *bench, enum status status)
{
    assert_int_equal(bench->sent_count, 0);
    assert_int_equal(bench->record_count, 1);
    assert_int_equal(bench->records[0].kind, RECORD_FINAL);
    assert_int_equal(bench->records[0].status, status);
}

static void each_rule_has_retries_of_its_own(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    assert_has(bench, 0, 0);
    fails(bench, 1, CLASS_TIMEOUT, 0);
    assert_goes_again(bench);
    assert_has(bench, 1400, 3000);
    fails(bench, 2, CLASS_EXIT, 1);
    assert_goes_again(bench);
    assert_has(bench, 1400, 3000);
    fails(bench, 3, CLASS_TIMEOUT, 0);
    assert_goes_again(bench);
    assert_has(bench, 2800, 9000);
    fails(bench, 4, CLASS_EXIT, 2); // the second that the rule for exit answers
    assert_ends(bench, STATUS_FAILED);
}

static void exit_code_with_a_rule_ends_at_once(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    fails(bench, 1, CLASS_EXIT, 1);
    assert_goes_again(bench);
    fails(bench, 2, CLASS_EXIT, 65);
    assert_ends(bench, STATUS_IGNORED);
}

static void class_without_a_rule_has_the_runs_retries(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    fails(bench, 1, CLASS_TIMEOUT, 0);
    assert_goes_again(bench);
    fails(bench, 2, CLASS_SIGNAL, 9);
    assert_ends(bench, STATUS_FAILED);
}

// Two failures are known of this task: how the next ends depends on them.
static void sync_with_causes(struct bench *bench, uint8_t class, uint8_t code)
{
    const struct wire_open_task open = {
        .task = 1, .failures = 2, .last_class = class, .last_code = code};
    const struct wire_cause causes[] = {
        {.task = 1, .count = 1, .class = class, .code = code},
        {.task = 1, .count = 1, .class = CLASS_EXIT, .code = 3}};
    // Its first half was said before, by a sink that died.
    sync(
        bench, &(struct wire_synced){.generation = 1, .flags = SYNCED_MORE},
        &(struct wire_synced_out){
            .open = &open, .open_count = 1, .causes = causes, .cause_count = 1},
        0);
    sync(
        bench, &(struct wire_synced){.generation = 1},
        &(struct wire_synced_out){
            .open = &open, .open_count = 1, .causes = causes, .cause_count = 2},
        0);
    tracker_input_ended(bench->tracker, CURSOR_REDO);
    hello(bench, 1, 0);
    offer(bench, 1);
    turn(bench, 1);
    if (recorded(bench, RECORD_FINAL))
        return;
    stored(bench, NULL, 0, 2);
    turn(bench, 3);
    stored(bench, NULL, 0, 4);
    turn(bench, 5);
}

static void failures_told_by_synced_count_for_their_rules(void **state)
{
    struct bench *bench = *state;
    sync_with_causes(bench, CLASS_TIMEOUT, 0);
    assert_goes_again(bench);
    assert_int_equal(bench->sent[0].failures, 2);
    assert_has(bench, 1400, 3000);
    fails(bench, 1, CLASS_TIMEOUT, 0);
    assert_goes_again(bench);
    fails(bench, 2, CLASS_EXIT, 4);
    assert_ends(bench, STATUS_FAILED);
}

static void last_failure_told_by_synced_ends_the_task(void **state)
{
    struct bench *bench = *state;
    sync_with_causes(bench, CLASS_EXIT, 4);
    assert_true(recorded(bench, RECORD_FINAL));
    assert_int_equal(bench->sent_count, 0);
}

static void exit_code_told_by_synced_is_answered(void **state)
{
    struct bench *bench = *state;
    sync_with_causes(bench, CLASS_EXIT, 65);
    assert_true(recorded(bench, RECORD_FINAL));
    for (size_t i = 0; i < bench->record_count; i++)
        if (bench->records[i].kind == RECORD_FINAL)
            assert_int_equal(bench->records[i].status, STATUS_IGNORED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(each_rule_has_retries_of_its_own),
        ROW(exit_code_with_a_rule_ends_at_once),
        ROW(class_without_a_rule_has_the_runs_retries),
        ROW(failures_told_by_synced_count_for_their_rules),
        ROW(last_failure_told_by_synced_ends_the_task),
        ROW(exit_code_told_by_synced_is_answered),
    };
    return cmocka_run_group_tests_name("tracker_rules", tests, NULL, NULL);
}
