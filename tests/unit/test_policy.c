#include "common/policy/policy.h"

#include "tests/testing.h"

#include <errno.h>

static const struct policy POLICY = {.on_fail = ANSWER_IGNORE,
                                     .retries_max = 3,
                                     .backoff_min_ms = 1000,
                                     .backoff_max_ms = 3000};

static void failure_is_retried_until_retries_are_spent(void **state)
{
    (void)state;
    for (uint64_t failures = 1; failures <= 3; failures++)
        assert_int_equal(policy_decide(&POLICY, CLASS_EXIT, failures, 1).answer,
                         ANSWER_RETRY);
    const struct policy_answer last = policy_decide(&POLICY, CLASS_EXIT, 4, 1);
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
                policy_decide(&POLICY, CLASS_TIMEOUT, failures, seed).delay_ms;
            assert_in_range(delay, WHOLE[failures - 1] / 2,
                            WHOLE[failures - 1]);
        }
}

static void same_seed_gives_the_same_delay(void **state)
{
    (void)state;
    unsigned equal = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        const int64_t delay =
            policy_decide(&POLICY, CLASS_EXIT, 2, seed).delay_ms;
        assert_int_equal(delay,
                         policy_decide(&POLICY, CLASS_EXIT, 2, seed).delay_ms);
        equal +=
            delay == policy_decide(&POLICY, CLASS_EXIT, 2, seed + 1).delay_ms;
    }
    assert_true(equal < 10);
}

static void rule_of_a_class_goes_before_the_rest(void **state)
{
    (void)state;
    struct policy policy = POLICY;
    assert_int_equal(policy_read_rule(&policy, "timeout=fail"), 0);
    assert_int_equal(policy_read_rule(&policy, "spawn=ignore"), 0);
    assert_int_equal(policy_read_rule(&policy, "signal=retry:1"), 0);
    assert_int_equal(policy_decide(&policy, CLASS_TIMEOUT, 1, 1).answer,
                     ANSWER_FAIL);
    assert_int_equal(policy_decide(&policy, CLASS_SPAWN, 1, 1).answer,
                     ANSWER_IGNORE);
    const struct policy_answer again =
        policy_decide(&policy, CLASS_SIGNAL, 1, 1);
    assert_int_equal(again.answer, ANSWER_RETRY);
    assert_in_range(again.delay_ms, 500, 1000);
    assert_int_equal(policy_decide(&policy, CLASS_SIGNAL, 2, 1).answer,
                     ANSWER_IGNORE);
    assert_int_equal(policy_decide(&policy, CLASS_EXIT, 3, 1).answer,
                     ANSWER_RETRY);
    assert_int_equal(policy_read_rule(&policy, "timeout=retry:0"), 0);
    assert_int_equal(policy_decide(&policy, CLASS_TIMEOUT, 1, 1).answer,
                     ANSWER_IGNORE);
}

static void rules_that_are_none_are_refused(void **state)
{
    static const char *const RULES[] = {"",
                                        "timeout",
                                        "timeout=",
                                        "timeout=retry",
                                        "timeout=retry:",
                                        "timeout=retry:x",
                                        "timeout=hold",
                                        "late=fail",
                                        "lost=ignore",
                                        "oom=retry:1",
                                        "exit =fail",
                                        "exit=fail ",
                                        "timeout=retry:99999999999999999999",
                                        "exit:65=fail",
                                        "none=fail"};
    (void)state;
    struct policy policy = {0};
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++)
        if (policy_read_rule(&policy, RULES[i]) != -EINVAL)
            fail_msg("%s", RULES[i]);
    for (size_t i = 0; i < CLASSES; i++)
        assert_false(policy.on[i].given);
}

static void unlimited_retries_end_neither_in_overflow_nor_failure(void **state)
{
    (void)state;
    const struct policy policy = {.on_fail = ANSWER_FAIL,
                                  .retries_max = UINT64_MAX,
                                  .backoff_min_ms = 1,
                                  .backoff_max_ms = INT64_MAX};
    const struct policy_answer answer =
        policy_decide(&policy, CLASS_SIGNAL, UINT64_MAX, 7);
    assert_int_equal(answer.answer, ANSWER_RETRY);
    assert_true(answer.delay_ms >= INT64_MAX / 2);
}

static void loss_costs_no_try_and_quarantine_is_the_end(void **state)
{
    (void)state;
    assert_int_equal(policy_decide(&POLICY, CLASS_LOST, 99, 1).answer,
                     ANSWER_RETRY);
    assert_int_equal(policy_decide(&POLICY, CLASS_QUARANTINED, 1, 1).answer,
                     ANSWER_FAIL);
    assert_int_equal(policy_decide(&POLICY, CLASS_CANCELLED, 1, 1).answer,
                     ANSWER_FAIL);
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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_is_retried_until_retries_are_spent),
        cmocka_unit_test(delay_doubles_up_to_the_most_with_half_of_it_jitter),
        cmocka_unit_test(same_seed_gives_the_same_delay),
        cmocka_unit_test(rule_of_a_class_goes_before_the_rest),
        cmocka_unit_test(rules_that_are_none_are_refused),
        cmocka_unit_test(unlimited_retries_end_neither_in_overflow_nor_failure),
        cmocka_unit_test(loss_costs_no_try_and_quarantine_is_the_end),
        cmocka_unit_test(every_name_reads_back_and_strange_ones_do_not),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
