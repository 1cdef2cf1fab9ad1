#include "common/wire/codec.h"

static void check_key(struct reader *reader)
{
    (void)read_id(reader);
}

static void check_number(struct reader *reader)
{
    (void)read_u64(reader);
}

static const struct codec_kind KEYS = {check_key, 16, WIRE_RUNS_MAX};
static const struct codec_kind NUMBERS = {check_number, 8, WIRE_RUNS_MAX};

void wire_put_match(struct buffer *out, const struct wire_header *header,
                    const struct wire_match *match, const struct id128 *keys,
                    size_t count)
{
    const size_t begun = codec_begin(out, header, WIRE_MATCH);
    put_u64(out, match->question);
    put_u8(out, match->last);
    codec_put_count(out, count);
    for (size_t i = 0; i < count; i++)
        put_id(out, &keys[i]);
    codec_end(out, begun);
}

bool wire_get_match(struct span body, struct wire_match *match)
{
    struct reader reader = reader_over(body);
    match->question = read_u64(&reader);
    match->last = codec_read_flag(&reader);
    match->keys = codec_read_list(&reader, &KEYS);
    return reader_done(&reader);
}

bool wire_next_key(struct wire_list *list, struct id128 *key)
{
    if (!codec_next(list))
        return false;
    *key = read_id(&list->reader);
    return true;
}

void wire_put_matched(struct buffer *out, const struct wire_header *header,
                      const struct wire_matched *matched,
                      const uint64_t *numbers, size_t count)
{
    const size_t begun = codec_begin(out, header, WIRE_MATCHED);
    put_u64(out, matched->question);
    put_u64(out, matched->left);
    codec_put_count(out, count);
    for (size_t i = 0; i < count; i++)
        put_u64(out, numbers[i]);
    codec_end(out, begun);
}

bool wire_get_matched(struct span body, struct wire_matched *matched)
{
    struct reader reader = reader_over(body);
    matched->question = read_u64(&reader);
    matched->left = read_u64(&reader);
    matched->numbers = codec_read_list(&reader, &NUMBERS);
    return reader_done(&reader);
}

bool wire_next_number(struct wire_list *list, uint64_t *number)
{
    if (!codec_next(list))
        return false;
    *number = read_u64(&list->reader);
    return true;
}
