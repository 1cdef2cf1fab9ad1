#include "common/store/member.h"

#include <assert.h>
#include <errno.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stddef.h>
#include <string.h>
#include <xxhash.h>

enum {
    AT_SIZE = 16,
    AT_DURABLE = 24,
    AT_CHECK = 32,
    BLOCK_MAX = 65535, // bytes of one stored block
    LEVEL = 1,         // of ISA-L: two passes, codes made for each block
    // Up to here in one pass, with deflate's own codes: a record takes 0.5 us
    // and a fifth more bytes instead of 5 us, in which somebody waits for it.
    SMALL = 2 << 10,
    // A large text is worth looking at before it is deflated: records of small
    // tasks shrink to a twelfth, which costs no more than to store them; what
    // shrinks to less than a quarter is stored faster.
    SAMPLE = 32 << 10,
    WORTH = 4,
    INFLATE_MAX = 1032, // deflate gives at most this many bytes for one
};

static const uint8_t FIXED[AT_SIZE] = {0x1f, 0x8b, 8,  4, 0,   0,   0,  0,
                                       0,    0xff, 28, 0, 'F', 'A', 24, 0};
static_assert(MEMBER_HEADER_SIZE == AT_CHECK + 8, "the header's layout");

// More than the most that either way of packing can need.
#define SIZE_MAX_MEMBER ((uint64_t)MEMBER_TEXT_MAX + (MEMBER_TEXT_MAX >> 8))

