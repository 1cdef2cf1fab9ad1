#include "common/template/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One expansion: each argument is made where it stands in the command. */
struct expansion {
    const struct template *template;
    const struct template_task *task;
    struct problem *problem;
    struct buffer *out;
    size_t arg_count, args_size;
    struct wire_slot_mark *marks;
    size_t mark_count, mark_capacity;
    size_t start; // of the argument or path being made
    bool quoted;  // values are quoted for the shell
};

static int no_memory(struct expansion *e)
{
    return problem_set(e->problem, -ENOMEM, "out of memory");
}

static int add_mark(struct expansion *e)
{
    if (e->mark_count == WIRE_ARGS_MAX)
        return problem_set(e->problem, -E2BIG, "{%%} stands there too often");
    if (e->mark_count == e->mark_capacity) {
        const size_t more = e->mark_capacity * 2 + 8;
        struct wire_slot_mark *grown =
            reallocarray(e->marks, more, sizeof *grown);
        if (!grown)
            return no_memory(e);
        e->marks = grown;
        e->mark_capacity = more;
    }
    e->marks[e->mark_count++] =
        (struct wire_slot_mark){.arg = (uint16_t)e->arg_count,
                                .offset = (uint32_t)(e->out->size - e->start)};
    return 0;
}

static void add_whole(struct expansion *e, enum piece_form form)
{
    const struct template_task *task = e->task;
    if (task->whole.at) {
        template_form(e->out, task->whole, form, e->quoted);
        return;
    }
    for (size_t i = 0; i < task->value_count; i++) {
        if (i > 0)
            buffer_append(e->out, " ", 1);
        template_form(e->out, task->values[i].value, form, e->quoted);
    }
}

static int add_named(struct expansion *e, const struct piece *piece)
{
    const struct template_task *task = e->task;
    for (size_t i = 0; i < task->value_count; i++)
        if (span_equal(task->values[i].name, piece->text)) {
            template_form(e->out, task->values[i].value, piece->form,
                          e->quoted);
            return 0;
        }
    return problem_set(e->problem, -ENOENT, "task %llu has no value {%.*s}",
                       (unsigned long long)task->task,
                       piece->text.size > 64 ? 64 : (int)piece->text.size,
                       (const char *)piece->text.at);
}

static int add_column(struct expansion *e, const struct piece *piece)
{
    if (piece->column > e->task->value_count)
        return problem_set(e->problem, -ENOENT,
                           "task %llu has no value {%zu}: it has %zu",
                           (unsigned long long)e->task->task, piece->column,
                           e->task->value_count);
    template_form(e->out, e->task->values[piece->column - 1].value, piece->form,
                  e->quoted);
    return 0;
}

static int add_piece(struct expansion *e, const struct piece *piece)
{
    switch (piece->kind) {
    case PIECE_TEXT:
        buffer_append(e->out, piece->text.at, piece->text.size);
        return 0;
    case PIECE_WHOLE:
        add_whole(e, piece->form);
        return 0;
    case PIECE_COLUMN:
        return add_column(e, piece);
    case PIECE_NAME:
        return add_named(e, piece);
    case PIECE_TASK:
        buffer_printf(e->out, "%llu", (unsigned long long)e->task->task);
        return 0;
    case PIECE_SLOT:
        return add_mark(e);
    case PIECE_SEED:
        buffer_printf(e->out, "%llu", (unsigned long long)e->task->seed);
        return 0;
    }
    return -EINVAL;
}

// Stops early, so that one task cannot make gigabytes of {} {} {}.
static int add_word(struct expansion *e, const struct word *word)
{
    for (size_t i = 0; i < word->count; i++) {
        const int error = add_piece(e, &e->template->pieces[word->first + i]);
        if (error != 0)
            return error;
        if (e->out->failed)
            return no_memory(e);
        if (e->out->size - e->start >= TEMPLATE_ARG_MAX)
            break;
    }
    return 0;
}

static void begin_arg(struct expansion *e)
{
    e->start = wire_begin_arg(e->out);
}

static int end_arg(struct expansion *e)
{
    const unsigned long long task = e->task->task;
    if (e->out->failed)
        return no_memory(e);
    const size_t size = e->out->size - e->start;
    e->args_size += size;
    if (size >= TEMPLATE_ARG_MAX)
        return problem_set(e->problem, -E2BIG,
                           "task %llu: argument %zu is over 128 KiB", task,
                           e->arg_count);
    if (e->args_size > TEMPLATE_ARGS_MAX)
        return problem_set(e->problem, -E2BIG,
                           "task %llu: its arguments are over 1 MiB", task);
    if (size > 0 && memchr(e->out->at + e->start, '\0', size))
        return problem_set(e->problem, -EINVAL,
                           "task %llu: a value holds a NUL byte", task);
    if (e->arg_count == WIRE_ARGS_MAX)
        return problem_set(e->problem, -E2BIG,
                           "task %llu has more than %d arguments", task,
                           WIRE_ARGS_MAX);
    e->arg_count++;
    wire_end_arg(e->out, e->start);
    return 0;
}

static int add_fixed(struct expansion *e, const char *text)
{
    begin_arg(e);
    buffer_append_text(e->out, text);
    return end_arg(e);
}

static int add_appended(struct expansion *e)
{
    const struct template_task *task = e->task;
    const bool lone = task->value_count == 0 && task->whole.at;
    const size_t count = lone ? 1 : task->value_count;
    for (size_t i = 0; i < count; i++) {
        const struct span value = lone ? task->whole : task->values[i].value;
        if (e->template->shell)
            buffer_append(e->out, " ", 1);
        else
            begin_arg(e);
        template_form(e->out, value, FORM_PLAIN, e->quoted);
        const int error = e->template->shell ? 0 : end_arg(e);
        if (error != 0)
            return error;
        if (e->out->size - e->start >= TEMPLATE_ARG_MAX)
            break;
    }
    return 0;
}

