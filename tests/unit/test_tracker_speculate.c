#include "tests/testing.h"

#include "ventilator/tracker_speculate.h"

struct took {
    int64_t ms;
    unsigned times;
};

// Within a quarter of an octave above what is expected.
static void slow_after(const struct took *took, size_t count, int64_t run_ms,
                       int64_t expected_ms)
{
    struct speculate speculate = {0};
    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; k < took[i].times; k++)
            speculate_took(&speculate, took[i].ms);
    const int64_t slow_ms = speculate_slow_ms(&speculate, run_ms);
    if (slow_ms < expected_ms || slow_ms > expected_ms + expected_ms / 4)
        fail_msg("%lld ms, expected %lld", (long long)slow_ms,
                 (long long)expected_ms);
}

static void who_runs_much_longer_than_others_is_slow(void **state)
{
    (void)state;
    static const struct took EQUAL[] = {{1000, 50}};
    static const struct took MIXED[] = {{1, 900}, {2000, 100}};
    static const struct took RARE[] = {{1000, 99}, {60000, 1}};
    static const struct took SHORT[] = {{1, 1000}};
    static const struct took FEW[] = {{400, 3}};
    slow_after(EQUAL, 1, 0, 2000);      // twice the median
    slow_after(MIXED, 2, 0, 2000);      // long ones are a kind of their own
    slow_after(RARE, 2, 0, 2000);       // one of a hundred is none
    slow_after(SHORT, 1, 0, 250);       // less is gone before it begins
    slow_after(SHORT, 1, 100000, 2000); // a fiftieth of the run
    slow_after(FEW, 1, 0, 800);
}

static void nobody_is_slow_before_some_have_finished(void **state)
{
    (void)state;
    struct speculate speculate = {0};
    assert_true(speculate_slow_ms(&speculate, 0) == INT64_MAX);
    speculate_took(&speculate, 10);
    speculate_took(&speculate, 10);
    assert_true(speculate_slow_ms(&speculate, 1000000) == INT64_MAX);
}

// Each time is in a class that ends no earlier, and not much later.
static void any_time_has_its_class(void **state)
{
    (void)state;
    for (unsigned bit = 8; bit < 62; bit++)
        for (int64_t k = -1; k <= 1; k++) {
            const int64_t ms = (INT64_C(1) << bit) + k;
            const struct took took[] = {{ms, 3}};
            slow_after(took, 1, 0, 2 * ms);
        }
    struct speculate speculate = {0};
    for (int i = 0; i < 3; i++)
        speculate_took(&speculate, INT64_MAX);
    speculate_took(&speculate, -5);
    assert_true(speculate_slow_ms(&speculate, 0) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_runs_much_longer_than_others_is_slow),
        cmocka_unit_test(nobody_is_slow_before_some_have_finished),
        cmocka_unit_test(any_time_has_its_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
