#include "command/run.h"
#include "command/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    BAR_WIDTH = 20,
    LINE_SIZE = 256,
    COLUMNS_MIN = 20,
    RATE_MS = 500, // between two looks at the rate
    RATE_S = 5,    // it is smoothed over at least
    ETA_S_MAX = 100 * 86400,
};

bool progress_is_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

static int columns(void)
{
    struct winsize size;
    const bool known =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known && size.ws_col > COLUMNS_MIN ? size.ws_col : 80;
}

// The mean of the first seconds, then smoothed over half of the run so far: it
// neither jumps with each task nor fades between two slow ones.
void progress_measure(struct run *run, int64_t now_ms)
{
    if (strcmp(run->status.state, "starting") == 0)
        return; // what it counts now was done by the run before
    if (run->rated_ms == 0) {
        run->rated_ms = run->rated_from_ms = now_ms;
        run->rated_done = run->status.done;
        return;
    }
    const int64_t passed_ms = now_ms - run->rated_ms;
    if (passed_ms < RATE_MS || run->status.done < run->rated_done)
        return;
    const double seconds = (double)passed_ms / 1000.0;
    const double now = (double)(run->status.done - run->rated_done) / seconds;
    const double since = (double)(now_ms - run->rated_from_ms) / 1000.0;
    const double half = since < 2 * RATE_S ? RATE_S : since / 2;
    run->rate += seconds / (since < half ? since : half) * (now - run->rate);
    run->rated_ms = now_ms;
    run->rated_done = run->status.done;
}

// Tasks in all: known, or guessed from the bytes read so far; 0: neither.
static double total_of(const struct run *run, bool *guessed)
{
    const struct ask_status *const status = &run->status;
    const uint64_t bytes =
        run->input.size > 0 ? run->input.size : status->input_bytes;
    *guessed = false;
    if (status->input_ended)
        return (double)status->read;
    if (status->total > 0)
        return (double)status->total;
    if (bytes == 0 || status->input_offset == 0 || status->input_offset > bytes)
        return 0;
    *guessed = true;
    return (double)status->read * (double)bytes / (double)status->input_offset;
}

static void put_time(struct buffer *out, double seconds)
{
    const long whole = seconds > ETA_S_MAX ? ETA_S_MAX : (long)(seconds + 0.5);
    if (whole >= 86400)
        buffer_printf(out, "%ldd%02ldh", whole / 86400, whole / 3600 % 24);
    else if (whole >= 3600)
        buffer_printf(out, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60,
                      whole % 60);
    else
        buffer_printf(out, "%ld:%02ld", whole / 60, whole % 60);
}

static void put_rate(struct buffer *out, double rate)
{
    if (rate >= 100)
        buffer_printf(out, "%.0f/s", rate);
    else if (rate >= 0.1 || rate <= 0)
        buffer_printf(out, "%.1f/s", rate);
    else
        buffer_printf(out, "%.1f/h", rate * 3600);
}

static void put_bar(struct buffer *out, double share)
{
    const int full = (int)(share * BAR_WIDTH);
    put_u8(out, '[');
    for (int i = 0; i < BAR_WIDTH; i++)
        put_u8(out, (uint8_t)(i < full ? '#' : i == full ? '>' : '.'));
    buffer_printf(out, "] %3.0f%%  ", share * 100);
}

// All is done, and others may give more.
static bool waits_for_tasks(const struct run *run)
{
    const struct ask_status *const status = &run->status;
    return run->settings.open && !status->input_ended &&
           status->done + status->held >= status->read &&
           strcmp(status->state, "running") == 0;
}

static void put_status(struct run *run, struct buffer *out, bool bar)
{
    bool guessed;
    const struct ask_status *const status = &run->status;
    const uint64_t bad = status->failed + status->quarantined;
    double total = total_of(run, &guessed);
    if (total > 0 && total < (double)status->done)
        total = (double)status->done; // done before this ventilator began
    const double share = total > 0 ? (double)status->done / total : 0;
    if (bar && total > 0)
        put_bar(out, share);
    if (strcmp(status->state, "running") != 0)
        buffer_printf(out, "%s  ", status->state);
    buffer_printf(out, "%" PRIu64, status->done);
    if (total > 0)
        buffer_printf(out, " of %s%.0f", guessed ? "about " : "", total);
    buffer_append_text(out, " done");
    if (!bar && total > 0)
        buffer_printf(out, " (%.0f%%)", share * 100);
    if (bad > 0)
        buffer_printf(out, "  %" PRIu64 " failed", bad);
    if (status->waiting > 0)
        buffer_printf(out, "  %" PRIu64 " waiting", status->waiting);
    if (status->held > 0)
        buffer_printf(out, "  %" PRIu64 " held", status->held);
    buffer_append_text(out, "  ");
    put_rate(out, run->rate);
    if (total > (double)status->done && run->rate > 0 && !status->paused) {
        buffer_append_text(out, "  eta ");
        put_time(out, (total - (double)status->done) / run->rate);
    }
    buffer_printf(out, "  %" PRIu64 " running on %" PRIu64 " slots",
                  status->running, status->slots);
    if (waits_for_tasks(run))
        buffer_append_text(out, "; more by fan add");
    if (status->workers != 1)
        buffer_printf(out, " of %" PRIu64 " workers", status->workers);
}

void progress_clear(struct run *run)
{
    static const char CLEAR[] = "\r\033[K";
    if (run->bar && write(STDERR_FILENO, CLEAR, sizeof CLEAR - 1) > 0)
        run->bar = false;
}

