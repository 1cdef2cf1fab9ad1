#include "tests/memory/starving.h"

#include "common/base/map.h"
#include "common/base/numset.h"
#include "sink/convert.h"
#include "sink/ledger.h"
#include "ventilator/tracker.h"
#include "worker/retain.h"
#include "worker/slots.h"
#include "worker/texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_memory(int error)
{
    assert_true(error == 0 || error == -ENOMEM);
    return error == 0;
}

static bool map_scenario(void)
{
    bool whole = true, put[100] = {0};
    struct map *map = map_create();
    if (!map)
        return false;
    for (uint64_t i = 0; i < 100; i++) {
        put[i] = is_memory(map_put(map, i * 7919, i));
        whole = whole && put[i];
    }
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t value = 1000;
        assert_int_equal(map_get(map, i * 7919, &value), put[i]);
        assert_int_equal(value, put[i] ? i : 1000);
    }
    map_destroy(&map);
    return whole;
}

static void map_keeps_what_it_took(void **state)
{
    (void)state;
    starving(map_scenario);
}

static bool numset_scenario(void)
{
    static const uint64_t NUMBERS[] = {1,      2,     5000,   70000, 3,
                                       200000, 70001, 900000, 65536};
    enum { COUNT = sizeof NUMBERS / sizeof NUMBERS[0] };
    bool whole = true, in[COUNT];
    struct numset *set = numset_create();
    if (!set)
        return false;
    for (size_t i = 0; i < COUNT; i++) {
        const int added = numset_add(set, NUMBERS[i]);
        assert_true(added == 1 || added == -ENOMEM);
        in[i] = added == 1;
        whole = whole && in[i];
    }
    const int gone = numset_remove(set, NUMBERS[0]);
    if (gone == 1)
        in[0] = false;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(numset_has(set, NUMBERS[i]), in[i]);
    whole = is_memory(numset_add_run(set, 100000, 200000)) && whole;
    whole = gone >= 0 && whole;
    numset_destroy(&set);
    return whole;
}

static void numset_keeps_what_it_took(void **state)
{
    (void)state;
    starving(numset_scenario);
}

static bool slots_scenario(void)
{
    bool whole = true;
    uint32_t taken = 0;
    struct slots *slots = slots_create(2);
    if (!slots)
        return false;
    for (uint64_t task = 1; task <= 40; task++) {
        const struct wire_task sent = {
            .task = 2 * task, .attempt = 1, .payload = SPAN_OF("payload")};
        const int added = slots_add(slots, &sent, 1);
        assert_true(added == 1 || added == -ENOMEM);
        taken += added == 1;
    }
    whole = taken == 40;
    assert_int_equal(slots_queued_count(slots), taken);
    const struct slot_task *task = slots_start(slots);
    const uint32_t running = task != NULL;
    const struct wire_refs_out queued = slots_list_queued(slots);
    if (slots_listed(slots))
        assert_int_equal(queued.count, taken - running);
    else
        whole = false;
    const struct wire_refs_out recalled = slots_recall(slots, 3);
    if (taken >= 4 && recalled.count == 0)
        whole = false;
    assert_int_equal(slots_queued_count(slots),
                     taken - running - recalled.count);
    if (task)
        slots_finish(slots, task->slot, 1, true);
    slots_destroy(&slots);
    return whole;
}

static void slots_take_a_task_or_do_not(void **state)
{
    (void)state;
    starving(slots_scenario);
}

static bool retain_scenario(void)
{
    bool whole = true;
    struct retain *retain = retain_create(1000);
    if (!retain)
        return false;
    for (unsigned i = 0; i < 40; i++) {
        struct buffer frame = {0};
        buffer_append_text(&frame, "frame");
        const bool made = !frame.failed;
        const uint64_t before = retain_made(retain);
        if (made && is_memory(retain_add(retain, &frame)))
            assert_int_equal(retain_made(retain), before + 1);
        else
            whole = false;
        buffer_free(&frame);
    }
    for (uint64_t i = 1; i <= retain_made(retain); i++)
        assert_int_equal(share_span(retain_frame(retain, i)).size, 5);
    retain_destroy(&retain);
    return whole;
}

