#include "ventilator/tracker.h"

#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool tracker_grow(void **at, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return true;
    size_t larger = *capacity ? 2 * *capacity : 16;
    while (larger < needed)
        larger *= 2;
    void *moved = reallocarray(*at, larger, size);
    if (!moved)
        return false;
    *at = moved;
    *capacity = larger;
    return true;
}

static void fail(struct tracker *tracker, const char *text, bool damaged)
{
    if (tracker->failed)
        return;
    tracker->failed = true;
    struct tracker_action *action = tracker_act(tracker, ACTION_FAIL);
    action->text = text;
    action->number = damaged;
}

void tracker_damaged(struct tracker *tracker, const char *text)
{
    fail(tracker, text, true);
}

void tracker_starve(struct tracker *tracker)
{
    fail(tracker, "out of memory", false);
}

struct tracker_action *tracker_act(struct tracker *tracker,
                                   enum action_kind kind)
{
    struct tracker_action *spare = &tracker->spare;
    if (tracker->action_first == tracker->action_count)
        tracker->action_first = tracker->action_count = 0;
    if (!tracker_grow((void **)&tracker->actions, &tracker->action_capacity,
                      tracker->action_count + 1, sizeof *spare)) {
        tracker->starved = tracker->failed = true;
        return spare; // what is lost by it, tracker_next says
    }
    struct tracker_action *action = &tracker->actions[tracker->action_count++];
    *action = (struct tracker_action){.kind = kind};
    return action;
}

bool tracker_next(struct tracker *tracker, struct tracker_action *action)
{
    if (tracker->action_first == tracker->action_count) {
        const bool starved = tracker->starved;
        tracker->starved = false;
        tracker->sends_used = tracker->forgets_used = 0;
        *action = (struct tracker_action){.kind = ACTION_FAIL,
                                          .text = "out of memory"};
        return starved;
    }
    *action = tracker->actions[tracker->action_first++];
    if (action->kind == ACTION_TASKS)
        action->sends = &tracker->sends[action->offset];
    if (action->kind == ACTION_FORGET)
        action->payloads = &tracker->forgets[action->offset];
    return true;
}

struct tracker *tracker_create(const struct tracker_limits *limits,
                               const struct policy *policy, int64_t now_ms)
{
    struct tracker *tracker = calloc(1, sizeof *tracker);
    if (!tracker)
        return NULL;
    tracker->limits = *limits;
    tracker->policy = *policy;
    while (tracker->ring_mask + 1 < limits->window_tasks)
        tracker->ring_mask = 2 * tracker->ring_mask + 1;
    tracker->ring = calloc(tracker->ring_mask + 1, sizeof *tracker->ring);
    tracker->strays = map_create();
    tracker->history_by_task = map_create();
    tracker->apart = map_create();
    if (policy->rule_count > 0)
        tracker->tally = tally_create(policy->rule_count + 1);
    tracker->final = numset_create();
    tracker->held = numset_create();
    tracker->decided = numset_create();
    tracker->retried = numset_create();
    tracker->first_open = 1;
    tracker->workers = calloc(limits->workers_max + 1, sizeof(struct worker *));
    tracker->by_short_id = map_create();
    tracker->open = calloc(limits->workers_max + 1, sizeof *tracker->open);
    tracker->entry_count = 1;
    tracker->record_next = 1;
    tracker->mark_block = 64;
    tracker->now_ms = tracker->turned_ms = now_ms;
    if (!tracker->ring || !tracker->strays || !tracker->history_by_task ||
        !tracker->apart || !tracker->final || !tracker->held ||
        !tracker->decided || !tracker->retried || !tracker->workers ||
        !tracker->by_short_id || !tracker->open ||
        (policy->rule_count > 0 && !tracker->tally))
        tracker_destroy(&tracker);
    return tracker;
}

