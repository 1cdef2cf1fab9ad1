#include "page/watch.h"

#include "command/ask.h"
#include "command/look.h"
#include "command/rundir.h"
#include "common/base/clock.h"
#include "common/net/net.h"
#include "common/store/logread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SLICE_US = 20000,
    CLOCK_EVERY = 64, // records
    BEHIND = 1 << 20, // bytes of the log
    ASK_EVERY_MS = 1000,
    ASK_AGAIN_MS = 50,
    FRESH_MS = 5000,
    ENDPOINT_SIZE = 256,
};

struct watch {
    const char *dir;
    struct logread *log;
    struct view *view;
    struct places *places;
    struct ask *ask;
    char endpoint[ENDPOINT_SIZE]; // of `ask`
    bool live, damaged;
    int64_t asked_ms, answered_ms;
    uint64_t log_size;
};

struct watch *watch_open(const char *dir, struct problem *problem)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch) {
        watch->dir = dir;
        watch->view = view_create();
        watch->places = places_create();
    }
    if (!watch || !watch->view || !watch->places)
        problem_set(problem, -ENOMEM, "out of memory");
    else
        watch->log = logread_open(dir, 0, problem);
    if (watch && !watch->log)
        watch_close(&watch);
    if (watch)
        watch->live = look_is_live(dir);
    return watch;
}

void watch_close(struct watch **watch)
{
    struct watch *const gone = *watch;
    if (!gone)
        return;
    ask_close(&gone->ask);
    logread_close(&gone->log);
    view_destroy(&gone->view);
    places_destroy(&gone->places);
    free(gone);
    *watch = NULL;
}

static void look_at_size(struct watch *watch)
{
    char path[RUNDIR_PATH_SIZE + sizeof LOG_FILE_NAME + 1];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", watch->dir, LOG_FILE_NAME);
    watch->log_size = stat(path, &found) == 0 ? (uint64_t)found.st_size : 0;
}

static int take(struct watch *watch, const struct record *record)
{
    const uint64_t offset = logread_offset(watch->log);
    int error =
        view_take(watch->view, record, watch->log_size > offset + BEHIND);
    if (!error && record->task > 0)
        error = places_add(watch->places, record->task, offset);
    return error;
}

int watch_read(struct watch *watch, struct problem *problem)
{
    const int64_t until_us = clock_monotonic_us() + SLICE_US;
    struct record record;
    look_at_size(watch);
    for (unsigned count = 1;; count++) {
        switch (logread_next(watch->log, &record, NULL, problem)) {
        case LOGREAD_RECORD:
            break;
        case LOGREAD_DAMAGED:
            watch->damaged = true;
            return 0;
        case LOGREAD_END:
            return 0;
        case LOGREAD_ERROR:
            return problem->code;
        }
        if (take(watch, &record) != 0)
            return problem_set(problem, -ENOMEM, "out of memory");
        if (count % CLOCK_EVERY == 0 && clock_monotonic_us() >= until_us)
            return 1;
    }
}

// A run that is gone on with has another endpoint.
static void find_ventilator(struct watch *watch)
{
    char endpoint[ENDPOINT_SIZE] = "";
    struct problem problem = {0};
    if (!watch->live ||
        rundir_read(watch->dir, "endpoint", endpoint, sizeof endpoint) != 0)
        *endpoint = '\0';
    if (strcmp(endpoint, watch->endpoint) == 0 && (watch->ask || !*endpoint))
        return;
    ask_close(&watch->ask);
    if (*endpoint)
        watch->ask = ask_open(endpoint, &problem);
    snprintf(watch->endpoint, sizeof watch->endpoint, "%s", endpoint);
}

bool watch_ask(struct watch *watch, int64_t now_ms, bool waiting)
{
    bool fresh = false;
    const int64_t every_ms = waiting ? ASK_AGAIN_MS : ASK_EVERY_MS;
    if (now_ms - watch->asked_ms >= every_ms || watch->asked_ms == 0) {
        const bool was_live = watch->live;
        watch->asked_ms = now_ms;
        watch->live = look_is_live(watch->dir);
        fresh = was_live != watch->live;
        find_ventilator(watch);
        if (watch->ask)
            ask_send(watch->ask, now_ms);
    }
    if (watch->ask && ask_receive(watch->ask)) {
        watch->answered_ms = now_ms;
        fresh = true;
    }
    return fresh;
}

void watch_last(struct watch *watch)
{
    watch->live = rundir_is_locked(watch->dir, "lock.ventilator") ||
                  rundir_is_locked(watch->dir, "lock.sink");
    find_ventilator(watch);
}

struct view *watch_view(struct watch *watch)
{
    return watch->view;
}

const struct places *watch_places(const struct watch *watch)
{
    return watch->places;
}

struct net_socket *watch_socket(const struct watch *watch)
{
    return watch->ask ? ask_socket(watch->ask) : NULL;
}

enum watch_state watch_state(const struct watch *watch)
{
    if (watch->live)
        return WATCH_LIVE;
    if (watch->damaged || logread_ends_badly(watch->log))
        return WATCH_DAMAGED;
    return watch->view->complete ? WATCH_COMPLETE : WATCH_STOPPED;
}

const char *watch_state_name(const struct watch *watch)
{
    switch (watch_state(watch)) {
    case WATCH_LIVE:
        return watch->ask && *ask_status(watch->ask)->state
                   ? ask_status(watch->ask)->state
                   : "starting";
    case WATCH_COMPLETE:
        return "complete";
    case WATCH_STOPPED:
        return "stopped";
    case WATCH_DAMAGED:
        return "damaged";
    }
    return "";
}

struct span watch_status(const struct watch *watch, int64_t now_ms)
{
    const bool fresh = watch->ask && watch->answered_ms != 0 &&
                       now_ms - watch->answered_ms < FRESH_MS;
    return fresh ? ask_json(watch->ask) : (struct span){0};
}

double watch_share_read(const struct watch *watch)
{
    const uint64_t read = logread_end(watch->log);
    return read >= watch->log_size ? 1 : (double)read / (double)watch->log_size;
}
