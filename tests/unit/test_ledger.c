#include "tests/testing.h"

#include "sink/convert.h"
#include "sink/ledger.h"

#include <stdlib.h>
#include <string.h>

/* A live ledger and the log it would have written. */
struct world {
    struct ledger *ledger;
    struct record log[128];
    size_t count;
    uint64_t number; // of the RECORD link
};

static const struct id128 VENTILATOR = {{7}};
static const struct id128 WORKER = {{1, 2, 3}};
static const struct id128 NOBODY = {{0}};

static void store(struct world *world, struct record record)
{
    assert_int_equal(0, ledger_apply(world->ledger, &record));
    assert_true(world->count < sizeof world->log / sizeof *world->log);
    world->log[world->count++] = record;
}

static enum ledger_verdict tell(struct world *world, struct wire_record record)
{
    record.number = ++world->number;
    assert_int_equal(LINK_TAKE,
                     ledger_record_link(world->ledger, record.number, 1));
    const enum ledger_verdict verdict = ledger_record(world->ledger, &record);
    if (ledger_stores(verdict))
        store(world, record_of_wire(&record, 1));
    return verdict;
}

static enum ledger_verdict say(struct world *world, struct wire_result result)
{
    if (result.generation == 0)
        result.generation = 1;
    const enum ledger_verdict verdict = ledger_result(world->ledger, &result);
    if (ledger_stores(verdict))
        store(world, record_of_result(&result, &WORKER, (struct span){0},
                                      (struct span){0}));
    return verdict;
}

static enum ledger_verdict say_ok(struct world *world, uint64_t task)
{
    return say(world, (struct wire_result){.task = task, .attempt = 1});
}

static enum ledger_verdict say_failed(struct world *world, uint64_t task,
                                      uint32_t attempt)
{
    return say(world, (struct wire_result){.task = task,
                                           .attempt = attempt,
                                           .class = CLASS_EXIT,
                                           .exit = 1});
}

static enum ledger_verdict tell_lost(struct world *world, uint64_t task,
                                     uint32_t attempt, uint8_t flags)
{
    return tell(world, (struct wire_record){.kind = RECORD_LOST,
                                            .task = task,
                                            .generation = 1,
                                            .attempt = attempt,
                                            .flags = flags,
                                            .subject = WORKER});
}

static enum ledger_verdict tell_final(struct world *world, uint64_t task,
                                      enum status status, uint32_t round)
{
    return tell(world, (struct wire_record){.kind = RECORD_FINAL,
                                            .task = task,
                                            .round = round,
                                            .status = (uint8_t)status,
                                            .class = CLASS_EXIT,
                                            .generation = 1,
                                            .attempt = 1});
}

static const struct id128 TOKEN = {{5}};

static void resume(struct world *world)
{
    store(world, (struct record){.event = EVENT_RESUMED,
                                 .generation = 1,
                                 .attempt = 1,
                                 .worker = TOKEN});
}

static void join(struct world *world, const struct id128 *worker)
{
    assert_int_equal(LEDGER_STORE_EVENT,
                     tell(world, (struct wire_record){.kind = RECORD_JOINED,
                                                      .subject = *worker}));
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->ledger = ledger_create();
    assert_non_null(world->ledger);
    ledger_start(world->ledger);
    store(world, (struct record){.event = EVENT_RUN, .run = {{9}}});
    assert_int_equal(1, ledger_grant(world->ledger, &VENTILATOR));
    store(world, (struct record){.event = EVENT_GENERATION,
                                 .generation = 1,
                                 .worker = VENTILATOR});
    assert_int_equal(
        LEDGER_STORE_EVENT,
        tell(world, (struct wire_record){.kind = RECORD_MARK, .a = 100}));
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    ledger_destroy(&world->ledger);
    free(world);
    return 0;
}

/* The open task as SYNCED tells it; zeros when it is not told. */
static struct wire_open_task told_open(const struct ledger *ledger,
                                       uint64_t task)
{
    struct ledger_cursor cursor = {0};
    struct wire_synced synced = {0};
    struct wire_synced_out lists;
    struct wire_open_task found = {0};
    assert_int_equal(0, ledger_part(ledger, false, &cursor, &synced, &lists));
    for (size_t i = 0; i < lists.open_count; i++)
        if (lists.open[i].task == task)
            found = lists.open[i];
    ledger_cursor_free(&cursor);
    return found;
}

