#include "tests/unit/tracker_bench.h"

static void nothing_goes_out_before_a_sink_has_synced(void **state)
{
    struct bench *bench = *state;
    hello(bench, 1, 0);
    assert_false(tracker_wants(bench->tracker, CURSOR_FRONT));
    turn(bench, 1);
    assert_int_equal(bench->kinds[ACTION_TASKS], 0);
}

static void roster_and_mark_are_stored_before_the_first_task(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 5);
    assert_int_equal(bench->sent_count, SLOTS); // credit: slots, speed unknown
    assert_int_equal(bench->sent[0].task, 1);
    assert_int_equal(bench->sent[0].attempt, 1);
}

static void reported_finish_frees_credit_but_completes_nothing(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 4);
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = bench->lane_number,
                                .kept = 1,
                                .made = 1,
                                .finished = 2,
                                .busy_us = 2000000},
           NOTHING, NOTHING, 6);
    turn(bench, 6);
    assert_int_equal(bench->sent_count, SLOTS);
    struct tracker_counts counts;
    tracker_counts(bench->tracker, &counts);
    assert_int_equal(counts.by_status[STATUS_OK], 0);
}

static void run_completes_only_when_its_last_record_is_stored(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 2);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    stored_ok(bench, 1, 6);
    stored_ok(bench, 2, 6);
    turn(bench, 7);
    assert_int_equal(bench->record_count, 1);
    assert_int_equal(bench->records[0].kind, RECORD_COMPLETE);
    assert_false(bench->complete);
    stored(bench, NULL, 0, 8);
    collect(bench);
    assert_true(bench->complete);
}

static void failure_is_retried_after_backoff_then_made_final(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    struct wire_stored_entry failure = {.task = 1,
                                        .generation = 1,
                                        .attempt = 1,
                                        .kind = STORED_FAILURE,
                                        .status = STATUS_FAILED,
                                        .class = CLASS_EXIT};
    report(bench,
           (struct wire_report){.lane = 1,
                                .received = 1,
                                .kept = 1,
                                .made = 1,
                                .finished = 1,
                                .busy_us = 1000000},
           NOTHING, NOTHING, 6);
    stored(bench, &failure, 1, 10);
    turn(bench, 11);
    assert_int_equal(bench->sent_count, 0);
    turn(bench, 200);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].attempt, 2);
    assert_int_equal(bench->sent[0].failures, 1);
    failure.attempt = 2;
    stored(bench, &failure, 1, 210);
    turn(bench, 211);
    assert_int_equal(bench->record_count, 1);
    assert_int_equal(bench->records[0].kind, RECORD_FINAL);
    assert_int_equal(bench->records[0].status, STATUS_FAILED);
}

static void
dead_workers_task_goes_again_only_when_its_loss_is_stored(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    const struct id128 dead = bench->worker;
    tracker_worker_gone(bench->tracker, &dead, GONE_CRASHED, 10);
    hello(bench, 2, 10);
    turn(bench, 11);
    assert_int_equal(bench->sent_count, 0);
    assert_int_equal(bench->records[0].kind, RECORD_LOST);
    stored(bench, NULL, 0, 12);
    turn(bench, 13);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].attempt, 2);
    assert_int_equal(bench->sent[0].failures, 0); // a loss is no failure
}

static void failure_of_a_lost_attempt_never_counts(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    const struct id128 dead = bench->worker;
    tracker_worker_gone(bench->tracker, &dead, GONE_CRASHED, 10);
    hello(bench, 2, 10);
    turn(bench, 11);
    stored(bench, NULL, 0, 12);
    turn(bench, 13);
    const struct wire_stored_entry zombie = {.task = 1,
                                             .generation = 1,
                                             .attempt = 1,
                                             .kind = STORED_FAILURE,
                                             .class = CLASS_EXIT};
    stored(bench, &zombie, 1, 14);
    turn(bench, 15);
    assert_int_equal(bench->record_count, 0);
    struct tracker_counts counts;
    tracker_counts(bench->tracker, &counts);
    assert_int_equal(counts.retries, 0);
    assert_int_equal(counts.odd, 1);
}

static void task_that_kills_three_workers_alone_is_quarantined(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    unsigned deaths = 0;
    int64_t now_ms = 100;
    for (uint8_t worker = 2; worker < 20; worker++, now_ms += 10) {
        assert_int_equal(bench->sent_count, 1);
        assert_int_equal(bench->sent[0].flags, deaths < 2 ? 0 : TASK_ALONE);
        const struct id128 dead = bench->worker;
        tracker_worker_gone(bench->tracker, &dead, GONE_CRASHED, now_ms);
        deaths++;
        hello(bench, worker, now_ms);
        turn(bench, now_ms + 1);
        stored(bench, NULL, 0, now_ms + 2);
        turn(bench, now_ms + 3);
        if (bench->record_count > 0)
            break;
    }
    assert_int_equal(deaths, 5); // K + 2
    assert_int_equal(bench->records[0].kind, RECORD_FINAL);
    assert_int_equal(bench->records[0].status, STATUS_QUARANTINED);
}

