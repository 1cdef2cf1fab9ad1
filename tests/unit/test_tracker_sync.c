#include "tests/unit/tracker_bench.h"

static void
what_may_have_been_sent_waits_for_those_who_may_hold_it(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    turn(bench, 1);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    assert_true(tracker_wants(bench->tracker, CURSOR_FRONT));
    hello(bench, 1, 2);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

static void worker_that_spoke_before_the_sync_is_not_waited_for(void **state)
{
    struct bench *bench = *state;
    hello(bench, 1, 0);
    sync_after_a_crash(bench, 1);
    turn(bench, 2);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    report_idle(bench, 3);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

static void worker_that_never_comes_back_is_waited_for_so_long(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    turn(bench, LIMITS.rejoin_ms - 1);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    turn(bench, LIMITS.rejoin_ms);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

static void task_held_before_the_sync_has_its_history(void **state)
{
    struct bench *bench = *state;
    hello_running(bench, 1, HELD, 0, 0);
    sync_with_history(bench, 1);
    turn(bench, 2);
    stored(bench, &HELD_FAILED, 1, 3); // its second failure: retries are spent
    turn(bench, 4);
    assert_int_equal(bench->record_count, 1);
    assert_int_equal(bench->records[0].kind, RECORD_FINAL);
    assert_int_equal(bench->records[0].round, 1);
}

static void failure_of_a_task_not_read_yet_is_remembered(void **state)
{
    struct bench *bench = *state;
    sync_with_history(bench, 0);
    hello_running(bench, 1, HELD, 0, 2);
    turn(bench, 3);
    stored(bench, &HELD_FAILED, 1, 4);
    turn(bench, 1000); // backed off, and not in memory
    report_idle(bench, 1001);
    offer(bench, 1);
    turn(bench, 1002);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].round, 1);
    assert_int_equal(bench->sent[0].failures, 1);
}

static void sync_that_was_cut_short_is_taken_whole_the_next_time(void **state)
{
    struct bench *bench = *state;
    const struct wire_run first = {1, 2}, second = {3, 2};
    const struct wire_roster_entry joined = {.worker = {{1}},
                                             .host = SPAN_OF("h")};
    const struct wire_synced_out parts[] = {
        {.finals = {&first, 1}, .roster = &joined, .roster_count = 1},
        {.finals = {&second, 1}}};
    const struct wire_synced more = {
        .generation = 2, .flags = SYNCED_MORE, .mark = 5};
    sync(bench, &more, &parts[0], 0); // and the sink dies
    sync(bench, &more, &parts[0], 1);
    synced(bench, &(struct wire_synced){.generation = 2, .part = 1, .mark = 5},
           &parts[1], 2);
    assert_false(tracker_needs(bench->tracker, 1));
    assert_false(tracker_needs(bench->tracker, 3));
    hello(bench, 1, 3);
    turn(bench, 4);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO)); // one of them
}

// The ventilator died after the last failure and before it made it final.
static void spent_retries_are_not_tried_after_a_crash(void **state)
{
    struct bench *bench = *state;
    const struct wire_open_task open[] = {
        {.task = 1, .failures = 2, .last_class = CLASS_EXIT},
        {.task = 2, .losses = 3, .lone_deaths = 3, .last_class = CLASS_LOST},
        {.task = 3, .losses = 10, .last_class = CLASS_LOST}};
    sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
         &(struct wire_synced_out){.open = open, .open_count = 3}, 1);
    for (uint64_t task = 1; task <= 3; task++)
        offer(bench, task);
    turn(bench, 2);
    assert_int_equal(bench->record_count, 3);
    static const struct {
        enum status status;
        enum fail_class class;
    } ENDS[] = {{STATUS_FAILED, CLASS_EXIT},
                {STATUS_QUARANTINED, CLASS_QUARANTINED},
                {STATUS_FAILED, CLASS_LOST}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bench->records[i].kind, RECORD_FINAL);
        assert_int_equal(bench->records[i].status, ENDS[i].status);
        assert_int_equal(bench->records[i].class, ENDS[i].class);
    }
}

// It may have been said long before we came: what counts is what the worker
// says when it has heard of us.
static void hello_alone_does_not_settle_the_roster(void **state)
{
    struct bench *bench = *state;
    sync_after_a_crash(bench, 0);
    worker_says(bench, 1, 1, HELD, 0, 1);
    turn(bench, 2);
    assert_false(tracker_wants(bench->tracker, CURSOR_REDO));
    report_idle(bench, 3);
    assert_true(tracker_wants(bench->tracker, CURSOR_REDO));
}

