#include "common/store/record.h"

#include "common/store/record_fields.h"
#include "common/store/text.h"
#include "common/store/values.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define FIELD(name, kind, member)                \
    {                                            \
        name, name "\":", sizeof name + 1, kind, \
            offsetof(struct record, member)      \
    }

const struct field RECORD_FIELDS[FIELD_COUNT] = {
    FIELD("event", FIELD_EVENT, event),
    FIELD("task", FIELD_U64, task),
    FIELD("key", FIELD_ID, key),
    FIELD("final", FIELD_BOOL, final),
    FIELD("status", FIELD_STATUS, status),
    FIELD("round", FIELD_U32, round),
    FIELD("class", FIELD_CLASS, class),
    FIELD("exit", FIELD_U8, exit),
    FIELD("signal", FIELD_U8, signal),
    FIELD("attempt", FIELD_U32, attempt),
    FIELD("generation", FIELD_U32, generation),
    FIELD("record", FIELD_U64, number),
    FIELD("worker", FIELD_ID, worker),
    FIELD("host", FIELD_TEXT, host),
    FIELD("host_base64", FIELD_TEXT_BASE64, host),
    FIELD("slot", FIELD_U32, slot),
    FIELD("start", FIELD_TIME, start_us),
    FIELD("wall_s", FIELD_SECONDS, wall_us),
    FIELD("user_s", FIELD_SECONDS, user_us),
    FIELD("sys_s", FIELD_SECONDS, sys_us),
    FIELD("maxrss_bytes", FIELD_U64, maxrss_bytes),
    FIELD("ran", FIELD_BOOL, ran),
    FIELD("crash", FIELD_BOOL, crash),
    FIELD("alone", FIELD_BOOL, alone),
    FIELD("copy", FIELD_BOOL, copy),
    FIELD("edited", FIELD_BOOL, edited),
    FIELD("quarantined_s", FIELD_SECONDS, barred_us),
    FIELD("args", FIELD_ARGS, values),
    FIELD("args_base64", FIELD_ARGS_BASE64, values),
    FIELD("stdout", FIELD_TEXT, out),
    FIELD("stdout_base64", FIELD_TEXT_BASE64, out),
    FIELD("stderr", FIELD_TEXT, err),
    FIELD("stderr_base64", FIELD_TEXT_BASE64, err),
    FIELD("truncated", FIELD_TRUNCATED, out_cut),
    FIELD("user", FIELD_TEXT, user),
    FIELD("user_base64", FIELD_TEXT_BASE64, user),
    FIELD("note", FIELD_TEXT, note),
    FIELD("note_base64", FIELD_TEXT_BASE64, note),
    FIELD("edit", FIELD_TEXT, edit),
    FIELD("edit_base64", FIELD_TEXT_BASE64, edit),
    FIELD("mem_max_bytes", FIELD_U64, mem_max),
    FIELD("place", FIELD_U64, a),
    FIELD("tasks", FIELD_U64, a),
    FIELD("from", FIELD_U64, b),
    FIELD("offset", FIELD_U64, c),
    FIELD("pid", FIELD_U32, pid),
    FIELD("pid_start", FIELD_U64, pid_start),
    FIELD("boot", FIELD_ID, boot),
    FIELD("run", FIELD_ID, run),
    FIELD("version", FIELD_TEXT, version),
    FIELD("version_base64", FIELD_TEXT_BASE64, version),
};

static void *member_of(struct record *record, const struct field *field)
{
    return (char *)record + field->offset;
}

int record_set_number(struct record *record, const struct field *field,
                      uint64_t value)
{
    void *at = member_of(record, field);
    if (field->kind == FIELD_U64 || field->kind == FIELD_SECONDS)
        *(uint64_t *)at = value;
    else if (field->kind == FIELD_U32 && value <= UINT32_MAX)
        *(uint32_t *)at = (uint32_t)value;
    else if (field->kind == FIELD_U8 && value <= UINT8_MAX)
        *(uint8_t *)at = (uint8_t)value;
    else
        return -EBADMSG;
    return 0;
}

int record_set_bool(struct record *record, const struct field *field,
                    bool value)
{
    if (field->kind != FIELD_BOOL)
        return -EBADMSG;
    *(bool *)member_of(record, field) = value;
    return 0;
}

