#include "command/cell.h"

#include "common/store/text.h"
#include "common/store/values.h"

#include <inttypes.h>
#include <string.h>

static const char *const NAMES[CELL_FIELDS] = {
    [CELL_TASK] = "task",
    [CELL_STATUS] = "status",
    [CELL_FINAL] = "final",
    [CELL_EXIT] = "exit",
    [CELL_SIGNAL] = "signal",
    [CELL_CLASS] = "class",
    [CELL_ATTEMPT] = "attempt",
    [CELL_ROUND] = "round",
    [CELL_GENERATION] = "generation",
    [CELL_HOST] = "host",
    [CELL_SLOT] = "slot",
    [CELL_WORKER] = "worker",
    [CELL_START] = "start",
    [CELL_WALL] = "wall_s",
    [CELL_USER] = "user_s",
    [CELL_SYS] = "sys_s",
    [CELL_MAXRSS] = "maxrss_bytes",
    [CELL_ARGS] = "args",
    [CELL_STDOUT] = "stdout",
    [CELL_STDERR] = "stderr",
    [CELL_TRUNCATED] = "truncated",
    [CELL_NOTE] = "note",
    [CELL_KEY] = "key",
    [CELL_STDOUT_BASE64] = "stdout_base64",
    [CELL_STDERR_BASE64] = "stderr_base64",
    [CELL_ARGS_BASE64] = "args_base64",
};

const char *cell_field_name(enum cell_field field)
{
    return NAMES[field];
}

enum cell_field cell_field_of(struct span name)
{
    const struct span prefix = SPAN_OF(CELL_ARGUMENT_PREFIX);
    for (unsigned i = 0; i < CELL_ARGUMENT; i++)
        if (span_equal(name, span_of_text(NAMES[i])))
            return (enum cell_field)i;
    return name.size > prefix.size &&
                   memcmp(name.at, prefix.at, prefix.size) == 0
               ? CELL_ARGUMENT
               : CELL_FIELDS;
}

struct cell cell_text(struct span text)
{
    size_t extra;
    return (struct cell){text.size == 0               ? CELL_NOTHING
                         : text_is_utf8(text, &extra) ? CELL_TEXT
                                                      : CELL_BINARY,
                         text};
}

static struct cell name_cell(const char *name, bool none)
{
    return (struct cell){none ? CELL_NOTHING : CELL_TEXT, span_of_text(name)};
}

// What was appended to `scratch`, now its only content.
static struct cell made(enum cell_kind kind, const struct buffer *scratch)
{
    return (struct cell){scratch->failed ? CELL_NOTHING : kind,
                         buffer_span(scratch)};
}

static struct cell number_cell(uint64_t number, struct buffer *scratch)
{
    buffer_printf(scratch, "%" PRIu64, number);
    return made(CELL_JSON, scratch);
}

static struct cell seconds_cell(const struct record *record, uint64_t us,
                                struct buffer *scratch)
{
    if (record->start_us == 0 && us == 0)
        return (struct cell){CELL_NOTHING, {0}};
    buffer_printf(scratch, "%" PRIu64 ".%06" PRIu64, us / 1000000,
                  us % 1000000);
    return made(CELL_JSON, scratch);
}

static struct cell id_cell(const struct id128 *id, struct buffer *scratch)
{
    char text[ID128_TEXT_SIZE];
    id128_text(id, text);
    if (id128_is_zero(id))
        return (struct cell){CELL_NOTHING, {0}};
    buffer_append_text(scratch, text);
    return made(CELL_TEXT, scratch);
}

static struct cell start_cell(int64_t start_us, struct buffer *scratch)
{
    if (start_us <= 0 || start_us > TEXT_TIME_MAX_US)
        return (struct cell){CELL_NOTHING, {0}};
    uint8_t *const at = buffer_extend(scratch, TEXT_TIME_SIZE);
    if (at)
        text_put_time((char *)at, start_us);
    return made(CELL_TEXT, scratch);
}

static struct cell args_cell(const struct record *record, bool base64,
                             struct buffer *scratch)
{
    if (!record->has_args)
        return (struct cell){CELL_NOTHING, {0}};
    const bool plain = record_put_args(scratch, record->values);
    if (plain && base64)
        return (struct cell){CELL_NOTHING, {0}};
    return made(plain || base64 ? CELL_JSON : CELL_BINARY_JSON, scratch);
}

static struct cell base64_cell(struct span text, struct buffer *scratch)
{
    const struct cell plain = cell_text(text);
    if (plain.kind != CELL_BINARY)
        return (struct cell){CELL_NOTHING, {0}};
    text_put_base64(scratch, text);
    struct cell cell = made(CELL_TEXT, scratch);
    cell.text.at++; // without the quotes
    cell.text.size -= cell.kind == CELL_NOTHING ? 0 : 2;
    return cell;
}

static struct cell truncated_cell(const struct record *record)
{
    const bool out = record->out_cut, err = record->err_cut;
    return name_cell(out && err ? "stdout stderr"
                     : out      ? "stdout"
                                : "stderr",
                     !out && !err);
}

// Has the command ended by itself, so that its exit code means something?
static bool has_exited(const struct record *record)
{
    return record->signal == 0 && record->start_us != 0 &&
           (record->class == CLASS_NONE || record->class == CLASS_EXIT);
}

