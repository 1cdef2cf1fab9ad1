// The page's pure parts: who may ask, where records stand, time in columns,
// and what is counted.
#include "tests/testing.h"

#include "page/axis.h"
#include "page/guard.h"
#include "page/places.h"
#include "page/view.h"

#include <string.h>

static const struct guard GUARD = {.token = "0123456789abcdef",
                                   .names = {"head.cluster", "", ""}};

static void only_known_names_are_ours(void **state)
{
    static const char *const OURS[] = {
        "127.0.0.1",   "127.0.0.1:7780", "10.0.0.1:80",
        "[::1]",       "[::1]:7780",     "localhost",
        "localhost:1", "LocalHost",      "head.cluster:7780"};
    static const char *const OTHERS[] = {"",
                                         "evil.example",
                                         "127.0.0.1.evil.example",
                                         "localhost.evil.example:7780",
                                         "localhost:7780.evil",
                                         "head.cluster.evil",
                                         "head",
                                         "[::1",
                                         "[]",
                                         "[::1]x",
                                         "1.2.3.4:80x"};
    (void)state;
    for (size_t i = 0; i < sizeof OURS / sizeof OURS[0]; i++)
        assert_true(guard_host(&GUARD, OURS[i]));
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++)
        assert_false(guard_host(&GUARD, OTHERS[i]));
    assert_false(guard_host(&GUARD, NULL));
}

static void an_origin_is_that_of_the_page(void **state)
{
    (void)state;
    assert_true(guard_origin("h:1", NULL));
    assert_true(guard_origin("h:1", "http://h:1"));
    assert_true(guard_origin("h:1", "https://h:1"));
    assert_false(guard_origin("h:1", "http://h:2"));
    assert_false(guard_origin("h:1", "http://h:1.evil"));
    assert_false(guard_origin("h:1", "ftp://h:1"));
    assert_false(guard_origin("h:1", "null"));
    assert_false(guard_origin("h:1", ""));
    assert_false(guard_origin(NULL, "http://h:1"));
}

static void a_token_is_whole_or_wrong(void **state)
{
    const struct guard none = {.token = ""};
    (void)state;
    assert_true(guard_token(&GUARD, "0123456789abcdef"));
    assert_false(guard_token(&GUARD, "0123456789abcdeF"));
    assert_false(guard_token(&GUARD, "0123456789abcde"));
    assert_false(guard_token(&GUARD, "0123456789abcdef0"));
    assert_false(guard_token(&GUARD, ""));
    assert_false(guard_token(&GUARD, NULL));
    assert_false(guard_token(&none, ""));
}

static void a_task_is_found_in_each_part_that_has_it(void **state)
{
    enum { PART = 64 << 10 };
    struct places *places = places_create();
    uint32_t part = 0;
    uint64_t from, end;
    (void)state;
    assert_false(places_next(places, 7, &part, &from, &end));
    assert_int_equal(places_add(places, 7, 0), 0);
    assert_int_equal(places_add(places, 7, 100), 0);
    assert_int_equal(places_add(places, 8, PART), 0);
    assert_int_equal(places_add(places, UINT64_C(1) << 40, PART + 5), 0);
    assert_int_equal(places_add(places, 7, 2 * PART), 0);
    assert_true(places_next(places, 7, &part, &from, &end));
    assert_int_equal(from, 2 * PART);
    assert_true(end == UINT64_MAX);
    assert_true(places_next(places, 7, &part, &from, &end));
    assert_int_equal(from, 0);
    assert_int_equal(end, PART);
    assert_false(places_next(places, 7, &part, &from, &end));
    part = 0;
    assert_true(places_next(places, UINT64_C(1) << 40, &part, &from, &end));
    assert_int_equal(from, PART);
    assert_int_equal(end, 2 * PART);
    assert_false(places_next(places, UINT64_C(1) << 40, &part, &from, &end));
    places_destroy(&places);
}

static struct record attempt(uint64_t task, int64_t start_us, uint64_t wall_us)
{
    return (struct record){.task = task,
                           .final = true,
                           .status = STATUS_OK,
                           .host = SPAN_OF("node"),
                           .slot = 1,
                           .start_us = start_us,
                           .wall_us = wall_us,
                           .attempt = 1};
}

static struct record failed(uint64_t task, int64_t start_us, bool final)
{
    struct record record = attempt(task, start_us, 1000);
    record.final = final;
    record.status = STATUS_FAILED;
    record.class = CLASS_EXIT;
    record.exit = 3;
    record.err = SPAN_OF("no such file /tmp/a\n");
    return record;
}

static struct view *view_of(const struct record *records, size_t count)
{
    struct view *view = view_create();
    for (size_t i = 0; i < count; i++)
        assert_int_equal(view_take(view, &records[i], false), 0);
    return view;
}

