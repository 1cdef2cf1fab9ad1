/* fuzz_ledger - bytes as what peers say to the sink, with crashes between
 * covers: sink/ledger.c sink/ledger_*.c sink/opens.c sink/peers.c sink/stored.c
 * covers: sink/convert.c
 *
 * What the ledger decides is put into a log of lines, as the sink does. The
 * ledger rebuilt from the log must be the live one; of a task's round there is
 * one final record; nothing is acknowledged that is not in the log.
 */
#include "common/store/record.h"
#include "sink/convert.h"
#include "sink/ledger.h"
#include "tests/fuzz/draw.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 8, BEYOND = TASKS + 1, WORKERS = 3, LINES_MAX = 512 };

struct world {
    struct reader bytes;
    struct ledger *ledger;
    struct buffer log;
    size_t ends[LINES_MAX + 1], lines, synced; // lines known durable
    bool final[BEYOND + 1];
    uint32_t round[BEYOND + 1];
    uint64_t taken[WORKERS], durable[WORKERS], record, record_durable;
    struct stored stored;
};

static struct record line_of(const struct world *world, size_t i,
                             struct buffer *scratch)
{
    struct record record;
    const struct span line = {world->log.at + world->ends[i],
                              world->ends[i + 1] - world->ends[i] - 1};
    const int error = record_read(line, scratch, &record);
    assert(error == 0);
    return record;
}

static struct ledger *rebuilt(const struct world *world, size_t lines)
{
    struct ledger *ledger = ledger_create();
    struct buffer scratch = {0};
    for (size_t i = 0; i < lines; i++) {
        const struct record record = line_of(world, i, &scratch);
        const int error = ledger_apply(ledger, &record);
        assert(error == 0);
    }
    ledger_start(ledger);
    buffer_free(&scratch);
    return ledger;
}

struct view {
    struct wire_synced synced;
    struct wire_synced_out lists;
};

// The cursors' lists are large: they stay for all inputs.
static struct view view_of(const struct ledger *ledger,
                           struct ledger_cursor *cursor)
{
    struct view view = {0};
    cursor->task = cursor->open = cursor->blamed = cursor->peer = 0;
    const int error =
        ledger_part(ledger, false, cursor, &view.synced, &view.lists);
    assert(error == 0 && cursor->done);
    return view;
}

static void assert_open_in(const struct wire_open_task *open,
                           const struct view *view)
{
    for (size_t i = 0; i < view->lists.open_count; i++) {
        const struct wire_open_task *at = &view->lists.open[i];
        if (at->task != open->task)
            continue;
        assert(at->round == open->round && at->failures == open->failures);
        assert(at->losses == open->losses && at->held == open->held);
        assert(at->lone_deaths == open->lone_deaths);
        assert(at->last_class == open->last_class);
        assert(at->last_code == open->last_code);
        return;
    }
    abort(); // it is missing
}

// Each is told once, and a task's make up its failures.
static void assert_causes(const struct view *view, const struct view *other)
{
    size_t at = 0;
    for (size_t i = 0; i < view->lists.open_count; i++) {
        const struct wire_open_task *open = &view->lists.open[i];
        uint32_t failures = 0;
        for (; at < view->lists.cause_count &&
               view->lists.causes[at].task == open->task;
             at++)
            failures += view->lists.causes[at].count;
        assert(failures == open->failures);
    }
    assert(at == view->lists.cause_count);
    assert(at == other->lists.cause_count);
    for (size_t i = 0; i < at; i++) {
        const struct wire_cause *one = &view->lists.causes[i];
        bool found = false;
        for (size_t j = 0; j < at; j++) {
            const struct wire_cause *two = &other->lists.causes[j];
            found =
                found || (one->task == two->task && one->class == two->class &&
                          one->code == two->code && one->count == two->count);
        }
        assert(found);
    }
}

static void assert_roster_in(const struct wire_roster_entry *entry,
                             const struct view *view)
{
    for (size_t i = 0; i < view->lists.roster_count; i++)
        if (id128_equal(&view->lists.roster[i].worker, &entry->worker)) {
            assert(view->lists.roster[i].pid == entry->pid);
            assert(span_equal(view->lists.roster[i].host, entry->host));
            return;
        }
    abort(); // it is missing
}

