/* tracker_cancel - tasks that a person has stopped
 *
 * An order is a range of tasks. What is not at a worker ends at once; a worker
 * is told CANCEL of what is, again and again, and whatever then comes of it, it
 * is not sent again: it ends as cancelled, unless it has succeeded before it
 * could be stopped. What is read of the input later ends as it is read. An
 * order is forgotten when nothing of its range is open; it is not in the log,
 * so that who gave it has to give it again to a ventilator that has followed.
 */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_of(const struct cancel_order *order, uint64_t task)
{
    return task >= order->first && task <= order->last;
}

static const struct cancel_order *order_of(const struct tracker *tracker,
                                           uint64_t task)
{
    for (size_t i = 0; i < tracker->order_count; i++)
        if (is_of(&tracker->orders[i], task))
            return &tracker->orders[i];
    return NULL;
}

bool cancel_has(const struct tracker *tracker, uint64_t task)
{
    return order_of(tracker, task) != NULL;
}

static void finish(struct tracker *tracker, uint32_t at,
                   const struct cancel_order *order)
{
    const struct entry *entry = &tracker->entries[at];
    const struct wire_record record = {
        .kind = RECORD_FINAL,
        .status = STATUS_CANCELLED,
        .class = CLASS_CANCELLED,
        .flags = RECORD_PERSON,
        .task = entry->task,
        .round = entry->round,
        .generation =
            entry->generation ? entry->generation : tracker->generation,
        .attempt = entry->attempt,
        .a = (uint64_t)order->time_us,
        .extra = entry->key,
        .text = {(const uint8_t *)order->text, order->text_size}};
    entry_drop_payload(tracker, at);
    entry_to(tracker, at, ENTRY_FINISHING);
    record_add(tracker, record);
}

bool cancel_ends(struct tracker *tracker, uint32_t at)
{
    const struct cancel_order *order =
        order_of(tracker, tracker->entries[at].task);
    if (!order || MUTANT(CANCELLED_GOES_ON))
        return false;
    finish(tracker, at, order);
    return true;
}

// It is held, as the sink has it.
static void end_held(struct tracker *tracker, uint64_t task,
                     const struct cancel_order *order)
{
    const struct tracker_decision decision = {
        .task = task,
        .status = STATUS_CANCELLED,
        .time_us = order->time_us,
        .text = {(const uint8_t *)order->text, order->text_size}};
    (void)tracker_decide(tracker, &decision, tracker->now_ms);
}

void cancel_held(struct tracker *tracker, uint64_t task)
{
    const struct cancel_order *order = order_of(tracker, task);
    if (order)
        end_held(tracker, task, order);
}

static void take_entry(struct tracker *tracker, uint32_t at,
                       const struct cancel_order *order)
{
    const struct entry *entry = &tracker->entries[at];
    if (entry->state == ENTRY_READY || entry->state == ENTRY_LONELY ||
        entry->state == ENTRY_APART || entry->state == ENTRY_WAITING ||
        (entry->state == ENTRY_OUT && !entry->twin && MUTANT(CANCELLED_EARLY)))
        finish(tracker, at, order);
}

static bool is_short(const struct cancel_order *order)
{
    return order->last - order->first < 64;
}

// Of what is at workers each says itself when it has ended.
static void take_in(struct tracker *tracker, const struct cancel_order *order)
{
    uint64_t first, count, from = order->first;
    for (uint64_t i = order->first; is_short(order) && i <= order->last; i++) {
        const uint32_t at = entry_find(tracker, i);
        if (at)
            take_entry(tracker, at, order);
    }
    for (uint32_t i = 1; !is_short(order) && i < tracker->entry_count; i++)
        if (is_of(order, tracker->entries[i].task))
            take_entry(tracker, i, order);
    while (tracker->holds && from <= order->last &&
           numset_next_run(tracker->held, from, &first, &count))
        for (from = first; from < first + count && from <= order->last; from++)
            end_held(tracker, from, order);
}

static bool continues(const struct wire_refs *refs, const struct entry *entry)
{
    return refs->count > 0 && refs->task + refs->count == entry->task &&
           refs->generation == entry->generation &&
           refs->attempt == entry->attempt;
}

