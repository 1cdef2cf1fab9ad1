#include "common/store/text.h"
#include "ventilator/source_parts.h"
#include "ventilator/sweep.h"
#include "ventilator/where.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char REPEAT[] = "repeat";

/* A place's offset is the number of the combination, from 0: tasks and
 * combinations differ where conditions leave some out. */
struct source_sweep {
    struct sweep *parameters;
    size_t count;
    uint64_t *strides; // combinations for which the value stays the same
    uint64_t repeat;
    uint64_t combinations; // with repetitions
    uint64_t next;
    const struct texts *where;
    size_t *ends;         // of the values within the scratch
    struct buffer object; // the values as JSON
};

static bool has_name(const struct source_sweep *sweep, const char *name,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(sweep->parameters[i].name, name) == 0)
            return true;
    return false;
}

static int two_named(struct problem *problem, const char *name)
{
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "--sweep: two parameters are named '%.200s'", name);
}

static int add_parameter(struct source *source, const char *text, uint64_t seed,
                         struct problem *problem)
{
    struct source_sweep *sweep = source->sweep;
    struct sweep *grown =
        reallocarray(sweep->parameters, sweep->count + 1, sizeof *grown);
    if (!grown)
        return problem_set(problem, -ENOMEM, "out of memory");
    sweep->parameters = grown;
    struct sweep *parameter = &grown[sweep->count++];
    const int error = sweep_read(parameter, text, seed, problem);
    if (error)
        return error;
    if (has_name(sweep, parameter->name, sweep->count - 1))
        return two_named(problem, parameter->name);
    if (sweep->count == 1 && parameter->linked)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--sweep '%.200s': there is none before it to pair "
                            "it with",
                            text);
    if (source_add_name(source, strdup(parameter->name)) != 0)
        return problem_set(problem, -ENOMEM, "out of memory");
    return 0;
}

// From the last parameter, which varies fastest, to the first. Paired ones
// have as many values.
static int measure(struct source_sweep *sweep, struct problem *problem)
{
    uint64_t stride = sweep->repeat;
    for (size_t i = sweep->count; i-- > 0;) {
        const struct sweep *parameter = &sweep->parameters[i];
        sweep->strides[i] = stride;
        if (parameter->linked) {
            if (parameter->count != parameter[-1].count)
                return problem_exit(
                    problem, EXIT_USAGE, -EINVAL,
                    "--sweep: '%s' has %llu values, '%s', which it is paired "
                    "with, %llu",
                    parameter->name, (unsigned long long)parameter->count,
                    parameter[-1].name,
                    (unsigned long long)parameter[-1].count);
            continue;
        }
        if (parameter->count > SWEEP_MAX / stride)
            return problem_exit(problem, EXIT_USAGE, -ERANGE,
                                "the sweep has over 2^40 tasks");
        stride *= parameter->count;
    }
    sweep->combinations = stride;
    return 0;
}

static int check_conditions(struct source *source, struct problem *problem);

int source_open_sweep(struct source *source, const struct settings *settings,
                      struct problem *problem)
{
    struct source_sweep *sweep = calloc(1, sizeof *sweep);
    source->kind = &SOURCE_KIND_SWEEP;
    source->sweep = sweep;
    if (!sweep)
        return problem_set(problem, -ENOMEM, "out of memory");
    sweep->repeat = settings->repeat > 0 ? settings->repeat : 1;
    sweep->where = &settings->where;
    for (size_t i = 0; i < settings->sweep.count; i++) {
        const int error = add_parameter(source, settings->sweep.at[i],
                                        settings->seed, problem);
        if (error)
            return error;
    }
    if (sweep->repeat > 1 && has_name(sweep, REPEAT, sweep->count))
        return two_named(problem, REPEAT);
    if (sweep->repeat > 1 && source_add_name(source, strdup(REPEAT)) != 0)
        return problem_set(problem, -ENOMEM, "out of memory");
    sweep->strides = calloc(sweep->count + 1, sizeof *sweep->strides);
    sweep->ends = calloc(source->name_count + 1, sizeof *sweep->ends);
    if (!sweep->strides || !sweep->ends)
        return problem_set(problem, -ENOMEM, "out of memory");
    const int error = measure(sweep, problem);
    return error ? error : check_conditions(source, problem);
}

