#include "common/wire/codec.h"

#include <string.h>

void wire_put_values(struct buffer *out, struct wire_pairs_out values)
{
    codec_put_count16(out, values.count);
    codec_put_pairs(out, values);
}

size_t wire_begin_command(struct buffer *out, uint8_t flags)
{
    put_u8(out, flags);
    put_u16(out, 0);
    return out->size;
}

size_t wire_begin_arg(struct buffer *out)
{
    put_u32(out, 0);
    return out->size;
}

void wire_end_arg(struct buffer *out, size_t begun)
{
    const size_t size = out->size - begun;
    if (size > UINT32_MAX)
        out->failed = true;
    if (!out->failed)
        store_u32(out->at + begun - sizeof(uint32_t), (uint32_t)size);
}

size_t wire_begin_path(struct buffer *out)
{
    put_u16(out, 0);
    return out->size;
}

// Also of the count of arguments.
static void set_u16(struct buffer *out, size_t begun, size_t value)
{
    if (value > UINT16_MAX)
        out->failed = true;
    if (!out->failed)
        store_u16(out->at + begun - sizeof(uint16_t), (uint16_t)value);
}

void wire_end_path(struct buffer *out, size_t begun)
{
    set_u16(out, begun, out->size - begun);
}

void wire_end_args(struct buffer *out, size_t begun, size_t count,
                   const struct wire_slot_mark *marks, size_t mark_count)
{
    set_u16(out, begun, count);
    codec_put_count16(out, mark_count);
    for (size_t i = 0; i < mark_count; i++) {
        put_u16(out, marks[i].arg);
        put_u32(out, marks[i].offset);
    }
}

void wire_put_command(struct buffer *out,
                      const struct wire_command_out *command)
{
    const size_t begun = wire_begin_command(out, command->flags);
    for (size_t i = 0; i < command->arg_count; i++)
        put_span32(out, command->args[i]);
    wire_end_args(out, begun, command->arg_count, command->marks,
                  command->mark_count);
    wire_put_values(out, command->values);
    put_span32(out, command->input);
    put_span16(out, command->stdout_path);
    put_span16(out, command->stderr_path);
}

static bool has_nul(struct span text)
{
    return text.size > 0 && memchr(text.at, '\0', text.size);
}

static void check_arg(struct reader *reader)
{
    if (has_nul(read_span32(reader)))
        reader->failed = true;
}

static struct wire_slot_mark read_mark(struct reader *reader)
{
    struct wire_slot_mark mark;
    mark.arg = read_u16(reader);
    mark.offset = read_u32(reader);
    return mark;
}

static void check_mark(struct reader *reader)
{
    (void)read_mark(reader);
}

static struct span read_path(struct reader *reader)
{
    const struct span path = read_span16(reader);
    if (has_nul(path))
        reader->failed = true;
    return path;
}

static const struct codec_kind ARGS = {check_arg, 4, WIRE_ARGS_MAX};
static const struct codec_kind MARKS = {check_mark, 6, WIRE_ARGS_MAX};

bool wire_next_arg(struct wire_list *list, struct span *arg)
{
    if (!codec_next(list))
        return false;
    *arg = read_span32(&list->reader);
    return true;
}

bool wire_next_mark(struct wire_list *list, struct wire_slot_mark *mark)
{
    if (!codec_next(list))
        return false;
    *mark = read_mark(&list->reader);
    return true;
}

// Marks ascend by argument and offset and lie inside their argument. Both
// lists are copies, so one walk over each does.
static bool marks_fit(struct wire_list args, struct wire_list marks)
{
    struct span arg = {0};
    uint32_t walked = 0; // arguments taken; `arg` is the last of them
    struct wire_slot_mark mark, before = {0};
    while (wire_next_mark(&marks, &mark)) {
        if (mark.arg < before.arg ||
            (mark.arg == before.arg && mark.offset < before.offset))
            return false;
        while (walked <= mark.arg) {
            if (!wire_next_arg(&args, &arg))
                return false;
            walked++;
        }
        if (mark.offset > arg.size)
            return false;
        before = mark;
    }
    return true;
}

bool wire_get_command(struct span payload, struct wire_command *command)
{
    struct reader reader = reader_over(payload);
    command->flags = read_u8(&reader);
    command->args = codec_read_list16(&reader, &ARGS);
    command->marks = codec_read_list16(&reader, &MARKS);
    command->values = codec_read_pairs16(&reader);
    command->input = read_span32(&reader);
    command->stdout_path = read_path(&reader);
    command->stderr_path = read_path(&reader);
    return reader_done(&reader) && command->args.count > 0 &&
           marks_fit(command->args, command->marks);
}

struct span wire_command_values(struct span payload)
{
    struct reader reader = reader_over(payload);
    (void)read_u8(&reader);
    (void)codec_read_list16(&reader, &ARGS);
    (void)codec_read_list16(&reader, &MARKS);
    const uint8_t *begin = reader.at;
    (void)codec_read_pairs16(&reader);
    if (reader.failed || !begin)
        return (struct span){0};
    return (struct span){begin, (size_t)(reader.at - begin)};
}

// They end where the input's length stands.
struct span wire_encoded_values(const struct wire_command *command)
{
    const uint8_t *begin = command->values.reader.at - sizeof(uint16_t);
    const uint8_t *end = command->input.at - sizeof(uint32_t);
    return (struct span){begin, (size_t)(end - begin)};
}
