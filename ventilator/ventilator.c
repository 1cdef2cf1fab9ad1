#include "ventilator/ventilator.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/setting/plan.h"
#include "common/setting/rule.h"
#include "ventilator/role.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    WINDOW_TASKS = 65536,
    WINDOW_BYTES = 64 << 20,
    PRIORITY_TASKS = 1 << 20, // over so many the order is kept
    PRIORITY_BYTES = 256 << 20,
    LONE_DEATHS_MAX = 3,
    PREFETCH_MS = 50,
    BAR_MS = 300000,    // of a host at first
    HIGH_WATER = 1000,  // messages under way to and from each peer
    FAREWELL_MS = 5000, // for the BYEs
    END_AGAIN_MS = 500,
};

static bool waits_for_decisions(const struct settings *set)
{
    return set->held && strcmp(set->held, "wait") == 0;
}

static int make_tracker(struct role *role)
{
    const struct settings *set = role->settings;
    // An edited input's numbers have gaps that never fill.
    const bool in_order = set->keep_order && !set->input_token;
    const struct tracker_limits limits = {
        .window_tasks = set->priority ? PRIORITY_TASKS : WINDOW_TASKS,
        .window_bytes = set->priority ? PRIORITY_BYTES : WINDOW_BYTES,
        .priorities = set->priority,
        .order_window = in_order ? set->order_window : 0,
        .losses_max = set->max_losses,
        .lone_deaths_max = LONE_DEATHS_MAX,
        .prefetch_ms = PREFETCH_MS,
        .heartbeat_ms = set->heartbeat_ms,
        .liveness_ms = set->liveness_ms,
        .rejoin_ms = set->rejoin_ms,
        .workers_max = WORKERS_MAX,
        .speculate = set->speculate,
        .bar_ms = BAR_MS,
        .held_wait = waits_for_decisions(set)};
    struct policy policy;
    settings_policy(set, &policy);
    role->tracker = tracker_create(&limits, &policy, role->now_ms);
    return role->tracker ? 0
                         : problem_set(role->problem, -ENOMEM, "out of memory");
}

static void read_generation(struct role *role)
{
    char path[4096], text[32] = "";
    snprintf(path, sizeof path, "%s/generation", role->dir);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fgets(text, sizeof text, file))
        role->generation_known = (uint32_t)strtoul(text, NULL, 10);
    fclose(file);
}

static int identify(struct role *role)
{
    const char *id = role->settings->run_id;
    int error = id ? id128_parse(id, &role->run) : id128_random(&role->run);
    if (!error)
        error = id128_random(&role->incarnation);
    return error ? problem_set(role->problem, error,
                               "the run id in the plan is not 32 hex digits")
                 : 0;
}

static bool same_fingerprints(const struct texts *left,
                              const struct texts *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++)
        if (strcmp(left->at[i], right->at[i]) != 0)
            return false;
    return true;
}

static int check_input(struct role *role)
{
    struct texts now = {0};
    int error = plan_fingerprints(role->settings, &now, role->problem);
    if (!error && role->settings->fingerprints.count > 0 &&
        !same_fingerprints(&now, &role->settings->fingerprints))
        error = problem_set(role->problem, -ESTALE,
                            "the input has changed since the run was planned: "
                            "nothing was started");
    texts_free(&now);
    return error;
}

static int take_lock(struct role *role)
{
    role->lock = files_lock(role->dir, "lock.ventilator");
    if (role->lock == -EAGAIN)
        return problem_set(role->problem, -EAGAIN,
                           "another ventilator is at work in '%s'", role->dir);
    if (role->lock < 0)
        return problem_set(role->problem, role->lock, "cannot use '%s': %s",
                           role->dir, strerror(-role->lock));
    return 0;
}

// Before any thread is started, so that all of them block the two.
static int open_signals(struct role *role)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &stop, NULL) == 0)
        role->signal_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    if (role->signal_fd < 0)
        return problem_set(role->problem, -errno, "cannot watch signals: %s",
                           strerror(errno));
    return 0;
}