static void results_are_retained_or_stay_the_callers(void **state)
{
    (void)state;
    starving(retain_scenario);
}

static bool texts_scenario(void)
{
    char *before[] = {(char[]){"A=1"}, NULL};
    struct texts_out texts = {0};
    for (unsigned i = 0; i < 200; i++) {
        texts_begin(&texts);
        texts_put(&texts, "value", 5);
        texts_printf(&texts, "%u", i);
        texts_end(&texts);
    }
    char **array = texts_array(&texts, before);
    if (array)
        assert_string_equal(array[200], "value199");
    const bool whole = array != NULL;
    free(array);
    texts_clear(&texts);
    return whole;
}

static void texts_are_whole_or_none(void **state)
{
    (void)state;
    starving(texts_scenario);
}

static bool ledger_store(struct ledger *ledger, const struct record *record)
{
    return is_memory(ledger_apply(ledger, record));
}

static bool ledger_steps(struct ledger *ledger)
{
    const struct id128 worker = {{1}};
    const struct record mark = {.event = EVENT_MARK, .a = 1000};
    const struct record joined = {
        .event = EVENT_JOINED, .worker = worker, .host = SPAN_OF("host")};
    struct ledger_news news;
    ledger_start(ledger);
    if (!ledger_store(ledger, &mark) || !ledger_store(ledger, &joined) ||
        ledger_results_link(ledger, &worker, 1, 1) != LINK_TAKE)
        return false;
    for (uint64_t task = 1; task <= 60; task++) {
        const struct record record = {.task = task,
                                      .final = task % 3 > 0,
                                      .status = task % 3 == 1 ? STATUS_OK
                                                              : STATUS_FAILED,
                                      .class = CLASS_EXIT,
                                      .attempt = 1,
                                      .generation = 1};
        if (!ledger_store(ledger, &record))
            return false;
        assert_int_equal(ledger_is_final(ledger, task), task % 3 > 0);
    }
    const struct record resumed = {.event = EVENT_RESUMED, .worker = worker};
    if (!ledger_store(ledger, &resumed) ||
        !is_memory(ledger_synced(ledger, &news)))
        return false;
    struct ledger_cursor cursor = {0};
    struct wire_synced synced = {0};
    struct wire_synced_out lists;
    const bool told =
        is_memory(ledger_part(ledger, false, &cursor, &synced, &lists));
    ledger_cursor_free(&cursor);
    return told && is_memory(ledger_heartbeat(ledger, &news));
}

static bool ledger_scenario(void)
{
    struct ledger *ledger = ledger_create();
    const bool whole = ledger && ledger_steps(ledger);
    ledger_destroy(&ledger);
    return whole;
}

static void ledger_says_that_it_stops(void **state)
{
    (void)state;
    starving(ledger_scenario);
}

enum { TRACKED = 70 };

// A run of some tasks on one worker; the sink stores all it hears.
struct run {
    struct tracker *tracker;
    uint64_t record, position, lane;
    size_t forgotten;
    bool complete, failed;
    struct wire_run sent[TRACKED];
    size_t sent_count;
};

static void act(struct run *run)
{
    struct tracker_action action;
    while (tracker_next(run->tracker, &action)) {
        run->complete = run->complete || action.kind == ACTION_COMPLETE;
        run->failed = run->failed || action.kind == ACTION_FAIL;
        run->forgotten += action.kind == ACTION_FORGET ? action.count : 0;
        if (action.kind == ACTION_RECORDS && action.count > 0)
            run->record = action.records[action.count - 1].number;
        if (action.kind != ACTION_TASKS)
            continue;
        run->lane = action.number;
        for (size_t i = 0; i < action.count; i++)
            run->sent[run->sent_count++] =
                (struct wire_run){action.sends[i].task, 1};
    }
}