int record_set_truncated(struct record *record, struct span name)
{
    if (span_equal(name, SPAN_OF("stdout")))
        record->out_cut = true;
    else if (span_equal(name, SPAN_OF("stderr")))
        record->err_cut = true;
    else
        return -EBADMSG;
    return 0;
}

static int set_name(struct record *record, const struct field *field,
                    struct span text)
{
    char name[16];
    if (text.size >= sizeof name)
        return -EBADMSG;
    memcpy(name, text.at, text.size);
    name[text.size] = '\0';
    if (field->kind == FIELD_STATUS) {
        record->status = status_parse(name);
        return record->status == STATUS_NONE && strcmp(name, "none") != 0
                   ? -EBADMSG
                   : 0;
    }
    if (field->kind == FIELD_CLASS) {
        record->class = class_parse(name);
        return record->class == CLASS_NONE && strcmp(name, "none") != 0
                   ? -EBADMSG
                   : 0;
    }
    for (unsigned event = EVENT_RUN; event < EVENTS; event++) {
        if (strcmp(name, event_name((enum event)event)) != 0)
            continue;
        record->event = (enum event)event;
        record->attempt = record->generation = 0;
        return 0;
    }
    return -EBADMSG;
}

static int set_id(void *at, struct span text)
{
    return text.size == ID128_TEXT_SIZE - 1 && id128_from_digits(text.at, at)
               ? 0
               : -EBADMSG;
}

int record_moved(struct record_reading *reading, struct span *span, size_t size)
{
    if (reading->scratch->failed)
        return -ENOMEM;
    assert(reading->moved_count < FIELD_TEXTS_MAX);
    *span = (struct span){NULL, size};
    reading->moved[reading->moved_count++] =
        (struct moved_text){span, reading->scratch->size - size};
    return 0;
}

int record_set_text(struct record_reading *reading, const struct field *field,
                    struct span text, bool borrowed)
{
    struct buffer *scratch = reading->scratch;
    const size_t before = scratch->size;
    void *at = member_of(reading->record, field);
    if (field->kind == FIELD_ID)
        return set_id(at, text);
    if (field->kind == FIELD_TIME)
        return text_get_time(text, at) ? 0 : -EBADMSG;
    if (field->kind == FIELD_TEXT && borrowed) {
        *(struct span *)at = text;
        return 0;
    }
    if (field->kind == FIELD_TEXT) {
        buffer_append(scratch, text.at, text.size);
        return record_moved(reading, at, text.size);
    }
    if (field->kind == FIELD_TEXT_BASE64) {
        const int result = text_get_base64(scratch, text);
        return result != 0 ? result
                           : record_moved(reading, at, scratch->size - before);
    }
    if (field->kind == FIELD_EVENT || field->kind == FIELD_STATUS ||
        field->kind == FIELD_CLASS)
        return set_name(reading->record, field, text);
    return -EBADMSG;
}

static struct span json_span(const json_t *string)
{
    return (struct span){(const uint8_t *)json_string_value(string),
                         json_string_length(string)};
}

// Appends a name or value to temp, decoded.
static int json_piece(struct record_reading *reading, const json_t *string,
                      bool base64)
{
    if (!json_is_string(string))
        return -EBADMSG;
    const struct span text = json_span(string);
    if (base64)
        return text_get_base64(&reading->temp, text);
    buffer_append(&reading->temp, text.at, text.size);
    return reading->temp.failed ? -ENOMEM : 0;
}

static int json_value(struct record_reading *reading, const json_t *name,
                      const json_t *value, bool base64)
{
    struct buffer *temp = &reading->temp;
    buffer_clear(temp);
    int result = name ? json_piece(reading, name, base64) : 0;
    const size_t name_size = temp->size;
    if (result == 0)
        result = json_piece(reading, value, base64);
    if (result != 0)
        return result;
    if (name_size > UINT16_MAX)
        return -EBADMSG;
    values_add(reading->scratch, (struct span){temp->at, name_size},
               (struct span){temp->at + name_size, temp->size - name_size});
    return 0;
}

static int json_object_values(struct record_reading *reading, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        json_t *name = json_string(key);
        const int result =
            name ? json_value(reading, name, value, false) : -ENOMEM;
        json_decref(name);
        if (result != 0)
            return result;
    }
    return 0;
}

