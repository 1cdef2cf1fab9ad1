/* tracker_copies - two copies of one task, at two workers (--speculate)
 *
 * At the end of a run, when slots idle and nothing waits for one, the slowest
 * tasks are sent a second time: see tracker_speculate.h for which. The sink
 * takes the first final record, whoever made it, and both copies are told
 * CANCEL: of the one that has ended nobody holds anything.
 *
 * A copy is an entry of its own, in the list of its worker, with an attempt
 * number of its own. One of the two, the first, is found by the task's number,
 * and has payload, place and counts. As long as both are there each is out or
 * its loss is being recorded, and the first is out if any is. Where one ends
 * otherwise than by success the other goes on alone, and nothing is decided: a
 * loss counts as any, a failure of the copy counts nothing (the ledger does as
 * much, by RESULT_COPY), and one of the original is answered when the copy ends
 * badly, too. Only then the task goes out again.
 *
 * Never a third: a send of a task is copied once. Nor what has lost a worker
 * and may be why, nor a task whose payload was not read by this ventilator.
 */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

enum {
    LOOK_EVERY_MS = 50,
    COPIES_AT_ONCE = 16, // in a turn: each costs a look at all that is out
};

static bool is_sent_as(const struct entry *entry, uint32_t generation,
                       uint32_t attempt)
{
    return entry->generation == generation && entry->attempt == attempt;
}

uint32_t copies_which(const struct tracker *tracker, uint64_t task,
                      uint32_t generation, uint32_t attempt)
{
    const uint32_t at = entry_find(tracker, task);
    const uint32_t twin = at ? tracker->entries[at].twin : NONE;
    return twin && is_sent_as(&tracker->entries[twin], generation, attempt)
               ? twin
               : at;
}

// Makes the other of two the first: what the task has is its own from now on.
static void hand_over(struct tracker *tracker, uint32_t from)
{
    struct entry *old = &tracker->entries[from];
    struct entry *first = &tracker->entries[old->twin];
    first->ordinal = old->ordinal;
    first->offset = old->offset;
    first->payload = old->payload;
    first->payload_size = old->payload_size;
    first->attempts = old->attempts;
    first->failures = old->failures;
    first->losses = old->losses;
    first->lone_deaths = old->lone_deaths;
    first->last_class = old->last_class;
    first->last_code = old->last_code;
    old->payload = NULL;
    old->payload_size = 0;
    entry_index_instead(tracker, from, old->twin);
}

void copies_part(struct tracker *tracker, uint32_t at)
{
    const uint32_t other = tracker->entries[at].twin;
    if (entry_find(tracker, tracker->entries[at].task) == at)
        hand_over(tracker, at);
    tracker->entries[other].twin = tracker->entries[at].twin = NONE;
    entry_release(tracker, at);
}

void copies_failed(struct tracker *tracker, uint32_t at, bool counts,
                   struct failure failure)
{
    struct entry *first =
        &tracker->entries[entry_find(tracker, tracker->entries[at].task)];
    if (counts) {
        first->failures++;
        first->last_class = (uint8_t)failure.class;
        first->last_code = failure.code;
    }
    copies_part(tracker, at);
}

// The ledger has not counted it either.
void copies_stored(struct tracker *tracker,
                   const struct wire_stored_entry *stored)
{
    const uint32_t at = copies_which(tracker, stored->task, stored->generation,
                                     stored->attempt);
    if (!at ||
        !is_sent_as(&tracker->entries[at], stored->generation, stored->attempt))
        return; // it was given up, and something else is under way
    const struct entry *entry = &tracker->entries[at];
    if (MUTANT(COPY_DECIDES) && entry->twin)
        task_finish(tracker, entry_find(tracker, stored->task), STATUS_FAILED,
                    (enum fail_class)stored->class, NULL);
    else if (entry->twin)
        copies_part(tracker, at);
    else if (entry->state == ENTRY_OUT)
        task_go_on(tracker, at);
}

void copies_lost(struct tracker *tracker, uint32_t at)
{
    const uint32_t other = tracker->entries[at].twin;
    if (MUTANT(COPY_SENT_AGAIN)) {
        copies_part(tracker, other);
        return;
    }
    if (tracker->entries[other].state == ENTRY_OUT &&
        entry_find(tracker, tracker->entries[at].task) == at)
        hand_over(tracker, at);
}

void copies_close(struct tracker *tracker, uint32_t at)
{
    const uint32_t both[] = {at, tracker->entries[at].twin};
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        const struct entry *entry = &tracker->entries[both[i]];
        if (entry->state == ENTRY_OUT && !MUTANT(COPY_RUNS_ON))
            worker_cancel(tracker, entry->worker, entry->task,
                          entry->generation, entry->attempt);
    }
    tracker->entries[at].twin = tracker->entries[both[1]].twin = NONE;
    entry_release(tracker, both[1]);
}

bool copies_held(const struct tracker *tracker, uint32_t at, uint32_t worker,
                 const struct wire_refs *copy)
{
    for (uint32_t i = at, left = 2; i && left > 0;
         i = tracker->entries[i].twin, left--) {
        const struct entry *entry = &tracker->entries[i];
        if (entry->state == ENTRY_OUT && entry->worker == worker &&
            is_sent_as(entry, copy->generation, copy->attempt))
            return true;
    }
    return false;
}

