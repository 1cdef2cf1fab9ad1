#include "common/store/text.h"
#include "ventilator/role.h"

enum { HELD_BACK_MAX = 8 };

// Kept as it came: it is read when somebody asks.
void peer_progress(const struct role *role, struct peer *peer, struct span body)
{
    buffer_clear(&peer->progress);
    buffer_append(&peer->progress, body.at, body.size);
    peer->progress_ms = role->now_ms;
    if (peer->progress.failed)
        buffer_free(&peer->progress);
}

static void put_text(struct buffer *json, const char *name, struct span text)
{
    buffer_printf(json, "\"%s\":", name);
    if (!text_put_quoted(json, text))
        buffer_append_text(json, "\"\"");
}

static struct span host_of(const struct peer *peer)
{
    return span_of_text(peer->host ? peer->host : "");
}

static void put_long(struct buffer *json, const struct wire_long *task,
                     const struct peer *peer)
{
    buffer_printf(json, "{\"task\":%llu,", (unsigned long long)task->task);
    put_text(json, "host", host_of(peer));
    buffer_printf(json, ",\"slot\":%u,\"wall_s\":%llu.%03u", task->slot,
                  (unsigned long long)(task->wall_ms / 1000),
                  (unsigned)(task->wall_ms % 1000));
    if (task->done != PROGRESS_UNKNOWN)
        buffer_printf(json, ",\"done\":%.4f",
                      (double)task->done / PROGRESS_WHOLE);
    if (task->text.size > 0) {
        put_u8(json, ',');
        put_text(json, "text", task->text);
    }
    put_u8(json, '}');
}

static void add_peer(const struct role *role, unsigned handle,
                     struct wire_longest *longest)
{
    const struct peer *peer = &role->peers[handle];
    struct wire_progress progress;
    struct wire_long task;
    if (!peer->used || peer->progress.size == 0 ||
        !wire_get_progress(buffer_span(&peer->progress), &progress))
        return;
    while (wire_next_long(&progress.tasks, &task)) {
        task.owner = handle;
        task.wall_ms += (uint64_t)(role->now_ms - peer->progress_ms);
        wire_add_longest(longest, &task);
    }
}

static void put_waits(const struct role *role, struct buffer *json)
{
    unsigned count = 0;
    for (unsigned i = 1; i <= role->peer_top && count < HELD_BACK_MAX; i++) {
        const struct peer *peer = &role->peers[i];
        struct wire_progress progress;
        if (!peer->used || peer->progress.size == 0 ||
            !wire_get_progress(buffer_span(&peer->progress), &progress) ||
            progress.waits.size == 0)
            continue;
        buffer_append_text(json, count++ == 0 ? "{" : ",{");
        put_text(json, "host", host_of(peer));
        put_u8(json, ',');
        put_text(json, "why", progress.waits);
        put_u8(json, '}');
    }
}

void role_put_longest(const struct role *role, struct buffer *json)
{
    struct wire_longest longest = {0};
    for (unsigned i = 1; i <= role->peer_top; i++)
        add_peer(role, i, &longest);
    buffer_append_text(json, ",\"longest\":[");
    for (size_t i = 0; i < longest.count; i++) {
        if (i > 0)
            put_u8(json, ',');
        put_long(json, &longest.at[i], &role->peers[longest.at[i].owner]);
    }
    buffer_append_text(json, "],\"held_back\":[");
    put_waits(role, json);
    put_u8(json, ']');
}
