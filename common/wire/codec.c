#include "common/wire/codec.h"

enum {
    BODY_SIZE_OFFSET = 12,
    PAIR_MIN = 6, // bytes of a pair without name and value
};

static uint8_t version_of(const struct wire_header *header, enum wire_type type)
{
    if (WIRE_TABLE[type].ageless)
        return WIRE_VERSION_FIRST;
    return header->version ? header->version : WIRE_VERSION;
}

size_t codec_begin(struct buffer *out, const struct wire_header *header,
                   enum wire_type type)
{
    const size_t begun = out->size;
    buffer_append(out, "FAN1", 4);
    put_u8(out, version_of(header, type));
    put_u8(out, (uint8_t)type);
    put_u16(out, 0);
    put_u32(out, header->generation);
    put_u32(out, 0);
    put_u32(out, 0);
    put_id(out, &header->run);
    put_id(out, &header->sender);
    return begun;
}

void codec_end(struct buffer *out, size_t begun)
{
    if (out->failed)
        return;
    const size_t size = out->size - begun - WIRE_HEADER_SIZE;
    if (size > UINT32_MAX)
        out->failed = true;
    else
        set_u32(out, begun + BODY_SIZE_OFFSET, (uint32_t)size);
}

void codec_set_u64(struct buffer *out, size_t offset, uint64_t value)
{
    if (out->size < 8 || offset > out->size - 8)
        return;
    set_u32(out, offset, (uint32_t)value);
    set_u32(out, offset + 4, (uint32_t)(value >> 32));
}

uint8_t codec_read_flag(struct reader *reader)
{
    const uint8_t flag = read_u8(reader);
    if (flag > 1)
        reader->failed = true;
    return flag;
}

struct span codec_read_text(struct reader *reader)
{
    const struct span text = read_span16(reader);
    if (text.size > WIRE_TEXT_MAX)
        reader->failed = true;
    return text;
}

static struct wire_list read_entries(struct reader *reader, uint32_t count,
                                     const struct codec_kind *kind)
{
    // The count is believed only as far as the bytes that are there reach.
    if (count > kind->count_max ||
        count > reader_left(reader) / kind->entry_min)
        reader->failed = true;
    const struct wire_list list = {*reader, count};
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        kind->check(reader);
    return list;
}

struct wire_list codec_read_list(struct reader *reader,
                                 const struct codec_kind *kind)
{
    return read_entries(reader, read_u32(reader), kind);
}

struct wire_list codec_read_list16(struct reader *reader,
                                   const struct codec_kind *kind)
{
    return read_entries(reader, read_u16(reader), kind);
}

bool codec_next(struct wire_list *list)
{
    if (list->count == 0)
        return false;
    list->count--;
    return true;
}

static struct wire_run read_run(struct reader *reader)
{
    struct wire_run run;
    run.first = read_u64(reader);
    run.count = read_u64(reader);
    if (run.count == 0 || run.first > UINT64_MAX - run.count)
        reader->failed = true;
    return run;
}

static struct wire_refs read_refs(struct reader *reader)
{
    struct wire_refs refs;
    refs.task = read_u64(reader);
    refs.count = read_u32(reader);
    refs.generation = read_u32(reader);
    refs.attempt = read_u32(reader);
    if (refs.count == 0 || refs.task > UINT64_MAX - refs.count)
        reader->failed = true;
    return refs;
}

static struct wire_pair read_pair(struct reader *reader)
{
    struct wire_pair pair = {{NULL, 0}, {NULL, 0}};
    const uint8_t *at = reader->at;
    const size_t left = reader_left(reader);
    const size_t name = left < PAIR_MIN ? 0 : load_u16(at);
    if (left < PAIR_MIN || name > WIRE_TEXT_MAX || name > left - PAIR_MIN ||
        load_u32(at + 2 + name) > left - PAIR_MIN - name) {
        reader->failed = true;
        return pair;
    }
    pair.name = (struct span){at + 2, name};
    pair.value = (struct span){at + PAIR_MIN + name, load_u32(at + 2 + name)};
    reader->at = pair.value.at + pair.value.size;
    return pair;
}

static void check_run(struct reader *reader)
{
    (void)read_run(reader);
}

static void check_refs(struct reader *reader)
{
    (void)read_refs(reader);
}

static void check_pair(struct reader *reader)
{
    (void)read_pair(reader);
}

static const struct codec_kind RUNS = {check_run, 16, WIRE_RUNS_MAX};
static const struct codec_kind REFS = {check_refs, 20, WIRE_RUNS_MAX};
static const struct codec_kind PAIRS = {check_pair, PAIR_MIN, WIRE_RUNS_MAX};

struct wire_list codec_read_runs(struct reader *reader)
{
    return codec_read_list(reader, &RUNS);
}

struct wire_list codec_read_refs(struct reader *reader)
{
    return codec_read_list(reader, &REFS);
}

struct wire_list codec_read_pairs(struct reader *reader)
{
    return codec_read_list(reader, &PAIRS);
}

// Each task and each result has one: so without a call for each pair. What is
// promised and not there fails at the first byte that is missing.
struct wire_list codec_read_pairs16(struct reader *reader)
{
    const uint32_t count = read_u16(reader);
    const struct wire_list list = {*reader, count};
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        (void)read_pair(reader);
    return list;
}

bool wire_next_run(struct wire_list *list, struct wire_run *run)
{
    if (!codec_next(list))
        return false;
    *run = read_run(&list->reader);
    return true;
}

bool wire_next_refs(struct wire_list *list, struct wire_refs *refs)
{
    if (!codec_next(list))
        return false;
    *refs = read_refs(&list->reader);
    return true;
}

bool wire_next_pair(struct wire_list *list, struct wire_pair *pair)
{
    if (!codec_next(list))
        return false;
    *pair = read_pair(&list->reader);
    return true;
}

void codec_put_count(struct buffer *out, size_t count)
{
    if (count > UINT32_MAX)
        out->failed = true;
    put_u32(out, (uint32_t)count);
}

void codec_put_count16(struct buffer *out, size_t count)
{
    if (count > UINT16_MAX)
        out->failed = true;
    put_u16(out, (uint16_t)count);
}

void codec_put_runs(struct buffer *out, struct wire_runs_out runs)
{
    codec_put_count(out, runs.count);
    for (size_t i = 0; i < runs.count; i++) {
        put_u64(out, runs.at[i].first);
        put_u64(out, runs.at[i].count);
    }
}

void codec_put_refs(struct buffer *out, struct wire_refs_out refs)
{
    codec_put_count(out, refs.count);
    for (size_t i = 0; i < refs.count; i++) {
        put_u64(out, refs.at[i].task);
        put_u32(out, refs.at[i].count);
        put_u32(out, refs.at[i].generation);
        put_u32(out, refs.at[i].attempt);
    }
}

static void put_pair(struct buffer *out, struct span name, struct span value)
{
    if (name.size > UINT16_MAX || value.size > UINT32_MAX) {
        out->failed = true;
        return;
    }
    uint8_t *room = buffer_extend(out, 6 + name.size + value.size);
    if (!room)
        return;
    store_u16(room, (uint16_t)name.size);
    store_u32(room + 2 + name.size, (uint32_t)value.size);
    if (name.size > 0)
        memcpy(room + 2, name.at, name.size);
    if (value.size > 0)
        memcpy(room + 6 + name.size, value.at, value.size);
}

void codec_put_pairs(struct buffer *out, struct wire_pairs_out pairs)
{
    for (size_t i = 0; i < pairs.count; i++)
        put_pair(out, pairs.at[i].name, pairs.at[i].value);
}
