/* sink_hear - messages to the sink; see sim_sink.c */
#include "tests/sim/sim_sink.h"

#include "common/base/mutant.h"
#include "sink/convert.h"
#include "sink/stored.h"
#include "tests/sim/truth.h"

#include <stdlib.h>

enum { FRAME_MAX = 1 << 24 };

static void on_welcome(struct world *world, const struct wire_header *header,
                       struct span body)
{
    struct sink *sink = world->sink;
    struct wire_welcome welcome;
    if (!wire_get_welcome(body, &welcome))
        return;
    if (id128_is_zero(ledger_run(sink->ledger)) &&
        (!sink_store(
             world, &(struct record){.event = EVENT_RUN, .run = header->run}) ||
         !sink_commit(world)))
        return;
    if (!id128_equal(&sink->life.ventilator, &header->sender))
        sink->life.synced = false;
    sink->life.ventilator = header->sender;
    sink->life.welcomed = true;
}

static void tell_again(struct world *world, uint64_t from)
{
    struct sink *sink = world->sink;
    struct stored stored = {0};
    for (size_t i = 0; i < sink->group_count; i++) {
        const struct group *group = &sink->groups[i];
        if (group->from < from || group->from >= sink->life.told)
            continue;
        for (size_t j = 0; j < group->count; j++)
            if (stored_add(&stored, &group->records[j]) != 0)
                abort();
    }
    stored_settle(&stored);
    struct ledger_news news = {0};
    if (ledger_heartbeat(sink->ledger, &news) != 0)
        abort();
    news.lists.finals = (struct wire_runs_out){stored.runs, stored.run_count};
    news.lists.entries = stored.entries;
    news.lists.entry_count = stored.entry_count;
    if (from < sink->life.told)
        sink_send_news(world, from, sink->life.told, &news);
    stored_free(&stored);
}

static void watch_position(struct world *world, uint64_t position)
{
    struct sink_life *life = &world->sink->life;
    if (!life->synced || position >= life->told) {
        life->behind = 0;
    } else if (life->behind != position + 1) {
        life->behind = position + 1;
        life->behind_ms = world->now_ms;
    } else if (world->now_ms - life->behind_ms >= 2 * SINK_TICK_MS &&
               !MUTANT(NEVER_TELL_AGAIN)) {
        life->behind = 0;
        tell_again(world, position);
    }
}

static void on_record(struct world *world, const struct wire_header *header,
                      struct span body)
{
    struct sink *sink = world->sink;
    struct wire_records records;
    struct wire_record record;
    if (!wire_get_records(body, &records) ||
        (!MUTANT(RECORD_OF_OLD) &&
         (header->generation != ledger_generation(sink->ledger) ||
          !id128_equal(&header->sender, &sink->life.ventilator))))
        return;
    while (!world->broke && wire_next_record(&records.records, &record)) {
        const enum ledger_link link =
            ledger_record_link(sink->ledger, record.number, records.kept);
        if (link == LINK_GAP)
            return;
        if (link == LINK_HAVE)
            continue;
        truth_takes_record(world, header->generation, record.number,
                           records.kept);
        const enum ledger_verdict verdict =
            ledger_record(sink->ledger, &record);
        struct record made = record_of_wire(&record, header->generation);
        ledger_fill_final(sink->ledger, &made);
        world_note(world, ledger_verdict_name(verdict), record.kind,
                   (int64_t)record.task, (int64_t)record.number);
        if (ledger_stores(verdict))
            sink_store(world, &made);
    }
    watch_position(world, records.position);
}

static void answer(struct world *world, const struct id128 *to,
                   uint64_t position, bool delta, uint64_t bytes_lost)
{
    struct sink *sink = world->sink;
    struct ledger_cursor cursor = {.part_max = world->plan->part_max};
    const struct wire_header header = sink_header(world);
    while (!cursor.done) {
        struct wire_synced synced = {.ventilator = *to,
                                     .generation =
                                         ledger_generation(sink->ledger),
                                     .position = position,
                                     .bytes_lost = bytes_lost};
        struct wire_synced_out lists;
        if (ledger_part(sink->ledger, delta, &cursor, &synced, &lists) < 0)
            abort();
        const struct ledger_news news = {.lists = {.finals = lists.finals}};
        truth_told(world, position, &news);
        wire_put_synced(&sink->life.out, &header, &synced, &lists);
        sink_send(world);
    }
    ledger_cursor_free(&cursor);
}

