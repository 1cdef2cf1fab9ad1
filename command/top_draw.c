#include "command/top_inside.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    ROWS_LEAST = 8,
    COLUMNS_LEAST = 40,
    BAR_MOST = 60,
    SECOND_US = 1000000,
    SOON_US = 5 * SECOND_US,
    LATELY_US = 30 * SECOND_US,
    ETA_MOST_S = 100 * 86400,
    SILENT_MS = 3000,
};

size_t top_left(const struct screen *screen, size_t row)
{
    return screen->rows > row + 1 ? screen->rows - row - 1 : 0;
}

void top_put_time(struct screen *screen, enum style style, double seconds)
{
    const unsigned long long whole =
        seconds > 0 ? (unsigned long long)seconds : 0;
    if (seconds < 0.01)
        screen_printf(screen, style, "%.1f ms",
                      seconds > 0 ? 1000 * seconds : 0);
    else if (seconds < 1)
        screen_printf(screen, style, "%.0f ms", 1000 * seconds);
    else if (seconds < 10)
        screen_printf(screen, style, "%.1f s", seconds);
    else if (whole >= 86400)
        screen_printf(screen, style, "%llud%02lluh", whole / 86400,
                      whole / 3600 % 24);
    else if (whole >= 3600)
        screen_printf(screen, style, "%llu:%02llu:%02llu", whole / 3600,
                      whole / 60 % 60, whole % 60);
    else
        screen_printf(screen, style, "%llu:%02llu", whole / 60, whole % 60);
}

static void draw_title(const struct top *top, struct screen *screen)
{
    const struct ask_status *const status = &top->status;
    screen_printf(screen, STYLE_TITLE, " fan top  %s  ", top->dir);
    if (!top->live && !top->whole)
        screen_printf(screen, STYLE_TITLE, "is being read, %.0f %%",
                      100 * top->read_part);
    else if (!status->state[0])
        screen_text(screen, STYLE_TITLE, "no answer yet");
    else
        screen_text(screen, STYLE_TITLE,
                    top->damaged ? "damaged" : status->state);
    if (status->state[0] && (top->live || top->whole)) {
        screen_text(screen, STYLE_TITLE, top->live ? ", for " : ", took ");
        top_put_time(screen, STYLE_TITLE, status->elapsed_s);
    }
    screen_mark(screen, STYLE_TITLE);
}

// Tasks in all; 0: nobody knows.
static double total_of(const struct ask_status *status)
{
    const uint64_t known = status->input_ended ? status->read : status->total;
    return (double)(known > status->done || known == 0 ? known : status->done);
}

static void draw_share(struct screen *screen, double share)
{
    const size_t room = screen->columns > 50 ? screen->columns - 50 : 0;
    const size_t width = room < BAR_MOST ? room : BAR_MOST;
    if (width < 5)
        return;
    screen_text(screen, STYLE_PLAIN, "[");
    for (size_t i = 0; i < width; i++) {
        const bool full = (double)i < share * (double)width;
        screen_letter(screen, full ? STYLE_GOOD : STYLE_FAINT,
                      full           ? screen->utf8 ? 0x2588 : '#'
                      : screen->utf8 ? 0x2591
                                     : '.');
    }
    screen_text(screen, STYLE_PLAIN, "] ");
}

static void draw_eta(const struct top *top, struct screen *screen, double left)
{
    const double rate = top_rate(top, LATELY_US);
    if (!top->live || left <= 0 || rate <= 0 || left / rate > ETA_MOST_S)
        return;
    screen_text(screen, STYLE_PLAIN, "  eta ");
    top_put_time(screen, STYLE_BOLD, left / rate);
}

static void draw_done(const struct top *top, struct screen *screen)
{
    const struct ask_status *const status = &top->status;
    const double total = total_of(status);
    screen_text(screen, STYLE_PLAIN, " ");
    if (total > 0) {
        const double share = (double)status->done / total;
        draw_share(screen, share);
        screen_printf(screen, STYLE_BOLD, "%.0f %%  ",
                      floor(100 * share)); // 100 only when it is over
    }
    screen_printf(screen, STYLE_PLAIN, "%" PRIu64, status->done);
    if (total > 0)
        screen_printf(screen, STYLE_PLAIN, " of %.0f", total);
    screen_text(screen, STYLE_PLAIN, " done");
    if (total <= 0 && top->live)
        screen_printf(screen, STYLE_PLAIN, ", %" PRIu64 " read so far",
                      status->read);
    draw_eta(top, screen, total - (double)status->done);
}

static void count(struct screen *screen, enum style style, const char *name,
                  uint64_t value, bool always)
{
    if (value == 0 && !always)
        return;
    screen_text(screen, STYLE_FAINT, " ");
    screen_text(screen, STYLE_FAINT, name);
    screen_printf(screen, value > 0 ? style : STYLE_PLAIN, " %" PRIu64 " ",
                  value);
}

