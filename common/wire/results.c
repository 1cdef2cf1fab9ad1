#include "common/policy/policy.h"
#include "common/wire/codec.h"

#include <assert.h>
#include <string.h>

enum {
    RESULTS_KEPT_OFFSET = WIRE_HEADER_SIZE + 8,
    RESULTS_COUNT_OFFSET = WIRE_HEADER_SIZE + 16,
};
static_assert(RESULTS_COUNT_OFFSET + 4 == WIRE_RESULTS_HEAD,
              "the count ends what stands before the results");

size_t wire_begin_results(struct buffer *out, const struct wire_header *header,
                          const struct wire_results *results)
{
    const size_t begun = codec_begin(out, header, WIRE_RESULTS);
    put_u64(out, results->number);
    put_u64(out, results->kept);
    put_u32(out, 0);
    return begun;
}

// Where the fields of an entry stand; note, values and outputs follow.
enum {
    AT_ROUND = 8,
    AT_GENERATION = 12,
    AT_ATTEMPT = 16,
    AT_KEY = 20,
    AT_CLASS = 36,
    AT_FLAGS = 37,
    AT_SIGNAL = 38,
    AT_EXIT = 39,
    AT_SLOT = 40,
    AT_START = 44,
    AT_WALL = 52,
    AT_USER = 60,
    AT_SYS = 68,
    AT_MAXRSS = 76,
    AT_NOTE = 84,
};

static uint8_t *store_bytes(uint8_t *at, struct span bytes)
{
    if (bytes.size > 0)
        memcpy(at, bytes.at, bytes.size);
    return at + bytes.size;
}

// Room is asked for once, not field by field.
void wire_add_result(struct buffer *out, const struct wire_result *result,
                     struct span values)
{
    static const uint8_t NO_VALUES[2];
    enum { LENGTHS = 2 + 4 + 4 };
    if (values.size == 0)
        values = (struct span){NO_VALUES, sizeof NO_VALUES};
    if (result->note.size > UINT16_MAX || result->out.size > UINT32_MAX ||
        result->err.size > UINT32_MAX)
        out->failed = true;
    uint8_t *at =
        buffer_extend(out, AT_NOTE + LENGTHS + result->note.size + values.size +
                               result->out.size + result->err.size);
    if (!at)
        return;
    store_u64(at, result->task);
    store_u32(at + AT_ROUND, result->round);
    store_u32(at + AT_GENERATION, result->generation);
    store_u32(at + AT_ATTEMPT, result->attempt);
    memcpy(at + AT_KEY, result->key.byte, sizeof result->key.byte);
    at[AT_CLASS] = result->class;
    at[AT_FLAGS] = result->flags;
    at[AT_SIGNAL] = result->signal;
    at[AT_EXIT] = result->exit;
    store_u32(at + AT_SLOT, result->slot);
    store_u64(at + AT_START, (uint64_t)result->start_us);
    store_u64(at + AT_WALL, result->wall_us);
    store_u64(at + AT_USER, result->user_us);
    store_u64(at + AT_SYS, result->sys_us);
    store_u64(at + AT_MAXRSS, result->maxrss_bytes);
    at += AT_NOTE;
    store_u16(at, (uint16_t)result->note.size);
    at = store_bytes(at + 2, result->note);
    at = store_bytes(at, values);
    store_u32(at, (uint32_t)result->out.size);
    at = store_bytes(at + 4, result->out);
    store_u32(at, (uint32_t)result->err.size);
    (void)store_bytes(at + 4, result->err);
}

void wire_end_results(struct buffer *out, size_t begun, uint32_t count)
{
    set_u32(out, begun + RESULTS_COUNT_OFFSET, count);
    codec_end(out, begun);
}

void wire_set_results_head(struct buffer *frame,
                           const struct wire_header *header,
                           const struct wire_results *results, uint32_t count)
{
    uint8_t bytes[WIRE_RESULTS_HEAD];
    struct buffer head = {.at = bytes, .capacity = sizeof bytes};
    if (frame->failed || frame->size < sizeof bytes)
        return;
    (void)wire_begin_results(&head, header, results);
    memcpy(frame->at, bytes, sizeof bytes);
    wire_end_results(frame, 0, count);
}

static void check_result(struct reader *reader)
{
    const struct span fixed = read_bytes(reader, AT_NOTE);
    if (fixed.size == 0 || fixed.at[AT_CLASS] >= CLASSES) {
        reader->failed = true;
        return;
    }
    (void)codec_read_text(reader);
    (void)codec_read_pairs16(reader);
    (void)read_span32(reader);
    (void)read_span32(reader);
}

