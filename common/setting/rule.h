/* rule - an answer to failure as a person writes it
 *
 *   timeout=retry:3       a class, and what follows
 *   exit:65=ignore        one exit code
 *   exit:2-10=retry:1     some of them
 *   signal:SEGV=fail      a signal, by name or number
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

/* Why an answer cannot be given; NULL: it can. */
const char *rule_refused(enum answer answer);

/* All that the settings say of what follows failures. To notify is not among
 * it: what follows then is what would follow without. */
void settings_policy(const struct settings *settings, struct policy *policy);
/* Which failures are told of, each time: those for which there is a rule, and
 * all of them if `on_fail` is NOTIFY. */
void settings_notify(const struct settings *settings, struct policy *policy);

#endif
