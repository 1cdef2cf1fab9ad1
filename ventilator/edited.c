/* edited - a task as a person's other arguments make it */
#include "common/template/edit.h"
#include "ventilator/role.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// Where the field of this name is, which may be `outer.inner`: its object, and
// in *name what it is called there. The object itself where it has none.
static json_t *holder_of(json_t *object, char **name)
{
    char *dot = *name;
    while (!json_object_get(object, *name) && (dot = strchr(dot, '.'))) {
        *dot = '\0';
        json_t *const inner = json_object_get(object, *name);
        *dot++ = '.';
        if (!json_is_object(inner))
            continue;
        object = inner;
        *name = dot;
    }
    return object;
}

// What was a string stays one, all else is JSON if it can be read so.
static json_t *make_field(const json_t *before, struct span text)
{
    const char *const at = (const char *)text.at;
    json_t *const value =
        json_is_string(before)
            ? NULL
            : json_loadb(at, text.size, JSON_DECODE_ANY, NULL);
    return value ? value : json_stringn(at, text.size);
}

static int set_field(json_t *root, const struct wire_pair *pair)
{
    char *const text = strndup((const char *)pair->name.at, pair->name.size);
    char *name = text;
    if (!text)
        return -ENOMEM;
    json_t *const holder = holder_of(root, &name);
    json_t *const field =
        make_field(json_object_get(holder, name), pair->value);
    const int error =
        field && json_object_set(holder, name, field) == 0 ? 0 : -EINVAL;
    json_decref(field);
    free(text);
    return error;
}

static int append(const char *text, size_t size, void *out)
{
    buffer_append(out, text, size);
    return ((struct buffer *)out)->failed ? -1 : 0;
}

// The object in `input` with what has changed of it. False: it is none.
static bool edit_object(struct span input, const struct source_task *task,
                        const bool *changed, struct buffer *out)
{
    json_t *const root =
        json_loadb((const char *)input.at, input.size, 0, NULL);
    bool good = json_is_object(root);
    for (size_t i = 0; i < task->value_count && good; i++)
        good = !changed[i] || set_field(root, &task->values[i]) == 0;
    good = good && json_dump_callback(root, append, out, JSON_COMPACT) == 0;
    json_decref(root);
    return good;
}

// A row of a table anew: CSV, or with what parts its columns.
static void put_row(const struct settings *settings,
                    const struct source_task *task, struct buffer *out)
{
    const bool csv = settings->header && !settings->colsep;
    const char *const between = settings->colsep ? settings->colsep
                                : csv            ? ","
                                                 : " ";
    for (size_t i = 0; i < task->value_count; i++) {
        const struct span value = task->values[i].value;
        bool quotes = false;
        for (size_t j = 0; csv && j < value.size; j++)
            quotes = quotes || memchr(",\"\n\r", value.at[j], 4);
        buffer_append_text(out, i > 0 ? between : "");
        if (quotes)
            put_u8(out, '"');
        for (size_t j = 0; j < value.size; j++) {
            if (quotes && value.at[j] == '"')
                put_u8(out, '"');
            put_u8(out, value.at[j]);
        }
        if (quotes)
            put_u8(out, '"');
    }
}

int edited_open(struct edited *edited)
{
    edited->edits = edits_create();
    return edited->edits ? 0 : -ENOMEM;
}

void edited_close(struct edited *edited)
{
    edits_destroy(&edited->edits);
    buffer_free(&edited->words);
    buffer_free(&edited->input);
    free(edited->values);
    free(edited->changed);
}

static bool make_room(struct edited *edited, size_t count)
{
    void *const values =
        reallocarray(edited->values, count + 1, sizeof *edited->values);
    if (values)
        edited->values = values;
    void *const changed =
        reallocarray(edited->changed, count + 1, sizeof *edited->changed);
    if (changed)
        edited->changed = changed;
    return values && changed;
}

int edited_task(struct edited *edited, const struct settings *settings,
                const struct wire_edit *edit, struct source_task *task,
                struct problem *bad)
{
    const size_t count = task->value_count;
    const bool object = settings->ndjson || settings->sweep.count > 0;
    if (!make_room(edited, count))
        return problem_set(bad, -ENOMEM, "out of memory");
    memcpy(edited->values, task->values, count * sizeof *edited->values);
    const int error = edit_values(edit->args, edited->values, count,
                                  edited->changed, &edited->words, bad);
    if (error < 0)
        return error;
    task->values = edited->values;
    buffer_clear(&edited->input);
    if (object &&
        !edit_object(task->input, task, edited->changed, &edited->input))
        return problem_set(bad, -EINVAL, "its object cannot be changed so");
    if (!object && count > 1)
        put_row(settings, task, &edited->input);
    if (edited->input.failed)
        return problem_set(bad, -ENOMEM, "out of memory");
    task->input = object || count > 1 ? buffer_span(&edited->input)
                                      : edited->values[0].value;
    if (task->whole.at)
        task->whole = task->input;
    return 0;
}