static void synced_that_skips_a_part_is_not_believed(void **state)
{
    struct bench *bench = *state;
    const struct wire_run first = {1, 2}, third = {5, 2};
    const struct wire_synced_out parts[] = {{.finals = {&first, 1}},
                                            {.finals = {&third, 1}}};
    sync(bench, &(struct wire_synced){.generation = 2, .flags = SYNCED_MORE},
         &parts[0], 0);
    synced(bench, &(struct wire_synced){.generation = 2, .part = 2}, &parts[1],
           1);
    assert_false(tracker_is_synced(bench->tracker));
    collect(bench);
    turn(bench, 10000);
    assert_int_equal(bench->kinds[ACTION_SYNC], 1);
}

// Its worker was cut off, another did it, and then the ventilator died.
static void copy_of_a_final_task_told_before_the_sync_is_stopped(void **state)
{
    struct bench *bench = *state;
    const struct wire_run final = {HELD.task, 1};
    hello_running(bench, 1, HELD, 0, 0);
    sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
         &(struct wire_synced_out){.finals = {&final, 1}}, 1);
    collect(bench);
    assert_int_equal(bench->kinds[ACTION_CANCEL], 1);
    tracker_input_ended(bench->tracker, CURSOR_REDO);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    turn(bench, 2);
    stored(bench, NULL, 0, 3);
    collect(bench);
    assert_true(bench->complete);
}

