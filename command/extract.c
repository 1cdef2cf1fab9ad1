#include "command/extract.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

struct extract {
    regex_t regex;
    size_t name_size;
    char *pattern;
};

static size_t word_size(const char *text)
{
    static const char LETTERS[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char MORE[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return strspn(text, LETTERS) == 0 ? 0 : strspn(text, MORE);
}

static int refuse(const char *pattern, const char *why, struct problem *problem)
{
    return problem_exit(problem, EXIT_USAGE, -EINVAL, "--extract: '%.200s' %s",
                        pattern, why);
}

static int compile(struct extract *extract, struct problem *problem)
{
    char why[200];
    const char *const pattern = extract->pattern;
    extract->name_size = word_size(pattern);
    if (extract->name_size == 0)
        return refuse(pattern,
                      "does not begin with a word to call the value by, as in "
                      "'energy=([-0-9.e]+)'",
                      problem);
    const int error =
        regcomp(&extract->regex, pattern, REG_EXTENDED | REG_NEWLINE);
    if (error != 0) {
        regerror(error, &extract->regex, why, sizeof why);
        return refuse(pattern, why, problem);
    }
    if (extract->regex.re_nsub == 1)
        return 0;
    regfree(&extract->regex);
    return refuse(pattern,
                  "must have one group in parentheses: that is the value",
                  problem);
}

struct extract *extract_create(const char *pattern, struct problem *problem)
{
    struct extract *extract = calloc(1, sizeof *extract);
    if (extract)
        extract->pattern = strdup(pattern);
    if (extract && extract->pattern && compile(extract, problem) == 0)
        return extract;
    if (!extract || !extract->pattern)
        problem_set(problem, -ENOMEM, "out of memory");
    if (extract)
        free(extract->pattern);
    free(extract);
    return NULL;
}

void extract_destroy(struct extract **extract)
{
    struct extract *const gone = *extract;
    if (!gone)
        return;
    regfree(&gone->regex);
    free(gone->pattern);
    free(gone);
    *extract = NULL;
}

struct span extract_name(const struct extract *extract)
{
    return (struct span){(const uint8_t *)extract->pattern, extract->name_size};
}

struct cell extract_cell(const struct extract *extract,
                         const struct record *record)
{
    const struct cell nothing = {CELL_NOTHING, {0}};
    const struct span text = record->out;
    regmatch_t found[2] = {{.rm_so = 0, .rm_eo = (regoff_t)text.size}};
    if (text.size == 0 ||
        regexec(&extract->regex, (const char *)text.at, 2, found,
                REG_STARTEND) != 0 ||
        found[1].rm_so < 0)
        return nothing;
    const struct span value = {text.at + found[1].rm_so,
                               (size_t)(found[1].rm_eo - found[1].rm_so)};
    return cell_is_number(value) ? (struct cell){CELL_JSON, value}
                                 : cell_text(value);
}
