#include "common/store/record.h"

#include "common/store/text.h"
#include "common/store/values.h"

#include <string.h>

// Room for the fields without a text of their own, in each of the parts.
enum { PART_MAX = 1024 };

const char *event_name(enum event event)
{
    static const char *const NAMES[EVENTS] = {
        "none", "run",      "generation", "joined",   "left",
        "mark", "reopened", "resumed",    "decision", "complete",
        "host", "paused",   "unpaused"};
    return (unsigned)event < EVENTS ? NAMES[event] : "none";
}

static inline char *put_text(char *at, const char *text)
{
    const size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static inline char *put_key(char *at, const char *key)
{
    at = put_text(put_text(at, ",\""), key);
    return put_text(at, "\":");
}

// Larger numbers than JSON libraries take (INT64_MAX) are written as that.
static char *put_number(char *at, uint64_t value)
{
    char digits[20];
    size_t first = sizeof digits;
    if (value > INT64_MAX)
        value = INT64_MAX;
    for (; value >= 100; value /= 100)
        text_put_pair(digits + (first -= 2), (unsigned)(value % 100));
    if (value >= 10)
        text_put_pair(digits + (first -= 2), (unsigned)value);
    else
        digits[--first] = (char)('0' + value);
    memcpy(at, digits + first, sizeof digits - first);
    return at + (sizeof digits - first);
}

static inline char *put_unless(char *at, const char *key, uint64_t value,
                               uint64_t usual)
{
    return value == usual ? at : put_number(put_key(at, key), value);
}

static inline char *put_name(char *at, const char *key, const char *name)
{
    at = put_text(put_key(at, key), "\"");
    return put_text(put_text(at, name), "\"");
}

static inline char *put_id_key(char *at, const char *key,
                               const struct id128 *id)
{
    at = put_text(put_key(at, key), "\"");
    id128_text(id, at);
    return put_text(at + ID128_TEXT_SIZE - 1, "\"");
}

static inline char *put_id_if(char *at, const char *key, const struct id128 *id)
{
    return id128_is_zero(id) ? at : put_id_key(at, key, id);
}

// Seconds with as many digits as it takes, at least one.
static char *put_seconds(char *at, const char *key, uint64_t us)
{
    if (us == 0)
        return at;
    at = put_text(put_number(put_key(at, key), us / 1000000), ".");
    unsigned digits = 6;
    text_put_micros(at, (unsigned)(us % 1000000));
    while (digits > 1 && at[digits - 1] == '0')
        digits--;
    return at + digits;
}

static char *put_true(char *at, const char *key, bool value)
{
    return value ? put_text(put_key(at, key), "true") : at;
}

static char *head(char *at, const struct record *record)
{
    const bool control = record->event != EVENT_NONE;
    const uint32_t usual = control ? 0 : 1;
    if (control)
        at = put_name(at, "event", event_name(record->event));
    if (!control || record->task != 0)
        at = put_number(put_key(at, "task"), record->task);
    if (!control || !id128_is_zero(&record->key))
        at = put_id_key(at, "key", &record->key);
    if (!control || record->final)
        at = put_text(put_key(at, "final"), record->final ? "true" : "false");
    if (!control || record->status != STATUS_NONE)
        at = put_name(at, "status", status_name(record->status));
    at = put_unless(at, "round", record->round, 0);
    if (record->class != CLASS_NONE)
        at = put_name(at, "class", class_name(record->class));
    at = put_unless(at, "exit", record->exit, 0);
    at = put_unless(at, "signal", record->signal, 0);
    at = put_unless(at, "attempt", record->attempt, usual);
    at = put_unless(at, "generation", record->generation, usual);
    at = put_unless(at, "record", record->number, 0);
    return put_id_if(at, "worker", &record->worker);
}

static char *middle(char *at, const struct record *record)
{
    at = put_unless(at, "slot", record->slot, 0);
    if (record->start_us > 0 && record->start_us <= TEXT_TIME_MAX_US) {
        at = put_text(put_key(at, "start"), "\"");
        text_put_time(at, record->start_us);
        at = put_text(at + TEXT_TIME_SIZE, "\"");
    }
    at = put_seconds(at, "wall_s", record->wall_us);
    at = put_seconds(at, "user_s", record->user_us);
    at = put_seconds(at, "sys_s", record->sys_us);
    at = put_unless(at, "maxrss_bytes", record->maxrss_bytes, 0);
    at = put_true(at, "ran", record->ran);
    at = put_true(at, "crash", record->crash);
    at = put_true(at, "alone", record->alone);
    at = put_true(at, "copy", record->copy);
    at = put_true(at, "edited", record->edited);
    return record->barred_us
               ? put_seconds(at, "quarantined_s", record->barred_us)
               : at;
}

static char *end(char *at, const struct record *record)
{
    const char *const a = record->event == EVENT_COMPLETE ? "tasks" : "place";
    at = put_unless(at, "mem_max_bytes", record->mem_max, 0);
    at = put_unless(at, a, record->a, 0);
    at = put_unless(at, "from", record->b, 0);
    at = put_unless(at, "offset", record->c, 0);
    at = put_unless(at, "pid", record->pid, 0);
    at = put_unless(at, "pid_start", record->pid_start, 0);
    at = put_id_if(at, "boot", &record->boot);
    return put_id_if(at, "run", &record->run);
}

static void part(struct buffer *out, const struct record *record,
                 char *(*write)(char *at, const struct record *record))
{
    uint8_t *room = buffer_extend(out, PART_MAX);
    if (!room)
        return;
    char *const at = (char *)room;
    out->size -= PART_MAX - (size_t)(write(at, record) - at);
}

// A text under one key, bytes that are none under another.
static void put_span_key(struct buffer *out, struct span key,
                         struct span base64_key, struct span text)
{
    if (text.size == 0)
        return;
    const size_t start = out->size;
    buffer_append(out, key.at, key.size);
    if (text_put_quoted(out, text))
        return;
    out->size = start;
    buffer_append(out, base64_key.at, base64_key.size);
    text_put_base64(out, text);
}

#define PUT_SPAN(out, name, text)                \
    put_span_key(out, SPAN_OF(",\"" name "\":"), \
                 SPAN_OF(",\"" name "_base64\":"), text)

enum form {
    FORM_LIST,   // no names
    FORM_OBJECT, // each has a name
    FORM_PAIRS,  // some have, or names are no text: always in base64
};

static enum form form_of(struct wire_list list, bool *plain)
{
    size_t named = 0, extra;
    const size_t count = list.count;
    bool names_plain = true;
    *plain = true;
    for (struct wire_pair pair; values_next(&list, &pair);) {
        named += pair.name.size > 0;
        names_plain = names_plain && text_is_utf8(pair.name, &extra);
        *plain = *plain && text_is_utf8(pair.value, &extra);
    }
    if (named == 0)
        return FORM_LIST;
    if (named == count && names_plain && *plain)
        return FORM_OBJECT;
    *plain = false;
    return FORM_PAIRS;
}

static void put_value(struct buffer *out, struct span value, bool plain)
{
    if (!plain || !text_put_quoted(out, value))
        text_put_base64(out, value);
}

static void put_list(struct buffer *out, struct wire_list list, enum form form,
                     bool plain)
{
    const char *comma = form == FORM_OBJECT ? "{" : "[";
    if (list.count == 0)
        buffer_append(out, comma, 1);
    for (struct wire_pair pair; values_next(&list, &pair); comma = ",") {
        buffer_append(out, comma, 1);
        if (form == FORM_PAIRS)
            buffer_append(out, "[", 1);
        if (form != FORM_LIST) {
            put_value(out, pair.name, plain);
            buffer_append(out, form == FORM_OBJECT ? ":" : ",", 1);
        }
        put_value(out, pair.value, plain);
        if (form == FORM_PAIRS)
            buffer_append(out, "]", 1);
    }
    buffer_append(out, form == FORM_OBJECT ? "}" : "]", 1);
}

bool record_put_args(struct buffer *out, struct span values)
{
    struct wire_list list;
    bool plain = true;
    if (values_open(values, &list)) {
        const enum form form = form_of(list, &plain);
        put_list(out, list, form, plain);
    }
    return plain;
}

// What most lists are: texts without names. False for any other.
static bool put_texts(struct buffer *out, struct span values)
{
    struct wire_list list = {.reader = reader_over(values)};
    struct wire_pair pair;
    list.count = read_u16(&list.reader);
    put_u8(out, '[');
    for (bool first = true; values_next(&list, &pair); first = false) {
        if (!first)
            put_u8(out, ',');
        if (pair.name.size > 0 || !text_put_quoted(out, pair.value))
            return false;
    }
    put_u8(out, ']');
    return reader_done(&list.reader);
}

static void put_args(struct buffer *out, struct span values)
{
    const size_t start = out->size;
    struct wire_list list;
    buffer_append(out, ",\"args\":", 8);
    if (put_texts(out, values))
        return;
    out->size = start;
    if (!values_open(values, &list))
        return;
    bool plain;
    const enum form form = form_of(list, &plain);
    buffer_append_text(out, plain ? ",\"args\":" : ",\"args_base64\":");
    put_list(out, list, form, plain);
}

static void put_truncated(struct buffer *out, bool out_cut, bool err_cut)
{
    if (!out_cut && !err_cut)
        return;
    buffer_append_text(out, ",\"truncated\":");
    buffer_append_text(out, !err_cut   ? "[\"stdout\"]"
                            : !out_cut ? "[\"stderr\"]"
                                       : "[\"stdout\",\"stderr\"]");
}

void record_write(struct buffer *out, const struct record *record)
{
    const size_t start = out->size;
    part(out, record, head);
    PUT_SPAN(out, "host", record->host);
    part(out, record, middle);
    if (record->has_args)
        put_args(out, record->values);
    PUT_SPAN(out, "stdout", record->out);
    PUT_SPAN(out, "stderr", record->err);
    put_truncated(out, record->out_cut, record->err_cut);
    PUT_SPAN(out, "user", record->user);
    PUT_SPAN(out, "note", record->note);
    PUT_SPAN(out, "edit", record->edit);
    part(out, record, end);
    PUT_SPAN(out, "version", record->version);
    buffer_append(out, "}\n", 2);
    if (out->failed)
        out->size = start;
    else
        out->at[start] = '{'; // over the first field's comma
}