static void say_to(struct tracker *tracker, uint32_t handle)
{
    const struct worker *worker = tracker->workers[handle];
    struct wire_refs refs = {.count = 0};
    for (uint32_t i = worker->out.oldest;; i = tracker->entries[i].newer) {
        const struct entry *entry = &tracker->entries[i];
        const bool meant = i && cancel_has(tracker, entry->task);
        if (meant && continues(&refs, entry)) {
            refs.count++;
            continue;
        }
        if (refs.count > 0 && (meant || !i)) {
            struct tracker_action *action = tracker_act(tracker, ACTION_CANCEL);
            action->worker = handle;
            action->refs = refs;
        }
        if (!i)
            return;
        if (meant)
            refs = (struct wire_refs){.task = entry->task,
                                      .count = 1,
                                      .generation = entry->generation,
                                      .attempt = entry->attempt};
    }
}

static void say(struct tracker *tracker)
{
    tracker->cancelled_ms = tracker->now_ms;
    for (uint32_t i = 1; i <= tracker->worker_top; i++)
        if (tracker->workers[i])
            say_to(tracker, i);
}

// Has any of them been met, and not ended yet?
static bool is_busy(const struct tracker *tracker,
                    const struct cancel_order *order)
{
    uint64_t first, count;
    for (uint64_t i = order->first; is_short(order) && i <= order->last; i++)
        if (entry_find(tracker, i))
            return true;
    for (uint32_t i = 1; !is_short(order) && i < tracker->entry_count; i++)
        if (tracker->entries[i].state != ENTRY_FREE &&
            is_of(order, tracker->entries[i].task))
            return true;
    return tracker->holds &&
           numset_next_run(tracker->held, order->first, &first, &count) &&
           first <= order->last;
}

// What is beyond the end of the input, or not in it any more, never comes.
static bool is_settled(const struct tracker *tracker,
                       const struct cancel_order *order)
{
    if (numset_next_absent(tracker->final, order->first) > order->last)
        return true;
    return tracker->ended[CURSOR_FRONT] && tracker->ended[CURSOR_REDO] &&
           !tracker->redo_again && !is_busy(tracker, order);
}

static void forget_settled(struct tracker *tracker)
{
    size_t left = 0;
    for (size_t i = 0; i < tracker->order_count; i++)
        if (!is_settled(tracker, &tracker->orders[i]))
            tracker->orders[left++] = tracker->orders[i];
    tracker->order_count = left;
}

void cancel_due(struct tracker *tracker)
{
    if (tracker->now_ms - tracker->cancelled_ms < tracker->limits.heartbeat_ms)
        return;
    forget_settled(tracker);
    if (MUTANT(CANCEL_SAID_ONCE))
        tracker->cancelled_ms = tracker->now_ms;
    else
        say(tracker);
}

void cancel_count(const struct tracker *tracker, struct tracker_counts *counts)
{
    for (size_t i = 0; i < tracker->order_count; i++) {
        const struct cancel_order *order = &tracker->orders[i];
        const bool busy = is_busy(tracker, order);
        counts->cancelling += busy;
        counts->cancel_later += !busy && !is_settled(tracker, order);
    }
}

int tracker_cancel(struct tracker *tracker, const struct tracker_cancel *cancel,
                   int64_t now_ms)
{
    tracker->now_ms = now_ms;
    for (size_t i = 0; i < tracker->order_count; i++)
        if (tracker->orders[i].first == cancel->first &&
            tracker->orders[i].last == cancel->last)
            return -EALREADY;
    if (tracker->order_count == TRACKER_CANCELS_MAX)
        forget_settled(tracker);
    if (tracker->order_count == TRACKER_CANCELS_MAX)
        return -ENOSPC;
    if (!tracker_grow((void **)&tracker->orders, &tracker->order_capacity,
                      tracker->order_count + 1, sizeof *tracker->orders))
        return -ENOMEM;
    struct cancel_order *order = &tracker->orders[tracker->order_count++];
    *order = (struct cancel_order){.first = cancel->first,
                                   .last = cancel->last,
                                   .time_us = cancel->time_us};
    order->text_size = cancel->text.size < sizeof order->text
                           ? cancel->text.size
                           : sizeof order->text;
    memcpy(order->text, cancel->text.at, order->text_size);
    take_in(tracker, order);
    say(tracker);
    return 0;
}
