#include "tests/testing.h"

#include "sink/matches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
    char dir[32];
    struct journal *journal;
};

static int ignore(void *argument, const struct record *record)
{
    (void)argument;
    (void)record;
    return 0;
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    struct problem problem = {0};
    assert_non_null(place);
    snprintf(place->dir, sizeof place->dir, "/tmp/matches-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    place->journal = journal_open(place->dir, ignore, NULL, &problem);
    assert_non_null(place->journal);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char path[64];
    journal_close(&place->journal);
    snprintf(path, sizeof path, "%s/results.ndjson.gz", place->dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/lock.sink", place->dir);
    unlink(path);
    // Fails if the index left anything behind.
    assert_int_equal(0, rmdir(place->dir));
    free(place);
    return 0;
}

static struct id128 key_of(uint64_t value)
{
    struct id128 key = {{0}};
    key.byte[0] = (uint8_t)(value * 37);
    key.byte[7] = 1;
    memcpy(&key.byte[8], &value, sizeof value);
    return key;
}

static void store(struct place *place, uint64_t task, uint64_t value,
                  bool final)
{
    const struct record record = {.task = task,
                                  .key = key_of(value),
                                  .final = final,
                                  .status = final ? STATUS_OK : STATUS_FAILED,
                                  .attempt = 1,
                                  .generation = 1};
    assert_int_equal(0, journal_append(place->journal, &record));
}

static struct matches *build(struct place *place)
{
    struct problem problem = {0};
    assert_int_equal(0, journal_commit(place->journal, &problem));
    struct matches *matches =
        matches_build(place->journal, place->dir, &problem);
    if (!matches)
        print_error("%s\n", problem.text);
    assert_non_null(matches);
    return matches;
}

static uint64_t take(struct matches *matches, uint64_t value)
{
    const struct id128 key = key_of(value);
    return matches_take(matches, &key);
}

static void an_empty_log_matches_nothing(void **state)
{
    struct matches *matches = build(*state);
    assert_int_equal(0, take(matches, 1));
    assert_int_equal(0, matches_left(matches));
    matches_destroy(&matches);
}

static void equal_lines_get_their_numbers_in_turn(void **state)
{
    struct place *place = *state;
    store(place, 9, 5, true);
    store(place, 2, 5, true);
    store(place, 4, 6, true);
    store(place, 5, 5, true);
    struct matches *matches = build(place);
    assert_int_equal(2, take(matches, 5));
    assert_int_equal(4, take(matches, 6));
    assert_int_equal(5, take(matches, 5));
    assert_int_equal(1, matches_left(matches));
    assert_int_equal(9, take(matches, 5));
    assert_int_equal(0, take(matches, 5));
    assert_int_equal(0, take(matches, 6));
    assert_int_equal(0, matches_left(matches));
    matches_destroy(&matches);
}

static void a_task_with_many_records_is_one(void **state)
{
    struct place *place = *state;
    store(place, 3, 8, false);
    store(place, 3, 8, false);
    store(place, 3, 8, true);
    struct matches *matches = build(place);
    assert_int_equal(1, matches_left(matches));
    assert_int_equal(3, take(matches, 8));
    assert_int_equal(0, take(matches, 8));
    matches_destroy(&matches);
}

static void every_task_of_a_long_log_is_found(void **state)
{
    enum { TASKS = 30000 };
    struct place *place = *state;
    struct problem problem = {0};
    for (uint64_t task = 1; task <= TASKS; task++) {
        store(place, task, task / 2, true);
        if (task % 1000 == 0)
            assert_int_equal(0, journal_commit(place->journal, &problem));
    }
    struct matches *matches = build(place);
    assert_int_equal(TASKS, matches_left(matches));
    for (uint64_t task = 1; task <= TASKS; task++)
        assert_int_equal(task, take(matches, task / 2));
    assert_int_equal(0, matches_left(matches));
    matches_destroy(&matches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_log_matches_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(equal_lines_get_their_numbers_in_turn,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_task_with_many_records_is_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_task_of_a_long_log_is_found,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
