#include "command/follow.h"

#include "command/spill.h"
#include "common/base/map.h"
#include "common/base/numset.h"

#include <errno.h>
#include <stdlib.h>

// What a task has spilled: values, stdout and stderr, one after the other.
struct held {
    struct spill_piece piece;
    size_t values_size, out_size;
    bool final; // it waits for its turn, else for its final record
    size_t next_free;
};

struct follow {
    bool keep_order;
    struct follow_place start; // where the process before had come to
    uint64_t offset;
    follow_print *print;
    void *context;
    struct spill spill;
    struct map *holds; // task -> index into helds
    struct held *helds;
    size_t held_count, held_capacity;
    size_t free;            // 1 + index of an unused one; 0: none
    struct map *bad;        // task -> status, of those final and not ok
    struct numset *passed;  // keep_order: tasks that are final, or were held
    struct numset *waiting; // tasks that are held
    uint64_t next;          // keep_order: all below are printed
    struct buffer text;
    struct follow_counts counts;
};

static struct follow_place continue_from(const struct follow_place *printed,
                                         bool keep_order)
{
    struct follow_place start = *printed;
    if (start.next == 0)
        start.next = keep_order ? 1 : UINT64_MAX;
    // Printed so far as it came, from here in order.
    if (keep_order && start.next == UINT64_MAX) {
        start.past = start.offset > start.past ? start.offset : start.past;
        start.next = 1;
    }
    return start;
}

struct follow *follow_create(bool keep_order,
                             const struct follow_place *printed,
                             follow_print *print, void *context)
{
    struct follow *follow = calloc(1, sizeof *follow);
    if (!follow)
        return NULL;
    spill_init(&follow->spill);
    follow->keep_order = keep_order;
    follow->start = continue_from(printed, keep_order);
    follow->print = print;
    follow->context = context;
    follow->next = 1;
    follow->holds = map_create();
    follow->bad = map_create();
    follow->passed = numset_create();
    follow->waiting = numset_create();
    if (!follow->holds || !follow->bad || !follow->passed || !follow->waiting)
        follow_destroy(&follow);
    return follow;
}

void follow_destroy(struct follow **follow)
{
    struct follow *const gone = *follow;
    if (!gone)
        return;
    spill_clear(&gone->spill);
    map_destroy(&gone->holds);
    map_destroy(&gone->bad);
    numset_destroy(&gone->passed);
    numset_destroy(&gone->waiting);
    buffer_free(&gone->text);
    free(gone->helds);
    free(gone);
    *follow = NULL;
}

static struct held *held_of(const struct follow *follow, uint64_t task)
{
    uint64_t index;
    return map_get(follow->holds, task, &index) ? &follow->helds[index] : NULL;
}

static void let_go(struct follow *follow, uint64_t task)
{
    struct held *const held = held_of(follow, task);
    if (!held)
        return;
    map_remove(follow->holds, task);
    spill_drop(&follow->spill);
    held->next_free = follow->free;
    follow->free = (size_t)(held - follow->helds) + 1;
}

