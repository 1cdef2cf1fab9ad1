#include "common/setting/internal.h"
#include "common/setting/rule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(struct problem *problem, const char *shown, const char *value,
                  const char *why)
{
    char quoted[SETTING_QUOTE_SIZE];
    return problem_exit(problem, EXIT_USAGE, -EINVAL, "%s: '%s' %s", shown,
                        setting_quote(value, quoted), why);
}

// The range of a row in its own units, for a message.
static int refuse_range(struct problem *problem, const struct setting_row *row,
                        const char *shown, const char *value)
{
    char why[160];
    struct settings ends = {0};
    struct buffer text = {0};
    const uint64_t most =
        row->type == SETTING_DURATION && row->most == SETTING_UNLIMITED
            ? (uint64_t)SETTING_FOREVER
            : row->most;
    memcpy(setting_field(&ends, row), &row->least, sizeof row->least);
    setting_format(&ends, row, &text);
    buffer_append_text(&text, " to ");
    memcpy(setting_field(&ends, row), &most, sizeof most);
    setting_format(&ends, row, &text);
    put_u8(&text, 0);
    snprintf(why, sizeof why, "is out of range: %s",
             text.failed ? "see --help" : (const char *)text.at);
    buffer_free(&text);
    return refuse(problem, shown, value, why);
}

static int set_text(char **field, const char *value)
{
    char *const copy = strdup(value);
    if (!copy)
        return -ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

static int set_bool(bool *field, const char *shown, const char *value,
                    struct problem *problem)
{
    const bool yes = strcmp(value, "true") == 0;
    if (!yes && strcmp(value, "false") != 0)
        return refuse(problem, shown, value, "is neither true nor false");
    *field = yes;
    return 0;
}

static int set_count(uint64_t *field, const struct setting_row *row,
                     const char *shown, const char *value,
                     struct problem *problem)
{
    switch (parse_count(value, row->least, row->most, field)) {
    case 0:
        return 0;
    case -ERANGE:
        return refuse_range(problem, row, shown, value);
    default:
        return refuse(problem, shown, value, "is not a whole number");
    }
}

static int set_jobs(struct settings *settings, const struct setting_row *row,
                    const char *shown, const char *value,
                    struct problem *problem)
{
    const size_t length = strlen(value);
    uint64_t number;
    char digits[8] = "";
    if (length > 1 && length <= sizeof digits && value[length - 1] == '%') {
        memcpy(digits, value, length - 1);
        if (parse_count(digits, 1, 10000, &number) != 0)
            return refuse(problem, shown, value,
                          "is not a percentage from 1% to 10000%");
        settings->jobs_percent = number;
        settings->jobs = 0;
        return 0;
    }
    if (parse_count(value, row->least, row->most, &number) != 0)
        return refuse(problem, shown, value,
                      "is neither a number from 1 to 65535 nor a percentage "
                      "such as 50%");
    settings->jobs = number;
    settings->jobs_percent = 0;
    return 0;
}

static bool duration_fits(const struct setting_row *row, int64_t ms)
{
    return ms == SETTING_FOREVER
               ? row->most == SETTING_UNLIMITED
               : (uint64_t)ms >= row->least && (uint64_t)ms <= row->most;
}

static int set_duration(int64_t *field, const struct setting_row *row,
                        const char *shown, const char *value,
                        struct problem *problem)
{
    int64_t ms;
    const int error = parse_duration_ms(value, &ms);
    if (error == -ERANGE || (!error && !duration_fits(row, ms)))
        return refuse_range(problem, row, shown, value);
    if (error)
        return refuse(problem, shown, value,
                      "is not a duration such as 100ms, 10s, 5m, 2h, 1d or "
                      "HH:MM:SS");
    *field = ms;
    return 0;
}

static int set_backoff(struct settings *settings, const struct setting_row *row,
                       const char *shown, const char *value,
                       struct problem *problem)
{
    int64_t min_ms = 0, max_ms = 0;
    const int error = parse_backoff_ms(value, &min_ms, &max_ms);
    if (error == -EINVAL)
        return refuse(problem, shown, value,
                      "is not two durations such as 1s..5m");
    if (error < 0 || !duration_fits(row, max_ms))
        return refuse(problem, shown, value,
                      "is not a shorter and a longer time, 366d at most");
    settings->backoff_min_ms = min_ms;
    settings->backoff_max_ms = max_ms;
    return 0;
}

static int set_size(uint64_t *field, const struct setting_row *row,
                    const char *shown, const char *value,
                    struct problem *problem)
{
    uint64_t bytes;
    const int error = parse_size(value, &bytes);
    if (error == -ERANGE ||
        (!error && (bytes < row->least || bytes > row->most)))
        return refuse_range(problem, row, shown, value);
    if (error)
        return refuse(problem, shown, value, "is not a size such as 512K, 64M");
    *field = bytes;
    return 0;
}

static bool is_choice(const char *choices, const char *value)
{
    const size_t length = strlen(value);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strcspn(at, "|") == length && strncmp(at, value, length) == 0)
            return true;
    }
    return false;
}