static int open_ends(struct role *role)
{
    role->ends_fd = epoll_create1(EPOLL_CLOEXEC);
    return role->ends_fd >= 0
               ? 0
               : problem_set(role->problem, -errno,
                             "cannot watch processes: %s", strerror(errno));
}

static int open_role(struct role *role)
{
    // What a peer sends faster than it is read, or never reads, is bounded;
    // what is not sent for that is said again, as after a lost connection.
    const struct net_options options = {.linger_ms = 1000,
                                        .message_max = WIRE_CONTROL_MAX,
                                        .high_water = HIGH_WATER};
    const char *endpoint = role->settings->endpoint;
    if (!endpoint)
        return problem_exit(role->problem, EXIT_USAGE, -EINVAL,
                            "give the endpoint to listen at, such as "
                            "tcp://127.0.0.1:7700");
    halt_parse(role->settings->halt, &role->halt); // input_open checks it
    if (open_signals(role) != 0 || open_ends(role) != 0 ||
        net_start(role->problem) != 0 || take_lock(role) != 0 ||
        identify(role) != 0 || check_input(role) != 0 ||
        input_open(role) != 0 || make_tracker(role) != 0)
        return -1;
    read_generation(role);
    role->control = net_bind(NET_ROUTER, endpoint, &options, role->problem);
    return role->control ? 0 : -1;
}

// The copied input that may have grown when its descriptor says so.
static struct source *growing_source(struct role *role)
{
    struct source *source = resume_waits_for(role);
    if (!source && role->input.later)
        source = role->input.front;
    return source && source_fd(source) >= 0 ? source : NULL;
}

static void take_signals(struct role *role)
{
    struct signalfd_siginfo info;
    while (read(role->signal_fd, &info, sizeof info) == sizeof info)
        if (role->stops++ == 0)
            role->signal = (int)info.ssi_signo;
}

static void wait_and_receive(struct role *role, int64_t timeout_ms)
{
    enum { LANES_MAX = 1024 };
    struct net_poll_item items[4 + LANES_MAX] = {
        {.socket = role->control, .want = NET_READ},
        {.fd = role->signal_fd, .want = NET_READ},
        {.fd = role->ends_fd, .want = NET_READ},
    };
    const struct net_poll_item *const ends = &items[2];
    unsigned owners[4 + LANES_MAX] = {0};
    size_t count = 3;
    struct source *growing = growing_source(role);
    if (growing)
        items[count++] =
            (struct net_poll_item){.fd = source_fd(growing), .want = NET_READ};
    const size_t lanes = count;
    for (unsigned i = 1; i <= role->peer_top && count < LANES_MAX; i++) {
        const struct peer *peer = &role->peers[i];
        if (!peer->lane || peer->frame_sent == peer->frame_count)
            continue;
        owners[count] = i;
        items[count++] =
            (struct net_poll_item){.socket = peer->lane, .want = NET_WRITE};
    }
    net_poll(items, count, timeout_ms);
    role->now_ms = clock_monotonic_ms();
    if (growing)
        source_fd_clear(growing);
    take_signals(role);
    role_receive(role);
    for (size_t i = lanes; i < count; i++)
        if (items[i].got && role->peers[owners[i]].lane)
            peer_flush(&role->peers[owners[i]]);
    if (ends->got)
        peers_watch_ends(role);
}

// `fan run` was killed: what it started ends, too, and waits for nobody.
static bool is_orphan(void)
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets the environment
    const char *const supervisor = getenv("FAN_SUPERVISOR");
    return supervisor && getppid() != (pid_t)strtol(supervisor, NULL, 10);
}

