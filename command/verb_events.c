#include "command/look.h"
#include "command/row.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/base/files.h"
#include "common/store/logread.h"
#include "common/store/text.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// `fan events`: what has happened to a run, besides what its tasks did.

enum { PROGRAM = FOR_EVENTS, FLUSH_SIZE = 1 << 16, LOOK_AGAIN_MS = 500 };

struct events {
    char dir[RUNDIR_PATH_SIZE];
    const struct settings *settings;
    struct buffer out;
    int64_t known_us; // nothing before it is told any more
    bool damaged;
};

static int flush(struct events *events)
{
    if (events->out.failed)
        return -ENOMEM;
    const int error = files_write(STDOUT_FILENO, buffer_span(&events->out));
    buffer_clear(&events->out);
    return error;
}

static void put_worker(const struct record *record, struct buffer *out)
{
    char id[ID128_TEXT_SIZE];
    id128_text(&record->worker, id);
    buffer_printf(out, "worker %.8s", id);
    if (record->host.size > 0) {
        buffer_append_text(out, " on ");
        row_put_plain(out, record->host);
    }
}

static void put_run(const struct record *record, struct buffer *out)
{
    char id[ID128_TEXT_SIZE];
    id128_text(&record->run, id);
    buffer_printf(out, "run %s", id);
}

static void put_generation(const struct record *record, struct buffer *out)
{
    buffer_printf(out, "ventilator, the %" PRIu32 ". of this run",
                  record->generation);
}

static void put_person(const struct record *record, struct buffer *out)
{
    if (record->user.size > 0) {
        buffer_append_text(out, "by ");
        row_put_plain(out, record->user);
    }
    if (record->note.size > 0) {
        buffer_append_text(out, ": ");
        row_put_plain(out, record->note);
    }
}

static void put_task(const struct record *record, struct buffer *out)
{
    buffer_printf(out, "task %" PRIu64 " ", record->task);
    if (record->status == STATUS_HELD)
        buffer_printf(out, "for a person: class %s", class_name(record->class));
    if (record->status == STATUS_LOST)
        buffer_printf(out, "with its worker, %s%s",
                      record->ran ? "running" : "not begun",
                      record->crash ? ", which died" : "");
    put_person(record, out);
}

static void put_host(const struct record *record, struct buffer *out)
{
    row_put_plain(out, record->host);
    if (record->barred_us > 0)
        buffer_printf(out, " gets no tasks for %" PRIu64 " s",
                      record->barred_us / 1000000);
    else
        buffer_append_text(out, " gets tasks again");
}

static void put_tasks(const struct record *record, struct buffer *out)
{
    buffer_printf(out, "%" PRIu64 " tasks", record->a);
}

typedef void put_what(const struct record *record, struct buffer *out);
static const struct {
    const char *name; // NULL: not for people
    put_what *put;
} EVENT[EVENTS] = {
    [EVENT_RUN] = {"began", put_run},
    [EVENT_GENERATION] = {"started", put_generation},
    [EVENT_JOINED] = {"joined", put_worker},
    [EVENT_LEFT] = {"left", put_worker},
    [EVENT_REOPENED] = {"again", put_task},
    [EVENT_RESUMED] = {"resumed", put_person},
    [EVENT_COMPLETE] = {"complete", put_tasks},
    [EVENT_HOST] = {"host", put_host},
    [EVENT_PAUSED] = {"paused", put_person},
    [EVENT_UNPAUSED] = {"goes on", put_person},
};

static const char *name_of(const struct record *record)
{
    if (record->event == EVENT_DECISION)
        return record->status == STATUS_REOPENED ? "again"
                                                 : status_name(record->status);
    return record->event == EVENT_NONE ? status_name(record->status)
                                       : EVENT[record->event].name;
}

// Of a task: what was decided, and that it was lost.
static bool is_event(const struct record *record)
{
    if (record->event != EVENT_NONE)
        return record->event == EVENT_DECISION || EVENT[record->event].name;
    return record->status == STATUS_LOST || record->user.size > 0;
}

