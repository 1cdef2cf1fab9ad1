/* tracker_dispatch - which ready task goes to which worker, and what moves */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

#include <stdlib.h>

enum { PREFETCH_MAX = 32768, BATCH_BYTES = 1 << 20 };
static const double US_PER_MS = 1000.0;
static const double AHEAD = 4; // so much longer tasks: one waits, if any

// What is told in good time is no sign of long tasks, nor too much for a while.
static int64_t settle_ms(const struct tracker *tracker)
{
    return (tracker->limits.prefetch_ms + 1) / 2;
}

// Of a task there, in us. Of one that runs for long nothing was told yet.
static double length_of(const struct tracker *tracker,
                        const struct worker *worker)
{
    const int64_t since_ms = tracker->now_ms - worker->progress_ms;
    const double since_us = (double)since_ms * US_PER_MS;
    return worker->running > 0 && since_ms > settle_ms(tracker) &&
                   since_us > worker->mean_us
               ? since_us
               : worker->mean_us;
}

// Enough waiting work to hide the round trip; none for long tasks.
static uint32_t credit(const struct tracker *tracker,
                       const struct worker *worker)
{
    if (!worker->active || !(worker->rostered || MUTANT(SKIP_ROSTER)) ||
        worker->draining || worker->full || worker->alone || worker->reserved ||
        worker->barred)
        return 0;
    if (worker->slots == 0) // no task fits there
        return MUTANT(UNFIT_FED);
    if (worker->mean_us <= 0)
        return worker->slots;
    const double hidden_us = (double)tracker->limits.prefetch_ms * US_PER_MS;
    const double length_us = length_of(tracker, worker);
    double prefetch = hidden_us * worker->slots / length_us;
    if (prefetch < 1)
        prefetch = length_us <= hidden_us * AHEAD;
    if (prefetch > PREFETCH_MAX)
        prefetch = PREFETCH_MAX;
    return worker->slots + (uint32_t)prefetch;
}

static struct tracker_send *send_slot(struct tracker *tracker)
{
    if (!tracker_grow((void **)&tracker->sends, &tracker->sends_capacity,
                      tracker->sends_used + 1, sizeof(struct tracker_send))) {
        tracker_starve(tracker);
        return NULL;
    }
    return &tracker->sends[tracker->sends_used++];
}

static bool take(struct tracker *tracker, uint32_t at, uint32_t handle,
                 uint16_t flags)
{
    struct tracker_send *send = send_slot(tracker);
    if (!send)
        return false;
    struct worker *worker = tracker->workers[handle];
    struct entry *entry = &tracker->entries[at];
    entry->generation = tracker->generation;
    entry->attempt = ++entry->attempts;
    if (MUTANT(ATTEMPT_AGAIN))
        entry->attempt = 1;
    entry->alone = flags & TASK_ALONE;
    entry->copied = flags & TASK_COPY;
    entry->lane_number = worker->sent + 1;
    if (entry->task > tracker->number_sent)
        tracker->number_sent = entry->task;
    *send = (struct tracker_send){
        .task = entry->task,
        .round = entry->round,
        .attempt = entry->attempt,
        .failures = entry->failures,
        .flags = flags,
        .timeout_ms = entry->failures > 0 ? task_timeout_ms(tracker, entry) : 0,
        .mem_max = entry->failures > 0 ? task_mem_max(tracker, entry) : 0,
        .key = entry->key,
        .payload = entry->payload};
    entry_to_worker(tracker, at, handle);
    return true;
}

static void post(struct tracker *tracker, uint32_t handle, size_t first)
{
    struct worker *worker = tracker->workers[handle];
    const size_t count = tracker->sends_used - first;
    if (count == 0)
        return;
    if (worker->sent == worker->received)
        worker->lane_stuck_ms = tracker->now_ms;
    if (worker_outstanding(worker) == 0)
        worker->progress_ms = tracker->now_ms;
    if (!worker_sends(worker, (uint32_t)count)) {
        tracker_starve(tracker);
        return;
    }
    struct tracker_action *action = tracker_act(tracker, ACTION_TASKS);
    action->worker = handle;
    action->number = worker->sent;
    action->offset = first;
    action->count = count;
}

bool dispatch_to(struct tracker *tracker, uint32_t at, uint32_t worker,
                 uint16_t flags)
{
    const size_t first = tracker->sends_used;
    const bool sent = take(tracker, at, worker, flags);
    post(tracker, worker, first);
    return sent;
}

