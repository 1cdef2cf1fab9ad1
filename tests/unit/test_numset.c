#include "common/base/numset.h"

#include <errno.h>
#include <string.h>

#include "tests/testing.h"

enum { NUMBERS = 40000, STEPS = 60000 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void an_empty_set_has_nothing(void **state)
{
    (void)state;
    struct numset *set = numset_create();
    uint64_t first, count;
    assert_false(numset_has(set, 0));
    assert_false(numset_has(set, UINT64_MAX));
    assert_int_equal(numset_count(set), 0);
    assert_int_equal(numset_next_absent(set, 7), 7);
    assert_false(numset_next_run(set, 0, &first, &count));
    assert_int_equal(numset_remove(set, 3), 0);
    numset_destroy(&set);
    assert_null(set);
    numset_destroy(&set);
}

static void a_number_is_new_only_once(void **state)
{
    (void)state;
    struct numset *set = numset_create();
    assert_int_equal(numset_add(set, 5), 1);
    assert_int_equal(numset_add(set, 5), 0);
    assert_int_equal(numset_remove(set, 5), 1);
    assert_int_equal(numset_remove(set, 5), 0);
    assert_int_equal(numset_add(set, 5), 1);
    numset_destroy(&set);
}

static void a_number_too_large_is_refused(void **state)
{
    (void)state;
    struct numset *set = numset_create();
    assert_int_equal(numset_add(set, NUMSET_NUMBER_MAX), 1);
    assert_int_equal(numset_add(set, NUMSET_NUMBER_MAX + 1), -ERANGE);
    assert_int_equal(numset_add(set, UINT64_MAX), -ERANGE);
    assert_int_equal(numset_add_run(set, 1, NUMSET_NUMBER_MAX + 1), -ERANGE);
    assert_int_equal(numset_add_run(set, 1, UINT64_MAX), -ERANGE);
    assert_int_equal(numset_count(set), 1);
    numset_destroy(&set);
}

static void a_huge_run_is_cheap_and_a_hole_can_be_made(void **state)
{
    (void)state;
    struct numset *set = numset_create();
    const uint64_t end = UINT64_C(1) << 39;
    assert_int_equal(numset_add_run(set, 1, end - 1), 0);
    assert_true(numset_count(set) == end - 1);
    assert_true(numset_next_absent(set, 1) == end);
    assert_int_equal(numset_remove(set, end / 2), 1);
    uint64_t first, count;
    assert_true(numset_next_run(set, 0, &first, &count));
    assert_true(first == 1 && count == end / 2 - 1);
    assert_true(numset_next_run(set, first + count, &first, &count));
    assert_true(first == end / 2 + 1 && first + count == end);
    assert_false(numset_next_run(set, end, &first, &count));
    assert_int_equal(numset_add_run(set, 0, end), 0);
    assert_true(numset_count(set) == end);
    numset_destroy(&set);
}

static void check_model(struct numset *set, const bool *model)
{
    uint64_t total = 0, first, count, from = 0;
    while (numset_next_run(set, from, &first, &count)) {
        for (; from < first; from++)
            assert_false(model[from]);
        for (; from < first + count; from++)
            assert_true(model[from]);
        total += count;
    }
    for (; from < NUMBERS; from++)
        assert_false(model[from]);
    assert_true(total == numset_count(set));
}

static void random_use_agrees_with_an_array(void **state)
{
    (void)state;
    static bool model[NUMBERS];
    memset(model, 0, sizeof model);
    struct numset *set = numset_create();
    uint64_t seed = 7;
    for (int i = 0; i < STEPS; i++) {
        const uint64_t number = next_random(&seed) % NUMBERS;
        const uint64_t act = next_random(&seed) % 64;
        if (act == 0) {
            const uint64_t count =
                next_random(&seed) % (NUMBERS - number) % 20000;
            assert_int_equal(numset_add_run(set, number, count), 0);
            memset(model + number, 1, count);
        } else if (act < 24) {
            assert_int_equal(numset_add(set, number), !model[number]);
            model[number] = true;
        } else {
            assert_int_equal(numset_remove(set, number), model[number]);
            model[number] = false;
        }
        uint64_t absent = number;
        while (absent < NUMBERS && model[absent])
            absent++;
        assert_true(numset_next_absent(set, number) == absent);
        if (i % 512 == 0)
            check_model(set, model);
    }
    check_model(set, model);
    numset_destroy(&set);
}

static void filling_in_any_order_ends_in_one_run(void **state)
{
    (void)state;
    struct numset *set = numset_create();
    // 7919 is prime to 40000: this visits every number once.
    for (uint64_t i = 0; i < NUMBERS; i++)
        assert_int_equal(numset_add(set, i * 7919 % NUMBERS), 1);
    uint64_t first, count;
    assert_true(numset_next_run(set, 0, &first, &count));
    assert_int_equal(first, 0);
    assert_int_equal(count, NUMBERS);
    numset_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_has_nothing),
        cmocka_unit_test(a_number_is_new_only_once),
        cmocka_unit_test(a_number_too_large_is_refused),
        cmocka_unit_test(a_huge_run_is_cheap_and_a_hole_can_be_made),
        cmocka_unit_test(random_use_agrees_with_an_array),
        cmocka_unit_test(filling_in_any_order_ends_in_one_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
