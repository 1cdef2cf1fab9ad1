/* tracker_held - tasks that are parked for a person, and what they decide
 *
 * A task whose failure is answered by `hold` leaves the window once the sink
 * has it in writing: a bit is all that stays of it here. What a person decides
 * goes to the sink first, too, and is obeyed when that says STORED. A task to
 * be tried again is read from the input again, by the redo cursor.
 */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

#include <errno.h>

static void add_held(struct tracker *tracker, uint64_t task)
{
    tracker->holds = true;
    if (numset_add(tracker->held, task) < 0)
        tracker_starve(tracker);
}

void task_hold(struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    const struct wire_record record = {
        .kind = RECORD_DECISION,
        .status = STATUS_HELD,
        .class = entry->last_class,
        .task = entry->task,
        .round = entry->round,
    };
    if (MUTANT(HELD_UNRECORDED)) {
        add_held(tracker, entry->task);
        entry_close(tracker, at);
        return;
    }
    if (entry->attempts > tracker->attempts_max)
        tracker->attempts_max = entry->attempts;
    entry_drop_payload(tracker, at);
    entry_to(tracker, at, ENTRY_FINISHING);
    record_add(tracker, record);
}

// But for its round, if that is not the first.
static void forget_history(struct tracker *tracker, uint64_t task,
                           uint32_t round)
{
    if (tracker->tally)
        tally_drop(tracker->tally, task);
    apart_forget(tracker, task);
    if (round == 0) {
        map_remove(tracker->history_by_task, task);
        return;
    }
    struct history *history = history_of(tracker, task);
    if (history)
        *history = (struct history){.round = round};
}

void held_load(struct tracker *tracker, const struct wire_open_task *open)
{
    if (MUTANT(HELD_FORGOTTEN))
        return;
    add_held(tracker, open->task);
    forget_history(tracker, open->task, open->round);
}

// What it was itself is not kept: a number that is not used again will do.
uint32_t held_attempts(const struct tracker *tracker, uint64_t task)
{
    return numset_has(tracker->retried, task) && !MUTANT(RETRY_FROM_ONE)
               ? tracker->attempts_max
               : 0;
}

static void unpark(struct tracker *tracker, uint64_t task)
{
    if (numset_remove(tracker->held, task) < 0 ||
        numset_remove(tracker->decided, task) < 0)
        tracker_starve(tracker);
}

void held_forget(struct tracker *tracker, uint64_t task)
{
    unpark(tracker, task);
    if (numset_remove(tracker->retried, task) < 0)
        tracker_starve(tracker);
}

static void park(struct tracker *tracker,
                 const struct wire_stored_entry *stored)
{
    const uint32_t at = entry_find(tracker, stored->task);
    if (numset_has(tracker->final, stored->task))
        return;
    add_held(tracker, stored->task);
    if (at)
        entry_close(tracker, at);
    forget_history(tracker, stored->task, stored->round);
    if (tracker->order_count > 0)
        cancel_held(tracker, stored->task);
}

// All that was read of the input is read once more: what is in the window, held
// or final is passed over.
static void read_again(struct tracker *tracker)
{
    if (!tracker->ended[CURSOR_REDO]) {
        tracker->redo_again = true; // it may have passed that place
        return;
    }
    tracker->ended[CURSOR_REDO] = MUTANT(RETRY_UNREAD);
    tracker_act(tracker, ACTION_REDO);
}

static void try_again(struct tracker *tracker,
                      const struct wire_stored_entry *stored)
{
    if (numset_has(tracker->final, stored->task))
        return;
    unpark(tracker, stored->task);
    if (numset_add(tracker->retried, stored->task) < 0)
        tracker_starve(tracker);
    forget_history(tracker, stored->task, stored->round);
    if (stored->task < tracker->first_open)
        tracker->first_open = stored->task;
    read_again(tracker);
}

void held_stored(struct tracker *tracker,
                 const struct wire_stored_entry *stored)
{
    if (stored->status == STATUS_REOPENED)
        try_again(tracker, stored);
    else
        park(tracker, stored);
}

bool held_redo_ended(struct tracker *tracker)
{
    if (!tracker->redo_again)
        return true;
    tracker->redo_again = false;
    tracker_act(tracker, ACTION_REDO);
    return false;
}

void held_decision_recorded(struct tracker *tracker,
                            const struct wire_record *record)
{
    if (tracker->holds && numset_remove(tracker->decided, record->task) < 0)
        tracker_starve(tracker);
}

// Nothing is left to be done but what a person must decide.
bool held_is_all(const struct tracker *tracker)
{
    return tracker->holds && numset_count(tracker->held) > 0;
}

// No worker runs anything or has a result that is not stored: it may be of an
// attempt of a held task that was given up, and the end of the run retires it.
static bool is_quiet(const struct tracker *tracker)
{
    if (MUTANT(PARKED_EARLY))
        return true;
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (worker &&
            (worker_outstanding(worker) > 0 || worker->made > worker->stored))
            return false;
    }
    return roster_settled(tracker);
}

void held_end_run(struct tracker *tracker)
{
    if (tracker->limits.held_wait || tracker->parked ||
        tracker->record_count > 0 || !is_quiet(tracker))
        return;
    tracker->parked = true;
    tracker_act(tracker, ACTION_PARKED);
}

uint64_t held_first_open(const struct tracker *tracker)
{
    uint64_t at = numset_next_absent(tracker->final, tracker->first_open);
    while (task_is_held(tracker, at))
        at = numset_next_absent(tracker->final, at + 1);
    return at;
}

int tracker_decide(struct tracker *tracker,
                   const struct tracker_decision *decision, int64_t now_ms)
{
    tracker->now_ms = now_ms;
    uint64_t past;
    const bool again = decision->status == STATUS_REOPENED;
    if (!task_is_held(tracker, decision->task))
        return -ENOENT;
    if (numset_has(tracker->decided, decision->task))
        return -EALREADY;
    const bool known = map_get(tracker->history_by_task, decision->task, &past);
    if (numset_add(tracker->decided, decision->task) < 0 ||
        record_add(tracker,
                   (struct wire_record){
                       .kind = again ? RECORD_DECISION : RECORD_FINAL,
                       .status = (uint8_t)decision->status,
                       .class = decision->status == STATUS_CANCELLED
                                    ? CLASS_CANCELLED
                                    : CLASS_NONE,
                       .flags = RECORD_PERSON,
                       .task = decision->task,
                       .round = known ? tracker->histories[past].round : 0,
                       .a = (uint64_t)decision->time_us,
                       .b = decision->mem_max,
                       .text = decision->text}) == 0) {
        tracker_starve(tracker);
        return -ENOMEM;
    }
    if (MUTANT(DECIDED_EARLY) && again)
        try_again(tracker, &(struct wire_stored_entry){.task = decision->task});
    return 0;
}
