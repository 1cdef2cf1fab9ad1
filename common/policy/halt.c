#include "common/policy/halt.h"

#include <errno.h>
#include <string.h>

enum { FAILED_LEAST = 3 }; // of a percentage

static bool skip(const char **text, const char *word)
{
    const size_t size = strlen(word);
    if (strncmp(*text, word, size) != 0)
        return false;
    *text += size;
    return true;
}

static bool read_count(const char **text, uint64_t *count)
{
    const char *const from = *text;
    for (*count = 0; **text >= '0' && **text <= '9'; (*text)++) {
        if (*count > (UINT64_C(1) << 40))
            return false;
        *count = *count * 10 + (uint64_t)(**text - '0');
    }
    return *text > from && *count > 0;
}

int halt_parse(const char *text, struct halt *halt)
{
    static const struct {
        const char *word;
        enum halt_of of;
    } TABLE[] = {
        {"fail=", HALT_FAIL}, {"success=", HALT_SUCCESS}, {"done=", HALT_DONE}};
    *halt = (struct halt){0};
    if (!text)
        return 0;
    struct halt read = {.now = skip(&text, "now,")};
    if (!read.now && !skip(&text, "soon,"))
        return -EINVAL;
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0] && !read.of; i++)
        if (skip(&text, TABLE[i].word))
            read.of = TABLE[i].of;
    if (!read.of || !read_count(&text, &read.count))
        return -EINVAL;
    read.percent =
        read.of == HALT_FAIL && read.count <= 100 && skip(&text, "%");
    if (*text != '\0')
        return -EINVAL;
    *halt = read;
    return 0;
}

bool halt_is_due(const struct halt *halt, uint64_t ok, uint64_t failed,
                 uint64_t done)
{
    switch (halt->of) {
    case HALT_NEVER:
        return false;
    case HALT_SUCCESS:
        return ok >= halt->count;
    case HALT_DONE:
        return done >= halt->count;
    case HALT_FAIL:
        break;
    }
    return halt->percent
               ? failed >= FAILED_LEAST && failed * 100 >= done * halt->count
               : failed >= halt->count;
}
