#include "common/base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { CAPACITY_MIN = 64 };

struct span span_of_text(const char *text)
{
    return (struct span){(const uint8_t *)text, text ? strlen(text) : 0};
}

bool span_equal(struct span left, struct span right)
{
    return left.size == right.size &&
           (left.size == 0 || memcmp(left.at, right.at, left.size) == 0);
}

bool id128_equal(const struct id128 *left, const struct id128 *right)
{
    return memcmp(left->byte, right->byte, sizeof left->byte) == 0;
}

bool id128_is_zero(const struct id128 *id)
{
    return id128_equal(id, &(struct id128){{0}});
}

// Four bytes as eight digits: each half byte is spread to a byte of its own and
// told apart from the letters without branches.
static void put_hex(char *at, const uint8_t *byte)
{
    uint64_t x = load_u32(byte);
    x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
    x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x << 8 | x >> 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    const uint64_t letters = ((x + UINT64_C(0x0606060606060606)) >> 4) &
                             UINT64_C(0x0101010101010101);
    store_u64((uint8_t *)at,
              x + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10));
}

void id128_text(const struct id128 *id, char text[ID128_TEXT_SIZE])
{
    for (size_t i = 0; i < sizeof id->byte; i += 4)
        put_hex(text + 2 * i, id->byte + i);
    text[ID128_TEXT_SIZE - 1] = '\0';
}

// Eight digits as four bytes, the way back of put_hex: what does not give the
// same digits again was none.
static bool get_hex(const uint8_t *at, uint8_t *byte)
{
    uint64_t x = load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
    const uint64_t small = UINT64_C(0x2020202020202020);
    if (((x | x >> 1) & small) != small)
        return false;
    x |= small; // digits have it already
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t half = (x & ones * 0x0f) + (x >> 6 & ones) * 9;
    const uint64_t letters = (half + ones * 6) >> 4 & ones;
    if ((half & ones * 0xf0) != 0 ||
        half + ones * '0' + letters * ('a' - '0' - 10) != x)
        return false;
    half = (half << 4 | half >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    half = (half | half >> 8) & UINT64_C(0x0000ffff0000ffff);
    store_u32(byte, (uint32_t)(half | half >> 16));
    return true;
}

bool id128_from_digits(const uint8_t *digits, struct id128 *id)
{
    struct id128 parsed;
    for (size_t i = 0; i < sizeof parsed.byte; i += 4)
        if (!get_hex(digits + 2 * i, parsed.byte + i))
            return false;
    *id = parsed;
    return true;
}

int id128_parse(const char *text, struct id128 *id)
{
    if (!text || strlen(text) != ID128_TEXT_SIZE - 1)
        return -EINVAL;
    return id128_from_digits((const uint8_t *)text, id) ? 0 : -EINVAL;
}

int id128_random(struct id128 *id)
{
    // Up to 256 bytes come whole, once the kernel's pool is ready.
    ssize_t got;
    do
        got = getrandom(id->byte, sizeof id->byte, 0);
    while (got < 0 && errno == EINTR);
    if (got == (ssize_t)sizeof id->byte)
        return 0;
    return got < 0 ? -errno : -EIO;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->at);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
}

bool buffer_reserve(struct buffer *buffer, size_t size)
{
    if (buffer->failed)
        return false;
    if (buffer->at && size <= buffer->capacity - buffer->size)
        return true;
    if (size > SIZE_MAX / 2 - buffer->size) {
        buffer->failed = true;
        return false;
    }
    const size_t needed = buffer->size + size;
    size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_MIN;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *at = realloc(buffer->at, capacity);
    if (!at) {
        buffer->failed = true;
        return false;
    }
    buffer->at = at;
    buffer->capacity = capacity;
    return true;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        buffer->failed = true;
    else if (buffer_reserve(buffer, (size_t)length + 1)) {
        vsnprintf((char *)buffer->at + buffer->size, (size_t)length + 1, format,
                  again);
        buffer->size += (size_t)length;
    }
    va_end(again);
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    if (size >= buffer->size) {
        buffer->size = 0;
        return;
    }
    memmove(buffer->at, buffer->at + size, buffer->size - size);
    buffer->size -= size;
}

struct span buffer_span(const struct buffer *buffer)
{
    return (struct span){buffer->at, buffer->size};
}

static void put_span(struct buffer *buffer, struct span span, size_t length)
{
    if (span.size > (length == 2 ? UINT16_MAX : UINT32_MAX)) {
        buffer->failed = true;
        return;
    }
    if (length == 2)
        put_u16(buffer, (uint16_t)span.size);
    else
        put_u32(buffer, (uint32_t)span.size);
    buffer_append(buffer, span.at, span.size);
}

void put_span16(struct buffer *buffer, struct span span)
{
    put_span(buffer, span, 2);
}

void put_span32(struct buffer *buffer, struct span span)
{
    put_span(buffer, span, 4);
}

void set_u32(struct buffer *buffer, size_t offset, uint32_t value)
{
    if (buffer->size >= 4 && offset <= buffer->size - 4)
        store_u32(buffer->at + offset, value);
}

struct reader reader_over(struct span span)
{
    return (struct reader){
        .at = span.at,
        .end = span.at ? span.at + span.size : NULL,
    };
}

bool reader_done(const struct reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}
