#include "worker/worker.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    HELLO_MS = 1000,
    ENOUGH = 256,       // results to be told of without further delay
    TELL_APART_MS = 10, // but at once when a slot idles
    PAUSE_MS = 1000,    // a turn so late: we were stopped, not the peer
    STORE_MS = 10000,   // a leaving worker waits so long for the sink
    LINGER_MS = 1000,
};

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGQUIT};
    // nohup(1) ignores it; a signal that is watched would come all the same.
    struct sigaction hangup = {0};
    (void)sigaction(SIGHUP, NULL, &hangup);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (signals[i] != SIGHUP || hangup.sa_handler != SIG_IGN)
            sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

// Before it dials: what is wrong ends the run before a task.
static int load_plugin(struct worker *worker, struct problem *problem)
{
    worker->own_plugin = strdup(worker->settings->plugin);
    if (!worker->own_plugin)
        return problem_set(problem, -ENOMEM, "out of memory");
    if (worker->settings->isolate)
        return worker_isolate(worker, worker->own_plugin, problem);
    worker->code = plugin_load(worker->own_plugin, problem);
    return problem->code;
}

static int set_up(struct worker *worker, struct problem *problem)
{
    int code = id128_random(&worker->incarnation);
    if (stock_open(&worker->stock, worker->settings, problem) < 0)
        return problem->code;
    worker->slots = slots_create(settings_slots(worker->settings));
    worker->retain = retain_create(worker->settings->retain_max);
    worker->signal_fd = open_signals();
    if (code == 0 && (!worker->slots || !worker->retain))
        code = -ENOMEM;
    if (code == 0 && worker->signal_fd < 0)
        code = worker->signal_fd;
    if (code < 0)
        return problem_set(problem, code, "cannot start: %s",
                           strerrordesc_np(-code));
    if (worker->settings->plugin && load_plugin(worker, problem) < 0)
        return problem->code;
    worker->process = process_self();
    if (gethostname(worker->host, sizeof worker->host - 1) < 0)
        worker->host[0] = '\0';
    const struct net_options options = {.message_max = WIRE_CONTROL_MAX,
                                        .linger_ms = LINGER_MS,
                                        .heartbeat_ms = HELLO_MS};
    worker->control =
        net_connect(NET_DEALER, worker->settings->endpoint, &options, problem);
    return worker->control ? 0 : problem->code;
}

struct worker *worker_create(struct settings *settings, pid_t parent,
                             struct problem *problem)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    worker->settings = settings;
    worker->parent = parent;
    worker->signal_fd = -1;
    worker->next_push = 1;
    worker->heartbeat_ms = 1000;
    worker->liveness_ms = 5000;
    worker->end_reason = END_ABORTED;
    if (set_up(worker, problem) < 0)
        worker_destroy(&worker);
    return worker;
}

void worker_destroy(struct worker **worker)
{
    struct worker *gone = *worker;
    if (!gone)
        return;
    exec_destroy(&gone->exec);
    coprocess_destroy(&gone->coprocess);
    if (!gone->stuck) {
        plugin_destroy(&gone->plugin);
        plugin_code_free(&gone->code);
        slots_destroy(&gone->slots);
    }
    if (gone->isolate)
        isolate_clear(gone->isolate);
    free(gone->isolate);
    free(gone->own_plugin);
    retain_destroy(&gone->retain);
    stock_close(&gone->stock);
    texts_free(&gone->gpus);
    net_close(&gone->lane);
    net_close(&gone->results);
    net_close(&gone->control);
    if (gone->signal_fd >= 0)
        close(gone->signal_fd);
    buffer_free(&gone->frame);
    buffer_free(&gone->batch);
    buffer_free(&gone->scratch);
    buffer_free(&gone->tag);
    free(gone->lane_endpoint);
    free(gone->results_endpoint);
    free(gone);
    *worker = NULL;
}

void worker_drain(struct worker *worker, int64_t now_ms)
{
    slots_drain(worker->slots);
    worker->drain = DRAIN_RUNNING;
    worker->grace_until_ms = now_ms + worker->settings->grace_ms;
    worker->changed = true;
}

bool worker_is_stuck(const struct worker *worker)
{
    return worker->stuck;
}

static bool is_orphan(const struct worker *worker)
{
    return worker->parent > 0 && getppid() != worker->parent;
}

