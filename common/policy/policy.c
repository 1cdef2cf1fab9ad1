#include "common/policy/policy.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const CLASS_NAMES[CLASSES] = {
    [CLASS_NONE] = "none",
    [CLASS_EXIT] = "exit",
    [CLASS_SIGNAL] = "signal",
    [CLASS_TIMEOUT] = "timeout",
    [CLASS_OOM] = "oom",
    [CLASS_LOST] = "lost",
    [CLASS_SPAWN] = "spawn",
    [CLASS_OUTPUT] = "output",
    [CLASS_QUARANTINED] = "quarantined",
    [CLASS_CANCELLED] = "cancelled",
};

static const char *const STATUS_NAMES[STATUSES] = {
    [STATUS_NONE] = "none",
    [STATUS_OK] = "ok",
    [STATUS_FAILED] = "failed",
    [STATUS_IGNORED] = "ignored",
    [STATUS_HELD] = "held",
    [STATUS_LOST] = "lost",
    [STATUS_QUARANTINED] = "quarantined",
    [STATUS_CANCELLED] = "cancelled",
    [STATUS_DROPPED] = "dropped",
    [STATUS_EXPIRED] = "expired",
    [STATUS_REOPENED] = "reopened",
};

// The finaliser of splitmix64: neighbouring seeds give unrelated jitter.
static uint64_t mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static int64_t backoff_ms(const struct policy *policy, uint64_t failures,
                          uint64_t seed)
{
    const int64_t max_ms = policy->backoff_max_ms;
    int64_t delay_ms = policy->backoff_min_ms;
    if (delay_ms <= 0 || max_ms <= 0)
        return 0;
    for (uint64_t i = 1; i < failures && delay_ms < max_ms; i++)
        delay_ms = delay_ms > max_ms / 2 ? max_ms : delay_ms * 2;
    if (delay_ms > max_ms)
        delay_ms = max_ms;
    const int64_t half_ms = delay_ms / 2;
    const uint64_t jitter = mix(seed ^ mix(failures));
    return delay_ms - half_ms + (int64_t)(jitter % ((uint64_t)half_ms + 1));
}

struct policy_answer policy_decide(const struct policy *policy,
                                   enum fail_class class, uint64_t failures,
                                   uint64_t seed)
{
    // What a person or the quarantine has ended is neither tried again nor
    // ignored; a loss is not the task's own failure and costs no try.
    if (class == CLASS_QUARANTINED || class == CLASS_CANCELLED)
        return (struct policy_answer){.answer = ANSWER_FAIL};
    if (class == CLASS_LOST)
        return (struct policy_answer){.answer = ANSWER_RETRY};
    const struct policy_rule *rule = &policy->on[class];
    if (rule->given && rule->answer != ANSWER_RETRY)
        return (struct policy_answer){.answer = rule->answer};
    if (failures <= (rule->given ? rule->retries_max : policy->retries_max))
        return (struct policy_answer){.answer = ANSWER_RETRY,
                                      .delay_ms =
                                          backoff_ms(policy, failures, seed)};
    return (struct policy_answer){.answer = policy->on_fail == ANSWER_RETRY
                                                ? ANSWER_FAIL
                                                : policy->on_fail};
}

static int read_retries(const char *text, uint64_t *retries)
{
    *retries = 0;
    if (*text == '\0')
        return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || *retries > UINT32_MAX)
            return -EINVAL;
        *retries = *retries * 10 + (uint64_t)(*text - '0');
    }
    return 0;
}

int policy_read_rule(struct policy *policy, const char *text)
{
    static const enum fail_class OWN[] = {
        CLASS_EXIT, CLASS_SIGNAL, CLASS_TIMEOUT, CLASS_SPAWN, CLASS_OUTPUT};
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++) {
        const char *const name = CLASS_NAMES[OWN[i]];
        const size_t size = strlen(name);
        if (strncmp(text, name, size) != 0 || text[size] != '=')
            continue;
        const char *const answer = text + size + 1;
        struct policy_rule rule = {.given = true};
        if (strcmp(answer, "fail") == 0)
            rule.answer = ANSWER_FAIL;
        else if (strcmp(answer, "ignore") == 0)
            rule.answer = ANSWER_IGNORE;
        else if (strncmp(answer, "retry:", 6) != 0 ||
                 read_retries(answer + 6, &rule.retries_max) != 0)
            return -EINVAL;
        policy->on[OWN[i]] = rule;
        return 0;
    }
    return -EINVAL;
}

const char *class_name(enum fail_class class)
{
    return (unsigned)class < CLASSES ? CLASS_NAMES[class] : "none";
}

const char *status_name(enum status status)
{
    return (unsigned)status < STATUSES ? STATUS_NAMES[status] : "none";
}

enum fail_class class_parse(const char *name)
{
    for (unsigned i = 1; i < CLASSES; i++)
        if (strcmp(name, CLASS_NAMES[i]) == 0)
            return (enum fail_class)i;
    return CLASS_NONE;
}

enum status status_parse(const char *name)
{
    for (unsigned i = 1; i < STATUSES; i++)
        if (strcmp(name, STATUS_NAMES[i]) == 0)
            return (enum status)i;
    return STATUS_NONE;
}
