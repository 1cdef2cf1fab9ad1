/* The ventilator of what goes on is told to stop tasks, and waited for until
 * it has. The log then says what came of it. */
#include "command/selection.h"
#include "command/tell.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/numset.h"
#include "common/store/logread.h"
#include "common/store/text.h"
#include "common/wire/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PROGRAM = FOR_CANCEL, ROUNDS = 100, RANGES_AT_A_TIME = 256 };

struct cancel {
    const struct settings *settings;
    struct selection selection;
    char dir[RUNDIR_PATH_SIZE];
    char user[TELL_USER_SIZE];
    int64_t time_us; // by which it is known in the log, too
    size_t said;     // ranges
    size_t until;    // of them are said now
    bool later;      // some were not read of the input yet, which is waited for
    bool full;       // there may have been no room for what was said
    int64_t patient_ms;               // until; 0: not yet
    struct numset *cancelled, *ended; // as the log says
};

static bool put_question(void *with, struct buffer *out)
{
    struct cancel *const cancel = with;
    const struct selection *const selection = &cancel->selection;
    const char *const note = cancel->settings->note;
    const size_t from = cancel->said;
    tell_begin(out, "cancel", cancel->user, cancel->time_us, note ? note : "");
    buffer_append_text(out, ",\"tasks\":[");
    for (; cancel->said < cancel->until; cancel->said++) {
        const struct selection_range *const range =
            &selection->ranges[cancel->said];
        buffer_printf(out, "%s[%" PRIu64 ",%" PRIu64 "]",
                      cancel->said > from ? "," : "", range->first,
                      range->last - range->first + 1);
    }
    buffer_append_text(out, "]}");
    return cancel->said > from;
}

static bool is_done(void *with, const struct ask_status *status)
{
    enum { PATIENCE_MS = 2000 };
    struct cancel *const cancel = with;
    cancel->later = status->cancel_later > 0;
    if (status->cancelling + status->cancel_later >= WIRE_CANCELS_MAX)
        cancel->full = true;
    if (status->cancelling > 0)
        return false;
    if (cancel->later && cancel->patient_ms == 0)
        cancel->patient_ms = clock_monotonic_ms() + PATIENCE_MS;
    return !cancel->later || (!cancel->settings->all &&
                              clock_monotonic_ms() >= cancel->patient_ms);
}

static int take(struct cancel *cancel, const struct record *record)
{
    if (!record->final || !selection_has(&cancel->selection, record))
        return 0;
    const bool ours = record->status == STATUS_CANCELLED &&
                      record->start_us == cancel->time_us &&
                      span_equal(record->user, span_of_text(cancel->user));
    const int error =
        numset_add(ours ? cancel->cancelled : cancel->ended, record->task);
    return error < 0 ? error : 0;
}

// What has become of them, as far as the log goes.
static int read_log(struct cancel *cancel, struct problem *problem)
{
    struct record record;
    struct logread *log = logread_open(cancel->dir, 0, problem);
    int error = log ? 0 : problem->code;
    while (error == 0 &&
           logread_next(log, &record, NULL, problem) == LOGREAD_RECORD)
        if (take(cancel, &record) < 0)
            error = problem_set(problem, -ENOMEM, "out of memory");
    logread_close(&log);
    return error == 0 ? problem->code : error;
}

// Of those that were named one by one.
static uint64_t count_left(const struct cancel *cancel)
{
    uint64_t left = 0;
    for (size_t i = 0; i < cancel->selection.count; i++) {
        const struct selection_range *range = &cancel->selection.ranges[i];
        left += range->first == range->last &&
                !numset_has(cancel->cancelled, range->first) &&
                !numset_has(cancel->ended, range->first);
    }
    return left;
}

static int say_some(struct cancel *cancel, struct problem *problem)
{
    const struct tell tell = {.dir = cancel->dir,
                              .verb = "cancel",
                              .next = put_question,
                              .done = is_done,
                              .with = cancel,
                              .waits = true,
                              .steady = true};
    const size_t from = cancel->said;
    int error = -ESTALE;
    for (int i = 0; i < ROUNDS && error == -ESTALE; i++) {
        problem_clear(problem);
        cancel->said = from;
        cancel->full = false;
        error = tell_live(&tell, NULL, problem);
        if (error == 0 && cancel->full)
            error = problem_set(problem, cancel->later ? -ENOSPC : -ESTALE,
                                "%s has been told to cancel too much that is "
                                "not read of its input yet; name longer ranges",
                                cancel->dir);
    }
    return error;
}

