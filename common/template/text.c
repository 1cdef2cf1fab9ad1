#include "common/template/parts.h"

#include <string.h>

static bool is_safe(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') ||
           (byte != '\0' && strchr("_@%+:,./-", byte));
}

static bool is_safe_text(struct span text, bool equals_too)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_safe(text.at[i]) && !(equals_too && text.at[i] == '='))
            return false;
    return true;
}

// The inside of single quotes.
static void put_quoted(struct buffer *out, struct span text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] == '\'') {
            buffer_append(out, text.at + from, i - from);
            buffer_append_text(out, "'\\''");
            from = i + 1;
        }
    if (from < text.size)
        buffer_append(out, text.at + from, text.size - from);
}

void template_quote(struct buffer *out, struct span text)
{
    if (text.size > 0 && is_safe_text(text, false)) {
        buffer_append(out, text.at, text.size);
        return;
    }
    buffer_append_text(out, "'");
    put_quoted(out, text);
    buffer_append_text(out, "'");
}

static size_t after_last_slash(struct span value)
{
    size_t size = value.size;
    while (size > 0 && value.at[size - 1] != '/')
        size--;
    return size;
}

static struct span base_of(struct span value)
{
    const size_t base = after_last_slash(value);
    return (struct span){value.at + base, value.size - base};
}

// As GNU parallel: what follows the last dot, unless that is in a directory.
static struct span without_extension(struct span value)
{
    const size_t base = after_last_slash(value);
    for (size_t size = value.size; size > base; size--)
        if (value.at[size - 1] == '.')
            return (struct span){value.at, size - 1};
    return value;
}

static struct span directory_of(struct span value)
{
    size_t size = after_last_slash(value);
    if (size == 0)
        return SPAN_OF(".");
    while (size > 1 && value.at[size - 1] == '/')
        size--;
    return (struct span){value.at, size};
}

void template_form(struct buffer *out, struct span value, enum piece_form form,
                   bool quoted)
{
    struct span text = value.at ? value : SPAN_OF("");
    switch (form) {
    case FORM_PLAIN:
        break;
    case FORM_NO_EXTENSION:
        text = without_extension(text);
        break;
    case FORM_BASE:
        text = base_of(text);
        break;
    case FORM_DIRECTORY:
        text = directory_of(text);
        break;
    case FORM_BASE_NO_EXTENSION:
        text = without_extension(base_of(text));
        break;
    }
    if (quoted)
        template_quote(out, text);
    else
        buffer_append(out, text.at, text.size);
}

struct slots {
    struct wire_list marks;
    struct wire_slot_mark next;
    bool left;
    uint32_t slot;
};

// Appends an argument with its slot numbers; quoted or as it stands.
static void put_arg(struct buffer *out, struct span arg, uint16_t index,
                    struct slots *slots, bool quoted)
{
    size_t from = 0;
    while (slots->left && slots->next.arg == index) {
        size_t to = slots->next.offset;
        if (to < from || to > arg.size)
            to = from;
        const struct span part = {arg.at + from, to - from};
        if (quoted)
            put_quoted(out, part);
        else if (part.size > 0)
            buffer_append(out, part.at, part.size);
        if (slots->slot == 0)
            buffer_append_text(out, "{%}");
        else
            buffer_printf(out, "%u", slots->slot);
        from = to;
        slots->left = wire_next_mark(&slots->marks, &slots->next);
    }
    const struct span rest = {arg.at + from, arg.size - from};
    if (quoted)
        put_quoted(out, rest);
    else if (rest.size > 0)
        buffer_append(out, rest.at, rest.size);
}

// True when the command is `/bin/sh -c LINE`; gives the line.
static bool is_shell_line(const struct wire_command *command, struct span *line)
{
    struct wire_list args = command->args;
    struct span shell, option;
    return args.count == 3 && wire_next_arg(&args, &shell) &&
           wire_next_arg(&args, &option) && wire_next_arg(&args, line) &&
           span_equal(shell, SPAN_OF("/bin/sh")) &&
           span_equal(option, SPAN_OF("-c"));
}

void command_text(const struct wire_command *command, uint32_t slot,
                  struct buffer *out)
{
    struct slots slots = {.marks = command->marks, .slot = slot};
    slots.left = wire_next_mark(&slots.marks, &slots.next);
    struct span arg;
    if (is_shell_line(command, &arg)) {
        put_arg(out, arg, 2, &slots, false);
        return;
    }
    struct wire_list args = command->args;
    for (uint16_t i = 0; wire_next_arg(&args, &arg); i++) {
        const bool marked = slots.left && slots.next.arg == i;
        const bool quoted =
            (arg.size == 0 && !marked) || !is_safe_text(arg, i > 0);
        if (i > 0)
            buffer_append_text(out, " ");
        if (quoted)
            buffer_append_text(out, "'");
        put_arg(out, arg, i, &slots, quoted);
        if (quoted)
            buffer_append_text(out, "'");
    }
}
