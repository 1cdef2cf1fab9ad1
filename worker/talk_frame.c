#include "worker/talk_frame.h"

#include "common/store/text.h"
#include "common/wire/wire.h"
#include "worker/talk_json.h"
#include "worker/talk_plugin.h"

#include <errno.h>
#include <string.h>

enum {
    BINARY_TASK_HEAD = 8 + 8 + 4 + 4, // task, seed, attempt, size of arguments
    BINARY_ANSWER_HEAD = 8 + 1,       // task, status
    BINARY_TASK_MAX = 1 << 30,
};

/* -- tasks -- */

// Puts one text of the task: an argument, or a value, or what is between.
typedef void putter(struct buffer *out, struct span text);

static void put_raw(struct buffer *out, struct span text)
{
    if (text.size > 0)
        buffer_append(out, text.at, text.size);
}

static void put_ended(struct buffer *out, struct span text)
{
    put_raw(out, text);
    put_u8(out, 0);
}

// Where the slot's number goes into the arguments: the next place.
struct places {
    struct wire_list marks;
    struct wire_slot_mark mark;
    bool marked;
};

// The argument of that index with the slot's number in its places.
static void fill(struct buffer *text, struct places *places, uint32_t index,
                 struct span arg, uint32_t slot)
{
    const struct wire_slot_mark *mark = &places->mark;
    size_t done = 0;
    buffer_clear(text);
    for (; places->marked && mark->arg <= index;
         places->marked = wire_next_mark(&places->marks, &places->mark)) {
        if (mark->arg < index || mark->offset < done || mark->offset > arg.size)
            continue;
        put_raw(text, (struct span){arg.at + done, mark->offset - done});
        buffer_printf(text, "%u", slot);
        done = mark->offset;
    }
    put_raw(text, (struct span){arg.at + done, arg.size - done});
}

// The arguments but the first, which is the coprocess. Returns how many.
static uint32_t put_arguments(struct buffer *out,
                              const struct wire_command *command, uint32_t slot,
                              char between, putter *put)
{
    struct wire_list args = command->args;
    struct places places = {.marks = command->marks};
    struct buffer text = {0};
    struct span arg;
    places.marked = wire_next_mark(&places.marks, &places.mark);
    uint32_t index = 0;
    for (; wire_next_arg(&args, &arg); index++) {
        if (index == 0)
            continue;
        fill(&text, &places, index, arg, slot);
        out->failed = out->failed || text.failed;
        if (index > 1 && between)
            put_u8(out, (uint8_t)between);
        put(out, buffer_span(&text));
    }
    buffer_free(&text);
    return index > 0 ? index - 1 : 0;
}

static void put_values(struct buffer *out, const struct wire_command *command,
                       char between, putter *put)
{
    struct wire_list values = command->values;
    struct wire_pair pair;
    for (bool first = true; wire_next_pair(&values, &pair); first = false) {
        if (!first && between)
            put_u8(out, (uint8_t)between);
        put(out, pair.value);
    }
}

static bool has_names(const struct wire_command *command)
{
    struct wire_list values = command->values;
    struct wire_pair pair;
    return wire_next_pair(&values, &pair) && pair.name.size > 0;
}

static bool has_input(const struct wire_command *command)
{
    return command->flags & COMMAND_INPUT || has_names(command);
}

// Arguments, or where there are none and no object either: the values.
static void put_words(struct buffer *out, const struct wire_command *command,
                      uint32_t slot, char between, putter *put)
{
    if (put_arguments(out, command, slot, between, put) == 0 &&
        !has_input(command))
        put_values(out, command, between, put);
}

// The object as it was read, which may have line breaks between its parts; or
// an object of the named values.
static void put_input(struct buffer *out, const struct wire_command *command)
{
    if (command->flags & COMMAND_INPUT) {
        const size_t from = out->size;
        put_raw(out, command->input);
        for (size_t i = from; i < out->size; i++)
            if (out->at[i] == '\n' || out->at[i] == '\r')
                out->at[i] = ' ';
        return;
    }
    struct wire_list values = command->values;
    struct wire_pair pair;
    put_u8(out, '{');
    for (bool first = true; wire_next_pair(&values, &pair); first = false) {
        if (!first)
            put_u8(out, ',');
        talk_json_put(out, pair.name);
        put_u8(out, ':');
        talk_json_put(out, pair.value);
    }
    put_u8(out, '}');
}

