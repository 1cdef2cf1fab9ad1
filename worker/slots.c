#include "worker/slots.h"

#include "common/base/map.h"
#include "common/base/mutant.h"
#include "worker/slots_list.h"
#include "worker/slots_pool.h"
#include "worker/slots_refs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct slots {
    uint32_t lane;
    uint64_t received;
    uint64_t finished, busy_us, dropped;
    bool draining, listed;
    struct list queue, running, abandoned;
    // Tasks come with growing numbers, but those that come again: what is
    // held is looked up, and so indexed, from the first that does not on.
    bool indexed;
    uint64_t highest;   // number, since there was nothing here
    uint32_t in_order;  // tasks with higher numbers since the last without
    struct map *newest; // task number -> its newest attempt held here
    uint32_t older;     // running attempts that are not their task's newest
    struct pool pool;
    struct refs queued_refs, running_refs, recalled_refs;
    uint32_t room, count, free_count;
    uint32_t *free; // a stack of slot numbers
    struct slot_task *at[];
};

static void list_free(struct list *list, struct pool *pool)
{
    while (list->head) {
        struct slot_task *task = list->head;
        list_remove(list, task);
        pool_give(pool, task);
    }
}

struct slots *slots_create(uint32_t count)
{
    assert(count >= 1);
    const size_t places = (count + (size_t)1) * sizeof(void *); // 0 is no slot
    struct slots *slots = calloc(1, sizeof *slots + places);
    if (!slots)
        return NULL;
    slots->room = count;
    slots->newest = map_create();
    slots->free = calloc(count, sizeof *slots->free);
    if (!slots->newest || !slots->free) {
        slots_destroy(&slots);
        return NULL;
    }
    slots_use(slots, count);
    return slots;
}

void slots_use(struct slots *slots, uint32_t count)
{
    assert(count <= slots->room && slots->running.count == 0);
    slots->count = count;
    slots->free_count = 0;
    for (uint32_t slot = count; slot >= 1; slot--)
        slots->free[slots->free_count++] = slot;
}

uint32_t slots_room(const struct slots *slots)
{
    return slots->room;
}

void slots_destroy(struct slots **slots)
{
    if (!*slots)
        return;
    list_free(&(*slots)->queue, &(*slots)->pool);
    list_free(&(*slots)->running, &(*slots)->pool);
    list_free(&(*slots)->abandoned, &(*slots)->pool);
    if ((*slots)->newest)
        map_destroy(&(*slots)->newest);
    refs_free(&(*slots)->queued_refs);
    refs_free(&(*slots)->running_refs);
    refs_free(&(*slots)->recalled_refs);
    free((*slots)->free);
    pool_free(&(*slots)->pool);
    free(*slots);
    *slots = NULL;
}

uint32_t slots_open_lane(struct slots *slots)
{
    slots->received = 0;
    return ++slots->lane;
}

uint32_t slots_lane(const struct slots *slots)
{
    return slots->lane;
}

enum lane_verdict slots_receive(struct slots *slots, uint32_t lane,
                                uint64_t number)
{
    if ((lane == slots->lane || MUTANT(LANE_ANY)) &&
        (number == slots->received + 1 ||
         (MUTANT(TASKS_GAP) && number > slots->received))) {
        slots->received = number;
        return LANE_TAKE;
    }
    slots->dropped++;
    if (lane != slots->lane)
        return LANE_OTHER;
    return number <= slots->received ? LANE_DUPLICATE : LANE_GAP;
}

void slots_drop(struct slots *slots)
{
    slots->dropped++;
}

static struct slot_task *newest(const struct slots *slots, uint64_t task)
{
    uint64_t value;
    if (!map_get(slots->newest, task, &value))
        return NULL;
    return (struct slot_task *)(uintptr_t)value; // NOLINT(performance-*)
}

static struct slot_task *
copy_of(struct pool *pool, const struct wire_task *task, uint32_t generation)
{
    struct slot_task *copy = pool_take(pool, task->payload.size);
    if (!copy)
        return NULL;
    uint8_t *payload = (uint8_t *)(copy + 1);
    if (task->payload.size > 0)
        memcpy(payload, task->payload.at, task->payload.size);
    *copy = (struct slot_task){.task = task->task,
                               .round = task->round,
                               .generation = generation,
                               .attempt = task->attempt,
                               .failures = task->failures,
                               .alone = task->flags & TASK_ALONE,
                               .copy = task->flags & TASK_COPY,
                               .edited = task->flags & TASK_EDITED,
                               .timeout_ms = task->timeout_ms > INT64_MAX
                                                 ? INT64_MAX
                                                 : (int64_t)task->timeout_ms,
                               .mem_max = task->mem_max,
                               .key = task->key,
                               .block = copy->block,
                               .payload = {payload, task->payload.size}};
    return copy;
}

static bool is_newer(const struct slot_task *left,
                     const struct slot_task *right)
{
    if (left->generation != right->generation)
        return left->generation > right->generation;
    return left->attempt > right->attempt;
}

