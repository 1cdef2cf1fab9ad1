#include "ventilator/payloads.h"

#include "common/base/memory.h"

#include <stdlib.h>

struct payload_block {
    size_t live;       // payloads in it
    size_t used, room; // bytes
    _Alignas(struct payload) uint8_t bytes[];
};

static bool is_short(const struct payload *payload)
{
    return payload->at == (const uint8_t *)(payload + 1);
}

enum { KEEP_FROM = 1024 }; // bytes, from where blocks come and go fast

// Bytes in a row for a payload and what stands behind it.
static struct payload *place(struct payloads *payloads, size_t behind)
{
    const size_t unit = _Alignof(struct payload);
    const size_t size =
        (sizeof(struct payload) + behind + unit - 1) / unit * unit;
    const bool apart = payloads->apart || size > PAYLOAD_BLOCK / 2;
    struct payload_block *block = apart ? NULL : payloads->filling;
    if (!block || size > block->room - block->used) {
        const size_t room = apart ? size : PAYLOAD_BLOCK;
        block = malloc(sizeof *block + room);
        if (!block)
            return NULL;
        block->live = block->used = 0;
        block->room = room;
        if (!apart)
            payloads->filling = block; // the last goes with its payloads
    }
    struct payload *payload =
        (struct payload *)(void *)(block->bytes + block->used);
    payload->block = block;
    block->used += size;
    block->live++;
    return payload;
}

struct payload *payload_make(struct payloads *payloads, struct buffer *encoded)
{
    const bool is_long = encoded->size > PAYLOAD_SHORT_MAX;
    struct payload *payload = place(payloads, is_long ? 0 : encoded->size);
    if (!payload)
        return NULL;
    payload->size = encoded->size;
    if (encoded->size > KEEP_FROM)
        memory_keep(&payloads->keep);
    if (is_long) {
        // What is not used is given back; where that fails, it is kept.
        uint8_t *fitting = realloc(encoded->at, encoded->size);
        payload->at = fitting ? fitting : encoded->at;
        *encoded = (struct buffer){0};
        (void)buffer_reserve(encoded, payload->size);
        return payload;
    }
    if (encoded->size > 0)
        memcpy(payload + 1, encoded->at, encoded->size);
    payload->at = (uint8_t *)(payload + 1);
    buffer_clear(encoded);
    return payload;
}

void payload_free(struct payloads *payloads, struct payload *payload)
{
    struct payload_block *block = payload->block;
    if (!is_short(payload))
        free(payload->at);
    if (--block->live == 0) {
        block->used = 0;
        if (block != payloads->filling)
            free(block);
    }
}

void payloads_clear(struct payloads *payloads)
{
    free(payloads->filling);
    payloads->filling = NULL;
}
