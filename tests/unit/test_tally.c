#include "ventilator/tally.h"

#include "tests/testing.h"

enum { RULES = 3 };

static int setup(void **state)
{
    *state = tally_create(RULES);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct tally *tally = *state;
    tally_destroy(&tally);
    tally_destroy(&tally);
    return 0;
}

static void each_rule_of_each_task_is_counted_for_itself(void **state)
{
    struct tally *tally = *state;
    for (uint64_t task = 1; task <= 1000; task++)
        for (size_t rule = 0; rule < RULES; rule++)
            assert_int_equal(
                tally_add(tally, task, rule, (uint32_t)(task + rule)), 0);
    assert_int_equal(tally_add(tally, 500, 1, 7), 0);
    for (uint64_t task = 1; task <= 1000; task++)
        for (size_t rule = 0; rule < RULES; rule++)
            assert_int_equal(tally_of(tally, task)[rule],
                             task + rule + (task == 500 && rule == 1 ? 7 : 0));
    assert_null(tally_of(tally, 1001));
}

static void dropped_task_is_forgotten_and_its_row_used_again(void **state)
{
    struct tally *tally = *state;
    for (uint64_t task = 1; task <= 200; task++)
        assert_int_equal(tally_add(tally, task, 0, 5), 0);
    for (uint64_t task = 1; task <= 200; task += 2)
        tally_drop(tally, task);
    tally_drop(tally, 1);
    tally_drop(tally, 9999);
    assert_null(tally_of(tally, 1));
    for (uint64_t task = 301; task <= 500; task++)
        assert_int_equal(tally_add(tally, task, 2, 1), 0);
    for (uint64_t task = 301; task <= 500; task++) {
        assert_int_equal(tally_of(tally, task)[0], 0);
        assert_int_equal(tally_of(tally, task)[2], 1);
    }
    assert_int_equal(tally_of(tally, 200)[0], 5);
}

static void cleared_it_is_as_new_and_counts_do_not_wrap(void **state)
{
    struct tally *tally = *state;
    assert_int_equal(tally_add(tally, 1, 0, UINT32_MAX), 0);
    assert_int_equal(tally_add(tally, 1, 0, 5), 0);
    assert_true(tally_of(tally, 1)[0] == UINT32_MAX);
    assert_int_equal(tally_clear(tally), 0);
    assert_null(tally_of(tally, 1));
    assert_int_equal(tally_add(tally, 1, 1, 1), 0);
    assert_int_equal(tally_of(tally, 1)[0], 0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(each_rule_of_each_task_is_counted_for_itself),
        ROW(dropped_task_is_forgotten_and_its_row_used_again),
        ROW(cleared_it_is_as_new_and_counts_do_not_wrap),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
