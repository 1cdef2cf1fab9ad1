/* talk_json - just enough of JSON (RFC 8259) for what a coprocess answers
 *
 * Checks a text and finds its members; makes no tree and takes no memory. A
 * number keeps its digits, since nobody reads it here.
 */
#ifndef WORKER_TALK_JSON_H
#define WORKER_TALK_JSON_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* Arrays and objects within each other; deeper is no JSON for us. */
enum { TALK_JSON_DEPTH_MAX = 512 };

/* What is left of a text. */
struct talk_json {
    const uint8_t *at, *end;
};

/* Reads over white space and one value, and gives the value's bytes. False:
 * there is none, or it is malformed. UTF-8 is not looked at. */
bool talk_json_value(struct talk_json *json, struct span *value);

/* The members of an object that talk_json_value gave. `inside` begins as the
 * object; false when there is no other member. `key` is between its quotes,
 * with its escapes. */
bool talk_json_member(struct span *inside, struct span *key,
                      struct span *value);

/* Is only white space left? */
bool talk_json_ended(const struct talk_json *json);

/* The digits of a whole number without a sign, below 2^64. */
bool talk_json_whole(struct span value, uint64_t *number);

/* Appends the text of a string value, without its quotes and escapes. Half a
 * surrogate pair becomes U+FFFD. */
void talk_json_text(struct buffer *out, struct span value);

/* Appends a text as a string. A byte that is not of UTF-8 becomes the half of a
 * surrogate pair (\udc80 to \udcff), as Python's surrogateescape has it. */
void talk_json_put(struct buffer *out, struct span text);

#endif
