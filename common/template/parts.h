/* parts - what a parsed template is made of; shared by this folder only */
#ifndef COMMON_TEMPLATE_PARTS_H
#define COMMON_TEMPLATE_PARTS_H

#include "common/template/template.h"

enum {
    TEMPLATE_ARG_MAX = 128 << 10,  // bytes with the NUL: MAX_ARG_STRLEN
    TEMPLATE_ARGS_MAX = 1 << 20,   // bytes of all arguments
    TEMPLATE_PATH_MAX = 4096,      // bytes with the NUL: PATH_MAX
    TEMPLATE_COLUMN_DIGITS_MAX = 5 // longer numbers are plain text
};

enum piece_kind {
    PIECE_TEXT,   // `text` as it stands
    PIECE_WHOLE,  // {}: the line, or all values
    PIECE_COLUMN, // {3}
    PIECE_NAME,   // {name}: `text` is the name
    PIECE_TASK,   // {#}
    PIECE_SLOT,   // {%}
    PIECE_SEED,   // {seed}
};

/* GNU parallel's changes of a value. */
enum piece_form {
    FORM_PLAIN,
    FORM_NO_EXTENSION,      // {.}
    FORM_BASE,              // {/}
    FORM_DIRECTORY,         // {//}
    FORM_BASE_NO_EXTENSION, // {/.}
};

struct piece {
    enum piece_kind kind;
    enum piece_form form;
    size_t column; // from 1
    struct span text;
};

/* An argument or a path: pieces[first] and the following. */
struct word {
    size_t first, count;
};

struct template
{
    bool append, shell, lines, input, called;
    bool has_values;    // a value placeholder stands in the command
    bool key_whole;     // what runs depends on the line itself
    bool same_args;     // for every task
    struct buffer head; // the command up to its values then, else empty
    struct id128 typed_hash;
    uint8_t *typed; // the bytes pieces point into
    struct piece *pieces;
    size_t piece_count, piece_capacity;
    struct word *words;
    size_t word_count;
    bool has_stdout, has_stderr;
    struct word stdout_path, stderr_path;
};

/* Splits `typed`, which stays with the template, into pieces. Returns 0,
 * -ENOMEM or -EINVAL with a usage problem. */
int template_parse(struct template *template, struct span typed,
                   const struct template_options *options, struct word *word,
                   struct problem *problem);

/* Makes `head`, once, where the arguments are the same for every task. */
void template_make_head(struct template *template);

/* Appends `text` quoted for a POSIX shell where it needs quotes. */
void template_quote(struct buffer *out, struct span text);
/* Appends `value` in `form`. */
void template_form(struct buffer *out, struct span value, enum piece_form form,
                   bool quoted);

#endif
