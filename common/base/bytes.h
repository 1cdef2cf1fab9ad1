/* bytes - spans, growing buffers, and safe reading of integers and byte runs
 *
 * A reader or buffer that has gone wrong stays wrong: later calls do nothing
 * and yield zero, so that a decoder reads field after field and asks once, at
 * the end. No call touches memory outside its bounds, whatever a peer sent.
 * All integers on the wire are little endian.
 */
#ifndef COMMON_BASE_BYTES_H
#define COMMON_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes: valid as long as what they point into. */
struct span {
    const uint8_t *at;
    size_t size;
};

#define SPAN_OF(literal) \
    ((struct span){(const uint8_t *)(literal), sizeof(literal) - 1})

struct span span_of_text(const char *text); /* NULL gives an empty span */
bool span_equal(struct span left, struct span right);

/* 128 random or hashed bits: a run id, an incarnation, a key. */
struct id128 {
    uint8_t byte[16];
};

enum { ID128_TEXT_SIZE = 33 }; /* 32 lower-case hex digits and a NUL */

bool id128_equal(const struct id128 *left, const struct id128 *right);
bool id128_is_zero(const struct id128 *id);
void id128_text(const struct id128 *id, char text[ID128_TEXT_SIZE]);
/* Returns 0, or -EINVAL unless `text` is exactly 32 hex digits. */
int id128_parse(const char *text, struct id128 *id);
/* The same of 32 bytes, whatever follows them. */
bool id128_from_digits(const uint8_t *digits, struct id128 *id);
/* From getrandom(2). Returns 0 or -errno. */
int id128_random(struct id128 *id);

/* A buffer owns its bytes. A zeroed one is empty and ready for use. After a
 * failed allocation `failed` is set, the contents stay as they were, and
 * appending does nothing until buffer_clear. */
struct buffer {
    uint8_t *at;
    size_t size;
    size_t capacity;
    bool failed;
};

void buffer_free(struct buffer *buffer);  /* empty and ready again */
void buffer_clear(struct buffer *buffer); /* keeps the memory */
/* Makes room for `size` more bytes without using them; false: it has failed. */
bool buffer_reserve(struct buffer *buffer, size_t size);
/* Returns room for `size` more bytes and counts them as used, or NULL. */
static inline uint8_t *buffer_extend(struct buffer *buffer, size_t size)
{
    if ((size > buffer->capacity - buffer->size || !buffer->at ||
         buffer->failed) &&
        !buffer_reserve(buffer, size))
        return NULL;
    uint8_t *room = buffer->at + buffer->size;
    buffer->size += size;
    return room;
}
static inline void buffer_append(struct buffer *buffer, const void *data,
                                 size_t size)
{
    uint8_t *room = buffer_extend(buffer, size);
    if (room && size > 0)
        memcpy(room, data, size);
}
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Drops the first `size` bytes. Cost: moves the rest. */
void buffer_consume(struct buffer *buffer, size_t size);
struct span buffer_span(const struct buffer *buffer);

// A compiler makes one store, or one load, of the bytes of a number.
static inline void store_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}
static inline void store_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
}
static inline void store_u64(uint8_t *at, uint64_t value)
{
    store_u32(at, (uint32_t)value);
    store_u32(at + 4, (uint32_t)(value >> 32));
}
static inline uint16_t load_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}
static inline uint32_t load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}
static inline uint64_t load_u64(const uint8_t *at)
{
    return load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

static inline void put_u8(struct buffer *buffer, uint8_t value)
{
    uint8_t *room = buffer_extend(buffer, 1);
    if (room)
        *room = value;
}
static inline void put_u16(struct buffer *buffer, uint16_t value)
{
    uint8_t *room = buffer_extend(buffer, 2);
    if (room)
        store_u16(room, value);
}
static inline void put_u32(struct buffer *buffer, uint32_t value)
{
    uint8_t *room = buffer_extend(buffer, 4);
    if (room)
        store_u32(room, value);
}
static inline void put_u64(struct buffer *buffer, uint64_t value)
{
    uint8_t *room = buffer_extend(buffer, 8);
    if (room)
        store_u64(room, value);
}
static inline void put_id(struct buffer *buffer, const struct id128 *id)
{
    buffer_append(buffer, id->byte, sizeof id->byte);
}
/* A length (u16 or u32) and the bytes. Too long for the length: fails. */
void put_span16(struct buffer *buffer, struct span span);
void put_span32(struct buffer *buffer, struct span span);
/* Writes over a u32 put earlier, at byte `offset` of the buffer. */
void set_u32(struct buffer *buffer, size_t offset, uint32_t value);

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct reader reader_over(struct span span);
static inline size_t reader_left(const struct reader *reader)
{
    return reader->failed || !reader->at ? 0
                                         : (size_t)(reader->end - reader->at);
}
/* Borrow bytes from the message; an empty span when failed. */
static inline struct span read_bytes(struct reader *reader, size_t size)
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
static inline uint8_t read_u8(struct reader *reader)
{
    const uint8_t *at = read_bytes(reader, 1).at;
    if (!at)
        return 0;
    return at[0];
}
static inline uint16_t read_u16(struct reader *reader)
{
    const uint8_t *at = read_bytes(reader, 2).at;
    if (!at)
        return 0;
    return load_u16(at);
}
static inline uint32_t read_u32(struct reader *reader)
{
    const uint8_t *at = read_bytes(reader, 4).at;
    return at ? load_u32(at) : 0;
}
static inline uint64_t read_u64(struct reader *reader)
{
    const uint8_t *at = read_bytes(reader, 8).at;
    return at ? load_u64(at) : 0;
}
static inline struct id128 read_id(struct reader *reader)
{
    struct id128 id = {{0}};
    const uint8_t *at = read_bytes(reader, sizeof id.byte).at;
    if (at)
        memcpy(id.byte, at, sizeof id.byte);
    return id;
}
static inline struct span read_span16(struct reader *reader)
{
    return read_bytes(reader, read_u16(reader));
}
static inline struct span read_span32(struct reader *reader)
{
    return read_bytes(reader, read_u32(reader));
}
/* True when every field was there and nothing is left over. */
bool reader_done(const struct reader *reader);

#endif
