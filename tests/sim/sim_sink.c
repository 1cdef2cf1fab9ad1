/* sim_sink - the sink's loop around its ledger, and a disk
 *
 * As sink.c, sink_control.c, sink_results.c and sync.c have it. Decisions that
 * sit in those edges and are repeated here: when a group is committed and
 * told; that a RECORD of another generation is refused; when STORED is said
 * again.
 */
#include "tests/sim/sim_sink.h"

#include "common/base/mutant.h"
#include "tests/sim/script.h"
#include "tests/sim/truth.h"

#include <stdlib.h>
#include <string.h>

static struct sink *sink_of(struct world *world)
{
    if (!world->sink) {
        world->sink = calloc(1, sizeof *world->sink);
        if (!world->sink)
            abort();
    }
    return world->sink;
}

static struct group *group_add(struct sink *sink)
{
    if (sink->group_count == sink->group_capacity) {
        sink->group_capacity = 2 * sink->group_capacity + 16;
        sink->groups = reallocarray(sink->groups, sink->group_capacity,
                                    sizeof *sink->groups);
        if (!sink->groups)
            abort();
    }
    struct group *group = &sink->groups[sink->group_count++];
    *group = (struct group){.from = sink->cached};
    return group;
}

static void group_free(struct group *group)
{
    buffer_free(&group->text);
    free(group->records);
}

// What is durable stays so: truth learns it once.
static void make_durable(struct world *world)
{
    struct sink *sink = world->sink;
    for (; sink->durable_groups < sink->group_count; sink->durable_groups++) {
        const struct group *group = &sink->groups[sink->durable_groups];
        world->truth->durable = group->from + group->text.size;
        for (size_t i = 0; i < group->count; i++)
            truth_durable(world, &group->records[i]);
    }
}

static void recover(struct world *world)
{
    struct sink *sink = world->sink;
    struct buffer scratch = {0};
    for (size_t i = 0; i < sink->group_count; i++) {
        struct span text = buffer_span(&sink->groups[i].text), line;
        while (text.size > 0) {
            const uint8_t *end = memchr(text.at, '\n', text.size);
            line = (struct span){text.at, (size_t)(end - text.at)};
            text = (struct span){end + 1, text.size - line.size - 1};
            struct record record;
            if (record_read(line, &scratch, &record) != 0 ||
                ledger_apply(sink->ledger, &record) != 0)
                world_broke(world, "log", "the log contradicts itself");
        }
    }
    buffer_free(&scratch);
    // What was read may be in the cache only: written again, and synced.
    if (!MUTANT(RECOVER_UNSYNCED))
        make_durable(world);
}

void sink_start(struct world *world)
{
    struct sink *sink = sink_of(world);
    sink->life = (struct sink_life){0};
    sink->ledger = ledger_create();
    if (!sink->ledger)
        abort();
    recover(world);
    truth_sink_starts(world);
    for (unsigned i = 1; i <= world->plan->tasks; i++)
        truth_recovered(world, i, ledger_round(sink->ledger, i),
                        ledger_is_final(sink->ledger, i),
                        ledger_is_held(sink->ledger, i));
    ledger_start(sink->ledger);
    sink->life.told = sink->cached;
    sink->life.tick_ms = world->now_ms;
    const bool moves = world->script ? world->plan->schedule->moves
                                     : world_chance(world, 3000);
    if (sink->port == 0 || moves)
        sink->port = 1 + world_draw(world, world->plan->ports);
}

void sink_stop(struct world *world)
{
    struct sink *sink = world->sink;
    ledger_destroy(&sink->ledger);
    buffer_free(&sink->life.out);
    buffer_free(&sink->life.scratch);
    if (sink->open)
        group_free(&sink->group);
    sink->open = false;
    // A killed process leaves what it wrote in the cache; a host does not.
    while (world->process[SINK].power &&
           sink->group_count > sink->durable_groups &&
           (world->script || world_chance(world, 5000))) {
        struct group *torn = &sink->groups[--sink->group_count];
        sink->cached = torn->from;
        group_free(torn);
    }
}

void sink_empty(struct world *world)
{
    struct sink *sink = world->sink;
    while (sink->group_count > 0)
        group_free(&sink->groups[--sink->group_count]);
    sink->durable_groups = 0;
    sink->cached = 0;
}

void sink_free(struct world *world)
{
    struct sink *sink = world->sink;
    if (!sink)
        return;
    sink_empty(world);
    free(sink->groups);
    free(sink);
    world->sink = NULL;
}

bool sink_listens(const struct world *world, unsigned port)
{
    return world->sink && world->sink->port == port;
}

