#include "tests/testing.h"

#include "command/selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct settings settings;
    struct selection selection;
    struct problem problem;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    *state = world;
    if (!world)
        return -1;
    settings_init(&world->settings);
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    selection_clear(&world->selection);
    settings_clear(&world->settings);
    free(world);
    return 0;
}

static int selected(struct world *world, const char *const *operands)
{
    for (size_t i = 0; operands[i]; i++)
        assert_int_equal(texts_add(&world->settings.operands, operands[i]), 0);
    return selection_read(&world->selection, &world->settings, 1000000,
                          &world->problem);
}
#define WORDS(...)        \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }

static bool has(const struct world *world, uint64_t task)
{
    return selection_has(&world->selection, &(struct record){.task = task});
}

static void numbers_and_ranges_select(void **state)
{
    struct world *world = *state;
    assert_int_equal(selected(world, WORDS("20,3-5", "dir", "4-7", "1")), 0);
    for (uint64_t task = 1; task < 30; task++)
        assert_int_equal(has(world, task),
                         task == 1 || task == 20 || (task >= 3 && task <= 7));
    assert_int_equal(world->settings.operands.count, 1);
    assert_string_equal(world->settings.operands.at[0], "dir");
    assert_false(selection_is_one(&world->selection));
}

static void open_range_has_no_end(void **state)
{
    struct world *world = *state;
    assert_int_equal(selected(world, WORDS("7-")), 0);
    assert_false(has(world, 6));
    assert_true(has(world, 7));
    assert_true(has(world, UINT64_C(1) << 39));
}

static void one_number_is_one(void **state)
{
    struct world *world = *state;
    assert_int_equal(selected(world, WORDS("17", "17-17")), 0);
    assert_true(selection_is_one(&world->selection));
}

static void nothing_selects_all(void **state)
{
    struct world *world = *state;
    assert_int_equal(selected(world, WORDS("out", "3x")), 0);
    assert_true(has(world, 1));
    assert_int_equal(world->settings.operands.count, 2);
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const BAD[] = {"0",    "1,",   "2-1",
                                      "1--2", "1,,2", "1-2-3",
                                      "0-4",  "1,-3", "99999999999999999999"};
    struct world *world = *state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        world->problem = (struct problem){0};
        assert_int_equal(selected(world, WORDS("1", BAD[i], "dir")), -EINVAL);
        assert_int_equal(world->problem.exit, EXIT_USAGE);
        assert_non_null(strstr(world->problem.text, BAD[i]));
        selection_clear(&world->selection);
    }
}

static void what_is_asked_together_holds_together(void **state)
{
    struct world *world = *state;
    struct record record = {.task = 3,
                            .class = CLASS_TIMEOUT,
                            .host = SPAN_OF("node1"),
                            .start_us = 500000,
                            .wall_us = 300000};
    world->settings.class = strdup("timeout");
    world->settings.host = strdup("node1");
    world->settings.since_ms = 200;
    assert_int_equal(selected(world, WORDS("3")), 0);
    assert_true(selection_has(&world->selection, &record));
    record.wall_us--;
    assert_false(selection_has(&world->selection, &record));
    record.wall_us++;
    record.class = CLASS_EXIT;
    assert_false(selection_has(&world->selection, &record));
    record.class = CLASS_TIMEOUT;
    record.host = SPAN_OF("node");
    assert_false(selection_has(&world->selection, &record));
    record.host = SPAN_OF("node1");
    record.task = 4;
    assert_false(selection_has(&world->selection, &record));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_and_ranges_select),
        TEST(open_range_has_no_end),
        TEST(one_number_is_one),
        TEST(nothing_selects_all),
        TEST(what_is_no_number_is_refused),
        TEST(what_is_asked_together_holds_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
