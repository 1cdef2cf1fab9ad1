#include "page/view.h"

#include "command/held.h"
#include "command/row.h"
#include "common/base/map.h"
#include "common/base/numset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_BITS = 8 };

struct view *view_create(void)
{
    struct view *view = calloc(1, sizeof *view);
    if (!view)
        return NULL;
    view->rows = calloc(VIEW_ROWS, sizeof *view->rows);
    view->groups = calloc(VIEW_GROUPS, sizeof *view->groups);
    view->finals = numset_create();
    view->failing = map_create();
    view->ended = map_create();
    view->held = held_create();
    if (!view->rows || !view->groups || !view->finals || !view->failing ||
        !view->ended || !view->held)
        view_destroy(&view);
    return view;
}

void view_destroy(struct view **view)
{
    struct view *const gone = *view;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->group_count; i++)
        free(gone->groups[i].line);
    held_destroy(&gone->held);
    map_destroy(&gone->failing);
    map_destroy(&gone->ended);
    if (gone->finals)
        numset_destroy(&gone->finals);
    free(gone->groups);
    free(gone->rows);
    free(gone);
    *view = NULL;
}

// An attempt, and neither what followed from one nor a person's word.
static bool has_run(const struct record *record)
{
    return record->event == EVENT_NONE && record->start_us > 0 &&
           record->user.size == 0;
}

static void put_name(char name[VIEW_TEXT], struct span text)
{
    const size_t size = text.size < VIEW_TEXT ? text.size : VIEW_TEXT - 1;
    if (size > 0)
        memcpy(name, text.at, size);
    name[size] = '\0';
}

// -- Over time ----------------------------------------------------------------

static void reach(struct view *view, int64_t from_us, int64_t to_us)
{
    if (to_us > view->last_us)
        view->last_us = to_us;
    for (unsigned n = axis_reach(&view->axis, from_us, to_us); n > 0; n--) {
        axis_fold_sums(view->done);
        axis_fold_sums(view->bad);
        for (size_t i = 0; i < view->row_count; i++) {
            axis_fold_shares(view->rows[i].busy);
            axis_fold_marks(view->rows[i].failed);
        }
    }
}

// NULL where there is no room for one more.
static struct view_row *row_of(struct view *view, const struct record *record)
{
    for (size_t i = 0; i < view->row_count; i++)
        if (view->rows[i].slot == record->slot &&
            id128_equal(&view->rows[i].worker, &record->worker))
            return &view->rows[i];
    if (view->row_count == VIEW_ROWS)
        return NULL;
    struct view_row *const row = &view->rows[view->row_count++];
    row->worker = record->worker;
    row->slot = record->slot;
    put_name(row->host, record->host);
    return row;
}

// Spreads an attempt over the columns of its row.
static void fill_columns(const struct axis *axis, struct view_row *row,
                         int64_t from_us, int64_t to_us, bool failed)
{
    const double from = axis_place(axis, from_us);
    const double to = axis_place(axis, to_us);
    for (size_t at = (size_t)from; at < AXIS_COLUMNS && (double)at < to; at++) {
        const double begin = from > (double)at ? from : (double)at;
        const double end = to < (double)at + 1 ? to : (double)at + 1;
        row->busy[at] += (float)(end - begin);
    }
    if (failed)
        row->failed[axis_column(axis, to_us)] = true;
}

static void count_time(struct view *view, uint64_t wall_us)
{
    unsigned bin = 0;
    uint64_t end_us = 10;
    for (; end_us < wall_us && bin + 10 < VIEW_BINS; bin += 10)
        end_us *= 10;
    bin = bin < 10 ? 0 : bin - 9; // the first of that decade
    while (bin + 1 < VIEW_BINS &&
           (double)wall_us > view_bin_s(bin) * 1.0000001e6)
        bin++;
    view->bins[bin]++;
    view->bin_count++;
    view->bin_sum_us += wall_us;
}

static void take_attempt(struct view *view, const struct record *record)
{
    const int64_t end_us = record->start_us + (int64_t)record->wall_us;
    const bool failed = record->status != STATUS_OK;
    reach(view, record->start_us, end_us);
    view->attempts++;
    view->busy_us += record->wall_us;
    count_time(view, record->wall_us);
    struct view_row *const row = row_of(view, record);
    if (!row) {
        view->rowless++;
        return;
    }
    row->attempts++;
    row->busy_us += record->wall_us;
    fill_columns(&view->axis, row, record->start_us, end_us, failed);
    view->bars[view->bar_count++ % VIEW_BARS] =
        (struct view_bar){.start_us = record->start_us,
                          .wall_us = record->wall_us,
                          .task = record->task,
                          .row = (uint32_t)(row - view->rows),
                          .class = record->class};
}

double view_bin_s(unsigned bin)
{
    // Renard's R10, which has 1, 2 and 5.
    static const double PARTS[] = {1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8};
    double s = PARTS[bin % 10] * 1e-5;
    for (; bin >= 10; bin -= 10)
        s *= 10;
    return s;
}

// -- Tasks --------------------------------------------------------------------

static void name_task(struct view_task *task, const struct record *record)
{
    struct buffer values = {0};
    row_put_values(record, &values);
    *task = (struct view_task){.task = record->task,
                               .wall_us = record->wall_us,
                               .status = record->status,
                               .class = record->class,
                               .exit = record->exit,
                               .signal = record->signal,
                               .attempt = record->attempt,
                               .slot = record->slot};
    put_name(task->values, buffer_span(&values));
    put_name(task->host, record->host);
    buffer_free(&values);
}

