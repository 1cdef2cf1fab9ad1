/* ledger_world - a live ledger, the log it would have written, and who speaks
 * to it */
#ifndef TESTS_UNIT_LEDGER_WORLD_H
#define TESTS_UNIT_LEDGER_WORLD_H

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

static inline void store(struct world *world, struct record record)
{
    assert_int_equal(0, ledger_apply(world->ledger, &record));
    assert_true(world->count < sizeof world->log / sizeof *world->log);
    world->log[world->count++] = record;
}

static inline enum ledger_verdict tell(struct world *world,
                                       struct wire_record record)
{
    record.number = ++world->number;
    assert_int_equal(LINK_TAKE,
                     ledger_record_link(world->ledger, record.number, 1));
    const enum ledger_verdict verdict = ledger_record(world->ledger, &record);
    if (ledger_stores(verdict))
        store(world, record_of_wire(&record, 1));
    return verdict;
}

static inline enum ledger_verdict say(struct world *world,
                                      struct wire_result result)
{
    if (result.generation == 0)
        result.generation = 1;
    const enum ledger_verdict verdict = ledger_result(world->ledger, &result);
    if (ledger_stores(verdict))
        store(world, record_of_result(&result, &WORKER, (struct span){0},
                                      (struct span){0}));
    return verdict;
}

static inline enum ledger_verdict say_ok(struct world *world, uint64_t task)
{
    return say(world, (struct wire_result){.task = task, .attempt = 1});
}

static inline enum ledger_verdict say_failed(struct world *world, uint64_t task,
                                             uint32_t attempt)
{
    return say(world, (struct wire_result){.task = task,
                                           .attempt = attempt,
                                           .class = CLASS_EXIT,
                                           .exit = 1});
}

static inline enum ledger_verdict tell_lost(struct world *world, uint64_t task,
                                            uint32_t attempt, uint8_t flags)
{
    return tell(world, (struct wire_record){.kind = RECORD_LOST,
                                            .task = task,
                                            .generation = 1,
                                            .attempt = attempt,
                                            .flags = flags,
                                            .subject = WORKER});
}

static inline enum ledger_verdict tell_final(struct world *world, uint64_t task,
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

static inline void resume(struct world *world)
{
    store(world, (struct record){.event = EVENT_RESUMED,
                                 .generation = 1,
                                 .attempt = 1,
                                 .worker = TOKEN});
}

static inline void join(struct world *world, const struct id128 *worker)
{
    assert_int_equal(LEDGER_STORE_EVENT,
                     tell(world, (struct wire_record){.kind = RECORD_JOINED,
                                                      .subject = *worker}));
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    struct world *world = *state;
    ledger_destroy(&world->ledger);
    free(world);
    return 0;
}

/* The open task as SYNCED tells it; zeros when it is not told. */
static inline struct wire_open_task told_open(const struct ledger *ledger,
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

/* How often SYNCED says that it has failed so. */
static inline uint32_t told_failures(const struct ledger *ledger, uint64_t task,
                                     enum fail_class class, uint8_t code)
{
    struct ledger_cursor cursor = {0};
    struct wire_synced synced = {0};
    struct wire_synced_out lists;
    uint32_t count = 0;
    assert_int_equal(0, ledger_part(ledger, false, &cursor, &synced, &lists));
    for (size_t i = 0; i < lists.cause_count; i++)
        if (lists.causes[i].task == task && lists.causes[i].class == class &&
            lists.causes[i].code == code)
            count += lists.causes[i].count;
    ledger_cursor_free(&cursor);
    return count;
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
