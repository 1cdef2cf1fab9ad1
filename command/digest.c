#include "command/digest.h"

#include "command/held.h"
#include "command/row.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has_run(const struct record *record)
{
    return record->event == EVENT_NONE && record->start_us > 0;
}

void digest_span(struct digest *digest, const struct record *record)
{
    const int64_t end_us = record->start_us + (int64_t)record->wall_us;
    if (!has_run(record))
        return;
    if (digest->first_us == 0 || record->start_us < digest->first_us)
        digest->first_us = record->start_us;
    if (end_us > digest->last_us)
        digest->last_us = end_us;
}

static int add_row(struct digest *digest, const struct record *record,
                   struct digest_row **row)
{
    struct digest_row *const grown =
        reallocarray(digest->rows, digest->row_count + 1, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    digest->rows = grown;
    *row = &grown[digest->row_count];
    **row = (struct digest_row){
        .worker = record->worker,
        .slot = record->slot,
        .met = digest->row_count,
        .host = strndup((const char *)record->host.at, record->host.size)};
    if (!(*row)->host)
        return -ENOMEM;
    digest->row_count++;
    return 0;
}

// *row is NULL where there is no room for one more.
static int find_row(struct digest *digest, const struct record *record,
                    struct digest_row **row)
{
    for (size_t i = 0; i < digest->row_count; i++) {
        *row = &digest->rows[i];
        if ((*row)->slot == record->slot &&
            id128_equal(&(*row)->worker, &record->worker))
            return 0;
    }
    *row = NULL;
    return digest->row_count < DIGEST_ROWS ? add_row(digest, record, row) : 0;
}

// Spreads an attempt over the columns of its row.
static void fill_columns(const struct digest *digest, struct digest_row *row,
                         const struct record *record, bool failed)
{
    const double width =
        (double)(digest->last_us - digest->first_us) / DIGEST_COLUMNS;
    if (width <= 0)
        return;
    const double from = (double)(record->start_us - digest->first_us) / width;
    const double to = from + (double)record->wall_us / width;
    size_t at = from > 0 ? (size_t)from : 0;
    for (; at < DIGEST_COLUMNS && (double)at < to; at++) {
        const double begin = from > (double)at ? from : (double)at;
        const double end = to < (double)at + 1 ? to : (double)at + 1;
        row->busy[at] += (float)(end - begin);
    }
    if (failed)
        row->failed[at > 0 && at <= DIGEST_COLUMNS ? at - 1 : 0] = true;
}

static int add_bar(struct digest *digest, size_t row,
                   const struct record *record, bool failed)
{
    if (digest->bar_count++ >= DIGEST_BARS)
        return 0;
    if (!digest->bars)
        digest->bars = calloc(DIGEST_BARS, sizeof *digest->bars);
    if (!digest->bars)
        return -ENOMEM;
    digest->bars[digest->bar_count - 1] =
        (struct digest_bar){.row = row,
                            .start_us = record->start_us,
                            .wall_us = record->wall_us,
                            .task = record->task,
                            .failed = failed};
    return 0;
}

int digest_attempt(struct digest *digest, const struct record *record)
{
    struct digest_row *row;
    const bool failed = record->status != STATUS_OK;
    digest->losses += record->status == STATUS_LOST;
    if (!has_run(record))
        return 0;
    digest->attempts++;
    digest->busy_us += record->wall_us;
    const int error = find_row(digest, record, &row);
    if (error != 0)
        return error;
    if (!row) {
        digest->rowless++;
        return 0;
    }
    row->attempts++;
    row->busy_us += record->wall_us;
    fill_columns(digest, row, record, failed);
    return add_bar(digest, (size_t)(row - digest->rows), record, failed);
}

double digest_bin_s(unsigned bin)
{
    return pow(10, (double)bin / 3 - 6);
}

static void count_time(struct digest *digest, uint64_t wall_us)
{
    const double place = wall_us > 1 ? floor(3 * log10((double)wall_us)) : 0;
    const unsigned bin =
        place < DIGEST_BINS ? (unsigned)place : DIGEST_BINS - 1;
    digest->bins[bin]++;
}

static int keep_slow(struct digest *digest, const struct record *record)
{
    struct digest_slow *const slow = digest->slowest;
    size_t at = digest->slow_count;
    if (at == DIGEST_SLOWEST) {
        if (record->wall_us <= slow[at - 1].wall_us)
            return 0;
        at--;
        free(slow[at].values);
        free(slow[at].host);
    } else {
        digest->slow_count++;
    }
    for (; at > 0 && slow[at - 1].wall_us < record->wall_us; at--)
        slow[at] = slow[at - 1];
    struct buffer values = {0};
    row_put_values(record, &values);
    slow[at] = (struct digest_slow){
        .task = record->task,
        .wall_us = record->wall_us,
        .values = strndup(values.size > 0 ? (const char *)values.at : "",
                          values.size),
        .host = strndup((const char *)record->host.at, record->host.size)};
    buffer_free(&values);
    return slow[at].values && slow[at].host ? 0 : -ENOMEM;
}

static int add_group(struct digest *digest, const struct record *record,
                     struct buffer *line)
{
    struct digest_group *const grown =
        reallocarray(digest->groups, digest->group_count + 1, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    digest->groups = grown;
    grown[digest->group_count++] =
        (struct digest_group){.class = record->class,
                              .exit = record->exit,
                              .signal = record->signal,
                              .line = (char *)line->at,
                              .count = 1,
                              .example = record->task};
    *line = (struct buffer){0};
    return 0;
}

static int count_failure(struct digest *digest, const struct record *record)
{
    struct buffer line = {0};
    int error = 0;
    held_fold(record->err.size > 0 ? record->err : record->note, &line);
    put_u8(&line, 0);
    if (line.failed)
        return -ENOMEM;
    size_t at = 0;
    for (; at < digest->group_count; at++) {
        const struct digest_group *const group = &digest->groups[at];
        if (group->class == record->class && group->exit == record->exit &&
            group->signal == record->signal &&
            strcmp(group->line, (const char *)line.at) == 0)
            break;
    }
    if (at < digest->group_count)
        digest->groups[at].count++;
    else if (at < DIGEST_GROUPS)
        error = add_group(digest, record, &line);
    else
        digest->groupless++;
    buffer_free(&line);
    return error;
}

int digest_result(struct digest *digest, const struct record *record)
{
    if (record->event != EVENT_NONE || !record->final)
        return 0;
    digest->tasks++;
    digest->by_status[record->status]++;
    if (has_run(record)) {
        count_time(digest, record->wall_us);
        const int error = keep_slow(digest, record);
        if (error != 0)
            return error;
    }
    return record->status == STATUS_OK ? 0 : count_failure(digest, record);
}

static int by_count(const void *left, const void *right)
{
    const struct digest_group *const a = left, *const b = right;
    return a->count != b->count      ? (a->count < b->count ? 1 : -1)
           : a->example < b->example ? -1
                                     : a->example > b->example;
}

static int by_place(const void *left, const void *right)
{
    const struct digest_row *const a = left, *const b = right;
    const int hosts = strcmp(a->host, b->host);
    if (hosts != 0)
        return hosts;
    const int workers = memcmp(&a->worker, &b->worker, sizeof a->worker);
    return workers != 0 ? workers : a->slot < b->slot ? -1 : a->slot > b->slot;
}

static void sort_rows(struct digest *digest)
{
    size_t now[DIGEST_ROWS] = {0};
    if (digest->row_count == 0)
        return;
    qsort(digest->rows, digest->row_count, sizeof *digest->rows, by_place);
    for (size_t i = 0; i < digest->row_count; i++)
        now[digest->rows[i].met] = i;
    for (size_t i = 0; i < digest->bar_count && i < DIGEST_BARS; i++)
        digest->bars[i].row = now[digest->bars[i].row];
}

void digest_settle(struct digest *digest)
{
    sort_rows(digest);
    if (digest->group_count > 0)
        qsort(digest->groups, digest->group_count, sizeof *digest->groups,
              by_count);
}

void digest_clear(struct digest *digest)
{
    for (size_t i = 0; i < digest->row_count; i++)
        free(digest->rows[i].host);
    for (size_t i = 0; i < digest->slow_count; i++) {
        free(digest->slowest[i].values);
        free(digest->slowest[i].host);
    }
    for (size_t i = 0; i < digest->group_count; i++)
        free(digest->groups[i].line);
    free(digest->rows);
    free(digest->bars);
    free(digest->groups);
    *digest = (struct digest){0};
}
