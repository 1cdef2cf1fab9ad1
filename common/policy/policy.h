/* policy - what happens when an attempt fails: one pure function
 *
 * The tracker asks, once the sink has said that the failed attempt is stored.
 * A table from class to answer stands before `on_fail`. `hold` and `notify`
 * have their place here and are refused by the settings until they are built.
 */
#ifndef COMMON_POLICY_POLICY_H
#define COMMON_POLICY_POLICY_H

#include <stdbool.h>
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

/* What follows a failure of one class: RETRY, or at once FAIL or IGNORE. */
struct policy_rule {
    bool given;
    enum answer answer;
    uint64_t retries_max; /* of RETRY, instead of the policy's */
};

struct policy {
    enum answer
        on_fail; /* once retries are spent: FAIL, IGNORE (or later HOLD) */
    struct policy_rule on[CLASSES];
    uint64_t retries_max;   /* extra tries; UINT64_MAX is unlimited */
    int64_t backoff_min_ms; /* before the first retry; doubles each time */
    int64_t backoff_max_ms;
};

struct policy_answer {
    enum answer answer;
    int64_t delay_ms; /* before the retry; 0 otherwise */
};

/* `failures` counts this task's own failed attempts in this round, this one
 * included; losses are never among them. The delay is min * 2^(failures-1),
 * at most max, times a jitter of 0.5 to 1 drawn from `seed` (equal jitter). */
struct policy_answer policy_decide(const struct policy *policy,
                                   enum fail_class class, uint64_t failures,
                                   uint64_t seed);

/* Reads CLASS=retry:N, CLASS=fail or CLASS=ignore into the policy's table, for
 * the classes that a task can have by its own doing: exit, signal, timeout,
 * spawn, output. 0 or -EINVAL. A later rule for a class takes the place of an
 * earlier one. */
int policy_read_rule(struct policy *policy, const char *text);

const char *class_name(enum fail_class class); /* "exit", ...; "none" */
const char *status_name(enum status status);   /* "ok", ...; "none" */
enum fail_class class_parse(const char *name); /* CLASS_NONE when unknown */
enum status status_parse(const char *name);    /* STATUS_NONE when unknown */

#endif
