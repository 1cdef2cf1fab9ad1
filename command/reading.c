#include "command/reading.h"

#include "command/look.h"
#include "command/verb.h"
#include "common/store/logread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const char *dir;
    const struct selection *selection;
    struct gather *gather;
    struct logread *log;
    bool complete, damaged;
};

// What a pass over the log does with a record.
struct pass {
    struct reading *reading;
    gather_emit *emit;
    void *context;
    int (*use)(const struct pass *pass, const struct record *record,
               struct span line);
};

static int open_log(struct reading *reading, struct problem *problem)
{
    logread_close(&reading->log);
    reading->log = logread_open(reading->dir, 0, problem);
    return reading->log ? 0 : problem->code;
}

struct reading *reading_open(const char *dir, struct gather_options options,
                             const struct selection *selection,
                             struct problem *problem)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading) {
        reading->dir = dir;
        reading->selection = selection;
        reading->gather = gather_create(options);
    }
    if (!reading || !reading->gather)
        problem_set(problem, -ENOMEM, "out of memory");
    else if (open_log(reading, problem) == 0)
        return reading;
    reading_close(&reading);
    return NULL;
}

void reading_close(struct reading **reading)
{
    struct reading *const gone = *reading;
    if (!gone)
        return;
    logread_close(&gone->log);
    gather_destroy(&gone->gather);
    free(gone);
    *reading = NULL;
}

static int survey_one(const struct pass *pass, const struct record *record,
                      struct span line)
{
    if (pass->emit && record->event == EVENT_NONE) {
        const int error = pass->emit(pass->context, record, line);
        if (error != 0)
            return error;
    }
    return gather_survey(pass->reading->gather, record);
}

static int emit_selected(void *context, const struct record *record,
                         struct span line)
{
    const struct pass *const pass = context;
    return selection_has(pass->reading->selection, record)
               ? pass->emit(pass->context, record, line)
               : 0;
}

static int take_one(const struct pass *pass, const struct record *record,
                    struct span line)
{
    struct pass taken = *pass;
    if (record->event == EVENT_COMPLETE)
        pass->reading->complete = true;
    if (record->event == EVENT_RESUMED)
        pass->reading->complete = false;
    return gather_take(pass->reading->gather, record, line, emit_selected,
                       &taken);
}

// Gives what is in the log by now to the pass.
static int read_on(const struct pass *pass, struct problem *problem)
{
    struct reading *const reading = pass->reading;
    struct record record;
    struct span line;
    for (;;) {
        switch (logread_next(reading->log, &record, &line, problem)) {
        case LOGREAD_RECORD:
            break;
        case LOGREAD_END:
            return 0;
        case LOGREAD_DAMAGED:
            reading->damaged = true;
            return 0;
        case LOGREAD_ERROR:
            return problem->code;
        }
        const int error = pass->use(pass, &record, line);
        if (error == -EBADMSG) { // a record that must not be there
            reading->damaged = true;
            return 0;
        }
        if (error != 0)
            return problem_set(problem, error, "%s", strerrordesc_np(-error));
    }
}

int reading_survey(struct reading *reading, gather_emit *look, void *context,
                   struct problem *problem)
{
    const struct pass pass = {reading, look, context, survey_one};
    const int error = read_on(&pass, problem);
    reading->damaged = false; // told of when it is met again
    return error == 0 ? open_log(reading, problem) : error;
}

int reading_take(struct reading *reading, gather_emit *emit, void *context,
                 struct problem *problem)
{
    const struct pass pass = {reading, emit, context, take_one};
    return read_on(&pass, problem);
}

bool reading_is_complete(const struct reading *reading)
{
    return reading->complete;
}

bool reading_is_damaged(const struct reading *reading)
{
    return reading->damaged;
}

int reading_judge(const struct reading *reading, unsigned program)
{
    // As `fan status` and `fan verify` see it. While somebody writes it is the
    // end of the log, and no more.
    const bool bad_end = !reading->damaged &&
                         logread_ends_badly(reading->log) &&
                         !look_is_live(reading->dir);
    if (!reading->damaged && !bad_end)
        return EXIT_OK;
    struct buffer quoted = {0};
    fprintf(stderr,
            "%s: %s/%s is damaged at byte %" PRIu64 ": only what stands before "
            "it was read; more tells  fan verify %s\n",
            settings_program_name(program), reading->dir, LOG_FILE_NAME,
            bad_end ? logread_end(reading->log) : logread_offset(reading->log),
            verb_quoted(&quoted, reading->dir));
    buffer_free(&quoted);
    return EXIT_DAMAGED;
}
