#include "worker/plugin_inside.h"

#include "common/template/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP = 1 << 20 }; // memory a seat keeps from task to task

static void reuse(struct buffer *buffer)
{
    if (buffer->capacity > KEEP || buffer->failed)
        buffer_free(buffer);
    else
        buffer_clear(buffer);
}

static void reuse_stream(struct plugin_stream *stream)
{
    reuse(&stream->bytes);
    stream->cut = false;
}

bool plugin_task_begin(struct fan_task *task, const struct slot_task *held)
{
    task->held = held;
    task->number++;
    task->has_payload = task->has_texts = task->no_memory = false;
    task->lent = (struct span){0};
    reuse_stream(&task->out);
    reuse_stream(&task->err);
    task->malformed = !wire_get_command(held->payload, &task->command);
    task->values = task->malformed ? (struct span){0}
                                   : wire_encoded_values(&task->command);
    return !task->malformed;
}

void plugin_task_clear(struct fan_task *task)
{
    buffer_free(&task->payload);
    buffer_free(&task->texts);
    buffer_free(&task->out.bytes);
    buffer_free(&task->err.bytes);
    free(task->text);
    task->text = NULL;
    task->text_capacity = 0;
}

// Without memory there is an empty text, and the attempt fails.
static const char *text_at(struct fan_task *task, const struct buffer *bytes,
                           size_t at)
{
    if (!bytes->failed && at < bytes->size)
        return (const char *)bytes->at + at;
    task->no_memory = true;
    return "";
}

// One text need not be copied where a NUL stands behind it. Its length goes
// before what comes next, which is mostly nothing.
static bool lend_payload(struct fan_task *task)
{
    struct wire_list values = task->command.values;
    struct wire_pair only;
    struct span text = task->command.input;
    if (!(task->command.flags & COMMAND_INPUT)) {
        if (values.count != 1 || !wire_next_pair(&values, &only))
            return false;
        text = only.value;
    }
    if (!text.at || text.at[text.size] != 0)
        return false;
    task->lent = text;
    return true;
}

static void make_payload(struct fan_task *task)
{
    reuse(&task->payload);
    if (task->command.flags & COMMAND_INPUT) {
        const struct span input = task->command.input;
        if (input.size > 0)
            buffer_append(&task->payload, input.at, input.size);
    } else {
        struct wire_list values = task->command.values;
        struct wire_pair pair;
        for (bool first = true; wire_next_pair(&values, &pair); first = false) {
            if (!first)
                put_u8(&task->payload, ' ');
            if (pair.value.size > 0)
                buffer_append(&task->payload, pair.value.at, pair.value.size);
        }
    }
    put_u8(&task->payload, 0);
}

const char *fan_payload(struct fan_task *task, size_t *size)
{
    if (!task->has_payload && !lend_payload(task))
        make_payload(task);
    task->has_payload = true;
    if (task->lent.at) {
        if (size)
            *size = task->lent.size;
        return (const char *)task->lent.at;
    }
    const char *text = text_at(task, &task->payload, 0);
    if (size)
        *size = task->payload.failed ? 0 : task->payload.size - 1;
    return text;
}

static struct plugin_text *add_text(struct fan_task *task, struct span name)
{
    if (task->text_count == task->text_capacity) {
        const size_t capacity = task->text_capacity * 2 + 8;
        struct plugin_text *grown =
            reallocarray(task->text, capacity, sizeof *grown);
        if (!grown) {
            task->no_memory = true;
            return NULL;
        }
        task->text = grown;
        task->text_capacity = capacity;
    }
    struct plugin_text *text = &task->text[task->text_count++];
    *text = (struct plugin_text){.at = task->texts.size, .name = name};
    return text;
}

static void put_text(struct fan_task *task, const uint8_t *at, size_t size)
{
    if (size > 0)
        buffer_append(&task->texts, at, size);
}

static void end_text(struct fan_task *task, struct plugin_text *text)
{
    text->size = task->texts.size - text->at;
    put_u8(&task->texts, 0);
}

// The first argument of the command is the plugin itself. In the others the
// slot's number goes in at its marks.
static bool add_arguments(struct fan_task *task)
{
    struct wire_list args = task->command.args, marks = task->command.marks;
    struct wire_slot_mark mark;
    struct span arg;
    bool marked = wire_next_mark(&marks, &mark);
    for (uint32_t index = 0; wire_next_arg(&args, &arg); index++) {
        while (marked && mark.arg < index)
            marked = wire_next_mark(&marks, &mark);
        if (index == 0)
            continue;
        struct plugin_text *text = add_text(task, (struct span){0});
        size_t done = 0;
        if (!text)
            return false;
        for (; marked && mark.arg == index;
             marked = wire_next_mark(&marks, &mark)) {
            put_text(task, arg.at + done, mark.offset - done);
            buffer_printf(&task->texts, "%u", task->seat->slot);
            done = mark.offset;
        }
        put_text(task, arg.at + done, arg.size - done);
        end_text(task, text);
    }
    return true;
}

