/* member - one group commit of the log, as one gzip member
 *
 * The log is a chain of gzip members (RFC 1952), so zcat, jq and pandas read
 * it as it is. fan writes each member with one fixed form of header:
 *
 *   1f 8b 08 04 00000000 00 ff   magic, deflate, FEXTRA, no time, OS unknown
 *   xlen = 28: 'F' 'A' 24 0      one subfield of 24 bytes:
 *     u64 size                   bytes of this whole member
 *     u64 durable                log offset known durable when it was written
 *     u64 check                  XXH3-64 of all that follows the header, seeded
 *                                with XXH3-64 of the 16 bytes of the two above
 *   deflate data, CRC-32, ISIZE  as gzip has them
 *
 * Verifying compares the header byte for byte. The check is there since plain
 * gzip does not notice every flipped bit: header fields, padding, and deflate
 * codes that give the same text another way.
 */
#ifndef COMMON_STORE_MEMBER_H
#define COMMON_STORE_MEMBER_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEMBER_HEADER_SIZE = 40,
    MEMBER_TAIL_SIZE = 8,
    MEMBER_TEXT_MAX = 1 << 30, /* bytes of records in one member */
    MEMBER_PART = 256 << 10,   /* stays in a core's cache while it is packed */
};

enum member_form {
    MEMBER_STORED,   // as it is, in blocks
    MEMBER_DEFLATED, // as fast as can be
};
/* The form that costs least: deflated, but for a text of more than MEMBER_PART
 * bytes of which a piece hardly shrinks. */
enum member_form member_form(struct span text);

/* A member whose text comes in parts, each packed when it is there. A zeroed
 * one is not begun. */
struct member_draft {
    bool begun;
    size_t start; // where it stands in its buffer
    size_t text_size;
    uint32_t crc;
};
/* Appends a part; the room behind it in `out` serves as memory for deflating.
 * Returns 0, -ENOMEM, -EFBIG when the text is over MEMBER_TEXT_MAX in all;
 * `out` and `draft` are then as they were. */
int member_add(struct buffer *out, struct member_draft *draft, struct span part,
               enum member_form form);
/* The same with the last part, after which the member is whole. */
int member_end(struct buffer *out, struct member_draft *draft, struct span part,
               enum member_form form, uint64_t durable);
/* A member of one part. */
int member_write(struct buffer *out, struct span text, enum member_form form,
                 uint64_t durable);

enum member_fault {
    MEMBER_WHOLE,
    MEMBER_INCOMPLETE, // the bytes end before the member does
    MEMBER_DAMAGED,    // not a member, or its contents are not what was written
};
struct member {
    uint64_t size; // bytes of the whole member
    uint64_t durable;
};
/* Looks at the header only. */
enum member_fault member_peek(struct span bytes, struct member *member);
/* Reads the member at the start of `bytes` and replaces `text` by its records.
 * -ENOMEM shows as text->failed. Checks header, check, CRC and length. */
enum member_fault member_read(struct span bytes, struct member *member,
                              struct buffer *text);

#endif