// Gives a worker up to `share` tasks; returns how many.
static size_t feed(struct tracker *tracker, uint32_t handle, size_t share)
{
    const struct worker *worker = tracker->workers[handle];
    const uint32_t limit = credit(tracker, worker);
    const uint32_t outstanding = worker_outstanding(worker);
    if (limit <= outstanding ||
        worker->sent - worker->received >= LANE_UNACKED_MAX - 1)
        return 0;
    size_t room = limit - outstanding;
    room = room < share ? room : share;
    const size_t first = tracker->sends_used;
    size_t bytes = 0;
    while (tracker->sends_used - first < room && bytes < BATCH_BYTES) {
        const uint32_t at = tracker->lists[ENTRY_READY].oldest;
        if (!at || !mark_reached(tracker, tracker->entries[at].ordinal) ||
            !take(tracker, at, handle, 0))
            break;
        bytes += tracker->entries[at].payload_size;
    }
    post(tracker, handle, first);
    return tracker->sends_used - first;
}

uint32_t worker_room(const struct tracker *tracker, uint32_t handle)
{
    const struct worker *worker = tracker->workers[handle];
    const uint32_t limit = credit(tracker, worker);
    const uint32_t outstanding = worker_outstanding(worker);
    return limit > outstanding &&
                   worker->sent - worker->received < LANE_UNACKED_MAX - 1
               ? limit - outstanding
               : 0;
}

uint32_t worker_idle_slots(const struct tracker *tracker, uint32_t handle)
{
    const struct worker *worker = tracker->workers[handle];
    const uint32_t outstanding = worker_outstanding(worker);
    const uint32_t room = worker_room(tracker, handle);
    const uint32_t idle =
        worker->slots > outstanding ? worker->slots - outstanding : 0;
    return room < idle ? room : idle;
}

static bool is_open(const struct tracker *tracker, uint32_t handle)
{
    const struct worker *worker = tracker->workers[handle];
    return worker && credit(tracker, worker) > worker_outstanding(worker);
}

// Lists who may be given something; of all workers when nobody is listed yet.
static size_t workers_open(struct tracker *tracker, size_t listed)
{
    size_t open = 0;
    for (size_t i = 0; i < (listed ? listed : tracker->worker_top); i++) {
        const uint32_t at = listed ? tracker->open[i] : (uint32_t)i + 1;
        if (is_open(tracker, at))
            tracker->open[open++] = at;
    }
    return open;
}

// One round over the open workers with an idle slot, or over those without.
static size_t feed_round(struct tracker *tracker, size_t open, size_t share,
                         bool idle)
{
    size_t given = 0;
    for (size_t i = 0; i < open; i++) {
        const struct worker *worker = tracker->workers[tracker->open[i]];
        if (idle ==
            (worker_outstanding(worker) < worker->slots || MUTANT(STEAL_BACK)))
            given += feed(tracker, tracker->open[i], share);
    }
    return given;
}

// Idle slots come first: else what was taken from a worker for another's idle
// slot goes back to where it was.
static void feed_all(struct tracker *tracker)
{
    size_t given = 1, open = 0;
    while (given > 0 && tracker->lists[ENTRY_READY].count > 0) {
        const uint32_t next = tracker->lists[ENTRY_READY].oldest;
        open = workers_open(tracker, open);
        if (open == 0 || !mark_reached(tracker, tracker->entries[next].ordinal))
            return;
        // Ever less towards the end, so that the last are spread evenly.
        const size_t parts = tracker->ended[CURSOR_FRONT] ? 2 * open : open;
        size_t share = tracker->lists[ENTRY_READY].count / parts + 1;
        share = share < BATCH_MAX ? share : BATCH_MAX;
        given = feed_round(tracker, open, share, true);
        if (given == 0)
            given = feed_round(tracker, open, share, false);
    }
}

static bool may_isolate(const struct worker *worker)
{
    return worker->active && worker->rostered && !worker->draining &&
           !worker->full && !worker->alone && !worker->barred &&
           worker->slots > 0;
}

// What it has to end first: ours, and what it says it holds, which may be a
// copy of a task that we have lost or finished.
static size_t load_of(const struct worker *worker)
{
    const size_t held = worker_outstanding(worker);
    return worker->out.count > held ? worker->out.count : held;
}

// As many workers are emptied as there are suspects: those nearest to it.
static void reserve_workers(struct tracker *tracker)
{
    size_t wanted = tracker->lists[ENTRY_LONELY].count;
    tracker->reserving = false;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        struct worker *worker = tracker->workers[i];
        if (!worker || !worker->reserved)
            continue;
        worker->reserved = wanted > 0 && may_isolate(worker);
        wanted -= worker->reserved;
        tracker->reserving |= worker->reserved;
    }
    for (; wanted > 0; wanted--) {
        struct worker *nearest = NULL;
        for (uint32_t i = 1; i <= tracker->worker_top; i++) {
            struct worker *worker = tracker->workers[i];
            if (worker && !worker->reserved && may_isolate(worker) &&
                (!nearest || load_of(worker) < load_of(nearest)))
                nearest = worker;
        }
        if (!nearest)
            return;
        nearest->reserved = tracker->reserving = true;
    }
}

