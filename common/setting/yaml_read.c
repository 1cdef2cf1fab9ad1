#include "common/setting/internal.h"
#include "common/setting/rule.h"
#include "common/setting/yaml_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A file is one mapping from settings to scalars or flat sequences of them, and
// rules are a mapping from classes to answers or to mappings; the parameters of
// a sweep may be one from names to values or lists of them. Anything deeper is
// refused where it begins, so no nesting ever builds up.

static int refuse(const struct yaml_reader *reader, yaml_mark_t mark,
                  const char *why)
{
    return problem_exit(reader->problem, EXIT_USAGE, -EINVAL, "%s:%zu:%zu: %s",
                        reader->name, mark.line + 1, mark.column + 1, why);
}

// Bytes that are no UTF-8 are written as U+10FE80 to U+10FEFF, in UTF-8
// F4 8F BA|BB xx; this brings them back. See yaml_write.c.
static void restore_bytes(char *text)
{
    unsigned char *to = (unsigned char *)text;
    for (const unsigned char *from = to; *from; to++) {
        if (from[0] == 0xf4 && from[1] == 0x8f &&
            (from[2] == 0xba || from[2] == 0xbb) && (from[3] & 0xc0) == 0x80) {
            *to = (unsigned char)((from[2] == 0xbb ? 0xc0 : 0x80) |
                                  (from[3] & 0x3f));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static int take_key(struct yaml_reader *reader, const char *key,
                    yaml_mark_t mark)
{
    char why[200], quoted[SETTING_QUOTE_SIZE];
    reader->row = setting_find(reader->program, 0, key);
    setting_quote(key, quoted);
    if (!reader->row) {
        const char *const near = setting_nearest(reader->program, 0, key);
        snprintf(why, sizeof why, "unknown setting '%s'%s%s%s", quoted,
                 near ? "; did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
        return refuse(reader, mark, why);
    }
    bool *const seen = &reader->seen[reader->row - SETTING_TABLE];
    if (*seen) {
        snprintf(why, sizeof why, "'%s' is given twice", quoted);
        return refuse(reader, mark, why);
    }
    *seen = true;
    reader->state = AT_VALUE;
    return 0;
}

static bool is_null(const yaml_event_t *event)
{
    const char *const text = (const char *)event->data.scalar.value;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int take_value(struct yaml_reader *reader, const yaml_event_t *event)
{
    if (is_null(event))
        return refuse(reader, event->start_mark, "a value is missing");
    struct problem inner = {0};
    char *const text = (char *)event->data.scalar.value;
    restore_bytes(text);
    const int error = setting_store(reader->settings, reader->row, LAYER_YAML,
                                    reader->row->name, text, &inner);
    if (error == -ENOMEM)
        return problem_set(reader->problem, error, "%s: out of memory",
                           reader->name);
    return error ? refuse(reader, event->start_mark, inner.text) : 0;
}

static int refuse_text(const struct yaml_reader *reader, yaml_mark_t mark,
                       const char *text, const char *why)
{
    char line[256], quoted[SETTING_QUOTE_SIZE];
    snprintf(line, sizeof line, "'%s' %s", setting_quote(text, quoted), why);
    return refuse(reader, mark, line);
}

static int store_rule(struct yaml_reader *reader, char *text, yaml_mark_t mark)
{
    struct problem inner = {0};
    struct policy_rule rule;
    const char *why;
    const int error = setting_store(reader->settings, reader->row, LAYER_YAML,
                                    reader->row->name, text, &inner);
    if (error == -ENOMEM)
        return problem_set(reader->problem, error, "%s: out of memory",
                           reader->name);
    if (error)
        return refuse(reader, mark, inner.text);
    const size_t before = reader->rules.rule_count;
    reader->state = AT_CLASS;
    return rule_read(text, &rule, &why) == 0 && rule.answer != ANSWER_NOTIFY &&
                   policy_add_rule(&reader->rules, &rule) == 0 &&
                   reader->rules.rule_count == before
               ? refuse_text(reader, reader->rule_mark, reader->maker.class,
                             "is given twice")
               : 0;
}

static int take_answer(struct yaml_reader *reader, const char *answer,
                       yaml_mark_t mark)
{
    char text[RULE_TEXT_SIZE];
    const int size =
        snprintf(text, sizeof text, "%s=%s", reader->maker.class, answer);
    return size >= 0 && (size_t)size < sizeof text
               ? store_rule(reader, text, mark)
               : refuse_text(reader, mark, answer, "is too long");
}

// A class, or a part of its rule, or what that is.
static int take_rule(struct yaml_reader *reader, const char *text,
                     yaml_mark_t mark)
{
    const char *why = NULL;
    int error;
    if (reader->state == AT_CLASS) {
        error = rule_maker_begin(&reader->maker, text, &why);
        reader->rule_mark = mark;
        reader->state = AT_ANSWER;
    } else if (reader->state == AT_PART) {
        error = rule_maker_key(&reader->maker, text, &why);
        snprintf(reader->part, sizeof reader->part, "%s", text);
        reader->state = AT_PART_VALUE;
    } else {
        error = rule_maker_put(&reader->maker, reader->part, text, &why);
        reader->state = AT_PART;
    }
    return error ? refuse_text(reader, mark, text, why) : 0;
}

static int take_parameter(struct yaml_reader *reader, const char *name,
                          yaml_mark_t mark)
{
    const int size =
        snprintf(reader->parameter, sizeof reader->parameter, "%s", name);
    reader->size = 0;
    reader->state = AT_VALUES;
    return size >= 0 && (size_t)size < sizeof reader->parameter &&
                   !strchr(name, '=')
               ? 0
               : refuse_text(reader, mark, name, "is no name of a parameter");
}

// Puts one more value behind those of the last NAME=VALUES.
static int extend(struct yaml_reader *reader, const char *value)
{
    struct settings *const settings = reader->settings;
    struct texts *const list = setting_field(settings, reader->row);
    const size_t more = strlen(value) + 1; // with its comma
    if (settings->layer[reader->row - SETTING_TABLE] != LAYER_YAML)
        return 0; // a flag stands above all of them
    char **const text = &list->at[list->count - 1];
    if (reader->size + more >= reader->room) {
        const size_t room = 2 * (reader->size + more) + 1;
        char *const longer = realloc(*text, room);
        if (!longer)
            return problem_set(reader->problem, -ENOMEM, "%s: out of memory",
                               reader->name);
        *text = longer;
        reader->room = room;
    }
    (*text)[reader->size] = ',';
    memcpy(*text + reader->size + 1, value, more); // with its NUL
    reader->size += more;
    return 0;
}

// All values of a parameter, or one of its list.
static int take_values(struct yaml_reader *reader, const yaml_event_t *event)
{
    const yaml_mark_t mark = event->start_mark;
    char *const value = (char *)event->data.scalar.value;
    const bool listed = reader->state == IN_VALUES;
    char *pair;
    if (is_null(event))
        return refuse(reader, mark, "a value is missing");
    restore_bytes(value);
    if (listed && strchr(value, ','))
        return refuse_text(reader, mark, value,
                           "has a comma, which stands between values");
    if (listed && reader->size > 0)
        return extend(reader, value);
    const int size = asprintf(&pair, "%s=%s", reader->parameter, value);
    if (size < 0)
        return problem_set(reader->problem, -ENOMEM, "%s: out of memory",
                           reader->name);
    struct problem inner = {0};
    const int error = setting_store(reader->settings, reader->row, LAYER_YAML,
                                    reader->row->name, pair, &inner);
    free(pair);
    reader->size = (size_t)size;
    reader->room = 0; // not known
    reader->state = listed ? IN_VALUES : AT_PARAMETER;
    return error ? refuse(reader, mark, inner.text) : 0;
}

static int take_scalar(struct yaml_reader *reader, const yaml_event_t *event)
{
    const yaml_mark_t mark = event->start_mark;
    const char *const text = (const char *)event->data.scalar.value;
    int error = 0;
    if (event->data.scalar.anchor)
        return refuse(reader, mark, "anchors are not taken");
    if (event->data.scalar.tag)
        return refuse(reader, mark, "tags are not taken");
    if (strlen(text) != event->data.scalar.length)
        return refuse(reader, mark, "a NUL byte");
    switch (reader->state) {
    case AT_KEY:
        return take_key(reader, text, mark);
    case AT_VALUE:
        error = take_value(reader, event);
        reader->state = AT_KEY;
        return error;
    case IN_LIST:
        return take_value(reader, event);
    case AT_ANSWER:
        return take_answer(reader, text, mark);
    case AT_CLASS:
    case AT_PART:
    case AT_PART_VALUE:
        return take_rule(reader, text, mark);
    case AT_PARAMETER:
        return take_parameter(reader, text, mark);
    case AT_VALUES:
    case IN_VALUES:
        return take_values(reader, event);
    case AT_START:
    case AT_END:
        break;
    }
    return refuse(reader, mark, "settings are expected, as in 'retries: 3'");
}

static int take_sequence(struct yaml_reader *reader, const yaml_event_t *event)
{
    const yaml_mark_t mark = event->start_mark;
    if (event->data.sequence_start.anchor || event->data.sequence_start.tag)
        return refuse(reader, mark, "anchors and tags are not taken");
    if (reader->state == IN_LIST || reader->state == IN_VALUES)
        return refuse(reader, mark, "a list in a list");
    if (reader->state == AT_VALUES) {
        reader->state = IN_VALUES;
        return 0;
    }
    if (reader->state != AT_VALUE || !setting_is_list(reader->row))
        return refuse(reader, mark, "no list is expected here");
    reader->state = IN_LIST;
    return 0;
}

static int take_mapping(struct yaml_reader *reader, const yaml_event_t *event)
{
    const yaml_mark_t mark = event->start_mark;
    if (event->data.mapping_start.anchor || event->data.mapping_start.tag)
        return refuse(reader, mark, "anchors and tags are not taken");
    if (reader->state == AT_START) {
        reader->state = AT_KEY;
    } else if (reader->state == AT_VALUE &&
               reader->row->type == SETTING_RULES) {
        reader->state = AT_CLASS;
    } else if (reader->state == AT_VALUE && (reader->row->programs & NAMED)) {
        reader->state = AT_PARAMETER;
    } else if (reader->state == AT_ANSWER) {
        reader->state = AT_PART;
    } else {
        return refuse(reader, mark, "no mapping is expected here");
    }
    return 0;
}

static int end_sequence(struct yaml_reader *reader, const yaml_event_t *event)
{
    if (reader->state == IN_VALUES && reader->size == 0)
        return refuse(reader, event->start_mark, "a value is missing");
    reader->state = reader->state == IN_VALUES ? AT_PARAMETER : AT_KEY;
    return 0;
}

static int end_mapping(struct yaml_reader *reader)
{
    char text[RULE_TEXT_SIZE];
    if (reader->state == AT_PART) {
        rule_maker_text(&reader->maker, text);
        return store_rule(reader, text, reader->rule_mark);
    }
    reader->state = reader->state == AT_CLASS || reader->state == AT_PARAMETER
                        ? AT_KEY
                        : AT_END;
    return 0;
}

int yaml_reader_refuse(const struct yaml_reader *reader, yaml_mark_t mark,
                       const char *why)
{
    return refuse(reader, mark, why);
}

int yaml_reader_take(struct yaml_reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return take_sequence(reader, event);
    case YAML_MAPPING_START_EVENT:
        return take_mapping(reader, event);
    case YAML_SEQUENCE_END_EVENT:
        return end_sequence(reader, event);
    case YAML_MAPPING_END_EVENT:
        return end_mapping(reader);
    case YAML_ALIAS_EVENT:
        return refuse(reader, event->start_mark, "aliases are not taken");
    case YAML_DOCUMENT_START_EVENT:
        return reader->state == AT_START
                   ? 0
                   : refuse(reader, event->start_mark, "a second document");
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return 0;
    }
    return 0;
}

int yaml_each(const struct yaml_reader *reader, struct span text,
              int (*take)(void *context, const yaml_event_t *event),
              void *context)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return problem_set(reader->problem, -ENOMEM, "%s: out of memory",
                           reader->name);
    yaml_parser_set_input_string(
        &parser, text.size ? text.at : (const uint8_t *)"", text.size);
    int error = 0;
    for (bool more = true; more && !error;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            error = refuse(reader, parser.problem_mark,
                           parser.problem ? parser.problem : "is no YAML");
            break;
        }
        error = take(context, &event);
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return error;
}

static int take_event(void *context, const yaml_event_t *event)
{
    return yaml_reader_take(context, event);
}

int setting_read_yaml_text(struct settings *settings, unsigned program,
                           const char *name, struct span text,
                           struct problem *problem)
{
    struct yaml_reader reader = {.settings = settings,
                                 .program = program,
                                 .name = name,
                                 .problem = problem};
    return yaml_each(&reader, text, take_event, &reader);
}

static int read_all(int fd, size_t most, struct buffer *text)
{
    for (;;) {
        enum { STEP = 64 << 10 };
        uint8_t *const room = buffer_extend(text, STEP);
        if (!room)
            return -ENOMEM;
        const ssize_t got = read(fd, room, STEP);
        text->size -= got < 0 ? (size_t)STEP : (size_t)(STEP - got);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return 0;
        if (text->size > most)
            return -EFBIG;
    }
}

int yaml_file(const char *path, size_t most, struct buffer *text,
              struct problem *problem)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const int error = fd < 0 ? -errno : read_all(fd, most, text);
    if (fd >= 0)
        close(fd);
    if (error == -EFBIG)
        return problem_exit(problem, EXIT_USAGE, error,
                            "%s: larger than %zu MiB", path, most >> 20);
    return error ? problem_set(problem, error, "%s: %s", path,
                               strerrordesc_np(-error))
                 : 0;
}

int settings_read_yaml(struct settings *settings, unsigned program,
                       const char *path, struct problem *problem)
{
    struct buffer text = {0};
    const size_t most = program & IN_PLAN ? SETTING_PLAN_MAX : SETTING_YAML_MAX;
    int error = yaml_file(path, most, &text, problem);
    if (!error)
        error = setting_read_yaml_text(settings, program, path,
                                       buffer_span(&text), problem);
    buffer_free(&text);
    return error;
}