static const struct codec_kind RESULTS = {check_result, 96, WIRE_TASKS_MAX};

bool wire_get_results(struct span body, struct wire_results *results)
{
    struct reader reader = reader_over(body);
    results->number = read_u64(&reader);
    results->kept = read_u64(&reader);
    results->results = codec_read_list(&reader, &RESULTS);
    if (reader_done(&reader))
        return true;
    results->results.count = 0; // what is not checked is not read
    return false;
}

static uint64_t word_at(const uint8_t *at)
{
    return load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

// Steps over a text behind its length.
static struct span text_at(const uint8_t **at, size_t length_size)
{
    const uint8_t *const from = *at + length_size;
    const size_t size = length_size == 2 ? load_u16(*at) : load_u32(*at);
    *at = from + size;
    return (struct span){from, size};
}

static struct wire_list values_at(const uint8_t **at, const uint8_t *end)
{
    const uint32_t count = load_u16(*at);
    *at += 2;
    const struct wire_list values = {{.at = *at, .end = end}, count};
    for (uint32_t i = 0; i < count; i++) {
        (void)text_at(at, 2);
        (void)text_at(at, 4);
    }
    return values;
}

// The list was checked as a whole: bounds are not looked at again.
bool wire_next_result(struct wire_list *list, struct wire_result *result)
{
    if (!codec_next(list))
        return false;
    const uint8_t *at = list->reader.at;
    result->task = word_at(at);
    result->round = load_u32(at + AT_ROUND);
    result->generation = load_u32(at + AT_GENERATION);
    result->attempt = load_u32(at + AT_ATTEMPT);
    memcpy(result->key.byte, at + AT_KEY, sizeof result->key.byte);
    result->class = at[AT_CLASS];
    result->flags = at[AT_FLAGS];
    result->signal = at[AT_SIGNAL];
    result->exit = at[AT_EXIT];
    result->slot = load_u32(at + AT_SLOT);
    result->start_us = (int64_t)word_at(at + AT_START);
    result->wall_us = word_at(at + AT_WALL);
    result->user_us = word_at(at + AT_USER);
    result->sys_us = word_at(at + AT_SYS);
    result->maxrss_bytes = word_at(at + AT_MAXRSS);
    at += AT_NOTE;
    result->note = text_at(&at, 2);
    const uint8_t *const encoded = at;
    result->values = values_at(&at, list->reader.end);
    result->encoded = (struct span){encoded, (size_t)(at - encoded)};
    result->out = text_at(&at, 4);
    result->err = text_at(&at, 4);
    list->reader.at = at;
    return true;
}

// Puts the frame back as it was before wire_deflate.
static bool inflate_frame(struct buffer *frame)
{
    struct buffer scratch = {0};
    struct wire_header header;
    struct span body;
    const bool good = wire_open(buffer_span(frame), UINT32_MAX, &scratch,
                                &header, &body) == WIRE_FINE;
    if (good) {
        buffer_clear(frame);
        const size_t begun = codec_begin(frame, &header, WIRE_RESULTS);
        buffer_append(frame, body.at, body.size);
        codec_end(frame, begun);
    }
    buffer_free(&scratch);
    return good && !frame->failed;
}

void wire_set_results_kept(struct buffer *frame, uint64_t kept)
{
    if (frame->failed || frame->size < WIRE_HEADER_SIZE)
        return;
    const bool deflated = (frame->at[6] & WIRE_DEFLATED) != 0;
    if (deflated && !inflate_frame(frame))
        return;
    codec_set_u64(frame, RESULTS_KEPT_OFFSET, kept);
    if (deflated)
        wire_deflate(frame);
}

void wire_put_retire(struct buffer *out, const struct wire_header *header,
                     const struct wire_retire *retire)
{
    const size_t begun = codec_begin(out, header, WIRE_RETIRE);
    put_u64(out, retire->number);
    codec_end(out, begun);
}

bool wire_get_retire(struct span body, struct wire_retire *retire)
{
    struct reader reader = reader_over(body);
    retire->number = read_u64(&reader);
    return reader_done(&reader);
}

void wire_put_resend(struct buffer *out, const struct wire_header *header,
                     const struct wire_resend *resend)
{
    const size_t begun = codec_begin(out, header, WIRE_RESEND);
    put_u64(out, resend->number);
    put_id(out, &resend->sink);
    put_span16(out, resend->endpoint);
    codec_end(out, begun);
}

bool wire_get_resend(struct span body, struct wire_resend *resend)
{
    struct reader reader = reader_over(body);
    resend->number = read_u64(&reader);
    resend->sink = read_id(&reader);
    resend->endpoint = codec_read_text(&reader);
    return reader_done(&reader);
}