static void task_that_went_astray_is_sent_again_without_a_loss(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    report(bench, (struct wire_report){.lane = 1, .received = 1, .kept = 1},
           NOTHING, NOTHING, 10);
    turn(bench, 11);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].attempt, 2);
    struct tracker_counts counts;
    tracker_counts(bench->tracker, &counts);
    assert_int_equal(counts.losses, 0);
}

static void stored_that_skips_is_not_believed(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    bench->position += 1;
    stored_ok(bench, 1, 6);
    assert_true(tracker_needs(bench->tracker, 1));
}

static void drained_workers_tasks_are_not_suspect(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    int64_t now_ms = 100;
    for (uint8_t worker = 2; worker < 20; worker++, now_ms += 10) {
        assert_int_equal(bench->sent_count, 1);
        assert_int_equal(bench->sent[0].flags, 0);
        const struct id128 drained = bench->worker;
        tracker_worker_gone(bench->tracker, &drained, GONE_DRAINED, now_ms);
        hello(bench, worker, now_ms);
        turn(bench, now_ms + 1);
        stored(bench, NULL, 0, now_ms + 2);
        turn(bench, now_ms + 3);
    }
}

static void
results_of_a_sink_that_stands_still_are_asked_for_ever_less(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    unsigned resends = 0;
    for (int64_t now_ms = 10; now_ms < 600000; now_ms += 500) {
        report(bench,
               (struct wire_report){
                   .lane = 1, .received = 1, .kept = 1, .made = 1},
               NOTHING, NOTHING, now_ms);
        turn(bench, now_ms);
        resends += bench->kinds[ACTION_RESEND];
    }
    assert_in_range(resends, 5, 15);
}

// Its worker was taken for lost, came back and was told to stop the stale copy.
static void stopped_copy_of_a_lost_task_fails_nothing(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    const struct id128 lost = bench->worker;
    tracker_worker_gone(bench->tracker, &lost, GONE_LOST, 10);
    const struct wire_stored_entry stopped = {.task = 1,
                                              .generation = 1,
                                              .attempt = 1,
                                              .kind = STORED_FAILURE,
                                              .status = STATUS_FAILED,
                                              .class = CLASS_CANCELLED};
    bench->record_last = 0; // the loss is not stored yet
    stored(bench, &stopped, 1, 11);
    hello(bench, 2, 12);
    turn(bench, 13);
    assert_false(recorded(bench, RECORD_FINAL));
    stored(bench, NULL, 0, 14);
    turn(bench, 15);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0].failures, 0);
}

static void what_waits_is_recalled_until_it_is_back(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs held = {1, 2, 1, 1};
    warm_up(bench, 2);
    const struct wire_report said = {
        .lane = 1, .kept = 1, .received = bench->lane_number};
    tracker_drain(bench->tracker);
    for (int64_t now_ms = 100; now_ms <= 2500; now_ms += 100) {
        report(bench, said, (struct wire_refs_out){&held, 1}, NOTHING, now_ms);
        turn(bench, now_ms);
        assert_int_equal(bench->kinds[ACTION_RECALL], now_ms % 1100 == 100);
    }
    report(bench, said, NOTHING, (struct wire_refs_out){&held, 1}, 4000);
    turn(bench, 4000); // they have started: they end as they like
    assert_int_equal(bench->kinds[ACTION_RECALL], 0);
}

// A plugin's slot is handed some ahead, which count as running.
static void what_was_handed_on_is_recalled_by_a_drain(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs held = {1, SLOTS + 1, 1, 1};
    warm_up(bench, SLOTS);
    const struct wire_report said = {
        .lane = 1, .kept = 1, .received = bench->lane_number};
    report(bench, said, NOTHING, (struct wire_refs_out){&held, 1}, 10);
    tracker_drain(bench->tracker);
    turn(bench, 11);
    assert_int_equal(bench->kinds[ACTION_RECALL], 1);
}

// A coprocess keeps what it has read: asking for it at once again is no use.
static void who_has_nothing_to_give_back_is_left_alone(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs held = {1, SLOTS + 1, 1, 1};
    warm_up(bench, SLOTS);
    const struct wire_report said = {
        .lane = 1, .kept = 1, .received = bench->lane_number};
    unsigned recalls = 0;
    tracker_drain(bench->tracker);
    for (int64_t now_ms = 10; now_ms < 110; now_ms++) {
        report(bench, said, NOTHING, (struct wire_refs_out){&held, 1}, now_ms);
        turn(bench, now_ms);
        recalls += bench->kinds[ACTION_RECALL];
        const struct wire_returned nothing = {.lane = 1};
        if (bench->kinds[ACTION_RECALL] > 0)
            assert_true(tracker_returned(bench->tracker, &bench->worker,
                                         &nothing, now_ms));
    }
    assert_in_range(recalls, 2, 5);
}

