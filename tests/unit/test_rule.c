#include "common/setting/rule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/testing.h"

static struct policy_rule read_rule(const char *text)
{
    struct policy_rule rule;
    const char *why = "";
    if (rule_read(text, &rule, &why) != 0)
        fail_msg("%s %s", text, why);
    return rule;
}

static void class_alone_means_all_its_codes(void **state)
{
    (void)state;
    static const enum fail_class CLASSES_OF_TASKS[] = {
        CLASS_EXIT, CLASS_SIGNAL, CLASS_TIMEOUT,
        CLASS_OOM,  CLASS_SPAWN,  CLASS_OUTPUT};
    for (size_t i = 0; i < sizeof CLASSES_OF_TASKS / sizeof(enum fail_class);
         i++) {
        char text[64];
        snprintf(text, sizeof text, "%s=retry:7",
                 class_name(CLASSES_OF_TASKS[i]));
        const struct policy_rule rule = read_rule(text);
        assert_int_equal(rule.class, CLASSES_OF_TASKS[i]);
        assert_int_equal(rule.code_first, 0);
        assert_int_equal(rule.code_last, 255);
        assert_int_equal(rule.answer, ANSWER_RETRY);
        assert_int_equal(rule.retries_max, 7);
    }
    assert_int_equal(read_rule("timeout=fail").answer, ANSWER_FAIL);
    assert_int_equal(read_rule("timeout=ignore").answer, ANSWER_IGNORE);
    assert_true(read_rule("exit=retry:unlimited").retries_max ==
                SETTING_UNLIMITED);
}

static void assert_codes(const char *text, uint8_t first, uint8_t last)
{
    const struct policy_rule rule = read_rule(text);
    assert_int_equal(rule.code_first, first);
    assert_int_equal(rule.code_last, last);
}

static void codes_are_numbers_ranges_and_names_of_signals(void **state)
{
    (void)state;
    assert_codes("exit:65=ignore", 65, 65);
    assert_codes("exit:2-10=fail", 2, 10);
    assert_codes("exit:1-255=fail", 1, 255);
    assert_codes("signal:SEGV=fail", 11, 11);
    assert_codes("signal:SIGKILL=fail", 9, 9);
    assert_codes("signal:9=fail", 9, 9);
    assert_codes("signal:ILL-BUS=fail", 4, 7);
}

static void retry_may_have_a_wait_a_time_and_memory_of_its_own(void **state)
{
    (void)state;
    const struct policy_rule rule =
        read_rule("timeout=retry:3,backoff:10s..1m,timeout:x2");
    assert_int_equal(rule.retries_max, 3);
    assert_true(rule.has_backoff);
    assert_int_equal(rule.backoff_min_ms, 10000);
    assert_int_equal(rule.backoff_max_ms, 60000);
    assert_int_equal(rule.timeout.times, 2);
    const struct policy_rule clock =
        read_rule("exit:3=retry:1,timeout:1:00:00");
    assert_false(clock.has_backoff);
    assert_int_equal(clock.timeout.times, 0);
    assert_int_equal(clock.timeout.least, 3600000);
    assert_int_equal(read_rule("exit=retry:1,backoff:5s").backoff_min_ms, 5000);
    const struct policy_rule more = read_rule("oom=retry:3,mem:x2");
    assert_int_equal(more.mem.times, 2);
    assert_int_equal(more.timeout.times, 0);
    assert_true(read_rule("oom=retry:1,mem:8G").mem.least == UINT64_C(8) << 30);
    assert_false(more.other_host);
    assert_true(read_rule("exit:3=retry:1,host:other").other_host);
}

