#include "command/reading.h"
#include "command/row.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// `fan list` and `fan logs`: the tasks that were asked for, for people.

enum { FLUSH_SIZE = 1 << 16 };

struct shown {
    const struct settings *settings;
    unsigned program;
    struct selection selection;
    struct buffer out;
    uint64_t tasks;
};

static int flush(struct shown *shown)
{
    if (shown->out.failed)
        return -ENOMEM;
    const int error = files_write(STDOUT_FILENO, buffer_span(&shown->out));
    buffer_clear(&shown->out);
    return error;
}

static void put_json(struct shown *shown, const struct record *record,
                     struct span line)
{
    if (line.size == 0) {
        record_write(&shown->out, record);
        return;
    }
    buffer_append(&shown->out, line.at, line.size);
    put_u8(&shown->out, '\n');
}

// What a task has printed, under its name where there may be others.
static void put_log(struct shown *shown, const struct record *record)
{
    const struct span text = shown->settings->err ? record->err : record->out;
    struct buffer *const out = &shown->out;
    const bool one =
        selection_is_one(&shown->selection) && !shown->settings->all_attempts;
    if (!one) {
        buffer_printf(out, "%s==> task %llu", shown->tasks > 0 ? "\n" : "",
                      (unsigned long long)record->task);
        if (shown->settings->all_attempts)
            buffer_printf(out, ", attempt %u", record->attempt);
        buffer_append_text(out, record->has_args ? ": " : "");
        row_put_values(record, out);
        buffer_append_text(out, " <==\n");
    }
    buffer_append(out, text.at, text.size);
    if (!one && text.size > 0 && text.at[text.size - 1] != '\n')
        put_u8(out, '\n');
}

static int show(void *context, const struct record *record, struct span line)
{
    struct shown *const shown = context;
    // That the last failure is final has a record, and says nothing more.
    const bool verdict =
        record->final && record->number != 0 && record->start_us == 0 &&
        record->note.size == 0 &&
        (record->class == CLASS_EXIT || record->class == CLASS_SIGNAL);
    if (shown->settings->all_attempts && verdict && !shown->settings->json)
        return 0;
    // Nor has what followed from an attempt printed anything.
    if (shown->program == FOR_LOGS && record->number != 0 &&
        record->start_us == 0)
        return 0;
    if (shown->program == FOR_LOGS) {
        put_log(shown, record);
    } else if (shown->settings->json) {
        put_json(shown, record, line);
    } else {
        if (shown->tasks == 0)
            row_put_names(&shown->out);
        row_put(record, &shown->out);
    }
    shown->tasks++;
    return shown->out.size >= FLUSH_SIZE ? flush(shown) : 0;
}

static void tell_none(const struct shown *shown, const char *dir)
{
    const struct selection *const chosen = &shown->selection;
    const bool all = !shown->settings->failed && chosen->count == 0 &&
                     chosen->class == CLASS_NONE && !chosen->host &&
                     chosen->since_us == 0;
    fprintf(stderr,
            all ? "%s: no task of %s is done yet%s\n"
                : "%s: no task of %s that is done is among those asked for%s\n",
            settings_program_name(shown->program), dir,
            shown->settings->all_attempts
                ? ""
                : "; --all-attempts has what others have tried");
}

static int read_all(struct shown *shown, const char *dir, int *exit,
                    struct problem *problem)
{
    const struct gather_options options = {.failed = shown->settings->failed,
                                           .all_attempts =
                                               shown->settings->all_attempts};
    struct reading *reading =
        reading_open(dir, options, &shown->selection, problem);
    int error =
        reading ? reading_survey(reading, NULL, NULL, problem) : problem->code;
    if (error == 0)
        error = reading_take(reading, show, shown, problem);
    if (error == 0)
        error = flush(shown);
    if (error == 0 && shown->tasks == 0)
        tell_none(shown, dir);
    if (error == 0)
        *exit = reading_judge(reading, shown->program);
    else if (problem->code == 0)
        problem_set(problem, error, "cannot write: %s",
                    strerrordesc_np(-error));
    reading_close(&reading);
    return error;
}

static int run(struct settings *settings, unsigned program)
{
    char dir[RUNDIR_PATH_SIZE];
    struct problem problem = {0};
    struct shown shown = {.settings = settings, .program = program};
    int exit = EXIT_OK;
    int error =
        selection_read(&shown.selection, settings, clock_utc_us(), &problem);
    if (error == 0)
        error = rundir_find(settings, dir, &problem);
    if (error == 0)
        error = rundir_check(dir, &problem);
    if (error == 0)
        error = read_all(&shown, dir, &exit, &problem);
    if (error == -EPIPE)
        exit = 128 + SIGPIPE; // the reader has had enough: nothing to say
    else if (error != 0)
        exit = verb_fail(program, &problem);
    selection_clear(&shown.selection);
    buffer_free(&shown.out);
    return exit;
}

static int open_and_run(unsigned program, int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, program, argc, argv);
    if (exit == VERB_GO)
        exit = run(&settings, program);
    settings_clear(&settings);
    return exit;
}

int verb_list(int argc, char **argv)
{
    return open_and_run(FOR_LIST, argc, argv);
}

int verb_logs(int argc, char **argv)
{
    return open_and_run(FOR_LOGS, argc, argv);
}