static void keep_slow(struct view *view, const struct record *record)
{
    struct view_task *const slow = view->slowest;
    size_t at = view->slow_count;
    if (at == VIEW_SLOWEST) {
        if (record->wall_us <= slow[at - 1].wall_us)
            return;
        at--;
    } else {
        view->slow_count++;
    }
    for (; at > 0 && slow[at - 1].wall_us < record->wall_us; at--)
        slow[at] = slow[at - 1];
    name_task(&slow[at], record);
}

static bool is_like(const struct view_group *group, const struct record *record,
                    const char *line)
{
    return group->class == record->class && group->exit == record->exit &&
           group->signal == record->signal && strcmp(group->line, line) == 0;
}

// *index is that of the group, or VIEW_GROUPS where there are too many.
static int group_of(struct view *view, const struct record *record,
                    uint64_t *index)
{
    struct buffer line = {0};
    held_fold(record->err.size > 0 ? record->err : record->note, &line);
    put_u8(&line, 0);
    if (line.failed)
        return -ENOMEM;
    size_t at = 0;
    while (at < view->group_count &&
           !is_like(&view->groups[at], record, (const char *)line.at))
        at++;
    *index = at;
    if (at == view->group_count && at < VIEW_GROUPS) {
        view->groups[view->group_count++] =
            (struct view_group){.class = record->class,
                                .exit = record->exit,
                                .signal = record->signal,
                                .line = (char *)line.at};
        return 0;
    }
    buffer_free(&line);
    return 0;
}

static int take_failure(struct view *view, const struct record *record)
{
    uint64_t index;
    const int error = group_of(view, record, &index);
    if (error)
        return error;
    if (index == VIEW_GROUPS) {
        view->groupless++;
    } else {
        struct view_group *const group = &view->groups[index];
        group->attempts++;
        group->last[group->last_at] = record->task;
        group->last_at = (group->last_at + 1) % VIEW_TASKS;
        group->last_count += group->last_count < VIEW_TASKS;
    }
    return map_put(view->failing, record->task, index);
}

// What an earlier round has counted is not in force any more.
static void take_back(struct view *view, uint64_t task)
{
    uint64_t end;
    if (!numset_has(view->finals, task))
        return;
    if (!map_get(view->ended, task, &end)) {
        view->by_status[STATUS_OK]--;
        return;
    }
    view->by_status[end & ((1 << STATUS_BITS) - 1)]--;
    if (end >> STATUS_BITS < VIEW_GROUPS)
        view->groups[end >> STATUS_BITS].tasks--;
    map_remove(view->ended, task);
}

static int end_badly(struct view *view, const struct record *record)
{
    uint64_t index;
    if (!map_get(view->failing, record->task, &index)) {
        const int error = group_of(view, record, &index);
        if (error)
            return error;
    }
    if (index < VIEW_GROUPS)
        view->groups[index].tasks++;
    return map_put(view->ended, record->task,
                   index << STATUS_BITS | (uint64_t)record->status);
}

// Of a verdict, what its last attempt has left; it is among the last.
static void name_verdict(struct view *view, const struct record *record,
                         struct view_task *task)
{
    uint64_t index, at = view->bar_count;
    const uint64_t last = at > VIEW_BARS ? at - VIEW_BARS : 0;
    name_task(task, record);
    if (map_get(view->failing, record->task, &index) && index < VIEW_GROUPS)
        snprintf(task->values, VIEW_TEXT, "| %s", view->groups[index].line);
    while (at > last) {
        const struct view_bar *const bar = &view->bars[--at % VIEW_BARS];
        if (bar->task != record->task)
            continue;
        task->wall_us = bar->wall_us;
        task->slot = view->rows[bar->row].slot;
        memcpy(task->host, view->rows[bar->row].host, VIEW_TEXT);
        return;
    }
}

static void keep_recent(struct view *view, const struct record *record)
{
    struct view_task *const task =
        &view->recent[view->recent_count++ % VIEW_RECENT];
    if (has_run(record))
        name_task(task, record);
    else
        name_verdict(view, record, task);
}

static int take_final(struct view *view, const struct record *record,
                      bool behind)
{
    const bool ok = record->status == STATUS_OK;
    take_back(view, record->task);
    const int added = numset_add(view->finals, record->task);
    if (added < 0 && added != -ERANGE)
        return added;
    view->by_status[record->status]++;
    if (view->axis.origin_us != 0) {
        const int64_t at_us = has_run(record)
                                  ? record->start_us + (int64_t)record->wall_us
                                  : view->last_us;
        (ok ? view->done : view->bad)[axis_column(&view->axis, at_us)]++;
    }
    if (has_run(record))
        keep_slow(view, record);
    if (!behind)
        keep_recent(view, record);
    const int error = ok ? 0 : end_badly(view, record);
    map_remove(view->failing, record->task);
    return error;
}

int view_take(struct view *view, const struct record *record, bool behind)
{
    int error = held_take(view->held, record);
    view->records++;
    if (record->event == EVENT_RUN)
        view->run = record->run;
    if (record->event == EVENT_COMPLETE)
        view->complete = true;
    if (record->event == EVENT_RESUMED)
        view->complete = false;
    if (error || record->event != EVENT_NONE || record->task == 0)
        return error;
    if (has_run(record) || record->status == STATUS_LOST)
        view->by_class[record->class]++;
    if (has_run(record))
        take_attempt(view, record);
    if (record->status == STATUS_LOST ||
        (has_run(record) && record->status == STATUS_FAILED))
        error = take_failure(view, record);
    return error || !record->final ? error : take_final(view, record, behind);
}
