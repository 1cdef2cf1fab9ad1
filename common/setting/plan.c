#include "common/setting/plan.h"

#include "common/setting/internal.h"

#include "common/policy/halt.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/version.h"
#include "common/setting/rule.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int plan_put(struct settings *settings, const char *name, const char *value,
             struct problem *problem)
{
    return settings_set(settings, IN_PLAN, LAYER_FLAG, name, value, problem);
}

static int draw(struct id128 *id, struct problem *problem)
{
    const int error = id128_random(id);
    return error == 0
               ? 0
               : problem_set(problem, error, "cannot draw a random number: %s",
                             strerrordesc_np(-error));
}

int plan_put_random(struct settings *settings, const char *name,
                    struct problem *problem)
{
    struct id128 id;
    char text[ID128_TEXT_SIZE];
    const int error = draw(&id, problem);
    if (error < 0)
        return error;
    id128_text(&id, text);
    return plan_put(settings, name, text, problem);
}

static int put_seed(struct settings *settings, struct problem *problem)
{
    struct id128 id;
    uint64_t seed = 0;
    char text[24];
    if (settings->seed != 0)
        return 0;
    const int error = draw(&id, problem);
    if (error < 0)
        return error;
    // 53 bits: every reader of JSON gets it whole.
    for (size_t i = 0; i < 7; i++)
        seed = seed << 8 | id.byte[i];
    snprintf(text, sizeof text, "%" PRIu64, seed >> 3 | 1);
    return plan_put(settings, "seed", text, problem);
}

char *plan_path(const struct settings *settings, const char *path)
{
    char *joined = NULL;
    if (path[0] == '/' || !settings->working_directory)
        return strdup(path);
    return asprintf(&joined, "%s/%s", settings->working_directory, path) < 0
               ? NULL
               : joined;
}

enum plan_word plan_word(const char *text, bool *linked)
{
    const size_t colons = strspn(text, ":");
    *linked = text[colons] == '+';
    if ((colons != 3 && colons != 4) || text[colons + *linked] != '\0')
        return WORD_VALUE;
    return colons == 3 ? WORD_LIST : WORD_FILES;
}

static bool is_dash(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

bool plan_reads_standard_input(const struct settings *set)
{
    const bool given = set->sources.count > 0 || set->arg_file || set->ndjson ||
                       set->array || set->sweep.count > 0;
    const bool in_sources = set->sources.count > 1 &&
                            strcmp(set->sources.at[0], "::::") == 0 &&
                            is_dash(set->sources.at[1]);
    return !given || is_dash(set->arg_file) || is_dash(set->ndjson) ||
           in_sources;
}

static int add_fingerprint(const struct settings *settings, const char *path,
                           struct texts *prints, struct problem *problem)
{
    struct stat about;
    struct buffer print = {0};
    if (strcmp(path, "-") == 0)
        return 0;
    char *full = plan_path(settings, path);
    const bool there = full && stat(full, &about) == 0;
    int error = full ? errno : ENOMEM;
    free(full);
    const bool folder = there && S_ISDIR(about.st_mode);
    if (folder)
        error = EISDIR;
    if (!there || folder)
        return problem_exit(problem, EXIT_USAGE, -error,
                            "cannot read %.512s: %s", path,
                            strerrordesc_np(error));
    buffer_printf(
        &print, "%llu:%llu:%llu:%lld %s", (unsigned long long)about.st_dev,
        (unsigned long long)about.st_ino, (unsigned long long)about.st_size,
        (long long)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec,
        path);
    put_u8(&print, 0);
    const int added =
        print.failed ? -ENOMEM : texts_add(prints, (const char *)print.at);
    buffer_free(&print);
    return added == 0 ? 0 : problem_set(problem, added, "out of memory");
}

int plan_fingerprints(const struct settings *settings, struct texts *prints,
                      struct problem *problem)
{
    const char *path = settings->ndjson ? settings->ndjson : settings->arg_file;
    int error = path ? add_fingerprint(settings, path, prints, problem) : 0;
    bool files = false;
    for (size_t i = 0; error == 0 && i < settings->sources.count; i++) {
        bool linked;
        const char *word = settings->sources.at[i];
        const enum plan_word kind = plan_word(word, &linked);
        if (kind != WORD_VALUE)
            files = kind == WORD_FILES;
        else if (files)
            error = add_fingerprint(settings, word, prints, problem);
    }
    return error;
}

static int check_coprocess(const struct settings *settings,
                           struct problem *problem)
{
    uint64_t tasks, bytes;
    if (settings->plugin && settings->coprocess)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "tasks go to a --plugin or to a --coprocess, not "
                            "to both");
    if (settings->isolate && !settings->plugin)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--isolate is for a --plugin: everything else is "
                            "in processes of its own");
    if (!settings->coprocess && settings->framing)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--framing is for a --coprocess");
    if (!settings->coprocess && !settings->isolate && settings->recycle)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--recycle is for a --coprocess, or for a --plugin "
                            "with --isolate");
    if (settings->recycle &&
        parse_recycle(settings->recycle, &tasks, &bytes) < 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--recycle %s: it is neither a number of tasks "
                            "such as 1000, nor a size such as 2G, nor both "
                            "with a comma between",
                            settings->recycle);
    return 0;
}

