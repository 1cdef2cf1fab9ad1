#include "command/ask.h"
#include "command/history.h"
#include "command/look.h"
#include "command/rundir.h"
#include "command/tell.h"
#include "command/terminal.h"
#include "command/top.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/net/net.h"
#include "common/setting/stages.h"
#include "common/store/logread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PROGRAM = FOR_TOP,
    TICK_MS = 1000,
    ASKING_MS = 10000, // then it is left to the person to ask again
    SILENT_MS = 3000,  // then the ventilator may have another endpoint
    ENDPOINT_SIZE = 256,
    // Time for the log in each tick: beside a run at full speed it must cost
    // nearly nothing; of one that is over nobody is slowed down.
    READ_LIVE_MS = 15,
    READ_MS = 50,
    READ_STEP = 64, // records between two looks at the clock
};

struct view {
    char base[RUNDIR_PATH_SIZE];      // what was named
    char dir[RUNDIR_PATH_SIZE + 260]; // of the run: with stages, of one of them
    char endpoint[ENDPOINT_SIZE];
    struct buffer quoted;
    struct terminal *terminal;
    struct screen screen;
    struct top top;
    struct ask *ask; // NULL: it does not go on, or has no endpoint yet
    int64_t asked_ms, answered_ms;
    struct buffer question; // to pause, or to go on
    bool paused;            // what was asked for, then
    int64_t question_ms;
    struct logread *log;
    struct failing *failing; // of a run that goes on
    struct history *history; // of one that does not
    int signal_fd, signal;
};

// Of the stages the one that goes on, else the last that has begun.
static int choose_stage(struct view *view, struct problem *problem)
{
    char path[sizeof view->dir];
    struct stages stages;
    snprintf(path, sizeof path, "%s/" STAGES_FILE, view->base);
    const int error = stages_read(&stages, NULL, path, problem);
    view->dir[0] = '\0';
    for (size_t i = 0; i < stages.count && error == 0; i++) {
        struct problem none = {0};
        snprintf(path, sizeof path, "%s/%.255s", view->base,
                 stages.at[stages.order[i]].name);
        if (rundir_check(path, &none) != 0)
            continue;
        memcpy(view->dir, path, sizeof path);
        if (look_is_live(path))
            break;
    }
    stages_clear(&stages);
    return error != 0 || view->dir[0] != '\0'
               ? error
               : problem_exit(problem, EXIT_USAGE, -ENOENT,
                              "no stage of %s has begun", view->base);
}

static int choose(struct view *view, struct problem *problem)
{
    if (rundir_has(view->base, STAGES_FILE))
        return choose_stage(view, problem);
    snprintf(view->dir, sizeof view->dir, "%s", view->base);
    return rundir_check(view->dir, problem);
}

static void forget(struct view *view)
{
    view->top.failing = NULL;
    ask_close(&view->ask);
    logread_close(&view->log);
    failing_destroy(&view->failing);
    history_destroy(&view->history);
}

// Looks at view->dir, from the beginning. 0 or the problem's code.
static int begin(struct view *view, struct problem *problem)
{
    const int64_t now_us = clock_monotonic_us();
    forget(view);
    buffer_free(&view->quoted);
    top_begin(&view->top, verb_quoted(&view->quoted, view->dir), now_us);
    view->top.live = look_is_live(view->dir);
    view->asked_ms = 0;
    view->answered_ms = now_us / 1000;
    view->endpoint[0] = '\0';
    view->log = logread_open(view->dir, 0, problem);
    if (!view->log)
        return problem->code;
    if (view->top.live) {
        look_give_way();
        logread_glance(view->log);
        view->failing = failing_create();
        view->top.failing = view->failing;
    } else {
        view->history = history_create();
    }
    return view->failing || view->history
               ? 0
               : problem_set(problem, -ENOMEM, "out of memory");
}

