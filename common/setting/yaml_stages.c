#include "common/base/nearest.h"
#include "common/setting/internal.h"
#include "common/setting/stages.h"
#include "common/setting/yaml_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum where {
    AT_TOP,       // what stands beside `stages`
    AT_LIST,      // the list is to begin
    BETWEEN,      // a stage, or the end of the list
    IN_STAGE,     // its settings
    AT_NAME,      // of the stage
    AT_AFTER,     // a name, or a list of them
    IN_AFTER_LIST // its names
};

struct stages_reader {
    struct yaml_reader top, own; // what stands beside `stages`, and in one
    struct settings aside;       // what is read and not asked for
    struct settings *top_settings, *own_settings; // NULL: not asked for
    size_t wanted;                                // the stage that is
    const bool *passed; // rows that the top does not set; NULL: none
    bool *seen;         // gets those that the stage says; NULL: of no use
    enum where where;
    bool had_stages;
    struct stages *stages;
};

static struct stage *last(const struct stages_reader *reader)
{
    return &reader->stages->at[reader->stages->count - 1];
}

static int begin_stage(struct stages_reader *reader, const yaml_event_t *event)
{
    struct stages *const stages = reader->stages;
    if (stages->count == STAGES_MAX)
        return yaml_reader_refuse(&reader->top, event->start_mark,
                                  "more than 1000 stages");
    struct stage *const grown =
        reallocarray(stages->at, stages->count + 1, sizeof *grown);
    if (!grown)
        return problem_set(reader->top.problem, -ENOMEM, "out of memory");
    stages->at = grown;
    grown[stages->count] = (struct stage){.line = event->start_mark.line + 1};
    const bool asked = reader->own_settings && reader->wanted == stages->count;
    struct settings *const settings =
        asked ? reader->own_settings : &reader->aside;
    reader->own = (struct yaml_reader){.settings = settings,
                                       .program = reader->top.program,
                                       .name = reader->top.name,
                                       .problem = reader->top.problem};
    stages->count++;
    reader->where = IN_STAGE;
    return yaml_reader_take(&reader->own, event);
}

// A plain text; NULL: it is none, or more than a text.
static const char *text_of(const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.anchor ||
        event->data.scalar.tag)
        return NULL;
    const char *const text = (const char *)event->data.scalar.value;
    return strlen(text) == event->data.scalar.length ? text : NULL;
}

static bool is_key(const struct yaml_reader *reader, const yaml_event_t *event,
                   const char *name)
{
    const char *const text = text_of(event);
    return reader->state == AT_KEY && text && strcmp(text, name) == 0;
}

static size_t find(const struct stages *stages, const char *name)
{
    size_t i = 0;
    while (i < stages->count &&
           !(stages->at[i].name && strcmp(stages->at[i].name, name) == 0))
        i++;
    return i;
}

static int take_name(struct stages_reader *reader, const yaml_event_t *event)
{
    struct problem inner = {0};
    const char *const name = text_of(event);
    if (!name)
        return yaml_reader_refuse(&reader->top, event->start_mark,
                                  "the name of a stage is expected");
    // As --name has it: it becomes a folder.
    if (settings_set(&reader->aside, FOR_RUN, LAYER_FLAG, "name", name,
                     &inner) != 0)
        return yaml_reader_refuse(&reader->top, event->start_mark, inner.text);
    if (strchr(name, '.'))
        return yaml_reader_refuse(&reader->top, event->start_mark,
                                  "a stage's name has no dot");
    if (last(reader)->name ||
        find(reader->stages, name) < reader->stages->count)
        return yaml_reader_refuse(&reader->top, event->start_mark,
                                  last(reader)->name
                                      ? "'name' is given twice"
                                      : "another stage has this name");
    last(reader)->name = strdup(name);
    reader->where = IN_STAGE;
    return last(reader)->name
               ? 0
               : problem_set(reader->top.problem, -ENOMEM, "out of memory");
}

static int take_after(struct stages_reader *reader, const yaml_event_t *event)
{
    struct stage *const stage = last(reader);
    const bool in_list = reader->where == IN_AFTER_LIST;
    const char *const name = text_of(event);
    if (name) {
        if (!in_list)
            reader->where = IN_STAGE;
        return texts_add(&stage->after, name) == 0
                   ? 0
                   : problem_set(reader->top.problem, -ENOMEM, "out of memory");
    }
    if (event->type == YAML_SEQUENCE_START_EVENT && !in_list)
        reader->where = IN_AFTER_LIST;
    else if (event->type == YAML_SEQUENCE_END_EVENT && in_list)
        reader->where = IN_STAGE;
    else
        return yaml_reader_refuse(&reader->top, event->start_mark,
                                  "names of stages are expected");
    return 0;
}