static int check_notify(const struct settings *settings,
                        struct problem *problem)
{
    struct policy rules;
    settings_notify(settings, &rules);
    if (settings->notify ||
        (rules.on_fail != ANSWER_NOTIFY && rules.rule_count == 0))
        return 0;
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "%s says to notify, but there is no command to do so: "
                        "give fan run --notify COMMAND",
                        rules.rule_count > 0 ? "--on" : "--on-fail");
}

static int check_growth(const struct settings *settings,
                        struct problem *problem)
{
    struct policy policy;
    settings_policy(settings, &policy);
    bool timeout = false, mem = false;
    for (size_t i = 0; i < policy.rule_count; i++) {
        const struct policy_rule *const rule = &policy.rules[i];
        timeout = timeout || rule->timeout.times > 0 || rule->timeout.least > 0;
        mem = mem || rule->mem.times > 0 || rule->mem.least > 0;
    }
    if (timeout && settings->timeout_ms == SETTING_FOREVER)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "a rule of --on has a timeout, and the run has "
                            "none that could grow: give --timeout");
    if (mem && settings->mem_max == SETTING_UNLIMITED)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "a rule of --on has mem, and the run has no limit "
                            "that could grow: give --mem-max");
    return 0;
}

// Neither a plugin nor a coprocess has a shell, an environment and streams for
// each task.
// What is added is lines behind lines.
static int check_open(const struct settings *settings, struct problem *problem)
{
    const char *const other = settings->sources.count > 0 ? ":::"
                              : settings->array           ? "--array"
                              : settings->sweep.count > 0 ? "--sweep"
                                                          : NULL;
    if (!settings->open || !other)
        return 0;
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "--open cannot be with %s: give the first tasks by "
                        "-a, --ndjson or on standard input, others by fan add",
                        other);
}

int plan_check(const struct settings *settings, struct problem *problem)
{
    struct halt unused;
    if (halt_parse(settings->halt, &unused) != 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--halt %.200s: give now or soon, a comma, and "
                            "fail=N, fail=P%%, success=N or done=N, such as "
                            "soon,fail=1",
                            settings->halt);
    if (settings->speculate && (settings->stdout_path || settings->stderr_path))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--speculate cannot be with %s: two copies of a "
                            "task would write one file; leave one of them out "
                            "(fan results has each output)",
                            settings->stdout_path ? "--stdout" : "--stderr");
    int error = check_open(settings, problem);
    if (error == 0)
        error = check_notify(settings, problem);
    if (error == 0)
        error = plan_check_resources(settings, problem);
    if (error == 0)
        error = plan_check_env(settings, problem);
    if (error == 0)
        error = check_growth(settings, problem);
    if (error == 0)
        error = check_coprocess(settings, problem);
    if (error < 0 || (!settings->plugin && !settings->coprocess))
        return error;
    const struct {
        const char *name;
        bool given;
    } others[] = {
        {"--shell", settings->shell},
        {"--stdin", settings->stdin_payload},
        {"--stdout", settings->stdout_path != NULL},
        {"--stderr", settings->stderr_path != NULL},
        {"--line-buffer", settings->line_buffer},
        {"--compat", settings->compat},
        {"--keep-dirs", settings->keep_dirs != NULL},
        {"--pin", settings->pin},
        {"--nice", settings->nice != 0},
        {"--mem-max", settings->mem_max != SETTING_UNLIMITED},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].given)
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "%s is for commands: it cannot be with %s",
                                others[i].name,
                                settings->plugin ? "--plugin" : "--coprocess");
    return 0;
}

int plan_put_place(struct settings *settings, struct problem *problem)
{
    char path[PATH_MAX];
    if (!getcwd(path, sizeof path))
        return problem_set(problem, -errno,
                           "the current directory has no path: %s",
                           strerrordesc_np(errno));
    return plan_put(settings, "working-directory", path, problem);
}

int plan_refresh(struct settings *settings, struct problem *problem)
{
    struct texts prints = {0};
    int error = plan_put(settings, "version", version_text(), problem);
    if (error == 0)
        error = plan_fingerprints(settings, &prints, problem);
    texts_free(&settings->fingerprints);
    for (size_t i = 0; i < prints.count && error == 0; i++)
        error = plan_put(settings, "fingerprints", prints.at[i], problem);
    texts_free(&prints);
    return error;
}

int plan_identify(struct settings *settings, struct problem *problem)
{
    char now[CLOCK_TEXT_SIZE];
    clock_text(clock_utc_us(), now);
    int error = plan_put_random(settings, "run-id", problem);
    if (error == 0)
        error = put_seed(settings, problem);
    if (error == 0)
        error = plan_put(settings, "created", now, problem);
    if (error == 0)
        error = plan_put_place(settings, problem);
    return error == 0 ? plan_refresh(settings, problem) : error;
}

int plan_write(const struct settings *settings, const char *dir,
               struct problem *problem)
{
    struct buffer text = {0};
    settings_write_yaml(settings, IN_PLAN, &text);
    const int error = text.failed
                          ? -ENOMEM
                          : files_replace(dir, PLAN_FILE, buffer_span(&text));
    buffer_free(&text);
    return error == 0 ? 0
                      : problem_set(problem, error,
                                    "cannot write %s/" PLAN_FILE ": %s", dir,
                                    strerrordesc_np(-error));
}