// It may not have been written yet, or another ventilator has another.
static int find_endpoint(struct view *view, struct problem *problem)
{
    char endpoint[ENDPOINT_SIZE];
    if (rundir_read(view->dir, "endpoint", endpoint, sizeof endpoint) != 0 ||
        !*endpoint || (view->ask && strcmp(endpoint, view->endpoint) == 0))
        return 0;
    ask_close(&view->ask);
    view->top.asking = false;
    memcpy(view->endpoint, endpoint, sizeof endpoint);
    view->ask = ask_open(endpoint, problem);
    return view->ask ? 0 : problem->code;
}

// Has anything happened of which the log could say why?
static bool has_trouble(const struct ask_status *status)
{
    return status->failed + status->retries + status->held +
               status->quarantined >
           0;
}

static int take(struct view *view, const struct record *record)
{
    return view->history ? history_take(view->history, record)
                         : failing_take(view->failing, record);
}

static void note_place(struct view *view)
{
    char path[sizeof view->dir + sizeof LOG_FILE_NAME];
    struct stat found;
    snprintf(path, sizeof path, "%s/" LOG_FILE_NAME, view->dir);
    if (stat(path, &found) == 0 && found.st_size > 0)
        view->top.read_part =
            (double)logread_offset(view->log) / (double)found.st_size;
}

// Goes on in the log, for a while. 0 or the problem's code.
static int read_on(struct view *view, struct problem *problem)
{
    const int64_t until_ms =
        clock_monotonic_ms() + (view->history ? READ_MS : READ_LIVE_MS);
    struct record record;
    for (unsigned i = 1; !view->top.whole; i++) {
        const enum logread_result got =
            logread_next(view->log, &record, NULL, problem);
        if (got == LOGREAD_ERROR)
            return problem->code;
        if (got != LOGREAD_RECORD) {
            view->top.damaged = got == LOGREAD_DAMAGED;
            view->top.whole = view->history != NULL;
            break;
        }
        const int error = take(view, &record);
        if (error != 0)
            return problem_set(problem, error, "%s", strerrordesc_np(-error));
        if (i % READ_STEP == 0 && clock_monotonic_ms() >= until_ms)
            break;
    }
    note_place(view);
    if (view->history)
        history_tell(view->history, &view->top);
    return 0;
}

// Tells the ventilator to start nothing more, or to go on.
static void tell_pause(struct view *view)
{
    char user[TELL_USER_SIZE];
    if (!view->ask || view->top.asking)
        return;
    view->paused = !view->top.status.paused;
    view->question_ms = clock_monotonic_ms();
    tell_put_user(user);
    buffer_clear(&view->question);
    tell_begin(&view->question, view->paused ? "pause" : "unpause", user,
               tell_now_us(), "in fan top");
    buffer_append(&view->question, "}", sizeof "}");
    if (view->question.failed)
        return;
    view->top.asking = true;
    ask_about(view->ask, (const char *)view->question.at);
    ask_send(view->ask, view->question_ms);
}

// It is so, and stored; or it takes too long.
static void end_question(struct view *view)
{
    const struct ask_status *const status = &view->top.status;
    const bool done = status->paused == view->paused && status->unsaved == 0;
    if (!view->top.asking ||
        (!done && clock_monotonic_ms() - view->question_ms < ASKING_MS))
        return;
    view->top.asking = false;
    if (view->ask)
        ask_about(view->ask, NULL);
}

static void hear(struct view *view)
{
    const int64_t now_us = clock_monotonic_us();
    if (view->ask && ask_receive(view->ask)) {
        view->answered_ms = now_us / 1000;
        top_answer(&view->top, ask_status(view->ask), ask_json(view->ask),
                   now_us);
    }
    end_question(view);
    view->top.silent_ms = now_us / 1000 - view->answered_ms;
}

