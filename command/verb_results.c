#include "command/database.h"
#include "command/fields.h"
#include "command/look.h"
#include "command/reading.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/setting/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PROGRAM = FOR_RESULTS,
    FLUSH_SIZE = 1 << 16,
    LOOK_AGAIN_MS = 500,
    PORTION_MS = 20, // a busy log grows a thousand times a second
};

struct results {
    const struct settings *settings;
    const char *dir;
    struct selection selection;
    struct reading *reading;
    struct fields *fields;     // NULL: lines as they stand in the log
    struct database *database; // NULL: rows
    int fd;                    // where rows go
    struct buffer out;
    enum fields_format format;
    bool named; // the row of names is out
    struct problem problem;
};

static int flush(struct results *results)
{
    if (results->out.failed)
        return -ENOMEM;
    const int error = files_write(results->fd, buffer_span(&results->out));
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
    if (results->database)
        return database_put(results->database, record, &results->problem);
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

static int learn(void *context, const struct record *record, struct span line)
{
    const struct results *const results = context;
    (void)line;
    return fields_learn(results->fields, record);
}

static int survey_log(struct results *results)
{
    if (!results->fields && results->settings->all_attempts)
        return 0;
    return reading_survey(results->reading, results->fields ? learn : NULL,
                          results, &results->problem);
}

static int take(struct results *results)
{
    return reading_take(results->reading, emit, results, &results->problem);
}

static int follow(struct results *results)
{
    const int watch = look_watch(results->dir);
    int error = 0;
    if (look_is_live(results->dir))
        look_give_way();
    for (bool live = true;
         live && error == 0 && !reading_is_damaged(results->reading);) {
        live = look_is_live(results->dir);
        error = take(results);
        if (error == 0)
            error = flush(results);
        if (live && error == 0 && !reading_is_damaged(results->reading)) {
            look_wait(watch, LOOK_AGAIN_MS);
            look_wait(-1, PORTION_MS);
        }
    }
    look_close(watch);
    return error;
}

static int print_rows(struct results *results)
{
    const int error =
        results->settings->follow ? follow(results) : take(results);
    if (error != 0)
        return error;
    put_names(results);
    return flush(results);
}

static int fill_database(struct results *results)
{
    const struct settings *const set = results->settings;
    results->database = database_create(set->output_file, results->fields,
                                        !set->all_attempts, &results->problem);
    if (!results->database)
        return results->problem.code;
    const int error = take(results);
    return error != 0 ? error
                      : database_finish(results->database, &results->problem);
}

static int open_output(struct results *results)
{
    const char *const path = results->settings->output_file;
    results->fd = STDOUT_FILENO;
    if (!path || results->format == FIELDS_DATABASE)
        return 0;
    results->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return results->fd >= 0
               ? 0
               : problem_set(&results->problem, -errno, "cannot write %s: %s",
                             path, strerror(errno));
}

static int print(struct results *results)
{
    int error = open_output(results);
    if (error == 0)
        error = survey_log(results);
    if (error != 0)
        return error;
    return results->format == FIELDS_DATABASE ? fill_database(results)
                                              : print_rows(results);
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
    const int exit = reading_judge(results->reading, PROGRAM);
    if (exit == EXIT_OK && results->settings->follow &&
        !reading_is_complete(results->reading))
        fprintf(stderr, "%s: the run in %s has stopped before its end\n", name,
                results->dir);
    return exit;
}

static enum fields_format format_of(const struct settings *settings)
{
    static const char *const NAMES[] = {"ndjson", "csv", "tsv", "sqlite"};
    const char *const name = settings->format ? settings->format : NAMES[0];
    for (unsigned i = 1; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(name, NAMES[i]) == 0)
            return (enum fields_format)i;
    return FIELDS_NDJSON;
}

static int check(const struct results *results, struct problem *problem)
{
    const struct settings *const set = results->settings;
    if (results->format != FIELDS_DATABASE)
        return rundir_check(results->dir, problem);
    if (!set->output_file)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--format sqlite needs a file: -o results.db");
    if (set->follow)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "a database is written once: without --follow");
    return rundir_check(results->dir, problem);
}

static int prepare(struct results *results)
{
    const struct settings *const set = results->settings;
    const struct gather_options options = {.failed = set->failed,
                                           .all_attempts = set->all_attempts};
    results->format = format_of(set);
    if (check(results, &results->problem) != 0)
        return results->problem.code;
    if (results->format != FIELDS_NDJSON || set->fields ||
        set->extract.count > 0) {
        results->fields = fields_create(results->format, set->fields,
                                        &set->extract, &results->problem);
        if (!results->fields)
            return results->problem.code;
    }
    results->reading = reading_open(results->dir, options, &results->selection,
                                    &results->problem);
    return results->reading ? 0 : results->problem.code;
}

static int run(struct settings *settings)
{
    char dir[RUNDIR_PATH_SIZE];
    struct results results = {.settings = settings, .dir = dir};
    int error = selection_read(&results.selection, settings, clock_utc_us(),
                               &results.problem);
    if (error == 0)
        error = rundir_find(settings, dir, &results.problem);
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
    reading_close(&results.reading);
    selection_clear(&results.selection);
    database_destroy(&results.database);
    if (results.fd > STDERR_FILENO)
        close(results.fd);
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
