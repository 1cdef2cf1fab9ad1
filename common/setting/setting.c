#include "common/setting/setting.h"

#include "common/base/nearest.h"
#include "common/setting/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAMS = FOR_PROGRAMS | IN_PLAN | IN_DEFINITION };

void texts_free(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->at[i]);
    free(texts->at);
    *texts = (struct texts){0};
}

int texts_add(struct texts *texts, const char *text)
{
    const size_t count = texts->count;
    // Room is always a power of two, so it is full when the count is one.
    if ((count & (count - 1)) == 0) {
        char **const grown =
            reallocarray(texts->at, count == 0 ? 1 : 2 * count, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        texts->at = grown;
    }
    texts->at[count] = strdup(text);
    if (!texts->at[count])
        return -ENOMEM;
    texts->count++;
    return 0;
}

void *setting_field(struct settings *settings, const struct setting_row *row)
{
    return (char *)settings + row->offset;
}

bool setting_is_list(const struct setting_row *row)
{
    return row->type == SETTING_LIST || row->type == SETTING_RULES;
}

const void *setting_field_of(const struct settings *settings,
                             const struct setting_row *row)
{
    return (const char *)settings + row->offset;
}

void settings_init(struct settings *settings)
{
    *settings = (struct settings){
        .backoff_min_ms = 1000,
        .backoff_max_ms = 300000,
        .timeout_ms = SETTING_FOREVER,
        .grace_ms = 20000,
        .on_fail = ANSWER_FAIL,
        .max_losses = 10,
        .notify_rate = 10,
        .output_max = UINT64_C(64) << 20,
        .mem_max = SETTING_UNLIMITED,
        .format = strdup("ndjson"),
        .heartbeat_ms = 1000,
        .liveness_ms = 4000,
        .rejoin_ms = 15000,
        .wait_ms = 600000,
        .patience_ms = SETTING_FOREVER,
        .retain_max = UINT64_C(256) << 20,
        .order_window = 100000,
    };
}

void settings_clear(struct settings *settings)
{
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        void *field = setting_field(settings, row);
        if (setting_is_list(row))
            texts_free(field);
        else if (row->type == SETTING_TEXT || row->type == SETTING_NAME ||
                 row->type == SETTING_CHOICE || row->type == SETTING_ID)
            free(*(char **)field);
    }
    texts_free(&settings->operands);
    memset(settings, 0, sizeof *settings);
}

static bool takes(const struct setting_row *row, unsigned program,
                  unsigned without)
{
    return (row->programs & program & PROGRAMS) && !(row->programs & without);
}

static char dashed(char letter)
{
    if (letter == '_')
        return '-';
    return letter;
}

const struct setting_row *setting_find(unsigned program, unsigned without,
                                       const char *name)
{
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        if (!takes(&SETTING_TABLE[i], program, without))
            continue;
        const char *left = SETTING_TABLE[i].name, *right = name;
        for (; *left && *left == dashed(*right); left++)
            right++;
        if (*left == '\0' && *right == '\0')
            return &SETTING_TABLE[i];
    }
    return NULL;
}

const char *setting_nearest(unsigned program, unsigned without,
                            const char *name)
{
    const struct span typed = span_of_text(name);
    struct nearest nearest;
    nearest_begin(&nearest, typed, nearest_slip(typed));
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
        if (takes(&SETTING_TABLE[i], program, without))
            nearest_try(&nearest, SETTING_TABLE[i].name);
    return nearest.word;
}

const char *setting_quote(const char *text, char quoted[SETTING_QUOTE_SIZE])
{
    size_t used = 0;
    for (; text[used] && used < SETTING_QUOTE_SIZE - 4; used++) {
        quoted[used] = text[used];
        if (text[used] < ' ' || text[used] > '~')
            quoted[used] = '?';
    }
    memcpy(quoted + used, text[used] ? "..." : "", text[used] ? 4 : 1);
    return quoted;
}

int setting_store(struct settings *settings, const struct setting_row *row,
                  enum setting_layer layer, const char *shown,
                  const char *value, struct problem *problem)
{
    uint8_t *const held = &settings->layer[row - SETTING_TABLE];
    int error;
    if (layer < *held) {
        // Wrong values are refused even where they have no effect.
        struct settings aside;
        settings_init(&aside);
        error = setting_parse(&aside, row, shown, value, problem);
        settings_clear(&aside);
    } else {
        if (setting_is_list(row) && layer > *held)
            texts_free(setting_field(settings, row));
        error = setting_parse(settings, row, shown, value, problem);
        if (!error)
            *held = (uint8_t)layer;
    }
    if (error == -ENOMEM)
        problem_set(problem, error, "%s: out of memory", shown);
    return error;
}

int settings_set(struct settings *settings, unsigned program,
                 enum setting_layer layer, const char *name, const char *value,
                 struct problem *problem)
{
    const struct setting_row *const row = setting_find(program, 0, name);
    if (row)
        return setting_store(settings, row, layer, row->name, value, problem);
    char quoted[SETTING_QUOTE_SIZE];
    const char *const near = setting_nearest(program, 0, name);
    return problem_exit(
        problem, EXIT_USAGE, -ENOENT, "unknown setting '%s'%s%s%s",
        setting_quote(name, quoted), near ? "; did you mean '" : "",
        near ? near : "", near ? "'?" : "");
}

void settings_forget(struct settings *settings, const char *name)
{
    const struct setting_row *const row = setting_find(FOR_RUN, 0, name);
    char **const field = setting_field(settings, row);
    free(*field);
    *field = NULL;
    settings->layer[row - SETTING_TABLE] = LAYER_BUILT_IN;
}

bool settings_text(const struct settings *settings,
                   const struct setting_row *row, struct buffer *out)
{
    struct settings fresh;
    struct buffer now = {0}, built_in = {0};
    settings_init(&fresh);
    bool there = setting_format(settings, row, &now);
    const bool was = setting_format(&fresh, row, &built_in);
    if (there && was && span_equal(buffer_span(&now), buffer_span(&built_in)))
        there = false;
    if (there)
        buffer_append(out, now.at, now.size);
    out->failed = out->failed || now.failed || built_in.failed;
    buffer_free(&now);
    buffer_free(&built_in);
    settings_clear(&fresh);
    return there;
}