bool sink_store(struct world *world, const struct record *record)
{
    struct sink *sink = world->sink;
    if (!sink->open)
        sink->group = (struct group){0};
    sink->open = true;
    struct group *group = &sink->group;
    record_write(&group->text, record);
    if (group->count == group->capacity) {
        group->capacity = 2 * group->capacity + 8;
        group->records = reallocarray(group->records, group->capacity,
                                      sizeof *group->records);
        if (!group->records)
            abort();
    }
    struct record *kept = &group->records[group->count++];
    *kept = *record;
    kept->host = kept->values = kept->out = kept->err = kept->user =
        kept->note = (struct span){0};
    kept->pid = record->user.size > 0; // what truth needs to know of it
    if (ledger_apply(sink->ledger, record) != 0)
        world_broke(world, "log", "a record cannot be applied");
    return true;
}

/* False: the disk is full, or the sink dies here. */
static bool write_group(struct world *world)
{
    struct sink *sink = world->sink;
    if (world->now_ms < world->disk_full_ms) {
        sink->life.full = true;
        sink->life.retry_ms = world->now_ms + 500;
        return false;
    }
    sink->life.full = false;
    if (world_dies(world, SINK))
        return false;
    struct group *group = group_add(sink);
    const uint64_t from = group->from;
    *group = sink->group;
    group->from = from;
    sink->cached = from + group->text.size;
    sink->open = false;
    world_note(world, "written", (int64_t)sink->cached, 0, 0);
    if (world->fsync_fails) { // it must not be acknowledged, nor gone on
        world->fsync_fails = false;
        if (MUTANT(FSYNC_AGAIN)) // its pages are clean: it seems to succeed
            return true;
        world->process[SINK].dying = true;
    }
    if (world_dies(world, SINK))
        return false;
    if (!MUTANT(ACK_BEFORE_SYNC) || world_chance(world, 5000))
        make_durable(world);
    return !world_dies(world, SINK);
}

void sink_send(struct world *world)
{
    struct sink *sink = world->sink;
    net_up(world, WAY_CONTROL, SINK, buffer_span(&sink->life.out));
    buffer_clear(&sink->life.out);
}

struct wire_header sink_header(const struct world *world)
{
    return (struct wire_header){.version = WIRE_VERSION,
                                .generation =
                                    ledger_generation(world->sink->ledger),
                                .run = *ledger_run(world->sink->ledger),
                                .sender = world->process[SINK].id};
}

void sink_send_news(struct world *world, uint64_t from, uint64_t to,
                    const struct ledger_news *news)
{
    const struct wire_header header = sink_header(world);
    const struct wire_stored stored = {
        .from = from, .to = to, .record = news->record};
    truth_told(world, to, news);
    wire_put_stored(&world->sink->life.out, &header, &stored, &news->lists);
    sink_send(world);
}

bool sink_commit(struct world *world)
{
    struct sink *sink = world->sink;
    if (world->process[SINK].dying)
        return false;
    if (sink->open && !write_group(world))
        return false;
    if (!ledger_has_news(sink->ledger) && sink->cached == sink->life.told)
        return true;
    struct ledger_news news;
    if (ledger_synced(sink->ledger, &news) < 0)
        abort();
    const uint64_t from = sink->life.told;
    sink->life.told = sink->cached;
    if (sink->life.synced)
        sink_send_news(world, from, sink->life.told, &news);
    return true;
}

void sink_hello(struct world *world)
{
    const struct wire_header header = sink_header(world);
    const struct wire_hello hello = {
        .version_min = WIRE_VERSION,
        .version_max = WIRE_VERSION,
        .role = ROLE_SINK,
        .endpoint = {(const uint8_t *)&world->sink->port,
                     sizeof world->sink->port}};
    wire_put_hello(&world->sink->life.out, &header, &hello,
                   (struct wire_refs_out){0}, (struct wire_refs_out){0},
                   (struct wire_pairs_out){0});
    sink_send(world);
}

static void tick(struct world *world)
{
    struct sink *sink = world->sink;
    if (world->now_ms < sink->life.tick_ms)
        return;
    sink->life.tick_ms = world->now_ms + SINK_TICK_MS;
    struct ledger_news news;
    if (!sink->life.welcomed || !sink->life.synced)
        sink_hello(world);
    else if (ledger_heartbeat(sink->ledger, &news) == 0)
        sink_send_news(world, sink->life.told, sink->life.told, &news);
}

void sink_turn(struct world *world)
{
    struct sink *sink = world->sink;
    struct process *it = &world->process[SINK];
    if (sink->life.full && world->now_ms >= sink->life.retry_ms)
        sink_commit(world);
    if (!sink->life.full) {
        if (it->reconnected)
            sink_hello(world);
        it->reconnected = false;
        sink_hear(world, SOCKET_CONTROL);
    }
    tick(world);
    if (sink->life.welcomed && !sink->life.full && !it->dying)
        sink_hear(world, SOCKET_OTHER);
    if (!sink->life.full)
        sink_commit(world);
    int64_t next_ms = sink->life.tick_ms;
    if (sink->life.full && sink->life.retry_ms < next_ms)
        next_ms = sink->life.retry_ms;
    world_turn(world, SINK, next_ms);
}
