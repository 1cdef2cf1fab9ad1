#include "command/fields.h"

#include "command/extract.h"
#include "common/store/values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 1000 };

struct column {
    char *label;
    enum cell_field field;
    struct span name; // of args.NAME: within the label
    uint64_t nth;     // of args.N, from 1; 0: by name
    struct extract *extract;
};

struct fields {
    enum fields_format format;
    bool all;
    struct column *columns;
    size_t count, capacity;
    size_t args_at, args_count; // all: the columns that were learned
    bool has[CELL_FIELDS];
    struct buffer scratch;
    uint64_t left_out;
};

static int add_at(struct fields *fields, size_t at, struct span label,
                  enum cell_field field)
{
    if (fields->count == fields->capacity) {
        const size_t capacity = fields->capacity ? 2 * fields->capacity : 32;
        struct column *const grown =
            reallocarray(fields->columns, capacity, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        fields->columns = grown;
        fields->capacity = capacity;
    }
    struct column column = {
        .label = strndup((const char *)label.at, label.size), .field = field};
    if (!column.label)
        return -ENOMEM;
    if (field == CELL_ARGUMENT) {
        column.name = span_of_text(column.label + strlen(CELL_ARGUMENT_PREFIX));
        char *end;
        column.nth = strtoull((const char *)column.name.at, &end, 10);
        if (*end)
            column.nth = 0;
    }
    memmove(fields->columns + at + 1, fields->columns + at,
            (fields->count - at) * sizeof *fields->columns);
    fields->columns[at] = column;
    fields->count++;
    fields->has[field] = true;
    return 0;
}

static int add_all(struct fields *fields)
{
    static const enum cell_field ALL[] = {
        CELL_TASK,   CELL_STATUS,        CELL_FINAL,         CELL_EXIT,
        CELL_SIGNAL, CELL_CLASS,         CELL_ATTEMPT,       CELL_ROUND,
        CELL_HOST,   CELL_SLOT,          CELL_START,         CELL_WALL,
        CELL_USER,   CELL_SYS,           CELL_MAXRSS,        CELL_STDOUT,
        CELL_STDERR, CELL_TRUNCATED,     CELL_NOTE,          CELL_WORKER,
        CELL_KEY,    CELL_STDOUT_BASE64, CELL_STDERR_BASE64, CELL_ARGS_BASE64};
    // A database has the bytes themselves.
    const size_t count =
        sizeof ALL / sizeof *ALL - (fields->format == FIELDS_DATABASE ? 3 : 0);
    int error = 0;
    for (size_t i = 0; i < count && error == 0; i++)
        error = add_at(fields, fields->count,
                       span_of_text(cell_field_name(ALL[i])), ALL[i]);
    fields->args_at = 2; // behind the status
    return error;
}

static int unknown(struct span name, struct problem *problem)
{
    char known[512] = "";
    for (unsigned i = 0; i < CELL_ARGUMENT; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s, ",
                 cell_field_name((enum cell_field)i));
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "there is no field '%.*s'; there are %sargs.NAME and "
                        "args.N",
                        name.size > 100 ? 100 : (int)name.size,
                        (const char *)name.at, known);
}

static int add_list(struct fields *fields, const char *list,
                    struct problem *problem)
{
    for (const char *at = list;;) {
        const size_t size = strcspn(at, ",");
        const struct span name = {(const uint8_t *)at, size};
        const enum cell_field field = cell_field_of(name);
        if (field == CELL_FIELDS)
            return unknown(name, problem);
        if (fields->count == COLUMNS_MAX)
            return problem_exit(problem, EXIT_USAGE, -E2BIG, "over %d fields",
                                COLUMNS_MAX);
        if (add_at(fields, fields->count, name, field) != 0)
            return problem_set(problem, -ENOMEM, "out of memory");
        if (at[size] == '\0')
            return 0;
        at += size + 1;
    }
}

static int add_pattern(struct fields *fields, const char *pattern,
                       struct problem *problem)
{
    struct extract *extract = extract_create(pattern, problem);
    if (!extract)
        return problem->code;
    for (size_t i = 0; i < fields->count; i++)
        if (span_equal(extract_name(extract),
                       span_of_text(fields->columns[i].label))) {
            extract_destroy(&extract);
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--extract: there is a field '%s' already",
                                fields->columns[i].label);
        }
    if (add_at(fields, fields->count, extract_name(extract), CELL_EXTRACT) !=
        0) {
        extract_destroy(&extract);
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    fields->columns[fields->count - 1].extract = extract;
    return 0;
}

