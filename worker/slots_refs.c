#include "worker/slots_refs.h"

#include <stdlib.h>
#include <string.h>

void refs_free(struct refs *refs)
{
    free(refs->at);
    *refs = (struct refs){0};
}

static bool reserve(struct refs *refs, size_t capacity)
{
    if (capacity <= refs->capacity)
        return true;
    struct wire_refs *at = realloc(refs->at, capacity * sizeof *at);
    if (!at)
        return false;
    refs->at = at;
    refs->capacity = capacity;
    return true;
}

bool refs_begin(struct refs *refs, size_t capacity)
{
    refs->first = refs->count = 0;
    refs->stale = !reserve(refs, capacity);
    return !refs->stale;
}

static bool fit(const struct wire_refs *refs, const struct slot_task *task)
{
    return refs->generation == task->generation &&
           refs->attempt == task->attempt;
}

static struct wire_refs run_of(const struct slot_task *task)
{
    return (struct wire_refs){.task = task->task,
                              .count = 1,
                              .generation = task->generation,
                              .attempt = task->attempt};
}

// Room behind the last: what was dropped in front is used again.
static bool make_room(struct refs *refs)
{
    enum { CAPACITY_MIN = 16 };
    if (refs->first + refs->count < refs->capacity)
        return true;
    if (refs->first > refs->capacity / 2) {
        memmove(refs->at, refs->at + refs->first,
                refs->count * sizeof *refs->at);
        refs->first = 0;
        return true;
    }
    return reserve(refs, refs->capacity * 2 + CAPACITY_MIN);
}

void refs_append(struct refs *refs, const struct slot_task *task)
{
    if (refs->stale)
        return;
    if (refs->count > 0) {
        struct wire_refs *last = &refs->at[refs->first + refs->count - 1];
        if (fit(last, task) && last->task + last->count == task->task) {
            last->count++;
            return;
        }
    }
    refs->stale = !make_room(refs);
    if (!refs->stale)
        refs->at[refs->first + refs->count++] = run_of(task);
}

void refs_prepend(struct refs *refs, const struct slot_task *task)
{
    if (refs->count == 0) {
        refs_append(refs, task);
        return;
    }
    struct wire_refs *head = &refs->at[refs->first];
    if (fit(head, task) && task->task + 1 == head->task) {
        head->task--;
        head->count++;
    } else if (refs->first > 0) {
        refs->at[--refs->first] = run_of(task);
        refs->count++;
    } else {
        refs->stale = true;
    }
}

void refs_drop_first(struct refs *refs)
{
    if (refs->stale)
        return;
    struct wire_refs *head = &refs->at[refs->first];
    head->task++;
    if (--head->count > 0)
        return;
    refs->count--;
    refs->first = refs->count > 0 ? refs->first + 1 : 0;
}

void refs_drop_last(struct refs *refs)
{
    if (refs->stale)
        return;
    struct wire_refs *last = &refs->at[refs->first + refs->count - 1];
    if (--last->count == 0)
        refs->count--;
}

struct wire_refs_out refs_out(const struct refs *refs)
{
    return (struct wire_refs_out){refs->at + refs->first, refs->count};
}