// The newest running attempt of a task.
static struct slot_task *newest_running(const struct slots *slots,
                                        uint64_t task)
{
    struct slot_task *found = NULL;
    for (struct slot_task *at = slots->running.head; at; at = at->after)
        if (at->task == task && (!found || is_newer(at, found)))
            found = at;
    return found;
}

// Call when it is off its list: it is not held any more.
static void disown(struct slots *slots, const struct slot_task *task)
{
    if (!slots->indexed)
        return;
    const bool was_newest = newest(slots, task->task) == task;
    struct slot_task *older = was_newest && slots->older > 0
                                  ? newest_running(slots, task->task)
                                  : NULL;
    slots->older -= !was_newest || older;
    if (older) // an entry that is there needs no memory
        (void)map_put(slots->newest, task->task, (uintptr_t)older);
    else if (was_newest)
        (void)map_remove(slots->newest, task->task);
}

static void forget(struct slots *slots, struct slot_task *task)
{
    disown(slots, task);
    pool_give(&slots->pool, task);
}

static void replace(struct list *queue, struct slot_task *old,
                    struct slot_task *fresh)
{
    fresh->before = old->before;
    fresh->after = old->after;
    if (old->before)
        old->before->after = fresh;
    else
        queue->head = fresh;
    if (old->after)
        old->after->before = fresh;
    else
        queue->tail = fresh;
}

// Each is the only attempt at its task here: another would have been looked up.
static int index_all(struct slots *slots)
{
    const struct list *const lists[] = {&slots->running, &slots->queue};
    int code = 0;
    slots->indexed = true;
    for (size_t i = 0; i < 2 && code == 0; i++)
        for (struct slot_task *at = lists[i]->head; at && code == 0;
             at = at->after)
            code = map_put(slots->newest, at->task, (uintptr_t)at);
    return code;
}

static void drop_index(struct slots *slots)
{
    const struct list *const lists[] = {&slots->running, &slots->queue};
    for (size_t i = 0; i < 2; i++)
        for (const struct slot_task *at = lists[i]->head; at; at = at->after)
            (void)map_remove(slots->newest, at->task);
    slots->indexed = false;
}

// The attempt of that number that is held, if any. 0 or -ENOMEM.
static int look_up(struct slots *slots, uint64_t task, struct slot_task **held)
{
    enum { CALM = 1 << 16 };
    *held = NULL;
    if (slots->queue.count == 0 && slots->running.count == 0) {
        slots->highest = 0;
        slots->indexed = false; // and the index is empty
    }
    const bool next = task > slots->highest;
    slots->in_order = next ? slots->in_order + 1 : 0;
    if (slots->indexed && slots->older == 0 && slots->in_order > CALM)
        drop_index(slots);
    if (next && !slots->indexed)
        return 0;
    if (!slots->indexed && index_all(slots) < 0) {
        drop_index(slots);
        return -ENOMEM;
    }
    *held = newest(slots, task);
    return 0;
}

static int put_in_queue(struct slots *slots, struct slot_task *copy,
                        struct slot_task *held)
{
    if (slots->indexed &&
        map_put(slots->newest, copy->task, (uintptr_t)copy) < 0)
        return -ENOMEM;
    if (copy->task > slots->highest)
        slots->highest = copy->task;
    if (held && held->slot == 0) {
        replace(&slots->queue, held, copy);
        slots->queued_refs.stale = true;
        pool_give(&slots->pool, held);
    } else {
        slots->older += held != NULL;
        list_append(&slots->queue, copy);
        refs_append(&slots->queued_refs, copy);
    }
    return 1;
}

int slots_add(struct slots *slots, const struct wire_task *task,
              uint32_t generation)
{
    struct slot_task *held;
    if (slots->queue.count >= WIRE_RUNS_MAX)
        return -ENOBUFS;
    if (look_up(slots, task->task, &held) < 0)
        return -ENOMEM;
    struct slot_task *copy = copy_of(&slots->pool, task, generation);
    if (!copy)
        return -ENOMEM;
    const int code =
        held && !is_newer(copy, held) ? 0 : put_in_queue(slots, copy, held);
    if (code <= 0)
        pool_give(&slots->pool, copy);
    return code;
}

static struct slot_task *next_startable(const struct slots *slots)
{
    struct slot_task *task = slots->queue.head;
    if (!task || slots->draining)
        return NULL;
    const struct slot_task *busy = slots->running.head;
    return busy && (task->alone || busy->alone) ? NULL : task;
}

static void start(struct slots *slots, struct slot_task *task, uint32_t slot)
{
    list_remove(&slots->queue, task); // the head
    refs_drop_first(&slots->queued_refs);
    list_append(&slots->running, task);
    task->slot = slot;
}

const struct slot_task *slots_start(struct slots *slots)
{
    struct slot_task *task = next_startable(slots);
    if (!task || slots->free_count == 0)
        return NULL;
    start(slots, task, slots->free[--slots->free_count]);
    slots->at[task->slot] = task;
    return task;
}

const struct slot_task *slots_hand(struct slots *slots, uint32_t slot)
{
    assert(slot >= 1 && slot <= slots->count);
    struct slot_task *task = next_startable(slots);
    if (task)
        start(slots, task, slot);
    return task;
}