static void assert_same(const struct ledger *one, const struct ledger *other)
{
    static struct ledger_cursor cursors[2];
    const struct view a = view_of(one, &cursors[0]);
    const struct view b = view_of(other, &cursors[1]);
    assert(a.synced.flags == b.synced.flags);
    assert(a.synced.number_max == b.synced.number_max);
    assert(a.synced.mark == b.synced.mark);
    assert(a.synced.mark_from == b.synced.mark_from);
    assert(a.synced.mark_offset == b.synced.mark_offset);
    assert(id128_equal(&a.synced.resumed, &b.synced.resumed));
    assert(memcmp(a.synced.by_status, b.synced.by_status,
                  sizeof a.synced.by_status) == 0);
    assert(a.lists.finals.count == b.lists.finals.count);
    for (size_t i = 0; i < a.lists.finals.count; i++)
        assert(a.lists.finals.at[i].first == b.lists.finals.at[i].first &&
               a.lists.finals.at[i].count == b.lists.finals.at[i].count);
    assert(a.lists.open_count == b.lists.open_count);
    for (size_t i = 0; i < a.lists.open_count; i++)
        assert_open_in(&a.lists.open[i], &b);
    assert_causes(&a, &b);
    assert(a.lists.roster_count == b.lists.roster_count);
    for (size_t i = 0; i < a.lists.roster_count; i++)
        assert_roster_in(&a.lists.roster[i], &b);
    assert(ledger_generation(one) == ledger_generation(other));
    for (uint64_t i = 1; i <= BEYOND; i++) {
        assert(ledger_is_final(one, i) == ledger_is_final(other, i));
        assert(ledger_round(one, i) == ledger_round(other, i));
    }
}

// The naive truth: which task is final in which round.
static void learn(struct world *world, const struct record *record)
{
    const uint64_t task = record->task;
    if (record->event == EVENT_RESUMED) {
        for (uint64_t i = 1; i <= BEYOND; i++) {
            const bool again =
                ledger_round(world->ledger, i) != world->round[i];
            assert(!again || world->final[i]);
            world->round[i] += again;
            world->final[i] = world->final[i] && !again;
        }
    } else if (record->event == EVENT_REOPENED) {
        assert(world->final[task] && record->round == world->round[task] + 1);
        world->round[task]++;
        world->final[task] = false;
    } else if (record->event == EVENT_NONE) {
        assert(task >= 1 && task <= BEYOND && !world->final[task]);
        assert(record->round == world->round[task]);
        world->final[task] = record->final;
    }
    for (uint64_t i = 1; i <= BEYOND; i++) {
        assert(ledger_is_final(world->ledger, i) == world->final[i]);
        assert(ledger_round(world->ledger, i) == world->round[i]);
    }
}

static void store(struct world *world, struct record record)
{
    ledger_fill_final(world->ledger, &record);
    record_write(&world->log, &record);
    assert(!world->log.failed);
    world->ends[++world->lines] = world->log.size;
    int error = ledger_apply(world->ledger, &record);
    assert(error == 0);
    error = stored_add(&world->stored, &record);
    assert(error == 0);
    learn(world, &record);
}

// A round and an attempt as they are, mostly.
static uint32_t draw_near(struct world *world, uint32_t value)
{
    const unsigned choice = draw(&world->bytes, 12);
    return choice == 11                ? value + 1
           : choice == 10 && value > 0 ? value - 1
                                       : value;
}

static uint64_t draw_task(struct world *world)
{
    return draw_rare(&world->bytes, 20)
               ? (uint64_t)draw(&world->bytes, 2) * BEYOND
               : 1 + draw(&world->bytes, TASKS);
}

static uint32_t round_of(const struct world *world, uint64_t task)
{
    return task <= BEYOND ? world->round[task] : 0;
}

