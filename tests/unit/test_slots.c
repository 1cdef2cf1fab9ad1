#include "tests/testing.h"

#include "worker/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add(struct slots *slots, uint64_t task, uint32_t attempt)
{
    const struct wire_task sent = {
        .task = task, .attempt = attempt, .payload = SPAN_OF("payload")};
    return slots_add(slots, &sent, 1);
}

static void add_all(struct slots *slots, uint64_t first, uint64_t last)
{
    for (uint64_t task = first; task <= last; task++)
        assert_int_equal(add(slots, task, 1), 1);
}

static int add_alone(struct slots *slots, uint64_t task)
{
    const struct wire_task sent = {
        .task = task, .attempt = 1, .flags = TASK_ALONE};
    return slots_add(slots, &sent, 1);
}

static void assert_refs(struct wire_refs_out refs, size_t index, uint64_t task,
                        uint32_t count, uint32_t attempt)
{
    assert_true(index < refs.count);
    assert_int_equal(refs.at[index].task, task);
    assert_int_equal(refs.at[index].count, count);
    assert_int_equal(refs.at[index].attempt, attempt);
    assert_int_equal(refs.at[index].generation, 1);
}

static uint64_t start(struct slots *slots)
{
    const struct slot_task *task = slots_start(slots);
    return task ? task->task : 0;
}

static void finish(struct slots *slots, uint64_t task)
{
    for (uint32_t slot = 1; slot <= slots_count(slots); slot++) {
        const struct slot_task *running = slots_running(slots, slot);
        if (running && running->task == task) {
            slots_finish(slots, slot, 10, true);
            return;
        }
    }
    fail_msg("task %llu does not run", (unsigned long long)task);
}

static void messages_of_a_lane_are_taken_once_and_in_order(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    assert_int_equal(slots_lane(slots), 0);
    assert_int_equal(slots_open_lane(slots), 1);
    assert_int_equal(slots_receive(slots, 1, 1), LANE_TAKE);
    assert_int_equal(slots_receive(slots, 1, 1), LANE_DUPLICATE);
    assert_int_equal(slots_receive(slots, 1, 0), LANE_DUPLICATE);
    assert_int_equal(slots_receive(slots, 1, 3), LANE_GAP);
    assert_int_equal(slots_receive(slots, 1, UINT64_MAX), LANE_GAP);
    assert_int_equal(slots_receive(slots, 2, 2), LANE_OTHER);
    assert_int_equal(slots_receive(slots, 1, 2), LANE_TAKE);
    struct wire_report report = {0};
    slots_report(slots, &report);
    assert_int_equal(report.lane, 1);
    assert_int_equal(report.received, 2);
    assert_int_equal(report.dropped, 5);
    slots_destroy(&slots);
}

static void a_new_lane_counts_from_one_and_keeps_the_tasks(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    (void)slots_open_lane(slots);
    assert_int_equal(slots_receive(slots, 1, 1), LANE_TAKE);
    add_all(slots, 1, 3);
    assert_int_equal(start(slots), 1);
    assert_int_equal(slots_open_lane(slots), 2);
    assert_int_equal(slots_receive(slots, 1, 2), LANE_OTHER);
    assert_int_equal(slots_receive(slots, 2, 1), LANE_TAKE);
    assert_int_equal(slots_queued_count(slots), 2);
    assert_int_equal(slots_running_count(slots), 1);
    slots_destroy(&slots);
}

static void tasks_start_in_order_one_to_a_slot(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    assert_null(slots_start(slots));
    add_all(slots, 1, 3);
    const struct slot_task *first = slots_start(slots);
    const struct slot_task *second = slots_start(slots);
    assert_int_equal(first->task, 1);
    assert_int_equal(first->slot, 1);
    assert_true(span_equal(first->payload, SPAN_OF("payload")));
    assert_int_equal(second->task, 2);
    assert_int_equal(second->slot, 2);
    assert_null(slots_start(slots));
    assert_ptr_equal(slots_running(slots, 2), second);
    slots_finish(slots, 2, 10, true);
    assert_null(slots_running(slots, 2));
    const struct slot_task *third = slots_start(slots);
    assert_int_equal(third->task, 3);
    assert_int_equal(third->slot, 2);
    assert_null(slots_running(slots, 0));
    assert_null(slots_running(slots, 3));
    slots_destroy(&slots);
    assert_null(slots);
    slots_destroy(&slots);
}