static void a_longer_run_keeps_its_sums(void **state)
{
    enum { TASKS = 5000 };
    struct view *view = view_create();
    uint64_t done = 0;
    double busy_us = 0;
    (void)state;
    for (uint64_t i = 0; i < TASKS; i++) {
        const struct record record =
            attempt(i + 1, 1000000 + (int64_t)i * 10000, 9000);
        assert_int_equal(view_take(view, &record, true), 0);
    }
    for (size_t i = 0; i < AXIS_COLUMNS; i++) {
        done += view->done[i];
        busy_us += (double)view->rows[0].busy[i] * (double)view->axis.width_us;
    }
    assert_int_equal(done, TASKS);
    assert_int_equal(view->bar_count, TASKS);
    assert_int_equal(view->by_status[STATUS_OK], TASKS);
    assert_true(busy_us > 0.99 * TASKS * 9000 && busy_us < 1.01 * TASKS * 9000);
    // The last column that is used is that of the end.
    assert_true((view->last_us - view->axis.origin_us) / view->axis.width_us <
                AXIS_COLUMNS);
    assert_true((view->last_us - view->axis.origin_us) / view->axis.width_us >=
                AXIS_COLUMNS / 2);
    view_destroy(&view);
}

static void a_task_that_passes_in_the_end_has_not_failed(void **state)
{
    const struct record records[] = {failed(1, 1000, false),
                                     attempt(1, 5000, 1000)};
    struct view *view = view_of(records, 2);
    (void)state;
    assert_int_equal(view->group_count, 1);
    assert_int_equal(view->groups[0].attempts, 1);
    assert_int_equal(view->groups[0].tasks, 0);
    assert_string_equal(view->groups[0].line, "no such file /...");
    assert_int_equal(view->by_status[STATUS_FAILED], 0);
    assert_int_equal(view->by_class[CLASS_EXIT], 1);
    assert_int_equal(view->by_class[CLASS_NONE], 1);
    view_destroy(&view);
}

static void a_verdict_is_about_the_last_attempt(void **state)
{
    struct record verdict = {.task = 1,
                             .final = true,
                             .status = STATUS_FAILED,
                             .class = CLASS_EXIT,
                             .exit = 3,
                             .number = 1};
    const struct record records[] = {failed(1, 1000, false), verdict};
    struct view *view = view_of(records, 2);
    (void)state;
    assert_int_equal(view->attempts, 1);
    assert_int_equal(view->groups[0].attempts, 1);
    assert_int_equal(view->groups[0].tasks, 1);
    assert_int_equal(view->by_class[CLASS_EXIT], 1);
    assert_int_equal(view->recent[0].wall_us, 1000);
    assert_string_equal(view->recent[0].host, "node");
    assert_string_equal(view->recent[0].values, "| no such file /...");
    view_destroy(&view);
}

static void a_later_round_takes_the_place_of_an_earlier_one(void **state)
{
    struct record again = attempt(1, 9000, 1000);
    again.round = 1;
    const struct record records[] = {failed(1, 1000, true), again};
    struct view *view = view_of(records, 1);
    (void)state;
    assert_int_equal(view->by_status[STATUS_FAILED], 1);
    assert_int_equal(view->groups[0].tasks, 1);
    assert_int_equal(view_take(view, &records[1], false), 0);
    assert_int_equal(view->by_status[STATUS_FAILED], 0);
    assert_int_equal(view->by_status[STATUS_OK], 1);
    assert_int_equal(view->groups[0].tasks, 0);
    view_destroy(&view);
}

static void kinds_of_failure_beyond_the_last_are_counted(void **state)
{
    struct view *view = view_create();
    (void)state;
    for (uint64_t i = 1; i <= VIEW_GROUPS + 5; i++) {
        char line[4] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), 'x',
                        0};
        struct record record = failed(i, 1000, true);
        record.err = span_of_text(line);
        assert_int_equal(view_take(view, &record, false), 0);
    }
    assert_int_equal(view->group_count, VIEW_GROUPS);
    assert_int_equal(view->groupless, 5);
    assert_int_equal(view->by_status[STATUS_FAILED], VIEW_GROUPS + 5);
    view_destroy(&view);
}

static void times_are_counted_in_their_bins(void **state)
{
    const struct record records[] = {
        attempt(1, 1, 0), attempt(2, 1, 10), attempt(3, 1, 11),
        attempt(4, 1, UINT64_C(1000000)), attempt(5, 1, UINT64_C(1) << 42)};
    struct view *view = view_of(records, 5);
    (void)state;
    assert_int_equal(view->bins[0], 2);
    assert_int_equal(view->bins[1], 1);
    assert_int_equal(view->bins[50], 1); // 1 s
    assert_int_equal(view->bins[VIEW_BINS - 1], 1);
    assert_true(view_bin_s(50) > 0.999 && view_bin_s(50) < 1.001);
    view_destroy(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_known_names_are_ours),
        cmocka_unit_test(an_origin_is_that_of_the_page),
        cmocka_unit_test(a_token_is_whole_or_wrong),
        cmocka_unit_test(a_task_is_found_in_each_part_that_has_it),
        cmocka_unit_test(a_longer_run_keeps_its_sums),
        cmocka_unit_test(a_task_that_passes_in_the_end_has_not_failed),
        cmocka_unit_test(a_verdict_is_about_the_last_attempt),
        cmocka_unit_test(a_later_round_takes_the_place_of_an_earlier_one),
        cmocka_unit_test(kinds_of_failure_beyond_the_last_are_counted),
        cmocka_unit_test(times_are_counted_in_their_bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