static uint64_t load_word(const uint8_t *at)
{
    return load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

static uint64_t check_of(const uint8_t *member, size_t size)
{
    const uint64_t seed = XXH3_64bits(member + AT_SIZE, AT_CHECK - AT_SIZE);
    return XXH3_64bits_withSeed(member + MEMBER_HEADER_SIZE,
                                size - MEMBER_HEADER_SIZE, seed);
}

static int store_blocks(struct buffer *out, struct span text, bool last)
{
    size_t done = 0;
    do {
        const size_t left = text.size - done;
        const size_t size = left < BLOCK_MAX ? left : BLOCK_MAX;
        uint8_t *at = buffer_extend(out, size + 5);
        if (!at)
            return -ENOMEM;
        at[0] = last && size == left; // the last block; type 00; padding
        store_u16(at + 1, (uint16_t)size);
        store_u16(at + 3, (uint16_t)~size);
        if (size > 0)
            memcpy(at + 5, text.at + done, size);
        done += size;
    } while (done < text.size);
    return 0;
}

// ISA-L does not say that it only reads its input.
static uint8_t *only_read(const uint8_t *at)
{
    uint8_t *same;
    memcpy(&same, &at, sizeof same);
    return same;
}

// Room that deflating may need for its output: at worst it stores, too.
static size_t deflate_bound(size_t size)
{
    return size + (size / BLOCK_MAX + 1) * 5 + 64;
}

// ISA-L clears what it needs of its history, which is most of the struct, and
// leaves other fields as they were, of which some keep it from matching.
static void begin_deflate(struct isal_zstream *stream, struct span text,
                          uint8_t *out, size_t room)
{
    memset(stream, 0, offsetof(struct isal_zstream, internal_state.buffer));
    isal_deflate_stateless_init(stream);
    stream->next_in = only_read(text.at);
    stream->avail_in = (uint32_t)text.size;
    stream->next_out = out;
    stream->avail_out = (uint32_t)room;
}

// What is not the last ends with a byte, so that more can stand behind it.
static int deflate_blocks(struct buffer *out, struct span text, bool last)
{
    enum { ALIGNED = 16 };
    const bool small = text.size <= SMALL;
    const size_t bound = deflate_bound(text.size), start = out->size;
    uint8_t *const at = buffer_extend(
        out, bound + (small ? 0 : ALIGNED + ISAL_DEF_LVL1_DEFAULT));
    if (!at)
        return -ENOMEM;
    struct isal_zstream stream;
    begin_deflate(&stream, text, at, bound);
    stream.end_of_stream = last;
    stream.flush = last ? NO_FLUSH : FULL_FLUSH;
    if (small) {
        isal_deflate_set_hufftables(&stream, NULL, IGZIP_HUFFTABLE_STATIC);
    } else {
        uint8_t *const behind = at + bound;
        stream.level = LEVEL;
        stream.level_buf = behind + (ALIGNED - (uintptr_t)behind % ALIGNED);
        stream.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
    }
    const int result = isal_deflate_stateless(&stream);
    out->size = start + stream.total_out;
    return result == COMP_OK && stream.avail_in == 0 ? 0 : -ENOMEM;
}

enum member_form member_form(struct span text)
{
    if (text.size <= MEMBER_PART)
        return MEMBER_DEFLATED;
    struct buffer small = {0};
    const struct span sample = {text.at + text.size / 2, SAMPLE};
    const bool worth = deflate_blocks(&small, sample, true) == 0 &&
                       small.size <= SAMPLE / WORTH;
    buffer_free(&small);
    return worth ? MEMBER_DEFLATED : MEMBER_STORED;
}

static int add_part(struct buffer *out, struct member_draft *draft,
                    struct span part, enum member_form form, bool last)
{
    if (part.size > MEMBER_TEXT_MAX - draft->text_size)
        return -EFBIG;
    const size_t size = out->size;
    const bool begins = !draft->begun;
    int result =
        begins && !buffer_extend(out, MEMBER_HEADER_SIZE) ? -ENOMEM : 0;
    if (result == 0)
        result = form == MEMBER_STORED || part.size == 0
                     ? store_blocks(out, part, last)
                     : deflate_blocks(out, part, last);
    if (result != 0) {
        out->size = size;
        return result;
    }
    if (begins)
        *draft = (struct member_draft){.begun = true, .start = size};
    draft->text_size += part.size;
    draft->crc = crc32_gzip_refl(draft->crc, part.at, part.size);
    return 0;
}

int member_add(struct buffer *out, struct member_draft *draft, struct span part,
               enum member_form form)
{
    return add_part(out, draft, part, form, false);
}

int member_end(struct buffer *out, struct member_draft *draft, struct span part,
               enum member_form form, uint64_t durable)
{
    const struct member_draft before = *draft;
    const size_t size_before = out->size;
    const int result = add_part(out, draft, part, form, true);
    uint8_t *tail = result == 0 ? buffer_extend(out, MEMBER_TAIL_SIZE) : NULL;
    if (!tail) {
        *draft = before;
        out->size = size_before;
        return result != 0 ? result : -ENOMEM;
    }
    store_u32(tail, draft->crc);
    store_u32(tail + 4, (uint32_t)draft->text_size);
    uint8_t *const header = out->at + draft->start;
    const size_t size = out->size - draft->start;
    memcpy(header, FIXED, sizeof FIXED);
    store_u64(header + AT_SIZE, size);
    store_u64(header + AT_DURABLE, durable);
    store_u64(header + AT_CHECK, check_of(header, size));
    return 0;
}

int member_write(struct buffer *out, struct span text, enum member_form form,
                 uint64_t durable)
{
    struct member_draft draft = {0};
    return member_end(out, &draft, text, form, durable);
}

enum member_fault member_peek(struct span bytes, struct member *member)
{
    *member = (struct member){0};
    const size_t seen = bytes.size < sizeof FIXED ? bytes.size : sizeof FIXED;
    if (seen > 0 && memcmp(bytes.at, FIXED, seen) != 0)
        return MEMBER_DAMAGED;
    if (bytes.size < MEMBER_HEADER_SIZE)
        return MEMBER_INCOMPLETE;
    const uint64_t size = load_word(bytes.at + AT_SIZE);
    if (size <= MEMBER_HEADER_SIZE + MEMBER_TAIL_SIZE || size > SIZE_MAX_MEMBER)
        return MEMBER_DAMAGED;
    member->size = size;
    member->durable = load_word(bytes.at + AT_DURABLE);
    return MEMBER_WHOLE;
}

static bool inflates(struct span data, struct span text, uint8_t *room)
{
    struct inflate_state state;
    isal_inflate_init(&state);
    state.next_in = only_read(data.at);
    state.avail_in = (uint32_t)data.size;
    state.next_out = room;
    state.avail_out = (uint32_t)text.size + 1;
    return isal_inflate_stateless(&state) == ISAL_DECOMP_OK &&
           state.avail_in == 0 && state.avail_out == 1;
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
    if (check_of(bytes.at, size) != load_word(bytes.at + AT_CHECK))
        return MEMBER_DAMAGED;
    const uint8_t *tail = bytes.at + size - MEMBER_TAIL_SIZE;
    const size_t length = (size_t)load_u32(tail + 4);
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
        crc32_gzip_refl(0, room, length) != load_u32(tail)) {
        buffer_clear(text);
        return MEMBER_DAMAGED;
    }
    return MEMBER_WHOLE;
}