static void a_task_is_a_copy_with_all_that_was_sent(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    char payload[] = "echo";
    const struct wire_task sent = {.task = UINT64_MAX,
                                   .round = 2,
                                   .attempt = 3,
                                   .failures = 4,
                                   .key = {{5}},
                                   .payload = span_of_text(payload)};
    assert_int_equal(slots_add(slots, &sent, 7), 1);
    memset(payload, 'x', sizeof payload);
    const struct slot_task *task = slots_start(slots);
    assert_int_equal(task->task, UINT64_MAX);
    assert_int_equal(task->round, 2);
    assert_int_equal(task->generation, 7);
    assert_int_equal(task->attempt, 3);
    assert_int_equal(task->failures, 4);
    assert_int_equal(task->key.byte[0], 5);
    assert_false(task->alone);
    assert_true(span_equal(task->payload, SPAN_OF("echo")));
    slots_destroy(&slots);
}

static void the_same_attempt_is_not_taken_twice(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    assert_int_equal(add(slots, 1, 2), 1);
    assert_int_equal(add(slots, 1, 2), 0);
    assert_int_equal(add(slots, 1, 1), 0); // older
    assert_int_equal(start(slots), 1);
    assert_int_equal(add(slots, 1, 2), 0);
    assert_int_equal(slots_queued_count(slots), 0);
    finish(slots, 1);
    assert_int_equal(add(slots, 1, 2), 1); // no memory of what is over
    slots_destroy(&slots);
}

static void a_newer_attempt_takes_the_place_of_a_queued_one(void **state)
{
    (void)state;
    struct slots *slots = slots_create(3);
    add_all(slots, 1, 3);
    assert_int_equal(add(slots, 1, 2), 1);
    assert_int_equal(add(slots, 2, 2), 1);
    assert_int_equal(add(slots, 3, 2), 1);
    assert_int_equal(slots_queued_count(slots), 3);
    assert_refs(slots_list_queued(slots), 0, 1, 3, 2);
    const struct wire_task later = {.task = 2, .attempt = 1};
    assert_int_equal(slots_add(slots, &later, 9), 1); // higher generation
    assert_int_equal(start(slots), 1);
    assert_int_equal(slots_start(slots)->generation, 9);
    assert_int_equal(start(slots), 3);
    slots_destroy(&slots);
}

static void a_newer_attempt_of_a_running_task_waits_beside_it(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    assert_int_equal(add(slots, 1, 1), 1);
    assert_int_equal(start(slots), 1);
    assert_int_equal(add(slots, 1, 2), 1);
    assert_int_equal(add(slots, 1, 2), 0);
    slots_finish(slots, 1, 0, true);
    assert_int_equal(add(slots, 1, 2), 0); // still known
    assert_int_equal(slots_start(slots)->attempt, 2);
    slots_destroy(&slots);
}

static void recall_takes_from_the_tail_and_leaves_what_runs(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    assert_int_equal(slots_recall(slots, 5).count, 0);
    add_all(slots, 1, 6);
    assert_int_equal(start(slots), 1);
    const struct wire_refs_out back = slots_recall(slots, 2);
    assert_int_equal(back.count, 1);
    assert_refs(back, 0, 5, 2, 1);
    assert_int_equal(slots_queued_count(slots), 3);
    assert_int_equal(slots_recall(slots, 0).count, 0);
    assert_int_equal(add(slots, 6, 1), 1); // may come again
    const struct wire_refs_out rest = slots_recall(slots, UINT32_MAX);
    assert_int_equal(rest.count, 2);
    assert_refs(rest, 0, 2, 3, 1);
    assert_refs(rest, 1, 6, 1, 1);
    assert_int_equal(slots_queued_count(slots), 0);
    assert_int_equal(slots_running_count(slots), 1);
    slots_destroy(&slots);
}

static void a_draining_worker_starts_nothing(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    struct wire_report report = {0};
    add_all(slots, 1, 3);
    assert_int_equal(start(slots), 1);
    slots_report(slots, &report);
    assert_false(slots_draining(slots));
    assert_int_equal(report.flags & REPORT_DRAINING, 0);
    slots_drain(slots);
    assert_true(slots_draining(slots));
    assert_null(slots_start(slots));
    slots_report(slots, &report);
    assert_int_equal(report.flags & REPORT_DRAINING, REPORT_DRAINING);
    assert_int_equal(add(slots, 4, 1), 1); // still arrived, to be recalled
    assert_refs(slots_recall(slots, UINT32_MAX), 0, 2, 3, 1);
    slots_destroy(&slots);
}