struct fields *fields_create(enum fields_format format, const char *list,
                             const struct texts *patterns,
                             struct problem *problem)
{
    struct fields *fields = calloc(1, sizeof *fields);
    int error = fields ? 0 : -ENOMEM;
    if (fields) {
        fields->format = format;
        fields->all = !list;
        error = list ? add_list(fields, list, problem) : add_all(fields);
    }
    for (size_t i = 0; i < patterns->count && error == 0; i++)
        error = add_pattern(fields, patterns->at[i], problem);
    if (error == 0)
        return fields;
    problem_set(problem, error, "out of memory"); // unless it says more already
    fields_destroy(&fields);
    return NULL;
}

void fields_destroy(struct fields **fields)
{
    struct fields *const gone = *fields;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->count; i++) {
        extract_destroy(&gone->columns[i].extract);
        free(gone->columns[i].label);
    }
    free(gone->columns);
    buffer_free(&gone->scratch);
    free(gone);
    *fields = NULL;
}

static bool is_column_of(const struct column *column,
                         const struct wire_pair *pair, uint64_t nth)
{
    if (pair->name.size == 0)
        return column->nth == nth;
    return span_equal(column->name, pair->name);
}

// Names mostly come in the same order: looks at `hint` first.
static bool has_column(const struct fields *fields, size_t hint,
                       const struct wire_pair *pair, uint64_t nth)
{
    const struct column *const args = fields->columns + fields->args_at;
    if (hint < fields->args_count && is_column_of(&args[hint], pair, nth))
        return true;
    for (size_t i = 0; i < fields->args_count; i++)
        if (is_column_of(&args[i], pair, nth))
            return true;
    return false;
}

static int learn(struct fields *fields, const struct wire_pair *pair,
                 uint64_t nth)
{
    struct buffer label = {0};
    buffer_append_text(&label, CELL_ARGUMENT_PREFIX);
    if (pair->name.size > 0)
        buffer_append(&label, pair->name.at, pair->name.size);
    else
        buffer_printf(&label, "%llu", (unsigned long long)nth);
    int error = label.failed ? -ENOMEM : 0;
    if (error == 0)
        error = add_at(fields, fields->args_at + fields->args_count,
                       buffer_span(&label), CELL_ARGUMENT);
    if (error == 0)
        fields->args_count++;
    buffer_free(&label);
    return error;
}

int fields_learn(struct fields *fields, const struct record *record)
{
    struct wire_list list;
    struct wire_pair pair;
    if (!fields->all || !record->has_args ||
        !values_open(record->values, &list))
        return 0;
    uint64_t nth = 0;
    for (size_t i = 0; values_next(&list, &pair); i++) {
        nth += pair.name.size == 0;
        if (has_column(fields, i, &pair, nth))
            continue;
        if (fields->args_count == COLUMNS_MAX)
            return 0;
        const int error = learn(fields, &pair, nth);
        if (error != 0)
            return error;
    }
    return 0;
}

static void put_csv(struct buffer *out, struct span text)
{
    const uint8_t *at = text.at, *const end = text.at + text.size;
    bool quote = false;
    for (const uint8_t *byte = at; byte < end && !quote; byte++)
        quote = *byte == '"' || *byte == ',' || *byte == '\n' || *byte == '\r';
    if (!quote) {
        buffer_append(out, text.at, text.size);
        return;
    }
    put_u8(out, '"');
    for (const uint8_t *mark;
         (mark = memchr(at, '"', (size_t)(end - at))) != NULL; at = mark + 1) {
        buffer_append(out, at, (size_t)(mark - at) + 1);
        put_u8(out, '"');
    }
    buffer_append(out, at, (size_t)(end - at));
    put_u8(out, '"');
}

static void put_tsv(struct buffer *out, struct span text)
{
    const uint8_t *const end = text.at + text.size;
    for (const uint8_t *at = text.at; at < end;) {
        const uint8_t *plain = at;
        while (at < end && *at != '\t' && *at != '\n' && *at != '\r' &&
               *at != '\\')
            at++;
        buffer_append(out, plain, (size_t)(at - plain));
        if (at == end)
            return;
        put_u8(out, '\\');
        put_u8(out, *at == '\t'   ? 't'
                    : *at == '\n' ? 'n'
                    : *at == '\r' ? 'r'
                                  : '\\');
        at++;
    }
}