void copies_took(struct tracker *tracker, uint32_t at, enum status status)
{
    const struct entry *entry = &tracker->entries[at];
    if (entry->state == ENTRY_OUT && !entry->twin && status == STATUS_OK)
        speculate_took(&tracker->speculate, tracker->now_ms - entry->sent_ms);
}

/* -- which, and where ------------------------------------------------------ */

// This very attempt, and not an older one that is to be stopped.
static bool is_running(const struct worker *worker, const struct entry *entry)
{
    for (size_t i = 0; i < worker->ran_count; i++)
        if (entry->task >= worker->ran[i].task &&
            entry->task - worker->ran[i].task < worker->ran[i].count &&
            is_sent_as(entry, worker->ran[i].generation,
                       worker->ran[i].attempt))
            return true;
    return false;
}

static bool may_copy(const struct tracker *tracker, uint32_t at,
                     int64_t slow_ms)
{
    const struct entry *entry = &tracker->entries[at];
    const struct worker *worker = tracker->workers[entry->worker];
    return !entry->twin && !entry->copied && !entry->alone &&
           !(tracker->order_count > 0 && cancel_has(tracker, entry->task)) &&
           entry->losses == 0 && entry->payload &&
           tracker->now_ms - entry->sent_ms >= slow_ms &&
           is_running(worker, entry);
}

// Those that were sent at one time are told apart by their place.
static bool is_before(const struct tracker *tracker, uint32_t left,
                      uint32_t right)
{
    const int64_t left_ms = tracker->entries[left].sent_ms;
    const int64_t right_ms = tracker->entries[right].sent_ms;
    return left_ms < right_ms || (left_ms == right_ms && left < right);
}

// The slowest of those behind `last`, which were looked at before.
static uint32_t slowest(const struct tracker *tracker, uint32_t last,
                        int64_t slow_ms)
{
    uint32_t found = NONE;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        for (uint32_t at = worker ? worker->out.oldest : NONE; at;
             at = tracker->entries[at].newer)
            if ((!last || is_before(tracker, last, at)) &&
                (!found || is_before(tracker, at, found)) &&
                may_copy(tracker, at, slow_ms))
                found = at;
    }
    return found;
}

// Another worker, and on another host if there is one: what made it slow may be
// the host's.
static uint32_t place_for(const struct tracker *tracker, uint32_t at)
{
    const uint32_t own = tracker->entries[at].worker;
    const uint32_t host = tracker->workers[own]->host;
    uint32_t found = NONE, most = 0;
    bool elsewhere = false;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        const uint32_t idle = worker ? worker_idle_slots(tracker, i) : 0;
        if (idle == 0 || (i == own && !MUTANT(COPY_BESIDE)))
            continue;
        const bool other = worker->host != host;
        if (found &&
            (elsewhere > other || (elsewhere == other && most >= idle)))
            continue;
        found = i;
        most = idle;
        elsewhere = other;
    }
    return found;
}

static void start_copy(struct tracker *tracker, uint32_t at, uint32_t worker)
{
    const uint32_t copy = entry_make(tracker, tracker->entries[at].task);
    if (!copy) {
        tracker_starve(tracker);
        return;
    }
    struct entry *first = &tracker->entries[at];
    struct entry *second = &tracker->entries[copy];
    second->key = first->key;
    second->round = first->round;
    second->failures = first->failures;
    second->attempts = first->attempts;
    second->ordinal = first->ordinal;
    second->priority = first->priority;
    second->payload = first->payload; // borrowed while it goes out
    second->payload_size = first->payload_size;
    second->twin = at;
    first->twin = copy;
    if (!dispatch_to(tracker, copy, worker, TASK_COPY))
        return; // no memory: the run has failed
    first = &tracker->entries[at];
    first->attempts = tracker->entries[copy].attempts;
    first->copied = true;
    tracker->entries[copy].payload = NULL;
    tracker->entries[copy].payload_size = 0;
    tracker->counts.speculated++;
}

// Something would rather have the slot.
static bool is_busy(const struct tracker *tracker)
{
    static const enum entry_state WANT[] = {ENTRY_READY,    ENTRY_LONELY,
                                            ENTRY_APART,    ENTRY_WAITING,
                                            ENTRY_FETCHING, ENTRY_RECORDING};
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++)
        if (tracker->lists[WANT[i]].count > 0)
            return true;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (worker && (worker->unreceived + worker->queued > 0 ||
                       worker->running > worker->slots))
            return true;
    }
    return false;
}

void tracker_speculate(struct tracker *tracker)
{
    if (!tracker->ended[CURSOR_FRONT] || !tracker->ended[CURSOR_REDO] ||
        tracker->now_ms - tracker->speculated_ms < LOOK_EVERY_MS ||
        is_busy(tracker))
        return;
    tracker->speculated_ms = tracker->now_ms;
    const int64_t slow_ms = speculate_slow_ms(
        &tracker->speculate, tracker->now_ms - tracker->began_ms);
    uint32_t at = NONE;
    for (int i = 0; i < COPIES_AT_ONCE; i++) {
        at = slowest(tracker, at, slow_ms);
        const uint32_t worker = at ? place_for(tracker, at) : NONE;
        if (!at)
            return;
        if (worker)
            start_copy(tracker, at, worker);
    }
}