static void first_final_of_a_task_wins(void **state)
{
    struct world *world = *state;
    assert_int_equal(LEDGER_STORE_FINAL, say_ok(world, 1));
    assert_int_equal(LEDGER_DUPLICATE, say_ok(world, 1));
    assert_int_equal(LEDGER_DUPLICATE, say_failed(world, 1, 2));
    assert_int_equal(LEDGER_DUPLICATE, tell_final(world, 1, STATUS_FAILED, 0));
    assert_int_equal(LEDGER_STORE_FINAL,
                     tell_final(world, 2, STATUS_CANCELLED, 0));
    assert_int_equal(LEDGER_DUPLICATE, say_ok(world, 2));
}

static void failure_is_an_attempt_and_is_counted_once(void **state)
{
    struct world *world = *state;
    assert_int_equal(LEDGER_STORE_ATTEMPT, say_failed(world, 1, 1));
    assert_int_equal(LEDGER_DUPLICATE, say_failed(world, 1, 1));
    assert_int_equal(LEDGER_STORE_ATTEMPT, say_failed(world, 1, 2));
    assert_false(ledger_is_final(world->ledger, 1));
    assert_int_equal(2, told_open(world->ledger, 1).failures);
    assert_int_equal(CLASS_EXIT, told_open(world->ledger, 1).last_class);
    // The final record of that same attempt is no duplicate of it.
    assert_int_equal(LEDGER_STORE_FINAL,
                     tell_final(world, 1, STATUS_FAILED, 0));
    assert_int_equal(0, told_open(world->ledger, 1).task);
}

static void failure_of_a_lost_attempt_never_counts(void **state)
{
    struct world *world = *state;
    assert_int_equal(LEDGER_STORE_ATTEMPT, tell_lost(world, 1, 1, RECORD_RAN));
    assert_int_equal(LEDGER_LOST_ATTEMPT, say_failed(world, 1, 1));
    assert_int_equal(LEDGER_DUPLICATE, tell_lost(world, 1, 1, RECORD_RAN));
    assert_int_equal(0, told_open(world->ledger, 1).failures);
    assert_int_equal(1, told_open(world->ledger, 1).losses);
    // Its success is as good as any other.
    assert_int_equal(LEDGER_STORE_FINAL, say_ok(world, 1));
}

static void attempt_that_was_stopped_is_no_failure(void **state)
{
    struct world *world = *state;
    const struct wire_result stopped = {
        .task = 1, .attempt = 1, .class = CLASS_CANCELLED};
    assert_int_equal(LEDGER_STORE_ATTEMPT, say(world, stopped));
    assert_int_equal(1, told_open(world->ledger, 1).task);
    assert_int_equal(0, told_open(world->ledger, 1).failures);
    // Nor is it how the task ends: what is stopped is never tried again.
    assert_int_equal(LEDGER_STORE_ATTEMPT, say_failed(world, 1, 2));
    const struct wire_result copy = {
        .task = 1, .attempt = 3, .class = CLASS_CANCELLED};
    assert_int_equal(LEDGER_STORE_ATTEMPT, say(world, copy));
    assert_int_equal(1, told_open(world->ledger, 1).failures);
    assert_int_equal(CLASS_EXIT, told_open(world->ledger, 1).last_class);
}

static void loss_after_the_failure_is_recorded_but_not_counted(void **state)
{
    struct world *world = *state;
    const uint8_t flags = RECORD_RAN | RECORD_CRASH | RECORD_ALONE;
    assert_int_equal(LEDGER_STORE_ATTEMPT, say_failed(world, 1, 1));
    assert_int_equal(LEDGER_STORE_ATTEMPT, tell_lost(world, 1, 1, flags));
    assert_int_equal(1, told_open(world->ledger, 1).failures);
    assert_int_equal(0, told_open(world->ledger, 1).losses);
    assert_int_equal(0, told_open(world->ledger, 1).lone_deaths);
    assert_int_equal(LEDGER_DUPLICATE, say_failed(world, 1, 1));
}

static void only_a_crash_while_alone_is_a_lone_death(void **state)
{
    struct world *world = *state;
    const uint8_t alone = RECORD_RAN | RECORD_CRASH | RECORD_ALONE;
    tell_lost(world, 1, 1, RECORD_RAN | RECORD_ALONE);
    tell_lost(world, 1, 2, RECORD_RAN | RECORD_CRASH);
    tell_lost(world, 1, 3, 0);
    tell_lost(world, 1, 4, alone);
    assert_int_equal(3, told_open(world->ledger, 1).losses);
    assert_int_equal(1, told_open(world->ledger, 1).lone_deaths);
}