static int make_room(struct follow *follow, size_t *index)
{
    if (follow->free > 0) {
        *index = follow->free - 1;
        follow->free = follow->helds[*index].next_free;
        return 0;
    }
    if (follow->held_count == follow->held_capacity) {
        const size_t capacity =
            follow->held_capacity ? 2 * follow->held_capacity : 64;
        struct held *const grown =
            reallocarray(follow->helds, capacity, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        follow->helds = grown;
        follow->held_capacity = capacity;
    }
    *index = follow->held_count++;
    return 0;
}

static int hold(struct follow *follow, const struct follow_output *output,
                bool final)
{
    struct held held = {.values_size = output->values.size,
                        .out_size = output->out.size,
                        .final = final};
    size_t index;
    let_go(follow, output->task);
    buffer_clear(&follow->text);
    buffer_append(&follow->text, output->values.at, output->values.size);
    buffer_append(&follow->text, output->out.at, output->out.size);
    buffer_append(&follow->text, output->err.at, output->err.size);
    if (follow->text.failed)
        return -ENOMEM;
    int error =
        spill_put(&follow->spill, buffer_span(&follow->text), &held.piece);
    if (error)
        return error;
    error = make_room(follow, &index);
    if (!error) {
        follow->helds[index] = held;
        error = map_put(follow->holds, output->task, index);
    }
    if (error)
        spill_drop(&follow->spill);
    return error;
}

// Reads back what a task holds, into `text`.
static int recall(struct follow *follow, uint64_t task,
                  struct follow_output *output)
{
    const struct held *const held = held_of(follow, task);
    *output = (struct follow_output){.task = task};
    if (!held)
        return 0;
    buffer_clear(&follow->text);
    const int error = spill_get(&follow->spill, held->piece, &follow->text);
    if (error || !follow->text.at)
        return error;
    const uint8_t *const at = follow->text.at;
    const size_t before = held->values_size + held->out_size;
    output->values = (struct span){at, held->values_size};
    output->out = (struct span){at + held->values_size, held->out_size};
    output->err = (struct span){at + before, held->piece.size - before};
    return 0;
}

static int print_held(struct follow *follow, uint64_t task)
{
    struct follow_output output;
    const struct held *const held = held_of(follow, task);
    if (!held || !held->final)
        return 0;
    const int error = recall(follow, task, &output);
    if (!error)
        follow->print(follow->context, &output);
    let_go(follow, task);
    return error;
}

static int tally(struct follow *follow, const struct record *record)
{
    uint64_t before;
    struct follow_counts *const counts = &follow->counts;
    if (map_get(follow->bad, record->task, &before)) {
        counts->by_status[before]--;
        map_remove(follow->bad, record->task);
        if (counts->first_bad == record->task)
            counts->first_bad = 0;
    }
    counts->by_status[record->status]++;
    if (record->status == STATUS_OK)
        return 0;
    if (counts->first_bad == 0)
        counts->first_bad = record->task;
    return map_put(follow->bad, record->task, (uint64_t)record->status);
}

// Passes over all tasks that are final, from `next` on, printing what waits.
static int drain(struct follow *follow)
{
    while (numset_has(follow->passed, follow->next)) {
        const int error = print_held(follow, follow->next);
        if (error)
            return error;
        follow->next++;
    }
    return 0;
}

static bool was_printed(const struct follow *follow, uint64_t task,
                        uint64_t end)
{
    const struct follow_place *const start = &follow->start;
    return end <= start->past || (end <= start->offset && task < start->next);
}

// The record's own output, or what its last failed attempt has left.
static int print_now(struct follow *follow, const struct record *record,
                     const struct follow_output *own)
{
    struct follow_output output = *own;
    const int error =
        record_of_worker(record) ? 0 : recall(follow, record->task, &output);
    if (!error)
        follow->print(follow->context, &output);
    let_go(follow, record->task);
    return error;
}

static int take_final(struct follow *follow, const struct record *record,
                      uint64_t end)
{
    const struct follow_output own = {.task = record->task,
                                      .values = record->values,
                                      .out = record->out,
                                      .err = record->err};
    struct held *const held = held_of(follow, record->task);
    int error = 0;
    if (was_printed(follow, record->task, end))
        let_go(follow, record->task);
    else if (!follow->keep_order || record->task <= follow->next)
        error = print_now(follow, record, &own);
    else if (!record_of_worker(record) && held)
        held->final = true;
    else
        error = hold(follow, &own, true);
    if (error || !follow->keep_order)
        return error;
    const int added = numset_add(follow->passed, record->task);
    return added < 0 ? added : drain(follow);
}

static int take_attempt(struct follow *follow, const struct record *record)
{
    const struct follow_output output = {.task = record->task,
                                         .values = record->values,
                                         .out = record->out,
                                         .err = record->err};
    follow->counts.attempts_failed++;
    if (record->status != STATUS_FAILED)
        return 0;
    const struct held *const held = held_of(follow, record->task);
    if (held && held->final)
        return 0; // its turn comes with what it was first; fan results has all
    return hold(follow, &output, false);
}

// A task that waits for a person yields its place.
static int take_decision(struct follow *follow, const struct record *record)
{
    const bool waits = record->status == STATUS_HELD;
    const int changed = waits ? numset_add(follow->waiting, record->task)
                              : numset_remove(follow->waiting, record->task);
    if (changed < 0 || !waits || !follow->keep_order)
        return changed < 0 ? changed : 0;
    const int added = numset_add(follow->passed, record->task);
    return added < 0 ? added : drain(follow);
}

int follow_record(struct follow *follow, const struct record *record,
                  uint64_t end)
{
    follow->offset = end;
    if (record->event == EVENT_COMPLETE)
        follow->counts.complete = true;
    if (record->event == EVENT_RESUMED)
        follow->counts.complete = false;
    if (record->event == EVENT_DECISION)
        return take_decision(follow, record);
    if (record->event != EVENT_NONE || record->task == 0)
        return 0;
    if (!record->final)
        return take_attempt(follow, record);
    if (numset_remove(follow->waiting, record->task) < 0)
        return -ENOMEM;
    const int error = tally(follow, record);
    return error ? error : take_final(follow, record, end);
}

static int by_number(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

int follow_finish(struct follow *follow)
{
    const size_t count = map_count(follow->holds);
    if (!follow->keep_order || count == 0)
        return 0;
    uint64_t *const tasks = calloc(count, sizeof *tasks);
    if (!tasks)
        return -ENOMEM;
    size_t cursor = 0, used = 0;
    uint64_t task, index;
    while (used < count && map_next(follow->holds, &cursor, &task, &index))
        if (follow->helds[index].final)
            tasks[used++] = task;
    qsort(tasks, used, sizeof *tasks, by_number);
    int error = 0;
    for (size_t i = 0; i < used && !error; i++)
        error = print_held(follow, tasks[i]);
    // What was printed out of turn must not be printed in turn later.
    if (used > 0)
        follow->start.past = follow->offset;
    free(tasks);
    return error;
}

struct follow_place follow_place(const struct follow *follow)
{
    const struct follow_place *const start = &follow->start;
    struct follow_place place = *start;
    if (follow->offset > place.offset)
        place.offset = follow->offset;
    if (!follow->keep_order)
        place.next = UINT64_MAX;
    else if (follow->next > place.next)
        place.next = follow->next;
    return place;
}

void follow_counts(const struct follow *follow, struct follow_counts *counts)
{
    *counts = follow->counts;
    counts->held = numset_count(follow->waiting);
}