// Few events have a time of their own. What was stored before has one.
static void put_time(struct events *events, const struct record *record)
{
    char text[TEXT_TIME_SIZE + 1] = "";
    const bool own = record->start_us > 0;
    const int64_t at_us = own ? record->start_us : events->known_us;
    if (at_us <= 0 || at_us > TEXT_TIME_MAX_US) {
        buffer_printf(&events->out, "%21s  ", "");
        return;
    }
    text_put_time(text, at_us);
    buffer_printf(&events->out, "%s%.10s %.8sZ  ", own ? " " : ">", text,
                  text + 11);
}

static void put_row(struct events *events, const struct record *record)
{
    put_time(events, record);
    buffer_printf(&events->out, "%-9s ", name_of(record));
    if (record->event == EVENT_NONE || record->event == EVENT_DECISION)
        put_task(record, &events->out);
    else
        EVENT[record->event].put(record, &events->out);
    while (events->out.size > 0 && events->out.at[events->out.size - 1] == ' ')
        events->out.size--;
    put_u8(&events->out, '\n');
}

static int take(struct events *events, const struct record *record,
                struct span line)
{
    const int64_t end_us = record->start_us + (int64_t)record->wall_us;
    if (is_event(record) && events->settings->json) {
        buffer_append(&events->out, line.at, line.size);
        put_u8(&events->out, '\n');
    } else if (is_event(record)) {
        put_row(events, record);
    }
    if (record->start_us > 0 && end_us > events->known_us)
        events->known_us = end_us;
    return events->out.size >= FLUSH_SIZE ? flush(events) : 0;
}

// What is in the log by now.
static int read_on(struct events *events, struct logread *log,
                   struct problem *problem)
{
    struct record record;
    struct span line;
    int error = 0;
    while (error == 0) {
        const enum logread_result result =
            logread_next(log, &record, &line, problem);
        if (result == LOGREAD_ERROR)
            return problem->code;
        if (result != LOGREAD_RECORD) {
            events->damaged = result == LOGREAD_DAMAGED;
            error = flush(events);
            break;
        }
        error = take(events, &record, line);
    }
    return error == 0 ? 0
                      : problem_set(problem, error, "cannot write: %s",
                                    strerrordesc_np(-error));
}

static int read_all(struct events *events, struct problem *problem)
{
    struct logread *log = logread_open(events->dir, 0, problem);
    const int watch = events->settings->follow ? look_watch(events->dir) : -1;
    int error = log ? 0 : problem->code;
    for (bool more = true; more && error == 0;) {
        // Asked first: what it has written by its end is read.
        const bool live = look_is_live(events->dir);
        error = read_on(events, log, problem);
        more = live && events->settings->follow && !events->damaged;
        if (error == 0 && !live && !events->damaged)
            events->damaged = logread_ends_badly(log);
        if (error == 0 && more)
            look_wait(watch, LOOK_AGAIN_MS);
    }
    look_close(watch);
    logread_close(&log);
    return error;
}

static int run(const struct settings *settings)
{
    struct events events = {.settings = settings};
    struct problem problem = {0};
    int exit = EXIT_OK;
    int error = rundir_find(settings, events.dir, &problem);
    if (error == 0)
        error = rundir_check(events.dir, &problem);
    if (error == 0)
        error = read_all(&events, &problem);
    if (error == 0 && events.damaged)
        error = problem_exit(&problem, EXIT_DAMAGED, -EBADMSG,
                             "the log of %s is damaged: only what stands "
                             "before was read; see fan verify",
                             events.dir);
    if (error == -EPIPE)
        exit = 128 + SIGPIPE; // the reader has had enough: nothing to say
    else if (error != 0)
        exit = verb_fail(PROGRAM, &problem);
    buffer_free(&events.out);
    return exit;
}

int verb_events(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = run(&settings);
    settings_clear(&settings);
    return exit;
}
