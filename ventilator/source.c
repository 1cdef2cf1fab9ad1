#include "ventilator/source.h"

#include "common/setting/plan.h"
#include "ventilator/source_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char COPY_END[] = "input.end", COPY_OPEN[] = "input.open";

static int open_copy(struct source *source, const struct settings *settings,
                     const char *dir, struct source_reader_options *options,
                     struct problem *problem)
{
    if (!settings->input_copy)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "no input: give -a FILE, ::: VALUES, or standard "
                            "input to `fan run`");
    char *path = NULL, *end = NULL, *growing = NULL;
    if (asprintf(&path, "%s/%s", dir, settings->input_copy) < 0)
        path = NULL;
    if (asprintf(&end, "%s/%s", dir, COPY_END) < 0)
        end = NULL;
    if (asprintf(&growing, "%s/%s", dir, COPY_OPEN) < 0)
        growing = NULL;
    const bool memory = path && end && growing;
    if (memory) {
        options->path = path;
        options->end_path = end;
        options->open_path = settings->open ? growing : NULL;
        options->dir = dir;
        source->reader = source_reader_open(options, problem);
    }
    free(path);
    free(end);
    free(growing);
    if (!memory)
        return problem_set(problem, -ENOMEM, "out of memory");
    return source->reader ? 0 : problem->code;
}

int source_open_reader(struct source *source, const struct settings *settings,
                       const char *dir, const char *path,
                       struct problem *problem)
{
    const bool table = settings->header || settings->colsep;
    source->verbatim = settings->null_separated;
    struct source_reader_options options = {
        .separator = settings->null_separated ? '\0' : '\n',
        .quotes = table && !settings->colsep,
        .blank = settings->blank && !settings->ndjson};
    if (strcmp(path, "-") == 0)
        return open_copy(source, settings, dir, &options, problem);
    char *full = plan_path(settings, path);
    if (!full)
        return problem_set(problem, -ENOMEM, "out of memory");
    options.path = full;
    source->reader = source_reader_open(&options, problem);
    free(full);
    return source->reader ? 0 : problem->code;
}

// Of text, a byte order mark at the file's start and a carriage return at a
// line's end are no part of it.
static struct span without_marks(struct span record, uint64_t offset)
{
    if (offset == 0 && record.size >= 3 &&
        memcmp(record.at, "\xef\xbb\xbf", 3) == 0) {
        record.at += 3;
        record.size -= 3;
    }
    if (record.size > 0 && record.at[record.size - 1] == '\r')
        record.size--;
    return record;
}

enum source_result source_record(struct source *source, struct span *record,
                                 uint64_t *offset, struct problem *problem)
{
    const enum record_result result =
        source_reader_next(source->reader, record, offset, problem);
    const unsigned long long at = *offset, ordinal = source->ordinal;
    switch (result) {
    case RECORD_READ:
        if (!source->verbatim)
            *record = without_marks(*record, *offset);
        return SOURCE_TASK;
    case RECORD_LONG:
        problem_set(problem, -E2BIG,
                    "task %llu (at byte %llu of the input) is over 16 MiB",
                    ordinal, at);
        return SOURCE_BAD;
    case RECORD_NUL:
        problem_set(problem, -EINVAL,
                    "task %llu (at byte %llu of the input) holds a NUL byte",
                    ordinal, at);
        return SOURCE_BAD;
    case RECORD_UNCLOSED:
        problem_set(problem, -EINVAL,
                    "task %llu (at byte %llu of the input): a quote is never "
                    "closed",
                    ordinal, at);
        return SOURCE_BAD;
    case RECORD_LATER:
        return SOURCE_LATER;
    case RECORD_END:
        return SOURCE_END;
    case RECORD_ERROR:
        break;
    }
    return SOURCE_ERROR;
}

