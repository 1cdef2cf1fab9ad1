#include "common/policy/policy.h"

#include <errno.h>

#include "tests/testing.h"

static const struct policy POLICY = {.on_fail = ANSWER_IGNORE,
                                     .retries_max = 3,
                                     .backoff_min_ms = 1000,
                                     .backoff_max_ms = 3000};
static const struct failure EXIT_1 = {CLASS_EXIT, 1};
static const struct failure TIMEOUT = {CLASS_TIMEOUT, 0};

static enum answer answer_to(const struct policy *policy, enum fail_class class,
                             uint8_t code, uint64_t failures)
{
    return policy_decide(policy, (struct failure){class, code}, failures, 1)
        .answer;
}

static void failure_is_retried_until_retries_are_spent(void **state)
{
    (void)state;
    for (uint64_t failures = 1; failures <= 3; failures++)
        assert_int_equal(answer_to(&POLICY, CLASS_EXIT, 1, failures),
                         ANSWER_RETRY);
    const struct policy_answer last = policy_decide(&POLICY, EXIT_1, 4, 1);
    assert_int_equal(last.answer, ANSWER_IGNORE);
    assert_int_equal(last.delay_ms, 0);
}

static void delay_doubles_up_to_the_most_with_half_of_it_jitter(void **state)
{
    (void)state;
    static const int64_t WHOLE[] = {1000, 2000, 3000};
    for (uint64_t seed = 0; seed < 1000; seed++)
        for (uint64_t failures = 1; failures <= 3; failures++) {
            const int64_t delay =
                policy_decide(&POLICY, TIMEOUT, failures, seed).delay_ms;
            assert_in_range(delay, WHOLE[failures - 1] / 2,
                            WHOLE[failures - 1]);
        }
}

static void same_seed_gives_the_same_delay(void **state)
{
    (void)state;
    unsigned equal = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        const int64_t delay = policy_decide(&POLICY, EXIT_1, 2, seed).delay_ms;
        assert_int_equal(delay,
                         policy_decide(&POLICY, EXIT_1, 2, seed).delay_ms);
        equal += delay == policy_decide(&POLICY, EXIT_1, 2, seed + 1).delay_ms;
    }
    assert_true(equal < 10);
}

static void add(struct policy *policy, enum fail_class class,
                const uint8_t codes[2], enum answer answer, uint64_t retries)
{
    assert_int_equal(policy_add_rule(policy,
                                     &(struct policy_rule){
                                         .class = class,
                                         .code_first = codes[0],
                                         .code_last = codes[1],
                                         .answer = answer,
                                         .retries_max = retries,
                                     }),
                     0);
}

static const uint8_t ALL[] = {0, 255};

static void rule_of_a_class_goes_before_the_rest(void **state)
{
    (void)state;
    struct policy policy = POLICY;
    add(&policy, CLASS_TIMEOUT, ALL, ANSWER_FAIL, 0);
    add(&policy, CLASS_SPAWN, ALL, ANSWER_IGNORE, 0);
    add(&policy, CLASS_SIGNAL, ALL, ANSWER_RETRY, 1);
    assert_int_equal(answer_to(&policy, CLASS_TIMEOUT, 0, 1), ANSWER_FAIL);
    assert_int_equal(answer_to(&policy, CLASS_SPAWN, 0, 1), ANSWER_IGNORE);
    const struct policy_answer again =
        policy_decide(&policy, (struct failure){CLASS_SIGNAL, 9}, 1, 1);
    assert_int_equal(again.answer, ANSWER_RETRY);
    assert_in_range(again.delay_ms, 500, 1000);
    assert_int_equal(answer_to(&policy, CLASS_SIGNAL, 9, 2), ANSWER_IGNORE);
    assert_int_equal(answer_to(&policy, CLASS_EXIT, 1, 3), ANSWER_RETRY);
    add(&policy, CLASS_TIMEOUT, ALL, ANSWER_HOLD, 0);
    assert_int_equal(answer_to(&policy, CLASS_TIMEOUT, 0, 1), ANSWER_HOLD);
}

static void later_rule_for_the_same_takes_its_place(void **state)
{
    (void)state;
    struct policy policy = POLICY;
    add(&policy, CLASS_TIMEOUT, ALL, ANSWER_FAIL, 0);
    add(&policy, CLASS_EXIT, ALL, ANSWER_FAIL, 0);
    add(&policy, CLASS_TIMEOUT, ALL, ANSWER_RETRY, 1);
    assert_int_equal(policy.rule_count, 2);
    assert_int_equal(answer_to(&policy, CLASS_TIMEOUT, 0, 1), ANSWER_RETRY);
}

