#include "common/base/map.h"

#include <string.h>

#include "tests/testing.h"

enum { KEYS = 512, STEPS = 200000 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void values_are_set_replaced_and_removed(void **state)
{
    (void)state;
    struct map *map = map_create();
    uint64_t value = 99;
    assert_false(map_get(map, 0, &value));
    assert_int_equal(value, 99);
    assert_int_equal(map_put(map, 0, 1), 0);
    assert_int_equal(map_put(map, UINT64_MAX, 2), 0);
    assert_int_equal(map_put(map, 0, 3), 0);
    assert_int_equal(map_count(map), 2);
    assert_true(map_get(map, 0, &value));
    assert_int_equal(value, 3);
    assert_true(map_remove(map, 0));
    assert_false(map_remove(map, 0));
    assert_true(map_get(map, UINT64_MAX, &value));
    assert_int_equal(map_count(map), 1);
    map_destroy(&map);
    assert_null(map);
    map_destroy(&map);
}

static void random_use_agrees_with_an_array(void **state)
{
    (void)state;
    struct map *map = map_create();
    static uint64_t model[KEYS]; // 0: absent
    memset(model, 0, sizeof model);
    size_t count = 0;
    uint64_t seed = 42;
    for (int i = 0; i < STEPS; i++) {
        const uint64_t key = next_random(&seed) % KEYS;
        const uint64_t want = next_random(&seed) | 1;
        uint64_t value = 0;
        assert_int_equal(map_get(map, key, &value), model[key] != 0);
        assert_true(value == model[key]);
        if (next_random(&seed) % 2) {
            count += model[key] == 0;
            model[key] = want;
            assert_int_equal(map_put(map, key, want), 0);
        } else {
            assert_int_equal(map_remove(map, key), model[key] != 0);
            count -= model[key] != 0;
            model[key] = 0;
        }
        assert_int_equal(map_count(map), count);
    }
    size_t cursor = 0, seen = 0;
    uint64_t key, value;
    while (map_next(map, &cursor, &key, &value)) {
        assert_true(model[key] == value);
        seen++;
    }
    assert_int_equal(seen, count);
    map_destroy(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_set_replaced_and_removed),
        cmocka_unit_test(random_use_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