static int check_choice(const struct setting_row *row, const char *shown,
                        const char *value, struct problem *problem)
{
    char why[96];
    if (is_choice(row->choices, value))
        return 0;
    snprintf(why, sizeof why, "is none of %s", row->choices);
    return refuse(problem, shown, value, why);
}

static int set_answer(enum answer *field, const struct setting_row *row,
                      const char *shown, const char *value,
                      struct problem *problem)
{
    unsigned at = 0;
    while (at < ANSWERS && strcmp(value, answer_name((enum answer)at)) != 0)
        at++;
    const int error = check_choice(row, shown, value, problem);
    if (!error)
        *field = at == ANSWER_RETRY ? ANSWER_FAIL : (enum answer)at;
    return error;
}

static int check_text(const struct setting_row *row, const char *shown,
                      const char *value, struct problem *problem)
{
    const size_t length = strlen(value);
    if (length == 0 && row->type != SETTING_LIST)
        return refuse(problem, shown, value, "is empty");
    if (length > (row->most ? row->most : SETTING_TEXT_MAX))
        return refuse(problem, shown, value, "is too long");
    if (row->type != SETTING_NAME)
        return 0;
    if (value[0] == '.' || value[0] == '-')
        return refuse(problem, shown, value, "begins with a dot or dash");
    for (const char *at = value; *at; at++)
        if (*at == '/' || (unsigned char)*at < ' ' || *at == 0x7f)
            return refuse(problem, shown, value,
                          "has a slash or a control character");
    return 0;
}

static int add_rule(struct texts *rules, const char *shown, const char *value,
                    struct problem *problem)
{
    struct policy_rule unused;
    const char *why;
    if (rules->count == POLICY_RULES_MAX)
        return refuse(problem, shown, value,
                      "is one rule too many: 64 at most");
    return rule_read(value, &unused, &why) < 0
               ? refuse(problem, shown, value, why)
               : texts_add(rules, value);
}

static int check_id(const char *shown, const char *value,
                    struct problem *problem)
{
    struct id128 id;
    return id128_parse(value, &id) == 0
               ? 0
               : refuse(problem, shown, value, "is not 32 hex digits");
}

int setting_parse(struct settings *settings, const struct setting_row *row,
                  const char *shown, const char *value, struct problem *problem)
{
    void *field = setting_field(settings, row);
    int error = 0;
    switch (row->type) {
    case SETTING_BOOL:
        return set_bool(field, shown, value, problem);
    case SETTING_COUNT:
        return set_count(field, row, shown, value, problem);
    case SETTING_JOBS:
        return set_jobs(settings, row, shown, value, problem);
    case SETTING_DURATION:
        return set_duration(field, row, shown, value, problem);
    case SETTING_BACKOFF:
        return set_backoff(settings, row, shown, value, problem);
    case SETTING_SIZE:
        return set_size(field, row, shown, value, problem);
    case SETTING_ANSWER:
        return set_answer(field, row, shown, value, problem);
    case SETTING_CHOICE:
        error = check_choice(row, shown, value, problem);
        return error ? error : set_text(field, value);
    case SETTING_TEXT:
    case SETTING_NAME:
        error = check_text(row, shown, value, problem);
        return error ? error : set_text(field, value);
    case SETTING_ID:
        error = check_id(shown, value, problem);
        return error ? error : set_text(field, value);
    case SETTING_RULES:
        return add_rule(field, shown, value, problem);
    case SETTING_LIST:
        error = check_text(row, shown, value, problem);
        return error ? error : texts_add(field, value);
    }
    return -EINVAL;
}
