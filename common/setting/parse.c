#include "common/setting/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Reads digits at *text; no sign, no leading zero unless `zeros`.
static int read_digits(const char **text, bool zeros, uint64_t *value)
{
    const char *at = *text;
    uint64_t sum = 0;
    if (*at < '0' || *at > '9' ||
        (!zeros && at[0] == '0' && at[1] >= '0' && at[1] <= '9'))
        return -EINVAL;
    for (; *at >= '0' && *at <= '9'; at++) {
        const uint64_t digit = (uint64_t)(*at - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return -ERANGE;
        sum = sum * 10 + digit;
    }
    *text = at;
    *value = sum;
    return 0;
}

static bool is_unlimited(const char *text)
{
    return strcmp(text, "unlimited") == 0;
}

int parse_count(const char *text, uint64_t least, uint64_t most,
                uint64_t *value)
{
    uint64_t number = SETTING_UNLIMITED;
    if (is_unlimited(text)) {
        if (most != SETTING_UNLIMITED)
            return -ERANGE;
    } else {
        const int error = read_digits(&text, false, &number);
        if (error || *text != '\0')
            return error ? error : -EINVAL;
        if (number < least || number > most || number == SETTING_UNLIMITED)
            return -ERANGE;
    }
    *value = number;
    return 0;
}

static int parse_clock_ms(const char *text, int64_t *ms)
{
    uint64_t part[3];
    for (int i = 0; i < 3; i++) {
        const char *const from = text;
        if (read_digits(&text, true, &part[i]) != 0 ||
            *text != (i < 2 ? ':' : '\0'))
            return -EINVAL;
        if (i > 0 && (text - from != 2 || part[i] > 59))
            return -EINVAL;
        text += i < 2;
    }
    if (part[0] > UINT64_C(1) << 32)
        return -ERANGE;
    *ms = (int64_t)((part[0] * 3600 + part[1] * 60 + part[2]) * 1000);
    return 0;
}

static const struct {
    char text[4];
    uint64_t ms;
} UNITS[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

int parse_duration_ms(const char *text, int64_t *ms)
{
    if (is_unlimited(text)) {
        *ms = SETTING_FOREVER;
        return 0;
    }
    if (strchr(text, ':'))
        return parse_clock_ms(text, ms);
    uint64_t number;
    const int error = read_digits(&text, false, &number);
    if (error)
        return error;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (strcmp(text, UNITS[i].text) != 0)
            continue;
        if (number >= (uint64_t)INT64_MAX / UNITS[i].ms)
            return -ERANGE;
        *ms = (int64_t)(number * UNITS[i].ms);
        return 0;
    }
    return -EINVAL;
}

int parse_backoff_ms(const char *text, int64_t *min_ms, int64_t *max_ms)
{
    char first[40] = "";
    const char *const dots = strstr(text, "..");
    const size_t length = dots ? (size_t)(dots - text) : strlen(text);
    if (length < sizeof first)
        memcpy(first, text, length);
    if (parse_duration_ms(first, min_ms) != 0 ||
        parse_duration_ms(dots ? dots + 2 : text, max_ms) != 0)
        return -EINVAL;
    return *min_ms > *max_ms ? -ERANGE : 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
    static const char LETTERS[] = "KMGT";
    if (is_unlimited(text)) {
        *bytes = SETTING_UNLIMITED;
        return 0;
    }
    uint64_t number;
    const int error = read_digits(&text, false, &number);
    if (error)
        return error;
    unsigned shift = 0;
    if (*text != '\0') {
        const char *const letter = strchr(LETTERS, *text++);
        if (!letter || *text != '\0')
            return -EINVAL;
        shift = 10 * (unsigned)(letter - LETTERS + 1);
    }
    if (number > (UINT64_MAX - 1) >> shift)
        return -ERANGE;
    *bytes = number << shift;
    return 0;
}

static int parse_recycled(const char *text, uint64_t *tasks, uint64_t *bytes)
{
    const bool count = text[0] && strspn(text, "0123456789") == strlen(text);
    uint64_t *const to = count ? tasks : bytes;
    if (*to != SETTING_UNLIMITED)
        return -EINVAL;
    const int error = count ? parse_count(text, 1, SETTING_UNLIMITED - 1, to)
                            : parse_size(text, to);
    return error < 0 || *to == 0 || *to == SETTING_UNLIMITED ? -EINVAL : 0;
}

int parse_recycle(const char *text, uint64_t *tasks, uint64_t *bytes)
{
    char part[32];
    const char *comma = strchr(text, ',');
    const size_t size = comma ? (size_t)(comma - text) : 0;
    *tasks = *bytes = SETTING_UNLIMITED;
    if (!comma)
        return parse_recycled(text, tasks, bytes);
    if (size >= sizeof part)
        return -EINVAL;
    memcpy(part, text, size);
    part[size] = '\0';
    const int error = parse_recycled(part, tasks, bytes);
    return error < 0 ? error : parse_recycled(comma + 1, tasks, bytes);
}

static void format_duration(int64_t ms, struct buffer *out)
{
    if (ms == SETTING_FOREVER) {
        buffer_append_text(out, "unlimited");
        return;
    }
    size_t i = ms == 0 ? 3 : 0;
    while ((uint64_t)ms % UNITS[i].ms != 0)
        i++;
    buffer_printf(out, "%llu%s", (unsigned long long)ms / UNITS[i].ms,
                  UNITS[i].text);
}

static void format_size(uint64_t bytes, struct buffer *out)
{
    if (bytes == SETTING_UNLIMITED) {
        buffer_append_text(out, "unlimited");
        return;
    }
    unsigned unit = 0;
    while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    static const char *const NAMES[] = {"", "K", "M", "G", "T"};
    buffer_printf(out, "%llu%s", (unsigned long long)bytes, NAMES[unit]);
}

static void format_count(uint64_t count, struct buffer *out)
{
    if (count == SETTING_UNLIMITED)
        buffer_append_text(out, "unlimited");
    else
        buffer_printf(out, "%llu", (unsigned long long)count);
}

static void format_jobs(const struct settings *settings, struct buffer *out)
{
    if (settings->jobs_percent)
        buffer_printf(out, "%llu%%",
                      (unsigned long long)settings->jobs_percent);
    else
        format_count(settings->jobs, out);
}

bool setting_format(const struct settings *settings,
                    const struct setting_row *row, struct buffer *out)
{
    const void *field = setting_field_of(settings, row);
    switch (row->type) {
    case SETTING_BOOL:
        buffer_append_text(out, *(const bool *)field ? "true" : "false");
        return true;
    case SETTING_COUNT:
        format_count(*(const uint64_t *)field, out);
        return true;
    case SETTING_JOBS:
        format_jobs(settings, out);
        return true;
    case SETTING_DURATION:
        format_duration(*(const int64_t *)field, out);
        return true;
    case SETTING_BACKOFF:
        format_duration(settings->backoff_min_ms, out);
        buffer_append_text(out, "..");
        format_duration(settings->backoff_max_ms, out);
        return true;
    case SETTING_SIZE:
        format_size(*(const uint64_t *)field, out);
        return true;
    case SETTING_ANSWER:
        buffer_append_text(out, answer_name(*(const enum answer *)field));
        return true;
    case SETTING_TEXT:
    case SETTING_NAME:
    case SETTING_CHOICE:
    case SETTING_ID:
        if (!*(char *const *)field)
            return false;
        buffer_append_text(out, *(char *const *)field);
        return true;
    case SETTING_LIST:
    case SETTING_RULES:
        return false;
    }
    return false;
}
