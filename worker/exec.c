#include "worker/exec.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/exec_inside.h"
#include "worker/memory.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 128,
    READS_MAX = 16,       // of one stream in one turn, so that all get theirs
    GROUP_WAIT_MS = 1000, // for a killed group; what is stuck in the kernel
    GROUP_POLL_MS = 2,
    // What ends sooner is read when it has ended, all at once; but not where
    // the slot's last said so much.
    WATCH_MS = 2,
    WATCH_SIZE = EXEC_READ_SIZE / 2,
    BEGIN_WAIT_MS = 1000, // for a killed child that has not begun its program
    LIVE_POLL_MS = 10,
    KILLS_APART_MS = 1000,
    BUFFER_KEEP = 1 << 20, // memory a slot keeps from task to task
};

// Seven descriptors a command, while it starts.
static void raise_descriptors(uint32_t slots)
{
    struct rlimit limit;
    const rlim_t need = (rlim_t)slots * 7 + 128;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void free_all(struct exec *exec)
{
    for (uint32_t i = 0; i < exec->settings.slots; i++) {
        struct job *job = &exec->job[i];
        exec_shut(&job->launched.pidfd);
        exec_shut(&job->out.fd);
        exec_shut(&job->err.fd);
        exec_shut(&job->progress_fd);
        exec_shut(&job->progress_in);
        (void)launch_finish_files(&job->launched, false, job->note);
        launch_ground_close(&job->ground);
        buffer_free(&job->out.bytes);
        buffer_free(&job->err.bytes);
        buffer_free(&job->tag);
    }
    live_clear(&exec->live_out);
    live_clear(&exec->live_err);
    launcher_close(&exec->launcher);
    scratch_close(&exec->scratch);
    free(exec->done);
    exec_shut(&exec->epoll);
    free(exec);
}

// A full disk does not keep those from running that need no folder; who does
// finds that there is none.
static void open_scratch(struct exec *exec)
{
    struct problem problem = {0};
    exec->scratch =
        scratch_open(exec->settings.launch.run, exec->settings.slots, &problem);
    if (!exec->scratch)
        log_event(LOG_WARNING, "no-scratch", "FAN_DIR: %s; set TMPDIR",
                  problem.text);
}

struct exec *exec_create(const struct exec_settings *settings,
                         struct problem *problem)
{
    assert(settings->slots >= 1);
    struct exec *exec =
        calloc(1, sizeof *exec + settings->slots * sizeof exec->job[0]);
    if (!exec) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    exec->settings = *settings;
    exec->kills_ms = INT64_MIN / 2;
    exec->live_out.fd = STDOUT_FILENO;
    exec->live_err.fd = STDERR_FILENO;
    raise_descriptors(settings->slots);
    for (uint32_t i = 0; i < settings->slots; i++) {
        struct job *job = &exec->job[i];
        job->out.fd = job->err.fd = job->launched.pidfd = -1;
        job->launched.dir_fd = job->progress_fd = job->progress_in = -1;
        job->progress_ms = INT64_MAX;
    }
    int code = launcher_open(&exec->launcher, &exec->settings.launch);
    exec->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (exec->epoll < 0 && code == 0)
        code = -errno;
    exec->done = calloc(settings->slots, sizeof *exec->done);
    if (!exec->done && code == 0)
        code = -ENOMEM;
    if (code < 0) {
        problem_set(problem, code, "cannot prepare to run commands: %s",
                    strerrordesc_np(-code));
        free_all(exec);
        return NULL;
    }
    if (settings->scratch)
        open_scratch(exec);
    for (uint32_t slot = 1; slot <= settings->slots; slot++)
        exec_open_progress(exec, slot);
    return exec;
}

// A killed child leaves our memory at once, unless it is stuck in the kernel.
static bool has_left(const struct job *job)
{
    struct pollfd ended = {.fd = job->launched.pidfd, .events = POLLIN};
    if (job->state != STATE_RUNNING)
        return true;
    (void)kill(-job->launched.pid, SIGKILL);
    if (start_is_under_way(&job->ground.start))
        (void)poll(&ended, 1, BEGIN_WAIT_MS);
    return !start_is_under_way(&job->ground.start);
}

void exec_destroy(struct exec **exec)
{
    bool left = true;
    if (!*exec)
        return;
    for (uint32_t i = 0; i < (*exec)->settings.slots; i++)
        left = has_left(&(*exec)->job[i]) && left;
    if (left) // else better lost than freed under somebody's feet
        free_all(*exec);
    *exec = NULL;
}

int exec_fd(const struct exec *exec)
{
    return exec->epoll;
}

static void set_done(struct exec *exec, uint32_t slot)
{
    exec->job[slot - 1].state = STATE_DONE;
    const uint32_t place =
        (exec->done_first + exec->done_count) % exec->settings.slots;
    exec->done[place] = slot;
    exec->done_count++;
}

static int64_t later(int64_t now_ms, int64_t by_ms)
{
    return by_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + by_ms;
}

// The zombie keeps its process id, and so the group's, until wait4: no other
// process can be meant by the kill. What is left of the group is for do_due.
static void collect(const struct exec *exec, struct job *job, int64_t now_ms)
{
    (void)kill(-job->launched.pid, SIGKILL);
    (void)wait4(job->launched.pid, &job->status, 0, &job->usage);
    job->wall_us = clock_monotonic_us() - job->began_us;
    if (launch_end(&job->ground, &job->launched, job->note) < 0) {
        job->class = job->class == CLASS_NONE ? CLASS_SPAWN : job->class;
        job->usage = (struct rusage){0};
        job->wall_us = 0;
    }
    exec_unwatch(exec, &job->launched.pidfd);
    job->state = STATE_ENDING;
    job->due_ms = now_ms;
    job->give_up_ms = now_ms + GROUP_WAIT_MS;
}

static void cannot_watch(const struct exec *exec, struct job *job,
                         int64_t now_ms)
{
    (void)snprintf(job->note, sizeof job->note, "cannot watch the command");
    job->class = CLASS_SPAWN;
    collect(exec, job, now_ms);
}

bool exec_is_behind(const struct exec *exec)
{
    return exec->scratch && scratch_is_behind(exec->scratch);
}

void exec_start(struct exec *exec, const struct launch_task *task,
                struct span tag, int64_t now_ms)
{
    assert(task->slot >= 1 && task->slot <= exec->settings.slots);
    struct job *job = &exec->job[task->slot - 1];
    assert(job->state == STATE_FREE);
    job->class = CLASS_NONE;
    job->terminated = job->out.cut = job->err.cut = false;
    job->out.shown = job->err.shown = 0;
    job->status = 0;
    job->watch_ms = exec->settings.line_buffer || job->talkative
                        ? now_ms
                        : later(now_ms, WATCH_MS);
    job->usage = (struct rusage){0};
    job->start_us = clock_utc_us();
    job->began_us = clock_monotonic_us();
    buffer_append(&job->tag, tag.at, tag.size);
    if (now_ms - exec->kills_ms >= KILLS_APART_MS) {
        exec->kills = memory_kills();
        exec->kills_ms = now_ms;
    }
    job->kills_before = exec->kills;
    job->memory_max = task->memory_max > 0 ? task->memory_max
                                           : exec->settings.launch.memory_max;
    job->task = task->task;
    job->attempt = task->attempt;
    struct launch_task whole = *task;
    whole.dir = exec->scratch ? scratch_take(exec->scratch, task->slot) : NULL;
    whole.progress_fd = job->progress_in;
    const int code = launch(&exec->launcher, &whole, &job->ground,
                            &job->launched, job->note);
    if (code < 0) {
        job->class = CLASS_SPAWN;
        job->wall_us = 0;
        set_done(exec, task->slot);
        return;
    }
    job->state = STATE_RUNNING;
    job->due_ms =
        later(now_ms, task->timeout_ms > 0 ? task->timeout_ms
                                           : exec->settings.timeout_ms);
    job->out.fd = job->launched.out_fd;
    job->err.fd = job->launched.err_fd;
    if (exec_watch(exec, job->launched.pidfd, task->slot, FROM_PROCESS) < 0 ||
        (job->watch_ms <= now_ms && exec_watch_streams(exec, task->slot) < 0)) {
        cannot_watch(exec, job, now_ms);
    }
}

// The first reason stands: an end by us is told as what caused it.
void exec_end_by_us(struct job *job, enum fail_class class, int signal,
                    int64_t due_ms)
{
    if (job->class == CLASS_NONE)
        job->class = class;
    if (job->state != STATE_RUNNING)
        return;
    job->terminated = true;
    job->due_ms = due_ms;
    (void)kill(-job->launched.pid, signal);
    if (signal == SIGTERM)
        (void)kill(-job->launched.pid, SIGCONT); // a stopped one must see it
}

static bool is_kept(const struct exec *exec, const struct job *job)
{
    const bool ran = job->class != CLASS_SPAWN && job->class != CLASS_CANCELLED;
    const bool failed = job->class != CLASS_NONE || job->status != 0;
    return exec->settings.keep_dirs == KEEP_ALL ||
           (exec->settings.keep_dirs == KEEP_FAILED && ran && failed);
}

static void leave_folder(struct exec *exec, uint32_t slot)
{
    struct job *job = &exec->job[slot - 1];
    char path[SCRATCH_PATH_SIZE];
    const struct scratch_end end = {.slot = slot,
                                    .task = job->task,
                                    .attempt = job->attempt,
                                    .keep = is_kept(exec, job)};
    if (!exec->scratch || !scratch_end(exec->scratch, &end, path))
        return;
    const size_t size = strlen(job->note);
    (void)snprintf(job->note + size, sizeof job->note - size,
                   "%sFAN_DIR is kept: %s", size > 0 ? "; " : "", path);
}

// A command of which nothing else is known may have had too little memory.
static void judge_memory(struct job *job)
{
    struct rusage own = {0};
    const int signal = WIFSIGNALED(job->status) ? WTERMSIG(job->status) : 0;
    const uint64_t limit = job->memory_max;
    if (job->class != CLASS_NONE || job->status == 0 ||
        (signal != SIGKILL && limit == UINT64_MAX))
        return;
    (void)getrusage(RUSAGE_SELF, &own);
    const struct memory_end end = {
        .limit_bytes = limit,
        .peak_bytes = (uint64_t)job->usage.ru_maxrss * 1024,
        .worker_bytes = (uint64_t)own.ru_maxrss * 1024,
        .signal = signal,
        .kills_before = job->kills_before,
        .kills_now = signal == SIGKILL ? memory_kills() : job->kills_before,
        .err = buffer_span(&job->err.bytes)};
    const char *why = memory_ran_out(&end);
    if (!why)
        return;
    job->class = CLASS_OOM;
    (void)snprintf(job->note, sizeof job->note, "%s", why);
}

static void finish(struct exec *exec, uint32_t slot)
{
    struct job *job = &exec->job[slot - 1];
    exec_drain_rest(exec, job, &job->out);
    exec_drain_rest(exec, job, &job->err);
    const bool keep =
        job->class != CLASS_SPAWN && job->class != CLASS_CANCELLED;
    if (launch_finish_files(&job->launched, keep, job->note) < 0 &&
        job->class == CLASS_NONE)
        job->class = CLASS_OUTPUT;
    judge_memory(job);
    leave_folder(exec, slot);
    exec_end_progress(job);
    set_done(exec, slot);
}

static bool group_is_gone(const struct job *job)
{
    return kill(-job->launched.pid, 0) < 0 && errno == ESRCH;
}

static void reap(const struct exec *exec, struct job *job, int64_t now_ms)
{
    siginfo_t info = {0};
    const int code = waitid(P_PIDFD, (id_t)job->launched.pidfd, &info,
                            WEXITED | WNOWAIT | WNOHANG);
    if (code == 0 && info.si_pid == 0)
        return;
    if (code < 0) { // somebody else has: never to be taken for success
        job->class = CLASS_SPAWN;
        (void)snprintf(job->note, sizeof job->note,
                       "cannot learn how the command ended: is SIGCHLD "
                       "ignored?");
    }
    collect(exec, job, now_ms);
}

static void take_event(struct exec *exec, uint64_t what, int64_t now_ms)
{
    const uint32_t slot = (uint32_t)(what >> 2);
    struct job *job = &exec->job[slot - 1];
    if ((what & 3) == FROM_PROGRESS)
        exec_hear_progress(job, now_ms);
    if (job->state != STATE_RUNNING && job->state != STATE_ENDING)
        return;
    switch ((enum source)(what & 3)) {
    case FROM_PROGRESS:
        return;
    case FROM_PROCESS:
        if (job->state == STATE_RUNNING)
            reap(exec, job, now_ms);
        return;
    case FROM_OUT:
        exec_drain(exec, job, &job->out, (size_t)EXEC_READ_SIZE * READS_MAX);
        return;
    case FROM_ERR:
        exec_drain(exec, job, &job->err, (size_t)EXEC_READ_SIZE * READS_MAX);
        return;
    }
}

static void do_due(struct exec *exec, uint32_t slot, int64_t now_ms)
{
    struct job *job = &exec->job[slot - 1];
    if (job->progress_ms <= now_ms)
        exec_await_progress(exec, slot);
    if (job->state == STATE_RUNNING && job->watch_ms <= now_ms &&
        exec_watch_streams(exec, slot) < 0)
        cannot_watch(exec, job, now_ms);
    if (job->state == STATE_RUNNING && job->due_ms <= now_ms) {
        if (job->terminated)
            exec_end_by_us(job, CLASS_TIMEOUT, SIGKILL, INT64_MAX);
        else
            exec_end_by_us(job, CLASS_TIMEOUT, SIGTERM,
                           later(now_ms, exec->settings.grace_ms));
    } else if (job->state == STATE_ENDING && job->due_ms <= now_ms) {
        job->due_ms = now_ms + GROUP_POLL_MS;
        if (group_is_gone(job) || now_ms >= job->give_up_ms)
            finish(exec, slot);
    }
}

void exec_turn(struct exec *exec, int64_t now_ms)
{
    struct epoll_event events[EVENTS_MAX];
    const int count = epoll_wait(exec->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++)
        take_event(exec, events[i].data.u64, now_ms);
    for (uint32_t slot = 1; slot <= exec->settings.slots; slot++)
        do_due(exec, slot, now_ms);
    if (exec->settings.line_buffer) {
        (void)live_flush(&exec->live_out);
        (void)live_flush(&exec->live_err);
    }
}

int64_t exec_wait_ms(const struct exec *exec, int64_t now_ms)
{
    int64_t due_ms = INT64_MAX;
    if (exec->done_count > 0)
        due_ms = now_ms;
    else if (exec->live_out.backlog.size > 0 || exec->live_err.backlog.size > 0)
        due_ms = later(now_ms, LIVE_POLL_MS);
    for (uint32_t i = 0; i < exec->settings.slots; i++) {
        const struct job *job = &exec->job[i];
        if (job->progress_ms < due_ms)
            due_ms = job->progress_ms;
        if (job->state == STATE_RUNNING && job->watch_ms < due_ms)
            due_ms = job->watch_ms;
        if ((job->state == STATE_RUNNING || job->state == STATE_ENDING) &&
            job->due_ms < due_ms)
            due_ms = job->due_ms;
    }
    if (due_ms == INT64_MAX)
        return -1;
    return due_ms <= now_ms ? 0 : due_ms - now_ms;
}

void exec_cancel(struct exec *exec, uint32_t slot, int64_t now_ms)
{
    assert(slot >= 1 && slot <= exec->settings.slots);
    struct job *job = &exec->job[slot - 1];
    // A repeated CANCEL does not put off the KILL.
    if (job->state == STATE_RUNNING && !job->terminated)
        exec_end_by_us(job, CLASS_CANCELLED, SIGTERM,
                       later(now_ms, exec->settings.grace_ms));
}

void exec_kill_all(struct exec *exec)
{
    for (uint32_t i = 0; i < exec->settings.slots; i++) {
        struct job *job = &exec->job[i];
        if (job->state == STATE_RUNNING)
            exec_end_by_us(job, CLASS_CANCELLED, SIGKILL, INT64_MAX);
    }
}

static uint64_t micros(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

bool exec_next(struct exec *exec, struct exec_end *end)
{
    if (exec->done_count == 0)
        return false;
    const uint32_t slot = exec->done[exec->done_first];
    const struct job *job = &exec->job[slot - 1];
    *end = (struct exec_end){
        .slot = slot,
        .class = job->class,
        .out_cut = job->out.cut,
        .err_cut = job->err.cut,
        .start_us = job->start_us,
        .wall_us = (uint64_t)job->wall_us,
        .user_us = micros(job->usage.ru_utime),
        .sys_us = micros(job->usage.ru_stime),
        .maxrss_bytes = (uint64_t)job->usage.ru_maxrss * 1024,
        .out = buffer_span(&job->out.bytes),
        .err = buffer_span(&job->err.bytes),
        .note = span_of_text(job->note),
    };
    if (job->class == CLASS_SPAWN)
        return true;
    if (WIFSIGNALED(job->status))
        end->signal = (uint8_t)WTERMSIG(job->status);
    else
        end->exit = (uint8_t)WEXITSTATUS(job->status);
    if (end->class == CLASS_NONE && end->signal != 0)
        end->class = CLASS_SIGNAL;
    else if (end->class == CLASS_NONE && end->exit != 0)
        end->class = CLASS_EXIT;
    return true;
}

static void reuse(struct buffer *buffer)
{
    if (buffer->capacity > BUFFER_KEEP)
        buffer_free(buffer);
    else
        buffer_clear(buffer);
}

void exec_release(struct exec *exec, uint32_t slot)
{
    assert(exec->done_count > 0 && exec->done[exec->done_first] == slot);
    exec->done_first = (exec->done_first + 1) % exec->settings.slots;
    exec->done_count--;
    struct job *job = &exec->job[slot - 1];
    job->talkative = job->out.bytes.size + job->err.bytes.size >= WATCH_SIZE;
    reuse(&job->out.bytes);
    reuse(&job->err.bytes);
    reuse(&job->tag);
    job->state = STATE_FREE;
}