static void draw_counts(const struct top *top, struct screen *screen)
{
    const struct ask_status *const status = &top->status;
    count(screen, STYLE_GOOD, "ok", status->ok, true);
    count(screen, STYLE_BAD, "failed", status->failed, true);
    count(screen, STYLE_BAD, "quarantined", status->quarantined, false);
    count(screen, STYLE_HELD, "held", status->held, false);
    count(screen, STYLE_PLAIN, "ignored", status->ignored, false);
    count(screen, STYLE_PLAIN, "cancelled", status->cancelled, false);
    count(screen, STYLE_PLAIN, "dropped", status->dropped, false);
    if (top->live) {
        count(screen, STYLE_BOLD, "running", status->running, true);
        count(screen, STYLE_PLAIN, "queued", status->queued, false);
        count(screen, STYLE_PLAIN, "waiting", status->waiting, false);
    }
    count(screen, STYLE_PLAIN, "tried again", status->retries, false);
    count(screen, STYLE_BAD, "lost", status->losses, false);
}

// What a person should know before everything else, if there is any.
static void draw_news(const struct top *top, struct screen *screen)
{
    const struct ask_status *const status = &top->status;
    screen_text(screen, STYLE_PLAIN, " ");
    if (top->live && top->silent_ms >= SILENT_MS)
        screen_printf(screen, STYLE_BAD,
                      "the ventilator has not answered for %" PRId64
                      " s; what is shown is old",
                      top->silent_ms / 1000);
    else if (top->live && (top->asking || status->paused))
        screen_text(screen, STYLE_HELD,
                    top->asking ? "the ventilator is being told..."
                                : "paused: no task is started; p goes on");
    else if (top->live && status->workers == 0)
        screen_text(screen, STYLE_HELD,
                    "no worker is there: nothing runs until one comes");
    else if (status->unfit > 0) {
        screen_printf(screen, STYLE_HELD, "%s%s: ", status->unfit_host,
                      status->unfit > 1 ? " and others" : "");
        screen_text(screen, STYLE_HELD, status->unfit_why);
    } else if (top->waits[0]) {
        screen_text(screen, STYLE_HELD, "a worker starts nothing: ");
        screen_text(screen, STYLE_HELD, top->waits);
    } else if (status->held > 0)
        screen_printf(screen, STYLE_HELD,
                      "%" PRIu64 " held for you to decide: fan held %s",
                      status->held, top->dir);
    else if (top->damaged)
        screen_printf(screen, STYLE_BAD,
                      "only what stands before the damage: fan verify %s",
                      top->dir);
    else if (!top->live && top->whole && !status->input_ended)
        screen_printf(screen, STYLE_HELD,
                      "go on with it: fan run --resume --results %s", top->dir);
}

static void draw_keys(const struct top *top, struct screen *screen)
{
    static const char *const KEYS[][2] = {{"q", "quit"},
                                          {"s", "show"},
                                          {"up down", "choose"},
                                          {"h", "help"},
                                          {"p", "pause"}};
    const size_t keys = sizeof KEYS / sizeof KEYS[0] - (top->live ? 0 : 1);
    screen_go(screen, screen->rows - 1, 0);
    if (top->view != TOP_MAIN) {
        screen_text(screen, STYLE_BOLD, " q ");
        screen_text(screen, STYLE_FAINT, "back  ");
        if (top->view == TOP_SHOW) {
            screen_text(screen, STYLE_BOLD, " up down ");
            screen_text(screen, STYLE_FAINT, "scroll");
        }
        return;
    }
    for (size_t i = 0; i < keys; i++) {
        const bool paused = KEYS[i][0][0] == 'p' && top->status.paused;
        screen_printf(screen, STYLE_BOLD, " %s ", KEYS[i][0]);
        screen_printf(screen, STYLE_FAINT, "%s ",
                      paused ? "go on" : KEYS[i][1]);
    }
}

// A fifth of the screen, at least three rows where there are as many to spare.
static size_t curve_rows(const struct screen *screen)
{
    return screen->rows < 16   ? 0
           : screen->rows < 22 ? 3
           : screen->rows < 50 ? screen->rows / 5
                               : 10;
}

static void draw_main(const struct top *top, struct screen *screen)
{
    static void (*const LINES[])(const struct top *, struct screen *) = {
        draw_done, draw_counts, draw_news};
    size_t row = 1;
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        screen_go(screen, row++, 0);
        LINES[i](top, screen);
    }
    const size_t rows = curve_rows(screen);
    if (rows > 0)
        top_draw_curve(top, screen, row, rows);
    row += rows > 0 ? rows + 1 : 0;
    top_draw_lists(top, screen, row);
}

void top_draw(struct top *top, struct screen *screen)
{
    screen_blank(screen);
    if (screen->rows < ROWS_LEAST || screen->columns < COLUMNS_LEAST) {
        screen_printf(screen, STYLE_PLAIN, "fan top needs %d x %d; q quits",
                      COLUMNS_LEAST, ROWS_LEAST);
        return;
    }
    if (top->view == TOP_SHOW && top->shown_of != top->failing)
        top->view = TOP_MAIN;
    draw_title(top, screen);
    switch (top->view) {
    case TOP_MAIN:
        draw_main(top, screen);
        break;
    case TOP_SHOW:
        top_draw_show(top, screen);
        break;
    case TOP_HELP:
        top_draw_help(screen);
        break;
    }
    draw_keys(top, screen);
}
