/* tracker_explain - why a task, or the run, goes no further: the first of a
 * table of reasons that holds. Nothing is changed. */
#include "ventilator/tracker_inside.h"

// Of two workers the one that may be given something sooner speaks for both:
// reasons stand in that order.
static const enum reason NEARER[] = {
    REASON_SOON,   REASON_BUSY,    REASON_RESERVED, REASON_FULL,
    REASON_BARRED, REASON_JOINING, REASON_LEAVING,  REASON_UNFIT,
};
enum { NEARER_COUNT = sizeof NEARER / sizeof NEARER[0] };

static enum reason reason_of(const struct worker *worker)
{
    const uint32_t held = worker_outstanding(worker);
    return worker->slots == 0                    ? REASON_UNFIT
           : !worker->active || worker->draining ? REASON_LEAVING
           : !worker->rostered                   ? REASON_JOINING
           : worker->barred                      ? REASON_BARRED
           : worker->full                        ? REASON_FULL
           : worker->alone || worker->reserved   ? REASON_RESERVED
           : held >= worker->slots               ? REASON_BUSY
                                                 : REASON_SOON;
}

static size_t place_of(enum reason reason)
{
    size_t place = 0;
    while (place + 1 < NEARER_COUNT && NEARER[place] != reason)
        place++;
    return place;
}

// Why what is ready is not sent.
static struct tracker_why why_unsent(const struct tracker *tracker)
{
    struct tracker_why why = {.reason = REASON_NO_WORKER,
                              .ahead = tracker->lists[ENTRY_READY].count};
    size_t best = NEARER_COUNT;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (!worker)
            continue;
        const size_t place = place_of(reason_of(worker));
        if (place >= best)
            continue;
        best = place;
        why.reason = NEARER[place];
        why.worker = i;
        if (why.reason == REASON_BARRED && worker->home)
            why.ms = worker->home->barred_ms - tracker->now_ms;
    }
    return why;
}

// What holds up everything; NONE: nothing does.
static enum reason stopper(const struct tracker *tracker)
{
    return tracker->complete      ? REASON_COMPLETE
           : !tracker->sink_there ? REASON_NO_SINK
           : !tracker->synced     ? REASON_SYNCING
           : tracker->draining    ? REASON_DRAINING
           : tracker->paused      ? REASON_PAUSED
                                  : REASON_NONE;
}

static bool runs(const struct worker *worker, const struct entry *entry)
{
    for (size_t i = 0; i < worker->ran_count; i++)
        if (entry->task >= worker->ran[i].task &&
            entry->task - worker->ran[i].task < worker->ran[i].count)
            return true;
    return false;
}

// A worker names what it runs, and how many wait: those that came last.
static bool waits_there(const struct tracker *tracker,
                        const struct worker *worker, uint32_t at)
{
    uint32_t waiting = worker->queued;
    for (uint32_t i = worker->out.newest; i && waiting > 0;
         i = tracker->entries[i].older) {
        const struct entry *entry = &tracker->entries[i];
        if (entry->lane_number > worker->received || runs(worker, entry))
            continue;
        if (i == at)
            return true;
        waiting--;
    }
    return false;
}

static struct tracker_why why_out(const struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    const struct worker *worker = tracker->workers[entry->worker];
    struct tracker_why why = {.worker = entry->worker,
                              .ms = tracker->now_ms - entry->sent_ms};
    const int64_t silent_ms = tracker->now_ms - worker->heard_ms;
    if (silent_ms > 2 * tracker->limits.heartbeat_ms)
        why.silent_ms = silent_ms;
    why.reason = entry->lane_number > worker->received ? REASON_SENT
                 : runs(worker, entry)                 ? REASON_RUNNING
                 : waits_there(tracker, worker, at)    ? REASON_QUEUED
                 : worker->made > worker->stored       ? REASON_UNSTORED
                                                       : REASON_RUNNING;
    return why;
}

static struct tracker_why why_ready(const struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    const enum reason stops = stopper(tracker);
    if (stops != REASON_NONE)
        return (struct tracker_why){.reason = stops};
    struct tracker_why why = why_unsent(tracker);
    if (why.reason == REASON_SOON && entry->ordinal > tracker->mark)
        why.reason = REASON_STORING;
    if (entry->state == ENTRY_LONELY &&
        (why.reason == REASON_BUSY || why.reason == REASON_SOON ||
         why.reason == REASON_RESERVED))
        why.reason = REASON_SUSPECT;
    if (entry->state == ENTRY_APART &&
        (why.reason == REASON_BUSY || why.reason == REASON_SOON))
        why.reason = REASON_APART;
    return why;
}