static int json_array_values(struct record_reading *reading,
                             const json_t *array, bool base64)
{
    size_t index;
    const json_t *item;
    json_array_foreach(array, index, item)
    {
        const bool pair = base64 && json_array_size(item) == 2;
        const json_t *name = pair ? json_array_get(item, 0) : NULL;
        const json_t *value = pair ? json_array_get(item, 1) : item;
        const int result = json_value(reading, name, value, base64);
        if (result != 0)
            return result;
    }
    return 0;
}

static int json_args(struct record_reading *reading, json_t *args, bool base64)
{
    const size_t count =
        json_is_object(args) ? json_object_size(args) : json_array_size(args);
    if (count > WIRE_ARGS_MAX || (json_is_object(args) && base64))
        return -EBADMSG;
    const size_t begun = values_begin(reading->scratch);
    const int result = json_is_object(args)
                           ? json_object_values(reading, args)
                           : json_array_values(reading, args, base64);
    if (result != 0)
        return result;
    values_end(reading->scratch, begun, (uint32_t)count);
    reading->record->has_args = true;
    return record_moved(reading, &reading->record->values,
                        reading->scratch->size - begun);
}

static int json_truncated(struct record *record, const json_t *array)
{
    size_t index;
    const json_t *item;
    int result = 0;
    json_array_foreach(array, index, item)
    {
        if (result == 0)
            result = json_is_string(item)
                         ? record_set_truncated(record, json_span(item))
                         : -EBADMSG;
    }
    return result;
}

static int json_field(struct record_reading *reading, const struct field *field,
                      json_t *value)
{
    const enum field_kind kind = field->kind;
    if (kind == FIELD_SECONDS && json_is_number(value)) {
        const double us = json_number_value(value) * 1e6;
        return us >= 0 && us < 1.8e19
                   ? record_set_number(reading->record, field,
                                       (uint64_t)(us + 0.5))
                   : -EBADMSG;
    }
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        return record_set_number(reading->record, field,
                                 (uint64_t)json_integer_value(value));
    if (json_is_boolean(value))
        return record_set_bool(reading->record, field, json_is_true(value));
    if (json_is_string(value))
        return record_set_text(reading, field, json_span(value), false);
    if (kind == FIELD_TRUNCATED && json_is_array(value))
        return json_truncated(reading->record, value);
    const bool base64 = kind == FIELD_ARGS_BASE64;
    if ((kind == FIELD_ARGS || base64) &&
        (json_is_array(value) || json_is_object(value)))
        return json_args(reading, value, base64);
    return -EBADMSG;
}

// Foreign or reordered lines: unknown keys are passed over.
static int read_json(struct record_reading *reading, struct span line)
{
    json_error_t error;
    errno = 0; // jansson does not always say that it was memory
    json_t *object =
        json_loadb((const char *)line.at, line.size, JSON_ALLOW_NUL, &error);
    if (!object)
        return json_error_code(&error) == json_error_out_of_memory ||
                       errno == ENOMEM
                   ? -ENOMEM
                   : -EBADMSG;
    int result = json_is_object(object) ? 0 : -EBADMSG;
    for (size_t i = 0; result == 0 && i < FIELD_COUNT; i++) {
        json_t *value = json_object_get(object, RECORD_FIELDS[i].name);
        if (value && !json_is_null(value))
            result = json_field(reading, &RECORD_FIELDS[i], value);
    }
    json_decref(object);
    return result;
}

static void begin(struct record_reading *reading)
{
    buffer_clear(reading->scratch);
    reading->moved_count = 0;
    *reading->record = (struct record){.attempt = 1, .generation = 1};
}

int record_read(struct span line, struct buffer *scratch, struct record *record)
{
    struct record_reading reading = {.record = record, .scratch = scratch};
    begin(&reading);
    int result = record_scan(&reading, line);
    if (result == -EBADMSG) {
        begin(&reading);
        result = read_json(&reading, line);
    }
    buffer_free(&reading.temp);
    if (result == 0 && scratch->failed)
        result = -ENOMEM;
    if (result != 0)
        return result;
    for (size_t i = 0; i < reading.moved_count; i++)
        reading.moved[i].span->at = scratch->at + reading.moved[i].at;
    const bool named = record->task > 0 && record->status != STATUS_NONE;
    return record->event != EVENT_NONE || named ? 0 : -EBADMSG;
}
