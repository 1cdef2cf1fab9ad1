/* tracker_apart - tasks that are to run on another host than where they failed
 *
 * A rule may say so. Where such a task failed is kept, the last few hosts,
 * until it is final or a person has it tried again; a ventilator that is
 * started anew does not know of it. Such a task goes before all others of its
 * priority to where there is room. It is given up at once where no other host
 * could take it, and after a time where none did: then it goes anywhere.
 */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

enum {
    HOST_BITS = 16, // of which a number has four
    PATIENCE_MS = 60000,
    LOOKS_MAX = 256, // at tasks, in one turn
};

static bool is_avoided(uint64_t hosts, uint32_t host)
{
    for (; hosts != 0; hosts >>= HOST_BITS)
        if ((hosts & ((1U << HOST_BITS) - 1)) == host)
            return true;
    return false;
}

void apart_note(struct tracker *tracker, uint64_t task, uint32_t host)
{
    uint64_t hosts = 0;
    (void)map_get(tracker->apart, task, &hosts);
    if (host != NONE && !is_avoided(hosts, host) &&
        map_put(tracker->apart, task, hosts << HOST_BITS | host) != 0)
        tracker_starve(tracker);
}

void apart_forget(struct tracker *tracker, uint64_t task)
{
    if (map_count(tracker->apart) > 0)
        (void)map_remove(tracker->apart, task);
}

bool apart_wants(struct tracker *tracker, uint32_t at)
{
    uint64_t hosts;
    struct entry *entry = &tracker->entries[at];
    if (!tracker->tally || map_count(tracker->apart) == 0 ||
        !map_get(tracker->apart, entry->task, &hosts))
        return false;
    entry->due_ms = tracker->now_ms + PATIENCE_MS;
    return true;
}

static bool could_take(const struct worker *worker, uint64_t hosts)
{
    return worker && worker->active && worker->rostered && !worker->draining &&
           !worker->barred && worker->slots > 0 &&
           !is_avoided(hosts, worker->host);
}

// The worker with the most room for it; NONE: there is none now, and *some
// tells whether there may be. While tasks are taken back for who idles, only a
// slot that idles is room: behind others it would be taken back again and
// again.
static uint32_t find_worker(const struct tracker *tracker, uint64_t hosts,
                            bool *some)
{
    const bool steals = dispatch_steals(tracker);
    uint32_t found = NONE, most = 0;
    *some = false;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        if (!could_take(tracker->workers[i], hosts))
            continue;
        const uint32_t room =
            steals ? worker_idle_slots(tracker, i) : worker_room(tracker, i);
        *some = true;
        if (room <= most)
            continue;
        found = i;
        most = room;
    }
    return found;
}

static bool is_first(const struct tracker *tracker, const struct entry *entry)
{
    const uint32_t ready = tracker->lists[ENTRY_READY].oldest;
    return !ready || tracker->entries[ready].priority <= entry->priority;
}

static void give_up(struct tracker *tracker, uint32_t at, bool some)
{
    const uint64_t task = tracker->entries[at].task;
    struct tracker_action *const action = tracker_act(tracker, ACTION_APART);
    action->task = task;
    action->number = some ? PATIENCE_MS : 0;
    (void)map_remove(tracker->apart, task);
    entry_to(tracker, at, ENTRY_READY);
}

void apart_place(struct tracker *tracker)
{
    uint32_t next = tracker->lists[ENTRY_APART].oldest;
    for (int looks = 0; next && looks < LOOKS_MAX; looks++) {
        const uint32_t at = next;
        const struct entry *const entry = &tracker->entries[at];
        uint64_t hosts = 0;
        bool some = false;
        next = entry->newer;
        (void)map_get(tracker->apart, entry->task, &hosts);
        const uint32_t worker = find_worker(tracker, hosts, &some);
        if (!some || tracker->now_ms >= entry->due_ms)
            give_up(tracker, at, some);
        else if (worker && is_first(tracker, entry) &&
                 mark_reached(tracker, entry->ordinal))
            (void)dispatch_to(tracker, at, worker, 0);
    }
}
