#include "common/policy/policy.h"
#include "common/wire/codec.h"

void wire_put_stored(struct buffer *out, const struct wire_header *header,
                     const struct wire_stored *stored,
                     const struct wire_stored_out *lists)
{
    const size_t begun = codec_begin(out, header, WIRE_STORED);
    put_u64(out, stored->from);
    put_u64(out, stored->to);
    put_u64(out, stored->record);
    put_u64(out, stored->syncs);
    put_u64(out, stored->sync_us);
    codec_put_count(out, lists->worker_count);
    for (size_t i = 0; i < lists->worker_count; i++) {
        put_id(out, &lists->workers[i].worker);
        put_u64(out, lists->workers[i].number);
    }
    codec_put_runs(out, lists->finals);
    codec_put_count(out, lists->entry_count);
    for (size_t i = 0; i < lists->entry_count; i++) {
        const struct wire_stored_entry *entry = &lists->entries[i];
        put_u64(out, entry->task);
        put_u32(out, entry->round);
        put_u32(out, entry->generation);
        put_u32(out, entry->attempt);
        put_u8(out, entry->kind);
        put_u8(out, entry->status);
        put_u8(out, entry->class);
        put_u8(out, entry->code);
    }
    codec_end(out, begun);
}

static struct wire_worker_mark read_worker_mark(struct reader *reader)
{
    struct wire_worker_mark mark;
    mark.worker = read_id(reader);
    mark.number = read_u64(reader);
    return mark;
}

static struct wire_stored_entry read_stored_entry(struct reader *reader)
{
    struct wire_stored_entry entry;
    entry.task = read_u64(reader);
    entry.round = read_u32(reader);
    entry.generation = read_u32(reader);
    entry.attempt = read_u32(reader);
    entry.kind = read_u8(reader);
    entry.status = read_u8(reader);
    entry.class = read_u8(reader);
    entry.code = read_u8(reader);
    if (entry.kind < STORED_FINAL || entry.kind > STORED_COPY ||
        entry.status >= STATUSES || entry.class >= CLASSES)
        reader->failed = true;
    return entry;
}

static void check_worker_mark(struct reader *reader)
{
    (void)read_worker_mark(reader);
}

static void check_stored_entry(struct reader *reader)
{
    (void)read_stored_entry(reader);
}

static const struct codec_kind MARKS = {check_worker_mark, 24, WIRE_RUNS_MAX};
static const struct codec_kind ENTRIES = {check_stored_entry, 24,
                                          WIRE_RUNS_MAX};

bool wire_get_stored(struct span body, struct wire_stored *stored)
{
    struct reader reader = reader_over(body);
    stored->from = read_u64(&reader);
    stored->to = read_u64(&reader);
    stored->record = read_u64(&reader);
    stored->syncs = read_u64(&reader);
    stored->sync_us = read_u64(&reader);
    stored->workers = codec_read_list(&reader, &MARKS);
    stored->finals = codec_read_runs(&reader);
    stored->entries = codec_read_list(&reader, &ENTRIES);
    return reader_done(&reader) && stored->from <= stored->to;
}

bool wire_next_worker_mark(struct wire_list *list,
                           struct wire_worker_mark *mark)
{
    if (!codec_next(list))
        return false;
    *mark = read_worker_mark(&list->reader);
    return true;
}

bool wire_next_stored_entry(struct wire_list *list,
                            struct wire_stored_entry *entry)
{
    if (!codec_next(list))
        return false;
    *entry = read_stored_entry(&list->reader);
    return true;
}