static void an_alone_task_runs_with_nothing_beside_it(void **state)
{
    (void)state;
    struct slots *slots = slots_create(3);
    add_all(slots, 1, 2);
    assert_int_equal(add_alone(slots, 3), 1);
    add_all(slots, 4, 5);
    assert_int_equal(start(slots), 1);
    assert_int_equal(start(slots), 2);
    assert_null(slots_start(slots));
    finish(slots, 1);
    assert_null(slots_start(slots));
    finish(slots, 2);
    assert_int_equal(start(slots), 3);
    assert_null(slots_start(slots));
    finish(slots, 3);
    assert_int_equal(start(slots), 4);
    assert_int_equal(start(slots), 5);
    slots_destroy(&slots);
}

struct stopped {
    uint32_t slot[4];
    size_t count;
};

static void note_stop(void *argument, const struct slot_task *task)
{
    struct stopped *stopped = argument;
    assert_true(stopped->count < 4);
    stopped->slot[stopped->count++] = task->slot;
}

static void cancel_removes_what_waits_and_stops_what_runs(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    struct stopped stopped = {0};
    add_all(slots, 1, 6);
    assert_int_equal(start(slots), 1);
    assert_int_equal(start(slots), 2);
    const struct wire_refs refs = {
        .task = 2, .count = 3, .generation = 1, .attempt = 1};
    assert_int_equal(slots_cancel(slots, &refs, note_stop, &stopped), 2);
    assert_int_equal(stopped.count, 1);
    assert_int_equal(stopped.slot[0], slots_running(slots, 2)->slot);
    assert_int_equal(slots_running_count(slots), 2); // until they have ended
    assert_refs(slots_list_queued(slots), 0, 5, 2, 1);
    assert_int_equal(add(slots, 3, 1), 1);
    slots_destroy(&slots);
}

static void running_attempt_is_known_once_its_newer_is_recalled(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    add_all(slots, 7, 7);
    assert_int_equal(start(slots), 7);
    assert_int_equal(add(slots, 7, 2), 1);
    assert_int_equal(add(slots, 7, 1), 0);
    assert_refs(slots_recall(slots, 1), 0, 7, 1, 2);
    assert_int_equal(add(slots, 7, 1), 0);
    assert_int_equal(start(slots), 0);
    finish(slots, 7);
    assert_int_equal(add(slots, 7, 1), 1);
    slots_destroy(&slots);
}

static void cancel_is_of_one_attempt_only(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    struct stopped stopped = {0};
    add_all(slots, 1, 2);
    assert_int_equal(start(slots), 1);
    struct wire_refs refs = {
        .task = 1, .count = 2, .generation = 1, .attempt = 2};
    assert_int_equal(slots_cancel(slots, &refs, note_stop, &stopped), 0);
    refs = (struct wire_refs){
        .task = 1, .count = 2, .generation = 2, .attempt = 1};
    assert_int_equal(slots_cancel(slots, &refs, note_stop, &stopped), 0);
    refs = (struct wire_refs){
        .task = 3, .count = UINT32_MAX, .generation = 1, .attempt = 1};
    assert_int_equal(slots_cancel(slots, &refs, note_stop, &stopped), 0);
    assert_int_equal(stopped.count, 0);
    assert_int_equal(slots_queued_count(slots), 1);
    slots_destroy(&slots);
}

static void lists_are_runs_in_order_of_queue_and_of_start(void **state)
{
    (void)state;
    struct slots *slots = slots_create(3);
    assert_int_equal(slots_list_queued(slots).count, 0);
    assert_true(slots_listed(slots));
    add_all(slots, 10, 12);
    add_all(slots, 4, 5);
    assert_int_equal(add(slots, 6, 2), 1);
    assert_int_equal(add(slots, 7, 2), 1);
    struct wire_refs_out refs = slots_list_queued(slots);
    assert_true(slots_listed(slots));
    assert_int_equal(refs.count, 3);
    assert_refs(refs, 0, 10, 3, 1);
    assert_refs(refs, 1, 4, 2, 1);
    assert_refs(refs, 2, 6, 2, 2);
    for (int i = 0; i < 3; i++)
        (void)slots_start(slots);
    finish(slots, 10);
    (void)slots_start(slots);
    refs = slots_list_running(slots);
    assert_int_equal(refs.count, 2);
    assert_refs(refs, 0, 11, 2, 1);
    assert_refs(refs, 1, 4, 1, 1);
    slots_destroy(&slots);
}