static void on_results(struct world *world)
{
    const unsigned who = draw(&world->bytes, WORKERS);
    const struct id128 worker = draw_id('w', who);
    uint64_t number = world->taken[who] + 1;
    if (draw_rare(&world->bytes, 5))
        number = draw(&world->bytes, 8);
    const uint64_t kept =
        draw_rare(&world->bytes, 8) ? draw(&world->bytes, 8) : 1;
    const enum ledger_link link =
        ledger_results_link(world->ledger, &worker, number, kept);
    // What it keeps no longer was told to be durable by somebody.
    if (kept > 0 && kept <= number && kept > world->taken[who] + 1)
        world->taken[who] = world->durable[who] = kept - 1;
    if (link != LINK_TAKE)
        return;
    assert(number > 0 && kept > 0 && kept <= number);
    world->taken[who] = number;
    for (unsigned i = draw(&world->bytes, 4); i > 0; i--) {
        struct wire_result result = {.task = draw_task(world)};
        result.round = draw_near(world, round_of(world, result.task));
        result.generation = draw_near(world, ledger_generation(world->ledger));
        result.attempt = draw(&world->bytes, 4);
        result.class = (uint8_t)draw(&world->bytes, CLASSES + 1);
        result.exit = (uint8_t)draw(&world->bytes, 3);
        const enum ledger_verdict verdict =
            ledger_result(world->ledger, &result);
        assert(verdict < LEDGER_VERDICTS && verdict != LEDGER_STORE_EVENT);
        if (ledger_stores(verdict) && world->lines < LINES_MAX)
            store(world, record_of_result(&result, &worker,
                                          ledger_host(world->ledger, &worker),
                                          (struct span){0}));
    }
}

static void on_record(struct world *world)
{
    uint64_t number = world->record + 1;
    if (draw_rare(&world->bytes, 6))
        number = draw(&world->bytes, 8);
    const uint64_t kept =
        draw_rare(&world->bytes, 10) ? draw(&world->bytes, 8) : 1;
    const enum ledger_link link =
        ledger_record_link(world->ledger, number, kept);
    if (kept > 0 && kept <= number && kept > world->record + 1)
        world->record = kept - 1;
    if (link != LINK_TAKE)
        return;
    world->record = number;
    struct wire_record record = {
        .number = number, .pid = 3, .text = SPAN_OF("h")};
    record.kind = (uint8_t)draw(&world->bytes, RECORD_KINDS + 1);
    record.task = draw_task(world);
    record.round = draw_near(world, round_of(world, record.task));
    if (record.kind == RECORD_REOPENED)
        record.round++;
    record.generation = draw_near(world, ledger_generation(world->ledger));
    record.attempt = draw(&world->bytes, 4);
    record.status = (uint8_t)draw(&world->bytes, STATUSES + 1);
    record.class = (uint8_t)draw(&world->bytes, CLASSES + 1);
    record.flags = (uint8_t)draw(&world->bytes, 8);
    record.subject = draw_id('w', draw(&world->bytes, WORKERS));
    record.a = draw(&world->bytes, TASKS + 1);
    record.b = draw_rare(&world->bytes, 8) ? record.a + 1 : 0;
    const enum ledger_verdict verdict = ledger_record(world->ledger, &record);
    assert(verdict < LEDGER_VERDICTS);
    if (ledger_stores(verdict) && world->lines < LINES_MAX)
        store(world, record_of_wire(&record, ledger_generation(world->ledger)));
}

static void check_news(const struct world *world,
                       const struct ledger_news *news)
{
    assert(news->record <= world->record_durable);
    for (size_t i = 0; i < news->lists.worker_count; i++) {
        const struct wire_worker_mark *mark = &news->lists.workers[i];
        assert(mark->worker.byte[0] == 'w');
        assert(mark->number <= world->durable[drawn_which(&mark->worker)]);
    }
}

