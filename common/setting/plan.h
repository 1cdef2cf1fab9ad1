/* plan - who a run is, and what it was planned from
 *
 * A plan is the settings of a run with its identity, in DIR/plan.yaml. It is
 * written once, whole, before anything starts, and says all that the roles
 * need to know.
 */
#ifndef COMMON_SETTING_PLAN_H
#define COMMON_SETTING_PLAN_H

#include "common/base/problem.h"
#include "common/setting/setting.h"

#define PLAN_FILE "plan.yaml"

/* Sets one setting as a plan's; as settings_set. */
int plan_put(struct settings *settings, const char *name, const char *value,
             struct problem *problem);
/* Sets `name`, which is run-id or a token, to 128 random bits. */
int plan_put_random(struct settings *settings, const char *name,
                    struct problem *problem);

/* Do the settings go together, as far as the table cannot tell? 0 or -EINVAL
 * with a usage problem. */
int plan_check(const struct settings *settings, struct problem *problem);

/* The same of what a task takes, and of what the run's own worker has. */
int plan_check_resources(const struct settings *settings,
                         struct problem *problem);

/* Draws the run id and, where none is given, a seed; sets created, version,
 * working-directory and fingerprints. 0 or -errno with a problem: an input
 * file is missing (EXIT_USAGE), the current directory has no path. */
int plan_identify(struct settings *settings, struct problem *problem);
/* Sets version and fingerprints anew, as they are now. */
int plan_refresh(struct settings *settings, struct problem *problem);
/* Sets working-directory to the current one. */
int plan_put_place(struct settings *settings, struct problem *problem);

/* Writes DIR/plan.yaml: whole or not at all, durably. */
int plan_write(const struct settings *settings, const char *dir,
               struct problem *problem);

/* "DEV:INO:SIZE:MTIME_NS PATH" of every input file that is not a copy. Appends
 * to `prints`. */
int plan_fingerprints(const struct settings *settings, struct texts *prints,
                      struct problem *problem);
/* Path of an input file as the run's user meant it: relative to where the run
 * was started. The caller frees it; NULL when out of memory. */
char *plan_path(const struct settings *settings, const char *path);

/* Do tasks come from standard input, that is from a copy of it? */
bool plan_reads_standard_input(const struct settings *settings);

/* ::: :::+ :::: ::::+, or a value. */
enum plan_word { WORD_VALUE, WORD_LIST, WORD_FILES };
/* Sets *linked for those with a +. */
enum plan_word plan_word(const char *text, bool *linked);

/* The names of --env, by index: false behind the last. */
enum { PLAN_ENV_MAX = 64, PLAN_ENV_NAME_SIZE = 256 };
bool plan_env_name(const struct settings *settings, size_t index,
                   char name[PLAN_ENV_NAME_SIZE]);

#endif
