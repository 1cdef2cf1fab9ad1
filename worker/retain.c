#include "worker/retain.h"

#include <errno.h>
#include <stdlib.h>

struct retain {
    uint64_t kept; // number of the first frame
    uint64_t bytes, bytes_max;
    struct buffer *ring; // `capacity` is a power of two
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

static struct buffer *at(struct retain *retain, uint64_t number)
{
    return &retain->ring[number & (retain->capacity - 1)];
}

static void forget_first(struct retain *retain)
{
    struct buffer *frame = at(retain, retain->kept);
    retain->bytes -= frame->size;
    buffer_free(frame);
    retain->kept++;
    retain->count--;
}

void retain_destroy(struct retain **retain)
{
    if (!*retain)
        return;
    while ((*retain)->count > 0)
        forget_first(*retain);
    free((*retain)->ring);
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
    struct buffer *ring = calloc(capacity, sizeof *ring);
    if (!ring)
        return -ENOMEM;
    for (size_t i = 0; i < retain->count; i++) {
        const uint64_t number = retain->kept + i;
        ring[number & (capacity - 1)] = *at(retain, number);
    }
    free(retain->ring);
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
    *at(retain, retain->kept + retain->count) = *frame;
    retain->bytes += frame->size;
    retain->count++;
    *frame = (struct buffer){0};
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

struct buffer *retain_frame(struct retain *retain, uint64_t number)
{
    if (number < retain->kept || number > retain_made(retain))
        return NULL;
    return at(retain, number);
}