// The first signal drains, the second kills; QUIT and a dead parent kill at
// once. One that was sent to the shepherd, which hands it on, and to us is one:
// each way is counted for itself.
static void take_signal(struct worker *worker, int number, bool handed_on,
                        int64_t now_ms)
{
    const bool again = ++worker->signals[handed_on] > 1;
    if (worker->signal != 0 && !again && number != SIGQUIT)
        return;
    worker->signal = worker->signal ? worker->signal : number;
    if (again || number == SIGQUIT || is_orphan(worker) ||
        !worker_is_prepared(worker)) {
        worker->phase = PHASE_LEAVING;
        worker->exit_code = 128 + worker->signal;
        return;
    }
    log_event(LOG_INFO, "draining", "signal=%d running=%u queued=%u", number,
              slots_running_count(worker->slots),
              slots_queued_count(worker->slots));
    worker_drain(worker, now_ms);
}

static void take_signals(struct worker *worker, int64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(worker->signal_fd, &info, sizeof info) == sizeof info)
        take_signal(worker, (int)info.ssi_signo,
                    (pid_t)info.ssi_pid == worker->parent, now_ms);
}

static void go_on_draining(struct worker *worker, int64_t now_ms)
{
    if (worker->drain == DRAIN_NO)
        return;
    if (slots_queued_count(worker->slots) > 0 && worker->phase == PHASE_WORKING)
        worker_return(worker, UINT32_MAX);
    if (worker->drain == DRAIN_RUNNING &&
        (slots_running_count(worker->slots) == 0 ||
         now_ms >= worker->grace_until_ms)) {
        worker->drain = DRAIN_STORING;
        worker->store_until_ms = now_ms + STORE_MS;
    }
    if (worker->drain != DRAIN_STORING)
        return;
    const bool stored =
        retain_kept(worker->retain) > retain_made(worker->retain);
    if (stored || now_ms >= worker->store_until_ms) {
        worker->end_reason = END_DRAINED;
        if (worker->signal != 0)
            worker->exit_code = 128 + worker->signal;
        worker->phase = PHASE_LEAVING;
    }
}

// Telling of a short command costs as much as the command; so when all slots
// are busy, one message tells of all that ended in a while.
static int tell_if_due(struct worker *worker, int64_t now_ms)
{
    const int64_t since_ms = now_ms - worker->told_ms;
    const bool idle =
        slots_queued_count(worker->slots) == 0 &&
        slots_running_count(worker->slots) < slots_count(worker->slots);
    const bool working = worker->phase == PHASE_WORKING;
    const bool due = idle || since_ms >= TELL_APART_MS || !working ||
                     worker->drain != DRAIN_NO;
    const int code = worker_flush(worker, due || worker->batch_count >= ENOUGH);
    if (code == 0 && working &&
        ((worker->changed && due) || since_ms >= worker->heartbeat_ms))
        worker_report(worker, now_ms);
    if (code == 0 && working)
        worker_tell_progress(worker, now_ms);
    return code;
}

// While it is greeting, HELLO is what shows that it lives.
// A ventilator that has just started may not be granted its generation yet, and
// what it says is then not heard: soon again, ever less often.
static void hello_again(struct worker *worker, int64_t now_ms)
{
    const int64_t most_ms =
        worker->heartbeat_ms < HELLO_MS ? worker->heartbeat_ms : HELLO_MS;
    const int64_t apart_ms = 2 * worker->hello_apart_ms;
    worker->hello_apart_ms = apart_ms < most_ms ? apart_ms : most_ms;
    worker_hello(worker, now_ms);
}

static void greet_if_due(struct worker *worker, int64_t now_ms)
{
    const int64_t silent_ms = now_ms - worker->heard_ms;
    const int64_t wait_ms = worker->settings->wait_ms;
    if (wait_ms > 0 && silent_ms >= wait_ms && worker->drain == DRAIN_NO) {
        worker_fail(worker, EXIT_UNREACHABLE,
                    "cannot reach the ventilator, or it does not answer");
        return;
    }
    const bool ask =
        worker->phase == PHASE_GREETING ||
        (worker->phase == PHASE_WORKING && silent_ms >= worker->liveness_ms);
    if (ask && now_ms - worker->hello_ms >= worker->hello_apart_ms)
        hello_again(worker, now_ms);
}

static int64_t sooner(int64_t wait_ms, int64_t other_ms)
{
    if (other_ms < 0)
        return wait_ms;
    return other_ms < wait_ms ? other_ms : wait_ms;
}

