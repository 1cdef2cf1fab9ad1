#include "command/history.h"

#include "command/row.h"
#include "common/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_WIDTH_US = 1000 };

struct history {
    struct map *odd; // task -> how it ended, of those final and not ok
    uint64_t by_status[STATUSES];
    bool complete, begun;
    int64_t first_us, last_us;
    uint64_t retried, lost;
    struct curve curve;
    struct top_host hosts[TOP_HOSTS];
    size_t host_count;
    struct top_task tasks[TOP_TASKS];
    size_t task_count;
    struct failing *failing;
    struct buffer values;
};

struct history *history_create(void)
{
    struct history *history = calloc(1, sizeof *history);
    if (!history)
        return NULL;
    history->odd = map_create();
    history->failing = failing_create();
    if (!history->odd || !history->failing)
        history_destroy(&history);
    return history;
}

void history_destroy(struct history **history)
{
    struct history *const gone = *history;
    if (!gone)
        return;
    map_destroy(&gone->odd);
    failing_destroy(&gone->failing);
    buffer_free(&gone->values);
    free(gone);
    *history = NULL;
}

static void copy_text(char *to, size_t size, struct span text)
{
    const size_t length = text.size < size ? text.size : size - 1;
    for (size_t i = 0; i < length; i++)
        to[i] = (char)(text.at[i] ? text.at[i] : '?');
    to[length] = '\0';
}

// That of a name; the last one takes those for which there is no room.
static struct top_host *host_of(struct history *history, struct span name)
{
    char wanted[TOP_NAME_SIZE];
    copy_text(wanted, sizeof wanted, name);
    for (size_t i = 0; i < history->host_count; i++)
        if (strcmp(history->hosts[i].name, wanted) == 0)
            return &history->hosts[i];
    if (history->host_count == TOP_HOSTS)
        return &history->hosts[TOP_HOSTS - 1];
    struct top_host *const host = &history->hosts[history->host_count++];
    if (history->host_count == TOP_HOSTS)
        copy_text(host->name, sizeof host->name, SPAN_OF("(others)"));
    else
        memcpy(host->name, wanted, sizeof wanted);
    return host;
}

static int keep_slow(struct history *history, const struct record *record)
{
    const double wall_s = (double)record->wall_us / 1e6;
    size_t at = history->task_count;
    if (at == TOP_TASKS && history->tasks[at - 1].wall_s >= wall_s)
        return 0;
    at = at == TOP_TASKS ? at - 1 : at;
    history->task_count = at + 1;
    for (; at > 0 && history->tasks[at - 1].wall_s < wall_s; at--)
        history->tasks[at] = history->tasks[at - 1];
    struct top_task *const task = &history->tasks[at];
    *task = (struct top_task){.task = record->task,
                              .slot = record->slot,
                              .wall_s = wall_s,
                              .done = -1};
    buffer_clear(&history->values);
    row_put_values(record, &history->values);
    copy_text(task->host, sizeof task->host, record->host);
    copy_text(task->text, sizeof task->text, buffer_span(&history->values));
    return history->values.failed ? -ENOMEM : 0;
}

static int take_attempt(struct history *history, const struct record *record)
{
    const int64_t end_us = record->start_us + (int64_t)record->wall_us;
    if (!history->begun)
        curve_begin(&history->curve, record->start_us, FIRST_WIDTH_US);
    if (!history->begun || record->start_us < history->first_us)
        history->first_us = record->start_us;
    if (!history->begun || end_us > history->last_us)
        history->last_us = end_us;
    history->begun = true;
    curve_add(&history->curve, end_us, end_us, 1);
    struct top_host *const host = host_of(history, record->host);
    host->busy_s += (double)record->wall_us / 1e6;
    if (record->status == STATUS_OK)
        host->passed++;
    else
        host->failed++;
    return keep_slow(history, record);
}

static void forget_end(struct history *history, uint64_t task)
{
    uint64_t status;
    if (!map_get(history->odd, task, &status))
        return;
    history->by_status[status]--;
    map_remove(history->odd, task);
}

static int take_end(struct history *history, const struct record *record)
{
    forget_end(history, record->task);
    history->by_status[record->status]++;
    return record->status == STATUS_OK
               ? 0
               : map_put(history->odd, record->task, record->status);
}

int history_take(struct history *history, const struct record *record)
{
    int error = failing_take(history->failing, record);
    if (record->event == EVENT_COMPLETE)
        history->complete = true;
    if (record->event == EVENT_RESUMED)
        history->complete = false;
    if (record->event == EVENT_REOPENED)
        forget_end(history, record->task);
    if (record->event != EVENT_NONE)
        return error;
    history->lost += record->status == STATUS_LOST;
    history->retried += record->attempt > 1 && record_of_worker(record);
    if (error == 0 && record->start_us > 0 && record_of_worker(record))
        error = take_attempt(history, record);
    if (error == 0 && record->final)
        error = take_end(history, record);
    return error;
}

static double seconds(const struct history *history)
{
    return (double)(history->last_us - history->first_us) / 1e6;
}

static uint64_t held_in(struct failing *failing)
{
    const struct failing_group *groups[FAILING_GROUPS];
    const size_t count = failing_groups(failing, groups);
    uint64_t held = 0;
    for (size_t i = 0; i < count; i++)
        held += groups[i]->held;
    return held;
}

void history_tell(struct history *history, struct top *top)
{
    const uint64_t *const ended = history->by_status;
    struct ask_status *const status = &top->status;
    *status = (struct ask_status){.ok = ended[STATUS_OK],
                                  .failed = ended[STATUS_FAILED],
                                  .ignored = ended[STATUS_IGNORED],
                                  .quarantined = ended[STATUS_QUARANTINED],
                                  .cancelled = ended[STATUS_CANCELLED],
                                  .dropped = ended[STATUS_DROPPED],
                                  .retries = history->retried,
                                  .losses = history->lost,
                                  .held = held_in(history->failing),
                                  .input_ended = history->complete,
                                  .elapsed_s = seconds(history)};
    for (size_t i = 0; i < STATUSES; i++)
        status->done += ended[i];
    status->read = status->done + status->held;
    copy_text(status->state, sizeof status->state,
              span_of_text(history->complete ? "complete" : "stopped"));
    memcpy(top->hosts, history->hosts, sizeof top->hosts);
    memcpy(top->tasks, history->tasks, sizeof top->tasks);
    top->host_count = history->host_count;
    top->task_count = history->task_count;
    top->curve = history->curve;
    top->curve.end_us =
        history->begun ? history->last_us : history->curve.origin_us;
    top->failing = history->failing;
    top->live = false;
}
