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

#include <stdint.h>

enum {
    MEMBER_HEADER_SIZE = 40,
    MEMBER_TAIL_SIZE = 8,
    MEMBER_TEXT_MAX = 1 << 30, /* bytes of records in one member */
};

enum member_form {
    MEMBER_STORED,   // as it is, in blocks
    MEMBER_DEFLATED, // as fast as can be
};
/* The form that costs least: deflated, but for a large text of which a piece
 * hardly shrinks. */
enum member_form member_form(struct span text);
/* Appends one member holding `text`; the room behind it in `out` serves as
 * memory for deflating. Returns 0, -ENOMEM, -EFBIG when text is over
 * MEMBER_TEXT_MAX; `out` is then as it was. */
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
