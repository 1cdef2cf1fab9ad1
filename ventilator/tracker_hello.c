/* tracker_hello - a worker comes, with what it holds */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

enum { HELD_MAX = 2 * WIRE_TASKS_MAX }; // tasks in the lists of one message

static int compare_attempts(const struct entry *entry,
                            const struct wire_refs *refs)
{
    const uint64_t ours = (uint64_t)entry->generation << 32 | entry->attempt;
    const uint64_t theirs = (uint64_t)refs->generation << 32 | refs->attempt;
    return (ours > theirs) - (ours < theirs);
}

// Whether the copy a worker says it holds of a known task is the one to keep.
// Of two copies it is the newer attempt, as the older was given up for it:
// HELLOs come in any order, may be old, and come before SYNCED tells of losses.
static bool takes_over(struct tracker *tracker, struct entry *entry,
                       uint32_t worker, const struct wire_refs *refs)
{
    const int order = compare_attempts(entry, refs);
    if (entry->state == ENTRY_OUT && entry->worker == worker)
        return order == 0;
    if (entry->state == ENTRY_OUT && order < 0 && !MUTANT(OLDER_STAYS)) {
        worker_cancel(tracker, entry->worker, entry->task, entry->generation,
                      entry->attempt);
        if (entry->alone)
            tracker->workers[entry->worker]->alone = false;
        entry->alone = false;
        entry->lane_number = 0;
        return true;
    }
    if (entry->attempts == 0 &&
        (entry->state == ENTRY_READY || entry->state == ENTRY_LONELY ||
         entry->state == ENTRY_APART || entry->state == ENTRY_FETCHING))
        return true;
    worker_cancel(tracker, worker, entry->task, refs->generation,
                  refs->attempt);
    return false;
}

// A task that a worker says it holds.
static void adopt(struct tracker *tracker, uint32_t worker, uint64_t task,
                  const struct wire_refs *refs)
{
    uint32_t at = entry_find(tracker, task);
    if (!tracker_needs(tracker, task)) {
        worker_cancel(tracker, worker, task, refs->generation, refs->attempt);
        return;
    }
    if (at && tracker->entries[at].twin) {
        if (!copies_held(tracker, at, worker, refs)) // a third
            worker_cancel(tracker, worker, task, refs->generation,
                          refs->attempt);
        return;
    }
    if (at && !takes_over(tracker, &tracker->entries[at], worker, refs))
        return;
    if (!at && !(at = entry_open(tracker, task))) {
        tracker_starve(tracker);
        return;
    }
    struct entry *entry = &tracker->entries[at];
    entry->generation = refs->generation;
    entry->attempt = refs->attempt;
    if (refs->generation == tracker->generation &&
        refs->attempt > entry->attempts)
        entry->attempts = refs->attempt;
    entry_to_worker(tracker, at, worker);
}

// Never sent, or by nobody. What was sent before SYNCED it tells.
static bool is_odd(const struct tracker *tracker, const struct wire_refs *refs)
{
    if (refs->task == 0 || refs->generation == 0 || refs->attempt == 0)
        return true;
    return tracker->loaded &&
           (refs->generation > tracker->generation ||
            refs->task > tracker->number_sent ||
            refs->count - 1 > tracker->number_sent - refs->task);
}

// Before SYNCED tells what may be out, only a bound on memory is there: each
// ventilator of the last few may have left a window of tasks at workers.
static size_t room_for_adopted(const struct tracker *tracker)
{
    enum { WINDOWS = 8 };
    if (tracker->loaded)
        return SIZE_MAX;
    const size_t most = WINDOWS * tracker->limits.window_tasks;
    size_t out = 0;
    for (uint32_t i = 1; i <= tracker->worker_top; i++)
        out += tracker->workers[i] ? tracker->workers[i]->out.count : 0;
    return out < most ? most - out : 0;
}

static void adopt_all(struct tracker *tracker, uint32_t worker,
                      struct wire_list list)
{
    size_t room = room_for_adopted(tracker);
    if (MUTANT(NO_ADOPTION))
        return;
    struct wire_refs refs;
    while (wire_next_refs(&list, &refs)) {
        if (is_odd(tracker, &refs) || refs.count > room) {
            tracker->counts.odd++;
            continue;
        }
        room -= refs.count;
        for (uint32_t i = 0; i < refs.count; i++)
            adopt(tracker, worker, refs.task + i, &refs);
    }
}

