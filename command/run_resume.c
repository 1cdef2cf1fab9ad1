/* run_resume - who a run is: drawn for a new one, or taken over from its plan
 */
#include "command/run.h"
#include "common/setting/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4200 };

// A run without a name is called as its directory, where that is one.
static int put_name(struct run *run, struct problem *problem)
{
    struct settings *const set = &run->settings;
    const char *const slash = strrchr(run->dir, '/');
    const char *const base = slash ? slash + 1 : run->dir;
    struct problem unfit = {0};
    if (set->name || !*base || plan_put(set, "name", base, &unfit) == 0)
        return 0;
    return plan_put(set, "name", "run", problem);
}

static int put_copy(struct run *run, struct problem *problem)
{
    struct settings *const set = &run->settings;
    if (!run->input.copied_here)
        return 0;
    // A FIFO is gone once it is read: from here on it is the copy.
    int error = plan_put(set, "input-copy", RUN_INPUT_NAME, problem);
    if (!error && set->arg_file)
        error = plan_put(set, "arg-file", "-", problem);
    if (!error && set->ndjson)
        error = plan_put(set, "ndjson", "-", problem);
    return error;
}

int run_identify(struct run *run, int argc, char **argv,
                 struct problem *problem)
{
    struct settings *const set = &run->settings;
    int error = 0;
    for (int i = 0; i < argc && !error; i++)
        error = plan_put(set, "arguments", argv[i], problem);
    if (!error)
        error = put_name(run, problem);
    if (!error)
        error = put_copy(run, problem);
    return error ? error : plan_identify(set, problem);
}

static bool same_texts(const struct texts *left, const struct texts *right)
{
    bool same = left->count == right->count;
    for (size_t i = 0; same && i < left->count; i++)
        same = strcmp(left->at[i], right->at[i]) == 0;
    return same;
}

// Edited input is matched by content; with these changed, nothing matches.
static const char *changed(const struct settings *now,
                           const struct settings *old)
{
    return !same_texts(&now->command, &old->command)  ? "the command"
           : now->shell != old->shell                 ? "--shell"
           : now->stdin_payload != old->stdin_payload ? "--stdin"
           : !now->ndjson != !old->ndjson             ? "--ndjson"
           : !now->array != !old->array               ? "--array"
           : !now->sweep.count != !old->sweep.count   ? "--sweep"
           : now->open && !old->open                  ? "--open"
           : now->seed != 0 && now->seed != old->seed ? "--seed"
                                                      : NULL;
}

static bool same_text(const char *left, const char *right)
{
    return left && right ? strcmp(left, right) == 0 : left == right;
}

// The same tasks at the same places: they keep their numbers unasked. What
// was copied anew may be anything.
static bool same_input(const struct run *run, const struct settings *old)
{
    const struct settings *const now = &run->settings;
    return run->input.from < 0 && same_text(now->arg_file, old->arg_file) &&
           same_text(now->ndjson, old->ndjson) &&
           same_text(now->array, old->array) &&
           same_text(now->colsep, old->colsep) &&
           now->null_separated == old->null_separated &&
           now->header == old->header && now->blank == old->blank &&
           same_texts(&now->sources, &old->sources) &&
           same_texts(&now->sweep, &old->sweep) &&
           same_texts(&now->where, &old->where) && now->repeat == old->repeat &&
           same_texts(&now->fingerprints, &old->fingerprints);
}

static int put_tokens(struct run *run, const struct settings *old,
                      struct problem *problem)
{
    struct settings *const set = &run->settings;
    const int error = plan_put_random(set, "resume-token", problem);
    if (error)
        return error;
    const char *const token =
        same_input(run, old) ? old->input_token : set->resume_token;
    return token ? plan_put(set, "input-token", token, problem) : 0;
}

// Does the command line say what to run? A plan of whole command lines from
// standard input is told by nothing at all.
static bool names_tasks(const struct settings *now, const struct settings *old)
{
    return now->command.count > 0 || now->sources.count > 0 || now->arg_file ||
           now->ndjson || now->array || now->sweep.count > 0 ||
           (old->command.count == 0 && old->sources.count == 0 &&
            !old->arg_file && !old->ndjson && !old->array &&
            old->sweep.count == 0);
}

static int take_over(struct run *run, const struct settings *old,
                     struct problem *problem)
{
    char seed[24];
    struct settings *const set = &run->settings;
    int error = put_copy(run, problem);
    const char *const what = error ? NULL : changed(set, old);
    if (what)
        return problem_exit(
            problem, EXIT_USAGE, -EINVAL,
            "%s is not that of the run in %s. --resume takes the same command "
            "line again, or one that names no tasks; for another command "
            "start a new run",
            what, run->dir);
    snprintf(seed, sizeof seed, "%" PRIu64, old->seed);
    if (!error && old->seed != 0)
        error = plan_put(set, "seed", seed, problem);
    if (!error && old->run_id)
        error = plan_put(set, "run-id", old->run_id, problem);
    if (!error && old->created)
        error = plan_put(set, "created", old->created, problem);
    for (size_t i = 0; i < old->arguments.count && !error; i++)
        error = plan_put(set, "arguments", old->arguments.at[i], problem);
    if (!error && !set->name && old->name)
        error = plan_put(set, "name", old->name, problem);
    if (!error)
        error = put_name(run, problem);
    return error ? error : plan_put_place(set, problem);
}

static int read_plan(struct settings *set, const char *dir,
                     struct problem *problem)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" PLAN_FILE, dir);
    return settings_read_yaml(set, IN_PLAN, path, problem);
}

// Others may have added to it: it is never given again.
static void keep_open_input(struct run *run)
{
    run->input = (struct run_input){
        .from = -1,
        .to = -1,
        .copied_here = true,
        .open = true,
        .separator = run->settings.null_separated ? '\0' : '\n'};
}

int run_resume(struct run *run, struct problem *problem)
{
    struct settings old;
    struct settings *const set = &run->settings;
    settings_init(&old);
    int error = read_plan(&old, run->dir, problem);
    const bool names = names_tasks(set, &old);
    if (!error && !names)
        error = read_plan(set, run->dir, problem);
    if (!error && old.open &&
        (error = plan_put(set, "open", "true", problem)) == 0)
        keep_open_input(run);
    else if (!error && run_input_is_stream(set)) {
        // A copy that is whole needs no second giving where all else is known.
        const bool needless = !names && rundir_has(run->dir, RUN_INPUT_END);
        if (needless)
            run->input =
                (struct run_input){.from = -1, .to = -1, .copied_here = true};
        else
            error = run_input_open(&run->input, set, true, problem);
    }
    if (!error && names)
        error = take_over(run, &old, problem);
    if (!error && old.open && !same_input(run, &old))
        error = problem_exit(problem, EXIT_USAGE, -EINVAL,
                             "the input of the open run in %s stays as it is: "
                             "say the same again, or only --resume, and give "
                             "more by fan add",
                             run->dir);
    if (!error)
        error = plan_refresh(set, problem);
    if (!error)
        error = put_tokens(run, &old, problem);
    settings_clear(&old);
    return error;
}