// Where no arguments were given the values are, which travel once.
static void make_texts(struct fan_task *task)
{
    struct wire_list values = task->command.values;
    struct wire_pair pair;
    reuse(&task->texts);
    task->text_count = 0;
    bool good = add_arguments(task);
    task->first_argument = 0;
    task->argument_count = task->first_value = task->text_count;
    while (good && wire_next_pair(&values, &pair)) {
        struct plugin_text *text = add_text(task, pair.name);
        good = text;
        if (!good)
            break;
        put_text(task, pair.value.at, pair.value.size);
        end_text(task, text);
    }
    task->value_count = task->text_count - task->first_value;
    if (task->argument_count == 0)
        task->argument_count = task->value_count;
    task->has_texts = true;
}

static const char *text_of(struct fan_task *task, size_t index, size_t *size)
{
    const struct plugin_text *text = &task->text[index];
    if (size)
        *size = task->texts.failed ? 0 : text->size;
    return text_at(task, &task->texts, text->at);
}

size_t fan_argument_count(struct fan_task *task)
{
    if (!task->has_texts)
        make_texts(task);
    return task->argument_count;
}

const char *fan_argument(struct fan_task *task, size_t index, size_t *size)
{
    if (index >= fan_argument_count(task))
        return NULL;
    return text_of(task, task->first_argument + index, size);
}

const char *fan_value(struct fan_task *task, const char *name, size_t *size)
{
    (void)fan_argument_count(task);
    for (size_t i = 0; i < task->value_count; i++)
        if (span_equal(task->text[task->first_value + i].name,
                       span_of_text(name)))
            return text_of(task, task->first_value + i, size);
    return NULL;
}

uint64_t fan_number(const struct fan_task *task)
{
    return task->held->task;
}

uint64_t fan_seed(const struct fan_task *task)
{
    return template_seed(task->seat->plugin->settings.seed, task->held->task);
}

uint32_t fan_attempt(const struct fan_task *task)
{
    return task->held->failures + 1;
}

uint32_t fan_slot(const struct fan_task *task)
{
    return task->seat->slot;
}

const unsigned char *fan_key(const struct fan_task *task)
{
    return task->held->key.byte;
}

static int append(struct fan_task *task, struct plugin_stream *stream,
                  const void *data, size_t size)
{
    const struct plugin_settings *settings = &task->seat->plugin->settings;
    const uint64_t room = settings->output_max - stream->bytes.size;
    const size_t fits = size < room ? size : (size_t)room;
    if (fits > 0 && !stream->cut)
        buffer_append(&stream->bytes, data, fits);
    stream->cut = stream->cut || fits < size;
    task->no_memory = task->no_memory || stream->bytes.failed;
    return stream->cut || stream->bytes.failed ? -1 : 0;
}

int fan_write(struct fan_task *task, const void *data, size_t size)
{
    return append(task, &task->out, data, size);
}

static int append_formatted(struct fan_task *task, struct plugin_stream *stream,
                            const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

// Short texts need no memory.
static int append_formatted(struct fan_task *task, struct plugin_stream *stream,
                            const char *format, va_list arguments)
{
    char text[512];
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(text, sizeof text, format, arguments);
    int code = 0;
    if (size < 0) {
        task->no_memory = true;
        code = -1;
    } else if ((size_t)size < sizeof text) {
        code = append(task, stream, text, (size_t)size);
    } else {
        char *longer = NULL;
        size = vasprintf(&longer, format, again);
        if (size < 0) {
            task->no_memory = true;
            code = -1;
        } else {
            code = append(task, stream, longer, (size_t)size);
            free(longer);
        }
    }
    va_end(again);
    return code;
}

int fan_printf(struct fan_task *task, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int code = append_formatted(task, &task->out, format, arguments);
    va_end(arguments);
    return code;
}

int fan_complain(struct fan_task *task, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int code = append_formatted(task, &task->err, format, arguments);
    va_end(arguments);
    const struct buffer *bytes = &task->err.bytes;
    if (code == 0 && (bytes->size == 0 || bytes->at[bytes->size - 1] != '\n'))
        code = append(task, &task->err, "\n", 1);
    return code;
}

void fan_progress(struct fan_task *task, double part, const char *text)
{
    struct plugin_seat *seat = task->seat;
    const struct span span = span_of_text(text);
    if (seat->say) {
        seat->say(task, part, span);
        return;
    }
    (void)pthread_mutex_lock(&seat->lock);
    progress_set(&seat->progress, part, span);
    seat->progress_of = task->number;
    (void)pthread_mutex_unlock(&seat->lock);
}

int fan_cancelled(const struct fan_task *task)
{
    const struct plugin_seat *seat = task->seat;
    return atomic_load_explicit(&seat->stop, memory_order_relaxed) ==
               task->number ||
           atomic_load_explicit(&seat->plugin->over, memory_order_relaxed);
}
