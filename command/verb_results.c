#include "command/fields.h"
#include "command/gather.h"
#include "command/look.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/base/files.h"
#include "common/setting/plan.h"
#include "common/store/logread.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAM = FOR_RESULTS, FLUSH_SIZE = 1 << 16, LOOK_AGAIN_MS = 500 };

struct results {
    const struct settings *settings;
    const char *dir;
    struct gather *gather;
    struct fields *fields; // NULL: lines as they stand in the log
    struct logread *log;
    struct buffer out;
    bool named;    // the row of names is out
    bool complete; // as the log says
    bool damaged;
    struct problem problem;
};

static int flush(struct results *results)
{
    if (results->out.failed)
        return -ENOMEM;
    const int error = files_write(STDOUT_FILENO, buffer_span(&results->out));
    buffer_clear(&results->out);
    return error ? problem_set(&results->problem, error, "cannot write: %s",
                               strerrordesc_np(-error))
                 : 0;
}

static void put_names(struct results *results)
{
    if (results->fields && !results->named)
        fields_put_names(results->fields, &results->out);
    results->named = true;
}

static int emit(void *context, const struct record *record, struct span line)
{
    struct results *const results = context;
    if (!results->named && results->fields) {
        // Nothing to be surveyed was there: the first one names the columns.
        const int error = fields_learn(results->fields, record);
        if (error != 0)
            return error;
    }
    put_names(results);
    if (results->fields) {
        fields_put(results->fields, record, &results->out);
    } else if (line.size > 0) {
        buffer_append(&results->out, line.at, line.size);
        put_u8(&results->out, '\n');
    } else {
        record_write(&results->out, record);
    }
    if (results->out.failed)
        return -ENOMEM;
    return results->out.size >= FLUSH_SIZE ? flush(results) : 0;
}

static int survey(struct results *results, const struct record *record,
                  struct span line)
{
    (void)line;
    if (results->fields && record->event == EVENT_NONE) {
        const int error = fields_learn(results->fields, record);
        if (error != 0)
            return error;
    }
    return gather_survey(results->gather, record);
}

static int take(struct results *results, const struct record *record,
                struct span line)
{
    if (record->event == EVENT_COMPLETE)
        results->complete = true;
    if (record->event == EVENT_RESUMED)
        results->complete = false;
    return gather_take(results->gather, record, line, emit, results);
}

// Gives what is in the log by now to `use`.
static int read_on(struct results *results,
                   int (*use)(struct results *results,
                              const struct record *record, struct span line))
{
    struct record record;
    struct span line;
    for (;;) {
        switch (logread_next(results->log, &record, &line, &results->problem)) {
        case LOGREAD_RECORD:
            break;
        case LOGREAD_END:
            return 0;
        case LOGREAD_DAMAGED:
            results->damaged = true;
            return 0;
        case LOGREAD_ERROR:
            return results->problem.code;
        }
        const int error = use(results, &record, line);
        if (error == -EBADMSG) { // a record that must not be there
            results->damaged = true;
            return 0;
        }
        if (error != 0)
            return problem_set(&results->problem, error, "%s",
                               strerrordesc_np(-error));
    }
}

static int open_log(struct results *results)
{
    logread_close(&results->log);
    results->log = logread_open(results->dir, 0, &results->problem);
    return results->log ? 0 : results->problem.code;
}

static int survey_log(struct results *results)
{
    if (results->settings->all_attempts && !results->fields)
        return open_log(results);
    int error = open_log(results);
    if (error == 0)
        error = read_on(results, survey);
    results->damaged = false; // told of when it is met again
    return error == 0 ? open_log(results) : error;
}

static int follow(struct results *results)
{
    const int watch = look_watch(results->dir);
    int error = 0;
    for (bool live = true; live && error == 0 && !results->damaged;) {
        live = look_is_live(results->dir);
        error = read_on(results, take);
        if (error == 0)
            error = flush(results);
        if (live && error == 0 && !results->damaged)
            look_wait(watch, LOOK_AGAIN_MS);
    }
    look_close(watch);
    return error;
}

static int print(struct results *results)
{
    int error = survey_log(results);
    if (error == 0)
        error = results->settings->follow ? follow(results)
                                          : read_on(results, take);
    if (error != 0)
        return error;
    put_names(results);
    return flush(results);
}

// As `fan status` and `fan verify` see it. While somebody writes it is the end
// of the log, and no more.
static bool is_bad_at_end(const struct logread *log, const char *dir)
{
    return logread_ends_badly(log) && !look_is_live(dir);
}

static int talk(const struct results *results)
{
    const char *const name = settings_program_name(PROGRAM);
    const uint64_t left_out =
        results->fields ? fields_left_out(results->fields) : 0;
    if (left_out > 0)
        fprintf(stderr,
                "%s: %" PRIu64 " values are left out: they are not UTF-8 "
                "(ask for stdout_base64 and so on), or have no column (name "
                "it with --fields)\n",
                name, left_out);
    const bool bad_end =
        !results->damaged && is_bad_at_end(results->log, results->dir);
    struct buffer quoted = {0};
    if (results->damaged || bad_end)
        fprintf(stderr,
                "%s: %s/%s is damaged at byte %" PRIu64 ": only what stands "
                "before it was read; more tells  fan verify %s\n",
                name, results->dir, LOG_FILE_NAME,
                bad_end ? logread_end(results->log)
                        : logread_offset(results->log),
                verb_quoted(&quoted, results->dir));
    else if (results->settings->follow && !results->complete)
        fprintf(stderr, "%s: the run in %s has stopped before its end\n", name,
                results->dir);
    buffer_free(&quoted);
    return results->damaged || bad_end ? EXIT_DAMAGED : EXIT_OK;
}

static int prepare(struct results *results)
{
    const struct settings *const set = results->settings;
    const char *const name = set->format ? set->format : ""; // no memory
    const enum fields_format format = strcmp(name, "csv") == 0 ? FIELDS_CSV
                                      : strcmp(name, "tsv") == 0
                                          ? FIELDS_TSV
                                          : FIELDS_NDJSON;
    if (rundir_check(results->dir, &results->problem) != 0)
        return results->problem.code;
    if (format != FIELDS_NDJSON || set->fields) {
        results->fields = fields_create(format, set->fields, &results->problem);
        if (!results->fields)
            return results->problem.code;
    }
    results->gather =
        gather_create((struct gather_options){set->failed, set->all_attempts});
    return results->gather
               ? 0
               : problem_set(&results->problem, -ENOMEM, "out of memory");
}

static int run(const struct settings *settings)
{
    char dir[RUNDIR_PATH_SIZE];
    struct results results = {.settings = settings, .dir = dir};
    int error = rundir_find(settings, dir, &results.problem);
    if (error == 0)
        error = prepare(&results);
    if (error == 0)
        error = print(&results);
    if (error == 0 && results.out.failed)
        error = problem_set(&results.problem, -ENOMEM, "out of memory");
    int exit = EXIT_OK;
    if (error == -EPIPE)
        exit = 128 + SIGPIPE; // the reader has had enough: nothing to say
    else
        exit =
            error != 0 ? verb_fail(PROGRAM, &results.problem) : talk(&results);
    logread_close(&results.log);
    gather_destroy(&results.gather);
    fields_destroy(&results.fields);
    buffer_free(&results.out);
    return exit;
}

int verb_results(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = run(&settings);
    settings_clear(&settings);
    return exit;
}
