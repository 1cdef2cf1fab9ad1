/* run_stages - a run file with stages: a run each, one after the other */
#include "command/run.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/setting/plan.h"
#include "common/setting/stages.h"
#include "common/store/logread.h"
#include "common/store/text.h"
#include "common/store/verify.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOT_BEGUN = -1 };

struct stage_run {
    const char *path; // of the run file
    int argc;
    char **argv;
    struct run *whole;
    struct stages stages;
    int *exits;  // of each stage, in their order
    bool killed; // by a second signal
};

static const struct stage *stage_at(const struct stage_run *all, size_t turn)
{
    return &all->stages.at[all->stages.order[turn]];
}

static bool names_tasks(const struct settings *set)
{
    return set->command.count > 0 || set->sources.count > 0 || set->arg_file ||
           set->ndjson || set->array || set->sweep.count > 0;
}

// A command without any values is run once, but where some are to be added.
static int fill_in(const struct stage_run *all, const struct stage *stage,
                   struct settings *set, struct problem *problem)
{
    if (set->sources.count > 0 || set->arg_file || set->ndjson || set->array ||
        set->sweep.count > 0 || set->open)
        return 0;
    if (set->command.count == 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "%s:%zu: stage '%s' says nothing to run: it has "
                            "neither a command nor an input",
                            all->path, stage->line, stage->name);
    return plan_put(set, "array", "1-1", problem);
}

static int prepare(const struct stage_run *all, size_t turn,
                   struct settings *set, struct problem *problem)
{
    static const char *const OF_WHOLE[] = {"name", "results", "on-done"};
    char dir[RUNDIR_PATH_SIZE + PATH_MAX];
    const struct stage *const stage = stage_at(all, turn);
    for (size_t i = 0; i < sizeof OF_WHOLE / sizeof OF_WHOLE[0]; i++)
        settings_forget(set, OF_WHOLE[i]);
    texts_free(&set->operands);
    int error =
        stages_settings(set, all->path, all->stages.order[turn], problem);
    snprintf(dir, sizeof dir, "%s/%s", all->whole->dir, stage->name);
    if (!error)
        error = settings_set(set, FOR_RUN, LAYER_FLAG, "results", dir, problem);
    return error ? error : fill_in(all, stage, set, problem);
}

static void ignore_fault(void *argument, const struct verify_fault *fault)
{
    (void)argument;
    (void)fault;
}

// Is there nothing that could be done again?
static bool is_done(const struct stage_run *all, size_t turn)
{
    char dir[RUNDIR_PATH_SIZE + PATH_MAX];
    struct problem problem = {0};
    struct verify_summary summary;
    snprintf(dir, sizeof dir, "%s/%s", all->whole->dir,
             stage_at(all, turn)->name);
    if (!rundir_has(dir, LOG_FILE_NAME) ||
        verify_log(dir, ignore_fault, NULL, &summary, &problem) != 0 ||
        !summary.complete || summary.faults > 0)
        return false;
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        if (summary.finals[i] > 0 && i != STATUS_OK && i != STATUS_IGNORED &&
            i != STATUS_DROPPED)
            return false;
    return true;
}

// What can be said of it before it begins: all of them are looked at first.
static int check_stage(const struct stage_run *all, size_t turn,
                       struct problem *problem)
{
    struct settings set;
    int error = 0;
    if (verb_open(&set, FOR_RUN, all->argc, all->argv) != VERB_GO)
        error = problem_set(problem, -ENOMEM, "out of memory");
    if (!error)
        error = prepare(all, turn, &set, problem);
    if (!error)
        error = plan_check(&set, problem);
    settings_clear(&set);
    return error;
}

static int run_stage(struct stage_run *all, size_t turn)
{
    struct problem problem = {0};
    struct run *const run = calloc(1, sizeof *run);
    if (!run) {
        fprintf(stderr, "fan run: out of memory\n");
        return EXIT_ERROR;
    }
    int exit = verb_open(&run->settings, FOR_RUN, all->argc, all->argv);
    if (exit == VERB_GO && prepare(all, turn, &run->settings, &problem) != 0)
        exit = verb_fail(FOR_RUN, &problem);
    if (exit == VERB_GO)
        exit = run_one(run, all->argc, all->argv);
    all->killed = run->supervisor.killed;
    settings_clear(&run->settings);
    free(run);
    return exit;
}

