/* fan-page - serves a page about a run: how it goes, what failed, and buttons
 * for what a person has to decide. `fan run --http` starts it beside the run,
 * `fan page` by hand for any run. */
#include "command/listen.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/net/net.h"
#include "common/setting/plan.h"
#include "page/page.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    PROGRAM = FOR_PAGE,
    ITEMS = 4,
    READ_EVERY_MS = 250,
    PUBLISH_EVERY_MS = 500,
    BEAT_EVERY_MS = 10000,
    WATCHED_MS = 60000, // after the last request
    WAIT_MS = 20,       // while somebody is waiting for an answer
    IDLE_MS = 1000,
    RESTS = 4, // times as long as it has read
    RESTS_WANTED = 50,
    DECISION_MS = 300,
    FAREWELL_MS = 500,  // at most, to read what is left of the log,
    FAREWELL_PART = 20, // and this part of the time it was up
    NICENESS = 19,      // tasks come first
};

static int watch_signals(struct page *page, struct problem *problem)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        page->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signal(SIGPIPE, SIG_IGN);
    return page->signal_fd >= 0
               ? 0
               : problem_set(problem, -errno, "cannot watch for signals: %s",
                             strerrordesc_np(errno));
}

static void take_signals(struct page *page)
{
    struct signalfd_siginfo info;
    while (read(page->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (page->signal == 0)
            page->signal = (int)info.ssi_signo;
}

static bool is_watched(const struct page *page, int64_t now_ms)
{
    const int64_t asked_ms = server_asked_ms(page->server);
    return server_streams(page->server) > 0 ||
           (asked_ms != 0 && now_ms - asked_ms < WATCHED_MS);
}

static int64_t cpu_us(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

// While tasks run it rests for a multiple of what reading took, the more where
// somebody else wanted the CPU: the page may lag, the run may not.
static int read_on(struct page *page, struct problem *problem)
{
    const int64_t began_us = clock_monotonic_us(), cpu_before_us = cpu_us();
    const int more = watch_read(page->watch, problem);
    const int64_t took_us = clock_monotonic_us() - began_us;
    const int64_t used_us = cpu_us() - cpu_before_us;
    const bool wanted = 10 * used_us < 9 * took_us;
    page->rest_ms = clock_monotonic_ms();
    if (watch_state(page->watch) == WATCH_LIVE)
        page->rest_ms += (wanted ? RESTS_WANTED : RESTS) * used_us / 1000;
    if (more < 0)
        return more;
    page->behind = more > 0;
    if (!page->behind)
        page->read_ms = clock_monotonic_ms();
    return 0;
}

static int look(struct page *page, int64_t now_ms, struct problem *problem)
{
    const bool waiting = server_is_awaited(page->server);
    const bool due =
        page->behind || waiting || now_ms - page->read_ms >= READ_EVERY_MS;
    if (due && now_ms >= page->rest_ms && read_on(page, problem) < 0)
        return problem->code;
    const bool live = watch_state(page->watch) == WATCH_LIVE;
    if (watch_ask(page->watch, now_ms, waiting)) {
        page->fresh_ms = clock_monotonic_ms();
        page->changed = true;
    }
    if (live != (watch_state(page->watch) == WATCH_LIVE))
        page->changed = true;
    return 0;
}

static void publish(struct page *page, int64_t now_ms)
{
    struct buffer text = {0};
    page->changed = false;
    page->shown = watch_view(page->watch)->records;
    page->published_ms = now_ms;
    if (page_put_state(page, now_ms, &text) == 0)
        server_publish(page->server, &text);
    buffer_free(&text);
}

static void tell(struct page *page, int64_t now_ms)
{
    if (now_ms - page->beat_ms >= BEAT_EVERY_MS) {
        page->beat_ms = now_ms;
        server_beat(page->server);
    }
    if (server_streams(page->server) > 0 &&
        now_ms - page->published_ms >= PUBLISH_EVERY_MS &&
        (page->changed || page->shown != watch_view(page->watch)->records))
        publish(page, now_ms);
}

static void wait_for(struct page *page, int64_t now_ms)
{
    const int64_t due_ms = server_due_ms(page->server);
    int64_t wait_ms = server_is_awaited(page->server) ? WAIT_MS
                      : is_watched(page, now_ms)      ? READ_EVERY_MS
                                                      : IDLE_MS;
    struct net_poll_item items[ITEMS] = {
        {.fd = server_fd(page->server), .want = NET_READ},
        {.fd = page->signal_fd, .want = NET_READ},
        {.fd = page->decision.said_fd, .want = NET_READ},
        {.socket = watch_socket(page->watch), .fd = -1, .want = NET_READ},
    };
    size_t count = ITEMS - 2;
    if (page->decision.said_fd >= 0)
        count++;
    if (watch_socket(page->watch))
        items[count++] = items[ITEMS - 1];
    if (due_ms >= 0 && due_ms < wait_ms)
        wait_ms = due_ms;
    const int64_t rest_ms = page->rest_ms > now_ms ? page->rest_ms - now_ms : 0;
    if (page->behind && rest_ms < wait_ms)
        wait_ms = rest_ms;
    net_poll(items, count, wait_ms);
    take_signals(page);
}

// The decision may be what has ended the run.
static void await_decision(struct page *page)
{
    const int64_t until_ms = clock_monotonic_ms() + DECISION_MS;
    while (page->decision.pid != 0 && clock_monotonic_ms() < until_ms) {
        struct net_poll_item item = {.fd = page->decision.said_fd,
                                     .want = NET_READ};
        net_poll(&item, 1, WAIT_MS);
        decision_turn(&page->decision);
    }
}

// What came last is seen by those who watch; but who waits for the end of the
// run does not wait for much more.
static void take_leave(struct page *page)
{
    struct problem problem = {0};
    int64_t now_ms = clock_monotonic_ms();
    const int64_t part_ms = (now_ms - page->began_ms) / FAREWELL_PART;
    const int64_t until_ms =
        now_ms + (part_ms < FAREWELL_MS ? part_ms : FAREWELL_MS);
    await_decision(page);
    page->leaving = true;
    if (server_streams(page->server) == 0 && !server_is_awaited(page->server))
        return;
    while (watch_read(page->watch, &problem) > 0 && now_ms < until_ms)
        now_ms = clock_monotonic_ms();
    watch_last(page->watch);
    publish(page, now_ms);
    for (int i = 0; i < 3; i++) {
        struct net_poll_item item = {.fd = server_fd(page->server),
                                     .want = NET_READ};
        server_turn(page->server);
        net_poll(&item, 1, 1);
    }
}

static int loop(struct page *page, struct problem *problem)
{
    page->began_ms = clock_monotonic_ms();
    while (page->signal == 0) {
        const int64_t now_ms = clock_monotonic_ms();
        if (is_watched(page, now_ms) && look(page, now_ms, problem) < 0)
            return problem->code;
        decision_turn(&page->decision);
        tell(page, now_ms);
        server_turn(page->server);
        wait_for(page, now_ms);
    }
    take_leave(page);
    return 0;
}

// Names of this host, besides the one typed, by which others may call it.
static void know_names(struct guard *guard, const struct listening *listening)
{
    const struct addrinfo wanted = {.ai_flags = AI_CANONNAME};
    struct addrinfo *found = NULL;
    snprintf(guard->names[0], GUARD_NAME_SIZE, "%s", listening->name);
    if (!listening->is_public ||
        gethostname(guard->names[1], GUARD_NAME_SIZE - 1) != 0)
        return;
    if (getaddrinfo(guard->names[1], NULL, &wanted, &found) != 0)
        return;
    if (found->ai_canonname)
        snprintf(guard->names[2], GUARD_NAME_SIZE, "%s", found->ai_canonname);
    freeaddrinfo(found);
}

// `fan run` has opened the socket, and told of it.
static bool is_given(int *fd)
{
    uint64_t number;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    const char *const text = getenv(LISTEN_FD_NAME);
    if (!text || parse_count(text, 3, INT_MAX, &number) != 0)
        return false;
    *fd = (int)number;
    return fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0;
}

static int open_server(struct page *page, const struct settings *settings,
                       struct problem *problem)
{
    struct guard guard = {.token = ""};
    char token[ID128_TEXT_SIZE] = "";
    struct listening listening = {.fd = -1};
    int error = listen_token(page->dir, token);
    if (error)
        return problem_set(problem, error, "cannot draw a token: %s",
                           strerrordesc_np(-error));
    const char *const where = settings->http ? settings->http : LISTEN_DEFAULT;
    const bool given = is_given(&listening.fd);
    error = given ? listen_describe(listening.fd, where, &listening, problem)
                  : listen_open(where, &listening, problem);
    if (error)
        return error;
    snprintf(guard.token, sizeof guard.token, "%s", token);
    know_names(&guard, &listening);
    page->server =
        server_open(listening.fd, &guard, page_answer, page, problem);
    if (!page->server)
        return problem->code;
    if (!given)
        listen_tell(&listening, token);
    return 0;
}

static int read_plan(struct page *page, struct problem *problem)
{
    char path[RUNDIR_PATH_SIZE + sizeof PLAN_FILE + 1];
    snprintf(path, sizeof path, "%s/%s", page->dir, PLAN_FILE);
    return settings_read_yaml(&page->plan, IN_PLAN, path, problem);
}

static int find(struct page *page, const struct settings *settings,
                struct problem *problem)
{
    char dir[RUNDIR_PATH_SIZE], whole[PATH_MAX];
    int error = rundir_find(settings, dir, problem);
    if (!error)
        error = rundir_check(dir, problem);
    if (error)
        return error;
    snprintf(page->dir, sizeof page->dir, "%s",
             realpath(dir, whole) ? whole : dir);
    return rundir_has(page->dir, PLAN_FILE) ? read_plan(page, problem) : 0;
}

static int serve(struct page *page, const struct settings *settings,
                 struct problem *problem)
{
    int error = find(page, settings, problem);
    if (!error)
        error = watch_signals(page, problem);
    if (!error)
        error = open_server(page, settings, problem);
    if (!error)
        error = net_start(problem);
    if (error)
        return error;
    (void)setpriority(PRIO_PROCESS, 0, NICENESS);
    page->watch = watch_open(page->dir, problem);
    error = page->watch ? loop(page, problem) : problem->code;
    return error;
}

static int run(const struct settings *settings)
{
    struct problem problem = {0};
    struct page *const page = calloc(1, sizeof *page);
    if (!page) {
        fprintf(stderr, "fan page: out of memory\n");
        return EXIT_ERROR;
    }
    page->signal_fd = page->decision.said_fd = -1;
    settings_init(&page->plan);
    int exit = EXIT_OK;
    if (serve(page, settings, &problem) != 0)
        exit = verb_fail(PROGRAM, &problem);
    else if (page->signal != 0)
        exit = 128 + page->signal;
    server_close(&page->server);
    watch_close(&page->watch);
    net_stop();
    decision_close(&page->decision);
    settings_clear(&page->plan);
    free(page);
    return exit;
}

int main(int argc, char **argv)
{
    struct settings settings;
    files_open_standard();
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = run(&settings);
    settings_clear(&settings);
    return exit;
}