static void totals_count_what_is_to_be_counted(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    add_all(slots, 1, 2);
    (void)slots_start(slots);
    (void)slots_start(slots);
    slots_finish(slots, 1, 1000, true);
    slots_finish(slots, 2, 500, false);
    slots_drop(slots);
    struct wire_report report = {0};
    slots_report(slots, &report);
    assert_int_equal(report.finished, 1);
    assert_int_equal(report.busy_us, 1000);
    assert_int_equal(report.dropped, 1);
    slots_destroy(&slots);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    const struct wire_task empty = {.attempt = 1};
    struct wire_task sent = empty;
    for (sent.task = 1; sent.task <= WIRE_RUNS_MAX; sent.task++)
        assert_int_equal(slots_add(slots, &sent, 1), 1);
    assert_int_equal(slots_add(slots, &sent, 1), -ENOBUFS);
    assert_int_equal(slots_list_queued(slots).count, 1);
    assert_non_null(slots_start(slots));
    assert_int_equal(slots_add(slots, &sent, 1), 1);
    slots_destroy(&slots);
}

static void tasks_are_handed_in_order_and_many_to_a_slot(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    const struct slot_task *task[3];
    struct wire_report report = {0};
    add_all(slots, 1, 3);
    for (int i = 0; i < 3; i++)
        task[i] = slots_hand(slots, 2);
    assert_null(slots_hand(slots, 1));
    assert_int_equal(task[0]->task, 1);
    assert_int_equal(task[2]->slot, 2);
    assert_int_equal(slots_running_count(slots), 3);
    slots_end(slots, task[1]);
    slots_busy(slots, 5);
    assert_refs(slots_list_running(slots), 1, 3, 1, 1);
    assert_int_equal(add(slots, 2, 1), 1); // it is held no more
    slots_report(slots, &report);
    assert_int_equal(report.finished, 1);
    assert_int_equal(report.busy_us, 5);
    slots_destroy(&slots);
}

static void what_was_handed_goes_back_to_the_head(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    const struct slot_task *task[3];
    add_all(slots, 1, 4);
    for (int i = 0; i < 3; i++)
        task[i] = slots_hand(slots, 1);
    slots_unhand(slots, task[2]);
    slots_unhand(slots, task[1]);
    assert_refs(slots_list_queued(slots), 0, 2, 3, 1);
    assert_int_equal(slots_running_count(slots), 1);
    assert_int_equal(add(slots, 2, 1), 0); // still held
    assert_int_equal(slots_recall(slots, 9).at[0].count, 3);
    slots_destroy(&slots);
}

static void handed_task_gives_way_to_a_newer_attempt(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    add_all(slots, 1, 1);
    const struct slot_task *old = slots_hand(slots, 1);
    assert_int_equal(add(slots, 1, 2), 1);
    slots_unhand(slots, old);
    assert_refs(slots_list_queued(slots), 0, 1, 1, 2);
    assert_int_equal(slots_queued_count(slots), 1);
    slots_destroy(&slots);
}

static void nothing_is_handed_beside_an_alone_task(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    add_all(slots, 1, 1);
    assert_int_equal(add_alone(slots, 2), 1);
    add_all(slots, 3, 3);
    const struct slot_task *first = slots_hand(slots, 1);
    assert_null(slots_hand(slots, 2));
    slots_end(slots, first);
    const struct slot_task *alone = slots_hand(slots, 1);
    assert_int_equal(alone->task, 2);
    assert_null(slots_hand(slots, 2));
    slots_end(slots, alone);
    assert_int_equal(slots_hand(slots, 2)->task, 3);
    slots_destroy(&slots);
}

static void abandoned_task_is_held_no_more_and_stays_readable(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    add_all(slots, 1, 1);
    const struct slot_task *task = slots_hand(slots, 1);
    slots_abandon(slots, task);
    assert_int_equal(slots_running_count(slots), 0);
    assert_int_equal(add(slots, 1, 1), 1);
    assert_int_equal(task->task, 1);
    slots_destroy(&slots);
}