static int go_through(struct stage_run *all)
{
    const struct settings *const set = &all->whole->settings;
    const size_t count = all->stages.count;
    int exit = EXIT_OK;
    for (size_t i = 0; i < count && exit == EXIT_OK; i++) {
        const bool done = set->resume && !set->dry_run && is_done(all, i);
        if (!set->quiet)
            fprintf(stderr, "fan: stage %s, %zu of %zu%s\n",
                    stage_at(all, i)->name, i + 1, count,
                    done ? ", is complete" : "");
        if (!done)
            exit = run_stage(all, i);
        all->exits[i] = exit;
    }
    return exit;
}

// The command line once more, with what it takes to go on.
static void put_again(const struct stage_run *all, struct buffer *out)
{
    const struct settings *const set = &all->whole->settings;
    buffer_append_text(out, "fan run");
    if (!set->resume)
        buffer_append_text(out, " --resume");
    if (!set->results && !set->name) {
        buffer_append_text(out, " --results ");
        verb_quote(out, all->whole->dir);
    }
    for (int i = 1; i < all->argc; i++) {
        put_u8(out, ' ');
        if (all->argv[i][0] == '-')
            buffer_append_text(out, all->argv[i]);
        else
            verb_quote(out, all->argv[i]);
    }
}

static void sum_up(const struct stage_run *all, int exit)
{
    struct buffer out = {0};
    const size_t count = all->stages.count;
    size_t turn = 0;
    while (turn < count && all->exits[turn] == EXIT_OK)
        turn++;
    if (turn == count) {
        buffer_printf(&out, "fan: all stages are complete; results in %s\n",
                      all->whole->dir);
    } else {
        buffer_printf(&out, "fan: stage %s ended with exit code %d",
                      stage_at(all, turn)->name, exit);
        for (size_t i = turn + 1; i < count; i++)
            buffer_printf(&out, "%s %s", i == turn + 1 ? "; not begun:" : ",",
                          stage_at(all, i)->name);
        buffer_append_text(&out, "\n  go on with it and the rest: ");
        put_again(all, &out);
        put_u8(&out, '\n');
    }
    if (!out.failed)
        fprintf(stderr, "%.*s", (int)out.size, (const char *)out.at);
    buffer_free(&out);
}

static void put_text(struct buffer *out, const char *text)
{
    const struct span span = span_of_text(text);
    if (!text_put_quoted(out, span))
        text_put_base64(out, span);
}

// As of a run, with the stages instead of counts.
static void put_summary(const struct stage_run *all, int exit,
                        struct buffer *out)
{
    char dir[PATH_MAX];
    const struct run *const run = all->whole;
    buffer_append_text(out, "{\"v\":1,\"run\":");
    put_text(out, run->settings.name);
    buffer_append_text(out, ",\"dir\":");
    put_text(out, realpath(run->dir, dir) ? dir : run->dir);
    buffer_printf(out, ",\"exit\":%d,\"complete\":%s,\"wall_s\":%.3f", exit,
                  exit == EXIT_OK ? "true" : "false",
                  (double)(clock_monotonic_ms() - run->started_ms) / 1000.0);
    buffer_append_text(out, ",\"stages\":[");
    for (size_t i = 0; i < all->stages.count; i++) {
        buffer_append_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        put_text(out, stage_at(all, i)->name);
        if (all->exits[i] == NOT_BEGUN)
            buffer_append_text(out, ",\"begun\":false}");
        else
            buffer_printf(out, ",\"begun\":true,\"exit\":%d}", all->exits[i]);
    }
    buffer_append_text(out, "]}\n");
}

static void tell_end(const struct stage_run *all, int exit)
{
    struct buffer text = {0};
    struct problem problem = {0};
    struct run *const run = all->whole;
    const char *const slash = strrchr(run->dir, '/');
    if (!run->settings.name)
        run->settings.name = strdup(slash ? slash + 1 : run->dir);
    if (!run->settings.on_done || !run->settings.name || all->killed ||
        run_watch_signals(run, &problem) != 0)
        return;
    put_summary(all, exit, &text);
    run_done_with(run, exit, &text);
    buffer_free(&text);
    close(run->signal_fd);
    run->signal_fd = -1;
}

