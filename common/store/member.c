#include "common/store/member.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <xxhash.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
    AT_SIZE = 16,
    AT_DURABLE = 24,
    AT_CHECK = 32,
    BLOCK_MAX = 65535,  // bytes of one stored block
    INFLATE_MAX = 1032, // deflate gives at most this many bytes for one
};

static const uint8_t FIXED[AT_SIZE] = {0x1f, 0x8b, 8,  4, 0,   0,   0,  0,
                                       0,    0xff, 28, 0, 'F', 'A', 24, 0};
static_assert(MEMBER_HEADER_SIZE == AT_CHECK + 8, "the header's layout");

// More than the most that either way of packing can need.
#define SIZE_MAX_MEMBER ((uint64_t)MEMBER_TEXT_MAX + (MEMBER_TEXT_MAX >> 8))

static void store_le(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t load_le(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static uint64_t check_of(const uint8_t *member, size_t size)
{
    const uint64_t seed = XXH3_64bits(member + AT_SIZE, AT_CHECK - AT_SIZE);
    return XXH3_64bits_withSeed(member + MEMBER_HEADER_SIZE,
                                size - MEMBER_HEADER_SIZE, seed);
}

static int store_blocks(struct buffer *out, struct span text)
{
    size_t done = 0;
    do {
        const size_t left = text.size - done;
        const size_t size = left < BLOCK_MAX ? left : BLOCK_MAX;
        uint8_t *at = buffer_extend(out, size + 5);
        if (!at)
            return -ENOMEM;
        at[0] = size == left; // the last block; type 00; padding
        store_le(at + 1, size, 2);
        store_le(at + 3, ~size, 2);
        if (size > 0)
            memcpy(at + 5, text.at + done, size);
        done += size;
    } while (done < text.size);
    return 0;
}

static int deflate_blocks(struct buffer *out, struct span text, int level)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    const size_t bound = deflateBound(&stream, text.size);
    uint8_t *at = buffer_extend(out, bound);
    int result = -ENOMEM;
    if (at) {
        stream.next_in = text.at;
        stream.avail_in = (uInt)text.size;
        stream.next_out = at;
        stream.avail_out = (uInt)bound;
        if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
            result = 0;
        out->size -= stream.avail_out;
    }
    deflateEnd(&stream);
    return result;
}

int member_write(struct buffer *out, struct span text, int level,
                 uint64_t durable)
{
    if (text.size > MEMBER_TEXT_MAX)
        return -EFBIG;
    const size_t start = out->size;
    uint8_t *header = buffer_extend(out, MEMBER_HEADER_SIZE);
    if (!header)
        return -ENOMEM;
    const int packed =
        level == 0 ? store_blocks(out, text) : deflate_blocks(out, text, level);
    uint8_t *tail = packed == 0 ? buffer_extend(out, MEMBER_TAIL_SIZE) : NULL;
    if (!tail) {
        out->size = start;
        return -ENOMEM;
    }
    store_le(tail, crc32_z(0, text.at, text.size), 4);
    store_le(tail + 4, text.size, 4);
    header = out->at + start;
    const size_t size = out->size - start;
    memcpy(header, FIXED, sizeof FIXED);
    store_le(header + AT_SIZE, size, 8);
    store_le(header + AT_DURABLE, durable, 8);
    store_le(header + AT_CHECK, check_of(header, size), 8);
    return 0;
}

enum member_fault member_peek(struct span bytes, struct member *member)
{
    *member = (struct member){0};
    const size_t seen = bytes.size < sizeof FIXED ? bytes.size : sizeof FIXED;
    if (seen > 0 && memcmp(bytes.at, FIXED, seen) != 0)
        return MEMBER_DAMAGED;
    if (bytes.size < MEMBER_HEADER_SIZE)
        return MEMBER_INCOMPLETE;
    const uint64_t size = load_le(bytes.at + AT_SIZE, 8);
    if (size <= MEMBER_HEADER_SIZE + MEMBER_TAIL_SIZE || size > SIZE_MAX_MEMBER)
        return MEMBER_DAMAGED;
    member->size = size;
    member->durable = load_le(bytes.at + AT_DURABLE, 8);
    return MEMBER_WHOLE;
}

static bool inflates(struct span data, struct span text, uint8_t *room)
{
    z_stream stream = {0};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return false;
    stream.next_in = data.at;
    stream.avail_in = (uInt)data.size;
    stream.next_out = room;
    stream.avail_out = (uInt)text.size + 1;
    const bool ended = inflate(&stream, Z_FINISH) == Z_STREAM_END;
    const bool exact = stream.avail_in == 0 && stream.avail_out == 1;
    inflateEnd(&stream);
    return ended && exact;
}

enum member_fault member_read(struct span bytes, struct member *member,
                              struct buffer *text)
{
    buffer_clear(text);
    const enum member_fault fault = member_peek(bytes, member);
    if (fault != MEMBER_WHOLE)
        return fault;
    if (bytes.size < member->size)
        return MEMBER_INCOMPLETE;
    const size_t size = (size_t)member->size;
    if (check_of(bytes.at, size) != load_le(bytes.at + AT_CHECK, 8))
        return MEMBER_DAMAGED;
    const uint8_t *tail = bytes.at + size - MEMBER_TAIL_SIZE;
    const size_t length = (size_t)load_le(tail + 4, 4);
    const struct span data = {bytes.at + MEMBER_HEADER_SIZE,
                              size - MEMBER_HEADER_SIZE - MEMBER_TAIL_SIZE};
    if (length > MEMBER_TEXT_MAX || length / INFLATE_MAX > data.size)
        return MEMBER_DAMAGED;
    uint8_t *room = buffer_extend(text, length + 1);
    if (!room)
        return MEMBER_DAMAGED;
    text->size--;
    const struct span inflated = {room, length};
    if (!inflates(data, inflated, room) ||
        crc32_z(0, room, length) != load_le(tail, 4)) {
        buffer_clear(text);
        return MEMBER_DAMAGED;
    }
    return MEMBER_WHOLE;
}