static int put_ndjson(struct buffer *out, const struct frame_task *task,
                      const struct wire_command *command)
{
    buffer_printf(out,
                  "{\"task\":%llu,\"attempt\":%u,\"seed\":\"%llu\",\"args\":[",
                  (unsigned long long)task->task, task->attempt,
                  (unsigned long long)task->seed);
    put_words(out, command, task->slot, ',', talk_json_put);
    put_u8(out, ']');
    if (has_input(command)) {
        buffer_append_text(out, ",\"input\":");
        put_input(out, command);
    }
    buffer_append_text(out, "}\n");
    return 0;
}

static int put_binary(struct buffer *out, const struct frame_task *task,
                      const struct wire_command *command)
{
    const size_t from = out->size;
    put_u32(out, 0);
    put_u64(out, task->task);
    put_u64(out, task->seed);
    put_u32(out, task->attempt);
    put_u32(out, 0);
    const size_t args = out->size;
    put_words(out, command, task->slot, '\0', put_ended);
    const size_t args_size = out->size - args;
    if (has_input(command))
        put_input(out, command);
    if (out->failed)
        return -ENOMEM;
    if (out->size - from > BINARY_TASK_MAX)
        return -E2BIG;
    set_u32(out, from, (uint32_t)(out->size - from - 4));
    set_u32(out, args - 4, (uint32_t)args_size);
    return 0;
}

// As it was read, or the words with spaces between.
static int put_line(struct buffer *out, const struct frame_task *task,
                    const struct wire_command *command)
{
    const size_t from = out->size;
    if (put_arguments(out, command, task->slot, ' ', put_raw) == 0) {
        if (command->flags & COMMAND_INPUT)
            put_raw(out, command->input);
        else
            put_values(out, command, ' ', put_raw);
    }
    if (out->size > from && memchr(out->at + from, '\n', out->size - from))
        return -EILSEQ;
    put_u8(out, '\n');
    return 0;
}

static int put_call(struct buffer *out, const struct frame_task *task,
                    const struct wire_command *command)
{
    (void)command; // the plugin's end reads it
    return call_put(out, task);
}

int frame_put_task(struct buffer *out, enum framing framing,
                   const struct frame_task *task)
{
    static int (*const PUT[])(struct buffer *, const struct frame_task *,
                              const struct wire_command *) = {
        [FRAMING_GREETED] = NULL,      [FRAMING_NDJSON] = put_ndjson,
        [FRAMING_BINARY] = put_binary, [FRAMING_LINES] = put_line,
        [FRAMING_PLUGIN] = put_call,
    };
    const size_t from = out->size;
    struct wire_command command;
    if (!wire_get_command(task->payload, &command))
        return -EBADMSG;
    const int code = PUT[framing](out, task, &command);
    if (code == 0 && !out->failed)
        return 0;
    out->size = from;
    return code < 0 ? code : -ENOMEM;
}

/* -- what comes back -- */

static enum frame_found wrong(const char **why, const char *text)
{
    *why = text;
    return FRAME_WRONG;
}

static bool is_key(struct span key, const char *name)
{
    return span_equal(key, span_of_text(name));
}

// A line that is one object. False: it is not.
static bool open_object(struct span line, struct span *object)
{
    struct talk_json json = {line.at, line.at + line.size};
    size_t extra;
    return text_is_utf8(line, &extra) && talk_json_value(&json, object) &&
           talk_json_ended(&json) && object->at[0] == '{';
}

static enum frame_found read_greeting(struct span line,
                                      struct frame_greeting *greeting)
{
    static const char NONE[] = "its first line is no greeting such as "
                               "{\"fan\": 1, \"framing\": \"ndjson\"}";
    struct span object, key, value;
    uint64_t version = 0;
    if (!open_object(line, &object))
        return wrong(&greeting->why, NONE);
    greeting->framing = FRAMING_GREETED;
    while (talk_json_member(&object, &key, &value)) {
        if (is_key(key, "fan") && !talk_json_whole(value, &version))
            return wrong(&greeting->why, NONE);
        if (is_key(key, "refused"))
            greeting->refused = value;
        if (!is_key(key, "framing"))
            continue;
        greeting->framing = is_key(value, "\"ndjson\"")   ? FRAMING_NDJSON
                            : is_key(value, "\"binary\"") ? FRAMING_BINARY
                            : is_key(value, "\"plugin\"") ? FRAMING_PLUGIN
                                                          : FRAMING_GREETED;
    }
    if (version == 0)
        return wrong(&greeting->why, NONE);
    if (version != FRAME_VERSION)
        return wrong(&greeting->why, "it speaks another version than 1");
    if (greeting->framing == FRAMING_GREETED)
        return wrong(&greeting->why,
                     "its greeting names no framing: ndjson or binary");
    return FRAME_FOUND;
}