// Every answer for every exit code of a table with rules of all widths.
static void rule_for_the_fewest_codes_is_followed(void **state)
{
    (void)state;
    struct policy policy = POLICY;
    add(&policy, CLASS_EXIT, (const uint8_t[]){7, 7}, ANSWER_IGNORE, 0);
    add(&policy, CLASS_EXIT, (const uint8_t[]){2, 10}, ANSWER_RETRY, 1);
    add(&policy, CLASS_EXIT, ALL, ANSWER_FAIL, 0);
    add(&policy, CLASS_EXIT, (const uint8_t[]){6, 14}, ANSWER_RETRY, 5);
    for (unsigned code = 1; code <= UINT8_MAX; code++) {
        const size_t rule = code == 7                 ? 1
                            : code >= 6 && code <= 14 ? 4 // as wide, and later
                            : code >= 2 && code <= 10 ? 2
                                                      : 3;
        assert_int_equal(
            policy_find_rule(&policy, failure_of(CLASS_EXIT, (uint8_t)code, 9)),
            rule);
    }
    assert_int_equal(policy_find_rule(&policy, failure_of(CLASS_SIGNAL, 7, 7)),
                     0);
    assert_int_equal(answer_to(&policy, CLASS_EXIT, 8, 5), ANSWER_RETRY);
    assert_int_equal(answer_to(&policy, CLASS_EXIT, 8, 6), ANSWER_IGNORE);
    assert_int_equal(answer_to(&policy, CLASS_EXIT, 3, 2), ANSWER_IGNORE);
    assert_int_equal(answer_to(&policy, CLASS_EXIT, 15, 1), ANSWER_FAIL);
}

static void rule_may_have_a_wait_of_its_own(void **state)
{
    (void)state;
    struct policy policy = POLICY;
    const struct policy_rule rule = {.class = CLASS_OOM,
                                     .code_last = 255,
                                     .answer = ANSWER_RETRY,
                                     .retries_max = 9,
                                     .has_backoff = true,
                                     .backoff_min_ms = 60000,
                                     .backoff_max_ms = 100000};
    assert_int_equal(policy_add_rule(&policy, &rule), 0);
    const struct failure oom = {CLASS_OOM, 0};
    assert_in_range(policy_decide(&policy, oom, 1, 7).delay_ms, 30000, 60000);
    assert_in_range(policy_decide(&policy, oom, 2, 7).delay_ms, 50000, 100000);
    assert_in_range(policy_decide(&policy, EXIT_1, 1, 7).delay_ms, 500, 1000);
}

