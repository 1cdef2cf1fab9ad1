#include "common/setting/rule.h"

#include <errno.h>
#include <string.h>

enum { SIGNAL_MAX = 64, WORD_SIZE = 32 };

// What a task can fail of by its own doing.
static const struct kind {
    enum fail_class class;
    uint8_t code_max; // 0: failures of the class have no codes
} KINDS[] = {
    {CLASS_EXIT, UINT8_MAX}, {CLASS_SIGNAL, SIGNAL_MAX}, {CLASS_TIMEOUT, 0},
    {CLASS_OOM, 0},          {CLASS_SPAWN, 0},           {CLASS_OUTPUT, 0},
};

static const char *const REFUSED[ANSWERS] = {
    [ANSWER_HOLD] = "is not built yet; use fail or ignore",
};

const char *rule_refused(enum answer answer)
{
    return (unsigned)answer < ANSWERS ? REFUSED[answer] : NULL;
}

static int refuse(const char **why, const char *text)
{
    *why = text;
    return -EINVAL;
}

// The text up to the first of `ends`, or to its end, as a string of its own;
// false when it is longer than any word of a rule.
static bool take_word(const char **text, const char *ends, char word[WORD_SIZE])
{
    const size_t size = strcspn(*text, ends);
    if (size >= WORD_SIZE)
        return false;
    memcpy(word, *text, size);
    word[size] = '\0';
    *text += size;
    return true;
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (strcmp(name, class_name(KINDS[i].class)) == 0)
            return &KINDS[i];
    return NULL;
}

static bool read_code(const struct kind *kind, const char *text, uint8_t *code)
{
    uint64_t number = 0;
    const bool named = strncmp(text, "SIG", 3) == 0;
    for (int i = 1; kind->class == CLASS_SIGNAL && i <= SIGNAL_MAX; i++) {
        const char *const name = sigabbrev_np(i);
        if (name && strcmp(text + (named ? 3 : 0), name) == 0)
            number = (uint64_t)i;
    }
    if (number == 0 && parse_count(text, 1, kind->code_max, &number) != 0)
        return false;
    *code = (uint8_t)number;
    return true;
}

static int read_codes(const struct kind *kind, char *codes,
                      struct policy_rule *rule, const char **why)
{
    if (kind->code_max == 0)
        return refuse(why, "gives codes to a class that has none: only exit "
                           "and signal have");
    char *const dash = strchr(codes, '-');
    if (dash)
        *dash = '\0';
    if (!read_code(kind, codes, &rule->code_first) ||
        !read_code(kind, dash ? dash + 1 : codes, &rule->code_last) ||
        rule->code_first > rule->code_last)
        return refuse(why, kind->class == CLASS_EXIT
                               ? "has no exit code from 1 to 255, nor two "
                                 "such as 2-10"
                               : "has no signal such as SEGV or 9, nor two "
                                 "such as 1-15");
    return 0;
}

static int read_kind(char *text, struct policy_rule *rule, const char **why)
{
    char *const colon = strchr(text, ':');
    if (colon)
        *colon = '\0';
    const struct kind *const kind = find_kind(text);
    if (!kind)
        return refuse(why, "is for no class: exit, signal, timeout, oom, spawn "
                           "or output");
    rule->class = kind->class;
    rule->code_first = 0;
    rule->code_last = UINT8_MAX;
    return colon ? read_codes(kind, colon + 1, rule, why) : 0;
}

static int read_answer(char *text, struct policy_rule *rule, const char **why)
{
    char *const colon = strchr(text, ':');
    if (colon)
        *colon = '\0';
    unsigned at = 0;
    while (at < ANSWERS && strcmp(text, answer_name((enum answer)at)) != 0)
        at++;
    rule->answer = (enum answer)at;
    if (rule_refused(rule->answer))
        return refuse(why, rule_refused(rule->answer));
    if (at == ANSWERS || (colon != NULL) != (rule->answer == ANSWER_RETRY))
        return refuse(why,
                      "has no answer such as retry:3, fail, ignore or notify");
    if (colon &&
        parse_count(colon + 1, 0, SETTING_UNLIMITED, &rule->retries_max) != 0)
        return refuse(why, "has no number of retries such as retry:3");
    return 0;
}

int rule_read(const char *text, struct policy_rule *rule, const char **why)
{
    char word[WORD_SIZE];
    *rule = (struct policy_rule){0};
    if (!take_word(&text, "=", word) || *text++ != '=')
        return refuse(why, "is no CLASS=ANSWER such as timeout=retry:3");
    const int error = read_kind(word, rule, why);
    if (error < 0)
        return error;
    if (!take_word(&text, "", word))
        return refuse(why,
                      "has no answer such as retry:3, fail, ignore or notify");
    return read_answer(word, rule, why);
}

// Those that say to notify, or the others. They were read before, when they
// were set.
static void add_rules(const struct settings *settings, bool notify,
                      struct policy *policy)
{
    for (size_t i = 0; i < settings->on.count; i++) {
        struct policy_rule rule;
        const char *why;
        if (rule_read(settings->on.at[i], &rule, &why) == 0 &&
            (rule.answer == ANSWER_NOTIFY) == notify)
            (void)policy_add_rule(policy, &rule);
    }
}

void settings_policy(const struct settings *settings, struct policy *policy)
{
    const bool notifies = settings->on_fail == ANSWER_NOTIFY;
    *policy =
        (struct policy){.on_fail = notifies ? ANSWER_FAIL : settings->on_fail,
                        .retries_max = settings->retries,
                        .backoff_min_ms = settings->backoff_min_ms,
                        .backoff_max_ms = settings->backoff_max_ms};
    add_rules(settings, false, policy);
}

void settings_notify(const struct settings *settings, struct policy *policy)
{
    *policy = (struct policy){.on_fail = settings->on_fail};
    add_rules(settings, true, policy);
}
