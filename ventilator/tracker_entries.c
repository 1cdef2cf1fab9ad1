/* tracker_entries - the tasks in the window: found, in lists, with what is to
 * be sent of them, and what is known of those outside it */
#include "ventilator/tracker_inside.h"

#include <stdlib.h>

uint32_t entry_find(const struct tracker *tracker, uint64_t task)
{
    const uint32_t near = tracker->ring[task & tracker->ring_mask];
    if (near && tracker->entries[near].task == task)
        return near;
    uint64_t at = NONE;
    map_get(tracker->strays, task, &at);
    return (uint32_t)at;
}

// Tasks are numbered on, so that few find their place in the ring taken.
static int index_entry(struct tracker *tracker, uint32_t at)
{
    const uint64_t task = tracker->entries[at].task;
    uint32_t *place = &tracker->ring[task & tracker->ring_mask];
    if (*place)
        return map_put(tracker->strays, task, at);
    *place = at;
    return 0;
}

static void unindex_entry(struct tracker *tracker, uint32_t at)
{
    const uint64_t task = tracker->entries[at].task;
    uint32_t *place = &tracker->ring[task & tracker->ring_mask];
    if (*place == at)
        *place = NONE;
    else
        map_remove(tracker->strays, task);
}

static struct list *list_of(struct tracker *tracker, const struct entry *entry)
{
    if (entry->state == ENTRY_OUT)
        return &tracker->workers[entry->worker]->out;
    return &tracker->lists[entry->state];
}

static void leave(struct tracker *tracker, uint32_t at)
{
    struct entry *entry = &tracker->entries[at];
    if (entry->state == ENTRY_OPENED)
        return;
    if (is_ranked(tracker, entry->state)) {
        rank_remove(tracker, at);
        return;
    }
    struct list *list = list_of(tracker, entry);
    if (entry->older)
        tracker->entries[entry->older].newer = entry->newer;
    else
        list->oldest = entry->newer;
    if (entry->newer)
        tracker->entries[entry->newer].older = entry->older;
    else
        list->newest = entry->older;
    list->count--;
}

// Behind `older`, or in front of all where that is NONE.
static void insert(struct tracker *tracker, uint32_t at, uint32_t older)
{
    struct entry *entry = &tracker->entries[at];
    struct list *list = list_of(tracker, entry);
    const uint32_t newer = older ? tracker->entries[older].newer : list->oldest;
    entry->older = older;
    entry->newer = newer;
    if (older)
        tracker->entries[older].newer = at;
    else
        list->oldest = at;
    if (newer)
        tracker->entries[newer].older = at;
    else
        list->newest = at;
    list->count++;
}

void entry_index_instead(struct tracker *tracker, uint32_t from, uint32_t to)
{
    const uint64_t task = tracker->entries[from].task;
    uint32_t *place = &tracker->ring[task & tracker->ring_mask];
    if (*place == from)
        *place = to;
    else // in place of what is there: takes no memory
        (void)map_put(tracker->strays, task, to);
}

uint32_t entry_make(struct tracker *tracker, uint64_t task)
{
    uint32_t at = tracker->entry_free;
    if (tracker->limits.priorities && !rank_reserve(tracker))
        return NONE;
    if (at) {
        tracker->entry_free = tracker->entries[at].newer;
    } else {
        size_t capacity = tracker->entry_capacity;
        if (!tracker_grow((void **)&tracker->entries, &capacity,
                          (size_t)tracker->entry_count + 1,
                          sizeof(struct entry)))
            return NONE;
        tracker->entry_capacity = (uint32_t)capacity;
        at = tracker->entry_count++;
    }
    tracker->entries[at] = (struct entry){.task = task, .state = ENTRY_OPENED};
    tracker->open_count++;
    return at;
}

uint32_t entry_open(struct tracker *tracker, uint64_t task)
{
    const uint32_t at = entry_make(tracker, task);
    if (!at)
        return NONE;
    if (index_entry(tracker, at) != 0) {
        entry_release(tracker, at);
        return NONE;
    }
    if (tracker->holds)
        tracker->entries[at].attempts = held_attempts(tracker, task);
    history_recall(tracker, at);
    return at;
}

struct history *history_of(struct tracker *tracker, uint64_t task)
{
    uint64_t at;
    if (map_get(tracker->history_by_task, task, &at))
        return &tracker->histories[at];
    if (!tracker_grow((void **)&tracker->histories, &tracker->history_capacity,
                      tracker->history_count + 1, sizeof(struct history)) ||
        map_put(tracker->history_by_task, task, tracker->history_count) != 0) {
        tracker_starve(tracker);
        return NULL;
    }
    struct history *history = &tracker->histories[tracker->history_count++];
    *history = (struct history){0};
    return history;
}

