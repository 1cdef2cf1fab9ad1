#include "worker/exec.h"

#include "common/base/clock.h"
#include "worker/live.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 128,
    READ_SIZE = 64 * 1024,
    READS_MAX = 16,       // of one stream in one turn, so that all get theirs
    GROUP_WAIT_MS = 1000, // for a killed group; what is stuck in the kernel
    GROUP_POLL_MS = 2,
    WATCH_MS = 2, // what ends sooner is read when it has ended, all at once
    WATCH_SIZE = READ_SIZE / 2, // but not where the slot's last said so much
    BEGIN_WAIT_MS = 1000, // for a killed child that has not begun its program
    LIVE_POLL_MS = 10,
    BUFFER_KEEP = 1 << 20, // memory a slot keeps from task to task
};

enum source { FROM_PROCESS, FROM_OUT, FROM_ERR };

enum state {
    STATE_FREE,
    STATE_RUNNING,
    STATE_ENDING, // its process is reaped, its group not yet gone
    STATE_DONE,   // waits for exec_next and exec_release
};

struct stream {
    int fd; // -1: closed, or a file
    struct buffer bytes;
    bool cut;
    size_t shown; // bytes given to live
};

struct job {
    enum state state;
    enum fail_class class; // why it was ended by us; CLASS_NONE: it was not
    struct launch_ground ground;
    struct launched launched;
    struct stream out, err;
    struct buffer tag;
    bool talkative; // the command before it in this slot
    int64_t due_ms; // TERM or KILL while running, next look while ending
    int64_t give_up_ms;
    int64_t watch_ms; // its streams are watched from then on; INT64_MAX: are
    bool terminated;  // TERM was sent: the next is KILL
    int status;       // of waitpid
    int64_t start_us, began_us, wall_us;
    struct rusage usage;
    char note[LAUNCH_NOTE_SIZE];
};

struct exec {
    struct exec_settings settings;
    struct launcher launcher;
    int epoll;
    struct live live_out, live_err;
    uint32_t *done; // ring of ended slots, in order of their end
    uint32_t done_first, done_count;
    struct job job[]; // slot - 1
};