// What an earlier ventilator did counts as failed until it is done again, but
// not towards so many successes, and what it held does not count: a run that
// halted for these can be resumed.
static void halt_if_due(struct role *role)
{
    struct tracker_counts counts;
    if (role->halt.of == HALT_NEVER || role->halting ||
        !tracker_is_synced(role->tracker))
        return;
    tracker_counts(role->tracker, &counts);
    const uint64_t *const by = counts.by_status;
    uint64_t done = 0;
    for (size_t i = 0; i < STATUSES; i++)
        done += by[i];
    if (!role->halt_watched) {
        role->halt_watched = true;
        role->halt_held = counts.held;
        if (role->halt.of == HALT_SUCCESS)
            role->halt.count += by[STATUS_OK];
        else if (role->halt.of == HALT_DONE)
            role->halt.count += done;
    }
    const uint64_t held =
        counts.held > role->halt_held ? counts.held - role->halt_held : 0;
    role->halting =
        halt_is_due(&role->halt, by[STATUS_OK],
                    by[STATUS_FAILED] + by[STATUS_QUARANTINED] + held,
                    role->halt.of == HALT_FAIL ? done + held : done);
    if (role->halting)
        log_event(LOG_INFO, "halting", "halt=%s", role->settings->halt);
}

// What runs may end: within the grace time after a signal, at its leisure after
// a halt, not at all after a second signal or a halt that says now.
static void drain_if_asked(struct role *role)
{
    if (role->stops == 0 && !role->halting)
        return;
    if (role->stops > 0 && role->stopping_since_ms == 0)
        role->stopping_since_ms = role->now_ms;
    if (!role->draining) {
        role->draining = true;
        tracker_drain(role->tracker);
    }
    const bool patience_over =
        role->stops > 0 &&
        role->now_ms - role->stopping_since_ms > role->settings->grace_ms;
    if (role->stops > 1 || patience_over || (role->halting && role->halt.now) ||
        tracker_is_idle(role->tracker) || is_orphan())
        role_end(role, END_DRAINED,
                 role->stops > 0 ? 128 + role->signal : EXIT_HALTED);
}

static bool all_said_bye(const struct role *role)
{
    for (unsigned i = 1; i <= role->peer_top; i++)
        if (role->peers[i].used && !role->peers[i].bye)
            return false;
    return !role->sink_there || role->sink_bye;
}

// END is said again: it may have been lost with a connection.
static void say_farewell(struct role *role)
{
    const int64_t until_ms = role->now_ms + FAREWELL_MS;
    int64_t again_ms = role->now_ms + END_AGAIN_MS;
    while (!all_said_bye(role) && role->now_ms < until_ms && !is_orphan()) {
        wait_and_receive(role, again_ms - role->now_ms);
        if (role->now_ms < again_ms)
            continue;
        role_say_end(role);
        again_ms = role->now_ms + END_AGAIN_MS;
    }
}

static bool may_read_on(const struct role *role)
{
    if (resume_is_matching(role))
        return resume_reads_on(role);
    return tracker_wants(role->tracker, CURSOR_REDO) ||
           (!role->input.later && tracker_wants(role->tracker, CURSOR_FRONT));
}

static void loop(struct role *role)
{
    int64_t wait_ms = 0;
    while (!role->ending) {
        wait_and_receive(role, wait_ms);
        if (resume_is_matching(role))
            resume_pump(role);
        else
            input_pump(role);
        if (!resume_is_matching(role) && may_read_on(role))
            tracker_reads_on(role->tracker);
        wait_ms = tracker_turn(role->tracker, role->now_ms);
        role_act(role);
        halt_if_due(role);
        drain_if_asked(role);
        fitting_watch(role);
        if (role->roster_due_ms != 0 && role->now_ms >= role->roster_due_ms)
            role_watch_roster(role);
        if (may_read_on(role))
            wait_ms = 0;
        if ((role->draining || role->roster_due_ms != 0) && wait_ms > ROSTER_MS)
            wait_ms = ROSTER_MS;
    }
    if (!role->fenced)
        say_farewell(role);
}