void progress_show(struct run *run, int64_t now_ms)
{
    struct buffer line = {0};
    const bool bar = progress_is_terminal();
    run->shown_ms = now_ms;
    if (run->status.state[0] == '\0')
        return; // no answer yet
    if (!bar && waits_for_tasks(run) && run->shown_done == run->status.done)
        return; // it may be for days
    run->shown_done = run->status.done;
    put_status(run, &line, bar);
    const int room = bar ? columns() - 3 : LINE_SIZE; // for "^C"
    const int size = line.size < (size_t)room ? (int)line.size : room;
    char text[LINE_SIZE + 16];
    const int length =
        snprintf(text, sizeof text, bar ? "%s%.*s\033[K" : "%sfan: %.*s\n",
                 !bar                              ? ""
                 : printer_left_line(run->printer) ? "\n"
                                                   : "\r",
                 size < LINE_SIZE ? size : LINE_SIZE, (const char *)line.at);
    if (!line.failed && length > 0 &&
        write(STDERR_FILENO, text, (size_t)length) > 0)
        run->bar = bar;
    buffer_free(&line);
}

static void put_count(struct buffer *out, uint64_t count, const char *word)
{
    if (count > 0)
        buffer_printf(out, ", %" PRIu64 " %s", count, word);
}

// `first` is a task that failed; 0: which is not known.
static void put_failed(struct buffer *out, const char *dir, uint64_t first,
                       const char *again)
{
    buffer_printf(out, "  see them:       fan list --failed %s\n", dir);
    if (first > 0)
        buffer_printf(out, "  read one:       fan show %" PRIu64 " %s\n", first,
                      dir);
    buffer_printf(out,
                  "  redo them:      fan run --resume --results %s%s\n"
                  "  or let them be: fan run --resume --on-fail ignore "
                  "--results %s%s\n",
                  dir, again, dir, again);
}

// `first_bad` is as put_failed has it, where any failed.
static void put_hints(const struct run *run, struct buffer *out, bool bad,
                      uint64_t first_bad, bool unfinished)
{
    struct buffer dir = {0};
    const bool cut = run->input.copied_here &&
                     !rundir_has(run->dir, RUN_INPUT_END) &&
                     !rundir_has(run->dir, RUN_INPUT_OPEN);
    const char *const again = cut ? " < the same input" : "";
    const char *const quoted = verb_quoted(&dir, run->dir);
    if (bad)
        put_failed(out, quoted, first_bad, again);
    else if (unfinished)
        buffer_printf(out, "  go on with it: fan run --resume --results %s%s\n",
                      quoted, again);
    buffer_free(&dir);
}

// `hinted`: how to go on was said.
static void put_held(const struct run *run, struct buffer *out, bool hinted)
{
    struct buffer dir = {0};
    const char *const quoted = verb_quoted(&dir, run->dir);
    buffer_printf(out,
                  "  what is held:   fan held %s\n"
                  "  decide:         fan decide --run %s GROUP "
                  "--retry|--ignore|--drop\n",
                  quoted, quoted);
    if (!hinted)
        buffer_printf(out, "  then go on:     fan run --resume --results %s\n",
                      quoted);
    buffer_free(&dir);
}

void progress_summary(const struct run *run, int exit, int64_t now_ms)
{
    struct follow_counts counts;
    struct buffer out = {0};
    uint64_t all = 0;
    printer_counts(run->printer, &counts);
    const uint64_t *const by = counts.by_status;
    for (size_t i = 0; i < STATUSES; i++)
        all += by[i];
    const uint64_t ok = by[STATUS_OK];
    const uint64_t bad = all - ok - by[STATUS_IGNORED] - by[STATUS_DROPPED];
    const uint64_t known = all + counts.held;
    const bool unfinished = !counts.complete;
    const double seconds = (double)(now_ms - run->started_ms) / 1000.0;
    buffer_printf(&out, "fan: %" PRIu64 " %s, %" PRIu64 " ok", known,
                  known == 1 ? "task" : "tasks", ok);
    put_count(&out, by[STATUS_FAILED], "failed");
    put_count(&out, by[STATUS_IGNORED], "ignored");
    put_count(&out, by[STATUS_QUARANTINED], "quarantined");
    put_count(&out, by[STATUS_CANCELLED], "cancelled");
    put_count(&out, by[STATUS_DROPPED], "dropped");
    put_count(&out, counts.held, "held");
    if (exit == EXIT_TASKS_HELD)
        ; // that is all that is left
    else if (unfinished && run->status.input_ended && run->status.read >= known)
        put_count(&out, run->status.read - known, "not finished");
    else if (unfinished)
        buffer_append_text(&out, run->status.state[0] == '\0'
                                     ? ", any others not finished"
                                     : ", the rest not finished");
    if (seconds < 60)
        buffer_printf(&out, "; %.1f s", seconds);
    else {
        buffer_append_text(&out, "; ");
        put_time(&out, seconds);
    }
    buffer_printf(&out, "; results in %s\n", run->dir);
    if (exit == EXIT_HALTED)
        buffer_printf(&out, "fan: halted by --halt %s\n", run->settings.halt);
    run_notify_sum_up(run, &out);
    const bool left = unfinished && exit != EXIT_TASKS_HELD;
    if (exit != EXIT_OK)
        put_hints(run, &out, bad > by[STATUS_CANCELLED], counts.first_bad,
                  left);
    if (counts.held > 0)
        put_held(run, &out, exit != EXIT_OK && (bad > 0 || left));
    if (!out.failed)
        fprintf(stderr, "%s%.*s", printer_left_line(run->printer) ? "\n" : "",
                (int)out.size, (const char *)out.at);
    buffer_free(&out);
}