void tracker_destroy(struct tracker **tracker)
{
    struct tracker *old = *tracker;
    if (!old)
        return;
    for (size_t i = 1; old->workers && i <= old->limits.workers_max; i++)
        worker_free(old->workers[i]);
    free(old->workers);
    map_destroy(&old->by_short_id);
    free(old->open);
    free(old->ring);
    map_destroy(&old->strays);
    map_destroy(&old->history_by_task);
    map_destroy(&old->apart);
    tally_destroy(&old->tally);
    numset_destroy(&old->final);
    numset_destroy(&old->held);
    numset_destroy(&old->decided);
    numset_destroy(&old->retried);
    free(old->entries);
    free(old->rank);
    free(old->histories);
    free(old->roster);
    for (size_t i = 0; i < old->record_count; i++)
        free(old->records[i].longer);
    free(old->records);
    free(old->sending);
    free(old->actions);
    free(old->sends);
    free(old->forgets);
    free(old->orders);
    for (size_t i = 1; i <= old->host_count; i++)
        free(old->hosts[i]);
    free(old->hosts);
    free(old);
    *tracker = NULL;
}

void tracker_give_up(struct tracker *tracker)
{
    for (uint32_t at = 1; at < tracker->entry_count; at++)
        entry_drop_payload(tracker, at);
}

static void finish_run(struct tracker *tracker)
{
    const bool open = tracker->open_count > 0 && !MUTANT(COMPLETE_EARLY);
    if (tracker->complete || tracker->completing || tracker->draining || open ||
        !tracker->synced || !tracker->ended[CURSOR_FRONT] ||
        !tracker->ended[CURSOR_REDO])
        return;
    if (held_is_all(tracker)) {
        held_end_run(tracker);
        return;
    }
    tracker->completing = true;
    record_add(tracker,
               (struct wire_record){.kind = RECORD_COMPLETE,
                                    .a = numset_count(tracker->final)});
}

// We were stopped: what was not heard meanwhile is nobody's fault.
static void forgive(struct tracker *tracker)
{
    for (size_t i = 1; i <= tracker->worker_top; i++) {
        struct worker *worker = tracker->workers[i];
        if (!worker)
            continue;
        worker->heard_ms = tracker->now_ms;
        if (worker->beyond_ms != 0)
            worker->beyond_ms = tracker->now_ms;
    }
}

int64_t tracker_turn(struct tracker *tracker, int64_t now_ms)
{
    const int64_t gap_ms = now_ms - tracker->turned_ms;
    tracker->now_ms = tracker->turned_ms = now_ms;
    if (gap_ms > tracker->limits.liveness_ms / 2 && !MUTANT(NO_PAUSE_GUARD))
        forgive(tracker);
    sync_due(tracker);
    workers_due(tracker);
    if (tracker->barred_count > 0)
        hosts_due(tracker);
    tasks_due(tracker);
    if (tracker->order_count > 0)
        cancel_due(tracker);
    tracker_dispatch(tracker);
    if (tracker->holds)
        tracker->first_open = held_first_open(tracker);
    finish_run(tracker);
    records_due(tracker);
    int64_t wait_ms = tracker_dispatch_wait_ms(tracker);
    if (wait_ms > tracker->limits.heartbeat_ms / 2)
        wait_ms = tracker->limits.heartbeat_ms / 2;
    const uint32_t first = tracker->lists[ENTRY_WAITING].oldest;
    if (first) {
        const int64_t due_ms = tracker->entries[first].due_ms - now_ms;
        wait_ms = due_ms < wait_ms ? due_ms : wait_ms;
    }
    return wait_ms > 0 ? wait_ms : 0;
}

bool tracker_needs(const struct tracker *tracker, uint64_t task)
{
    return !numset_has(tracker->final, task) && !task_is_held(tracker, task);
}

// Enough for full messages to every worker; what is read long before it is sent
// has left the caches by then.
static size_t ready_max(const struct tracker *tracker)
{
    enum { AHEAD = 4 * BATCH_MAX };
    return AHEAD + 2 * BATCH_MAX * tracker->worker_top;
}

