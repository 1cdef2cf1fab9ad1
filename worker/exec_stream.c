#include "worker/exec_inside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

void exec_shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// A child that has not come to closing its copy would keep it in the set.
void exec_unwatch(const struct exec *exec, int *fd)
{
    if (*fd >= 0)
        (void)epoll_ctl(exec->epoll, EPOLL_CTL_DEL, *fd, NULL);
    exec_shut(fd);
}

static bool is_watched(const struct job *job)
{
    return job->watch_ms == INT64_MAX;
}

static void end_stream(const struct exec *exec, const struct job *job, int *fd)
{
    if (is_watched(job))
        exec_unwatch(exec, fd);
    else
        exec_shut(fd);
}

int exec_watch(struct exec *exec, int fd, uint32_t slot, enum source source)
{
    if (fd < 0)
        return 0;
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)slot << 2 | source};
    return epoll_ctl(exec->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int exec_watch_streams(struct exec *exec, uint32_t slot)
{
    struct job *job = &exec->job[slot - 1];
    job->watch_ms = INT64_MAX;
    const int code = exec_watch(exec, job->out.fd, slot, FROM_OUT);
    return code < 0 ? code : exec_watch(exec, job->err.fd, slot, FROM_ERR);
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
        exec_end_by_us(job, CLASS_OUTPUT, SIGKILL, INT64_MAX);
    }
}

void exec_drain(struct exec *exec, struct job *job, struct stream *stream,
                size_t limit)
{
    uint8_t piece[EXEC_READ_SIZE];
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
void exec_drain_rest(struct exec *exec, struct job *job, struct stream *stream)
{
    int left = 0;
    if (stream->fd >= 0 && ioctl(stream->fd, FIONREAD, &left) == 0 && left > 0)
        exec_drain(exec, job, stream, (size_t)left);
    show(exec, job, stream, true);
    end_stream(exec, job, &stream->fd);
}
