#include "ventilator/source_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct span plain_field(struct span row, size_t *at, struct span colsep)
{
    const uint8_t *from = row.at + *at;
    const size_t left = row.size - *at;
    const uint8_t *found = left ? memmem(from, left, colsep.at, colsep.size)
                                : NULL;
    const size_t size = found ? (size_t)(found - from) : left;
    *at += size + (found ? colsep.size : 0);
    return (struct span){from, size};
}

// A field in quotes starts at *at; what follows its end is kept as it stands.
static struct span quoted_field(struct span row, size_t *at, uint8_t *out)
{
    size_t size = 0, i = *at + 1;
    bool inside = true;
    for (; i < row.size && (inside || row.at[i] != ','); i++) {
        if (inside && row.at[i] == '"') {
            inside = i + 1 < row.size && row.at[i + 1] == '"';
            if (!inside)
                continue;
            i++;
        }
        out[size++] = row.at[i];
    }
    *at = i + (i < row.size);
    return (struct span){out, size};
}

// Splits a row into values. Unpacked fields are never longer than the row.
static int split_row(struct source *source, struct span row)
{
    const struct span colsep =
        source->colsep ? span_of_text(source->colsep) : SPAN_OF(",");
    buffer_clear(&source->scratch);
    uint8_t *out = buffer_extend(&source->scratch, row.size + 1);
    if (!out)
        return -ENOMEM;
    size_t at = 0;
    for (bool more = true; more;) {
        struct wire_pair *value = source_add_value(source);
        if (!value)
            return -ENOMEM;
        const size_t start = at;
        if (!source->colsep && at < row.size && row.at[at] == '"') {
            value->value = quoted_field(row, &at, out);
            out += value->value.size;
            more = at > start && row.at[at - 1] == ',' &&
                   (at < row.size || row.at[row.size - 1] == ',');
            // The last comma may stand within the quotes.
            more = more && source->value_count <= WIRE_ARGS_MAX;
        } else {
            value->value = plain_field(row, &at, colsep);
            more = at - start > value->value.size;
        }
        if (source->value_count > WIRE_ARGS_MAX)
            return -E2BIG;
    }
    return 0;
}

static enum source_result next_row(struct source *source,
                                   struct source_task *task,
                                   struct problem *problem)
{
    struct span row;
    const enum source_result result =
        source_record(source, &row, &task->place.offset, problem);
    if (result != SOURCE_TASK)
        return result;
    const size_t mark = source_mark_size(row, task->place.offset);
    row = source_without_cr((struct span){row.at + mark, row.size - mark});
    const int error = split_row(source, row);
    const unsigned long long ordinal = source->ordinal;
    if (error == -ENOMEM) {
        problem_set(problem, -ENOMEM, "out of memory");
        return SOURCE_ERROR;
    }
    if (error != 0) {
        problem_set(problem, error, "task %llu has more than %d values",
                    ordinal, WIRE_ARGS_MAX);
        return SOURCE_BAD;
    }
    if (source->names && source->value_count != source->name_count) {
        problem_set(problem, -EINVAL,
                    "task %llu has %zu values, the header has %zu names",
                    ordinal, source->value_count, source->name_count);
        return SOURCE_BAD;
    }
    for (size_t i = 0; i < source->name_count; i++)
        source->values[i].name = span_of_text(source->names[i]);
    task->whole = task->input = row;
    return SOURCE_TASK;
}

const struct source_kind SOURCE_KIND_TABLE = {.next = next_row};

static int check_name(const struct source *source, struct span name,
                      struct problem *problem)
{
    if (name.size == 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the header's column %zu has no name",
                            source->name_count + 1);
    if (name.size > WIRE_TEXT_MAX)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the header's column %zu has too long a name",
                            source->name_count + 1);
    for (size_t i = 0; i < source->name_count; i++)
        if (span_equal(name, span_of_text(source->names[i])))
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "the header has two columns named %.64s",
                                source->names[i]);
    return 0;
}

static int take_names(struct source *source, struct span header,
                      struct problem *problem)
{
    if (split_row(source, header) != 0)
        return problem_set(problem, -E2BIG, "the header is too long");
    for (size_t i = 0; i < source->value_count; i++) {
        const struct span name = source->values[i].value;
        const int error = check_name(source, name, problem);
        if (error != 0)
            return error;
        if (source_add_name(source,
                            strndup((const char *)name.at, name.size)) != 0)
            return problem_set(problem, -ENOMEM, "out of memory");
    }
    source->value_count = 0;
    return 0;
}

static int read_header(struct source *source, struct problem *problem)
{
    struct span header;
    uint64_t offset = 0;
    const enum source_result result =
        source_record(source, &header, &offset, problem);
    switch (result) {
    case SOURCE_TASK:
        break;
    case SOURCE_BAD:
    case SOURCE_ERROR:
        return problem->code;
    case SOURCE_LATER:
        return problem_set(problem, -EAGAIN,
                           "the copied input has no whole header yet");
    case SOURCE_END:
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the table is empty: it has no header");
    }
    const size_t mark = source_mark_size(header, offset);
    header = source_without_cr(
        (struct span){header.at + mark, header.size - mark});
    return take_names(source, header, problem);
}

int source_open_table(struct source *source, const struct settings *settings,
                      struct problem *problem)
{
    source->kind = &SOURCE_KIND_TABLE;
    if (settings->colsep) {
        const bool tab = strcmp(settings->colsep, "\\t") == 0;
        if (settings->colsep[0] == '\0')
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--colsep may not be empty");
        source->colsep = strdup(tab ? "\t" : settings->colsep);
        if (!source->colsep)
            return problem_set(problem, -ENOMEM, "out of memory");
    }
    const int error = settings->header ? read_header(source, problem) : 0;
    source->first_offset = source_reader_offset(source->reader);
    return error;
}
