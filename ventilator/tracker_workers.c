/* tracker_workers - workers: hello, reports, links, loss */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

#include <stdlib.h>
#include <string.h>

enum {
    STUCK_HEARTBEATS = 2,
    RECALL_AGAIN_MS = 1000,
    RESULTS_ASKED_MAX = 8,
    HELD_MAX = 2 * WIRE_TASKS_MAX, // tasks in the lists of one message
};
static const double MEAN_WEIGHT = 0.3; // of the newest report

struct worker *worker_at(const struct tracker *tracker, uint32_t handle)
{
    return handle && handle <= tracker->worker_top ? tracker->workers[handle]
                                                   : NULL;
}

uint32_t worker_outstanding(const struct worker *worker)
{
    return worker->unreceived + worker->queued + worker->running;
}

static uint32_t find(const struct tracker *tracker,
                     const struct id128 *incarnation)
{
    for (uint32_t i = 1; i <= tracker->worker_top; i++)
        if (tracker->workers[i] &&
            id128_equal(&tracker->workers[i]->incarnation, incarnation))
            return i;
    return NONE;
}

struct roster_slot *rostered(const struct tracker *tracker,
                             const struct id128 *incarnation)
{
    for (size_t i = 0; i < tracker->roster_count; i++)
        if (id128_equal(&tracker->roster[i].entry.worker, incarnation))
            return &tracker->roster[i];
    return NULL;
}

bool tracker_roster_next(const struct tracker *tracker, size_t *cursor,
                         struct wire_roster_entry *entry)
{
    while (*cursor < tracker->roster_count) {
        const struct roster_slot *slot = &tracker->roster[(*cursor)++];
        if (slot->seen || slot->gone)
            continue;
        *entry = slot->entry;
        return true;
    }
    return false;
}

bool roster_settled(const struct tracker *tracker)
{
    if (tracker->now_ms >= tracker->rejoin_until_ms)
        return true;
    for (size_t i = 0; i < tracker->roster_count; i++) {
        const struct roster_slot *slot = &tracker->roster[i];
        if (slot->gone)
            continue;
        const uint32_t at = find(tracker, &slot->entry.worker);
        const struct worker *worker = worker_at(tracker, at);
        if (!slot->seen ||
            (worker && (worker->greeting || worker->stored < slot->made)))
            return false;
    }
    return true;
}

