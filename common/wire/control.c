#include "common/wire/codec.h"

void wire_put_hello(struct buffer *out, const struct wire_header *header,
                    const struct wire_hello *hello, struct wire_refs_out queued,
                    struct wire_refs_out running, struct wire_pairs_out has)
{
    const size_t begun = codec_begin(out, header, WIRE_HELLO);
    put_u8(out, hello->version_min);
    put_u8(out, hello->version_max);
    put_u8(out, hello->role);
    put_u8(out, hello->flags);
    put_u32(out, hello->lane);
    put_u32(out, hello->slots);
    put_u32(out, hello->pid);
    put_u64(out, hello->pid_start);
    put_id(out, &hello->boot);
    put_u64(out, hello->kept);
    put_u64(out, hello->made);
    put_span16(out, hello->host);
    put_span16(out, hello->endpoint);
    codec_put_refs(out, queued);
    codec_put_refs(out, running);
    codec_put_count(out, has.count);
    codec_put_pairs(out, has);
    codec_end(out, begun);
}

bool wire_get_hello(struct span body, struct wire_hello *hello)
{
    struct reader reader = reader_over(body);
    hello->version_min = read_u8(&reader);
    hello->version_max = read_u8(&reader);
    hello->role = read_u8(&reader);
    hello->flags = read_u8(&reader);
    hello->lane = read_u32(&reader);
    hello->slots = read_u32(&reader);
    hello->pid = read_u32(&reader);
    hello->pid_start = read_u64(&reader);
    hello->boot = read_id(&reader);
    hello->kept = read_u64(&reader);
    hello->made = read_u64(&reader);
    hello->host = codec_read_text(&reader);
    hello->endpoint = codec_read_text(&reader);
    hello->queued = codec_read_refs(&reader);
    hello->running = codec_read_refs(&reader);
    hello->has = codec_read_pairs(&reader);
    return reader_done(&reader) && hello->role != ROLE_NONE &&
           hello->role <= ROLE_OPERATOR &&
           hello->version_min <= hello->version_max;
}

void wire_put_welcome(struct buffer *out, const struct wire_header *header,
                      const struct wire_welcome *welcome,
                      struct wire_pairs_out definition)
{
    const size_t begun = codec_begin(out, header, WIRE_WELCOME);
    put_u8(out, welcome->version);
    put_u32(out, welcome->lane);
    put_u32(out, welcome->heartbeat_ms);
    put_u32(out, welcome->liveness_ms);
    put_u64(out, welcome->message_max);
    put_u32(out, welcome->slots);
    put_span16(out, welcome->unfit);
    put_id(out, &welcome->sink);
    put_span16(out, welcome->lane_endpoint);
    put_span16(out, welcome->results_endpoint);
    codec_put_count(out, definition.count);
    codec_put_pairs(out, definition);
    codec_end(out, begun);
}

bool wire_get_welcome(struct span body, struct wire_welcome *welcome)
{
    struct reader reader = reader_over(body);
    welcome->version = read_u8(&reader);
    welcome->lane = read_u32(&reader);
    welcome->heartbeat_ms = read_u32(&reader);
    welcome->liveness_ms = read_u32(&reader);
    welcome->message_max = read_u64(&reader);
    welcome->slots = read_u32(&reader);
    welcome->unfit = codec_read_text(&reader);
    welcome->sink = read_id(&reader);
    welcome->lane_endpoint = codec_read_text(&reader);
    welcome->results_endpoint = codec_read_text(&reader);
    welcome->definition = codec_read_pairs(&reader);
    return reader_done(&reader);
}

void wire_put_refused(struct buffer *out, const struct wire_header *header,
                      const struct wire_refused *refused)
{
    const size_t begun = codec_begin(out, header, WIRE_REFUSED);
    put_u16(out, refused->code);
    put_span16(out, refused->text);
    codec_end(out, begun);
}

bool wire_get_refused(struct span body, struct wire_refused *refused)
{
    struct reader reader = reader_over(body);
    refused->code = read_u16(&reader);
    refused->text = codec_read_text(&reader);
    return reader_done(&reader);
}

void wire_put_end(struct buffer *out, const struct wire_header *header,
                  const struct wire_end *end)
{
    const size_t begun = codec_begin(out, header, WIRE_END);
    put_u8(out, end->exit);
    put_u8(out, end->reason);
    for (size_t i = 0; i < sizeof end->by_status / sizeof *end->by_status; i++)
        put_u64(out, end->by_status[i]);
    codec_end(out, begun);
}

bool wire_get_end(struct span body, struct wire_end *end)
{
    struct reader reader = reader_over(body);
    end->exit = read_u8(&reader);
    end->reason = read_u8(&reader);
    for (size_t i = 0; i < sizeof end->by_status / sizeof *end->by_status; i++)
        end->by_status[i] = read_u64(&reader);
    return reader_done(&reader) && end->reason >= END_COMPLETE &&
           end->reason <= END_ABORTED;
}

void wire_put_bye(struct buffer *out, const struct wire_header *header,
                  const struct wire_bye *bye)
{
    const size_t begun = codec_begin(out, header, WIRE_BYE);
    put_u8(out, bye->reason);
    put_u64(out, bye->finished);
    put_u64(out, bye->refused);
    put_u64(out, bye->duplicates);
    codec_end(out, begun);
}

bool wire_get_bye(struct span body, struct wire_bye *bye)
{
    struct reader reader = reader_over(body);
    bye->reason = read_u8(&reader);
    bye->finished = read_u64(&reader);
    bye->refused = read_u64(&reader);
    bye->duplicates = read_u64(&reader);
    return reader_done(&reader) && bye->reason <= END_ABORTED;
}

static void put_json(struct buffer *out, const struct wire_header *header,
                     enum wire_type type, const struct wire_ask *ask)
{
    const size_t begun = codec_begin(out, header, type);
    put_u32(out, ask->id);
    put_span32(out, ask->json);
    codec_end(out, begun);
}

static bool get_json(struct span body, struct wire_ask *ask)
{
    struct reader reader = reader_over(body);
    ask->id = read_u32(&reader);
    ask->json = read_span32(&reader);
    return reader_done(&reader);
}

void wire_put_ask(struct buffer *out, const struct wire_header *header,
                  const struct wire_ask *ask)
{
    put_json(out, header, WIRE_ASK, ask);
}

bool wire_get_ask(struct span body, struct wire_ask *ask)
{
    return get_json(body, ask);
}

void wire_put_answer(struct buffer *out, const struct wire_header *header,
                     const struct wire_ask *answer)
{
    put_json(out, header, WIRE_ANSWER, answer);
}

bool wire_get_answer(struct span body, struct wire_ask *answer)
{
    return get_json(body, answer);
}
