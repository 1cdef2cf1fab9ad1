#include "common/setting/plan.h"

#include "common/policy/fit.h"

#include <errno.h>

static struct fit_words words_of(const struct texts *texts)
{
    return (struct fit_words){texts->at, texts->count};
}

static int refuse(struct problem *problem, const char *option, const char *word,
                  const char *how)
{
    return problem_exit(problem, EXIT_USAGE, -EINVAL, "%s %.200s: %s", option,
                        word, how);
}

static bool is_have(const char *word)
{
    struct span name, text;
    uint64_t value;
    if (fit_read_amount(word, true, &name, &value))
        return true;
    if (!fit_read_label(word, &name, &text) || text.size == 0)
        return false;
    const char *amount = (const char *)text.at;
    if (span_equal(name, SPAN_OF("cpus")))
        return parse_count(amount, 1, 65535, &value) == 0;
    if (span_equal(name, SPAN_OF("mem")))
        return parse_size(amount, &value) == 0 && value > 0;
    return span_equal(name, SPAN_OF("gpus"));
}

static bool is_resource(const char *word)
{
    struct span name;
    uint64_t amount;
    return fit_read_amount(word, false, &name, &amount);
}

static bool is_label(const char *word)
{
    struct span name, text;
    return fit_read_label(word, &name, &text);
}

int plan_check_resources(const struct settings *settings,
                         struct problem *problem)
{
    const struct {
        const char *option;
        const struct texts *texts;
        bool (*is_good)(const char *word);
        bool once;
        const char *how;
    } lists[] = {
        {"--resource", &settings->resource, is_resource, true,
         "give a name, =, and a whole number, such as license=1; "
         "--cpus, --mem and --gpus are options of their own"},
        {"--require", &settings->require, is_label, false,
         "give a name, = and a text, such as site=x"},
        {"--have", &settings->have, is_have, true,
         "give cpus=N, mem=SIZE, gpus=N or their numbers, or a name, = and a "
         "whole number, such as license=2"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct texts *texts = lists[i].texts;
        if (texts->count > FIT_WORDS_MAX)
            return refuse(problem, lists[i].option, texts->at[FIT_WORDS_MAX],
                          "there are too many of them");
        for (size_t j = 0; j < texts->count; j++)
            if (!lists[i].is_good(texts->at[j]))
                return refuse(problem, lists[i].option, texts->at[j],
                              lists[i].how);
        const char *twice = lists[i].once ? fit_twice(words_of(texts)) : NULL;
        if (twice)
            return refuse(problem, lists[i].option, twice,
                          "this name is there twice");
    }
    return 0;
}