static void rules_that_are_none_are_refused(void **state)
{
    static const char *const RULES[] = {
        "",
        "timeout",
        "timeout=",
        "timeout=retry",
        "timeout=retry:",
        "timeout=retry:x",
        "timeout=hold:1",
        "timeout=notify:1",
        "timeout=fail:1",
        "late=fail",
        "lost=ignore",
        "exit =fail",
        "exit=fail ",
        "timeout=retry:99999999999999999999",
        "none=fail",
        "timeout:1=fail",
        "exit:=fail",
        "exit:0=fail",
        "exit:256=fail",
        "exit:10-2=fail",
        "exit:2-=fail",
        "exit:-2=fail",
        "exit:SEGV=fail",
        "signal:65=fail",
        "signal:WRONG=fail",
        "signal:SIG=fail",
        "signal:segv=fail",
        "exit:1:2=fail",
        "timeout=retry:3,",
        "timeout=retry:3,backoff",
        "timeout=retry:3,backoff:",
        "timeout=retry:3,backoff:5s..1s",
        "timeout=retry:3,backoff:1s..367d",
        "timeout=retry:3,backoff:1s,backoff:1s",
        "timeout=retry:3,timeout:x1",
        "timeout=retry:3,timeout:x101",
        "timeout=retry:3,timeout:2",
        "timeout=retry:3,timeout:0s",
        "timeout=retry:3,timeout:unlimited",
        "timeout=retry:3,memory:x2",
        "oom=retry:3,mem:x1",
        "oom=retry:3,mem:1023K",
        "oom=retry:3,mem:unlimited",
        "oom=retry:3,mem:x2,mem:8G",
        "oom=hold,mem:x2",
        "exit=retry:1,host:same",
        "exit=retry:1,host:",
        "exit=fail,host:other",
        "timeout=fail,timeout:x2",
        "=fail",
        ":1=fail",
        "exitexitexitexitexitexitexitexitexit=fail",
        "exit=failfailfailfailfailfailfailfailfail",
    };
    (void)state;
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        struct policy_rule rule;
        const char *why = NULL;
        if (rule_read(RULES[i], &rule, &why) != -EINVAL || !why)
            fail_msg("%s", RULES[i]);
    }
}

static void settings_make_the_whole_policy(void **state)
{
    (void)state;
    struct settings settings;
    struct problem problem = {0};
    settings_init(&settings);
    static const char *const GIVEN[][2] = {
        {"retries", "2"},       {"backoff", "1s..2s"},  {"on-fail", "ignore"},
        {"on", "exit=retry:1"}, {"on", "exit:65=fail"}, {"on", "exit=retry:4"}};
    for (size_t i = 0; i < sizeof GIVEN / sizeof GIVEN[0]; i++)
        assert_int_equal(settings_set(&settings, FOR_RUN, LAYER_FLAG,
                                      GIVEN[i][0], GIVEN[i][1], &problem),
                         0);
    struct policy policy;
    settings_policy(&settings, &policy);
    assert_int_equal(policy.retries_max, 2);
    assert_int_equal(policy.backoff_max_ms, 2000);
    assert_int_equal(policy.on_fail, ANSWER_IGNORE);
    assert_int_equal(policy.rule_count, 2);
    assert_int_equal(policy.rules[0].retries_max, 4);
    assert_int_equal(settings_set(&settings, FOR_RUN, LAYER_FLAG, "on",
                                  "late=fail", &problem),
                     -EINVAL);
    assert_non_null(strstr(problem.text, "on: 'late=fail' is for no class"));
    settings_clear(&settings);
}

static void set(struct settings *settings, const char *name, const char *value)
{
    struct problem problem = {0};
    if (settings_set(settings, FOR_RUN, LAYER_FLAG, name, value, &problem) != 0)
        fail_msg("%s", problem.text);
}

static void to_notify_stands_beside_what_follows(void **state)
{
    (void)state;
    struct settings settings;
    struct policy policy;
    settings_init(&settings);
    set(&settings, "on", "exit=retry:4");
    set(&settings, "on", "exit:65=notify");
    set(&settings, "on", "timeout=notify");
    settings_policy(&settings, &policy);
    assert_int_equal(policy.rule_count, 1);
    assert_int_equal(policy.rules[0].retries_max, 4);
    settings_notify(&settings, &policy);
    assert_int_equal(policy.rule_count, 2);
    assert_int_equal(policy_find_rule(&policy, failure_of(CLASS_EXIT, 1, 0)),
                     0);
    assert_int_equal(policy_find_rule(&policy, failure_of(CLASS_EXIT, 65, 0)),
                     1);
    assert_int_equal(policy_find_rule(&policy, failure_of(CLASS_TIMEOUT, 0, 0)),
                     2);
    assert_int_equal(policy.on_fail, ANSWER_FAIL);
    set(&settings, "on-fail", "notify");
    settings_policy(&settings, &policy);
    assert_int_equal(policy.on_fail, ANSWER_FAIL);
    settings_notify(&settings, &policy);
    assert_int_equal(policy.on_fail, ANSWER_NOTIFY);
    settings_clear(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_alone_means_all_its_codes),
        cmocka_unit_test(codes_are_numbers_ranges_and_names_of_signals),
        cmocka_unit_test(retry_may_have_a_wait_a_time_and_memory_of_its_own),
        cmocka_unit_test(rules_that_are_none_are_refused),
        cmocka_unit_test(settings_make_the_whole_policy),
        cmocka_unit_test(to_notify_stands_beside_what_follows),
    };
    return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
