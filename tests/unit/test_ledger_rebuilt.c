#include "tests/unit/ledger_world.h"

static void neighbouring_finals_become_one_run(void **state)
{
    struct world *world = *state;
    struct ledger_news news;
    assert_int_equal(0, ledger_synced(world->ledger, &news));
    const uint64_t order[] = {3, 1, 5, 2, 9};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        say_ok(world, order[i]);
    say_failed(world, 4, 1);
    assert_int_equal(0, ledger_synced(world->ledger, &news));
    assert_int_equal(3, news.lists.finals.count);
    assert_int_equal(1, news.lists.finals.at[0].first);
    assert_int_equal(3, news.lists.finals.at[0].count);
    assert_int_equal(1, news.lists.entry_count);
    assert_int_equal(STORED_FAILURE, news.lists.entries[0].kind);
}

static void generation_grows_with_each_ventilator(void **state)
{
    struct world *world = *state;
    const struct id128 next = {{8}};
    assert_int_equal(1, ledger_grant(world->ledger, &VENTILATOR));
    assert_int_equal(2, ledger_grant(world->ledger, &next));
    store(world, (struct record){.event = EVENT_GENERATION,
                                 .generation = 2,
                                 .worker = next});
    assert_int_equal(2, ledger_grant(world->ledger, &next));
    // The RECORD link begins anew.
    assert_int_equal(LINK_TAKE, ledger_record_link(world->ledger, 1, 1));
}

static void ventilator_that_was_followed_is_fenced(void **state)
{
    struct world *world = *state;
    const struct id128 next = {{8}}, none = {{0}};
    struct ledger_answer answer = ledger_sync(world->ledger, &next, 0, &none);
    assert_false(answer.fenced || answer.known || answer.resumes);
    assert_int_equal(2, answer.generation);
    store(world, (struct record){.event = EVENT_GENERATION,
                                 .generation = 2,
                                 .worker = next});
    answer = ledger_sync(world->ledger, &next, 2, &none);
    assert_true(answer.known && !answer.fenced);
    assert_true(ledger_sync(world->ledger, &VENTILATOR, 1, &none).fenced);
}

static void token_resumes_once(void **state)
{
    struct world *world = *state;
    const struct id128 none = {{0}};
    assert_false(ledger_sync(world->ledger, &VENTILATOR, 1, &none).resumes);
    assert_true(ledger_sync(world->ledger, &VENTILATOR, 1, &TOKEN).resumes);
    resume(world);
    assert_false(ledger_sync(world->ledger, &VENTILATOR, 1, &TOKEN).resumes);
}

static void assert_same_story(const struct ledger *left,
                              const struct ledger *right)
{
    struct ledger_cursor cursors[2] = {{0}, {0}};
    struct wire_synced synced[2];
    struct wire_synced_out lists[2];
    memset(synced, 0, sizeof synced);
    assert_int_equal(
        0, ledger_part(left, false, &cursors[0], &synced[0], &lists[0]));
    assert_int_equal(
        0, ledger_part(right, false, &cursors[1], &synced[1], &lists[1]));
    assert_memory_equal(synced[0].by_status, synced[1].by_status,
                        sizeof synced[0].by_status);
    assert_int_equal(synced[0].flags, synced[1].flags);
    assert_int_equal(synced[0].number_max, synced[1].number_max);
    assert_int_equal(synced[0].mark, synced[1].mark);
    assert_true(id128_equal(&synced[0].resumed, &synced[1].resumed));
    assert_int_equal(lists[0].finals.count, lists[1].finals.count);
    for (size_t i = 0; i < lists[0].finals.count; i++) {
        assert_int_equal(lists[0].finals.at[i].first,
                         lists[1].finals.at[i].first);
        assert_int_equal(lists[0].finals.at[i].count,
                         lists[1].finals.at[i].count);
    }
    assert_int_equal(lists[0].open_count, lists[1].open_count);
    for (size_t i = 0; i < lists[0].open_count; i++) {
        const struct wire_open_task here = lists[0].open[i];
        const struct wire_open_task there = told_open(right, here.task);
        assert_int_equal(here.round, there.round);
        assert_int_equal(here.failures, there.failures);
        assert_int_equal(here.losses, there.losses);
        assert_int_equal(here.lone_deaths, there.lone_deaths);
        assert_int_equal(here.last_class, there.last_class);
        assert_int_equal(here.last_code, there.last_code);
        assert_int_equal(here.held, there.held);
    }
    assert_int_equal(lists[0].cause_count, lists[1].cause_count);
    for (size_t i = 0; i < lists[0].cause_count; i++)
        assert_int_equal(
            lists[0].causes[i].count,
            told_failures(right, lists[0].causes[i].task,
                          (enum fail_class)lists[0].causes[i].class,
                          lists[0].causes[i].code));
    assert_int_equal(lists[0].roster_count, lists[1].roster_count);
    for (size_t i = 0; i < lists[0].roster_count; i++)
        assert_true(
            span_equal(lists[0].roster[i].host, lists[1].roster[i].host));
    ledger_cursor_free(&cursors[0]);
    ledger_cursor_free(&cursors[1]);
}

