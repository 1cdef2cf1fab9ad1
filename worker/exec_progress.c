#include "worker/exec_inside.h"

#include "common/base/clock.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

// What a command says is read so often; one that says more has to wait.
enum { READ_APART_MS = 20, READS_MAX = 16, PIPE_SIZE = 4096 };

static void watch(const struct exec *exec, uint32_t slot, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 =
                                    (uint64_t)slot << 2 | FROM_PROGRESS};
    const int fd = exec->job[slot - 1].progress_fd;
    (void)epoll_ctl(exec->epoll, operation, fd, &event);
}

// As small as it can be: what a user's pipes may hold in all is limited.
void exec_open_progress(struct exec *exec, uint32_t slot)
{
    struct job *job = &exec->job[slot - 1];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
    job->progress_fd = ends[0];
    job->progress_in = ends[1];
    watch(exec, slot, EPOLL_CTL_ADD);
}

static void read_all(struct job *job)
{
    uint8_t piece[PIPE_SIZE];
    ssize_t size = sizeof piece;
    for (int i = 0; i < READS_MAX && size == sizeof piece; i++) {
        size = read(job->progress_fd, piece, sizeof piece);
        if (size > 0 && job->state == STATE_RUNNING)
            progress_feed(&job->progress, (struct span){piece, (size_t)size});
    }
}

void exec_hear_progress(struct job *job, int64_t now_ms)
{
    read_all(job);
    job->progress_ms = now_ms + READ_APART_MS;
}

void exec_await_progress(struct exec *exec, uint32_t slot)
{
    exec->job[slot - 1].progress_ms = INT64_MAX;
    watch(exec, slot, EPOLL_CTL_MOD);
}

void exec_end_progress(struct job *job)
{
    if (job->progress_fd >= 0)
        read_all(job);
    progress_clear(&job->progress);
}

void exec_list_longest(const struct exec *exec, int64_t least_ms,
                       struct wire_longest *longest)
{
    const int64_t now_us = clock_monotonic_us();
    for (uint32_t slot = 1; slot <= exec->settings.slots; slot++) {
        const struct job *job = &exec->job[slot - 1];
        const int64_t wall_ms = (now_us - job->began_us) / 1000;
        if (job->state != STATE_RUNNING || wall_ms < least_ms)
            continue;
        const struct wire_long task = {.task = job->task,
                                       .slot = slot,
                                       .wall_ms = (uint64_t)wall_ms,
                                       .done = progress_done(&job->progress),
                                       .text = progress_text(&job->progress)};
        wire_add_longest(longest, &task);
    }
}