// Five descriptors a command, while it starts.
static void raise_descriptors(uint32_t slots)
{
    struct rlimit limit;
    const rlim_t need = (rlim_t)slots * 5 + 128;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
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
    exec->live_out.fd = STDOUT_FILENO;
    exec->live_err.fd = STDERR_FILENO;
    raise_descriptors(settings->slots);
    for (uint32_t i = 0; i < settings->slots; i++) {
        struct job *job = &exec->job[i];
        job->out.fd = job->err.fd = job->launched.pidfd = -1;
        job->launched.dir_fd = -1;
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
        exec_destroy(&exec);
    }
    return exec;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// A child that has not come to closing its copy would keep it in the set.
static void unwatch(const struct exec *exec, int *fd)
{
    if (*fd >= 0)
        (void)epoll_ctl(exec->epoll, EPOLL_CTL_DEL, *fd, NULL);
    shut(fd);
}

static bool is_watched(const struct job *job)
{
    return job->watch_ms == INT64_MAX;
}

static void end_stream(const struct exec *exec, const struct job *job, int *fd)
{
    if (is_watched(job))
        unwatch(exec, fd);
    else
        shut(fd);
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
    if (!left) { // better lost than freed under somebody's feet
        *exec = NULL;
        return;
    }
    for (uint32_t i = 0; i < (*exec)->settings.slots; i++) {
        struct job *job = &(*exec)->job[i];
        shut(&job->launched.pidfd);
        shut(&job->out.fd);
        shut(&job->err.fd);
        (void)launch_finish_files(&job->launched, false, job->note);
        launch_ground_close(&job->ground);
        buffer_free(&job->out.bytes);
        buffer_free(&job->err.bytes);
        buffer_free(&job->tag);
    }
    live_clear(&(*exec)->live_out);
    live_clear(&(*exec)->live_err);
    launcher_close(&(*exec)->launcher);
    free((*exec)->done);
    shut(&(*exec)->epoll);
    free(*exec);
    *exec = NULL;
}

int exec_fd(const struct exec *exec)
{
    return exec->epoll;
}

static int watch(struct exec *exec, int fd, uint32_t slot, enum source source)
{
    if (fd < 0)
        return 0;
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)slot << 2 | source};
    return epoll_ctl(exec->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_streams(struct exec *exec, uint32_t slot)
{
    struct job *job = &exec->job[slot - 1];
    job->watch_ms = INT64_MAX;
    const int code = watch(exec, job->out.fd, slot, FROM_OUT);
    return code < 0 ? code : watch(exec, job->err.fd, slot, FROM_ERR);
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
    unwatch(exec, &job->launched.pidfd);
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
    const int code =
        launch(&exec->launcher, task, &job->ground, &job->launched, job->note);
    if (code < 0) {
        job->class = CLASS_SPAWN;
        job->wall_us = 0;
        set_done(exec, task->slot);
        return;
    }
    job->state = STATE_RUNNING;
    job->due_ms = later(now_ms, exec->settings.timeout_ms);
    job->out.fd = job->launched.out_fd;
    job->err.fd = job->launched.err_fd;
    if (watch(exec, job->launched.pidfd, task->slot, FROM_PROCESS) < 0 ||
        (job->watch_ms <= now_ms && watch_streams(exec, task->slot) < 0)) {
        cannot_watch(exec, job, now_ms);
    }
}

// The first reason stands: an end by us is told as what caused it.
static void end_by_us(struct job *job, enum fail_class class, int signal,
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

static void show(struct exec *exec, struct job *job, struct stream *stream,
                 bool last)
{
    if (!exec->settings.line_buffer || stream->bytes.size <= stream->shown)
        return;
    struct live *live = stream == &job->out ? &exec->live_out : &exec->live_err;
    const struct span fresh = {stream->bytes.at + stream->shown,
                               stream->bytes.size - stream->shown};
    stream->shown += live_add(live, fresh, buffer_span(&job->tag), last);
}

static void absorb(struct exec *exec, struct job *job, struct stream *stream,
                   struct span piece)
{
    const uint64_t room = exec->settings.output_max - stream->bytes.size;
    const size_t size = piece.size < room ? piece.size : (size_t)room;
    if (!stream->cut)
        buffer_append(&stream->bytes, piece.at, size);
    const bool no_memory = stream->bytes.failed;
    if (size == piece.size && !no_memory)
        return;
    stream->cut = true;
    if ((!exec->settings.truncate || no_memory) && job->class == CLASS_NONE) {
        (void)snprintf(job->note, sizeof job->note,
                       no_memory ? "out of memory for its %s"
                                 : "its %s is longer than --output-max",
                       stream == &job->out ? "stdout" : "stderr");
        end_by_us(job, CLASS_OUTPUT, SIGKILL, INT64_MAX);
    }
}

// Reads at most `limit` bytes; closes the stream at its end.
static void drain(struct exec *exec, struct job *job, struct stream *stream,
                  size_t limit)
{
    uint8_t piece[READ_SIZE];
    size_t done = 0;
    while (stream->fd >= 0 && done < limit) {
        const ssize_t size = read(stream->fd, piece, sizeof piece);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (size <= 0) {
            end_stream(exec, job, &stream->fd);
            break;
        }
        absorb(exec, job, stream, (struct span){piece, (size_t)size});
        done += (size_t)size;
        if ((size_t)size < sizeof piece)
            break; // that was all
    }
    show(exec, job, stream, false);
}

// What is in the pipe now belongs to the task; whoever left the group and
// still holds the other end is not waited for.
static void drain_rest(struct exec *exec, struct job *job,
                       struct stream *stream)
{
    int left = 0;
    if (stream->fd >= 0 && ioctl(stream->fd, FIONREAD, &left) == 0 && left > 0)
        drain(exec, job, stream, (size_t)left);
    show(exec, job, stream, true);
    end_stream(exec, job, &stream->fd);
}

static void finish(struct exec *exec, uint32_t slot)
{
    struct job *job = &exec->job[slot - 1];
    drain_rest(exec, job, &job->out);
    drain_rest(exec, job, &job->err);
    const bool keep =
        job->class != CLASS_SPAWN && job->class != CLASS_CANCELLED;
    if (launch_finish_files(&job->launched, keep, job->note) < 0 &&
        job->class == CLASS_NONE)
        job->class = CLASS_OUTPUT;
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
    if (job->state != STATE_RUNNING && job->state != STATE_ENDING)
        return;
    switch ((enum source)(what & 3)) {
    case FROM_PROCESS:
        if (job->state == STATE_RUNNING)
            reap(exec, job, now_ms);
        return;
    case FROM_OUT:
        drain(exec, job, &job->out, (size_t)READ_SIZE * READS_MAX);
        return;
    case FROM_ERR:
        drain(exec, job, &job->err, (size_t)READ_SIZE * READS_MAX);
        return;
    }
}

static void do_due(struct exec *exec, uint32_t slot, int64_t now_ms)
{
    struct job *job = &exec->job[slot - 1];
    if (job->state == STATE_RUNNING && job->watch_ms <= now_ms &&
        watch_streams(exec, slot) < 0)
        cannot_watch(exec, job, now_ms);
    if (job->state == STATE_RUNNING && job->due_ms <= now_ms) {
        if (job->terminated)
            end_by_us(job, CLASS_TIMEOUT, SIGKILL, INT64_MAX);
        else
            end_by_us(job, CLASS_TIMEOUT, SIGTERM,
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
        end_by_us(job, CLASS_CANCELLED, SIGTERM,
                  later(now_ms, exec->settings.grace_ms));
}

void exec_kill_all(struct exec *exec)
{
    for (uint32_t i = 0; i < exec->settings.slots; i++) {
        struct job *job = &exec->job[i];
        if (job->state == STATE_RUNNING)
            end_by_us(job, CLASS_CANCELLED, SIGKILL, INT64_MAX);
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
