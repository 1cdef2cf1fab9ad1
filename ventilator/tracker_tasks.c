/* tracker_tasks - the life of one task between being read and being final */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

#include <stdlib.h>

enum { LONELY_AFTER = 2, KEEP_PAYLOAD_MS = 2000 };

void task_ready(struct tracker *tracker, uint32_t at)
{
    struct entry *entry = &tracker->entries[at];
    if (!entry->payload) {
        if (entry->ordinal == 0) { // adopted and not read: redo will find it
            struct history *history = history_of(tracker, entry->task);
            if (history)
                *history = (struct history){
                    entry->round,       entry->failures,   entry->losses,
                    entry->lone_deaths, entry->last_class, entry->last_code};
            entry_close(tracker, at);
            return;
        }
        entry_to(tracker, at, ENTRY_FETCHING);
        struct tracker_action *action = tracker_act(tracker, ACTION_FETCH);
        action->task = entry->task;
        action->ordinal = entry->ordinal;
        action->offset = entry->offset;
        return;
    }
    entry_to(tracker, at,
             entry->losses >= LONELY_AFTER ? ENTRY_LONELY
             : apart_wants(tracker, at)    ? ENTRY_APART
                                           : ENTRY_READY);
}

void tasks_final(struct tracker *tracker, struct wire_run run,
                 enum status status)
{
    const uint64_t before = numset_count(tracker->final);
    if (numset_add_run(tracker->final, run.first, run.count) < 0)
        tracker_starve(tracker);
    const uint64_t added = numset_count(tracker->final) - before;
    tracker->counts.by_status[status] += added;
    tracker->counts.odd += run.count - added;
    for (uint64_t i = 0; i < run.count; i++) {
        const uint32_t at = entry_find(tracker, run.first + i);
        if (at) {
            if (status == STATUS_OK)
                hosts_passed(tracker, at);
            if (tracker->limits.speculate)
                copies_took(tracker, at, status);
            entry_close(tracker, at);
        }
        if (tracker->holds)
            held_forget(tracker, run.first + i);
        map_remove(tracker->history_by_task, run.first + i);
        if (!tracker->tally)
            continue;
        tally_drop(tracker->tally, run.first + i);
        apart_forget(tracker, run.first + i);
    }
}

void task_final(struct tracker *tracker, uint64_t task, enum status status)
{
    tasks_final(tracker, (struct wire_run){task, 1}, status);
}

void task_finish(struct tracker *tracker, uint32_t at, enum status status,
                 enum fail_class class, const char *note)
{
    const struct entry *entry = &tracker->entries[at];
    struct wire_record record = {
        .kind = RECORD_FINAL,
        .status = (uint8_t)status,
        .class = (uint8_t) class,
        .task = entry->task,
        .round = entry->round,
        .generation =
            entry->generation ? entry->generation : tracker->generation,
        .attempt = entry->attempt,
        .extra = entry->key,
        .text = span_of_text(note),
    };
    entry_drop_payload(tracker, at);
    entry_to(tracker, at, ENTRY_FINISHING);
    record_add(tracker, record);
}

void task_blame(struct tracker *tracker, uint64_t task, struct failure failure,
                uint32_t count)
{
    if (tracker->tally &&
        tally_add(tracker->tally, task,
                  policy_find_rule(&tracker->policy, failure), count) < 0)
        tracker_starve(tracker);
}

uint64_t task_timeout_ms(const struct tracker *tracker,
                         const struct entry *entry)
{
    if (!tracker->tally)
        return 0;
    const int64_t timeout_ms = policy_timeout_ms(
        &tracker->policy, tally_of(tracker->tally, entry->task));
    return timeout_ms == tracker->policy.timeout_ms ? 0 : (uint64_t)timeout_ms;
}

uint64_t tracker_mem_max(const struct tracker *tracker, uint64_t task,
                         uint64_t first)
{
    return tracker->tally ? policy_mem_max(&tracker->policy, first,
                                           tally_of(tracker->tally, task))
                          : first;
}

