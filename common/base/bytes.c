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

void id128_text(const struct id128 *id, char text[ID128_TEXT_SIZE])
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id->byte; i++) {
        text[2 * i] = DIGITS[id->byte[i] >> 4];
        text[2 * i + 1] = DIGITS[id->byte[i] & 15];
    }
    text[ID128_TEXT_SIZE - 1] = '\0';
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

int id128_parse(const char *text, struct id128 *id)
{
    if (!text || strlen(text) != ID128_TEXT_SIZE - 1)
        return -EINVAL;
    struct id128 parsed;
    for (size_t i = 0; i < sizeof parsed.byte; i++) {
        const int high = hex_digit(text[2 * i]);
        const int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        parsed.byte[i] = (uint8_t)(high << 4 | low);
    }
    *id = parsed;
    return 0;
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

// Makes room for `size` more bytes without using them.
static bool reserve(struct buffer *buffer, size_t size)
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

uint8_t *buffer_extend(struct buffer *buffer, size_t size)
{
    if (!reserve(buffer, size))
        return NULL;
    uint8_t *room = buffer->at + buffer->size;
    buffer->size += size;
    return room;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    uint8_t *room = buffer_extend(buffer, size);
    if (room && size > 0)
        memcpy(room, data, size);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        buffer->failed = true;
    else if (reserve(buffer, (size_t)length + 1)) {
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

static void store(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put(struct buffer *buffer, uint64_t value, size_t size)
{
    uint8_t *room = buffer_extend(buffer, size);
    if (room)
        store(room, value, size);
}

void put_u8(struct buffer *buffer, uint8_t value)
{
    put(buffer, value, 1);
}

void put_u16(struct buffer *buffer, uint16_t value)
{
    put(buffer, value, 2);
}

void put_u32(struct buffer *buffer, uint32_t value)
{
    put(buffer, value, 4);
}

void put_u64(struct buffer *buffer, uint64_t value)
{
    put(buffer, value, 8);
}

void put_id(struct buffer *buffer, const struct id128 *id)
{
    buffer_append(buffer, id->byte, sizeof id->byte);
}

static void put_span(struct buffer *buffer, struct span span, size_t length)
{
    if (span.size > (length == 2 ? UINT16_MAX : UINT32_MAX)) {
        buffer->failed = true;
        return;
    }
    put(buffer, span.size, length);
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
        store(buffer->at + offset, value, 4);
}

struct reader reader_over(struct span span)
{
    return (struct reader){
        .at = span.at,
        .end = span.at ? span.at + span.size : NULL,
    };
}

size_t reader_left(const struct reader *reader)
{
    return reader->failed || !reader->at ? 0
                                         : (size_t)(reader->end - reader->at);
}

struct span read_bytes(struct reader *reader, size_t size)
{
    if (reader->failed || size > reader_left(reader)) {
        reader->failed = true;
        return (struct span){0};
    }
    const struct span span = {reader->at, size};
    if (size > 0)
        reader->at += size;
    return span;
}

static uint64_t read_number(struct reader *reader, size_t size)
{
    const struct span span = read_bytes(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; i < span.size; i++)
        value |= (uint64_t)span.at[i] << (8 * i);
    return value;
}

uint8_t read_u8(struct reader *reader)
{
    return (uint8_t)read_number(reader, 1);
}

uint16_t read_u16(struct reader *reader)
{
    return (uint16_t)read_number(reader, 2);
}

uint32_t read_u32(struct reader *reader)
{
    return (uint32_t)read_number(reader, 4);
}

uint64_t read_u64(struct reader *reader)
{
    return read_number(reader, 8);
}

struct id128 read_id(struct reader *reader)
{
    struct id128 id = {{0}};
    const struct span span = read_bytes(reader, sizeof id.byte);
    if (span.size == sizeof id.byte)
        memcpy(id.byte, span.at, sizeof id.byte);
    return id;
}

struct span read_span16(struct reader *reader)
{
    return read_bytes(reader, read_u16(reader));
}

struct span read_span32(struct reader *reader)
{
    return read_bytes(reader, read_u32(reader));
}

bool reader_done(const struct reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}
