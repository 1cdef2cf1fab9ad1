#include "sink/stored.h"

#include "sink/grow.h"

#include <errno.h>
#include <stdlib.h>

void stored_free(struct stored *stored)
{
    free(stored->runs);
    free(stored->entries);
    *stored = (struct stored){0};
}

void stored_clear(struct stored *stored)
{
    stored->run_count = 0;
    stored->entry_count = 0;
}

static int add_run(struct stored *stored, uint64_t task)
{
    if (stored->run_count > 0) {
        struct wire_run *last = &stored->runs[stored->run_count - 1];
        if (task == last->first + last->count) {
            last->count += 1;
            return 0;
        }
    }
    if (grow(&stored->runs, &stored->run_capacity, stored->run_count,
             sizeof *stored->runs) < 0)
        return -ENOMEM;
    stored->runs[stored->run_count++] =
        (struct wire_run){.first = task, .count = 1};
    return 0;
}

static int add_entry(struct stored *stored, const struct record *record,
                     enum stored_kind kind)
{
    if (grow(&stored->entries, &stored->entry_capacity, stored->entry_count,
             sizeof *stored->entries) < 0)
        return -ENOMEM;
    stored->entries[stored->entry_count++] = (struct wire_stored_entry){
        .task = record->task,
        .round = record->round,
        .generation = record->generation,
        .attempt = record->attempt,
        .kind = (uint8_t)kind,
        .status = (uint8_t)record->status,
        .class = (uint8_t)record->class,
        .code = kind == STORED_FAILURE ? record_failure(record).code : 0,
    };
    return 0;
}

static int add_task(struct stored *stored, const struct record *record)
{
    if (record->final) {
        if (record->status == STATUS_OK && record->round == 0)
            return add_run(stored, record->task);
        return add_entry(stored, record, STORED_FINAL);
    }
    if (record->status == STATUS_LOST)
        return add_entry(stored, record, STORED_LOSS);
    if (record->status == STATUS_HELD)
        return add_entry(stored, record, STORED_HELD);
    return add_entry(stored, record,
                     record->copy ? STORED_COPY : STORED_FAILURE);
}

int stored_add(struct stored *stored, const struct record *record)
{
    if (record->event == EVENT_NONE)
        return add_task(stored, record);
    if (record->event == EVENT_REOPENED)
        return add_entry(stored, record, STORED_REOPENED);
    if (record->event == EVENT_DECISION)
        return add_entry(stored, record, STORED_HELD);
    return 0;
}

static int by_first(const void *left, const void *right)
{
    const struct wire_run *a = left;
    const struct wire_run *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

void stored_settle(struct stored *stored)
{
    if (stored->run_count < 2)
        return;
    qsort(stored->runs, stored->run_count, sizeof *stored->runs, by_first);
    size_t kept = 0;
    for (size_t i = 1; i < stored->run_count; i++) {
        struct wire_run *last = &stored->runs[kept];
        if (stored->runs[i].first == last->first + last->count)
            last->count += stored->runs[i].count;
        else
            stored->runs[++kept] = stored->runs[i];
    }
    stored->run_count = kept + 1;
}