static void time_grows_by_what_each_rule_has_answered(void **state)
{
    (void)state;
    struct policy policy = {.timeout_ms = 1000, .rule_count = 3};
    policy.rules[0].timeout.times = 3;
    policy.rules[1].timeout.least = 5000;
    const struct {
        uint32_t failures[4];
        int64_t timeout_ms;
    } ROWS[] = {
        {{0, 0, 0, 0}, 1000},
        {{9, 0, 0, 9}, 1000},
        {{0, 1, 0, 0}, 3000},
        {{0, 2, 0, 5}, 9000},
        {{0, 0, 1, 0}, 5000},
        {{0, 1, 7, 0}, 5000},
        {{0, 2, 1, 0}, 9000},
        {{0, 99, 0, 0}, INT64_MAX},
        {{0, 4000000000U, 0, 0}, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        assert_true(policy_timeout_ms(&policy, ROWS[i].failures) ==
                    ROWS[i].timeout_ms);
    assert_int_equal(policy_timeout_ms(&policy, NULL), 1000);
}

static void memory_grows_where_there_is_a_limit(void **state)
{
    (void)state;
    struct policy policy = {.mem_max = 1000, .rule_count = 2};
    policy.rules[0].mem.times = 2;
    policy.rules[1].mem.least = 3000;
    const uint32_t none[3] = {9, 0, 0}, twice[3] = {0, 2, 0},
                   both[3] = {0, 1, 1}, ever[3] = {0, 4000000000U, 1};
    assert_int_equal(policy_mem_max(&policy, policy.mem_max, NULL), 1000);
    assert_int_equal(policy_mem_max(&policy, policy.mem_max, none), 1000);
    assert_int_equal(policy_mem_max(&policy, policy.mem_max, twice), 4000);
    assert_int_equal(policy_mem_max(&policy, policy.mem_max, both), 3000);
    assert_true(policy_mem_max(&policy, policy.mem_max, ever) == UINT64_MAX);
    policy.mem_max = UINT64_MAX;
    assert_true(policy_mem_max(&policy, policy.mem_max, both) == UINT64_MAX);
}

static void code_is_of_the_class_that_has_one(void **state)
{
    (void)state;
    assert_int_equal(failure_of(CLASS_EXIT, 3, 9).code, 3);
    assert_int_equal(failure_of(CLASS_SIGNAL, 3, 9).code, 9);
    assert_int_equal(failure_of(CLASS_TIMEOUT, 3, 9).code, 0);
}

static void table_has_an_end(void **state)
{
    (void)state;
    struct policy policy = POLICY;
    for (uint8_t i = 1; i <= POLICY_RULES_MAX; i++)
        add(&policy, CLASS_EXIT, (const uint8_t[]){i, i}, ANSWER_FAIL, 0);
    const struct policy_rule more = {.class = CLASS_OOM, .code_last = 255};
    assert_int_equal(policy_add_rule(&policy, &more), -E2BIG);
    assert_int_equal(policy.rule_count, POLICY_RULES_MAX);
    assert_int_equal(policy_find_rule(&policy, (struct failure){CLASS_OOM, 0}),
                     0);
}

static void unlimited_retries_end_neither_in_overflow_nor_failure(void **state)
{
    (void)state;
    const struct policy policy = {.on_fail = ANSWER_FAIL,
                                  .retries_max = UINT64_MAX,
                                  .backoff_min_ms = 1,
                                  .backoff_max_ms = INT64_MAX};
    const struct policy_answer answer = policy_decide(
        &policy, (struct failure){CLASS_SIGNAL, 9}, UINT64_MAX, 7);
    assert_int_equal(answer.answer, ANSWER_RETRY);
    assert_true(answer.delay_ms >= INT64_MAX / 2);
}

static void loss_costs_no_try_and_quarantine_is_the_end(void **state)
{
    (void)state;
    assert_int_equal(answer_to(&POLICY, CLASS_LOST, 0, 99), ANSWER_RETRY);
    assert_int_equal(answer_to(&POLICY, CLASS_QUARANTINED, 0, 1), ANSWER_FAIL);
    assert_int_equal(answer_to(&POLICY, CLASS_CANCELLED, 0, 1), ANSWER_FAIL);
}

static void every_name_reads_back_and_strange_ones_do_not(void **state)
{
    (void)state;
    for (unsigned i = 1; i < CLASSES; i++)
        assert_int_equal(class_parse(class_name((enum fail_class)i)), i);
    for (unsigned i = 1; i < STATUSES; i++)
        assert_int_equal(status_parse(status_name((enum status)i)), i);
    assert_int_equal(class_parse("Exit"), CLASS_NONE);
    assert_int_equal(status_parse(""), STATUS_NONE);
    assert_string_equal(status_name((enum status)200), "none");
    assert_string_equal(answer_name(ANSWER_NOTIFY), "notify");
    assert_string_equal(answer_name((enum answer)ANSWERS), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_is_retried_until_retries_are_spent),
        cmocka_unit_test(delay_doubles_up_to_the_most_with_half_of_it_jitter),
        cmocka_unit_test(same_seed_gives_the_same_delay),
        cmocka_unit_test(rule_of_a_class_goes_before_the_rest),
        cmocka_unit_test(later_rule_for_the_same_takes_its_place),
        cmocka_unit_test(rule_for_the_fewest_codes_is_followed),
        cmocka_unit_test(rule_may_have_a_wait_of_its_own),
        cmocka_unit_test(time_grows_by_what_each_rule_has_answered),
        cmocka_unit_test(memory_grows_where_there_is_a_limit),
        cmocka_unit_test(code_is_of_the_class_that_has_one),
        cmocka_unit_test(table_has_an_end),
        cmocka_unit_test(unlimited_retries_end_neither_in_overflow_nor_failure),
        cmocka_unit_test(loss_costs_no_try_and_quarantine_is_the_end),
        cmocka_unit_test(every_name_reads_back_and_strange_ones_do_not),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
