#include "common/base/share.h"

#include <stdatomic.h>
#include <stdlib.h>

struct share {
    atomic_uint holders;
    struct buffer bytes;
};

struct share *share_make(struct buffer *bytes)
{
    struct share *share = malloc(sizeof *share);
    if (!share)
        return NULL;
    atomic_init(&share->holders, 1);
    share->bytes = *bytes;
    *bytes = (struct buffer){0};
    return share;
}

struct share *share_hold(struct share *share)
{
    atomic_fetch_add_explicit(&share->holders, 1, memory_order_relaxed);
    return share;
}

// What each did with it comes before the last one's free.
void share_drop(struct share *share)
{
    if (!share ||
        atomic_fetch_sub_explicit(&share->holders, 1, memory_order_acq_rel) > 1)
        return;
    buffer_free(&share->bytes);
    free(share);
}

struct span share_span(const struct share *share)
{
    return buffer_span(&share->bytes);
}

struct buffer *share_own(struct share *share)
{
    const bool alone =
        atomic_load_explicit(&share->holders, memory_order_acquire) == 1;
    return alone ? &share->bytes : NULL;
}