static const struct id128 WORKER = {{9}};

// What is encoded here is the test's: it does not fail.
static void say_stored(struct run *run, int64_t now_ms)
{
    struct wire_stored stored = {
        .from = run->position, .to = run->position + 1, .record = run->record};
    uint8_t runs[4096];
    size_t size = 0;
    for (size_t i = 0; i < run->sent_count; i++, size += sizeof(uint64_t) * 2)
        memcpy(runs + size, &run->sent[i], sizeof(uint64_t) * 2);
    stored.finals = (struct wire_list){reader_over((struct span){runs, size}),
                                       (uint32_t)run->sent_count};
    run->position++;
    run->sent_count = 0;
    tracker_stored(run->tracker, &stored, now_ms);
}

static void turn(struct run *run, int64_t now_ms)
{
    const struct wire_report report = {
        .lane = 1, .received = run->lane, .kept = 1};
    act(run);
    say_stored(run, now_ms);
    act(run);
    tracker_report(run->tracker, &WORKER, 1, &report, now_ms);
    tracker_turn(run->tracker, now_ms);
    act(run);
}

static void drive(struct run *run)
{
    const struct wire_hello hello = {
        .role = ROLE_WORKER, .lane = 1, .slots = 40, .kept = 1};
    const struct wire_synced synced = {.generation = 1};
    static char payload[TRACKED];
    unsigned handle;
    uint64_t task = 0;
    tracker_sink_hello(run->tracker, 0);
    tracker_synced(run->tracker, &synced, 0);
    if (tracker_hello(run->tracker, &WORKER, &hello, 0, &handle) ==
        HELLO_FULL) {
        run->failed = true; // it is told so, and comes again
        return;
    }
    tracker_input_ended(run->tracker, CURSOR_REDO);
    for (int64_t now_ms = 1; now_ms < 100 && !run->failed; now_ms++) {
        while (task < TRACKED && tracker_wants(run->tracker, CURSOR_FRONT)) {
            const struct tracker_offer offer = {.task = task + 1,
                                                .ordinal = task + 1,
                                                .payload = &payload[task],
                                                .payload_size = 1};
            tracker_offer(run->tracker, &offer, now_ms);
            task++;
        }
        if (task == TRACKED)
            tracker_input_ended(run->tracker, CURSOR_FRONT);
        turn(run, now_ms);
        if (run->complete)
            return;
    }
}

static bool tracker_scenario(void)
{
    static const struct tracker_limits LIMITS = {.window_tasks = 50,
                                                 .window_bytes = 1 << 20,
                                                 .losses_max = 10,
                                                 .lone_deaths_max = 3,
                                                 .prefetch_ms = 50,
                                                 .heartbeat_ms = 1000,
                                                 .liveness_ms = 4000,
                                                 .workers_max = 2,
                                                 .speculate = true};
    static const struct policy POLICY = {.on_fail = ANSWER_FAIL};
    struct run run = {.tracker = tracker_create(&LIMITS, &POLICY, 0)};
    if (!run.tracker)
        return false;
    drive(&run);
    // It goes on as if nothing had been, or says that it cannot.
    assert_true(run.complete || run.failed);
    assert_true(run.forgotten == TRACKED || run.failed);
    tracker_destroy(&run.tracker);
    return !run.failed;
}

static void tracker_says_that_the_run_cannot_go_on(void **state)
{
    (void)state;
    starving(tracker_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_keeps_what_it_took),
        cmocka_unit_test(numset_keeps_what_it_took),
        cmocka_unit_test(slots_take_a_task_or_do_not),
        cmocka_unit_test(results_are_retained_or_stay_the_callers),
        cmocka_unit_test(texts_are_whole_or_none),
        cmocka_unit_test(ledger_says_that_it_stops),
        cmocka_unit_test(tracker_says_that_the_run_cannot_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