static void put_text(const struct fields *fields, struct buffer *out,
                     struct span text)
{
    if (fields->format == FIELDS_CSV)
        put_csv(out, text);
    else
        put_tsv(out, text);
}

void fields_put_names(const struct fields *fields, struct buffer *out)
{
    if (fields->format == FIELDS_NDJSON)
        return;
    for (size_t i = 0; i < fields->count; i++) {
        if (i > 0)
            put_u8(out, fields->format == FIELDS_CSV ? ',' : '\t');
        put_text(fields, out, span_of_text(fields->columns[i].label));
    }
    put_u8(out, '\n');
}

static struct cell cell_at(struct fields *fields, const struct column *column,
                           const struct record *record)
{
    buffer_clear(&fields->scratch);
    if (column->field == CELL_EXTRACT)
        return extract_cell(column->extract, record);
    if (column->field == CELL_ARGUMENT)
        return cell_argument(record, column->name, column->nth);
    return cell_make(record, column->field, &fields->scratch);
}

static bool in_base64(const struct fields *fields, enum cell_field field)
{
    switch ((int)field) {
    case CELL_STDOUT:
        return fields->has[CELL_STDOUT_BASE64];
    case CELL_STDERR:
        return fields->has[CELL_STDERR_BASE64];
    case CELL_ARGS:
    case CELL_ARGUMENT:
        return fields->has[CELL_ARGS_BASE64];
    }
    return false;
}

static void put_plain(struct fields *fields, const struct record *record,
                      struct buffer *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct column *const column = &fields->columns[i];
        const struct cell cell = cell_at(fields, column, record);
        if (i > 0)
            put_u8(out, fields->format == FIELDS_CSV ? ',' : '\t');
        if (cell.kind == CELL_BINARY || cell.kind == CELL_BINARY_JSON)
            fields->left_out += !in_base64(fields, column->field);
        else if (cell.kind != CELL_NOTHING)
            put_text(fields, out, cell.text);
    }
}

static void put_json(struct fields *fields, const struct record *record,
                     struct buffer *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct column *const column = &fields->columns[i];
        const struct cell cell = cell_at(fields, column, record);
        put_u8(out, i > 0 ? ',' : '{');
        cell_put_json(&cell, span_of_text(column->label), out);
    }
    put_u8(out, '}');
}

// Values for which no column was made.
static void count_strangers(struct fields *fields, const struct record *record)
{
    struct wire_list list;
    struct wire_pair pair;
    if (!fields->all || !record->has_args ||
        !values_open(record->values, &list))
        return;
    uint64_t nth = 0;
    for (size_t i = 0; values_next(&list, &pair); i++) {
        nth += pair.name.size == 0;
        fields->left_out += !has_column(fields, i, &pair, nth);
    }
}

void fields_put(struct fields *fields, const struct record *record,
                struct buffer *out)
{
    if (fields->format == FIELDS_NDJSON) {
        put_json(fields, record, out);
    } else {
        put_plain(fields, record, out);
        count_strangers(fields, record);
    }
    put_u8(out, '\n');
}

size_t fields_count(const struct fields *fields)
{
    return fields->count;
}

const char *fields_label(const struct fields *fields, size_t column)
{
    return fields->columns[column].label;
}

enum fields_type fields_type(const struct fields *fields, size_t column)
{
    switch ((int)fields->columns[column].field) {
    case CELL_TASK:
    case CELL_EXIT:
    case CELL_SIGNAL:
    case CELL_ATTEMPT:
    case CELL_ROUND:
    case CELL_GENERATION:
    case CELL_SLOT:
    case CELL_MAXRSS:
        return FIELDS_INTEGER;
    case CELL_WALL:
    case CELL_USER:
    case CELL_SYS:
        return FIELDS_REAL;
    case CELL_ARGUMENT:
    case CELL_EXTRACT:
        return FIELDS_ANY;
    }
    return FIELDS_TEXT;
}

struct cell fields_cell(struct fields *fields, size_t column,
                        const struct record *record)
{
    return cell_at(fields, &fields->columns[column], record);
}

uint64_t fields_left_out(const struct fields *fields)
{
    return fields->left_out;
}
