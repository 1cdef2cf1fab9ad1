#include "command/joblog.h"

#include "command/remake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct joblog {
    int fd;
    struct remake *remake;
    struct buffer lines;
};

struct joblog *joblog_open(const struct settings *settings,
                           struct problem *problem)
{
    struct joblog *joblog = calloc(1, sizeof *joblog);
    if (!joblog) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    joblog->fd =
        open(settings->joblog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (joblog->fd < 0) {
        problem_set(problem, -errno, "cannot write the job log %s: %s",
                    settings->joblog, strerror(errno));
        free(joblog);
        return NULL;
    }
    joblog->remake = remake_create(settings);
    if (!joblog->remake) {
        problem_set(problem, -ENOMEM, "out of memory");
        joblog_close(&joblog);
        return NULL;
    }
    if (lseek(joblog->fd, 0, SEEK_END) <= 0)
        buffer_append_text(&joblog->lines,
                           "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\t"
                           "Exitval\tSignal\tCommand\n");
    return joblog;
}

void joblog_close(struct joblog **joblog)
{
    if (!*joblog)
        return;
    joblog_flush(*joblog);
    close((*joblog)->fd);
    remake_destroy(&(*joblog)->remake);
    buffer_free(&(*joblog)->lines);
    free(*joblog);
    *joblog = NULL;
}

void joblog_add(struct joblog *joblog, const struct record *record)
{
    if (record->event != EVENT_NONE || record->number != 0 ||
        (record->status != STATUS_OK && record->status != STATUS_FAILED &&
         record->status != STATUS_IGNORED))
        return;
    buffer_printf(&joblog->lines, "%llu\t%.*s\t%.3f\t%10.3f\t0\t%zu\t%u\t%u\t",
                  (unsigned long long)record->task, (int)record->host.size,
                  record->host.at ? (const char *)record->host.at : "",
                  (double)record->start_us / 1e6, (double)record->wall_us / 1e6,
                  record->out.size, record->exit, record->signal);
    const size_t from = joblog->lines.size;
    remake_put(joblog->remake, record, &joblog->lines);
    for (size_t i = from; i < joblog->lines.size; i++)
        if (joblog->lines.at[i] == '\n')
            joblog->lines.at[i] = ' ';
    put_u8(&joblog->lines, '\n');
}

int joblog_flush(struct joblog *joblog)
{
    struct span left = buffer_span(&joblog->lines);
    while (left.size > 0) {
        const ssize_t put = write(joblog->fd, left.at, left.size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        left.at += put;
        left.size -= (size_t)put;
    }
    const bool failed = joblog->lines.failed;
    buffer_clear(&joblog->lines);
    return failed ? -ENOMEM : 0;
}