static void the_list_of_the_queue_follows_it_at_both_ends(void **state)
{
    (void)state;
    struct slots *slots = slots_create(1);
    add_all(slots, 1, 6);
    assert_int_equal(slots_list_queued(slots).count, 1);
    const struct slot_task *first = slots_hand(slots, 1);
    const struct slot_task *second = slots_hand(slots, 1);
    assert_refs(slots_list_queued(slots), 0, 3, 4, 1);
    slots_unhand(slots, second);
    assert_refs(slots_list_queued(slots), 0, 2, 5, 1);
    assert_refs(slots_recall(slots, 2), 0, 5, 2, 1);
    assert_refs(slots_list_queued(slots), 0, 2, 3, 1);
    assert_int_equal(add(slots, 3, 2), 1); // in the middle
    assert_int_equal(slots_list_queued(slots).count, 3);
    assert_refs(slots_list_queued(slots), 1, 3, 1, 2);
    slots_unhand(slots, first);
    assert_refs(slots_list_queued(slots), 0, 1, 2, 1);
    for (uint64_t task = 1; task <= 4; task++)
        slots_end(slots, slots_hand(slots, 1));
    assert_int_equal(slots_list_queued(slots).count, 0);
    add_all(slots, 8, 8);
    assert_refs(slots_list_queued(slots), 0, 8, 1, 1);
    first = slots_hand(slots, 1);
    add_all(slots, 11, 11);
    slots_unhand(slots, first);
    assert_refs(slots_list_queued(slots), 0, 8, 1, 1);
    assert_refs(slots_list_queued(slots), 1, 11, 1, 1);
    slots_destroy(&slots);
}

static void a_lower_number_is_looked_up_among_all_that_are_held(void **state)
{
    (void)state;
    struct slots *slots = slots_create(2);
    add_all(slots, 1, 3);
    assert_int_equal(start(slots), 1);
    assert_int_equal(add(slots, 1, 1), 0); // runs
    assert_int_equal(add(slots, 2, 1), 0); // queued
    assert_int_equal(add(slots, 1, 2), 1);
    finish(slots, 1);
    assert_int_equal(add(slots, 1, 2), 0);
    const uint64_t many = 1 << 17; // by then nothing is looked up any more
    for (uint64_t task = 4; task <= many; task++) {
        assert_int_equal(add(slots, task, 1), 1);
        finish(slots, start(slots));
    }
    assert_int_equal(slots_queued_count(slots), 3);
    assert_int_equal(add(slots, many, 1), 0);
    assert_int_equal(add(slots, many - 2, 1), 0);
    assert_int_equal(add(slots, many - 4, 1), 1); // has gone
    slots_destroy(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_a_lane_are_taken_once_and_in_order),
        cmocka_unit_test(a_new_lane_counts_from_one_and_keeps_the_tasks),
        cmocka_unit_test(tasks_start_in_order_one_to_a_slot),
        cmocka_unit_test(a_task_is_a_copy_with_all_that_was_sent),
        cmocka_unit_test(the_same_attempt_is_not_taken_twice),
        cmocka_unit_test(a_newer_attempt_takes_the_place_of_a_queued_one),
        cmocka_unit_test(a_newer_attempt_of_a_running_task_waits_beside_it),
        cmocka_unit_test(recall_takes_from_the_tail_and_leaves_what_runs),
        cmocka_unit_test(a_draining_worker_starts_nothing),
        cmocka_unit_test(an_alone_task_runs_with_nothing_beside_it),
        cmocka_unit_test(cancel_removes_what_waits_and_stops_what_runs),
        cmocka_unit_test(cancel_is_of_one_attempt_only),
        cmocka_unit_test(running_attempt_is_known_once_its_newer_is_recalled),
        cmocka_unit_test(lists_are_runs_in_order_of_queue_and_of_start),
        cmocka_unit_test(totals_count_what_is_to_be_counted),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(tasks_are_handed_in_order_and_many_to_a_slot),
        cmocka_unit_test(what_was_handed_goes_back_to_the_head),
        cmocka_unit_test(handed_task_gives_way_to_a_newer_attempt),
        cmocka_unit_test(nothing_is_handed_beside_an_alone_task),
        cmocka_unit_test(abandoned_task_is_held_no_more_and_stays_readable),
        cmocka_unit_test(the_list_of_the_queue_follows_it_at_both_ends),
        cmocka_unit_test(a_lower_number_is_looked_up_among_all_that_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
