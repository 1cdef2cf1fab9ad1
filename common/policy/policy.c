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

static const char *const ANSWER_NAMES[ANSWERS] = {
    [ANSWER_RETRY] = "retry",   [ANSWER_IGNORE] = "ignore",
    [ANSWER_FAIL] = "fail",     [ANSWER_HOLD] = "hold",
    [ANSWER_NOTIFY] = "notify",
};

// The finaliser of splitmix64: neighbouring seeds give unrelated jitter.
static uint64_t mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static int64_t backoff_ms(int64_t delay_ms, int64_t max_ms, uint64_t failures,
                          uint64_t seed)
{
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

struct failure failure_of(enum fail_class class, uint8_t exit, uint8_t signal)
{
    return (struct failure){.class = class,
                            .code = class == CLASS_EXIT     ? exit
                                    : class == CLASS_SIGNAL ? signal
                                                            : 0};
}

int policy_add_rule(struct policy *policy, const struct policy_rule *rule)
{
    size_t at = 0;
    for (; at < policy->rule_count; at++) {
        const struct policy_rule *const there = &policy->rules[at];
        if (there->class == rule->class &&
            there->code_first == rule->code_first &&
            there->code_last == rule->code_last)
            break;
    }
    if (at == POLICY_RULES_MAX)
        return -E2BIG;
    policy->rules[at] = *rule;
    policy->rule_count += at == policy->rule_count;
    return 0;
}

size_t policy_find_rule(const struct policy *policy, struct failure failure)
{
    size_t found = 0;
    int width_found = UINT8_MAX;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct policy_rule *const rule = &policy->rules[i];
        const int width = rule->code_last - rule->code_first;
        if (rule->class != failure.class || failure.code < rule->code_first ||
            failure.code > rule->code_last || width > width_found)
            continue;
        found = i + 1;
        width_found = width;
    }
    return found;
}

struct policy_answer policy_decide(const struct policy *policy,
                                   struct failure failure, uint64_t failures,
                                   uint64_t seed)
{
    // What a person or the quarantine has ended is neither tried again nor
    // ignored; a loss is not the task's own failure and costs no try.
    if (failure.class == CLASS_QUARANTINED || failure.class == CLASS_CANCELLED)
        return (struct policy_answer){.answer = ANSWER_FAIL};
    if (failure.class == CLASS_LOST)
        return (struct policy_answer){.answer = ANSWER_RETRY};
    const size_t found = policy_find_rule(policy, failure);
    const struct policy_rule none = {.answer = ANSWER_RETRY,
                                     .retries_max = policy->retries_max};
    const struct policy_rule *const rule =
        found > 0 ? &policy->rules[found - 1] : &none;
    if (rule->answer != ANSWER_RETRY)
        return (struct policy_answer){.answer = rule->answer};
    const bool own = rule->has_backoff;
    if (failures <= rule->retries_max)
        return (struct policy_answer){
            .answer = ANSWER_RETRY,
            .other_host = rule->other_host,
            .delay_ms =
                backoff_ms(own ? rule->backoff_min_ms : policy->backoff_min_ms,
                           own ? rule->backoff_max_ms : policy->backoff_max_ms,
                           failures, seed)};
    return (struct policy_answer){.answer = policy->on_fail == ANSWER_RETRY
                                                ? ANSWER_FAIL
                                                : policy->on_fail};
}

// As long as that is more than the least, and not beyond all reason.
static uint64_t grown(uint64_t amount, const struct policy_growth *growth,
                      uint32_t failures, uint64_t most)
{
    for (uint32_t i = 0; growth->times > 1 && i < failures && amount < most;
         i++)
        amount = amount > most / growth->times ? most : amount * growth->times;
    return failures > 0 && amount < growth->least ? growth->least : amount;
}

int64_t policy_timeout_ms(const struct policy *policy, const uint32_t *failures)
{
    uint64_t timeout_ms = (uint64_t)policy->timeout_ms;
    for (size_t i = 0; failures && i < policy->rule_count; i++)
        timeout_ms = grown(timeout_ms, &policy->rules[i].timeout,
                           failures[i + 1], INT64_MAX);
    return (int64_t)timeout_ms;
}

uint64_t policy_mem_max(const struct policy *policy, uint64_t mem_max,
                        const uint32_t *failures)
{
    for (size_t i = 0; failures && i < policy->rule_count; i++)
        mem_max =
            grown(mem_max, &policy->rules[i].mem, failures[i + 1], UINT64_MAX);
    return mem_max;
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

const char *answer_name(enum answer answer)
{
    return (unsigned)answer < ANSWERS ? ANSWER_NAMES[answer] : "none";
}
