#include "command/row.h"

#include "common/store/text.h"
#include "common/store/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    VALUES_MOST = 60, // bytes that are shown of them
    SAID_MOST = 100,
};

void row_put_plain(struct buffer *out, struct span text)
{
    size_t extra;
    const bool utf8 = text_is_utf8(text, &extra);
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.at[i];
        const bool c1 = byte == 0xc2 && i + 1 < text.size &&
                        text.at[i + 1] >= 0x80 && text.at[i + 1] < 0xa0;
        if (c1)
            i++;
        put_u8(out, byte < ' ' || byte == 0x7f || c1 || (byte > 0x7e && !utf8)
                        ? '?'
                        : byte);
    }
}

// As much of it as whole characters fit into `most` bytes.
static void put_start(struct buffer *out, struct span text, size_t most)
{
    size_t size = text.size;
    if (size > most) {
        size = most;
        while (size > 0 && (text.at[size] & 0xc0) == 0x80)
            size--;
    }
    row_put_plain(out, (struct span){text.at, size});
    if (size < text.size)
        buffer_append_text(out, "...");
}

void row_put_values(const struct record *record, struct buffer *out)
{
    struct buffer joined = {0};
    struct wire_list list;
    struct wire_pair pair;
    if (!record->has_args || !values_open(record->values, &list))
        return;
    for (size_t i = 0; joined.size <= VALUES_MOST && values_next(&list, &pair);
         i++) {
        if (i > 0)
            put_u8(&joined, ' ');
        buffer_append(&joined, pair.name.at, pair.name.size);
        if (pair.name.size > 0)
            put_u8(&joined, '=');
        buffer_append(&joined, pair.value.at, pair.value.size);
    }
    put_start(out, buffer_span(&joined), VALUES_MOST);
    buffer_append_text(out, record->edited ? " (edited)" : "");
    buffer_free(&joined);
}

static void put_why(const struct record *record, char why[24])
{
    why[0] = '\0';
    if (record->start_us == 0 &&
        (record->class == CLASS_EXIT || record->class == CLASS_SIGNAL))
        return; // what followed from a failure, which has its own line
    if (record->signal != 0 && record->class == CLASS_SIGNAL)
        snprintf(why, 24, "signal %u", record->signal);
    else if (record->class == CLASS_EXIT)
        snprintf(why, 24, "exit %u", record->exit);
    else
        snprintf(why, 24, "%s",
                 record->class == CLASS_NONE ? "" : class_name(record->class));
}

static struct span last_line(struct span text)
{
    size_t end = text.size;
    while (end > 0 && (text.at[end - 1] == '\n' || text.at[end - 1] == '\r'))
        end--;
    const uint8_t *const before = end > 0 ? memrchr(text.at, '\n', end) : NULL;
    const size_t from = before ? (size_t)(before - text.at) + 1 : 0;
    return (struct span){text.at + from, end - from};
}

void row_put_names(struct buffer *out)
{
    buffer_printf(out, "%8s  %-11s %-11s %3s %-12s %11s  %s\n", "TASK",
                  "STATUS", "WHY", "TRY", "HOST", "SECONDS", "VALUES");
}

void row_put(const struct record *record, struct buffer *out)
{
    struct buffer host = {0};
    char why[24];
    put_why(record, why);
    put_start(&host, record->host, 12);
    buffer_printf(out, "%8" PRIu64 "  %-11s %-11s %3" PRIu32 " ", record->task,
                  status_name(record->status), why, record->attempt);
    buffer_printf(out, "%-12.*s %11.3f  ", (int)host.size,
                  host.size > 0 ? (const char *)host.at : "",
                  (double)record->wall_us / 1e6);
    buffer_free(&host);
    row_put_values(record, out);
    struct span said = last_line(record->err);
    if (said.size == 0)
        said = record->note;
    if (record->status != STATUS_OK && said.size > 0) {
        buffer_append_text(out, "  | ");
        put_start(out, said, SAID_MOST);
    }
    put_u8(out, '\n');
}
