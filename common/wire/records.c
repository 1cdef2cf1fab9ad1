#include "common/policy/policy.h"
#include "common/wire/codec.h"

void wire_put_records(struct buffer *out, const struct wire_header *header,
                      const struct wire_records *records,
                      const struct wire_record *at, size_t count)
{
    const size_t begun = codec_begin(out, header, WIRE_RECORD);
    put_u64(out, records->kept);
    put_u64(out, records->position);
    codec_put_count(out, count);
    for (size_t i = 0; i < count; i++) {
        put_u64(out, at[i].number);
        put_u8(out, at[i].kind);
        put_u8(out, at[i].status);
        put_u8(out, at[i].class);
        put_u8(out, at[i].flags);
        put_u32(out, at[i].round);
        put_u32(out, at[i].generation);
        put_u32(out, at[i].attempt);
        put_u32(out, at[i].pid);
        put_u64(out, at[i].task);
        put_u64(out, at[i].a);
        put_u64(out, at[i].b);
        put_u64(out, at[i].c);
        put_id(out, &at[i].subject);
        put_id(out, &at[i].extra);
        put_span16(out, at[i].text);
    }
    codec_end(out, begun);
}

static struct wire_record read_record(struct reader *reader)
{
    struct wire_record record;
    record.number = read_u64(reader);
    record.kind = read_u8(reader);
    record.status = read_u8(reader);
    record.class = read_u8(reader);
    record.flags = read_u8(reader);
    record.round = read_u32(reader);
    record.generation = read_u32(reader);
    record.attempt = read_u32(reader);
    record.pid = read_u32(reader);
    record.task = read_u64(reader);
    record.a = read_u64(reader);
    record.b = read_u64(reader);
    record.c = read_u64(reader);
    record.subject = read_id(reader);
    record.extra = read_id(reader);
    record.text = codec_read_text(reader);
    if (record.kind < RECORD_FINAL || record.kind >= RECORD_KINDS ||
        record.status >= STATUSES || record.class >= CLASSES)
        reader->failed = true;
    return record;
}

static void check_record(struct reader *reader)
{
    (void)read_record(reader);
}

static const struct codec_kind RECORDS = {check_record, 94, WIRE_RUNS_MAX};

// Numbers start at 1 or above and go up by one.
static bool numbers_follow(struct wire_list list)
{
    struct wire_record record;
    uint64_t before = 0;
    while (wire_next_record(&list, &record)) {
        if (record.number == 0 || (before != 0 && record.number != before + 1))
            return false;
        before = record.number;
    }
    return true;
}

bool wire_get_records(struct span body, struct wire_records *records)
{
    struct reader reader = reader_over(body);
    records->kept = read_u64(&reader);
    records->position = read_u64(&reader);
    records->records = codec_read_list(&reader, &RECORDS);
    return reader_done(&reader) && numbers_follow(records->records);
}

bool wire_next_record(struct wire_list *list, struct wire_record *record)
{
    if (!codec_next(list))
        return false;
    *record = read_record(&list->reader);
    return true;
}
