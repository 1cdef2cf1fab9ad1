/* tracker_workers - workers: reports, links, loss */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

enum {
    STUCK_HEARTBEATS = 2,
    RECALL_AGAIN_MS = 1000,
    NOTHING_BACK_MS = 25, // before it is asked again
    RESULTS_ASKED_MAX = 8,
    FORGET_AFTER = 30, // tasks: of what was known before, half goes with each
};

uint32_t worker_outstanding(const struct worker *worker)
{
    return worker->unreceived + worker->queued + worker->running;
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
        const uint32_t at = worker_find(tracker, &slot->entry.worker);
        const struct worker *worker = worker_at(tracker, at);
        if (!slot->seen ||
            (worker && (worker->greeting || worker->stored < slot->made ||
                        !worker->current)))
            return false;
    }
    return true;
}

void roster_meet(struct tracker *tracker, struct roster_slot *slot)
{
    const uint32_t at = worker_find(tracker, &slot->entry.worker);
    if (!at)
        return;
    struct worker *worker = tracker->workers[at];
    slot->seen = true;
    slot->made = worker->retained;
    worker->rostered = true;
}

void worker_joined(struct tracker *tracker, const struct wire_record *record)
{
    const uint32_t at = worker_find(tracker, &record->subject);
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
            worker->lane_counts[worker->received % worker->lane_room];
        worker->lane_stuck_ms = tracker->now_ms;
    }
    struct tracker_action *action = tracker_act(tracker, ACTION_LANE_FORGET);
    action->worker = at;
    action->number = worker->received;
}

// A few tasks of another length, and the length is known: blocks are followed.
static void learn_speed(struct worker *worker, const struct wire_report *report,
                        int64_t now_ms)
{
    if (report->finished > worker->finished &&
        report->busy_us >= worker->busy_us) {
        const uint64_t count = report->finished - worker->finished;
        const double mean =
            (double)(report->busy_us - worker->busy_us) / (double)count;
        const double kept = worker->finished == 0 || count > FORGET_AFTER
                                ? 0
                                : 1 / (double)(UINT64_C(1) << count);
        worker->mean_us = mean + kept * (worker->mean_us - mean);
    }
    if (report->finished != worker->finished || worker_outstanding(worker) == 0)
        worker->progress_ms = now_ms;
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

// Its HELLO may have waited for us to come, and be older than the last messages
// of the ventilator before: what it says when it knows us is the whole of it.
static void note_current(struct tracker *tracker, struct worker *worker,
                         uint32_t generation, const struct wire_report *report)
{
    if (worker->current || !tracker->loaded ||
        generation != tracker->generation)
        return;
    worker->current = true;
    struct roster_slot *slot = rostered(tracker, &worker->incarnation);
    if (slot && slot->seen && report->kept <= report->made)
        slot->made = report->made;
}

static void note_running(struct tracker *tracker, struct worker *worker,
                         struct wire_list list)
{
    const size_t count = list.count < RUNNING_MAX ? list.count : RUNNING_MAX;
    worker->ran_count = 0;
    if (!tracker_grow((void **)&worker->ran, &worker->ran_room, count,
                      sizeof *worker->ran))
        tracker_starve(tracker);
    else
        while (worker->ran_count < count &&
               wire_next_refs(&list, &worker->ran[worker->ran_count]))
            worker->ran_count++;
}

bool tracker_report(struct tracker *tracker, const struct id128 *incarnation,
                    uint32_t generation, const struct wire_report *report,
                    int64_t now_ms)
{
    tracker->now_ms = now_ms;
    const uint32_t at = worker_find(tracker, incarnation);
    if (!at)
        return false;
    struct worker *worker = tracker->workers[at];
    worker->heard_ms = now_ms;
    if ((report->lane != worker->lane && !MUTANT(LANE_REPORT)) ||
        worker->greeting) {
        tracker->counts.odd++;
        return true;
    }
    if (worker_lists_too_many(tracker, report->queued, report->running))
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
    note_current(tracker, worker, generation, report);
    worker_take_kept(worker, report->kept, report->made);
    worker->queued = worker_count_refs(report->queued);
    worker->running = worker_count_refs(report->running);
    take_receipt(tracker, at, report);
    learn_speed(worker, report, now_ms);
    note_running(tracker, worker, report->running);
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
    const uint32_t handle = worker_find(tracker, incarnation);
    if (!handle)
        return false;
    struct worker *worker = tracker->workers[handle];
    worker->recalled_ms = worker->over_ms = 0;
    // What it holds is out of its hands, or not there yet.
    if (returned->tasks.count == 0)
        worker->recalled_ms = now_ms - RECALL_AGAIN_MS + NOTHING_BACK_MS;
    if (returned->lane != worker->lane ||
        worker_lists_too_many(tracker, returned->tasks, (struct wire_list){0}))
        return true;
    struct wire_list list = returned->tasks;
    struct wire_refs refs;
    while (wire_next_refs(&list, &refs)) {
        for (uint32_t i = 0; i < refs.count; i++) {
            const uint32_t at = copies_which(tracker, refs.task + i,
                                             refs.generation, refs.attempt);
            const struct entry *entry = &tracker->entries[at];
            if (!at || entry->state != ENTRY_OUT || entry->worker != handle ||
                entry->attempt != refs.attempt ||
                entry->generation != refs.generation)
                continue;
            if (entry->alone)
                worker->alone = false;
            if (worker->queued > 0)
                worker->queued--;
            else if (worker->running > worker->slots) // handed on, not begun
                worker->running--;
            task_go_on(tracker, at);
        }
    }
    return true;
}

static bool was_running(const struct worker *worker, const struct entry *entry)
{
    for (size_t i = 0; i < worker->ran_count; i++)
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
    worker_close(tracker, at);
}

void tracker_worker_gone(struct tracker *tracker,
                         const struct id128 *incarnation, enum gone how,
                         int64_t now_ms)
{
    tracker->now_ms = now_ms;
    struct roster_slot *slot = rostered(tracker, incarnation);
    const uint32_t at = worker_find(tracker, incarnation);
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
    const uint32_t at = worker_find(tracker, &mark->worker);
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

// Many workers make many turns, and each of their times is long: not at each.
static void look_at_all(struct tracker *tracker)
{
    enum { FEW = 256, TIMES_A_HEARTBEAT = 20 };
    const int64_t since_ms = tracker->now_ms - tracker->limits.liveness_ms;
    if (tracker->worker_top > FEW &&
        tracker->now_ms - tracker->workers_seen_ms <
            tracker->limits.heartbeat_ms / TIMES_A_HEARTBEAT)
        return;
    tracker->workers_seen_ms = tracker->now_ms;
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
}

void workers_due(struct tracker *tracker)
{
    look_at_all(tracker);
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