struct wire_pair *source_add_value(struct source *source)
{
    if (source->value_count == source->value_capacity) {
        const size_t capacity = source->value_capacity * 2 + 8;
        struct wire_pair *grown =
            realloc(source->values, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        source->values = grown;
        source->value_capacity = capacity;
    }
    struct wire_pair *value = &source->values[source->value_count++];
    *value = (struct wire_pair){{NULL, 0}, {NULL, 0}};
    return value;
}

int source_add_name(struct source *source, char *name)
{
    char **grown =
        realloc(source->names, (source->name_count + 1) * sizeof *grown);
    if (!grown || !name) {
        if (grown)
            source->names = grown;
        free(name);
        return -ENOMEM;
    }
    source->names = grown;
    grown[source->name_count++] = name;
    return 0;
}

static enum source_result next_line(struct source *source,
                                    struct source_task *task,
                                    struct problem *problem)
{
    struct span line;
    const enum source_result result =
        source_record(source, &line, &task->place.offset, problem);
    if (result != SOURCE_TASK)
        return result;
    struct wire_pair *value = source_add_value(source);
    if (!value) {
        problem_set(problem, -ENOMEM, "out of memory");
        return SOURCE_ERROR;
    }
    value->value = task->whole = task->input = line;
    return SOURCE_TASK;
}

static const struct source_kind KIND_LINES = {.next = next_line};

// Refuses settings that name more than one input, or a table where none is.
static int check_settings(const struct settings *settings,
                          struct problem *problem)
{
    const int inputs = (settings->ndjson != NULL) + (settings->array != NULL) +
                       (settings->arg_file != NULL) +
                       (settings->sources.count > 0) +
                       (settings->sweep.count > 0);
    if (inputs > 1)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "give one input: -a, --array, --ndjson, --sweep or "
                            ":::");
    if ((settings->header || settings->colsep) &&
        (settings->ndjson || settings->array || settings->sources.count > 0 ||
         settings->sweep.count > 0))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--header and --colsep are for tables: -a FILE or "
                            "standard input");
    if ((settings->where.count > 0 || settings->repeat > 0) &&
        settings->sweep.count == 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--where and --repeat go with --sweep");
    return 0;
}

static int open_kind(struct source *source, const struct settings *settings,
                     const char *dir, struct problem *problem)
{
    int error = check_settings(settings, problem);
    if (error != 0)
        return error;
    if (settings->array)
        return source_open_array(source, settings->array, problem);
    if (settings->sweep.count > 0)
        return source_open_sweep(source, settings, problem);
    if (settings->sources.count > 0)
        return source_open_product(source, settings, dir, problem);
    const char *path = settings->ndjson     ? settings->ndjson
                       : settings->arg_file ? settings->arg_file
                                            : "-";
    error = source_open_reader(source, settings, dir, path, problem);
    if (error != 0)
        return error;
    source->kind = &KIND_LINES;
    if (settings->ndjson) {
        source->kind = &SOURCE_KIND_JSON;
        source->per_task = true;
    } else if (settings->header || settings->colsep) {
        return source_open_table(source, settings, problem);
    }
    return 0;
}

struct source *source_open(const struct settings *settings, const char *dir,
                           struct problem *problem)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    source->ordinal = 1;
    if (open_kind(source, settings, dir, problem) != 0)
        source_close(&source);
    return source;
}

void source_close(struct source **source)
{
    struct source *closed = *source;
    if (!closed)
        return;
    if (closed->kind && closed->kind->close)
        closed->kind->close(closed);
    source_reader_close(&closed->reader);
    for (size_t i = 0; i < closed->name_count; i++)
        free(closed->names[i]);
    free(closed->names);
    free(closed->colsep);
    free(closed->values);
    buffer_free(&closed->scratch);
    free(closed);
    *source = NULL;
}

const char *const *source_names(const struct source *source, size_t *count)
{
    static const char *const NONE[1] = {NULL};
    *count = source->name_count;
    if (source->per_task)
        return NULL;
    return source->name_count ? (const char *const *)source->names : NONE;
}

enum source_result source_next(struct source *source, struct source_task *task,
                               struct problem *problem)
{
    *task = (struct source_task){.place = {.ordinal = source->ordinal}};
    source->value_count = 0;
    const enum source_result result = source->kind->next(source, task, problem);
    if (result == SOURCE_TASK || result == SOURCE_BAD)
        source->ordinal++;
    if (result != SOURCE_TASK)
        source->value_count = 0;
    task->values = source->values;
    task->value_count = source->value_count;
    return result;
}

int source_seek(struct source *source, struct source_place place,
                struct problem *problem)
{
    if (place.ordinal == 0)
        return problem_set(problem, -EINVAL, "tasks are counted from 1");
    if (source->reader)
        source_reader_seek(source->reader, place.offset < source->first_offset
                                               ? source->first_offset
                                               : place.offset);
    if (source->kind->seek)
        source->kind->seek(source, place.offset);
    source->ordinal = place.ordinal;
    return 0;
}

struct source_place source_place(const struct source *source)
{
    struct source_place place = {.ordinal = source->ordinal};
    const bool told =
        source->kind->place && source->kind->place(source, &place.offset);
    if (!told && source->reader)
        place.offset = source_reader_offset(source->reader);
    return place;
}

uint64_t source_total(const struct source *source, uint64_t *bytes)
{
    *bytes = source->reader ? source_reader_size(source->reader) : 0;
    return source->kind->total ? source->kind->total(source) : 0;
}

int source_fd(const struct source *source)
{
    return source->reader ? source_reader_fd(source->reader) : -1;
}

void source_fd_clear(struct source *source)
{
    if (source->reader)
        source_reader_fd_clear(source->reader);
}
