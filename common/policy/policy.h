/* policy - what happens when an attempt fails: one pure function
 *
 * The tracker asks, once the sink has said that the failed attempt is stored.
 * Rules for a class of failure, or for some exit codes or signals of it, stand
 * before `retries_max` and `on_fail`. To notify is for `fan run` and decides
 * nothing here.
 */
#ifndef COMMON_POLICY_POLICY_H
#define COMMON_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why an attempt did not succeed. Values are on the wire and in records. */
enum fail_class {
    CLASS_NONE = 0,        // it succeeded
    CLASS_EXIT = 1,        // exit code other than 0
    CLASS_SIGNAL = 2,      // died by a signal
    CLASS_TIMEOUT = 3,     // ran longer than --timeout
    CLASS_OOM = 4,         // out of memory (reserved)
    CLASS_LOST = 5,        // its worker was lost
    CLASS_SPAWN = 6,       // the command could not be started
    CLASS_OUTPUT = 7,      // output over the limit
    CLASS_QUARANTINED = 8, // killed its worker K times while alone
    CLASS_CANCELLED = 9,   // stopped by an operator
    CLASSES
};

/* How a record ends a task. Values are on the wire and in records. */
enum status {
    STATUS_NONE = 0,
    STATUS_OK = 1,
    STATUS_FAILED = 2,
    STATUS_IGNORED = 3,
    STATUS_HELD = 4, // never final
    STATUS_LOST = 5, // never final
    STATUS_QUARANTINED = 6,
    STATUS_CANCELLED = 7,
    STATUS_DROPPED = 8,
    STATUS_EXPIRED = 9,
    STATUS_REOPENED = 10, // never final
    STATUSES
};

enum answer {
    ANSWER_RETRY,
    ANSWER_IGNORE,
    ANSWER_FAIL,
    ANSWER_HOLD,
    ANSWER_NOTIFY
};
enum { ANSWERS = ANSWER_NOTIFY + 1 };

/* What an attempt failed of. `code` is the exit code of class exit, the signal
 * of class signal, and 0 of every other. */
struct failure {
    enum fail_class class;
    uint8_t code;
};
struct failure failure_of(enum fail_class class, uint8_t exit, uint8_t signal);

/* What a retry has more of than the attempt before; {0}: nothing. */
struct policy_growth {
    uint32_t times; /* so many times as much, each time; 0: does not count */
    uint64_t least; /* so much at least; 0: does not count */
};

/* What follows a failure of one class: RETRY, or at once another. What stands
 * behind the answer is of RETRY. */
struct policy_rule {
    enum fail_class class;
    uint8_t code_first, code_last; /* 0 to 255: every failure of the class */
    enum answer answer;
    uint64_t retries_max; /* instead of the policy's */
    bool has_backoff;     /* instead of the policy's: */
    int64_t backoff_min_ms, backoff_max_ms;
    struct policy_growth timeout; /* in ms */
    struct policy_growth mem;     /* in bytes */
    bool other_host;              /* the retry goes to one where it has not
                                   * failed so, if there is any */
};

enum { POLICY_RULES_MAX = 64 };

struct policy {
    enum answer on_fail; /* once retries are spent: FAIL, IGNORE or HOLD */
    struct policy_rule rules[POLICY_RULES_MAX];
    size_t rule_count;
    uint64_t retries_max;   /* extra tries; UINT64_MAX is unlimited */
    int64_t backoff_min_ms; /* before the first retry; doubles each time */
    int64_t backoff_max_ms;
    int64_t timeout_ms; /* of a first attempt; INT64_MAX: none */
    uint64_t mem_max;   /* of one, in bytes; UINT64_MAX: no limit */
};

/* In place of an earlier one for the same failures. 0, or -E2BIG. */
int policy_add_rule(struct policy *policy, const struct policy_rule *rule);

/* Which rule answers this failure: 1 for the first, and so on; 0: none. Of
 * those that fit, the one for the fewest codes; of equals the last. */
size_t policy_find_rule(const struct policy *policy, struct failure failure);

struct policy_answer {
    enum answer answer;
    int64_t delay_ms; /* before the retry; 0 otherwise */
    bool other_host;  /* of the retry: see the rule */
};

/* `failures` counts this task's failed attempts in this round that the same
 * rule answers (or none, as this one), this one included: each rule has its
 * own retries. Losses are never among them. The delay is min * 2^(failures-1),
 * at most max, times a jitter of 0.5 to 1 drawn from `seed` (equal jitter). */
struct policy_answer policy_decide(const struct policy *policy,
                                   struct failure failure, uint64_t failures,
                                   uint64_t seed);

/* How long the next attempt of a task may take, which has failed so often by
 * rule (0: what no rule answers); NULL: never. What one rule gives, stays when
 * the task fails of another. */
int64_t policy_timeout_ms(const struct policy *policy,
                          const uint32_t *failures);
/* The same of how much memory it may have, of which the first had `mem_max`,
 * the policy's or its own, in bytes; UINT64_MAX: no limit. */
uint64_t policy_mem_max(const struct policy *policy, uint64_t mem_max,
                        const uint32_t *failures);

const char *class_name(enum fail_class class); /* "exit", ...; "none" */
const char *status_name(enum status status);   /* "ok", ...; "none" */
enum fail_class class_parse(const char *name); /* CLASS_NONE when unknown */
enum status status_parse(const char *name);    /* STATUS_NONE when unknown */
const char *answer_name(enum answer answer);   /* "retry", ... */

#endif