// A suspect runs with nothing beside it: a worker is emptied for it first.
static void place_lonely(struct tracker *tracker)
{
    if (tracker->lists[ENTRY_LONELY].count == 0 && !tracker->reserving)
        return;
    reserve_workers(tracker);
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        struct worker *worker = tracker->workers[i];
        const uint32_t at = tracker->lists[ENTRY_LONELY].oldest;
        if (!worker || !worker->reserved || load_of(worker) > 0 || !at ||
            !mark_reached(tracker, tracker->entries[at].ordinal))
            continue;
        const size_t first = tracker->sends_used;
        if (take(tracker, at, i, TASK_ALONE)) {
            post(tracker, i, first);
            worker->alone = true;
        }
        worker->reserved = false;
    }
}

static void recall(struct tracker *tracker, uint32_t worker, uint32_t count)
{
    tracker->workers[worker]->recalled_ms = tracker->now_ms;
    struct tracker_action *action = tracker_act(tracker, ACTION_RECALL);
    action->worker = worker;
    action->count = count;
}

// What it has said it holds and does not run.
static uint32_t waiting_at(const struct worker *worker)
{
    const uint32_t held = worker->queued + worker->running;
    return held > worker->slots ? held - worker->slots : 0;
}

// Its tasks turned out longer than those before, or one of them holds up the
// others: what is too many comes back, before all that was not sent yet.
static void recall_excess(struct tracker *tracker)
{
    if (tracker->workers_seen_ms != tracker->now_ms)
        return; // of many workers, when all are looked at
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        struct worker *worker = tracker->workers[i];
        if (!worker)
            continue;
        const uint32_t limit = credit(tracker, worker);
        const uint32_t held = worker_outstanding(worker);
        if (limit == 0 || held <= limit)
            worker->over_ms = 0;
        else if (worker->over_ms == 0)
            worker->over_ms = tracker->now_ms;
        else if (tracker->now_ms - worker->over_ms >= settle_ms(tracker) &&
                 !worker->recalled_ms && waiting_at(worker) > 0)
            recall(tracker, i, held - limit);
    }
}

bool dispatch_steals(const struct tracker *tracker)
{
    if (tracker->lists[ENTRY_READY].count > 0 ||
        !tracker->ended[CURSOR_FRONT] || !tracker->ended[CURSOR_REDO])
        return false;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (worker && credit(tracker, worker) > 0 &&
            worker_outstanding(worker) < worker->slots)
            return true;
    }
    return false;
}

// Take from where most work waits.
static void steal(struct tracker *tracker)
{
    if (!dispatch_steals(tracker))
        return;
    uint32_t richest = NONE;
    double most_us = 0;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (!worker)
            continue;
        const double us = waiting_at(worker) * (length_of(tracker, worker) + 1);
        if (us > most_us && !worker->recalled_ms && !worker->alone) {
            most_us = us;
            richest = i;
        }
    }
    if (richest)
        recall(tracker, richest,
               (waiting_at(tracker->workers[richest]) + 1) / 2);
}

// Nothing more starts, or not there: what waits at workers comes back. A RECALL
// may be lost.
static void recall_all(struct tracker *tracker, bool barred)
{
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (worker && !worker->recalled_ms && (!barred || worker->barred) &&
            (worker->unreceived + worker->queued > 0 || waiting_at(worker) > 0))
            recall(tracker, i, worker_outstanding(worker));
    }
}

void tracker_dispatch(struct tracker *tracker)
{
    if (tracker->draining || (tracker->paused && !MUTANT(PAUSED_FED))) {
        recall_all(tracker, false);
        return;
    }
    if (!tracker->synced && !MUTANT(SEND_UNSYNCED))
        return;
    place_lonely(tracker);
    if (tracker->lists[ENTRY_APART].count > 0)
        apart_place(tracker);
    if (!tracker->reads_on)
        feed_all(tracker);
    tracker->reads_on = false;
    recall_excess(tracker);
    if (tracker->barred_count > 0)
        recall_all(tracker, true);
    steal(tracker);
    if (tracker->limits.speculate)
        tracker_speculate(tracker);
}

int64_t tracker_dispatch_wait_ms(const struct tracker *tracker)
{
    for (uint32_t i = 1; i <= tracker->worker_top; i++)
        if (tracker->workers[i] && waiting_at(tracker->workers[i]) > 0)
            return settle_ms(tracker);
    return INT64_MAX;
}