static int take_in_stage(struct stages_reader *reader,
                         const yaml_event_t *event)
{
    struct stage *const stage = last(reader);
    if (is_key(&reader->own, event, "name")) {
        reader->where = AT_NAME;
        return 0;
    }
    if (is_key(&reader->own, event, "after")) {
        if (stage->after_line > 0)
            return yaml_reader_refuse(&reader->top, event->start_mark,
                                      "'after' is given twice");
        stage->after_line = event->start_mark.line + 1;
        reader->where = AT_AFTER;
        return 0;
    }
    if (is_key(&reader->own, event, "results"))
        return yaml_reader_refuse(&reader->top, event->start_mark,
                                  "a stage's results are in a folder of its "
                                  "name; 'results' is for the whole");
    const int error = yaml_reader_take(&reader->own, event);
    if (error || reader->own.state != AT_END)
        return error;
    reader->where = BETWEEN;
    if (reader->seen && reader->wanted + 1 == reader->stages->count)
        memcpy(reader->seen, reader->own.seen, sizeof reader->own.seen);
    return stage->name ? 0
                       : yaml_reader_refuse(&reader->top, event->start_mark,
                                            "a stage without a name ends here");
}

static int take_at_top(struct stages_reader *reader, const yaml_event_t *event)
{
    if (!is_key(&reader->top, event, "stages")) {
        const int error = yaml_reader_take(&reader->top, event);
        if (error || reader->top.state != AT_VALUE)
            return error;
        const size_t row = (size_t)(reader->top.row - SETTING_TABLE);
        const bool asked =
            reader->top_settings && !(reader->passed && reader->passed[row]);
        reader->top.settings = asked ? reader->top_settings : &reader->aside;
        return 0;
    }
    if (reader->had_stages)
        return yaml_reader_refuse(&reader->top, event->start_mark,
                                  "'stages' is given twice");
    reader->had_stages = true;
    reader->where = AT_LIST;
    return 0;
}

static int take_event(void *context, const yaml_event_t *event)
{
    struct stages_reader *const reader = context;
    switch (reader->where) {
    case AT_TOP:
        return take_at_top(reader, event);
    case AT_LIST:
        reader->where = BETWEEN;
        return event->type == YAML_SEQUENCE_START_EVENT
                   ? 0
                   : yaml_reader_refuse(
                         &reader->top, event->start_mark,
                         "a list of stages is expected, as in '- name: one'");
    case BETWEEN:
        if (event->type == YAML_SEQUENCE_END_EVENT) {
            reader->where = AT_TOP;
            return 0;
        }
        return event->type == YAML_MAPPING_START_EVENT
                   ? begin_stage(reader, event)
                   : yaml_reader_refuse(
                         &reader->top, event->start_mark,
                         "a stage is expected, as in '- name: one'");
    case IN_STAGE:
        return take_in_stage(reader, event);
    case AT_NAME:
        return take_name(reader, event);
    case AT_AFTER:
    case IN_AFTER_LIST:
        return take_after(reader, event);
    }
    return -EINVAL;
}

static int parse(struct stages_reader *reader, const char *name,
                 struct span text, struct problem *problem)
{
    settings_init(&reader->aside);
    reader->top = (struct yaml_reader){.settings = &reader->aside,
                                       .program = FOR_RUN,
                                       .name = name,
                                       .problem = problem};
    const int error = yaml_each(&reader->top, text, take_event, reader);
    settings_clear(&reader->aside);
    return error;
}

// A place in the file by its line alone.
static int refuse_at(struct problem *problem, const char *name, size_t line,
                     const char *why)
{
    return problem_exit(problem, EXIT_USAGE, -EINVAL, "%s:%zu: %s", name, line,
                        why);
}

static int refuse_unknown(const struct stages *stages, const char *other,
                          const char *name, size_t line,
                          struct problem *problem)
{
    char why[200], quoted[SETTING_QUOTE_SIZE];
    struct nearest nearest;
    const struct span typed = span_of_text(other);
    nearest_begin(&nearest, typed, nearest_slip(typed));
    for (size_t i = 0; i < stages->count; i++)
        nearest_try(&nearest, stages->at[i].name);
    const char *const near = nearest.word;
    snprintf(why, sizeof why, "there is no stage '%s'%s%.40s%s",
             setting_quote(other, quoted), near ? "; did you mean '" : "",
             near ? near : "", near ? "'?" : "");
    return refuse_at(problem, name, line, why);
}

