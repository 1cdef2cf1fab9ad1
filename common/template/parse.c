#include "common/template/parts.h"

#include "common/base/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct form_row {
    const char *suffix;
    size_t size;
    enum piece_form form;
} FORMS[] = {
    // longest first
    {"//", 2, FORM_DIRECTORY},
    {"/.", 2, FORM_BASE_NO_EXTENSION},
    {"/", 1, FORM_BASE},
    {".", 1, FORM_NO_EXTENSION},
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_name_start(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '_' || byte >= 0x80;
}

static bool is_name(struct span text)
{
    if (text.size == 0 || !is_name_start(text.at[0]))
        return false;
    for (size_t i = 1; i < text.size; i++)
        if (!is_name_start(text.at[i]) && !is_digit(text.at[i]) &&
            text.at[i] != '.' && text.at[i] != '-')
            return false;
    return true;
}

static bool is_number(struct span text, size_t *number)
{
    *number = 0;
    if (text.size == 0 || text.size > TEMPLATE_COLUMN_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.at[i]))
            return false;
        *number = *number * 10 + (size_t)(text.at[i] - '0');
    }
    return true;
}

static bool is_known(const struct template_options *options, struct span name)
{
    for (size_t i = 0; options->names && i < options->name_count; i++)
        if (span_equal(name, span_of_text(options->names[i])))
            return true;
    return false;
}

static int unknown_name(const struct template_options *options,
                        struct span name, struct problem *problem)
{
    struct nearest nearest;
    nearest_begin(&nearest, name, SIZE_MAX);
    for (size_t i = 0; i < options->name_count; i++)
        nearest_try(&nearest, options->names[i]);
    const int size = name.size > 64 ? 64 : (int)name.size;
    const char *text = (const char *)name.at;
    if (options->name_count == 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "{%.*s} names no value: the input has no names",
                            size, text);
    return problem_exit(
        problem, EXIT_USAGE, -EINVAL, "{%.*s} names no column%s%s%s", size,
        text, nearest.word ? "; did you mean {" : "",
        nearest.word ? nearest.word : "", nearest.word ? "}?" : "");
}

// Tells a value placeholder's base from its form: `{1.}`, `{name//}`.
static void split_form(const struct template_options *options,
                       struct span inside, struct piece *piece)
{
    piece->text = inside;
    piece->form = FORM_PLAIN;
    if (is_known(options, inside))
        return;
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        const struct form_row *row = &FORMS[i];
        if (inside.size >= row->size &&
            memcmp(inside.at + inside.size - row->size, row->suffix,
                   row->size) == 0) {
            piece->text.size -= row->size;
            piece->form = row->form;
            return;
        }
    }
}

// What stands between braces. Returns 1 for a placeholder, 0 for plain text.
static int read_placeholder(const struct template_options *options,
                            struct span inside, bool after_dollar,
                            struct piece *piece, struct problem *problem)
{
    *piece = (struct piece){.kind = PIECE_WHOLE, .text = inside};
    if (span_equal(inside, SPAN_OF("#")))
        piece->kind = PIECE_TASK;
    else if (span_equal(inside, SPAN_OF("%")))
        piece->kind = PIECE_SLOT;
    else if (span_equal(inside, SPAN_OF("seed")))
        piece->kind = PIECE_SEED;
    if (piece->kind != PIECE_WHOLE)
        return 1;
    split_form(options, inside, piece);
    if (piece->text.size == 0)
        return 1;
    if (is_number(piece->text, &piece->column)) {
        piece->kind = PIECE_COLUMN;
        if (piece->column == 0)
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "{0}: columns are counted from 1");
        return 1;
    }
    piece->kind = PIECE_NAME;
    if (is_known(options, piece->text))
        return 1;
    if (!is_name(piece->text))
        return 0;
    if (!options->names)
        return 1;
    // ${HOME} is the shell's unless a column has that name.
    return after_dollar ? 0 : unknown_name(options, piece->text, problem);
}

static int add_piece(struct template *template, const struct piece *piece)
{
    if (template->piece_count == template->piece_capacity) {
        const size_t capacity = template->piece_capacity * 2 + 8;
        struct piece *grown =
            realloc(template->pieces, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        template->pieces = grown;
        template->piece_capacity = capacity;
    }
    template->pieces[template->piece_count++] = *piece;
    return 0;
}

static int add_text(struct template *template, const uint8_t *from,
                    const uint8_t *to)
{
    const struct piece piece = {.kind = PIECE_TEXT,
                                .text = {from, (size_t)(to - from)}};
    return from == to ? 0 : add_piece(template, &piece);
}

int template_parse(struct template *template, struct span typed,
                   const struct template_options *options, struct word *word,
                   struct problem *problem)
{
    const uint8_t *const end = typed.at + typed.size;
    const uint8_t *text = typed.at;
    const uint8_t *open = NULL; // the last brace seen
    word->first = template->piece_count;
    for (const uint8_t *at = typed.at; at < end; at++) {
        if (*at == '{')
            open = at;
        if (*at != '}' || !open)
            continue;
        struct piece piece;
        const struct span inside = {open + 1, (size_t)(at - open - 1)};
        const bool after_dollar = open > typed.at && open[-1] == '$';
        const int found =
            read_placeholder(options, inside, after_dollar, &piece, problem);
        if (found < 0)
            return found;
        if (found > 0) {
            if (add_text(template, text, open) != 0 ||
                add_piece(template, &piece) != 0)
                return problem_set(problem, -ENOMEM, "out of memory");
            text = at + 1;
        }
        open = NULL;
    }
    if (add_text(template, text, end) != 0)
        return problem_set(problem, -ENOMEM, "out of memory");
    word->count = template->piece_count - word->first;
    return 0;
}
