#include "command/run.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/net/net.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    ITEMS = 4,
    ASK_MS = 250,
    PRINT_APART_MS = 20,
    ASK_SLOW_MS = 1000, // when nobody looks
    TURN_MS = 1000,     // longest sleep
    LINE_COPY_MAX = 1 << 30,
    NOTIFY_END_MS = 10000, // for hooks at the end of the run: see TOO_LONG
    KILLED_MS = 2000,      // until one that was killed is gone
    ONCE_MS = 300,         // timeout(1) and some shells send a signal twice
};

static void complain(struct run *run, const struct problem *problem)
{
    progress_clear(run);
    fprintf(stderr, "fan run: %s\n", problem->text);
}

// nohup(1) has it so; a signal that is watched would come all the same.
static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int run_watch_signals(struct run *run, struct problem *problem)
{
    static const int WATCHED[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof WATCHED / sizeof WATCHED[0]; i++)
        if (WATCHED[i] != SIGHUP || !is_ignored(SIGHUP))
            sigaddset(&set, WATCHED[i]);
    if (sigaction(SIGPIPE, &ignore, NULL) == 0 &&
        sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return run->signal_fd >= 0
               ? 0
               : problem_set(problem, -errno, "cannot watch for signals: %s",
                             strerror(errno));
}

static int watch_log(struct run *run, struct problem *problem)
{
    run->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (run->watch_fd < 0 ||
        inotify_add_watch(run->watch_fd, run->dir, IN_CREATE | IN_MODIFY) < 0)
        return problem_set(problem, -errno, "cannot watch %s: %s", run->dir,
                           strerror(errno));
    return 0;
}

// The bar is back right behind what is written now.
static void clear_bar(void *context)
{
    struct run *const run = context;
    if (run->bar)
        run->shown_ms = 0;
    progress_clear(run);
}

static int open_run(struct run *run, struct problem *problem)
{
    if (run_watch_signals(run, problem) != 0 ||
        run_plan_sockets(run, problem) != 0 || watch_log(run, problem) != 0 ||
        net_start(problem) != 0)
        return problem->code;
    run->printer = printer_open(&run->settings, run->dir, problem);
    if (!run->printer)
        return problem->code;
    printer_on_write(run->printer, clear_bar, run);
    if (run_notify_open(run, problem) != 0)
        return problem->code;
    if (run->notify)
        printer_on_record(run->printer, run_notify_record, run->notify);
    run->ask = ask_open(run->endpoint, problem);
    if (!run->ask)
        return problem->code;
    run->supervisor.settings = &run->settings;
    run->supervisor.dir = run->dir;
    run->supervisor.endpoint = run->endpoint;
    run->supervisor.talk = clear_bar;
    run->supervisor.context = run;
    if (run_page_open(run, problem) != 0)
        return problem->code;
    return supervisor_open(&run->supervisor, problem);
}

static void stop(struct run *run, int number, const char *why)
{
    char grace[32];
    const int64_t now_ms = clock_monotonic_ms();
    if (run->signal == 0) {
        run->signal = number;
        run->signal_ms = now_ms;
        run_input_close(&run->input);
        supervisor_drain(&run->supervisor);
        snprintf(grace, sizeof grace, "%g",
                 (double)run->settings.grace_ms / 1000.0);
        progress_clear(run);
        fprintf(stderr,
                "fan run: %s: nothing new is started, what runs has %s s to "
                "end%s\n",
                why, grace, number == SIGINT ? "; once more kills it" : "");
    } else if ((number == SIGINT || number == SIGTERM) &&
               now_ms - run->signal_ms > ONCE_MS) {
        progress_clear(run);
        fprintf(stderr, "fan run: %s again: killing what runs\n", why);
        supervisor_kill(&run->supervisor);
    }
}

static void take_signals(struct run *run)
{
    struct signalfd_siginfo info;
    while (read(run->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        const int number = (int)info.ssi_signo;
        if (number == SIGINT)
            stop(run, number, "interrupted");
        else if (number == SIGUSR1)
            stop(run, number, "the allocation ends");
        else if (number != SIGCHLD)
            stop(run, number, number == SIGHUP ? "hung up" : "terminated");
    }
}

static void copy_input(struct run *run)
{
    struct problem problem = {0};
    if (run_input_copy(&run->input, run->dir, &problem) == 0)
        return;
    complain(run, &problem);
    run_input_close(&run->input);
    run->input_failed = true;
    stop(run, SIGTERM, "without all of the input");
}

// Returns true when there is more to print at once.
static bool take_printed(struct run *run, enum printer_result result,
                         const struct problem *problem)
{
    switch (result) {
    case PRINTER_IDLE:
        return false;
    case PRINTER_MORE:
        return true;
    case PRINTER_CLOSED:
        run->unread = true;
        if (!run->supervisor.over)
            stop(run, SIGPIPE, "nobody reads the output any more");
        return true;
    case PRINTER_FAILED:
        break;
    }
    // Without standard output it goes on counting; what fails again is over.
    run->print_over = run->print_failed;
    if (!run->print_failed)
        complain(run, problem);
    run->print_failed = true;
    return !run->print_over;
}

static bool print(struct run *run)
{
    struct problem problem = {0};
    if (run->print_over)
        return false;
    const enum printer_result result = printer_turn(run->printer, &problem);
    return take_printed(run, result, &problem);
}

// Once: what looks like a run that hangs waits for a person.
static void tell_held(struct run *run)
{
    const struct ask_status *const status = &run->status;
    struct buffer quoted = {0};
    const bool waits = run->settings.held &&
                       strcmp(run->settings.held, "wait") == 0 &&
                       status->input_ended && status->held > status->decided &&
                       status->done + status->held >= status->read;
    if (!waits || run->held_told || run->settings.quiet) {
        run->held_told = run->held_told && waits;
        return;
    }
    run->held_told = true;
    progress_clear(run);
    const char *const dir = verb_quoted(&quoted, run->dir);
    fprintf(stderr,
            "%sfan: only held tasks are left, %" PRIu64 "; waiting for a "
            "decision: see  fan held %s\n",
            printer_left_line(run->printer) ? "\n" : "", status->held, dir);
    buffer_free(&quoted);
}

static void show(struct run *run, int64_t now_ms)
{
    const bool terminal = progress_is_terminal();
    const int64_t every_ms = terminal ? PROGRESS_BAR_MS : PROGRESS_LINE_MS;
    const int64_t ask_ms = terminal ? ASK_MS : ASK_SLOW_MS;
    const bool starved =
        run->input.to >= 0 &&
        !run_input_wants(&run->input, run->status.input_offset);
    if (now_ms - run->asked_ms >= (starved ? ASK_MS : ask_ms)) {
        ask_send(run->ask, now_ms);
        run->asked_ms = now_ms;
    }
    if (run->settings.quiet)
        return;
    if (now_ms - run->shown_ms >= every_ms)
        progress_show(run, now_ms);
}

static int64_t least(int64_t left, int64_t right)
{
    return right >= 0 && right < left ? right : left;
}

// Has the ventilator read all that is there, and found no end of a line?
static bool is_starving(const struct run *run)
{
    const struct ask_status *const status = &run->status;
    return strcmp(status->state, "running") == 0 && !status->input_ended &&
           status->done == status->read;
}

static bool may_copy(struct run *run)
{
    struct run_input *const input = &run->input;
    if (run_input_wants(input, run->status.input_offset))
        return true;
    if (input->to < 0 || !is_starving(run))
        return false;
    if (input->copied - run->status.input_offset < LINE_COPY_MAX)
        return true;
    run_input_close(input);
    stop(run, SIGTERM, "the input has a line of over 1 GiB");
    return false;
}

// What is stored is printed in portions: at a thousand commits a second,
// waking for each would cost as much as the tasks.
static void wait_for(struct run *run, int64_t timeout_ms)
{
    char events[4096];
    const bool copies = may_copy(run);
    const int64_t rest_ms =
        run->woken_ms + PRINT_APART_MS - clock_monotonic_ms();
    const bool rests = rest_ms > 0;
    struct net_poll_item items[ITEMS] = {
        {.socket = ask_socket(run->ask), .want = NET_READ},
        {.fd = run->signal_fd, .want = NET_READ},
        {.fd = run->watch_fd, .want = rests ? 0 : NET_READ},
        {.fd = run->input.from, .want = NET_READ},
    };
    if (rests && rest_ms < timeout_ms)
        timeout_ms = rest_ms;
    net_poll(items, copies ? ITEMS : ITEMS - 1, timeout_ms);
    if (items[2].got)
        run->woken_ms = clock_monotonic_ms();
    while (!rests && read(run->watch_fd, events, sizeof events) > 0)
        ;
    take_signals(run);
    if (copies && items[ITEMS - 1].got && run->input.to >= 0)
        copy_input(run);
    if (ask_receive(run->ask)) {
        run->status = *ask_status(run->ask);
        progress_measure(run, clock_monotonic_ms());
        tell_held(run);
    }
}

static void loop(struct run *run)
{
    const bool looked_at = progress_is_terminal() && !run->settings.quiet;
    run->started_ms = run->shown_ms = clock_monotonic_ms();
    while (!run->supervisor.over) {
        const bool more = print(run);
        const int64_t now_ms = clock_monotonic_ms();
        const int64_t due_ms = supervisor_turn(&run->supervisor, now_ms);
        const int64_t hook_ms = run_notify_turn(run, now_ms);
        show(run, now_ms);
        int64_t wait_ms =
            least(looked_at || run->input.to >= 0 ? ASK_MS : TURN_MS, due_ms);
        wait_ms = least(wait_ms, hook_ms);
        if (!run->supervisor.over)
            wait_for(run, more ? 0 : wait_ms);
    }
}

// What the roles wrote last is printed, too.
static void finish_printing(struct run *run)
{
    struct problem problem = {0};
    while (print(run))
        ;
    if (run->print_over)
        return;
    const enum printer_result result = printer_finish(run->printer, &problem);
    take_printed(run, result, &problem);
}

// The run is over: a signal can only be about the hooks.
bool run_is_told_to_end(struct run *run)
{
    struct signalfd_siginfo info;
    bool told = false;
    while (read(run->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        told = told || info.ssi_signo != SIGCHLD;
    return told;
}

void run_wait_for_child(struct run *run, int64_t most_ms)
{
    struct net_poll_item item = {.fd = run->signal_fd, .want = NET_READ};
    net_poll(&item, 1, most_ms);
}

static const char TOO_LONG[] = "took longer than 10 s after the run's end";

// What is still to be told of has some seconds, so that it does not hold up
// the end for long.
static void finish_notifying(struct run *run)
{
    const int64_t until_ms = clock_monotonic_ms() + NOTIFY_END_MS;
    bool gives_up = run->supervisor.killed;
    for (;;) {
        const int64_t now_ms = clock_monotonic_ms();
        (void)supervisor_turn(&run->supervisor, now_ms);
        if (gives_up || now_ms >= until_ms)
            run_notify_give_up(run,
                               gives_up ? "was killed with the run" : TOO_LONG);
        const int64_t due_ms = run_notify_turn(run, now_ms);
        if (run_notify_is_over(run) || now_ms >= until_ms + KILLED_MS)
            break;
        const int64_t left_ms =
            now_ms < until_ms ? until_ms - now_ms : KILLED_MS;
        run_wait_for_child(run, least(left_ms, due_ms));
        gives_up = run_is_told_to_end(run) || gives_up;
    }
    supervisor_sweep(&run->supervisor);
}

static int exit_of(const struct run *run)
{
    const int exit = run->supervisor.exit;
    if (run->input_failed)
        return EXIT_ERROR;
    if (exit >= 128 && run->signal != 0)
        return 128 + run->signal;
    if (exit == EXIT_OK && run->unread)
        return 128 + SIGPIPE;
    return exit == EXIT_OK && run->print_failed ? EXIT_ERROR : exit;
}

static int go(struct run *run)
{
    loop(run);
    // It takes the kernel some 10 ms: while the roles leave.
    if (run->watch_fd >= 0)
        close(run->watch_fd);
    run->watch_fd = -1;
    progress_clear(run);
    supervisor_close(&run->supervisor);
    finish_printing(run);
    finish_notifying(run);
    progress_clear(run);
    const int exit = exit_of(run);
    if (!run->settings.quiet && exit != EXIT_USAGE && exit != EXIT_DAMAGED)
        progress_summary(run, exit, clock_monotonic_ms());
    return exit;
}

static int run_all(struct run *run, int argc, char **argv)
{
    struct problem problem = {0};
    int exit = EXIT_ERROR;
    bool ran = false;
    int error = run_plan_open(run, &problem);
    if (!error && run->settings.dry_run) {
        exit = run_plan_dry(run, argc, argv, &problem);
        error = problem.code;
    } else if (!error) {
        error = run_plan_write(run, argc, argv, &problem);
        if (!error)
            run_plan_note_exit(run, -1);
        if (!error)
            error = open_run(run, &problem);
        if (!error)
            exit = go(run);
        ran = !error && exit != EXIT_USAGE;
    }
    if (error)
        exit = verb_fail(FOR_RUN, &problem);
    if (ran)
        run_plan_note_exit(run, exit);
    run_plan_close(run, !ran);
    if (ran) // the directory is free again, also for another `fan run`
        run_done(run, exit);
    return exit;
}

int run_one(struct run *run, int argc, char **argv)
{
    const int exit = run_all(run, argc, argv);
    ask_close(&run->ask);
    run_notify_close(run);
    printer_close(&run->printer);
    if (run->signal_fd > 0)
        net_stop();
    if (run->signal_fd > 0)
        close(run->signal_fd);
    if (run->watch_fd > 0)
        close(run->watch_fd);
    return exit;
}

int verb_run(int argc, char **argv)
{
    struct run *const run = calloc(1, sizeof *run);
    if (!run) {
        fprintf(stderr, "fan run: out of memory\n");
        return EXIT_ERROR;
    }
    int exit = verb_open(&run->settings, FOR_RUN, argc, argv);
    if (exit == VERB_GO)
        exit = run_stages(run, argc, argv);
    if (exit == RUN_NO_STAGES)
        exit = run_one(run, argc, argv);
    settings_clear(&run->settings);
    free(run);
    return exit;
}
