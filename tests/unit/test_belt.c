#include "tests/testing.h"

#include "worker/belt.h"

#include <pthread.h>
#include <sched.h>

enum { SIZE = 8 };

static void give(struct belt *belt, uint32_t *places, uint32_t first,
                 uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        places[belt_place(belt)] = first + i;
        belt_fill(belt);
    }
    assert_true(belt_give(belt));
}

static void assert_begins(struct belt *belt, const uint32_t *places,
                          uint32_t expected)
{
    uint32_t place;
    assert_true(belt_begin(belt, &place));
    assert_int_equal(places[place], expected);
}

static void what_is_given_begins_and_ends_in_order(void **state)
{
    (void)state;
    struct belt belt;
    uint32_t places[SIZE], place;
    belt_init(&belt, SIZE);
    assert_false(belt_begin(&belt, &place));
    assert_false(belt_give(&belt));
    assert_true(belt_idle(&belt));
    give(&belt, places, 1, 2);
    assert_false(belt_idle(&belt));
    assert_false(belt_running(&belt, &place));
    assert_begins(&belt, places, 1);
    assert_true(belt_running(&belt, &place));
    assert_int_equal(places[place], 1);
    assert_false(belt_next(&belt, &place));
    belt_end(&belt);
    assert_false(belt_running(&belt, &place));
    assert_true(belt_next(&belt, &place));
    assert_int_equal(places[place], 1);
    assert_int_equal(belt_ended(&belt), 1);
    belt_take(&belt);
    assert_false(belt_next(&belt, &place));
    assert_int_equal(belt_held(&belt), 1);
    assert_begins(&belt, places, 2);
    belt_end(&belt);
    assert_true(belt_idle(&belt));
}

static void filled_places_do_not_begin_before_they_are_given(void **state)
{
    (void)state;
    struct belt belt;
    uint32_t place;
    belt_init(&belt, SIZE);
    belt_fill(&belt);
    assert_false(belt_begin(&belt, &place));
    assert_int_equal(belt_held(&belt), 1);
    assert_true(belt_give(&belt));
    assert_true(belt_begin(&belt, &place));
}

static void full_belt_has_room_only_after_a_take(void **state)
{
    (void)state;
    struct belt belt;
    uint32_t places[SIZE], place;
    belt_init(&belt, SIZE);
    give(&belt, places, 1, SIZE);
    assert_true(belt_full(&belt));
    assert_begins(&belt, places, 1);
    belt_end(&belt);
    assert_true(belt_full(&belt));
    assert_true(belt_next(&belt, &place));
    belt_take(&belt);
    assert_false(belt_full(&belt));
    give(&belt, places, SIZE + 1, 1);
    assert_true(belt_full(&belt));
}

static void only_what_has_not_begun_is_recalled(void **state)
{
    (void)state;
    struct belt belt;
    uint32_t places[SIZE], place, first;
    belt_init(&belt, SIZE);
    give(&belt, places, 1, 5);
    assert_begins(&belt, places, 1);
    assert_begins(&belt, places, 2);
    assert_int_equal(belt_recall(&belt, &first), 3);
    assert_int_equal(places[first], 3);
    assert_false(belt_begin(&belt, &place));
    assert_int_equal(belt_recall(&belt, &first), 0);
    assert_int_equal(belt_held(&belt), 2);
    give(&belt, places, 10, 1);
    assert_begins(&belt, places, 10);
}

static void counts_may_overflow(void **state)
{
    (void)state;
    struct belt belt;
    uint32_t places[SIZE], place, first;
    belt_init(&belt, SIZE);
    // As it is after 2^32 - 2 tasks.
    const uint32_t near = UINT32_MAX - 1;
    belt.taken = belt.filled = belt.given = near;
    belt.cursors = (uint64_t)near << 32 | near;
    belt.ended = near;
    give(&belt, places, 1, 6);
    assert_int_equal(belt_held(&belt), 6);
    for (uint32_t task = 1; task <= 4; task++) {
        assert_begins(&belt, places, task);
        belt_end(&belt);
    }
    assert_int_equal(belt_ended(&belt), 4);
    assert_int_equal(belt_recall(&belt, &first), 2);
    assert_int_equal(places[first], 5);
    for (uint32_t task = 1; task <= 4; task++) {
        assert_true(belt_next(&belt, &place));
        assert_int_equal(places[place], task);
        belt_take(&belt);
    }
    assert_true(belt_idle(&belt));
    assert_int_equal(belt_held(&belt), 0);
}

struct shared {
    struct belt belt;
    uint32_t places[SIZE];
    atomic_bool over;
};

/* Writes to each place what is to be read there: its square. */
static void *take_all(void *argument)
{
    struct shared *shared = argument;
    uint32_t place;
    for (;;) {
        const bool over = atomic_load(&shared->over);
        if (!belt_begin(&shared->belt, &place)) {
            if (over)
                return NULL;
            (void)sched_yield();
            continue;
        }
        shared->places[place] *= shared->places[place];
        belt_end(&shared->belt);
    }
}

static uint32_t take_back(struct shared *shared, uint32_t next)
{
    uint32_t first;
    const uint32_t count = belt_recall(&shared->belt, &first);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t place = (first + i) & (SIZE - 1);
        assert_int_equal(shared->places[place], next - count + i);
    }
    return next - count;
}

/* Data races are the thread sanitizer's to find. */
static void each_is_done_once_though_some_are_recalled(void **state)
{
    (void)state;
    enum { TASKS = 20000, RECALL_EVERY = 7 };
    struct shared shared = {.over = false};
    belt_init(&shared.belt, SIZE);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_all, &shared), 0);
    uint32_t next = 0, done = 0, place;
    for (uint32_t turn = 0; done < TASKS; turn++) {
        for (; next < TASKS && !belt_full(&shared.belt); next++) {
            shared.places[belt_place(&shared.belt)] = next;
            belt_fill(&shared.belt);
        }
        (void)belt_give(&shared.belt);
        if (turn % RECALL_EVERY == 0)
            next = take_back(&shared, next);
        for (; belt_next(&shared.belt, &place); done++) {
            assert_int_equal(shared.places[place], done * done);
            belt_take(&shared.belt);
        }
        (void)sched_yield();
    }
    assert_int_equal(next, TASKS);
    assert_true(belt_idle(&shared.belt));
    atomic_store(&shared.over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_begins_and_ends_in_order),
        cmocka_unit_test(filled_places_do_not_begin_before_they_are_given),
        cmocka_unit_test(full_belt_has_room_only_after_a_take),
        cmocka_unit_test(only_what_has_not_begun_is_recalled),
        cmocka_unit_test(counts_may_overflow),
        cmocka_unit_test(each_is_done_once_though_some_are_recalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