static void result_beyond_the_mark_or_from_the_future_is_refused(void **state)
{
    struct world *world = *state;
    assert_int_equal(LEDGER_UNKNOWN_TASK, say_ok(world, 101));
    assert_int_equal(LEDGER_UNKNOWN_TASK, say_ok(world, 0));
    assert_int_equal(LEDGER_UNKNOWN_TASK, say_ok(world, UINT64_MAX));
    assert_int_equal(LEDGER_NONSENSE,
                     say(world, (struct wire_result){
                                    .task = 1, .attempt = 1, .generation = 2}));
    assert_int_equal(LEDGER_NONSENSE,
                     say(world, (struct wire_result){.task = 1}));
    assert_int_equal(
        LEDGER_NONSENSE,
        say(world, (struct wire_result){.task = 1, .attempt = 1, .round = 1}));
    assert_int_equal(LEDGER_NONSENSE, tell_final(world, 1, STATUS_OK, 0));
    assert_int_equal(LEDGER_NONSENSE, tell_final(world, 1, STATUS_HELD, 0));
    assert_int_equal(LEDGER_NONSENSE,
                     tell(world, (struct wire_record){.kind = 77}));
}

static void redo_opens_the_next_round_and_refuses_the_old(void **state)
{
    struct world *world = *state;
    struct wire_record redo = {.kind = RECORD_REOPENED,
                               .task = 1,
                               .round = 1,
                               .generation = 1,
                               .attempt = 5};
    assert_int_equal(LEDGER_NONSENSE, tell(world, redo)); // it is not final
    assert_int_equal(LEDGER_STORE_FINAL, say_ok(world, 1));
    assert_int_equal(LEDGER_STORE_EVENT, tell(world, redo));
    assert_int_equal(LEDGER_DUPLICATE, tell(world, redo));
    assert_false(ledger_is_final(world->ledger, 1));
    assert_int_equal(LEDGER_OLD_ROUND, say_ok(world, 1));
    struct wire_result again = {.task = 1, .round = 1, .attempt = 4};
    assert_int_equal(LEDGER_OLD_ROUND, say(world, again));
    again.attempt = 5;
    assert_int_equal(LEDGER_STORE_FINAL, say(world, again));
    assert_int_equal(LEDGER_DUPLICATE, say(world, again));
}

static void resume_reopens_once_what_ended_badly(void **state)
{
    struct world *world = *state;
    say_ok(world, 1);
    tell_final(world, 2, STATUS_FAILED, 0);
    tell_final(world, 3, STATUS_IGNORED, 0);
    tell_final(world, 4, STATUS_CANCELLED, 0);
    resume(world);
    assert_true(id128_equal(&TOKEN, ledger_resumed(world->ledger)));
    assert_true(ledger_is_final(world->ledger, 1));
    assert_false(ledger_is_final(world->ledger, 2));
    assert_true(ledger_is_final(world->ledger, 3));
    assert_false(ledger_is_final(world->ledger, 4));
    assert_int_equal(1, ledger_round(world->ledger, 2));
    assert_int_equal(1, told_open(world->ledger, 4).round);
    assert_int_equal(LEDGER_STORE_FINAL,
                     tell_final(world, 2, STATUS_FAILED, 1));
    // New lines have numbers above all before; places begin anew.
    assert_int_equal(LEDGER_UNKNOWN_TASK, say_ok(world, 101));
    assert_int_equal(
        LEDGER_STORE_EVENT,
        tell(world, (struct wire_record){.kind = RECORD_MARK, .a = 1}));
    assert_int_equal(LEDGER_STORE_FINAL, say_ok(world, 101));
}

static void a_failure_made_final_says_how_its_attempt_ended(void **state)
{
    struct world *world = *state;
    say(world, (struct wire_result){
                   .task = 1, .attempt = 1, .class = CLASS_EXIT, .exit = 7});
    struct record record = {
        .task = 1, .final = true, .class = CLASS_EXIT, .attempt = 1};
    ledger_fill_final(world->ledger, &record);
    assert_int_equal(7, record.exit);
    // Another ending than that of the attempt: nothing is known of it.
    record = (struct record){
        .task = 1, .final = true, .class = CLASS_QUARANTINED, .attempt = 1};
    ledger_fill_final(world->ledger, &record);
    assert_int_equal(0, record.exit);
}