static int64_t wait_for(struct worker *worker, int64_t now_ms)
{
    int64_t wait_ms = worker->hello_apart_ms - (now_ms - worker->hello_ms);
    if (worker->phase == PHASE_WORKING) {
        wait_ms = worker->told_ms - now_ms +
                  (worker->changed ? TELL_APART_MS : worker->heartbeat_ms);
        wait_ms = wait_ms > 0 ? wait_ms : 0;
    }
    if (worker->drain == DRAIN_RUNNING)
        wait_ms = sooner(wait_ms, worker->grace_until_ms - now_ms);
    if (worker->next_start_ms > now_ms && slots_queued_count(worker->slots) > 0)
        wait_ms = sooner(wait_ms, worker->next_start_ms - now_ms);
    if (worker_is_held_back(worker))
        wait_ms = sooner(wait_ms, worker->guard.due_ms - now_ms);
    if (worker_is_prepared(worker))
        wait_ms = sooner(wait_ms, worker_execute_wait_ms(worker, now_ms));
    return wait_ms > 0 ? wait_ms : 0;
}

// With so many short tasks at hand the next message may wait for a turn that is
// due anyway.
static bool has_plenty(const struct worker *worker)
{
    enum { PLENTY = 4096 };
    return worker->plugin && slots_queued_count(worker->slots) >= PLENTY;
}

static int wait_for_something(struct worker *worker, int64_t now_ms)
{
    struct net_poll_item items[4] = {
        {.socket = worker->control, .want = NET_READ},
        {.fd = worker->signal_fd, .want = NET_READ},
    };
    size_t count = 2;
    if (worker_is_prepared(worker))
        items[count++] = (struct net_poll_item){.fd = worker_execute_fd(worker),
                                                .want = NET_READ};
    int64_t wait_ms = wait_for(worker, now_ms);
    if (has_plenty(worker))
        wait_ms = sooner(wait_ms, TELL_APART_MS);
    else if (worker->lane)
        items[count++] =
            (struct net_poll_item){.socket = worker->lane, .want = NET_READ};
    const int ready = net_poll(items, count, wait_ms);
    const int64_t late_ms = clock_monotonic_ms() - now_ms - wait_ms;
    if (late_ms > PAUSE_MS)
        worker->heard_ms += late_ms;
    return ready < 0 ? ready : 0;
}

static int turn(struct worker *worker, int64_t now_ms)
{
    take_signals(worker, now_ms);
    if (is_orphan(worker)) {
        worker->exit_code = EXIT_ERROR;
        worker->phase = PHASE_LEAVING;
    }
    if (net_reconnected(worker->control) && worker->phase == PHASE_WORKING)
        worker_greet_again(worker, now_ms);
    worker_hear_control(worker, now_ms);
    worker_hear_lane(worker);
    int code = 0;
    if (worker_is_prepared(worker) && worker->phase != PHASE_LEAVING)
        code = worker_execute(worker, now_ms);
    if (code == 0)
        code = tell_if_due(worker, now_ms);
    if (worker->phase == PHASE_LEAVING)
        return code;
    go_on_draining(worker, now_ms);
    greet_if_due(worker, now_ms);
    return code;
}

// Results of what is killed now are not told: it has not failed by itself.
static void leave(struct worker *worker)
{
    worker_kill(worker);
    if (!id128_is_zero(&worker->run))
        worker_bye(worker);
}

int worker_run(struct worker *worker, struct problem *problem)
{
    int code = 0;
    worker->heard_ms = clock_monotonic_ms();
    (void)slots_open_lane(worker->slots);
    worker->hello_apart_ms = HELLO_AGAIN_MS;
    worker_hello(worker, worker->heard_ms);
    while (code == 0) {
        const int64_t now_ms = clock_monotonic_ms();
        code = turn(worker, now_ms);
        if (worker->phase == PHASE_LEAVING)
            break;
        if (code == 0)
            code = wait_for_something(worker, clock_monotonic_ms());
    }
    if (code < 0) {
        problem_set(&worker->problem, code, "cannot go on: %s",
                    strerrordesc_np(-code));
        worker->exit_code = EXIT_ERROR;
    }
    leave(worker);
    if (worker->problem.code != 0)
        *problem = worker->problem;
    return worker->exit_code;
}