uint32_t worker_count_refs(struct wire_list list)
{
    uint64_t count = 0;
    struct wire_refs refs;
    while (wire_next_refs(&list, &refs))
        count += refs.count;
    return count < UINT32_MAX / 4 ? (uint32_t)count : UINT32_MAX / 4;
}

// No worker is ever given so many: a message that lists them costs nothing.
bool worker_lists_too_many(struct tracker *tracker, struct wire_list queued,
                           struct wire_list running)
{
    const bool many =
        worker_count_refs(queued) + worker_count_refs(running) > HELD_MAX;
    tracker->counts.odd += many;
    return many;
}

static void join(struct tracker *tracker, uint32_t at,
                 const struct wire_hello *hello)
{
    struct worker *worker = tracker->workers[at];
    worker->retained = hello->kept <= hello->made ? hello->made : 0;
    struct roster_slot *slot = rostered(tracker, &worker->incarnation);
    if (slot && !slot->gone) {
        roster_meet(tracker, slot);
        return;
    }
    worker->joined_record =
        record_add(tracker, (struct wire_record){.kind = RECORD_JOINED,
                                                 .pid = hello->pid,
                                                 .a = hello->pid_start,
                                                 .subject = worker->incarnation,
                                                 .extra = hello->boot,
                                                 .text = hello->host});
}

// What it has forgotten it was told to: that is stored.
void worker_take_kept(struct worker *worker, uint64_t kept, uint64_t made)
{
    if (kept <= made + 1 && kept > worker->stored + 1)
        worker->stored = kept - 1;
}

static void begin_lane(struct tracker *tracker, struct worker *worker,
                       const struct wire_hello *hello)
{
    worker->lane = hello->lane;
    worker->host = hosts_meet(tracker, hello->host);
    worker->home = worker->host ? tracker->hosts[worker->host] : NULL;
    worker->barred = hosts_barred(tracker, worker->host);
    worker->slots =
        hello->slots > WIRE_TASKS_MAX ? WIRE_TASKS_MAX : hello->slots;
    worker->sent = worker->received = 0;
    worker->unreceived = worker->queued = worker->running = 0;
    worker->made = hello->made;
    worker_take_kept(worker, hello->kept, hello->made);
    worker->active = false; // until its first REPORT on this lane
    // What was on the old lane and is not listed is looked for by REPORT.
    for (uint32_t i = worker->out.oldest; i; i = tracker->entries[i].newer)
        tracker->entries[i].lane_number = 0;
}

enum hello_verdict tracker_hello(struct tracker *tracker,
                                 const struct id128 *incarnation,
                                 const struct wire_hello *hello, int64_t now_ms,
                                 unsigned *handle)
{
    tracker->now_ms = now_ms;
    if (worker_lists_too_many(tracker, hello->queued, hello->running))
        return HELLO_ODD;
    uint32_t at = worker_find(tracker, incarnation);
    const bool is_new = !at;
    if (is_new && !(at = worker_open(tracker, incarnation)))
        return HELLO_FULL;
    struct worker *worker = tracker->workers[at];
    *handle = at;
    worker->heard_ms = now_ms;
    const bool same_lane = !is_new && worker->lane == hello->lane;
    if (same_lane && !worker->greeting) {
        // The first one may have waited for us to come, and be older by a lane
        // message of the ventilator before.
        adopt_all(tracker, at, hello->queued);
        adopt_all(tracker, at, hello->running);
        return HELLO_AGAIN;
    }
    if (!same_lane)
        begin_lane(tracker, worker, hello);
    if (is_new)
        join(tracker, at, hello);
    adopt_all(tracker, at, hello->queued);
    adopt_all(tracker, at, hello->running);
    worker->queued += worker_count_refs(hello->queued);
    worker->running += worker_count_refs(hello->running);
    worker->greeting = hello->flags & HELLO_MORE;
    if (worker->greeting)
        return HELLO_PART;
    const bool first = !worker->welcomed;
    worker->welcomed = true;
    if (hello->kept <= hello->made) {
        struct tracker_action *action = tracker_act(tracker, ACTION_RESEND);
        action->worker = at;
        action->number = hello->kept;
    }
    return first ? HELLO_NEW : HELLO_LANE_NEW;
}
