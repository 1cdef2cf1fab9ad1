#include "ventilator/priority.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int priority_open(struct priority *priority, const char *text,
                  const struct template_options *options,
                  struct problem *problem)
{
    const struct template_options own = {.names = options->names,
                                         .name_count = options->name_count};
    if (!text)
        return 0;
    priority->template = template_create(&text, 1, &own, problem);
    if (!priority->template)
        return problem->code;
    if (template_is_constant(priority->template))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--priority %.64s is the same for all tasks: name "
                            "a value of theirs, such as --priority {1}, or a "
                            "column or field",
                            text);
    return 0;
}

void priority_close(struct priority *priority)
{
    template_destroy(&priority->template);
    buffer_free(&priority->scratch);
}

// Neither hexadecimal, nor infinite, nor with anything behind it.
static bool read_number(const char *text, double *value)
{
    char *end = NULL;
    const size_t size = strlen(text);
    *value = strtod(text, &end);
    return strspn(text, "+-.0123456789eE") == size && end == text + size &&
           isfinite(*value);
}

int priority_of(struct priority *priority, const struct template_task *task,
                double *value, struct problem *problem)
{
    struct buffer *const text = &priority->scratch;
    *value = 0;
    if (!priority->template)
        return 0;
    buffer_clear(text);
    const int error = template_text(priority->template, task, text, problem);
    if (error == -ENOENT)
        problem_clear(problem);
    else if (error != 0)
        return error;
    put_u8(text, 0);
    if (text->failed)
        return problem_set(problem, -ENOMEM, "out of memory");
    const char *const typed = (const char *)text->at;
    if (error == -ENOENT || !*typed || strcmp(typed, "null") == 0) {
        priority->missing++;
        return 0;
    }
    priority->given++;
    if (read_number(typed, value))
        return 0;
    return problem_set(problem, -EINVAL,
                       "task %llu: its priority '%.64s' is no number",
                       (unsigned long long)task->task, typed);
}