static void nothing_is_acknowledged_before_the_sync(void **state)
{
    struct world *world = *state;
    struct ledger_news news;
    join(world, &WORKER);
    join(world, &VENTILATOR);
    assert_int_equal(0, ledger_synced(world->ledger, &news));
    assert_int_equal(3, news.record);
    assert_false(ledger_has_news(world->ledger));

    assert_int_equal(LINK_TAKE,
                     ledger_results_link(world->ledger, &WORKER, 1, 1));
    assert_int_equal(LEDGER_STORE_FINAL, say_ok(world, 1));
    // The same result from another worker, while the first is not synced.
    assert_int_equal(LINK_TAKE,
                     ledger_results_link(world->ledger, &VENTILATOR, 1, 1));
    assert_int_equal(LEDGER_DUPLICATE, say_ok(world, 1));
    assert_int_equal(LINK_HAVE,
                     ledger_results_link(world->ledger, &WORKER, 1, 1));
    assert_int_equal(0, ledger_heartbeat(world->ledger, &news));
    for (size_t i = 0; i < news.lists.worker_count; i++)
        assert_int_equal(0, news.lists.workers[i].number);
    assert_int_equal(0, news.lists.finals.count);

    assert_true(ledger_has_news(world->ledger));
    assert_int_equal(0, ledger_synced(world->ledger, &news));
    assert_int_equal(2, news.lists.worker_count);
    assert_int_equal(1, news.lists.workers[0].number);
    assert_int_equal(1, news.lists.workers[1].number);
    assert_int_equal(1, news.lists.finals.count);
    assert_int_equal(1, news.lists.finals.at[0].first);
    assert_false(ledger_has_news(world->ledger));
}

static void refused_result_is_acknowledged_by_its_number(void **state)
{
    struct world *world = *state;
    struct ledger_news news;
    join(world, &WORKER);
    assert_int_equal(LINK_TAKE,
                     ledger_results_link(world->ledger, &WORKER, 1, 1));
    assert_int_equal(LEDGER_UNKNOWN_TASK, say_ok(world, 999));
    assert_int_equal(0, ledger_synced(world->ledger, &news));
    assert_int_equal(1, news.lists.worker_count);
    assert_int_equal(1, news.lists.workers[0].number);
    assert_int_equal(0, news.lists.finals.count);
}

static void links_start_at_kept_and_refuse_gaps(void **state)
{
    struct world *world = *state;
    struct ledger *ledger = world->ledger;
    join(world, &WORKER);
    assert_int_equal(LINK_TAKE, ledger_results_link(ledger, &WORKER, 25, 25));
    assert_int_equal(LINK_GAP, ledger_results_link(ledger, &WORKER, 27, 25));
    assert_int_equal(LINK_TAKE, ledger_results_link(ledger, &WORKER, 26, 25));
    assert_int_equal(LINK_HAVE, ledger_results_link(ledger, &WORKER, 25, 25));
    // What is no longer kept can never come.
    assert_int_equal(LINK_TAKE, ledger_results_link(ledger, &WORKER, 40, 40));
    assert_int_equal(LINK_GAP, ledger_results_link(ledger, &WORKER, 0, 0));
    assert_int_equal(LINK_GAP, ledger_record_link(ledger, 4, 1));
    assert_int_equal(LINK_HAVE, ledger_record_link(ledger, 1, 1));
    assert_int_equal(LINK_TAKE, ledger_record_link(ledger, 3, 1));
}

static void results_of_a_stranger_are_refused(void **state)
{
    struct world *world = *state;
    struct ledger *ledger = world->ledger;
    assert_int_equal(LINK_STRANGER, ledger_results_link(ledger, &WORKER, 1, 1));
    join(world, &WORKER);
    assert_int_equal(LINK_TAKE, ledger_results_link(ledger, &WORKER, 1, 1));
    tell(world, (struct wire_record){.kind = RECORD_LEFT, .subject = WORKER});
    assert_int_equal(LINK_STRANGER, ledger_results_link(ledger, &WORKER, 2, 2));
    join(world, &WORKER);
    assert_int_equal(LINK_TAKE, ledger_results_link(ledger, &WORKER, 2, 2));
}

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
        assert_int_equal(here.held, there.held);
    }
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

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(first_final_of_a_task_wins),
        ROW(failure_is_an_attempt_and_is_counted_once),
        ROW(failure_of_a_lost_attempt_never_counts),
        ROW(attempt_that_was_stopped_is_no_failure),
        ROW(loss_after_the_failure_is_recorded_but_not_counted),
        ROW(only_a_crash_while_alone_is_a_lone_death),
        ROW(result_beyond_the_mark_or_from_the_future_is_refused),
        ROW(redo_opens_the_next_round_and_refuses_the_old),
        ROW(resume_reopens_once_what_ended_badly),
        ROW(a_failure_made_final_says_how_its_attempt_ended),
        ROW(nothing_is_acknowledged_before_the_sync),
        ROW(refused_result_is_acknowledged_by_its_number),
        ROW(links_start_at_kept_and_refuse_gaps),
        ROW(results_of_a_stranger_are_refused),
        ROW(neighbouring_finals_become_one_run),
        ROW(generation_grows_with_each_ventilator),
        ROW(ventilator_that_was_followed_is_fenced),
        ROW(token_resumes_once),
        ROW(rebuilt_ledger_equals_the_live_one),
        ROW(log_that_contradicts_itself_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
