#include "common/template/edit.h"

#include <errno.h>
#include <string.h>

enum { NAMES_MAX = 200 };

struct scan {
    const uint8_t *at, *end;
    struct buffer *out;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n';
}

// One piece of a word: a byte, or what stands in quotes. False: they are not
// closed.
static bool take_piece(struct scan *scan)
{
    const uint8_t byte = *scan->at++;
    if (byte == '\\' && scan->at < scan->end) {
        put_u8(scan->out, *scan->at++);
        return true;
    }
    if (byte != '\'' && byte != '"') {
        put_u8(scan->out, byte);
        return true;
    }
    while (scan->at < scan->end && *scan->at != byte) {
        if (byte == '"' && *scan->at == '\\' && scan->end - scan->at > 1)
            scan->at++;
        put_u8(scan->out, *scan->at++);
    }
    return scan->at++ < scan->end;
}

// Words, each with a NUL behind. Their number, or -EINVAL.
static int64_t split(struct span text, struct buffer *words)
{
    struct scan scan = {text.at, text.at + text.size, words};
    int64_t count = 0;
    for (;;) {
        while (scan.at < scan.end && is_blank(*scan.at))
            scan.at++;
        if (scan.at == scan.end)
            return count;
        while (scan.at < scan.end && !is_blank(*scan.at))
            if (!take_piece(&scan))
                return -EINVAL;
        put_u8(words, '\0');
        count++;
    }
}

static int refuse_word(const char *word, const struct wire_pair *values,
                       size_t count, struct problem *problem)
{
    struct buffer names = {0};
    for (size_t i = 0; i < count && names.size < NAMES_MAX; i++)
        buffer_printf(&names, "%s%.*s", i > 0 ? ", " : "",
                      (int)values[i].name.size,
                      (const char *)values[i].name.at);
    const int error = problem_set(
        problem, -EINVAL,
        "'%.100s' is no NAME=VALUE with a name that it has: %.*s", word,
        (int)names.size, names.size > 0 ? (const char *)names.at : "");
    buffer_free(&names);
    return error;
}

// Of a word NAME=VALUE.
static int set_named(const char *word, struct wire_pair *values, size_t count,
                     bool *changed, struct problem *problem)
{
    const char *const equals = strchr(word, '=');
    for (size_t i = 0; equals && i < count; i++) {
        const struct span name = {(const uint8_t *)word,
                                  (size_t)(equals - word)};
        if (!span_equal(values[i].name, name))
            continue;
        values[i].value = span_of_text(equals + 1);
        if (changed)
            changed[i] = true;
        return 0;
    }
    return refuse_word(word, values, count, problem);
}

static int set_single(struct span args, struct wire_pair *value, bool *changed)
{
    const size_t size = value->name.size;
    const bool named = size > 0 && args.size > size && args.at[size] == '=' &&
                       memcmp(args.at, value->name.at, size) == 0;
    value->value =
        named ? (struct span){args.at + size + 1, args.size - size - 1} : args;
    if (changed)
        *changed = true;
    return 0;
}

int edit_values(struct span args, struct wire_pair *values, size_t count,
                bool *changed, struct buffer *words, struct problem *problem)
{
    buffer_clear(words);
    for (size_t i = 0; changed && i < count; i++)
        changed[i] = false;
    if (count == 0)
        return problem_set(problem, -EINVAL, "it has no values");
    if (count == 1)
        return set_single(args, values, changed);
    const int64_t given = split(args, words);
    const bool named = values[0].name.size > 0;
    if (words->failed)
        return problem_set(problem, -ENOMEM, "out of memory");
    if (given < 0)
        return problem_set(problem, -EINVAL, "a quote is never closed");
    if (given == 0 || (!named && (size_t)given != count))
        return problem_set(problem, -EINVAL,
                           "it has %zu values, and there are %zu", count,
                           (size_t)given);
    const char *word = (const char *)words->at;
    int error = 0;
    for (size_t i = 0; i < (size_t)given && error == 0; i++) {
        if (named)
            error = set_named(word, values, count, changed, problem);
        else
            values[i].value = span_of_text(word);
        if (!named && changed)
            changed[i] = true;
        word += strlen(word) + 1;
    }
    return error;
}
