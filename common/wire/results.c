#include "common/policy/policy.h"
#include "common/wire/codec.h"

enum {
    RESULTS_KEPT_OFFSET = WIRE_HEADER_SIZE + 8,
    RESULTS_COUNT_OFFSET = WIRE_HEADER_SIZE + 16,
};

size_t wire_begin_results(struct buffer *out, const struct wire_header *header,
                          const struct wire_results *results)
{
    const size_t begun = codec_begin(out, header, WIRE_RESULTS);
    put_u64(out, results->number);
    put_u64(out, results->kept);
    put_u32(out, 0);
    return begun;
}

void wire_add_result(struct buffer *out, const struct wire_result *result,
                     struct span values)
{
    put_u64(out, result->task);
    put_u32(out, result->round);
    put_u32(out, result->generation);
    put_u32(out, result->attempt);
    put_id(out, &result->key);
    put_u8(out, result->class);
    put_u8(out, result->flags);
    put_u8(out, result->signal);
    put_u8(out, result->exit);
    put_u32(out, result->slot);
    put_u64(out, (uint64_t)result->start_us);
    put_u64(out, result->wall_us);
    put_u64(out, result->user_us);
    put_u64(out, result->sys_us);
    put_u64(out, result->maxrss_bytes);
    put_span16(out, result->note);
    if (values.size == 0)
        put_u16(out, 0);
    else
        buffer_append(out, values.at, values.size);
    put_span32(out, result->out);
    put_span32(out, result->err);
}

void wire_end_results(struct buffer *out, size_t begun, uint32_t count)
{
    set_u32(out, begun + RESULTS_COUNT_OFFSET, count);
    codec_end(out, begun);
}

static struct wire_result read_result(struct reader *reader)
{
    struct wire_result result;
    result.task = read_u64(reader);
    result.round = read_u32(reader);
    result.generation = read_u32(reader);
    result.attempt = read_u32(reader);
    result.key = read_id(reader);
    result.class = read_u8(reader);
    result.flags = read_u8(reader);
    result.signal = read_u8(reader);
    result.exit = read_u8(reader);
    result.slot = read_u32(reader);
    result.start_us = (int64_t)read_u64(reader);
    result.wall_us = read_u64(reader);
    result.user_us = read_u64(reader);
    result.sys_us = read_u64(reader);
    result.maxrss_bytes = read_u64(reader);
    result.note = codec_read_text(reader);
    result.values = codec_read_pairs16(reader);
    result.out = read_span32(reader);
    result.err = read_span32(reader);
    if (result.class >= CLASSES)
        reader->failed = true;
    return result;
}

static void check_result(struct reader *reader)
{
    (void)read_result(reader);
}

static const struct codec_kind RESULTS = {check_result, 96, WIRE_TASKS_MAX};

bool wire_get_results(struct span body, struct wire_results *results)
{
    struct reader reader = reader_over(body);
    results->number = read_u64(&reader);
    results->kept = read_u64(&reader);
    results->results = codec_read_list(&reader, &RESULTS);
    return reader_done(&reader);
}

bool wire_next_result(struct wire_list *list, struct wire_result *result)
{
    if (!codec_next(list))
        return false;
    *result = read_result(&list->reader);
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