static void on_sync(struct world *world, const struct wire_header *header,
                    struct span body)
{
    struct sink *sink = world->sink;
    struct wire_sync sync;
    if (!wire_get_sync(body, &sync))
        return;
    const struct ledger_answer granted = ledger_sync(
        sink->ledger, &header->sender, header->generation, &sync.resume);
    if (granted.fenced)
        return;
    if (sync.position > sink->cached && !MUTANT(SHORT_LOG)) {
        if (!world->script)
            world_broke(world, "I3", "the log is shorter than what was told");
        answer(world, &header->sender, sink->cached, true,
               sync.position - sink->cached);
        return;
    }
    if (!granted.known)
        sink_store(world, &(struct record){.event = EVENT_GENERATION,
                                           .generation = granted.generation,
                                           .attempt = 1,
                                           .worker = header->sender});
    if (granted.resumes)
        sink_store(world, &(struct record){.event = EVENT_RESUMED,
                                           .generation = granted.generation,
                                           .attempt = 1,
                                           .worker = sync.resume});
    if (!sink_commit(world)) {
        sink->life.welcomed = false;
        return;
    }
    const bool delta = granted.known && sync.position > 0;
    sink->life.told = sink->cached;
    sink->life.behind = 0;
    answer(world, &header->sender, delta ? sync.position : sink->life.told,
           delta, 0);
    sink->life.ventilator = header->sender;
    sink->life.synced = true;
    if (delta)
        tell_again(world, sync.position);
}

static void on_end(struct world *world, struct span body)
{
    struct wire_end end;
    if (!wire_get_end(body, &end) || !sink_commit(world))
        return;
    const struct wire_header header = sink_header(world);
    const struct wire_bye bye = {.reason = end.reason};
    wire_put_bye(&world->sink->life.out, &header, &bye);
    sink_send(world);
}

static void on_refused(struct world *world, struct span body)
{
    struct wire_refused refused;
    if (!wire_get_refused(body, &refused) ||
        refused.code != REFUSED_HELLO_FIRST)
        return;
    world->sink->life.welcomed = false;
    sink_hello(world);
}

static void hear_control(struct world *world, struct span frame)
{
    struct sink *sink = world->sink;
    struct wire_header header;
    struct span body;
    if (wire_open(frame, FRAME_MAX, &sink->life.scratch, &header, &body) !=
        WIRE_FINE) {
        world_broke(world, "wire", "a message cannot be read");
        return;
    }
    if (header.type == WIRE_WELCOME)
        on_welcome(world, &header, body);
    else if (header.type == WIRE_REFUSED)
        on_refused(world, body);
    else if (!sink->life.welcomed)
        return;
    else if (header.type == WIRE_SYNC)
        on_sync(world, &header, body);
    else if (header.type == WIRE_RECORD)
        on_record(world, &header, body);
    else if (header.type == WIRE_END)
        on_end(world, body);
}

static void hear_results(struct world *world, struct span frame)
{
    struct sink *sink = world->sink;
    struct wire_header header;
    struct span body;
    struct wire_results results;
    if (wire_open(frame, FRAME_MAX, &sink->life.scratch, &header, &body) !=
            WIRE_FINE ||
        !wire_get_results(body, &results)) {
        world_broke(world, "wire", "RESULTS cannot be read");
        return;
    }
    const enum ledger_link link = ledger_results_link(
        sink->ledger, &header.sender, results.number, results.kept);
    world_note(world, "results", link, (int64_t)results.number,
               (int64_t)results.kept);
    if (link == LINK_TAKE)
        truth_takes_results(world, &header.sender, results.number,
                            results.kept);
    struct wire_result result;
    while (link == LINK_TAKE && wire_next_result(&results.results, &result)) {
        const enum ledger_verdict verdict =
            ledger_result(sink->ledger, &result);
        world_note(world, ledger_verdict_name(verdict), (int64_t)result.task,
                   result.generation, result.attempt);
        if (!ledger_stores(verdict))
            continue;
        const struct record record = record_of_result(
            &result, &header.sender, ledger_host(sink->ledger, &header.sender),
            (struct span){0});
        sink_store(world, &record);
    }
}

void sink_hear(struct world *world, enum socket socket)
{
    struct frame *frame;
    while (!world->broke && !world->process[SINK].dying &&
           (frame = net_take(world, SINK, socket))) {
        const struct span bytes = {frame->bytes, frame->size};
        if (socket == SOCKET_CONTROL)
            hear_control(world, bytes);
        else
            hear_results(world, bytes);
        free(frame);
    }
}