static struct cell outcome_cell(const struct record *record,
                                enum cell_field field, struct buffer *scratch)
{
    const bool exited = has_exited(record);
    if (field == CELL_CLASS)
        return name_cell(class_name(record->class),
                         record->class == CLASS_NONE);
    if (field == CELL_EXIT && exited)
        return number_cell(record->exit, scratch);
    if (field == CELL_SIGNAL && record->signal != 0)
        return number_cell(record->signal, scratch);
    return (struct cell){CELL_NOTHING, {0}};
}

static struct cell usage_cell(const struct record *record,
                              enum cell_field field, struct buffer *scratch)
{
    if (field == CELL_MAXRSS)
        return record->maxrss_bytes == 0
                   ? (struct cell){CELL_NOTHING, {0}}
                   : number_cell(record->maxrss_bytes, scratch);
    return seconds_cell(record,
                        field == CELL_WALL   ? record->wall_us
                        : field == CELL_USER ? record->user_us
                                             : record->sys_us,
                        scratch);
}

struct cell cell_make(const struct record *record, enum cell_field field,
                      struct buffer *scratch)
{
    const struct cell nothing = {CELL_NOTHING, {0}};
    switch (field) {
    case CELL_TASK:
        return number_cell(record->task, scratch);
    case CELL_STATUS:
        return name_cell(status_name(record->status), false);
    case CELL_FINAL:
        buffer_append_text(scratch, record->final ? "true" : "false");
        return made(CELL_JSON, scratch);
    case CELL_EXIT:
    case CELL_SIGNAL:
    case CELL_CLASS:
        return outcome_cell(record, field, scratch);
    case CELL_ATTEMPT:
        return number_cell(record->attempt, scratch);
    case CELL_ROUND:
        return number_cell(record->round, scratch);
    case CELL_GENERATION:
        return number_cell(record->generation, scratch);
    case CELL_HOST:
        return cell_text(record->host);
    case CELL_SLOT:
        return record->slot == 0 ? nothing : number_cell(record->slot, scratch);
    case CELL_WORKER:
        return id_cell(&record->worker, scratch);
    case CELL_START:
        return start_cell(record->start_us, scratch);
    case CELL_WALL:
    case CELL_USER:
    case CELL_SYS:
    case CELL_MAXRSS:
        return usage_cell(record, field, scratch);
    case CELL_ARGS:
    case CELL_ARGS_BASE64:
        return args_cell(record, field == CELL_ARGS_BASE64, scratch);
    case CELL_STDOUT:
        return cell_text(record->out);
    case CELL_STDERR:
        return cell_text(record->err);
    case CELL_TRUNCATED:
        return truncated_cell(record);
    case CELL_NOTE:
        return cell_text(record->note);
    case CELL_KEY:
        return id_cell(&record->key, scratch);
    case CELL_STDOUT_BASE64:
        return base64_cell(record->out, scratch);
    case CELL_STDERR_BASE64:
        return base64_cell(record->err, scratch);
    case CELL_ARGUMENT:
    case CELL_EXTRACT:
    case CELL_FIELDS:
        break;
    }
    return nothing;
}

struct cell cell_argument(const struct record *record, struct span name,
                          uint64_t nth)
{
    struct wire_list list;
    uint64_t unnamed = 0;
    if (!record->has_args || !values_open(record->values, &list))
        return (struct cell){CELL_NOTHING, {0}};
    for (struct wire_pair pair; values_next(&list, &pair);) {
        unnamed += pair.name.size == 0;
        if (pair.name.size == 0 ? unnamed == nth : span_equal(pair.name, name))
            return cell_text(pair.value);
    }
    return (struct cell){CELL_NOTHING, {0}};
}

static size_t digits(struct span text, size_t at)
{
    size_t count = 0;
    while (at + count < text.size && text.at[at + count] >= '0' &&
           text.at[at + count] <= '9')
        count++;
    return count;
}

bool cell_is_number(struct span text)
{
    size_t at = text.size > 0 && text.at[0] == '-';
    const size_t whole = digits(text, at);
    if (whole == 0 || (whole > 1 && text.at[at] == '0'))
        return false;
    at += whole;
    if (at < text.size && text.at[at] == '.') {
        const size_t fraction = digits(text, at + 1);
        if (fraction == 0)
            return false;
        at += 1 + fraction;
    }
    if (at < text.size && (text.at[at] == 'e' || text.at[at] == 'E')) {
        at++;
        at += at < text.size && (text.at[at] == '+' || text.at[at] == '-');
        const size_t exponent = digits(text, at);
        if (exponent == 0)
            return false;
        at += exponent;
    }
    return at == text.size;
}

static void put_label(struct buffer *out, struct span label, bool base64)
{
    if (!text_put_quoted(out, label))
        text_put_quoted(out, SPAN_OF("?"));
    if (base64 && !out->failed) {
        out->size--; // the closing quote
        buffer_append_text(out, "_base64\"");
    }
    put_u8(out, ':');
}

void cell_put_json(const struct cell *cell, struct span label,
                   struct buffer *out)
{
    put_label(out, label,
              cell->kind == CELL_BINARY || cell->kind == CELL_BINARY_JSON);
    switch (cell->kind) {
    case CELL_NOTHING:
        buffer_append_text(out, "null");
        break;
    case CELL_TEXT:
        text_put_quoted(out, cell->text);
        break;
    case CELL_BINARY:
        text_put_base64(out, cell->text);
        break;
    case CELL_BINARY_JSON:
    case CELL_JSON:
        buffer_append(out, cell->text.at, cell->text.size);
        break;
    }
}