static int add_words(struct expansion *e)
{
    const struct template *template = e->template;
    for (size_t i = 0; i < template->word_count; i++) {
        if (!template->shell)
            begin_arg(e);
        else if (i > 0)
            buffer_append(e->out, " ", 1);
        int error =
            i == 0 && template->called ? 0 : add_word(e, &template->words[i]);
        if (error == 0 && !template->shell)
            error = end_arg(e);
        if (error != 0)
            return error;
        if (e->out->size - e->start >= TEMPLATE_ARG_MAX)
            return 0; // end_arg refuses it
    }
    return template->append && !template->has_values ? add_appended(e) : 0;
}

static int make_args(struct expansion *e)
{
    const struct template *template = e->template;
    if (!template->shell && !template->lines)
        return add_words(e);
    int error = add_fixed(e, "/bin/sh");
    if (error == 0)
        error = add_fixed(e, "-c");
    if (error != 0)
        return error;
    e->quoted = !template->lines;
    begin_arg(e);
    if (template->lines)
        add_whole(e, FORM_PLAIN);
    else
        error = add_words(e);
    return error == 0 ? end_arg(e) : error;
}

static int make_path(struct expansion *e, bool there, const struct word *word)
{
    e->start = wire_begin_path(e->out);
    if (!there)
        return 0;
    e->quoted = false;
    const int error = add_word(e, word);
    if (error != 0)
        return error;
    const unsigned long long task = e->task->task;
    const size_t size = e->out->size - e->start;
    if (size >= TEMPLATE_PATH_MAX)
        return problem_set(e->problem, -E2BIG,
                           "task %llu: the path of its output is over 4 KiB",
                           task);
    if (size == 0 || memchr(e->out->at + e->start, '\0', size))
        return problem_set(e->problem, -EINVAL,
                           "task %llu: the path of its output is empty or "
                           "holds a NUL byte",
                           task);
    wire_end_path(e->out, e->start);
    return 0;
}

static int check_values(const struct template *template,
                        const struct template_task *task,
                        struct problem *problem)
{
    size_t size = 0;
    bool good = task->value_count <= WIRE_ARGS_MAX;
    for (size_t i = 0; good && i < task->value_count; i++) {
        size += task->values[i].value.size;
        good = task->values[i].name.size <= WIRE_TEXT_MAX &&
               size <= WIRE_CONTROL_MAX;
    }
    if (!good)
        return problem_set(problem, -E2BIG,
                           "task %llu has too many or too long values",
                           (unsigned long long)task->task);
    if (template->input && task->input.size > WIRE_CONTROL_MAX)
        return problem_set(problem, -E2BIG, "task %llu: its input is too long",
                           (unsigned long long)task->task);
    return 0;
}

// Flags, arguments and marks.
static int make_head(struct expansion *e)
{
    const struct template *template = e->template;
    const unsigned flags =
        (template->input ? (unsigned)COMMAND_INPUT : 0) |
        (template->has_stdout ? (unsigned)COMMAND_STDOUT_FILE : 0) |
        (template->has_stderr ? (unsigned)COMMAND_STDERR_FILE : 0);
    const size_t begun = wire_begin_command(e->out, (uint8_t)flags);
    const int error = make_args(e);
    if (error == 0)
        wire_end_args(e->out, begun, e->arg_count, e->marks, e->mark_count);
    return error;
}

static int make_command(struct expansion *e)
{
    const struct template *template = e->template;
    const struct template_task *task = e->task;
    int error = 0;
    if (template->head.size > 0)
        buffer_append(e->out, template->head.at, template->head.size);
    else
        error = make_head(e);
    if (error != 0)
        return error;
    wire_put_values(e->out,
                    (struct wire_pairs_out){task->values, task->value_count});
    put_span32(e->out, template->input ? task->input : (struct span){0});
    error = make_path(e, template->has_stdout, &template->stdout_path);
    if (error == 0)
        error = make_path(e, template->has_stderr, &template->stderr_path);
    if (error == 0 && e->out->failed)
        error = no_memory(e);
    return error;
}

// Where that cannot be, each task is told why.
void template_make_head(struct template *template)
{
    struct problem unused = {0};
    const struct template_task none = {0};
    struct expansion e = {.template = template,
                          .task = &none,
                          .problem = &unused,
                          .out = &template->head};
    if (make_head(&e) != 0 || template->head.failed)
        buffer_free(&template->head);
    free(e.marks);
}

int template_expand(const struct template *template,
                    const struct template_task *task, struct buffer *out,
                    struct problem *problem)
{
    struct expansion e = {
        .template = template, .task = task, .problem = problem, .out = out};
    const size_t before = out->size;
    int error = check_values(template, task, problem);
    if (error == 0)
        error = make_command(&e);
    if (error != 0)
        out->size = before;
    free(e.marks);
    return error;
}

int template_text(const struct template *template,
                  const struct template_task *task, struct buffer *out,
                  struct problem *problem)
{
    struct expansion e = {.template = template,
                          .task = task,
                          .problem = problem,
                          .out = out,
                          .start = out->size};
    const int error = add_word(&e, &template->words[0]);
    free(e.marks);
    return error;
}

bool template_is_constant(const struct template *template)
{
    return template->same_args;
}