enum frame_found frame_get_greeting(struct span bytes,
                                    struct frame_greeting *greeting)
{
    const size_t most =
        bytes.size < FRAME_GREETING_MAX ? bytes.size : FRAME_GREETING_MAX;
    const uint8_t *newline = most > 0 ? memchr(bytes.at, '\n', most) : NULL;
    *greeting = (struct frame_greeting){0};
    if (!newline && bytes.size < FRAME_GREETING_MAX)
        return FRAME_PART;
    if (!newline)
        return wrong(&greeting->why, "its first line is no greeting: it does "
                                     "not end");
    const size_t size = (size_t)(newline - bytes.at);
    greeting->size = size + 1;
    return read_greeting((struct span){bytes.at, size}, greeting);
}

static enum frame_found read_answer(struct span line,
                                    struct frame_answer *answer)
{
    static const char NONE[] =
        "it answered with what is no object with a result or an error";
    struct span object, key, value;
    unsigned results = 0, errors = 0;
    if (!open_object(line, &object))
        return wrong(&answer->why, NONE);
    while (talk_json_member(&object, &key, &value)) {
        if (is_key(key, "task")) {
            answer->named = true;
            if (!talk_json_whole(value, &answer->task))
                return wrong(&answer->why, "its answer names no task");
        } else if (is_key(key, "result")) {
            results++;
            answer->value = value;
        } else if (is_key(key, "error")) {
            errors++;
            answer->value = value;
        }
    }
    if (results + errors != 1 || (errors && answer->value.at[0] != '"'))
        return wrong(&answer->why, NONE);
    answer->failed = errors > 0;
    return FRAME_FOUND;
}

static enum frame_found get_line(struct span bytes, size_t seen,
                                 uint64_t value_max, struct span *line)
{
    const uint8_t *newline =
        seen < bytes.size ? memchr(bytes.at + seen, '\n', bytes.size - seen)
                          : NULL;
    const size_t size = newline ? (size_t)(newline - bytes.at) : bytes.size;
    if (size > value_max)
        return FRAME_LONG;
    *line = (struct span){bytes.at, size};
    return newline ? FRAME_FOUND : FRAME_PART;
}

static enum frame_found get_ndjson(struct span bytes, size_t seen,
                                   uint64_t value_max,
                                   struct frame_answer *answer)
{
    struct span line;
    const uint64_t most = value_max > UINT64_MAX - FRAME_AROUND
                              ? value_max
                              : value_max + FRAME_AROUND;
    const enum frame_found found = get_line(bytes, seen, most, &line);
    if (found != FRAME_FOUND)
        return found;
    answer->size = line.size + 1;
    if (read_answer(line, answer) == FRAME_WRONG)
        return FRAME_WRONG;
    return answer->value.size > value_max ? FRAME_LONG : FRAME_FOUND;
}

static enum frame_found get_binary(struct span bytes, uint64_t value_max,
                                   struct frame_answer *answer)
{
    if (bytes.size < 4)
        return FRAME_PART;
    const uint32_t size = load_u32(bytes.at);
    if (size < BINARY_ANSWER_HEAD)
        return wrong(&answer->why, "its answer is shorter than 9 bytes");
    if (size - BINARY_ANSWER_HEAD > value_max)
        return FRAME_LONG;
    if (bytes.size - 4 < size)
        return FRAME_PART;
    struct reader reader = reader_over((struct span){bytes.at + 4, size});
    answer->size = 4 + (size_t)size;
    answer->named = true;
    answer->task = read_u64(&reader);
    const uint8_t status = read_u8(&reader);
    if (status > 1)
        return wrong(&answer->why, "the status of its answer is not 0 or 1");
    answer->failed = status == 1;
    answer->value = read_bytes(&reader, size - BINARY_ANSWER_HEAD);
    return FRAME_FOUND;
}

enum frame_found frame_get_answer(enum framing framing, struct span bytes,
                                  size_t seen, uint64_t value_max,
                                  struct frame_answer *answer)
{
    *answer = (struct frame_answer){0};
    switch (framing) {
    case FRAMING_NDJSON:
        return get_ndjson(bytes, seen, value_max, answer);
    case FRAMING_BINARY:
        return get_binary(bytes, value_max, answer);
    case FRAMING_PLUGIN:
        return call_get_result(bytes, value_max, answer);
    case FRAMING_LINES:
        break;
    case FRAMING_GREETED:
        return wrong(&answer->why, "it has not greeted");
    }
    const enum frame_found found =
        get_line(bytes, seen, value_max, &answer->value);
    answer->size = answer->value.size + 1;
    return found;
}