uint64_t task_mem_max(const struct tracker *tracker, const struct entry *entry)
{
    const uint64_t first = tracker->policy.mem_max;
    const uint64_t mem_max = tracker_mem_max(tracker, entry->task, first);
    return mem_max == first ? 0 : mem_max;
}

static struct policy_answer answer_to(const struct tracker *tracker,
                                      const struct entry *entry)
{
    const struct failure failure = {(enum fail_class)entry->last_class,
                                    entry->last_code};
    uint64_t failures = entry->failures;
    if (tracker->tally) {
        const uint32_t *counts = tally_of(tracker->tally, entry->task);
        failures =
            counts ? counts[policy_find_rule(&tracker->policy, failure)] : 0;
    }
    return policy_decide(&tracker->policy, failure, failures,
                         entry->task * 31 + entry->failures);
}

static void keep_history(struct tracker *tracker,
                         const struct wire_stored_entry *stored)
{
    struct history *history = history_of(tracker, stored->task);
    if (!history)
        return;
    history->round = stored->round;
    history->failures++;
    history->last_class = stored->class;
    history->last_code = stored->code;
}

static void finish_failed(struct tracker *tracker, uint32_t at,
                          enum answer answer)
{
    if (answer == ANSWER_HOLD) {
        task_hold(tracker, at);
        return;
    }
    task_finish(tracker, at,
                answer == ANSWER_IGNORE ? STATUS_IGNORED : STATUS_FAILED,
                (enum fail_class)tracker->entries[at].last_class, NULL);
}

// The attempt that is at its worker, or of which a loss is being recorded.
static bool is_current(const struct entry *entry,
                       const struct wire_stored_entry *stored, bool cancelled)
{
    return (entry->generation == stored->generation ||
            MUTANT(TRACKER_GENERATION)) &&
           entry->attempt == stored->attempt &&
           (entry->state == ENTRY_OUT ||
            (entry->state == ENTRY_RECORDING && !cancelled));
}

static void follow_policy(struct tracker *tracker, uint32_t at)
{
    struct entry *entry = &tracker->entries[at];
    if (tracker->order_count > 0 && cancel_ends(tracker, at))
        return;
    const struct policy_answer answer = answer_to(tracker, entry);
    switch (answer.answer) {
    case ANSWER_RETRY:
        tracker->counts.retries++;
        if (answer.other_host && entry->state == ENTRY_OUT)
            apart_note(tracker, entry->task,
                       tracker->workers[entry->worker]->host);
        entry->due_ms = tracker->now_ms + answer.delay_ms;
        if (answer.delay_ms > KEEP_PAYLOAD_MS && !MUTANT(WAITING_STAYS))
            entry_drop_payload(tracker, at);
        entry_to(tracker, at, ENTRY_WAITING);
        break;
    case ANSWER_IGNORE:
    case ANSWER_FAIL:
    case ANSWER_HOLD:
    case ANSWER_NOTIFY:
        finish_failed(tracker, at, answer.answer);
        break;
    }
}