// A worker came back after its time, with the result of an attempt that nobody
// had recorded as lost: the sink counts its failure, so it spends a retry.
static void failure_of_an_attempt_given_up_in_silence_counts(void **state)
{
    struct bench *bench = *state;
    warm_up(bench, 1);
    assert_int_equal(bench->sent_count, 1);
    struct wire_stored_entry failed = HELD_FAILED;
    for (uint32_t attempt = 7; attempt <= 8; attempt++) {
        failed.generation = 0;
        failed.attempt = attempt;
        failed.round = 0;
        stored(bench, &failed, 1, 6);
    }
    turn(bench, 7);
    assert_false(recorded(bench, RECORD_FINAL)); // it runs, and may succeed
    const struct id128 gone = bench->worker;
    tracker_worker_gone(bench->tracker, &gone, GONE_LOST, 8);
    turn(bench, 9);
    stored(bench, NULL, 0, 10);
    turn(bench, 11);
    assert_true(recorded(bench, RECORD_FINAL));
}

static void what_is_taken_for_an_idle_worker_goes_to_it(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs first = {1, 2, 1, 1}, rest = {3, 6, 1, 1};
    const struct wire_refs_out running = {&first, 1}, queued = {&rest, 1};
    struct wire_report busy = {
        .lane = 1, .kept = 1, .finished = 9, .busy_us = 9000};
    warm_up(bench, 2);
    for (uint64_t task = 3; task <= 8; task++)
        offer(bench, task);
    tracker_input_ended(bench->tracker, CURSOR_FRONT);
    busy.received = bench->lane_number;
    report(bench, busy, NOTHING, running, 6); // short tasks: much is fetched
    turn(bench, 7);
    assert_int_equal(bench->sent_to, 1);
    busy.received = bench->lane_number;
    report(bench, busy, queued, running, 8);
    hello(bench, 2, 9);
    turn(bench, 10); // JOINED
    stored(bench, NULL, 0, 11);
    turn(bench, 12);
    assert_int_equal(bench->kinds[ACTION_RECALL], 1);
    const struct wire_refs last = {8, 1, 1, 1};
    struct wire_returned got;
    const struct talk talk = talk_of(bench);
    const struct wire_header header = talk_header(talk, WIRE_RETURNED);
    wire_put_returned(&bench->frame, &header, 1,
                      (struct wire_refs_out){&last, 1});
    assert_true(wire_get_returned(talk_body(talk), &got));
    const struct id128 one = {{1}};
    assert_true(tracker_returned(bench->tracker, &one, &got, 13));
    turn(bench, 14);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent_to, 2);
}

// It has had tasks of 1 ms, runs 1 and 2, and is given 3 to 8, which wait.
static void give_many_short_ones(struct bench *bench)
{
    const struct wire_refs first = {1, 2, 1, 1}, rest = {3, 6, 1, 1};
    const struct wire_refs_out running = {&first, 1}, queued = {&rest, 1};
    struct wire_report busy = {
        .lane = 1, .kept = 1, .finished = 9, .busy_us = 9000};
    warm_up(bench, 2);
    for (uint64_t task = 3; task <= 8; task++)
        offer(bench, task);
    busy.received = bench->lane_number;
    report(bench, busy, NOTHING, running, 6);
    turn(bench, 7);
    assert_int_equal(bench->sent_count, 6);
    busy.received = bench->lane_number;
    report(bench, busy, queued, running, 8);
}

static void returned(struct bench *bench, struct wire_refs refs, int64_t now_ms)
{
    const struct talk talk = talk_of(bench);
    const struct wire_header header = talk_header(talk, WIRE_RETURNED);
    struct wire_returned got;
    wire_put_returned(talk.frame, &header, 1, (struct wire_refs_out){&refs, 1});
    assert_true(wire_get_returned(talk_body(talk), &got));
    assert_true(tracker_returned(bench->tracker, &bench->worker, &got, now_ms));
}