static void on_sync(struct world *world)
{
    struct ledger_news news;
    world->synced = world->lines;
    memcpy(world->durable, world->taken, sizeof world->taken);
    world->record_durable = world->record;
    const int error = ledger_synced(world->ledger, &news);
    assert(error == 0 && !ledger_has_news(world->ledger));
    check_news(world, &news);
    // What a sink that reads its log again would say.
    stored_settle(&world->stored);
    assert(world->stored.run_count == news.lists.finals.count);
    assert(world->stored.entry_count == news.lists.entry_count);
    for (size_t i = 0; i < news.lists.finals.count; i++)
        assert(memcmp(&world->stored.runs[i], &news.lists.finals.at[i],
                      sizeof(struct wire_run)) == 0);
    for (size_t i = 0; i < news.lists.entry_count; i++)
        assert(world->stored.entries[i].task == news.lists.entries[i].task &&
               world->stored.entries[i].kind == news.lists.entries[i].kind);
    stored_clear(&world->stored);
}

static void on_heartbeat(struct world *world)
{
    struct ledger_news news;
    const int error = ledger_heartbeat(world->ledger, &news);
    assert(error == 0);
    check_news(world, &news);
    assert(news.lists.finals.count == 0 && news.lists.entry_count == 0);
}

static void on_event(struct world *world)
{
    struct record record = {.event = EVENT_GENERATION, .attempt = 1};
    if (draw_rare(&world->bytes, 3)) {
        record.event = EVENT_RESUMED;
        record.worker = draw_id('r', draw(&world->bytes, 3));
        if (id128_equal(&record.worker, ledger_resumed(world->ledger)))
            return;
    } else {
        record.worker = draw_id('v', draw(&world->bytes, 3));
        record.generation = ledger_grant(world->ledger, &record.worker);
        if (record.generation == ledger_generation(world->ledger))
            return;
        world->record = world->record_durable = 0;
    }
    if (world->lines < LINES_MAX)
        store(world, record);
}

// A crash: what was not synced may be there or not.
static void on_crash(struct world *world)
{
    if (!draw_rare(&world->bytes, 4))
        return;
    const size_t loose = world->lines - world->synced;
    world->lines = world->synced + draw(&world->bytes, 8) % (loose + 1);
    world->log.size = world->ends[world->lines];
    world->synced = world->lines;
    ledger_destroy(&world->ledger);
    world->ledger = rebuilt(world, world->lines);
    for (uint64_t i = 1; i <= BEYOND; i++) {
        world->final[i] = ledger_is_final(world->ledger, i);
        world->round[i] = ledger_round(world->ledger, i);
    }
    stored_clear(&world->stored);
    memset(world->taken, 0, sizeof world->taken);
    memset(world->durable, 0, sizeof world->durable);
    struct ledger_news news;
    const int error = ledger_synced(world->ledger, &news);
    assert(error == 0);
    world->record = world->record_durable = news.record;
}

static void check(const struct world *world)
{
    struct ledger *again = rebuilt(world, world->lines);
    assert_same(world->ledger, again);
    ledger_destroy(&again);
}

static void on_check(struct world *world)
{
    if (draw_rare(&world->bytes, 8))
        check(world);
}

static void (*const OPS[])(struct world *) = {
    on_results, on_results, on_results,   on_record, on_record, on_record,
    on_record,  on_sync,    on_heartbeat, on_event,  on_crash,  on_check};

// A run's first records: who it is, its ventilator, and where it may send.
static void begin(struct world *world)
{
    const struct record run = {.event = EVENT_RUN, .run = draw_id('n', 1)};
    const struct record generation = {.event = EVENT_GENERATION,
                                      .generation = 1,
                                      .attempt = 1,
                                      .worker = draw_id('v', 0)};
    const struct record mark = {
        .event = EVENT_MARK, .generation = 1, .attempt = 1, .a = TASKS};
    world->ledger = ledger_create();
    ledger_start(world->ledger);
    store(world, run);
    store(world, generation);
    store(world, mark);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return 0;
    world->bytes = reader_over((struct span){data, size});
    begin(world);
    while (reader_left(&world->bytes) > 0)
        OPS[draw(&world->bytes, sizeof OPS / sizeof OPS[0])](world);
    check(world);
    ledger_destroy(&world->ledger);
    stored_free(&world->stored);
    buffer_free(&world->log);
    free(world);
    return 0;
}