static int read_file(const char *path, struct buffer *text)
{
    enum { STEP = 64 << 10 };
    const int fd = files_open(path);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0) {
        uint8_t *const room = buffer_extend(text, STEP);
        got = room ? read(fd, room, STEP) : -1;
        text->size -= room ? STEP - (size_t)(got > 0 ? got : 0) : 0;
    }
    const int error = fd < 0         ? fd
                      : text->failed ? -ENOMEM
                      : got < 0      ? -errno
                                     : 0;
    if (fd >= 0)
        close(fd);
    return error;
}

// The file as it is now tells `fan status` and the like which stages there are.
static int keep_file(const struct stage_run *all, struct problem *problem)
{
    struct buffer text = {0};
    int error = read_file(all->path, &text);
    if (!error)
        error = files_replace(all->whole->dir, STAGES_FILE, buffer_span(&text));
    buffer_free(&text);
    return error ? problem_set(problem, error,
                               "cannot write %s/" STAGES_FILE ": %s",
                               all->whole->dir, strerrordesc_np(-error))
                 : 0;
}

static int open_all(struct stage_run *all, struct problem *problem)
{
    struct run *const run = all->whole;
    stages_clear(&all->stages);
    if (run->settings.operands.count > 1)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "one YAML file is enough; '%s' is another",
                            run->settings.operands.at[1]);
    if (names_tasks(&run->settings))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the stages in %s say what to run: no command and "
                            "no values can be given beside them",
                            all->path);
    if (stages_read(&all->stages, &run->settings, all->path, problem) != 0)
        return problem->code;
    all->exits = calloc(all->stages.count, sizeof *all->exits);
    if (!all->exits)
        return problem_set(problem, -ENOMEM, "out of memory");
    for (size_t i = 0; i < all->stages.count; i++)
        all->exits[i] = NOT_BEGUN;
    run->staged = true;
    // All are looked at before the first begins.
    for (size_t i = 0; i < all->stages.count; i++)
        if (check_stage(all, i, problem) != 0)
            return problem->code;
    if (run->settings.dry_run)
        return 0;
    const int error = run_plan_place(run, problem);
    return error ? error : keep_file(all, problem);
}

static int run_all(struct stage_run *all)
{
    struct problem problem = {0};
    struct run *const run = all->whole;
    run->started_ms = clock_monotonic_ms();
    run->lock = -1;
    run->input = (struct run_input){.from = -1, .to = -1};
    if (open_all(all, &problem) != 0) {
        run_plan_close(run, true);
        return verb_fail(FOR_RUN, &problem);
    }
    if (!run->settings.dry_run)
        run_plan_note_exit(run, -1);
    const int exit = go_through(all);
    if (run->settings.dry_run)
        return exit;
    const bool nothing_ran = all->exits[0] != EXIT_OK &&
                             !rundir_has(run->dir, stage_at(all, 0)->name);
    if (!run->settings.quiet && !nothing_ran)
        sum_up(all, exit);
    if (!nothing_ran)
        run_plan_note_exit(run, exit);
    run_plan_close(run, nothing_ran);
    if (!nothing_ran)
        tell_end(all, exit);
    return exit;
}

int run_stages(struct run *run, int argc, char **argv)
{
    struct stat found;
    struct problem problem = {0};
    const struct texts *const operands = &run->settings.operands;
    // What is no plain file can be read only once.
    if (operands->count == 0 || stat(operands->at[0], &found) != 0 ||
        !S_ISREG(found.st_mode))
        return RUN_NO_STAGES;
    struct stage_run all = {
        .path = operands->at[0], .argc = argc, .argv = argv, .whole = run};
    int exit = RUN_NO_STAGES;
    if (stages_read(&all.stages, NULL, all.path, &problem) != 0)
        exit = verb_fail(FOR_RUN, &problem);
    else if (all.stages.count > 0)
        exit = run_all(&all);
    stages_clear(&all.stages);
    free(all.exits);
    return exit;
}
