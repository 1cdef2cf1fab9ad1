#include "ventilator/source_parts.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

enum { DEPTH_MAX = 64 }; // of objects within objects

// An object that is being walked; its members' names start with the first
// `prefix` bytes of the walk's name.
struct level {
    json_t *object;
    void *member;
    size_t prefix;
};

struct walk {
    struct source *source;
    struct level levels[DEPTH_MAX];
    size_t depth;
    struct buffer name;
    struct problem *problem;
};

static int bad(const struct walk *walk, int code, const char *why)
{
    return problem_set(walk->problem, code, "task %llu: %s",
                       (unsigned long long)walk->source->ordinal, why);
}

static int append_json(const char *text, size_t size, void *buffer)
{
    buffer_append(buffer, text, size);
    return ((struct buffer *)buffer)->failed ? -1 : 0;
}

// Numbers are written with the fewest digits that read back as the same ones.
static int put_json(struct buffer *out, const json_t *value)
{
    enum { DIGITS_ENOUGH = 17 };
    const size_t start = out->size;
    for (size_t digits = 15; digits <= DIGITS_ENOUGH; digits++) {
        const size_t flags =
            JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits);
        out->size = start;
        if (json_dump_callback(value, append_json, out, flags) != 0)
            return -ENOMEM;
        if (digits == DIGITS_ENOUGH || json_is_integer(value))
            break;
        errno = 0;
        json_t *same = json_loadb((const char *)out->at + start,
                                  out->size - start, JSON_DECODE_ANY, NULL);
        if (!same && errno == ENOMEM)
            return -ENOMEM;
        const bool equal = same && json_equal(same, value);
        json_decref(same);
        if (equal)
            break;
    }
    return 0;
}

static int put_text(struct buffer *out, const json_t *value)
{
    if (!json_is_string(value))
        return put_json(out, value);
    buffer_append(out, json_string_value(value), json_string_length(value));
    return out->failed ? -ENOMEM : 0;
}

// Appends a value's name and text to the scratch; fix_values makes them spans.
static int add_field(struct walk *walk, const json_t *value)
{
    struct buffer *scratch = &walk->source->scratch;
    if (walk->source->value_count == WIRE_ARGS_MAX)
        return bad(walk, -E2BIG, "the object has too many fields");
    if (walk->name.size > WIRE_TEXT_MAX)
        return bad(walk, -E2BIG, "a field's name is over 1024 bytes");
    struct wire_pair *pair = source_add_value(walk->source);
    if (!pair)
        return bad(walk, -ENOMEM, "out of memory");
    if (walk->name.size > 0)
        buffer_append(scratch, walk->name.at, walk->name.size);
    pair->name.size = walk->name.size;
    const size_t start = scratch->size;
    if (put_text(scratch, value) != 0)
        return bad(walk, -ENOMEM, "out of memory");
    pair->value.size = scratch->size - start;
    return scratch->failed ? bad(walk, -ENOMEM, "out of memory") : 0;
}

static int enter(struct walk *walk, json_t *object)
{
    if (walk->depth == DEPTH_MAX)
        return bad(walk, -E2BIG, "objects are nested too deeply");
    if (walk->name.size > WIRE_TEXT_MAX)
        return bad(walk, -E2BIG, "a field's name is over 1024 bytes");
    if (walk->depth > 0)
        put_u8(&walk->name, '.');
    walk->levels[walk->depth++] =
        (struct level){object, json_object_iter(object), walk->name.size};
    return 0;
}

// A field of an object within is named `outer.inner`. Lists and empty objects
// are values, as JSON.
static int walk_object(struct walk *walk, json_t *object)
{
    int error = enter(walk, object);
    while (error == 0 && walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (!level->member) {
            walk->depth--;
            continue;
        }
        json_t *value = json_object_iter_value(level->member);
        walk->name.size = level->prefix;
        buffer_append_text(&walk->name, json_object_iter_key(level->member));
        level->member = json_object_iter_next(level->object, level->member);
        if (walk->name.failed)
            error = bad(walk, -ENOMEM, "out of memory");
        else
            error = json_is_object(value) && json_object_size(value) > 0
                        ? enter(walk, value)
                        : add_field(walk, value);
    }
    return error;
}

int source_put_scalar(struct buffer *out, struct span text)
{
    json_t *value =
        json_loadb((const char *)text.at, text.size, JSON_DECODE_ANY, NULL);
    const int error = value ? put_text(out, value) : -EINVAL;
    json_decref(value);
    return error;
}

void source_fix_values(struct source *source)
{
    put_u8(&source->scratch, 0); // no value is a null pointer
    const uint8_t *at = source->scratch.at;
    for (size_t i = 0; i < source->value_count; i++) {
        struct wire_pair *pair = &source->values[i];
        if (!pair->name.at) {
            pair->name.at = at;
            at += pair->name.size;
        }
        if (!pair->value.at) {
            pair->value.at = at;
            at += pair->value.size;
        }
    }
}

static json_t *read_object(const struct source *source, struct span line,
                           uint64_t offset, struct problem *problem)
{
    json_error_t error;
    const unsigned long long ordinal = source->ordinal, at = offset;
    errno = 0; // jansson does not always say that it was memory
    json_t *object = json_loadb((const char *)line.at, line.size,
                                JSON_REJECT_DUPLICATES, &error);
    if (!object && (errno == ENOMEM ||
                    json_error_code(&error) == json_error_out_of_memory)) {
        problem_set(problem, -ENOMEM, "out of memory");
    } else if (!object) {
        problem_set(problem, -EINVAL,
                    "task %llu (at byte %llu of the input) is no JSON object: "
                    "column %d: %s",
                    ordinal, at, error.column, error.text);
    } else if (!json_is_object(object)) {
        problem_set(problem, -EINVAL,
                    "task %llu (at byte %llu of the input) is JSON, but no "
                    "object",
                    ordinal, at);
        json_decref(object);
        object = NULL;
    }
    return object;
}

enum source_result source_tree(struct source *source, struct span line,
                               uint64_t offset, struct problem *problem)
{
    json_t *object = read_object(source, line, offset, problem);
    int error = object ? 0 : problem->code;
    if (object) {
        struct walk walk = {.source = source, .problem = problem};
        buffer_clear(&source->scratch);
        error = walk_object(&walk, object);
        buffer_free(&walk.name);
        json_decref(object);
        source_fix_values(source);
        if (error == 0 && source->scratch.failed)
            error = problem_set(problem, -ENOMEM, "out of memory");
    }
    if (error == 0)
        return SOURCE_TASK;
    return error == -ENOMEM ? SOURCE_ERROR : SOURCE_BAD;
}

static enum source_result next_object(struct source *source,
                                      struct source_task *task,
                                      struct problem *problem)
{
    struct span line;
    const enum source_result result =
        source_record(source, &line, &task->place.offset, problem);
    if (result != SOURCE_TASK)
        return result;
    task->whole = task->input = line;
    return source_flat(source, line)
               ? SOURCE_TASK
               : source_tree(source, line, task->place.offset, problem);
}

const struct source_kind SOURCE_KIND_JSON = {.next = next_object};
