#include "common/policy/policy.h"
#include "common/wire/codec.h"

#include <assert.h>

enum { BY_STATUS = 11 };
static_assert((int)BY_STATUS == (int)STATUSES,
              "one count per status is on the wire");

void wire_put_sync(struct buffer *out, const struct wire_header *header,
                   const struct wire_sync *sync)
{
    const size_t begun = codec_begin(out, header, WIRE_SYNC);
    put_u64(out, sync->position);
    put_u32(out, sync->generation);
    put_id(out, &sync->resume);
    codec_end(out, begun);
}

bool wire_get_sync(struct span body, struct wire_sync *sync)
{
    struct reader reader = reader_over(body);
    sync->position = read_u64(&reader);
    sync->generation = read_u32(&reader);
    sync->resume = read_id(&reader);
    return reader_done(&reader);
}

static void put_open_tasks(struct buffer *out, const struct wire_open_task *at,
                           size_t count)
{
    codec_put_count(out, count);
    for (size_t i = 0; i < count; i++) {
        put_u64(out, at[i].task);
        put_u32(out, at[i].round);
        put_u32(out, at[i].failures);
        put_u32(out, at[i].losses);
        put_u32(out, at[i].lone_deaths);
        put_u8(out, at[i].last_class);
        put_u8(out, at[i].last_code);
        put_u8(out, at[i].held);
    }
}

static void put_causes(struct buffer *out, const struct wire_cause *at,
                       size_t count)
{
    codec_put_count(out, count);
    for (size_t i = 0; i < count; i++) {
        put_u64(out, at[i].task);
        put_u32(out, at[i].count);
        put_u8(out, at[i].class);
        put_u8(out, at[i].code);
    }
}

static void put_roster(struct buffer *out, const struct wire_roster_entry *at,
                       size_t count)
{
    codec_put_count(out, count);
    for (size_t i = 0; i < count; i++) {
        put_id(out, &at[i].worker);
        put_id(out, &at[i].boot);
        put_u64(out, at[i].pid_start);
        put_u32(out, at[i].pid);
        put_span16(out, at[i].host);
    }
}

static void put_edits(struct buffer *out, const struct wire_edit *at,
                      size_t count)
{
    codec_put_count(out, count);
    for (size_t i = 0; i < count; i++) {
        put_u64(out, at[i].task);
        put_u64(out, at[i].mem_max);
        put_span16(out, at[i].args);
    }
}

void wire_put_synced(struct buffer *out, const struct wire_header *header,
                     const struct wire_synced *synced,
                     const struct wire_synced_out *lists)
{
    const size_t begun = codec_begin(out, header, WIRE_SYNCED);
    put_id(out, &synced->ventilator);
    put_u32(out, synced->generation);
    put_u32(out, synced->flags);
    put_u32(out, synced->part);
    put_u64(out, synced->position);
    put_u64(out, synced->number_max);
    put_u64(out, synced->mark);
    put_u64(out, synced->mark_from);
    put_u64(out, synced->mark_offset);
    for (size_t i = 0; i < BY_STATUS; i++)
        put_u64(out, synced->by_status[i]);
    put_u64(out, synced->bytes_lost);
    put_id(out, &synced->resumed);
    codec_put_runs(out, lists->finals);
    put_open_tasks(out, lists->open, lists->open_count);
    put_causes(out, lists->causes, lists->cause_count);
    put_roster(out, lists->roster, lists->roster_count);
    put_edits(out, lists->edits, lists->edit_count);
    codec_end(out, begun);
}

static struct wire_open_task read_open_task(struct reader *reader)
{
    struct wire_open_task task;
    task.task = read_u64(reader);
    task.round = read_u32(reader);
    task.failures = read_u32(reader);
    task.losses = read_u32(reader);
    task.lone_deaths = read_u32(reader);
    task.last_class = read_u8(reader);
    task.last_code = read_u8(reader);
    task.held = codec_read_flag(reader);
    if (task.last_class >= CLASSES)
        reader->failed = true;
    return task;
}

static struct wire_cause read_cause(struct reader *reader)
{
    struct wire_cause cause;
    cause.task = read_u64(reader);
    cause.count = read_u32(reader);
    cause.class = read_u8(reader);
    cause.code = read_u8(reader);
    if (cause.class == CLASS_NONE || cause.class >= CLASSES)
        reader->failed = true;
    return cause;
}

static struct wire_roster_entry read_roster_entry(struct reader *reader)
{
    struct wire_roster_entry entry;
    entry.worker = read_id(reader);
    entry.boot = read_id(reader);
    entry.pid_start = read_u64(reader);
    entry.pid = read_u32(reader);
    entry.host = codec_read_text(reader);
    return entry;
}

static struct wire_edit read_edit(struct reader *reader)
{
    struct wire_edit edit;
    edit.task = read_u64(reader);
    edit.mem_max = read_u64(reader);
    edit.args = codec_read_text(reader);
    return edit;
}

static void check_edit(struct reader *reader)
{
    (void)read_edit(reader);
}

static void check_open_task(struct reader *reader)
{
    (void)read_open_task(reader);
}

static void check_cause(struct reader *reader)
{
    (void)read_cause(reader);
}

static void check_roster_entry(struct reader *reader)
{
    (void)read_roster_entry(reader);
}

static const struct codec_kind OPEN = {check_open_task, 27, WIRE_RUNS_MAX};
static const struct codec_kind CAUSES = {check_cause, 14, WIRE_RUNS_MAX};
static const struct codec_kind ROSTER = {check_roster_entry, 46, WIRE_RUNS_MAX};
static const struct codec_kind EDITS = {check_edit, 18, WIRE_RUNS_MAX};

bool wire_get_synced(struct span body, struct wire_synced *synced)
{
    struct reader reader = reader_over(body);
    synced->ventilator = read_id(&reader);
    synced->generation = read_u32(&reader);
    synced->flags = read_u32(&reader);
    synced->part = read_u32(&reader);
    synced->position = read_u64(&reader);
    synced->number_max = read_u64(&reader);
    synced->mark = read_u64(&reader);
    synced->mark_from = read_u64(&reader);
    synced->mark_offset = read_u64(&reader);
    for (size_t i = 0; i < BY_STATUS; i++)
        synced->by_status[i] = read_u64(&reader);
    synced->bytes_lost = read_u64(&reader);
    synced->resumed = read_id(&reader);
    synced->finals = codec_read_runs(&reader);
    synced->open = codec_read_list(&reader, &OPEN);
    synced->causes = codec_read_list(&reader, &CAUSES);
    synced->roster = codec_read_list(&reader, &ROSTER);
    synced->edits = codec_read_list(&reader, &EDITS);
    return reader_done(&reader);
}

bool wire_next_open_task(struct wire_list *list, struct wire_open_task *task)
{
    if (!codec_next(list))
        return false;
    *task = read_open_task(&list->reader);
    return true;
}

bool wire_next_cause(struct wire_list *list, struct wire_cause *cause)
{
    if (!codec_next(list))
        return false;
    *cause = read_cause(&list->reader);
    return true;
}

bool wire_next_edit(struct wire_list *list, struct wire_edit *edit)
{
    if (!codec_next(list))
        return false;
    *edit = read_edit(&list->reader);
    return true;
}

bool wire_next_roster_entry(struct wire_list *list,
                            struct wire_roster_entry *entry)
{
    if (!codec_next(list))
        return false;
    *entry = read_roster_entry(&list->reader);
    return true;
}