// Below `below`, the same in each test: a linear congruential generator
// (Knuth's MMIX constants), of which the upper bits are good.
static uint32_t drawn(uint64_t *seed, uint32_t below)
{
    *seed =
        *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

static void rebuilt_ledger_equals_the_live_one(void **state)
{
    struct world *world = *state;
    tell(world, (struct wire_record){.kind = RECORD_JOINED,
                                     .subject = WORKER,
                                     .pid = 3,
                                     .text = SPAN_OF("host")});
    tell(world, (struct wire_record){.kind = RECORD_JOINED,
                                     .subject = VENTILATOR,
                                     .text = SPAN_OF("other")});
    tell(world,
         (struct wire_record){.kind = RECORD_LEFT, .subject = VENTILATOR});
    uint64_t seed = 1;
    for (int i = 0; i < 40; i++) {
        const uint64_t task = 1 + drawn(&seed, 12);
        const uint32_t attempt = 1 + drawn(&seed, 4);
        if (drawn(&seed, 2) == 0)
            say_failed(world, task, attempt);
        else
            tell_lost(world, task, attempt, (uint8_t)drawn(&seed, 8));
        if (drawn(&seed, 8) == 0)
            say_ok(world, task);
        if (drawn(&seed, 8) == 0)
            tell_final(world, task, STATUS_FAILED, 0);
    }
    resume(world);
    tell_final(world, 50, STATUS_FAILED, 0);
    tell(world, (struct wire_record){.kind = RECORD_COMPLETE, .a = 100});

    struct ledger *rebuilt = ledger_create();
    assert_non_null(rebuilt);
    for (size_t i = 0; i < world->count; i++)
        assert_int_equal(0, ledger_apply(rebuilt, &world->log[i]));
    ledger_start(rebuilt);
    assert_false(ledger_has_news(rebuilt));
    assert_same_story(world->ledger, rebuilt);
    assert_int_equal(1, ledger_generation(rebuilt));
    assert_true(span_equal(SPAN_OF("host"), ledger_host(rebuilt, &WORKER)));
    assert_int_equal(0, ledger_host(rebuilt, &NOBODY).size);
    // Decisions go on as before: the last RECORD is known, finals are too.
    assert_int_equal(LINK_HAVE, ledger_record_link(rebuilt, world->number, 1));
    ledger_destroy(&rebuilt);
}

static void log_that_contradicts_itself_is_refused(void **state)
{
    struct world *world = *state;
    say_ok(world, 1);
    const struct record twice = {.task = 1, .final = true, .status = STATUS_OK};
    assert_true(ledger_apply(world->ledger, &twice) < 0);
    const struct record nothing = {.final = true, .status = STATUS_OK};
    assert_true(ledger_apply(world->ledger, &nothing) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(neighbouring_finals_become_one_run),
        ROW(generation_grows_with_each_ventilator),
        ROW(ventilator_that_was_followed_is_fenced),
        ROW(token_resumes_once),
        ROW(rebuilt_ledger_equals_the_live_one),
        ROW(log_that_contradicts_itself_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
