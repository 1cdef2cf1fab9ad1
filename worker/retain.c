#include "worker/retain.h"

#include <errno.h>
#include <stdlib.h>

struct retain {
    uint64_t kept; // number of the first frame
    uint64_t bytes, bytes_max;
    struct share **ring; // `capacity` is a power of two
    size_t capacity, count;
};

struct retain *retain_create(uint64_t bytes_max)
{
    struct retain *retain = calloc(1, sizeof *retain);
    if (!retain)
        return NULL;
    retain->kept = 1;
    retain->bytes_max = bytes_max;
    return retain;
}

static struct share **at(const struct retain *retain, uint64_t number)
{
    return &retain->ring[number & (retain->capacity - 1)];
}

static void forget_first(struct retain *retain)
{
    struct share *frame = *at(retain, retain->kept);
    retain->bytes -= share_span(frame).size;
    share_drop(frame);
    retain->kept++;
    retain->count--;
}

void retain_destroy(struct retain **retain)
{
    if (!*retain)
        return;
    while ((*retain)->count > 0)
        forget_first(*retain);
    free((void *)(*retain)->ring);
    free(*retain);
    *retain = NULL;
}

void retain_set_max(struct retain *retain, uint64_t bytes_max)
{
    retain->bytes_max = bytes_max;
}

uint64_t retain_kept(const struct retain *retain)
{
    return retain->kept;
}

uint64_t retain_made(const struct retain *retain)
{
    return retain->kept + retain->count - 1;
}

bool retain_full(const struct retain *retain)
{
    return retain->bytes >= retain->bytes_max;
}

static int grow(struct retain *retain)
{
    const size_t capacity = retain->capacity ? retain->capacity * 2 : 16;
    struct share **ring = calloc(capacity, sizeof(struct share *));
    if (!ring)
        return -ENOMEM;
    for (size_t i = 0; i < retain->count; i++) {
        const uint64_t number = retain->kept + i;
        ring[number & (capacity - 1)] = *at(retain, number);
    }
    free((void *)retain->ring);
    retain->ring = ring;
    retain->capacity = capacity;
    return 0;
}

// So that the budget tells the truth: a buffer grows by doubling.
static void give_back_spare(struct buffer *frame)
{
    if (frame->size == 0 || frame->capacity - frame->size < frame->size / 8)
        return;
    uint8_t *less = realloc(frame->at, frame->size);
    if (!less)
        return;
    frame->at = less;
    frame->capacity = frame->size;
}

int retain_add(struct retain *retain, struct buffer *frame)
{
    if (retain->count == retain->capacity && grow(retain) < 0)
        return -ENOMEM;
    give_back_spare(frame);
    const size_t size = frame->size;
    struct share *share = share_make(frame);
    if (!share)
        return -ENOMEM;
    *at(retain, retain->kept + retain->count) = share;
    retain->bytes += size;
    retain->count++;
    return 0;
}

int retain_retire(struct retain *retain, uint64_t number)
{
    if (number > retain_made(retain))
        return -EINVAL;
    while (retain->count > 0 && retain->kept <= number)
        forget_first(retain);
    return 0;
}

struct share *retain_frame(const struct retain *retain, uint64_t number)
{
    if (number < retain->kept || number > retain_made(retain))
        return NULL;
    return *at(retain, number);
}

struct buffer *retain_change(struct retain *retain, uint64_t number)
{
    struct share *frame = retain_frame(retain, number);
    struct buffer *own = frame ? share_own(frame) : NULL;
    if (own || !frame)
        return own;
    const struct span bytes = share_span(frame);
    struct buffer copy = {0};
    if (buffer_reserve(&copy, bytes.size))
        buffer_append(&copy, bytes.at, bytes.size);
    struct share *fresh = copy.failed ? NULL : share_make(&copy);
    if (!fresh) {
        buffer_free(&copy);
        return NULL;
    }
    share_drop(frame);
    *at(retain, number) = fresh;
    return share_own(fresh);
}
