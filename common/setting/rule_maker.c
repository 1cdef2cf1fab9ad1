#include "common/setting/rule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// Would a rule of this class with this behind it be one?
static int probe(const char *class, const char *what, const char *value,
                 const char **why)
{
    char text[RULE_TEXT_SIZE];
    struct policy_rule unused;
    const int size = snprintf(text, sizeof text, "%s=%s%s", class, what, value);
    if (size < 0 || (size_t)size >= sizeof text) {
        *why = "is too long";
        return -EINVAL;
    }
    return rule_read(text, &unused, why);
}

int rule_maker_begin(struct rule_maker *maker, const char *class,
                     const char **why)
{
    *maker = (struct rule_maker){0};
    const int error = probe(class, "fail", "", why);
    if (error == 0)
        snprintf(maker->class, sizeof maker->class, "%s", class);
    return error;
}

static const char *const KEYS[] = {"answer", "retries"};

int rule_maker_key(struct rule_maker *maker, const char *key, const char **why)
{
    unsigned at = 0;
    while (at < 2 && strcmp(key, KEYS[at]) != 0)
        at++;
    if (at == 2)
        at += rule_find_part(key);
    if (at == 2 + RULE_PARTS) {
        *why = "is nothing that a rule has: answer, retries, backoff, timeout, "
               "mem, host";
        return -EINVAL;
    }
    if (maker->seen >> at & 1) {
        *why = "is given twice";
        return -EINVAL;
    }
    maker->seen |= 1U << at;
    return 0;
}

int rule_maker_put(struct rule_maker *maker, const char *key, const char *value,
                   const char **why)
{
    if (strcmp(key, "answer") == 0) {
        const bool retry = strcmp(value, answer_name(ANSWER_RETRY)) == 0;
        snprintf(maker->answer, sizeof maker->answer, "%s", value);
        return probe(maker->class, value, retry ? ":0" : "", why);
    }
    if (strcmp(key, "retries") == 0) {
        snprintf(maker->retries, sizeof maker->retries, "%s", value);
        return probe(maker->class, "retry:", value, why);
    }
    char part[RULE_TEXT_SIZE];
    snprintf(part, sizeof part, "retry:0,%s:", key);
    const int error = probe(maker->class, part, value, why);
    const size_t used = strlen(maker->rest);
    if (error == 0) // so it is short
        snprintf(maker->rest + used, sizeof maker->rest - used, ",%s:%s", key,
                 value);
    return error;
}

void rule_maker_text(const struct rule_maker *maker, char text[RULE_TEXT_SIZE])
{
    const char *const answer =
        maker->answer[0] ? maker->answer : answer_name(ANSWER_RETRY);
    snprintf(text, RULE_TEXT_SIZE, "%s=%s%s%s%s", maker->class, answer,
             maker->retries[0] ? ":" : "", maker->retries, maker->rest);
}