// A run that is cut short has tasks that it has read and not finished.
static void free_payloads(struct role *role)
{
    struct tracker_action action;
    if (!role->tracker)
        return;
    tracker_give_up(role->tracker);
    while (tracker_next(role->tracker, &action))
        for (size_t i = 0; action.kind == ACTION_FORGET && i < action.count;
             i++)
            payload_free(&role->input.payloads, action.payloads[i]);
}

static void close_role(struct role *role)
{
    free_payloads(role);
    for (unsigned i = 1; i <= role->peer_top; i++)
        if (role->peers[i].used)
            peer_close(role, i);
    net_close(&role->control);
    if (role->input.front)
        input_close(role);
    resume_close(role);
    tracker_destroy(&role->tracker);
    if (role->lock >= 0)
        close(role->lock);
    if (role->signal_fd >= 0)
        close(role->signal_fd);
    if (role->ends_fd >= 0)
        close(role->ends_fd);
    buffer_free(&role->end);
    buffer_free(&role->out);
    buffer_free(&role->scratch);
}

int ventilator_serve(const struct settings *settings, struct problem *problem)
{
    struct role *role = calloc(1, sizeof *role);
    if (!role) {
        problem_set(problem, -ENOMEM, "out of memory");
        return EXIT_ERROR;
    }
    role->lock = role->signal_fd = role->ends_fd = -1;
    role->settings = settings;
    role->dir = settings->dir ? settings->dir : ".";
    role->problem = problem;
    role->started_ms = role->now_ms = clock_monotonic_ms();
    int exit = EXIT_ERROR;
    if (open_role(role) == 0) {
        log_event(LOG_INFO, "listening", "endpoint=%s",
                  net_endpoint(role->control));
        loop(role);
        exit = role->exit;
    } else {
        exit = problem->exit ? (int)problem->exit : EXIT_ERROR;
    }
    close_role(role);
    net_stop();
    free(role);
    return exit;
}

int ventilator_dry_run(const struct settings *settings, struct problem *problem)
{
    struct role *role = calloc(1, sizeof *role);
    if (!role) {
        problem_set(problem, -ENOMEM, "out of memory");
        return EXIT_ERROR;
    }
    role->settings = settings;
    role->dir = settings->dir ? settings->dir : ".";
    role->problem = problem;
    uint64_t count = 0;
    struct source_task task;
    struct wire_command command;
    enum source_result result = SOURCE_ERROR;
    struct buffer line = {0};
    if (input_open(role) == 0)
        while ((result = source_next(role->input.front, &task, problem)) ==
                   SOURCE_TASK ||
               result == SOURCE_NONE) {
            if (result == SOURCE_NONE)
                continue;
            const struct template_task expanded = {
                .task = task.place.ordinal,
                .seed = template_seed(settings->seed, task.place.ordinal),
                .values = task.values,
                .value_count = task.value_count,
                .whole = task.whole,
                .input = task.input};
            buffer_clear(&role->scratch);
            buffer_clear(&line);
            if (template_expand(role->input.template, &expanded, &role->scratch,
                                problem) != 0 ||
                !wire_get_command(buffer_span(&role->scratch), &command))
                break;
            command_text(&command, 0, &line);
            buffer_append_text(&line, "\n");
            fwrite(line.at, 1, line.size, stdout);
            count++;
        }
    int exit =
        result == SOURCE_END || result == SOURCE_LATER ? EXIT_OK : EXIT_ERROR;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        exit = errno == EPIPE ? 128 + SIGPIPE : EXIT_ERROR;
        if (errno != EPIPE) // who has read enough is no error to talk of
            problem_set(problem, -errno, "cannot write to standard output: %s",
                        strerrordesc_np(errno));
    } else if (exit == EXIT_OK) {
        fprintf(stderr, "fan: %llu tasks\n", (unsigned long long)count);
    }
    buffer_free(&line);
    if (role->input.front)
        input_close(role);
    buffer_free(&role->scratch);
    free(role);
    return exit;
}