void history_recall(struct tracker *tracker, uint32_t at)
{
    struct entry *entry = &tracker->entries[at];
    uint64_t past;
    if (!map_get(tracker->history_by_task, entry->task, &past))
        return;
    const struct history *history = &tracker->histories[past];
    entry->round = history->round;
    entry->failures = history->failures;
    entry->losses = history->losses;
    entry->lone_deaths = history->lone_deaths;
    entry->last_class = history->last_class;
    entry->last_code = history->last_code;
}

void payload_forget(struct tracker *tracker, void *payload)
{
    if (!tracker_grow((void **)&tracker->forgets, &tracker->forgets_capacity,
                      tracker->forgets_used + 1, sizeof payload)) {
        tracker_starve(tracker);
        return;
    }
    struct tracker_action *last = NULL;
    if (tracker->action_first < tracker->action_count)
        last = &tracker->actions[tracker->action_count - 1];
    if (!last || last->kind != ACTION_FORGET) {
        last = tracker_act(tracker, ACTION_FORGET);
        last->offset = tracker->forgets_used;
    }
    last->count++;
    tracker->forgets[tracker->forgets_used++] = payload;
}

void entry_drop_payload(struct tracker *tracker, uint32_t at)
{
    struct entry *entry = &tracker->entries[at];
    if (!entry->payload)
        return;
    payload_forget(tracker, entry->payload);
    tracker->window_tasks--;
    tracker->window_bytes -= entry->payload_size;
    entry->payload = NULL;
    entry->payload_size = 0;
}

static bool is_again(const struct tracker *tracker, uint32_t at)
{
    return at && tracker->entries[at].state == ENTRY_READY &&
           tracker->entries[at].attempts > 0;
}

// What was sent before goes in front of what is new, in the input's order: what
// several workers give back would else turn it round. One message gives them in
// order, so that the place of the last is near.
static uint32_t place_again(struct tracker *tracker, uint32_t at)
{
    const struct entry *const entries = tracker->entries;
    const uint64_t ordinal = entries[at].ordinal;
    uint32_t older = tracker->again;
    if (older == at || !is_again(tracker, older))
        older = NONE;
    uint32_t newer =
        older ? entries[older].newer : tracker->lists[ENTRY_READY].oldest;
    for (; older && entries[older].ordinal > ordinal;
         older = entries[older].older)
        newer = older;
    for (; is_again(tracker, newer) && entries[newer].ordinal <= ordinal;
         newer = entries[newer].newer)
        older = newer;
    tracker->again = at;
    return older;
}

void entry_to(struct tracker *tracker, uint32_t at, enum entry_state state)
{
    leave(tracker, at);
    struct entry *entry = &tracker->entries[at];
    if (is_ranked(tracker, state)) {
        entry->state = (uint8_t)state;
        rank_add(tracker, at);
        return;
    }
    uint32_t older = tracker->lists[state].newest;
    if (state == ENTRY_WAITING)
        while (older && tracker->entries[older].due_ms > entry->due_ms)
            older = tracker->entries[older].older;
    if (state == ENTRY_READY && entry->attempts > 0)
        older = place_again(tracker, at);
    entry->state = (uint8_t)state;
    insert(tracker, at, older);
}

void entry_to_worker(struct tracker *tracker, uint32_t at, uint32_t worker)
{
    leave(tracker, at);
    if (tracker->entries[at].state != ENTRY_OUT)
        tracker->entries[at].sent_ms = tracker->now_ms;
    tracker->entries[at].state = ENTRY_OUT;
    tracker->entries[at].worker = worker;
    insert(tracker, at, tracker->workers[worker]->out.newest);
}

static inline void release(struct tracker *tracker, uint32_t at)
{
    struct entry *entry = &tracker->entries[at];
    leave(tracker, at);
    tracker->open_count--;
    entry->state = ENTRY_FREE;
    entry->newer = tracker->entry_free;
    tracker->entry_free = at;
}

void entry_release(struct tracker *tracker, uint32_t at)
{
    release(tracker, at);
}

void entry_close(struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    if (entry->twin)
        copies_close(tracker, at);
    entry_drop_payload(tracker, at);
    if (entry->state == ENTRY_OUT && entry->alone)
        tracker->workers[entry->worker]->alone = false;
    unindex_entry(tracker, at);
    release(tracker, at);
}
