#include "tests/unit/ledger_world.h"

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

static void failures_are_told_by_class_and_code(void **state)
{
    struct world *world = *state;
    const struct wire_result fails[] = {
        {.class = CLASS_EXIT, .exit = 65, .signal = 9},
        {.class = CLASS_SIGNAL, .signal = 11},
        {.class = CLASS_EXIT, .exit = 2},
        {.class = CLASS_TIMEOUT, .signal = 15},
        {.class = CLASS_EXIT, .exit = 65},
        {.class = CLASS_CANCELLED, .signal = 15}};
    for (uint32_t i = 0; i < sizeof fails / sizeof fails[0]; i++) {
        struct wire_result result = fails[i];
        result.task = 1;
        result.attempt = i + 1;
        assert_int_equal(LEDGER_STORE_ATTEMPT, say(world, result));
    }
    tell_lost(world, 1, 1, RECORD_RAN);
    assert_int_equal(5, told_open(world->ledger, 1).failures);
    assert_int_equal(65, told_open(world->ledger, 1).last_code);
    assert_int_equal(2, told_failures(world->ledger, 1, CLASS_EXIT, 65));
    assert_int_equal(1, told_failures(world->ledger, 1, CLASS_EXIT, 2));
    assert_int_equal(1, told_failures(world->ledger, 1, CLASS_SIGNAL, 11));
    assert_int_equal(1, told_failures(world->ledger, 1, CLASS_TIMEOUT, 0));
    assert_int_equal(0, told_failures(world->ledger, 1, CLASS_CANCELLED, 0));
}

static void failures_are_told_in_parts_of_any_size(void **state)
{
    struct world *world = *state;
    uint32_t told[4] = {0};
    for (uint32_t i = 0; i < 24; i++)
        say(world, (struct wire_result){.task = 1 + i % 3,
                                        .attempt = 1 + i / 3,
                                        .class = CLASS_EXIT,
                                        .exit = (uint8_t)(1 + i % 5)});
    struct ledger_cursor cursor = {.part_max = 1};
    while (!cursor.done) {
        struct wire_synced synced = {0};
        struct wire_synced_out lists;
        assert_int_equal(
            0, ledger_part(world->ledger, false, &cursor, &synced, &lists));
        if (lists.cause_count > 0)
            told[lists.causes[0].task] += lists.causes[0].count;
    }
    ledger_cursor_free(&cursor);
    for (uint64_t task = 1; task <= 3; task++)
        assert_int_equal(8, told[task]);
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

static void failure_of_a_copy_is_stored_and_counts_nothing(void **state)
{
    struct world *world = *state;
    const struct wire_result copy = {.task = 7,
                                     .attempt = 2,
                                     .class = CLASS_EXIT,
                                     .exit = 1,
                                     .flags = RESULT_COPY};
    assert_int_equal(LEDGER_STORE_ATTEMPT, say(world, copy));
    assert_int_equal(LEDGER_DUPLICATE, say(world, copy));
    assert_int_equal(0, told_open(world->ledger, 7).failures);
    assert_int_equal(LEDGER_STORE_ATTEMPT, say_failed(world, 7, 1));
    assert_int_equal(1, told_open(world->ledger, 7).failures);
}

// So that it ends by its failures when all are told of at once.
static void loss_does_not_hide_how_a_task_has_failed(void **state)
{
    struct world *world = *state;
    assert_int_equal(LEDGER_STORE_ATTEMPT, say_failed(world, 7, 1));
    assert_int_equal(LEDGER_STORE_ATTEMPT, tell_lost(world, 7, 2, RECORD_RAN));
    assert_int_equal(CLASS_EXIT, told_open(world->ledger, 7).last_class);
    assert_int_equal(LEDGER_STORE_ATTEMPT, tell_lost(world, 8, 1, RECORD_RAN));
    assert_int_equal(CLASS_LOST, told_open(world->ledger, 8).last_class);
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
    assert_true(ledger_is_final(world->ledger, 4)); // by a person
    assert_int_equal(1, ledger_round(world->ledger, 2));
    assert_int_equal(0, ledger_round(world->ledger, 4));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(first_final_of_a_task_wins),
        ROW(failure_is_an_attempt_and_is_counted_once),
        ROW(failures_are_told_by_class_and_code),
        ROW(failures_are_told_in_parts_of_any_size),
        ROW(failure_of_a_lost_attempt_never_counts),
        ROW(attempt_that_was_stopped_is_no_failure),
        ROW(failure_of_a_copy_is_stored_and_counts_nothing),
        ROW(loss_does_not_hide_how_a_task_has_failed),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
