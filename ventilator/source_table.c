#include "ventilator/source_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

// Both start at *at, and say whether a separator, and so a field, follows.
static struct span plain_field(struct span row, size_t *at, struct span colsep,
                               bool *more)
{
    const uint8_t *from = row.at + *at;
    const size_t left = row.size - *at;
    const uint8_t *found =
        left > 0 ? memmem(from, left, colsep.at, colsep.size) : NULL;
    const size_t size = found ? (size_t)(found - from) : left;
    *more = found != NULL;
    *at += size + (found ? colsep.size : 0);
    return (struct span){from, size};
}

// What follows the closing quote is kept as it stands.
static struct span quoted_field(struct span row, size_t *at, uint8_t *out,
                                bool *more)
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
    *more = i < row.size;
    *at = i + *more;
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
        if (!source->colsep && at < row.size && row.at[at] == '"') {
            value->value = quoted_field(row, &at, out, &more);
            out += value->value.size;
        } else {
            value->value = plain_field(row, &at, colsep, &more);
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
    if (source->name_count > 0 && source->value_count != source->name_count) {
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
    const int split = split_row(source, header);
    if (split != 0)
        return problem_set(problem, split,
                           split == -ENOMEM ? "out of memory"
                                            : "the header is too long");
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

// The names are needed before anything else, and a copy may not have them yet:
// waits for them, and looks out for a signal that somebody else will handle.
static int wait_for_header(struct source *source, struct problem *problem)
{
    enum { LOOK_MS = 200 };
    struct pollfd grown = {.fd = source_reader_fd(source->reader),
                           .events = POLLIN};
    sigset_t pending;
    if (poll(&grown, 1, LOOK_MS) < 0 || sigpending(&pending) != 0 ||
        sigismember(&pending, SIGTERM) == 1 ||
        sigismember(&pending, SIGINT) == 1)
        return problem_set(problem, -EINTR,
                           "stopped while waiting for the table's header");
    source_reader_fd_clear(source->reader);
    return 0;
}

static int read_header(struct source *source, struct problem *problem)
{
    struct span header = {NULL, 0};
    uint64_t offset = 0;
    enum source_result result;
    while ((result = source_record(source, &header, &offset, problem)) ==
           SOURCE_LATER) {
        const int error = wait_for_header(source, problem);
        if (error != 0)
            return error;
    }
    if (result == SOURCE_END)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the table is empty: it has no header");
    if (result != SOURCE_TASK)
        return problem->code;
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