static int check_names(const struct stages *stages, const char *name,
                       struct problem *problem)
{
    for (size_t i = 0; i < stages->count; i++)
        for (size_t j = 0; j < stages->at[i].after.count; j++) {
            const struct stage *const stage = &stages->at[i];
            if (find(stages, stage->after.at[j]) == stages->count)
                return refuse_unknown(stages, stage->after.at[j], name,
                                      stage->after_line, problem);
        }
    return 0;
}

static bool may_begin(const struct stages *stages, size_t index,
                      const bool *placed)
{
    const struct texts *const after = &stages->at[index].after;
    bool may = !placed[index];
    for (size_t i = 0; may && i < after->count; i++)
        may = placed[find(stages, after->at[i])];
    return may;
}

static int refuse_circle(const struct stage *stage, const char *name,
                         struct problem *problem)
{
    char why[200], quoted[SETTING_QUOTE_SIZE];
    snprintf(why, sizeof why,
             "stage '%s' never begins: it and what it is after wait for each "
             "other",
             setting_quote(stage->name, quoted));
    return refuse_at(problem, name, stage->after_line, why);
}

static int put_in_order(struct stages *stages, const char *name,
                        struct problem *problem)
{
    bool placed[STAGES_MAX] = {false};
    stages->order = calloc(stages->count, sizeof *stages->order);
    if (!stages->order)
        return problem_set(problem, -ENOMEM, "out of memory");
    for (size_t i = 0; i < stages->count; i++) {
        size_t next = 0;
        while (next < stages->count && !may_begin(stages, next, placed))
            next++;
        if (next < stages->count) {
            placed[next] = true;
            stages->order[i] = next;
            continue;
        }
        // Each that is left waits for one that is left.
        for (next = 0; placed[next];)
            next++;
        return refuse_circle(&stages->at[next], name, problem);
    }
    return 0;
}

int stages_read_text(struct stages *stages, struct settings *whole,
                     const char *name, struct span text,
                     struct problem *problem)
{
    struct stages_reader reader = {.stages = stages, .top_settings = whole};
    *stages = (struct stages){0};
    int error = parse(&reader, name, text, problem);
    if (!error && reader.had_stages && stages->count == 0)
        error = problem_exit(problem, EXIT_USAGE, -EINVAL,
                             "%s: the list of stages is empty", name);
    if (!error && stages->count > 0)
        error = check_names(stages, name, problem);
    if (!error && stages->count > 0)
        error = put_in_order(stages, name, problem);
    return error;
}

int stages_read(struct stages *stages, struct settings *whole, const char *path,
                struct problem *problem)
{
    struct buffer text = {0};
    *stages = (struct stages){0};
    int error = yaml_file(path, SETTING_YAML_MAX, &text, problem);
    if (!error)
        error =
            stages_read_text(stages, whole, path, buffer_span(&text), problem);
    buffer_free(&text);
    return error;
}

void stages_clear(struct stages *stages)
{
    for (size_t i = 0; i < stages->count; i++) {
        free(stages->at[i].name);
        texts_free(&stages->at[i].after);
    }
    free(stages->at);
    free(stages->order);
    *stages = (struct stages){0};
}

int stages_settings(struct settings *settings, const char *path, size_t index,
                    struct problem *problem)
{
    static const char *const OF_WHOLE[] = {"name", "results", "on-done"};
    bool said[sizeof settings->layer] = {false};
    struct buffer text = {0};
    struct stages stages = {0};
    struct stages_reader own = {.stages = &stages,
                                .own_settings = settings,
                                .wanted = index,
                                .seen = said};
    int error = yaml_file(path, SETTING_YAML_MAX, &text, problem);
    if (!error)
        error = parse(&own, path, buffer_span(&text), problem);
    stages_clear(&stages);
    for (size_t i = 0; i < sizeof OF_WHOLE / sizeof OF_WHOLE[0]; i++)
        said[setting_find(FOR_RUN, 0, OF_WHOLE[i]) - SETTING_TABLE] = true;
    struct stages_reader top = {
        .stages = &stages, .top_settings = settings, .passed = said};
    if (!error)
        error = parse(&top, path, buffer_span(&text), problem);
    stages_clear(&stages);
    buffer_free(&text);
    return error;
}
