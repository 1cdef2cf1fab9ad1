#include "common/setting/rule.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { SIGNAL_MAX = 64, WORD_SIZE = 64, TIMES_MAX = 100, MEM_LEAST = 1 << 20 };
static const int64_t YEAR_MS = INT64_C(366) * 86400000;
static const char NO_PART[] =
    "has no backoff:MIN..MAX, timeout:xN, mem:xN or host:other behind its "
    "comma";
static const char NO_ANSWER[] =
    "has no answer such as retry:3, fail, ignore, hold or notify";

// What a task can fail of by its own doing.
static const struct kind {
    enum fail_class class;
    uint8_t code_max; // 0: failures of the class have no codes
} KINDS[] = {
    {CLASS_EXIT, UINT8_MAX}, {CLASS_SIGNAL, SIGNAL_MAX}, {CLASS_TIMEOUT, 0},
    {CLASS_OOM, 0},          {CLASS_SPAWN, 0},           {CLASS_OUTPUT, 0},
};

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

static bool read_backoff(const char *text, struct policy_rule *rule)
{
    rule->has_backoff = true;
    return parse_backoff_ms(text, &rule->backoff_min_ms,
                            &rule->backoff_max_ms) == 0 &&
           rule->backoff_max_ms <= YEAR_MS;
}

static bool read_times(const char *text, struct policy_growth *growth)
{
    uint64_t times = 0;
    if (text[0] != 'x' || parse_count(text + 1, 2, TIMES_MAX, &times) != 0)
        return false;
    growth->times = (uint32_t)times;
    return true;
}

static bool read_timeout(const char *text, struct policy_rule *rule)
{
    int64_t least_ms = 0;
    if (read_times(text, &rule->timeout))
        return true;
    if (parse_duration_ms(text, &least_ms) != 0 || least_ms < 1 ||
        least_ms > YEAR_MS)
        return false;
    rule->timeout.least = (uint64_t)least_ms;
    return true;
}

static bool read_mem(const char *text, struct policy_rule *rule)
{
    uint64_t least = 0;
    if (read_times(text, &rule->mem))
        return true;
    if (parse_size(text, &least) != 0 || least < MEM_LEAST ||
        least == SETTING_UNLIMITED)
        return false;
    rule->mem.least = least;
    return true;
}

static bool read_host(const char *text, struct policy_rule *rule)
{
    rule->other_host = strcmp(text, "other") == 0;
    return rule->other_host;
}

// What may stand behind retry:N, each once.
static const struct part {
    const char *name;
    bool (*read)(const char *text, struct policy_rule *rule);
    const char *why;
} PARTS[] = {
    {"backoff", read_backoff, "has no backoff such as 10s..1m"},
    {"timeout", read_timeout, "has no timeout such as x2 or 10m"},
    {"mem", read_mem, "has no memory such as x2 or 8G"},
    {"host", read_host, "has another host than other"},
};

static_assert(sizeof PARTS / sizeof PARTS[0] == RULE_PARTS,
              "the header says how many");

unsigned rule_find_part(const char *name)
{
    unsigned at = 0;
    while (at < RULE_PARTS && strcmp(name, PARTS[at].name) != 0)
        at++;
    return at;
}

static int read_part(const char **text, unsigned *seen,
                     struct policy_rule *rule, const char **why)
{
    char name[WORD_SIZE], value[WORD_SIZE];
    if (rule->answer != ANSWER_RETRY)
        return refuse(why, "has more behind its answer, which only retry:N "
                           "may have");
    if (!take_word(text, ":,", name) || **text != ':')
        return refuse(why, NO_PART);
    (*text)++;
    const unsigned at = rule_find_part(name);
    if (at == RULE_PARTS)
        return refuse(why, NO_PART);
    if (*seen >> at & 1)
        return refuse(why, "says something twice");
    *seen |= 1U << at;
    return take_word(text, ",", value) && PARTS[at].read(value, rule)
               ? 0
               : refuse(why, PARTS[at].why);
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
    if (at == ANSWERS || (colon && rule->answer != ANSWER_RETRY))
        return refuse(why, NO_ANSWER);
    if (rule->answer == ANSWER_RETRY &&
        (!colon ||
         parse_count(colon + 1, 0, SETTING_UNLIMITED, &rule->retries_max) != 0))
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
    if (!take_word(&text, ",", word))
        return refuse(why, NO_ANSWER);
    int code = read_answer(word, rule, why);
    for (unsigned seen = 0; code == 0 && *text == ',';) {
        text++;
        code = read_part(&text, &seen, rule, why);
    }
    return code;
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
                        .backoff_max_ms = settings->backoff_max_ms,
                        .timeout_ms = settings->timeout_ms,
                        .mem_max = settings->mem_max};
    add_rules(settings, false, policy);
}

void settings_notify(const struct settings *settings, struct policy *policy)
{
    *policy = (struct policy){.on_fail = settings->on_fail};
    add_rules(settings, true, policy);
}
