#include "ventilator/source_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Numbers of an array and, as in numset.h, of tasks.
#define NUMBER_MAX (UINT64_C(1) << 40)

struct range {
    uint64_t first, step, count;
};

struct source_array {
    struct range *ranges;
    size_t count;
    uint64_t total;
};

static bool read_number(const char **at, uint64_t *number)
{
    const char *from = *at;
    *number = 0;
    while (**at >= '0' && **at <= '9' && *number <= NUMBER_MAX)
        *number = *number * 10 + (uint64_t)(*(*at)++ - '0');
    return *at > from && *number <= NUMBER_MAX;
}

// A, A-B or A-B:S, as in Slurm. False when it is none of them.
static bool read_range(const char **at, struct range *range)
{
    uint64_t last;
    range->step = 1;
    if (!read_number(at, &range->first))
        return false;
    last = range->first;
    if (**at == '-') {
        (*at)++;
        if (!read_number(at, &last) || last < range->first)
            return false;
        if (**at == ':') {
            (*at)++;
            if (!read_number(at, &range->step) || range->step == 0)
                return false;
        }
    }
    range->count = (last - range->first) / range->step + 1;
    return true;
}

static int read_ranges(struct source_array *array, const char *text,
                       struct problem *problem)
{
    const char *at = text;
    for (bool more = true; more; at++) {
        struct range *grown =
            realloc(array->ranges, (array->count + 1) * sizeof *grown);
        if (!grown)
            return problem_set(problem, -ENOMEM, "out of memory");
        array->ranges = grown;
        struct range *range = &grown[array->count++];
        if (!read_range(&at, range) || (*at != '\0' && *at != ','))
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--array %.200s: give A-B, A-B:STEP, or a list "
                                "such as 1,3,5-9",
                                text);
        array->total += range->count;
        if (array->total > NUMBER_MAX)
            return problem_exit(problem, EXIT_USAGE, -ERANGE,
                                "--array %.200s: too many tasks", text);
        more = *at == ',';
    }
    return 0;
}

int source_open_array(struct source *source, const char *text,
                      struct problem *problem)
{
    source->kind = &SOURCE_KIND_ARRAY;
    source->array = calloc(1, sizeof *source->array);
    if (!source->array || source_add_name(source, strdup("array")) != 0)
        return problem_set(problem, -ENOMEM, "out of memory");
    return read_ranges(source->array, text, problem);
}

static enum source_result next_number(struct source *source,
                                      struct source_task *task,
                                      struct problem *problem)
{
    uint64_t index = source->ordinal - 1;
    const struct range *range = source->array->ranges;
    if (index >= source->array->total)
        return SOURCE_END;
    for (; index >= range->count; range++)
        index -= range->count;
    struct wire_pair *value = source_add_value(source);
    buffer_clear(&source->scratch);
    buffer_printf(&source->scratch, "%llu",
                  (unsigned long long)(range->first + index * range->step));
    if (!value || source->scratch.failed) {
        problem_set(problem, -ENOMEM, "out of memory");
        return SOURCE_ERROR;
    }
    value->name = span_of_text(source->names[0]);
    value->value = buffer_span(&source->scratch);
    task->whole = task->input = value->value;
    return SOURCE_TASK;
}

static void close_array(struct source *source)
{
    if (!source->array)
        return;
    free(source->array->ranges);
    free(source->array);
}

static uint64_t total_of_array(const struct source *source)
{
    return source->array->total;
}

const struct source_kind SOURCE_KIND_ARRAY = {
    .next = next_number, .close = close_array, .total = total_of_array};