// What is to be done each second. 0 or the problem's code.
static int tick(struct view *view, struct problem *problem)
{
    const int64_t now_ms = clock_monotonic_ms();
    int error = 0;
    if (look_is_live(view->dir) != view->top.live)
        return begin(view, problem);
    if (!view->top.live) {
        const bool staged = rundir_has(view->base, STAGES_FILE);
        error = staged ? choose_stage(view, problem) : 0;
        return error == 0 && staged && look_is_live(view->dir)
                   ? begin(view, problem)
                   : error;
    }
    if (!view->ask || view->top.silent_ms > SILENT_MS)
        error = find_endpoint(view, problem);
    if (error == 0 && view->ask)
        ask_send(view->ask, now_ms);
    if (error == 0 && has_trouble(&view->top.status))
        error = read_on(view, problem);
    return error;
}

static void draw(struct view *view)
{
    if (terminal_fit(view->terminal, &view->screen) != 0)
        return;
    top_draw(&view->top, &view->screen);
    terminal_show(view->terminal, &view->screen);
}

// Takes what was typed, and signals; false: it is to end.
static bool obey(struct view *view, const struct net_poll_item *items)
{
    struct signalfd_siginfo info;
    uint32_t key;
    bool typed = false;
    while ((key = terminal_key(view->terminal)) != TOP_NOTHING_TYPED) {
        typed = true;
        const enum top_act act = top_press(&view->top, key);
        if (act == TOP_QUIT)
            return false;
        if (act == TOP_PAUSE)
            tell_pause(view);
    }
    if (read(view->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        view->signal = (int)info.ssi_signo;
        return false;
    }
    // Readable without anything to be read: the terminal is gone.
    return typed || !items[0].got;
}

static int64_t patience_ms(const struct view *view)
{
    const int64_t left_ms = view->asked_ms + TICK_MS - clock_monotonic_ms();
    return !view->top.live && !view->top.whole ? 0 : left_ms > 0 ? left_ms : 0;
}

static int watch(struct view *view, struct problem *problem)
{
    int error = begin(view, problem);
    while (error == 0) {
        if (clock_monotonic_ms() >= view->asked_ms + TICK_MS) {
            view->asked_ms = clock_monotonic_ms();
            error = tick(view, problem);
        }
        if (error == 0 && view->history && !view->top.whole)
            error = read_on(view, problem);
        draw(view);
        struct net_poll_item items[] = {
            {.fd = STDIN_FILENO, .want = NET_READ},
            {.fd = view->signal_fd, .want = NET_READ},
            {.socket = view->ask ? ask_socket(view->ask) : NULL,
             .fd = -1,
             .want = NET_READ}};
        const int ready =
            error == 0 ? net_poll(items, 3, patience_ms(view)) : 0;
        if (ready < 0)
            return problem_set(problem, ready, "cannot wait: %s",
                               strerrordesc_np(-ready));
        hear(view);
        if (error == 0 && !obey(view, items))
            break;
    }
    return error;
}

static int open_signals(struct view *view, struct problem *problem)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        view->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return view->signal_fd >= 0
               ? 0
               : problem_set(problem, -errno, "cannot wait for signals: %s",
                             strerrordesc_np(errno));
}

static int show(struct view *view, struct problem *problem)
{
    int error = choose(view, problem);
    if (error == 0)
        error = net_start(problem);
    if (error != 0)
        return error;
    error = open_signals(view, problem);
    if (error == 0 && !(view->terminal = terminal_open(problem)))
        error = problem->code;
    if (error == 0)
        error = watch(view, problem);
    terminal_close(&view->terminal);
    forget(view);
    net_stop();
    screen_clear(&view->screen);
    buffer_free(&view->quoted);
    buffer_free(&view->question);
    if (view->signal_fd >= 0)
        close(view->signal_fd);
    return error;
}

static int run(const struct settings *settings)
{
    struct problem problem = {0};
    struct view view = {.signal_fd = -1};
    int error = rundir_find(settings, view.base, &problem);
    if (error == 0)
        error = show(&view, &problem);
    if (error != 0)
        return verb_fail(PROGRAM, &problem);
    return view.signal ? 128 + view.signal : EXIT_OK;
}

int verb_top(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = run(&settings);
    settings_clear(&settings);
    return exit;
}
