/* run_resume - who a run is: drawn for a new one, or taken over from its plan
 */
#include "command/run.h"
#include "common/base/clock.h"
#include "common/base/version.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4200 };

static int put(struct settings *set, const char *name, const char *value,
               struct problem *problem)
{
    return settings_set(set, IN_PLAN, LAYER_FLAG, name, value, problem);
}

static int put_random_id(struct settings *set, const char *name,
                         struct problem *problem)
{
    struct id128 id;
    char text[ID128_TEXT_SIZE];
    const int error = id128_random(&id);
    if (error)
        return problem_set(problem, error, "cannot draw a random number: %s",
                           strerror(-error));
    id128_text(&id, text);
    return put(set, name, text, problem);
}

static int put_seed(struct settings *set, struct problem *problem)
{
    struct id128 id;
    uint64_t seed = 0;
    char text[24];
    if (set->seed != 0)
        return 0;
    const int error = id128_random(&id);
    if (error)
        return problem_set(problem, error, "cannot draw a random number: %s",
                           strerror(-error));
    // 53 bits: every reader of JSON gets it whole.
    for (size_t i = 0; i < 7; i++)
        seed = seed << 8 | id.byte[i];
    snprintf(text, sizeof text, "%" PRIu64, seed >> 3 | 1);
    return put(set, "seed", text, problem);
}

// As the ventilator makes them: "DEV:INO:SIZE:MTIME_NS PATH".
static int add_fingerprint(const struct settings *set, const char *path,
                           struct texts *prints, struct problem *problem)
{
    char full[2 * PATH_SIZE], text[PATH_SIZE + 100];
    struct stat found;
    if (strcmp(path, "-") == 0)
        return 0;
    const bool beside = path[0] != '/' && set->working_directory;
    snprintf(full, sizeof full, "%s%s%s", beside ? set->working_directory : "",
             beside ? "/" : "", path);
    if (stat(full, &found) != 0)
        return problem_exit(problem, EXIT_USAGE, -errno, "cannot read %s: %s",
                            path, strerror(errno));
    snprintf(text, sizeof text, "%llu:%llu:%llu:%lld %s",
             (unsigned long long)found.st_dev, (unsigned long long)found.st_ino,
             (unsigned long long)found.st_size,
             (long long)found.st_mtim.tv_sec * 1000000000 +
                 found.st_mtim.tv_nsec,
             path);
    return texts_add(prints, text) == 0
               ? 0
               : problem_set(problem, -ENOMEM, "out of memory");
}

static int add_fingerprints(const struct settings *set, struct texts *prints,
                            struct problem *problem)
{
    const char *const path = set->ndjson ? set->ndjson : set->arg_file;
    int error = path ? add_fingerprint(set, path, prints, problem) : 0;
    bool files = false;
    for (size_t i = 0; i < set->sources.count && !error; i++) {
        const char *const word = set->sources.at[i];
        if (strncmp(word, ":::", 3) == 0 &&
            word[3 + strspn(word + 3, ":+")] == '\0')
            files = word[3] == ':';
        else if (files)
            error = add_fingerprint(set, word, prints, problem);
    }
    return error;
}

static int put_fingerprints(struct settings *set, struct problem *problem)
{
    struct texts prints = {0};
    int error = add_fingerprints(set, &prints, problem);
    for (size_t i = 0; i < prints.count && !error; i++)
        error = put(set, "fingerprints", prints.at[i], problem);
    texts_free(&prints);
    return error;
}

static int put_place(struct run *run, struct problem *problem)
{
    char path[PATH_SIZE];
    struct settings *const set = &run->settings;
    if (!getcwd(path, sizeof path))
        return problem_set(problem, -errno,
                           "the current directory has no path: %s",
                           strerror(errno));
    int error = put(set, "working-directory", path, problem);
    const char *const slash = strrchr(run->dir, '/');
    const char *const base = slash ? slash + 1 : run->dir;
    struct problem unfit = {0};
    if (!error && !set->name && *base && put(set, "name", base, &unfit) != 0)
        error = put(set, "name", "run", problem);
    return error;
}

static int put_copy(struct run *run, struct problem *problem)
{
    struct settings *const set = &run->settings;
    if (!run->input.copied_here)
        return 0;
    // A FIFO is gone once it is read: from here on it is the copy.
    int error = put(set, "input-copy", RUN_INPUT_NAME, problem);
    if (!error && set->arg_file)
        error = put(set, "arg-file", "-", problem);
    if (!error && set->ndjson)
        error = put(set, "ndjson", "-", problem);
    return error;
}

int run_identify(struct run *run, int argc, char **argv,
                 struct problem *problem)
{
    char now[CLOCK_TEXT_SIZE];
    struct settings *const set = &run->settings;
    clock_text(clock_utc_us(), now);
    int error = put_random_id(set, "run-id", problem);
    if (!error)
        error = put_seed(set, problem);
    if (!error)
        error = put(set, "created", now, problem);
    if (!error)
        error = put(set, "version", version_text(), problem);
    for (int i = 0; i < argc && !error; i++)
        error = put(set, "arguments", argv[i], problem);
    if (!error)
        error = put_place(run, problem);
    if (!error)
        error = put_copy(run, problem);
    return error ? error : put_fingerprints(set, problem);
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
           same_texts(&now->fingerprints, &old->fingerprints);
}

static int put_tokens(struct run *run, const struct settings *old,
                      struct problem *problem)
{
    struct settings *const set = &run->settings;
    const int error = put_random_id(set, "resume-token", problem);
    if (error)
        return error;
    const char *const token =
        same_input(run, old) ? old->input_token : set->resume_token;
    return token ? put(set, "input-token", token, problem) : 0;
}

// Does the command line say what to run? A plan of whole command lines from
// standard input is told by nothing at all.
static bool names_tasks(const struct settings *now, const struct settings *old)
{
    return now->command.count > 0 || now->sources.count > 0 || now->arg_file ||
           now->ndjson || now->array ||
           (old->command.count == 0 && old->sources.count == 0 &&
            !old->arg_file && !old->ndjson && !old->array);
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
            "line again, or 'fan run --resume --results %s' alone; for another "
            "command start a new run",
            what, run->dir, run->dir);
    snprintf(seed, sizeof seed, "%" PRIu64, old->seed);
    if (!error && old->seed != 0)
        error = put(set, "seed", seed, problem);
    if (!error && old->run_id)
        error = put(set, "run-id", old->run_id, problem);
    if (!error && old->created)
        error = put(set, "created", old->created, problem);
    for (size_t i = 0; i < old->arguments.count && !error; i++)
        error = put(set, "arguments", old->arguments.at[i], problem);
    if (!error && !set->name && old->name)
        error = put(set, "name", old->name, problem);
    return error ? error : put_place(run, problem);
}

static int read_plan(struct settings *set, const char *dir,
                     struct problem *problem)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" RUNDIR_PLAN, dir);
    return settings_read_yaml(set, IN_PLAN, path, problem);
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
    if (!error && run_input_is_stream(set)) {
        // A copy that is whole needs no second giving where all else is known.
        const bool needless =
            !names && rundir_has(run->dir, RUN_INPUT_NAME ".end");
        if (needless)
            run->input =
                (struct run_input){.from = -1, .to = -1, .copied_here = true};
        else
            error = run_input_open(&run->input, set, true, problem);
    }
    if (!error && names)
        error = take_over(run, &old, problem);
    if (!error)
        error = put_fingerprints(set, problem);
    if (!error)
        error = put_tokens(run, &old, problem);
    if (!error)
        error = put(set, "version", version_text(), problem);
    settings_clear(&old);
    return error;
}
