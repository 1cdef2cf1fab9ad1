#include "tests/testing.h"

#include "command/curve.h"

#include <stdbool.h>

enum { SECOND = 1000000 };

static bool near(double left, double right)
{
    return left - right < 1e-6 && right - left < 1e-6;
}

static void what_happened_between_is_spread_evenly(void **state)
{
    struct curve curve;
    (void)state;
    curve_begin(&curve, 5 * SECOND, SECOND);
    curve_add(&curve, 5 * SECOND + SECOND / 2, 7 * SECOND + SECOND / 2, 20);
    assert_true(near(curve_rate(&curve, 5 * SECOND, 6 * SECOND), 5));
    assert_true(near(curve_rate(&curve, 6 * SECOND, 7 * SECOND), 10));
    assert_true(near(curve_rate(&curve, 7 * SECOND, 8 * SECOND), 5));
    assert_true(near(curve_rate(&curve, 5 * SECOND, 9 * SECOND), 5));
    assert_int_equal(curve.end_us, 7 * SECOND + SECOND / 2);
}

static void long_runs_widen_it_and_lose_nothing(void **state)
{
    enum { HOURS = 3, TASKS = HOURS * 3600 };
    struct curve curve;
    (void)state;
    curve_begin(&curve, 0, SECOND);
    for (int64_t i = 0; i < TASKS; i++)
        curve_add(&curve, i * SECOND, (i + 1) * SECOND, 3);
    double sum = 0;
    for (int i = 0; i < CURVE_BUCKETS; i++)
        sum += curve.at[i];
    assert_true(near(sum, 3.0 * TASKS));
    assert_true(CURVE_BUCKETS * curve.width_us > (int64_t)TASKS * SECOND);
    assert_true(CURVE_BUCKETS * curve.width_us <= 2 * (int64_t)TASKS * SECOND);
    assert_true(near(curve_rate(&curve, 0, curve.end_us), 3));
    assert_true(near(curve_rate(&curve, 100 * SECOND, 107 * SECOND), 3));
}

static void moments_before_the_first_count_there(void **state)
{
    struct curve curve;
    (void)state;
    curve_begin(&curve, 10 * SECOND, SECOND);
    curve_add(&curve, 2 * SECOND, 2 * SECOND, 4);
    curve_add(&curve, 9 * SECOND, 11 * SECOND, 6);
    assert_true(near(curve_rate(&curve, 10 * SECOND, 11 * SECOND), 10));
}

static void far_moments_do_no_harm(void **state)
{
    struct curve curve;
    (void)state;
    curve_begin(&curve, 0, SECOND);
    curve_add(&curve, 0, INT64_MAX, 1);
    curve_add(&curve, INT64_MAX, INT64_MAX, 1);
    assert_true(curve_rate(&curve, 0, INT64_MAX) > 0);
    assert_true(near(curve_rate(&curve, 7, 7), 0));
    assert_true(near(curve_rate(&curve, 9, 7), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happened_between_is_spread_evenly),
        cmocka_unit_test(long_runs_widen_it_and_lose_nothing),
        cmocka_unit_test(moments_before_the_first_count_there),
        cmocka_unit_test(far_moments_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