void roster_meet(struct tracker *tracker, struct roster_slot *slot)
{
    const uint32_t at = find(tracker, &slot->entry.worker);
    if (!at)
        return;
    struct worker *worker = tracker->workers[at];
    slot->seen = true;
    slot->made = worker->retained;
    worker->rostered = true;
}

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
         entry->state == ENTRY_FETCHING))
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
    if (numset_has(tracker->final, task)) {
        worker_cancel(tracker, worker, task, refs->generation, refs->attempt);
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

// All that is at workers was in a window once: this one's or the last one's.
static size_t room_for_adopted(const struct tracker *tracker)
{
    const size_t most = 2 * tracker->limits.window_tasks;
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

static uint32_t count_refs(struct wire_list list)
{
    uint64_t count = 0;
    struct wire_refs refs;
    while (wire_next_refs(&list, &refs))
        count += refs.count;
    return count < UINT32_MAX / 4 ? (uint32_t)count : UINT32_MAX / 4;
}

// No worker is ever given so many: a message that lists them costs nothing.
static bool lists_too_many(struct tracker *tracker, struct wire_list queued,
                           struct wire_list running)
{
    const bool many = count_refs(queued) + count_refs(running) > HELD_MAX;
    tracker->counts.odd += many;
    return many;
}

static uint32_t place_for(struct tracker *tracker)
{
    uint32_t at = 1;
    while (at <= tracker->worker_top && tracker->workers[at])
        at++;
    if (at > tracker->limits.workers_max)
        return NONE;
    tracker->workers[at] = calloc(1, sizeof(struct worker));
    if (!tracker->workers[at])
        return NONE;
    if (at > tracker->worker_top)
        tracker->worker_top = at;
    return at;
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
static void take_kept(struct worker *worker, uint64_t kept, uint64_t made)
{
    if (kept <= made + 1 && kept > worker->stored + 1)
        worker->stored = kept - 1;
}

static void begin_lane(struct tracker *tracker, struct worker *worker,
                       const struct wire_hello *hello)
{
    worker->lane = hello->lane;
    worker->slots = hello->slots == 0               ? 1
                    : hello->slots > WIRE_TASKS_MAX ? WIRE_TASKS_MAX
                                                    : hello->slots;
    worker->sent = worker->received = 0;
    worker->unreceived = worker->queued = worker->running = 0;
    worker->made = hello->made;
    take_kept(worker, hello->kept, hello->made);
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
    if (lists_too_many(tracker, hello->queued, hello->running))
        return HELLO_ODD;
    uint32_t at = find(tracker, incarnation);
    const bool is_new = !at;
    if (is_new && !(at = place_for(tracker)))
        return HELLO_FULL;
    struct worker *worker = tracker->workers[at];
    *handle = at;
    worker->heard_ms = now_ms;
    const bool same_lane = !is_new && worker->lane == hello->lane;
    if (same_lane && !worker->greeting)
        return HELLO_AGAIN;
    worker->incarnation = *incarnation;
    if (!same_lane)
        begin_lane(tracker, worker, hello);
    if (is_new)
        join(tracker, at, hello);
    adopt_all(tracker, at, hello->queued);
    adopt_all(tracker, at, hello->running);
    worker->queued += count_refs(hello->queued);
    worker->running += count_refs(hello->running);
    worker->greeting = hello->flags & HELLO_MORE && !MUTANT(HELLO_CUT);
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

void worker_joined(struct tracker *tracker, const struct wire_record *record)
{
    const uint32_t at = find(tracker, &record->subject);
    if (at && tracker->workers[at]->joined_record == record->number)
        tracker->workers[at]->rostered = true;
}

static bool listed(struct wire_list list, const struct entry *entry)
{
    struct wire_refs refs;
    while (wire_next_refs(&list, &refs))
        if (entry->task >= refs.task && entry->task - refs.task < refs.count)
            return true;
    return false;
}

// Everything it made is stored and still it misses some: those went astray.
static void find_astray(struct tracker *tracker, struct worker *worker,
                        const struct wire_report *report)
{
    const uint64_t held = (uint64_t)worker->queued + worker->running;
    if ((worker->stored < report->made && !MUTANT(TRUST_WORKER)) ||
        MUTANT(ASTRAY) || worker->out.count <= held + worker->unreceived)
        return;
    for (uint32_t i = worker->out.oldest, newer; i; i = newer) {
        const struct entry *entry = &tracker->entries[i];
        newer = entry->newer;
        if (entry->lane_number > worker->received ||
            listed(report->queued, entry) || listed(report->running, entry))
            continue;
        if (entry->alone)
            worker->alone = false;
        if (MUTANT(TRUST_WORKER))
            task_final(tracker, entry->task, STATUS_OK);
        else
            task_again(tracker, i);
    }
}

static void take_receipt(struct tracker *tracker, uint32_t at,
                         const struct wire_report *report)
{
    struct worker *worker = tracker->workers[at];
    while (worker->received < report->received) {
        worker->received++;
        worker->unreceived -=
            worker->lane_counts[worker->received % LANE_UNACKED_MAX];
        worker->lane_stuck_ms = tracker->now_ms;
    }
    struct tracker_action *action = tracker_act(tracker, ACTION_LANE_FORGET);
    action->worker = at;
    action->number = worker->received;
}

static void learn_speed(struct worker *worker, const struct wire_report *report)
{
    if (report->finished > worker->finished &&
        report->busy_us >= worker->busy_us) {
        const double mean = (double)(report->busy_us - worker->busy_us) /
                            (double)(report->finished - worker->finished);
        worker->mean_us =
            worker->finished == 0
                ? mean
                : worker->mean_us + MEAN_WEIGHT * (mean - worker->mean_us);
    }
    worker->finished = report->finished;
    worker->busy_us = report->busy_us;
}

// The sink has taken another's RESULTS for this worker's, and will not take its
// own until it has joined again. A REPORT that was overtaken looks the same,
// but not for long: see workers_due.
static void note_beyond(struct tracker *tracker, struct worker *worker)
{
    if (worker->stored <= worker->made)
        worker->beyond_ms = 0;
    else if (worker->beyond_ms == 0)
        worker->beyond_ms = tracker->now_ms;
}

bool tracker_report(struct tracker *tracker, const struct id128 *incarnation,
                    const struct wire_report *report, int64_t now_ms)
{
    tracker->now_ms = now_ms;
    const uint32_t at = find(tracker, incarnation);
    if (!at)
        return false;
    struct worker *worker = tracker->workers[at];
    worker->heard_ms = now_ms;
    if ((report->lane != worker->lane && !MUTANT(LANE_REPORT)) ||
        worker->greeting) {
        tracker->counts.odd++;
        return true;
    }
    if (lists_too_many(tracker, report->queued, report->running))
        return true;
    if (report->received > worker->sent) { // it means an older lane
        tracker->counts.odd++;
        return false;
    }
    worker->active = true;
    worker->full = report->flags & REPORT_FULL;
    worker->draining = report->flags & REPORT_DRAINING;
    worker->made = report->made;
    note_beyond(tracker, worker);
    take_kept(worker, report->kept, report->made);
    worker->queued = count_refs(report->queued);
    worker->running = count_refs(report->running);
    take_receipt(tracker, at, report);
    learn_speed(worker, report);
    struct wire_list list = report->running;
    worker->ran_count = 0;
    while (worker->ran_count < RUNNING_MAX &&
           wire_next_refs(&list, &worker->ran[worker->ran_count]))
        worker->ran_count++;
    find_astray(tracker, worker, report);
    worker_find_stale(tracker, at, report);
    struct tracker_action *action = tracker_act(tracker, ACTION_RETIRE);
    action->worker = at;
    action->number = worker->stored;
    return true;
}

bool tracker_returned(struct tracker *tracker, const struct id128 *incarnation,
                      const struct wire_returned *returned, int64_t now_ms)
{
    tracker->now_ms = now_ms;
    const uint32_t handle = find(tracker, incarnation);
    if (!handle)
        return false;
    struct worker *worker = tracker->workers[handle];
    worker->recalled_ms = 0;
    if (returned->lane != worker->lane ||
        lists_too_many(tracker, returned->tasks, (struct wire_list){0}))
        return true;
    struct wire_list list = returned->tasks;
    struct wire_refs refs;
    while (wire_next_refs(&list, &refs)) {
        for (uint32_t i = 0; i < refs.count; i++) {
            const uint32_t at = entry_find(tracker, refs.task + i);
            const struct entry *entry = &tracker->entries[at];
            if (!at || entry->state != ENTRY_OUT || entry->worker != handle ||
                entry->attempt != refs.attempt ||
                entry->generation != refs.generation)
                continue;
            if (entry->alone)
                worker->alone = false;
            if (worker->queued > 0)
                worker->queued--;
            task_ready(tracker, at);
        }
    }
    return true;
}

static bool was_running(const struct worker *worker, const struct entry *entry)
{
    for (uint32_t i = 0; i < worker->ran_count; i++)
        if (entry->task >= worker->ran[i].task &&
            entry->task - worker->ran[i].task < worker->ran[i].count)
            return true;
    return false;
}

// Those it said it ran, and as many more as may have started since; none where
// the worker left in good order: its end is not their doing.
static void lose_tasks(struct tracker *tracker, struct worker *worker,
                       enum gone how)
{
    uint32_t may_have_started = worker->slots;
    for (uint32_t i = worker->out.oldest, newer; i; i = newer) {
        newer = tracker->entries[i].newer;
        bool ran = was_running(worker, &tracker->entries[i]);
        if (!ran && may_have_started > 0) {
            ran = true;
            may_have_started--;
        }
        task_lost(tracker, i, ran && how != GONE_DRAINED, how == GONE_CRASHED);
    }
}

static void lose(struct tracker *tracker, uint32_t at, enum gone how)
{
    struct worker *worker = tracker->workers[at];
    struct roster_slot *slot = rostered(tracker, &worker->incarnation);
    if (slot)
        slot->gone = true;
    lose_tasks(tracker, worker, how);
    record_add(tracker, (struct wire_record){.kind = RECORD_LEFT,
                                             .subject = worker->incarnation});
    tracker_act(tracker, ACTION_CLOSE)->worker = at;
    tracker->workers[at] = NULL;
    free(worker);
}

void tracker_worker_gone(struct tracker *tracker,
                         const struct id128 *incarnation, enum gone how,
                         int64_t now_ms)
{
    tracker->now_ms = now_ms;
    struct roster_slot *slot = rostered(tracker, incarnation);
    const uint32_t at = find(tracker, incarnation);
    if (at) {
        lose(tracker, at, how);
    } else if (slot && !slot->gone) {
        slot->gone = true;
        record_add(tracker, (struct wire_record){.kind = RECORD_LEFT,
                                                 .subject = *incarnation});
    }
}

void workers_stored(struct tracker *tracker,
                    const struct wire_worker_mark *mark)
{
    const uint32_t at = find(tracker, &mark->worker);
    if (!at || mark->number <= tracker->workers[at]->stored)
        return;
    tracker->workers[at]->stored = mark->number;
    struct tracker_action *action = tracker_act(tracker, ACTION_RETIRE);
    action->worker = at;
    action->number = mark->number;
}

void workers_resend(struct tracker *tracker)
{
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        if (!tracker->workers[i])
            continue;
        struct tracker_action *action = tracker_act(tracker, ACTION_RESEND);
        action->worker = i;
        action->number = tracker->workers[i]->stored + 1;
        tracker->workers[i]->results_stuck_ms = tracker->now_ms;
        tracker->workers[i]->results_asked = 0;
    }
}

static void mend_links(struct tracker *tracker, uint32_t at)
{
    struct worker *worker = tracker->workers[at];
    const int64_t patience_ms = STUCK_HEARTBEATS * tracker->limits.heartbeat_ms;
    if (worker->received == worker->sent) {
        worker->lane_stuck_ms = tracker->now_ms;
    } else if (tracker->now_ms - worker->lane_stuck_ms > patience_ms &&
               !MUTANT(LANE_STUCK)) {
        worker->lane_stuck_ms = tracker->now_ms;
        struct tracker_action *action = tracker_act(tracker, ACTION_LANE_AGAIN);
        action->worker = at;
        action->number = worker->received + 1;
    }
    if (worker->stored >= worker->made ||
        worker->stored != worker->stored_seen || !tracker->synced) {
        worker->results_stuck_ms = tracker->now_ms;
        worker->stored_seen = worker->stored;
        worker->results_asked = 0;
    } else if (tracker->now_ms - worker->results_stuck_ms >
                   patience_ms << worker->results_asked &&
               !MUTANT(NO_RESEND)) {
        // Ever less often: what is asked for piles up where the sink stands.
        worker->results_stuck_ms = tracker->now_ms;
        if (worker->results_asked < RESULTS_ASKED_MAX)
            worker->results_asked++;
        struct tracker_action *action = tracker_act(tracker, ACTION_RESEND);
        action->worker = at;
        action->number = worker->stored + 1;
    }
    if (worker->recalled_ms &&
        tracker->now_ms - worker->recalled_ms > RECALL_AGAIN_MS)
        worker->recalled_ms = 0;
}

void workers_due(struct tracker *tracker)
{
    const int64_t since_ms = tracker->now_ms - tracker->limits.liveness_ms;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (!worker)
            continue;
        if (worker->heard_ms < since_ms) {
            lose(tracker, i,
                 MUTANT(SILENT_IS_CRASH) ? GONE_CRASHED : GONE_LOST);
        } else if (worker->beyond_ms != 0 && worker->beyond_ms < since_ms) {
            tracker->counts.odd++;
            lose(tracker, i, GONE_DRAINED); // under no suspicion
        } else {
            mend_links(tracker, i);
        }
    }
    if (!tracker->synced || tracker->now_ms < tracker->rejoin_until_ms)
        return;
    for (size_t i = 0; i < tracker->roster_count; i++) {
        struct roster_slot *slot = &tracker->roster[i];
        if (slot->seen || slot->gone)
            continue;
        slot->gone = true;
        record_add(tracker,
                   (struct wire_record){.kind = RECORD_LEFT,
                                        .subject = slot->entry.worker});
    }
}
