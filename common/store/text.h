/* text - bytes as JSON strings: UTF-8, escapes, base64 (RFC 8259, 3629, 4648)
 */
#ifndef COMMON_STORE_TEXT_H
#define COMMON_STORE_TEXT_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* Is it UTF-8? `extra` gets the bytes that escaping adds. About 16 bytes at a
 * time where it is plain ASCII. */
bool text_is_utf8(struct span text, size_t *extra);
/* Bytes at its start that are ASCII and stand for themselves in a string. */
size_t text_plain(struct span text);
/* Appends it between quotes; false, and nothing appended, when it is not
 * UTF-8. One pass where it is plain. */
bool text_put_quoted(struct buffer *out, struct span text);
void text_put_base64(struct buffer *out, struct span bytes); /* with quotes */

/* Appends the text of a JSON string's inside. Returns 0, -EBADMSG for an
 * escape that fan does not write (\u0000 to \u001f only), -ENOMEM. */
int text_unescape(struct buffer *out, struct span inside);
/* Appends the bytes. Returns 0, -EBADMSG, -ENOMEM. */
int text_get_base64(struct buffer *out, struct span text);

/* UTC microseconds as "2026-11-23T09:00:00.123456Z". Writing takes times
 * from 1970 to 9999 and needs TEXT_TIME_SIZE bytes. Reading takes up to nine
 * digits of a second or none; returns false for anything else. */
enum { TEXT_TIME_SIZE = 27 };
#define TEXT_TIME_MAX_US INT64_C(253402300799999999)
void text_put_time(char *at, int64_t utc_us);
bool text_get_time(struct span text, int64_t *utc_us);

/* Two digits of a number below 100, six of one below a million. */
extern const char TEXT_PAIRS[];
static inline void text_put_pair(char *at, unsigned value)
{
    at[0] = TEXT_PAIRS[2 * value];
    at[1] = TEXT_PAIRS[2 * value + 1];
}
static inline void text_put_micros(char *at, unsigned value)
{
    text_put_pair(at, value / 10000);
    text_put_pair(at + 2, value / 100 % 100);
    text_put_pair(at + 4, value % 100);
}

#endif
