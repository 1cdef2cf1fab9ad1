/* payloads - the encoded commands of the window, many in a block
 *
 * They are made and freed in nearly the same order, so a block of short ones is
 * allocated and freed as one. A block lives as long as any payload in it: at
 * most PAYLOAD_BLOCK bytes for each. What is longer than half of that, or where
 * they are freed in another order, has a block of its own; of what is longer
 * than PAYLOAD_SHORT_MAX the memory is taken over instead of copied.
 */
#ifndef VENTILATOR_PAYLOADS_H
#define VENTILATOR_PAYLOADS_H

#include "common/base/bytes.h"

enum { PAYLOAD_BLOCK = 4096, PAYLOAD_SHORT_MAX = 16384 };

struct payload_block;

struct payload {
    uint8_t *at;
    size_t size;
    struct payload_block *block;
};

/* A zeroed one is empty and ready. */
struct payloads {
    struct payload_block *filling;
    bool keep;  // freed memory, as some payloads are long
    bool apart; // a block for each: set by the caller, before the first
};

/* Makes one of what `encoded` holds, and clears that; the memory of a long one
 * is taken over. NULL when out of memory (then `encoded` is as it was). */
struct payload *payload_make(struct payloads *payloads, struct buffer *encoded);
void payload_free(struct payloads *payloads, struct payload *payload);
/* Frees the block that is being filled; what stands there is used no more. */
void payloads_clear(struct payloads *payloads);

#endif