const struct slot_task *slots_running(const struct slots *slots, uint32_t slot)
{
    return slot >= 1 && slot <= slots->count ? slots->at[slot] : NULL;
}

void slots_finish(struct slots *slots, uint32_t slot, uint64_t busy_us,
                  bool counted)
{
    assert(slot >= 1 && slot <= slots->count && slots->at[slot]);
    struct slot_task *task = slots->at[slot];
    slots->at[slot] = NULL;
    slots->free[slots->free_count++] = slot;
    list_remove(&slots->running, task);
    forget(slots, task);
    if (counted) {
        slots->finished++;
        slots->busy_us += busy_us;
    }
}

// They are ours: what we lend is const.
static struct slot_task *own(const struct slot_task *task)
{
    return (struct slot_task *)(uintptr_t)task; // NOLINT(performance-*)
}

void slots_end(struct slots *slots, const struct slot_task *task)
{
    assert(task->slot != 0);
    list_remove(&slots->running, own(task));
    forget(slots, own(task));
    slots->finished++;
}

void slots_busy(struct slots *slots, uint64_t busy_us)
{
    slots->busy_us += busy_us;
}

void slots_unhand(struct slots *slots, const struct slot_task *task)
{
    assert(task->slot != 0);
    struct slot_task *back = own(task);
    list_remove(&slots->running, back);
    if (slots->indexed && newest(slots, back->task) != back) {
        forget(slots, back);
        return;
    }
    back->slot = 0;
    list_prepend(&slots->queue, back);
    refs_prepend(&slots->queued_refs, back);
}

void slots_abandon(struct slots *slots, const struct slot_task *task)
{
    assert(task->slot != 0);
    list_remove(&slots->running, own(task));
    list_append(&slots->abandoned, own(task));
    disown(slots, task);
    slots->finished++;
}

struct wire_refs_out slots_recall(struct slots *slots, uint32_t count)
{
    struct refs *refs = &slots->recalled_refs;
    if (count > slots->queue.count)
        count = slots->queue.count;
    if (!refs_begin(refs, count) || count == 0)
        return (struct wire_refs_out){0};
    struct slot_task *task = slots->queue.tail;
    for (uint32_t i = 1; i < count; i++)
        task = task->before;
    while (task) {
        struct slot_task *after = task->after;
        refs_append(refs, task);
        refs_drop_last(&slots->queued_refs);
        list_remove(&slots->queue, task);
        forget(slots, task);
        task = after;
    }
    return refs_out(refs);
}

void slots_drain(struct slots *slots)
{
    slots->draining = true;
}

bool slots_draining(const struct slots *slots)
{
    return slots->draining;
}

static bool names(const struct wire_refs *refs, const struct slot_task *task)
{
    return task->task >= refs->task && task->task - refs->task < refs->count &&
           task->generation == refs->generation &&
           task->attempt == refs->attempt;
}

uint32_t slots_cancel(struct slots *slots, const struct wire_refs *refs,
                      void (*stop)(void *argument,
                                   const struct slot_task *task),
                      void *argument)
{
    uint32_t removed = 0;
    struct slot_task *after;
    for (struct slot_task *task = slots->queue.head; task; task = after) {
        after = task->after;
        if (!names(refs, task))
            continue;
        list_remove(&slots->queue, task);
        slots->queued_refs.stale = true;
        forget(slots, task);
        removed++;
    }
    for (struct slot_task *task = slots->running.head; task; task = after) {
        after = task->after;
        if (names(refs, task))
            stop(argument, task);
    }
    return removed;
}

uint32_t slots_count(const struct slots *slots)
{
    return slots->count;
}

uint32_t slots_queued_count(const struct slots *slots)
{
    return slots->queue.count;
}

uint32_t slots_running_count(const struct slots *slots)
{
    return slots->running.count;
}

static struct wire_refs_out
list_refs(struct slots *slots, const struct list *list, struct refs *refs)
{
    slots->listed = refs_begin(refs, list->count);
    if (!slots->listed)
        return (struct wire_refs_out){0};
    for (const struct slot_task *task = list->head; task; task = task->after)
        refs_append(refs, task);
    return refs_out(refs);
}

struct wire_refs_out slots_list_queued(struct slots *slots)
{
    slots->listed = !slots->queued_refs.stale;
    return slots->listed ? refs_out(&slots->queued_refs)
                         : list_refs(slots, &slots->queue, &slots->queued_refs);
}

struct wire_refs_out slots_list_running(struct slots *slots)
{
    return list_refs(slots, &slots->running, &slots->running_refs);
}

bool slots_listed(const struct slots *slots)
{
    return slots->listed;
}

void slots_report(const struct slots *slots, struct wire_report *report)
{
    report->lane = slots->lane;
    report->received = slots->received;
    report->finished = slots->finished;
    report->busy_us = slots->busy_us;
    report->dropped = slots->dropped;
    if (slots->draining)
        report->flags |= REPORT_DRAINING;
}
