#include "command/joblog.h"

#include "common/store/values.h"
#include "common/template/template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUES_MAX = 256 };

struct joblog {
    int fd;
    const struct settings *settings;
    struct template *template;
    struct buffer lines, command, whole;
};

// A plugin or a coprocess is shown as if it were a command.
static struct template *make_template(const struct settings *set)
{
    struct problem unused = {0};
    const char *called = set->plugin ? set->plugin : set->coprocess;
    const size_t first = called ? 1 : 0;
    const size_t count = set->command.count + first;
    const struct template_options options = {
        .append = called || (!set->array && !set->ndjson),
        .shell = set->shell,
        .lines = count == 0};
    const char **words = calloc(count + 1, sizeof *words);
    if (!words)
        return NULL;
    words[0] = called;
    for (size_t i = first; i < count; i++)
        words[i] = set->command.at[i - first];
    struct template *template =
        template_create(words, count, &options, &unused);
    free((void *)words);
    return template;
}

struct joblog *joblog_open(const struct settings *settings,
                           struct problem *problem)
{
    struct joblog *joblog = calloc(1, sizeof *joblog);
    if (!joblog) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    joblog->settings = settings;
    joblog->fd =
        open(settings->joblog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (joblog->fd < 0) {
        problem_set(problem, -errno, "cannot write the job log %s: %s",
                    settings->joblog, strerror(errno));
        free(joblog);
        return NULL;
    }
    joblog->template = make_template(settings);
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
    template_destroy(&(*joblog)->template);
    buffer_free(&(*joblog)->lines);
    buffer_free(&(*joblog)->command);
    buffer_free(&(*joblog)->whole);
    free(*joblog);
    *joblog = NULL;
}

static size_t read_values(struct joblog *joblog, struct span encoded,
                          struct wire_pair values[VALUES_MAX])
{
    struct wire_list list;
    size_t count = 0;
    if (!values_open(encoded, &list))
        return 0;
    const char *const between =
        joblog->settings->colsep && strcmp(joblog->settings->colsep, "\\t") != 0
            ? joblog->settings->colsep
        : joblog->settings->colsep ? "\t"
                                   : " ";
    buffer_clear(&joblog->whole);
    while (count < VALUES_MAX && values_next(&list, &values[count])) {
        if (count > 0)
            buffer_append_text(&joblog->whole, between);
        buffer_append(&joblog->whole, values[count].value.at,
                      values[count].value.size);
        count++;
    }
    return count;
}

// The command is made again from its template; without one, its values.
static void write_command(struct joblog *joblog, const struct record *record)
{
    struct wire_pair values[VALUES_MAX];
    struct problem unused = {0};
    struct wire_command command;
    const size_t count = read_values(joblog, record->values, values);
    const struct template_task task = {
        .task = record->task,
        .seed = template_seed(joblog->settings->seed, record->task),
        .values = values,
        .value_count = count,
        .whole = buffer_span(&joblog->whole),
        .input = buffer_span(&joblog->whole)};
    const size_t from = joblog->lines.size;
    buffer_clear(&joblog->command);
    if (joblog->template &&
        template_expand(joblog->template, &task, &joblog->command, &unused) ==
            0 &&
        wire_get_command(buffer_span(&joblog->command), &command))
        command_text(&command, record->slot, &joblog->lines);
    else
        buffer_append(&joblog->lines, joblog->whole.at, joblog->whole.size);
    for (size_t i = from; i < joblog->lines.size; i++)
        if (joblog->lines.at[i] == '\n')
            joblog->lines.at[i] = ' ';
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
    write_command(joblog, record);
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