// A ventilator remembers so many at a time.
static int stop(struct cancel *cancel, struct problem *problem)
{
    const size_t count = cancel->selection.count;
    int error = 0;
    while (error == 0 && cancel->said < count) {
        const size_t left = count - cancel->said;
        cancel->until =
            cancel->said + (left < RANGES_AT_A_TIME ? left : RANGES_AT_A_TIME);
        error = say_some(cancel, problem);
    }
    if (error == -EAGAIN) { // for want of anything that is left to be done
        problem_clear(problem);
        error = 0;
    }
    return error;
}

static void print_json(const struct cancel *cancel, uint64_t left)
{
    struct buffer dir = {0};
    if (!text_put_quoted(&dir, span_of_text(cancel->dir)))
        buffer_append_text(&dir, "null");
    printf("{\"v\":1,\"dir\":%.*s,\"cancelled\":%" PRIu64 ",\"ended\":%" PRIu64
           ",\"missing\":%" PRIu64 ",\"later\":%s}\n",
           (int)dir.size, (const char *)dir.at, numset_count(cancel->cancelled),
           numset_count(cancel->ended), cancel->later ? 0 : left,
           cancel->later ? "true" : "false");
    buffer_free(&dir);
}

static void print(const struct cancel *cancel)
{
    const uint64_t count = numset_count(cancel->cancelled);
    const uint64_t ended = numset_count(cancel->ended);
    printf("%s: %" PRIu64 " %s cancelled", cancel->dir, count,
           count == 1 ? "task" : "tasks");
    if (ended > 0)
        printf("; %" PRIu64 " had ended before", ended);
    printf("\n");
    if (cancel->later)
        printf("  what is not read of the input yet is cancelled when it is\n");
}

static int check(struct cancel *cancel, struct settings *settings,
                 struct problem *problem)
{
    if (settings->note && strpbrk(settings->note, "\n\r"))
        return problem_exit(problem, EXIT_USAGE, -EINVAL, "--note is one line");
    if (selection_read(&cancel->selection, settings, 0, problem) != 0)
        return problem->code;
    if (settings->all == (cancel->selection.count > 0))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            settings->all
                                ? "either --all, or the numbers of tasks"
                                : "say which tasks: by number, such as 17 or "
                                  "3,7-9, or --all");
    if (settings->all &&
        selection_add(&cancel->selection, 1, NUMSET_NUMBER_MAX) != 0)
        return problem_set(problem, -ENOMEM, "out of memory");
    cancel->settings = settings;
    cancel->time_us = tell_now_us();
    tell_put_user(cancel->user);
    cancel->cancelled = numset_create();
    cancel->ended = numset_create();
    if (!cancel->cancelled || !cancel->ended)
        return problem_set(problem, -ENOMEM, "out of memory");
    return 0;
}

static int cancel_tasks(struct cancel *cancel, struct problem *problem)
{
    struct buffer quoting = {0};
    int error = tell_find(cancel->settings, cancel->dir, problem);
    if (error == -EAGAIN) {
        problem_clear(problem);
        problem_set(problem, -EAGAIN,
                    "nobody is at work on the run in %s, so none of its tasks "
                    "runs; only  fan run --resume --results %s  would go on",
                    cancel->dir, verb_quoted(&quoting, cancel->dir));
    }
    if (error == 0)
        error = stop(cancel, problem);
    if (error == 0)
        error = read_log(cancel, problem);
    buffer_free(&quoting);
    if (error != 0)
        return error;
    const uint64_t left = count_left(cancel);
    if (cancel->settings->json)
        print_json(cancel, left);
    else
        print(cancel);
    if (fflush(stdout) != 0)
        return problem_set(problem, -errno, "cannot write: %s",
                           strerrordesc_np(errno));
    return left == 0 || cancel->later
               ? 0
               : problem_set(problem, -ENOENT,
                             "%" PRIu64 " of these %s no task of the run", left,
                             left == 1 ? "is" : "are");
}

int verb_cancel(int argc, char **argv)
{
    struct settings settings;
    struct problem problem = {0};
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO) {
        struct cancel cancel = {.said = 0};
        int error = check(&cancel, &settings, &problem);
        if (error == 0)
            error = cancel_tasks(&cancel, &problem);
        exit = error == 0 ? EXIT_OK : verb_fail(PROGRAM, &problem);
        selection_clear(&cancel.selection);
        if (cancel.cancelled)
            numset_destroy(&cancel.cancelled);
        if (cancel.ended)
            numset_destroy(&cancel.ended);
    }
    settings_clear(&settings);
    return exit;
}
