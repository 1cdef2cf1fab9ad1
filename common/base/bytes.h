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
/* Returns room for `size` more bytes and counts them as used, or NULL. */
uint8_t *buffer_extend(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Drops the first `size` bytes. Cost: moves the rest. */
void buffer_consume(struct buffer *buffer, size_t size);
struct span buffer_span(const struct buffer *buffer);

void put_u8(struct buffer *buffer, uint8_t value);
void put_u16(struct buffer *buffer, uint16_t value);
void put_u32(struct buffer *buffer, uint32_t value);
void put_u64(struct buffer *buffer, uint64_t value);
void put_id(struct buffer *buffer, const struct id128 *id);
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
uint8_t read_u8(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
struct id128 read_id(struct reader *reader);
/* Borrow bytes from the message; an empty span when failed. */
struct span read_bytes(struct reader *reader, size_t size);
struct span read_span16(struct reader *reader);
struct span read_span32(struct reader *reader);
size_t reader_left(const struct reader *reader);
/* True when every field was there and nothing is left over. */
bool reader_done(const struct reader *reader);

#endif
