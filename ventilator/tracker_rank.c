/* tracker_rank - the ready tasks where they have priorities: a binary heap
 *
 * A place is in the entry's `older`, counted from 1: a ready task is in no list
 * then. `oldest` of the list is the first to go, as without priorities.
 */
#include "ventilator/tracker_inside.h"

#include <stdlib.h>

static bool is_before(const struct entry *one, const struct entry *other)
{
    return one->priority > other->priority ||
           (one->priority == other->priority && one->ordinal < other->ordinal);
}

static void put(struct tracker *tracker, size_t place, uint32_t at)
{
    tracker->rank[place] = at;
    tracker->entries[at].older = (uint32_t)place;
}

static void sift_up(struct tracker *tracker, size_t place, uint32_t at)
{
    const struct entry *const entries = tracker->entries;
    for (; place > 1; place /= 2) {
        const uint32_t above = tracker->rank[place / 2];
        if (!is_before(&entries[at], &entries[above]))
            break;
        put(tracker, place, above);
    }
    put(tracker, place, at);
}

static void sift_down(struct tracker *tracker, size_t place, uint32_t at)
{
    const struct entry *const entries = tracker->entries;
    const size_t count = tracker->lists[ENTRY_READY].count;
    for (size_t below = 2 * place; below <= count; below = 2 * place) {
        if (below < count && is_before(&entries[tracker->rank[below + 1]],
                                       &entries[tracker->rank[below]]))
            below++;
        const uint32_t next = tracker->rank[below];
        if (!is_before(&entries[next], &entries[at]))
            break;
        put(tracker, place, next);
        place = below;
    }
    put(tracker, place, at);
}

static void show_first(struct tracker *tracker)
{
    struct list *list = &tracker->lists[ENTRY_READY];
    list->oldest = list->count > 0 ? tracker->rank[1] : NONE;
}

bool rank_reserve(struct tracker *tracker)
{
    size_t capacity = tracker->rank_capacity;
    if (!tracker_grow((void **)&tracker->rank, &capacity,
                      tracker->open_count + 2, sizeof *tracker->rank))
        return false;
    tracker->rank_capacity = capacity;
    return true;
}

void rank_add(struct tracker *tracker, uint32_t at)
{
    struct list *list = &tracker->lists[ENTRY_READY];
    sift_up(tracker, ++list->count, at);
    show_first(tracker);
}

void rank_remove(struct tracker *tracker, uint32_t at)
{
    struct list *list = &tracker->lists[ENTRY_READY];
    const size_t place = tracker->entries[at].older;
    const uint32_t last = tracker->rank[list->count--];
    if (last != at && place > 1 &&
        is_before(&tracker->entries[last],
                  &tracker->entries[tracker->rank[place / 2]]))
        sift_up(tracker, place, last);
    else if (last != at)
        sift_down(tracker, place, last);
    show_first(tracker);
}