// The last ventilator had recorded it, and SYNCED counted it: the sink drops
// the second record, and acknowledges it.
static void loss_counts_once_though_two_ventilators_record_it(void **state)
{
    struct bench *bench = *state;
    for (int told = 0; told < 2; told++) {
        const struct wire_open_task open = {.task = 1, .losses = 9};
        hello_running(bench, 1, HELD, 0, 0);
        sync(bench, &(struct wire_synced){.generation = 2, .mark = 5},
             &(struct wire_synced_out){.open = &open, .open_count = 1}, 1);
        offer(bench, 1);
        tracker_worker_gone(bench->tracker, &bench->worker, GONE_LOST, 2);
        turn(bench, 3);
        assert_true(recorded(bench, RECORD_LOST));
        if (!told)
            bench->lost_count = 0;
        stored(bench, NULL, 0, 4);
        turn(bench, 5);
        assert_int_equal(recorded(bench, RECORD_FINAL), told);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

static void failure_that_synced_told_of_ends_an_adopted_task(void **state)
{
    struct bench *bench = *state;
    hello_running(bench, 1, HELD, 0, 0);
    sync_with_history(bench, 2); // it failed while no ventilator was there
    offer(bench, 1);
    turn(bench, 1);
    report_idle(bench, 2);
    turn(bench, 3);
    assert_int_equal(bench->sent_count, 0);
    assert_true(recorded(bench, RECORD_FINAL));
}

// Only SYNCED says which round it was lost in: another's record is refused.
static void loss_before_the_sync_is_recorded_in_its_round(void **state)
{
    struct bench *bench = *state;
    hello_running(bench, 1, HELD, 0, 0);
    tracker_worker_gone(bench->tracker, &bench->worker, GONE_CRASHED, 1);
    sync_with_history(bench, 0);
    turn(bench, 2);
    assert_true(recorded(bench, RECORD_LOST));
    for (size_t i = 0; i < bench->record_count; i++)
        if (bench->records[i].kind == RECORD_LOST)
            assert_int_equal(bench->records[i].round, 1);
}

// Numbers stay when a run is resumed, and places begin anew: what is new to
// this ventilator may run at a worker that has seen the run before.
static void resumed_run_waits_for_its_roster_first(void **state)
{
    struct bench *bench = *state;
    const struct wire_roster_entry joined = {.worker = {{1}},
                                             .host = SPAN_OF("h")};
    sync(bench,
         &(struct wire_synced){.generation = 2, .resumed = {{9}}, .mark = 0},
         &(struct wire_synced_out){.roster = &joined, .roster_count = 1}, 0);
    turn(bench, 1);
    assert_false(tracker_wants(bench->tracker, CURSOR_FRONT));
    hello(bench, 1, 2);
    assert_true(tracker_wants(bench->tracker, CURSOR_FRONT));
}

static void sync_is_asked_again_ever_less_often(void **state)
{
    struct bench *bench = *state;
    tracker_sink_hello(bench->tracker, 0);
    collect(bench);
    int asked = 0;
    for (int64_t now_ms = 0; now_ms <= 60000; now_ms += 500) {
        turn(bench, now_ms);
        asked += (int)bench->kinds[ACTION_SYNC];
    }
    assert_int_equal(asked, 4); // after 2, 6, 14 and 30 seconds
}

static void answer_to_an_older_sync_is_not_believed(void **state)
{
    struct bench *bench = *state;
    const struct wire_synced_out nothing = {0};
    sync(bench, &(struct wire_synced){.generation = 1, .position = 100},
         &nothing, 0);
    sync(bench, &(struct wire_synced){.generation = 1, .position = 300},
         &nothing, 1); // what was stored from 100 on would be skipped
    assert_false(tracker_is_synced(bench->tracker));
    assert_int_equal(tracker_position(bench->tracker), 100);
    sync(bench,
         &(struct wire_synced){
             .generation = 1, .flags = SYNCED_DELTA, .position = 100},
         &nothing, 2);
    assert_true(tracker_is_synced(bench->tracker));
}

// The highest mark asked for when 100 tasks have gone out, so far apart. With
// the disk as fast as a turn.
static uint64_t mark_after(struct bench *bench, int64_t apart_ms)
{
    uint64_t mark = 0;
    int64_t now_ms = 100000;
    sync_empty(bench, now_ms);
    hello(bench, 1, now_ms);
    for (uint64_t task = 0; task < 100;) {
        const struct wire_refs running = {task, 1, 1, 1};
        const struct wire_refs_out runs = {&running, task > 0};
        if (task > 0)
            stored_ok(bench, task - 1, now_ms);
        else
            stored(bench, NULL, 0, now_ms);
        report(bench,
               (struct wire_report){
                   .lane = 1, .kept = 1, .received = bench->lane_number},
               NOTHING, runs, now_ms);
        if (bench->sent_count > 0 || task == 0)
            offer(bench, task + 1);
        turn(bench, now_ms);
        task += bench->sent_count;
        now_ms += bench->sent_count > 0 ? apart_ms : 1;
        for (size_t i = 0; i < bench->record_count; i++)
            if (bench->records[i].kind == RECORD_MARK)
                mark = bench->records[i].a;
    }
    return mark;
}

static void mark_leaps_ahead_of_many_short_tasks(void **state)
{
    assert_in_range(mark_after(*state, 1), 1024, 1200);
}

static void mark_grows_by_half_seconds(void **state)
{
    assert_in_range(mark_after(*state, 20), 150, 400);
}

static void mark_of_slow_tasks_stays_near(void **state)
{
    assert_in_range(mark_after(*state, 50), 100, 170);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_may_have_been_sent_waits_for_those_who_may_hold_it),
        TEST(worker_that_spoke_before_the_sync_is_not_waited_for),
        TEST(worker_that_never_comes_back_is_waited_for_so_long),
        TEST(task_held_before_the_sync_has_its_history),
        TEST(failure_of_a_task_not_read_yet_is_remembered),
        TEST(sync_that_was_cut_short_is_taken_whole_the_next_time),
        TEST(spent_retries_are_not_tried_after_a_crash),
        TEST(loss_counts_once_though_two_ventilators_record_it),
        TEST(failure_that_synced_told_of_ends_an_adopted_task),
        TEST(hello_alone_does_not_settle_the_roster),
        TEST(synced_that_skips_a_part_is_not_believed),
        TEST(copy_of_a_final_task_told_before_the_sync_is_stopped),
        TEST(loss_before_the_sync_is_recorded_in_its_round),
        TEST(resumed_run_waits_for_its_roster_first),
        TEST(sync_is_asked_again_ever_less_often),
        TEST(answer_to_an_older_sync_is_not_believed),
        TEST(mark_leaps_ahead_of_many_short_tasks),
        TEST(mark_grows_by_half_seconds),
        TEST(mark_of_slow_tasks_stays_near),
    };
    return cmocka_run_group_tests_name("tracker_sync", tests, NULL, NULL);
}