static void what_waits_behind_a_long_task_comes_back_in_order(void **state)
{
    struct bench *bench = *state;
    give_many_short_ones(bench);
    for (int64_t now_ms = 10; now_ms <= 50; now_ms += 10) {
        turn(bench, now_ms); // it may only be late
        assert_int_equal(bench->kinds[ACTION_RECALL], 0);
    }
    unsigned recalls = 0;
    for (int64_t now_ms = 60; now_ms <= 100; now_ms += 10) {
        turn(bench, now_ms);
        recalls += bench->kinds[ACTION_RECALL];
    }
    assert_int_equal(recalls, 1); // though there is more input
    static const struct wire_refs PARTS[] = {
        {5, 2, 1, 1}, {8, 1, 1, 1}, {4, 1, 1, 1}, {7, 1, 1, 1}};
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++)
        returned(bench, PARTS[i], 110);
    offer(bench, 9);
    report(bench,
           (struct wire_report){.lane = 1,
                                .kept = 1,
                                .made = 1,
                                .received = bench->lane_number,
                                .finished = 12,
                                .busy_us = 9000 + 200000},
           NOTHING, NOTHING, 200);
    turn(bench, 201);
    assert_int_equal(bench->sent_count, 3); // two slots, and one ahead
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(bench->sent[i].task, 4 + i);
    report(bench,
           (struct wire_report){.lane = 1,
                                .kept = 1,
                                .made = 1,
                                .received = bench->lane_number,
                                .finished = 15,
                                .busy_us = 9000 + 210000},
           NOTHING, NOTHING, 202);
    turn(bench, 203);
    assert_int_equal(bench->sent_count, 3);
    for (size_t i = 0; i < 3; i++) // and then what is new
        assert_int_equal(bench->sent[i].task, 7 + i);
}

static void worker_that_tells_in_time_keeps_what_waits(void **state)
{
    struct bench *bench = *state;
    const struct wire_refs first = {1, 2, 1, 1}, rest = {3, 6, 1, 1};
    const struct wire_refs_out running = {&first, 1}, queued = {&rest, 1};
    struct wire_report busy = {.lane = 1, .kept = 1, .busy_us = 9000};
    give_many_short_ones(bench);
    for (int64_t now_ms = 20; now_ms <= 400; now_ms += 20) {
        busy.finished = 10 + (uint64_t)now_ms;
        busy.busy_us += 20000;
        busy.received = bench->lane_number;
        report(bench, busy, queued, running, now_ms);
        turn(bench, now_ms);
        assert_int_equal(bench->kinds[ACTION_RECALL], 0);
    }
}

static size_t given_after(struct bench *bench, uint64_t finished,
                          uint64_t busy_us)
{
    warm_up(bench, 2);
    for (uint64_t task = 3; task <= 20; task++)
        offer(bench, task);
    struct wire_report idle = {.lane = 1,
                               .kept = 1,
                               .received = bench->lane_number,
                               .finished = 9,
                               .busy_us = 9000};
    report(bench, idle, NOTHING, NOTHING, 6);
    idle.finished += finished;
    idle.busy_us += busy_us;
    report(bench, idle, NOTHING, NOTHING, 7);
    turn(bench, 8);
    return bench->sent_count;
}

static void block_of_longer_tasks_is_noticed_at_once(void **state)
{
    assert_int_equal(given_after(*state, 3, 300000), SLOTS + 1);
}

static void tasks_of_seconds_are_not_sent_ahead(void **state)
{
    assert_int_equal(given_after(*state, 3, 3000000), SLOTS);
}

static void one_task_of_a_tenth_of_a_second_is_sent_ahead(void **state)
{
    assert_int_equal(given_after(*state, 5, 750000), SLOTS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_goes_out_before_a_sink_has_synced),
        TEST(roster_and_mark_are_stored_before_the_first_task),
        TEST(reported_finish_frees_credit_but_completes_nothing),
        TEST(run_completes_only_when_its_last_record_is_stored),
        TEST(failure_is_retried_after_backoff_then_made_final),
        TEST(dead_workers_task_goes_again_only_when_its_loss_is_stored),
        TEST(failure_of_a_lost_attempt_never_counts),
        TEST(task_that_kills_three_workers_alone_is_quarantined),
        TEST(task_that_went_astray_is_sent_again_without_a_loss),
        TEST(stored_that_skips_is_not_believed),
        TEST(drained_workers_tasks_are_not_suspect),
        TEST(results_of_a_sink_that_stands_still_are_asked_for_ever_less),
        TEST(stopped_copy_of_a_lost_task_fails_nothing),
        TEST(what_waits_is_recalled_until_it_is_back),
        TEST(what_was_handed_on_is_recalled_by_a_drain),
        TEST(who_has_nothing_to_give_back_is_left_alone),
        TEST(failure_of_an_attempt_given_up_in_silence_counts),
        TEST(what_is_taken_for_an_idle_worker_goes_to_it),
        TEST(what_waits_behind_a_long_task_comes_back_in_order),
        TEST(worker_that_tells_in_time_keeps_what_waits),
        TEST(block_of_longer_tasks_is_noticed_at_once),
        TEST(tasks_of_seconds_are_not_sent_ahead),
        TEST(one_task_of_a_tenth_of_a_second_is_sent_ahead),
    };
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