void task_failed(struct tracker *tracker,
                 const struct wire_stored_entry *stored)
{
    const uint32_t at = copies_which(tracker, stored->task, stored->generation,
                                     stored->attempt);
    // A stale copy that was stopped: what made it stale is recorded by itself.
    const bool cancelled =
        stored->class == CLASS_CANCELLED && !MUTANT(STOPPED_FAILS);
    const bool counts = !cancelled && tracker_needs(tracker, stored->task);
    if (counts)
        task_blame(
            tracker, stored->task,
            (struct failure){(enum fail_class)stored->class, stored->code}, 1);
    if (!at) {
        if (counts)
            keep_history(tracker, stored);
        return;
    }
    struct entry *entry = &tracker->entries[at];
    if (!is_current(entry, stored, cancelled)) {
        // It was sent again as nobody knew where it was; the sink counts it.
        if (!cancelled) {
            entry->failures++;
            entry->last_class = stored->class;
            entry->last_code = stored->code;
        }
        if (entry->state == ENTRY_READY || entry->state == ENTRY_LONELY ||
            entry->state == ENTRY_APART)
            task_go_on(tracker, at);
        tracker->counts.odd++;
        return;
    }
    if (!cancelled)
        hosts_failed(tracker, at);
    if (entry->twin) {
        copies_failed(
            tracker, at, !cancelled,
            (struct failure){(enum fail_class)stored->class, stored->code});
        return;
    }
    if (entry->state == ENTRY_OUT && entry->alone)
        tracker->workers[entry->worker]->alone = false;
    entry->alone = false;
    if (cancelled) { // where nobody wants that any more, it was not its doing
        task_again(tracker, at);
        return;
    }
    entry->failures += !MUTANT(SPEND_TWICE) || entry->failures != 1;
    entry->last_class = stored->class;
    entry->last_code = stored->code;
    follow_policy(tracker, at);
}

void task_lost(struct tracker *tracker, uint32_t at, bool ran, bool crash)
{
    if (MUTANT(LOSS_UNRECORDED) && !tracker->entries[at].twin) {
        task_ready(tracker, at);
        return;
    }
    struct entry *entry = &tracker->entries[at];
    entry->loss_stored = false;
    const unsigned flags = (ran ? RECORD_RAN : 0U) |
                           (crash ? RECORD_CRASH : 0U) |
                           (entry->alone ? RECORD_ALONE : 0U);
    entry_to(tracker, at, ENTRY_RECORDING);
    tracker->counts.losses++;
    const uint64_t number = record_add(
        tracker, (struct wire_record){.kind = RECORD_LOST,
                                      .status = STATUS_LOST,
                                      .class = CLASS_LOST,
                                      .flags = (uint8_t)flags,
                                      .task = entry->task,
                                      .round = entry->round,
                                      .generation = entry->generation,
                                      .attempt = entry->attempt,
                                      .extra = entry->key});
    tracker->entries[at].record_number = number;
    if (tracker->entries[at].twin)
        copies_lost(tracker, at);
}

static bool end_by_losses(struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    if (MUTANT(QUARANTINE_ALONE) &&
        entry->lone_deaths >= tracker->limits.lone_deaths_max)
        task_final(tracker, entry->task, STATUS_QUARANTINED);
    else if (entry->lone_deaths >= tracker->limits.lone_deaths_max)
        task_finish(tracker, at, STATUS_QUARANTINED, CLASS_QUARANTINED,
                    "its worker died each time it ran alone");
    else if (entry->losses >= tracker->limits.losses_max)
        task_finish(tracker, at, STATUS_FAILED, CLASS_LOST,
                    "its worker was lost too often while it ran");
    else
        return false;
    return true;
}

// The last ventilator may have died before it made the end known.
static bool end_by_history(struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    if (tracker->order_count > 0 && cancel_ends(tracker, at))
        return true;
    const bool clean =
        (entry->failures | entry->losses | entry->lone_deaths) == 0;
    if (clean || MUTANT(HISTORY_IGNORED))
        return false;
    const struct policy_answer answer = answer_to(tracker, entry);
    if (entry->failures == 0 || answer.answer == ANSWER_RETRY)
        return end_by_losses(tracker, at);
    finish_failed(tracker, at, answer.answer);
    return true;
}

// Failures may have been told of while it was elsewhere: by SYNCED of a task
// that was adopted, by STORED of an attempt that was thought to be gone.
void task_go_on(struct tracker *tracker, uint32_t at)
{
    if (tracker->entries[at].twin)
        copies_part(tracker, at);
    else if (tracker->entries[at].ordinal == 0 || !end_by_history(tracker, at))
        task_ready(tracker, at);
}

void task_again(struct tracker *tracker, uint32_t at)
{
    tracker->counts.resends += !tracker->entries[at].twin;
    task_go_on(tracker, at);
}

