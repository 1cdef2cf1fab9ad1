#include "command/notify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

struct object {
    uint8_t *at;
    size_t size;
};

// The queue is a ring of `rate` places, and so are the times of the last
// `rate` calls: the oldest stands where the next one goes.
struct notify {
    uint64_t rate;
    size_t bytes_max, bytes;
    struct object *objects;
    size_t first, waiting;
    int64_t *begun_ms;
    uint64_t told_left_out; // when the last call began
    bool busy;
    struct notify_counts counts;
};

struct notify *notify_create(uint64_t rate, size_t bytes_max)
{
    struct notify *notify = calloc(1, sizeof *notify);
    if (!notify)
        return NULL;
    notify->rate = rate;
    notify->bytes_max = bytes_max;
    notify->objects = calloc(rate, sizeof *notify->objects);
    notify->begun_ms = calloc(rate, sizeof *notify->begun_ms);
    if (!notify->objects || !notify->begun_ms)
        notify_destroy(&notify);
    return notify;
}

static struct object take_first(struct notify *notify)
{
    const struct object object = notify->objects[notify->first];
    notify->first = (notify->first + 1) % notify->rate;
    notify->waiting--;
    notify->bytes -= object.size;
    return object;
}

void notify_destroy(struct notify **notify)
{
    struct notify *const gone = *notify;
    if (!gone)
        return;
    while (gone->waiting > 0)
        free(take_first(gone).at);
    free(gone->objects);
    free(gone->begun_ms);
    free(gone);
    *notify = NULL;
}

bool notify_has_room(const struct notify *notify, int64_t now_ms)
{
    // That call, and all before it, are of more than a minute ago when as many
    // as wait now, and this one, could begin now.
    const uint64_t rate = notify->rate, calls = notify->counts.calls;
    const uint64_t ahead = calls + notify->waiting;
    if (notify->waiting >= rate)
        return false;
    return ahead < rate || now_ms - notify->begun_ms[ahead % rate] >= MINUTE_MS;
}

void notify_leave_out(struct notify *notify)
{
    notify->counts.left_out++;
}

void notify_put(struct notify *notify, struct span object)
{
    const bool fits = notify->waiting == 0 ||
                      notify->bytes + object.size <= notify->bytes_max;
    uint8_t *const copy =
        fits && notify->waiting < notify->rate ? malloc(object.size) : NULL;
    if (!copy) {
        notify_leave_out(notify);
        return;
    }
    memcpy(copy, object.at, object.size);
    const size_t place = (notify->first + notify->waiting) % notify->rate;
    notify->objects[place] = (struct object){copy, object.size};
    notify->waiting++;
    notify->bytes += object.size;
}

bool notify_begin(struct notify *notify, int64_t now_ms, struct buffer *text)
{
    struct notify_counts *const counts = &notify->counts;
    if (notify->busy || notify->waiting == 0)
        return false;
    const struct object object = take_first(notify);
    buffer_clear(text);
    buffer_append(text, object.at, object.size - 1); // without its brace
    buffer_printf(text, ",\"suppressed\":%" PRIu64 "}\n",
                  counts->left_out - notify->told_left_out);
    free(object.at);
    notify->told_left_out = counts->left_out;
    notify->begun_ms[counts->calls % notify->rate] = now_ms;
    counts->calls++;
    notify->busy = true;
    return true;
}

void notify_end(struct notify *notify, bool succeeded)
{
    notify->busy = false;
    notify->counts.failed += !succeeded;
}

void notify_drop(struct notify *notify)
{
    while (notify->waiting > 0) {
        free(take_first(notify).at);
        notify_leave_out(notify);
    }
}

void notify_counts(const struct notify *notify, struct notify_counts *counts)
{
    *counts = notify->counts;
    counts->waiting = notify->waiting;
}
