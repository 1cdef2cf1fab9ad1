/* truth_policy - what the policy says, without the policy's own code */
#include "tests/sim/truth.h"

static unsigned kind_of(struct failure failure)
{
    unsigned kind = 0;
    while (kind < SIM_KINDS && (SIM_KIND[kind].class != failure.class ||
                                SIM_KIND[kind].code != failure.code))
        kind++;
    return kind;
}

void truth_blame(struct true_task *task, struct failure failure)
{
    const unsigned kind = kind_of(failure);
    if (kind < SIM_KINDS)
        task->blame[kind]++;
}

// NULL: none is for it. Rules here are for one code or for a whole class.
static const struct policy_rule *rule_for(const struct policy *policy,
                                          unsigned kind)
{
    const struct policy_rule *found = NULL;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        const bool one = rule->code_first == rule->code_last;
        if (rule->class == SIM_KIND[kind].class &&
            (one ? rule->code_first == SIM_KIND[kind].code : !found))
            found = rule;
    }
    return found;
}

static enum status status_by(enum answer answer)
{
    return answer == ANSWER_IGNORE ? STATUS_IGNORED
           : answer == ANSWER_HOLD ? STATUS_HELD
                                   : STATUS_FAILED;
}

// STATUS_NONE: it is tried again.
static enum status end_by(const struct policy *policy,
                          const unsigned blame[SIM_KINDS], unsigned kind)
{
    const struct policy_rule *rule = rule_for(policy, kind);
    if (rule && rule->answer != ANSWER_RETRY)
        return status_by(rule->answer);
    uint64_t failures = 0;
    for (unsigned i = 0; i < SIM_KINDS; i++)
        failures += rule_for(policy, i) == rule ? blame[i] : 0;
    return failures > (rule ? rule->retries_max : policy->retries_max)
               ? status_by(policy->on_fail)
               : STATUS_NONE;
}

bool truth_may_end(const struct plan *plan, const struct true_task *task,
                   enum status status, enum fail_class class)
{
    for (unsigned kind = 0; kind < SIM_KINDS; kind++)
        if (SIM_KIND[kind].class == class && task->blame[kind] > 0 &&
            end_by(&plan->policy, task->blame, kind) == status)
            return true;
    return false;
}

struct fate truth_fate(const struct plan *plan, const struct task_plan *task)
{
    unsigned blame[SIM_KINDS] = {0};
    for (unsigned i = 0; i < task->fails; i++) {
        const unsigned kind = task->how[i % SIM_HOWS];
        blame[kind]++;
        const enum status status = end_by(&plan->policy, blame, kind);
        if (status != STATUS_NONE)
            return (struct fate){i + 1, status};
    }
    return (struct fate){task->fails + 1, STATUS_OK};
}