bool tracker_wants(const struct tracker *tracker, enum cursor cursor)
{
    const bool synced = tracker->synced || MUTANT(SEND_UNSYNCED);
    if (!synced || tracker->draining || tracker->ended[cursor] ||
        tracker->window_tasks >= tracker->limits.window_tasks ||
        tracker->window_bytes >= tracker->limits.window_bytes ||
        tracker->lists[ENTRY_FINISHING].count >= tracker->limits.window_tasks ||
        (tracker->lists[ENTRY_READY].count >= ready_max(tracker) &&
         !tracker->limits.priorities && tracker->order_count == 0))
        return false;
    const bool may_be_out = cursor == CURSOR_REDO || tracker->resumed;
    if (may_be_out && !roster_settled(tracker) && !MUTANT(ROSTER_UNAWAITED))
        return false;
    return cursor == CURSOR_REDO || !tracker->limits.order_window ||
           tracker->last_ordinal <
               held_first_open(tracker) + tracker->limits.order_window;
}

void tracker_reads_on(struct tracker *tracker)
{
    tracker->reads_on = tracker->limits.priorities;
}

void tracker_input_ended(struct tracker *tracker, enum cursor cursor)
{
    tracker->ended[cursor] = cursor != CURSOR_REDO || held_redo_ended(tracker);
}

// A RECALL of before may have asked for less.
static void recall_at_once(struct tracker *tracker)
{
    for (size_t i = 1; i <= tracker->worker_top; i++)
        if (tracker->workers[i])
            tracker->workers[i]->recalled_ms = 0;
}

int tracker_pause(struct tracker *tracker, const struct tracker_pause *pause,
                  int64_t now_ms)
{
    tracker->now_ms = now_ms;
    if (tracker->pausing == pause->paused)
        return -EALREADY;
    tracker->pause_record = record_add(
        tracker, (struct wire_record){.kind = pause->paused ? RECORD_PAUSED
                                                            : RECORD_UNPAUSED,
                                      .flags = RECORD_PERSON,
                                      .a = (uint64_t)pause->time_us,
                                      .text = pause->text});
    if (tracker->pause_record == 0)
        return -ENOMEM;
    tracker->pausing = pause->paused;
    if (pause->paused || MUTANT(UNPAUSED_EARLY))
        tracker->paused = pause->paused;
    recall_at_once(tracker);
    return 0;
}

void tracker_drain(struct tracker *tracker)
{
    tracker->draining = true;
    recall_at_once(tracker);
}

bool tracker_is_idle(const struct tracker *tracker)
{
    for (size_t i = 1; i <= tracker->worker_top; i++)
        if (tracker->workers[i] && tracker->workers[i]->out.count > 0)
            return false;
    return tracker->record_count == 0;
}

void tracker_counts(const struct tracker *tracker,
                    struct tracker_counts *counts)
{
    *counts = tracker->counts;
    counts->waiting = tracker->lists[ENTRY_WAITING].count;
    counts->queued = tracker->lists[ENTRY_READY].count;
    counts->held = numset_count(tracker->held);
    counts->decided = numset_count(tracker->decided);
    counts->paused = tracker->paused;
    cancel_count(tracker, counts);
    counts->pause_unsaved = tracker->pause_record != 0;
    counts->input_ended =
        tracker->ended[CURSOR_FRONT] && tracker->ended[CURSOR_REDO];
    for (size_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (!worker)
            continue;
        counts->workers++;
        counts->slots += worker->slots;
        counts->credit += worker_outstanding(worker);
        counts->running += worker->running;
        counts->queued += worker->queued;
    }
}

uint64_t tracker_position(const struct tracker *tracker)
{
    return tracker->position;
}

uint32_t tracker_generation(const struct tracker *tracker)
{
    return tracker->generation;
}

bool tracker_is_synced(const struct tracker *tracker)
{
    return tracker->synced;
}

void tracker_mark(const struct tracker *tracker, uint64_t *ordinal,
                  uint64_t *from, uint64_t *offset)
{
    *ordinal = tracker->mark;
    *from = tracker->mark_from;
    *offset = tracker->mark_offset;
}
