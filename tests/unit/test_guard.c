#include "tests/testing.h"

#include "worker/guard.h"

static void limits_are_kept(void **state)
{
    (void)state;
    struct guard guard = {.load_max = 4, .memory_min = 100 << 20};
    guard_judge(&guard, &(struct guard_host){3, 100 << 20});
    assert_false(guard.closed);
    guard_judge(&guard, &(struct guard_host){4, 100 << 20});
    assert_true(guard.closed);
    assert_string_equal(guard.why, "load 4, --max-load 4");
    guard_judge(&guard, &(struct guard_host){3, 99 << 20});
    assert_true(guard.closed);
    assert_string_equal(guard.why,
                        "99M of memory are free, --min-free-memory 100M");
}

static void what_is_not_limited_may_be_anything(void **state)
{
    (void)state;
    struct guard guard = {.load_max = 4};
    guard_judge(&guard, &(struct guard_host){3, 0});
    assert_false(guard.closed);
    guard = (struct guard){.memory_min = 1};
    guard_judge(&guard, &(struct guard_host){UINT64_MAX, 1});
    assert_false(guard.closed);
    guard = (struct guard){0};
    assert_true(guard_allows(&guard, 0));
}

static void a_closed_one_is_looked_at_now_and_then(void **state)
{
    (void)state;
    struct guard guard = {.memory_min = UINT64_MAX};
    assert_false(guard_allows(&guard, 1000));
    guard.memory_min = 1;
    assert_false(guard_allows(&guard, 1000 + GUARD_APART_MS - 1));
    assert_true(guard_allows(&guard, 1000 + GUARD_APART_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(what_is_not_limited_may_be_anything),
        cmocka_unit_test(a_closed_one_is_looked_at_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