static int make_values(struct source *source, uint64_t index)
{
    const struct source_sweep *sweep = source->sweep;
    struct buffer *out = &source->scratch;
    buffer_clear(out);
    source->value_count = 0;
    for (size_t i = 0; i < source->name_count; i++) {
        if (i < sweep->count)
            sweep_value(&sweep->parameters[i],
                        index / sweep->strides[i] % sweep->parameters[i].count,
                        out);
        else
            buffer_printf(out, "%llu",
                          (unsigned long long)(index % sweep->repeat + 1));
        sweep->ends[i] = out->size;
        put_u8(out, 0);
        if (!source_add_value(source) || out->failed)
            return -ENOMEM;
    }
    for (size_t i = 0, at = 0; i < source->name_count; i++) {
        source->values[i] =
            (struct wire_pair){.name = span_of_text(source->names[i]),
                               .value = {out->at + at, sweep->ends[i] - at}};
        at = sweep->ends[i] + 1;
    }
    return 0;
}

static int all_hold(const struct source *source, bool *holds,
                    struct problem *problem)
{
    const struct texts *where = source->sweep->where;
    *holds = true;
    for (size_t i = 0; *holds && i < where->count; i++)
        if (where_holds(where->at[i], source->values, source->value_count,
                        holds, problem) != 0)
            return problem->code;
    return 0;
}

// One that cannot be read is told at once, not after the first tasks.
static int check_conditions(struct source *source, struct problem *problem)
{
    const struct texts *where = source->sweep->where;
    int error = make_values(source, 0);
    if (error)
        return problem_set(problem, error, "out of memory");
    for (size_t i = 0; !error && i < where->count; i++) {
        bool unused;
        error = where_holds(where->at[i], source->values, source->value_count,
                            &unused, problem);
    }
    return error;
}

/* JSON of the values for FAN_TASK and standard input: numbers as numbers. */
static void put_object(struct source *source, struct buffer *out)
{
    for (size_t i = 0; i < source->value_count; i++) {
        const struct span value = source->values[i].value;
        double number;
        buffer_append_text(out, i == 0 ? "{\"" : ",\"");
        buffer_append_text(out, source->names[i]);
        buffer_append_text(out, "\":");
        if (where_number(value, &number))
            buffer_append(out, value.at, value.size);
        else if (!text_put_quoted(out, value))
            text_put_base64(out, value);
    }
    put_u8(out, '}');
}

static enum source_result next_combination(struct source *source,
                                           struct source_task *task,
                                           struct problem *problem)
{
    struct source_sweep *sweep = source->sweep;
    enum { TRIES = 64 }; // the caller has more to do than to wait for one
    bool holds = false;
    for (int i = 0; !holds; i++) {
        if (i == TRIES)
            return SOURCE_NONE;
        if (sweep->next >= sweep->combinations)
            return SOURCE_END;
        task->place.offset = sweep->next;
        const int error = make_values(source, sweep->next++);
        if (error)
            problem_set(problem, error, "out of memory");
        if (error || all_hold(source, &holds, problem) != 0)
            return SOURCE_ERROR;
    }
    buffer_clear(&sweep->object);
    put_object(source, &sweep->object);
    if (sweep->object.failed) {
        problem_set(problem, -ENOMEM, "out of memory");
        return SOURCE_ERROR;
    }
    task->input = buffer_span(&sweep->object);
    return SOURCE_TASK;
}

static void close_sweep(struct source *source)
{
    struct source_sweep *sweep = source->sweep;
    if (!sweep)
        return;
    for (size_t i = 0; i < sweep->count; i++)
        sweep_clear(&sweep->parameters[i]);
    free(sweep->parameters);
    free(sweep->strides);
    free(sweep->ends);
    buffer_free(&sweep->object);
    free(sweep);
}

// With conditions it is not known before all were tried.
static uint64_t total_of_sweep(const struct source *source)
{
    return source->sweep->where->count > 0 ? 0 : source->sweep->combinations;
}

static void seek_sweep(struct source *source, uint64_t offset)
{
    source->sweep->next = offset;
}

static bool place_of_sweep(const struct source *source, uint64_t *offset)
{
    *offset = source->sweep->next;
    return true;
}

const struct source_kind SOURCE_KIND_SWEEP = {.next = next_combination,
                                              .close = close_sweep,
                                              .total = total_of_sweep,
                                              .seek = seek_sweep,
                                              .place = place_of_sweep};
