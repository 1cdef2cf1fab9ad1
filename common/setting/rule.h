/* rule - an answer to failure as a person writes it
 *
 *   timeout=retry:3       a class, and what follows
 *   exit:65=ignore        one exit code
 *   exit:2-10=retry:1     some of them
 *   signal:SEGV=fail      a signal, by name or number
 *
 *   timeout=retry:3,backoff:10s..1m,timeout:x2
 *   oom=retry:3,mem:x2
 *
 * Behind retry:N: `backoff` instead of the run's; `timeout` of the attempts
 * after it, xK: K times as long each time, or a duration: as long at least;
 * `mem`, the same of --mem-max; `host`, other: on another host.
 *
 * Of rules that fit, the one for the fewest codes is followed.
 */
#ifndef COMMON_SETTING_RULE_H
#define COMMON_SETTING_RULE_H

#include "common/policy/policy.h"
#include "common/setting/setting.h"

/* Reads one. 0, or -EINVAL and in `why` what is wrong, to be read behind the
 * text: "is for no class: ...". */
int rule_read(const char *text, struct policy_rule *rule, const char **why);

/* What may stand behind retry:N, from 0; RULE_PARTS: this may not. */
enum { RULE_PARTS = 4 };
unsigned rule_find_part(const char *name);

/* A rule put together from what a mapping says of it, each checked as it comes:
 *
 *   timeout: {answer: retry, retries: 3, backoff: 10s..1m}
 *
 * {0} at first, and again for the next rule. */
struct rule_maker {
    char class[64], answer[64], retries[64], rest[256];
    unsigned seen;
};
/* 0, or -EINVAL and `why`, as rule_read. */
int rule_maker_begin(struct rule_maker *maker, const char *class,
                     const char **why);
/* Is it a key of the mapping, and not given yet? */
int rule_maker_key(struct rule_maker *maker, const char *key, const char **why);
int rule_maker_put(struct rule_maker *maker, const char *key, const char *value,
                   const char **why);
enum { RULE_TEXT_SIZE = 512 };
/* The whole as rule_read takes it. Without `answer` it is retry. */
void rule_maker_text(const struct rule_maker *maker, char text[RULE_TEXT_SIZE]);

/* All that the settings say of what follows failures. To notify is not among
 * it: what follows then is what would follow without. */
void settings_policy(const struct settings *settings, struct policy *policy);
/* Which failures are told of, each time: those for which there is a rule, and
 * all of them if `on_fail` is NOTIFY. */
void settings_notify(const struct settings *settings, struct policy *policy);

#endif