void task_loss_stored(struct tracker *tracker,
                      const struct wire_stored_entry *stored)
{
    const uint32_t at = copies_which(tracker, stored->task, stored->generation,
                                     stored->attempt);
    struct entry *entry = at ? &tracker->entries[at] : NULL;
    if (entry && entry->state == ENTRY_RECORDING &&
        entry->generation == stored->generation &&
        entry->attempt == stored->attempt)
        entry->loss_stored = true;
}

// A loss that a ventilator before had recorded is acknowledged without a word:
// SYNCED told of it, and it counts once.
void task_loss_recorded(struct tracker *tracker,
                        const struct wire_record *record)
{
    const uint32_t at = copies_which(tracker, record->task, record->generation,
                                     record->attempt);
    struct entry *entry = at ? &tracker->entries[at] : NULL;
    if (!entry || entry->state != ENTRY_RECORDING ||
        entry->record_number != record->number)
        return; // it failed or succeeded before it was lost
    const bool ran = entry->loss_stored && record->flags & RECORD_RAN;
    const bool lone =
        ran && (record->flags & RECORD_ALONE) && (record->flags & RECORD_CRASH);
    entry->alone = false;
    entry = &tracker->entries[entry_find(tracker, record->task)];
    entry->losses += ran;
    entry->failures += MUTANT(LOSS_IS_FAILURE);
    entry->lone_deaths += lone;
    task_again(tracker, at);
}

void tasks_due(struct tracker *tracker)
{
    for (;;) {
        const uint32_t at = tracker->lists[ENTRY_WAITING].oldest;
        if (!at || tracker->entries[at].due_ms > tracker->now_ms)
            return;
        task_go_on(tracker, at);
    }
}

static void take_payload(struct tracker *tracker, uint32_t at,
                         const struct tracker_offer *offer)
{
    struct entry *entry = &tracker->entries[at];
    entry->ordinal = offer->ordinal;
    entry->offset = offer->offset;
    entry->key = offer->key;
    entry->priority = offer->priority;
    entry->payload = offer->payload;
    entry->payload_size = (uint32_t)offer->payload_size;
    if (offer->payload) {
        tracker->window_tasks++;
        tracker->window_bytes += offer->payload_size;
    }
}

void tracker_offer(struct tracker *tracker, const struct tracker_offer *offer,
                   int64_t now_ms)
{
    tracker->now_ms = now_ms;
    if (offer->ordinal > tracker->last_ordinal) {
        tracker->last_ordinal = offer->ordinal;
        tracker->last_offset = offer->offset;
    }
    uint32_t at = entry_find(tracker, offer->task);
    const bool known = at != NONE;
    if (known) { // adopted: it runs somewhere; remember where to read it again
        tracker->entries[at].ordinal = offer->ordinal;
        tracker->entries[at].offset = offer->offset;
        tracker->entries[at].key = offer->key;
        tracker->entries[at].priority = offer->priority;
    }
    if (known || !tracker_needs(tracker, offer->task)) {
        if (offer->payload)
            payload_forget(tracker, offer->payload);
        return;
    }
    at = entry_open(tracker, offer->task);
    if (!at) {
        tracker_starve(tracker);
        return;
    }
    take_payload(tracker, at, offer);
    if (offer->bad)
        task_finish(tracker, at, STATUS_FAILED, CLASS_SPAWN, offer->bad);
    else if (!end_by_history(tracker, at))
        task_ready(tracker, at);
}

void tracker_fetched(struct tracker *tracker, const struct tracker_offer *offer,
                     int64_t now_ms)
{
    tracker->now_ms = now_ms;
    const uint32_t at = entry_find(tracker, offer->task);
    if (!at || tracker->entries[at].state != ENTRY_FETCHING) {
        if (offer->payload)
            payload_forget(tracker, offer->payload);
        return;
    }
    take_payload(tracker, at, offer);
    if (offer->bad)
        task_finish(tracker, at, STATUS_FAILED, CLASS_SPAWN, offer->bad);
    else
        task_go_on(tracker, at);
}