static struct tracker_why why_open(const struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    struct tracker_why why = {.reason = REASON_STORING};
    switch ((enum entry_state)entry->state) {
    case ENTRY_OUT:
        why = why_out(tracker, at);
        break;
    case ENTRY_OPENED:
    case ENTRY_READY:
    case ENTRY_LONELY:
    case ENTRY_APART:
    case ENTRY_FETCHING:
    case ENTRY_FREE:
        why = why_ready(tracker, at);
        break;
    case ENTRY_WAITING:
        why.reason = REASON_BACKOFF;
        why.ms = entry->due_ms > tracker->now_ms
                     ? entry->due_ms - tracker->now_ms
                     : 0;
        break;
    case ENTRY_RECORDING:
    case ENTRY_FINISHING:
        break;
    }
    why.failures = entry->failures;
    why.losses = entry->losses;
    why.class = entry->failures > 0 ? entry->last_class : CLASS_NONE;
    why.code = entry->last_code;
    return why;
}

struct tracker_why tracker_explain(const struct tracker *tracker, uint64_t task)
{
    if (numset_has(tracker->final, task))
        return (struct tracker_why){.reason = REASON_FINAL};
    if (task_is_held(tracker, task))
        return (struct tracker_why){.reason = REASON_HELD};
    const uint32_t at = entry_find(tracker, task);
    if (at)
        return why_open(tracker, at);
    const enum reason stops = stopper(tracker);
    if (stops != REASON_NONE && stops != REASON_PAUSED)
        return (struct tracker_why){.reason = stops};
    return (struct tracker_why){.reason = !tracker->ended[CURSOR_FRONT] ||
                                                  !tracker->ended[CURSOR_REDO]
                                              ? REASON_UNREAD
                                              : REASON_NO_TASK,
                                .ahead = tracker->open_count};
}

// The task that has been out longest.
static struct tracker_why why_running(const struct tracker *tracker)
{
    uint32_t oldest = NONE;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        const uint32_t at = worker ? worker->out.oldest : NONE;
        if (at && (!oldest || tracker->entries[at].sent_ms <
                                  tracker->entries[oldest].sent_ms))
            oldest = at;
    }
    if (!oldest)
        return (struct tracker_why){.reason = REASON_SOON};
    struct tracker_why why = why_out(tracker, oldest);
    why.task = tracker->entries[oldest].task;
    return why;
}

static struct tracker_why why_waiting(const struct tracker *tracker)
{
    struct tracker_why why = {.reason = REASON_BACKOFF, .ms = INT64_MAX};
    for (uint32_t at = tracker->lists[ENTRY_WAITING].oldest; at;
         at = tracker->entries[at].newer) {
        const int64_t left_ms = tracker->entries[at].due_ms - tracker->now_ms;
        if (left_ms >= why.ms)
            continue;
        why.ms = left_ms > 0 ? left_ms : 0;
        why.task = tracker->entries[at].task;
    }
    return why;
}

struct tracker_why tracker_explain_run(const struct tracker *tracker)
{
    const struct list *const lists = tracker->lists;
    const enum reason stops = stopper(tracker);
    size_t out = 0;
    for (uint32_t i = 1; i <= tracker->worker_top; i++)
        out += tracker->workers[i] ? tracker->workers[i]->out.count : 0;
    if (stops != REASON_NONE)
        return (struct tracker_why){.reason = stops};
    if (out > 0)
        return why_running(tracker);
    if (lists[ENTRY_READY].count + lists[ENTRY_LONELY].count +
            lists[ENTRY_APART].count >
        0)
        return why_unsent(tracker);
    if (lists[ENTRY_RECORDING].count + lists[ENTRY_FINISHING].count > 0)
        return (struct tracker_why){.reason = REASON_STORING};
    if (lists[ENTRY_WAITING].count > 0)
        return why_waiting(tracker);
    if (!tracker->ended[CURSOR_FRONT] || !tracker->ended[CURSOR_REDO])
        return (struct tracker_why){.reason = REASON_UNREAD};
    return (struct tracker_why){
        .reason = tracker->holds && numset_count(tracker->held) > 0
                      ? REASON_HELD
                      : REASON_STORING};
}
