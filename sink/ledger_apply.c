#include "sink/ledger.h"

#include "common/base/mutant.h"
#include "sink/ledger_state.h"

#include <errno.h>

static void see_number(struct ledger *ledger, uint64_t task)
{
    if (task > ledger->number_max)
        ledger->number_max = task;
}

static int apply_final(struct ledger *ledger, const struct record *record)
{
    const uint32_t now = ledger_round(ledger, record->task);
    if (record->round != now || record->status >= STATUSES)
        return -EBADMSG;
    if (MUTANT(LEDGER_FORGETS) && !ledger->started)
        return 0;
    const int added = numset_add(ledger->finals, record->task);
    if (added <= 0 && !MUTANT(SECOND_FINAL))
        return added < 0 ? added : -EBADMSG;
    if (record->status != STATUS_OK) {
        const int error =
            numset_add(ledger->ended[record->status], record->task);
        if (error < 0)
            return error;
    }
    opens_remove(ledger->opens, record->task);
    return 0;
}

static int apply_attempt(struct ledger *ledger, const struct record *record)
{
    if (record->round != ledger_round(ledger, record->task) ||
        ledger_is_final(ledger, record->task))
        return -EBADMSG;
    struct open_task *open =
        opens_add(ledger->opens, record->task, record->round);
    if (open == NULL)
        return -ENOMEM;
    if (record->status == STATUS_HELD) {
        open->held = true;
        return 0;
    }
    open->key = record->key;
    const bool loss = record->status == STATUS_LOST;
    bool failed = false;
    const unsigned seen =
        open_task_seen(open, record->generation, record->attempt);
    if (seen == 0 && loss && record->ran) {
        open->losses += 1;
        open->lone_deaths += record->crash && record->alone;
        if (open->failures == 0) // what ends it is how it failed
            open->last_class = CLASS_LOST;
    } else if (seen == 0 && !loss && record->class != CLASS_CANCELLED &&
               (!record->copy || MUTANT(COPY_COUNTS))) {
        // One that was stopped has not failed by itself, and ends nothing; nor
        // does a copy of a task, whose other copy decides.
        failed = true;
        open->failures += 1;
        open->last_class = (uint8_t)record->class;
        open->last_exit = record->exit;
        open->last_signal = record->signal;
    }
    if (((MUTANT(FORGET_LOSSES) && loss) ||
         (MUTANT(FORGET_FAILURES) && !loss)) &&
        !ledger->started)
        return 0;
    const int error = open_task_note(open, record->generation, record->attempt,
                                     loss ? SEEN_LOSS : SEEN_FAILURE);
    if (error == 0 && failed)
        open_task_blame(open, record->generation, record->attempt,
                        record_failure(record));
    return error;
}

/* Takes a final task into the round after its present one. */
static struct open_task *reopen(struct ledger *ledger, uint64_t task)
{
    const uint32_t round = ledger_round(ledger, task) + 1;
    struct open_task *open = opens_add(ledger->opens, task, round);
    if (open == NULL || map_put(ledger->rounds, task, round) < 0)
        return NULL;
    if (numset_remove(ledger->finals, task) < 0)
        return NULL;
    for (int i = 0; i < STATUSES; i++)
        if (numset_has(ledger->ended[i], task) &&
            numset_remove(ledger->ended[i], task) < 0)
            return NULL;
    return open;
}

static int apply_reopened(struct ledger *ledger, const struct record *record)
{
    if (!ledger_is_final(ledger, record->task) ||
        record->round != ledger_round(ledger, record->task) + 1)
        return -EBADMSG;
    struct open_task *open = reopen(ledger, record->task);
    if (open == NULL)
        return -ENOMEM;
    open->floor_generation = record->generation;
    open->floor_attempt = record->attempt;
    ledger->complete = false;
    return 0;
}

static int reopen_all(struct ledger *ledger, enum status status)
{
    uint64_t first = 0;
    uint64_t count = 0;
    while (numset_next_run(ledger->ended[status], 0, &first, &count))
        for (uint64_t i = 0; i < count; i++)
            if (reopen(ledger, first + i) == NULL)
                return -ENOMEM;
    return 0;
}

static int apply_resumed(struct ledger *ledger, const struct record *record)
{
    static const enum status AGAIN[] = {STATUS_FAILED, STATUS_QUARANTINED,
                                        STATUS_EXPIRED};
    for (size_t i = 0; i < sizeof AGAIN / sizeof *AGAIN; i++) {
        const int error = reopen_all(ledger, AGAIN[i]);
        if (error < 0)
            return error;
    }
    ledger->resumed = record->worker;
    ledger->number_base = ledger->number_max;
    // Places are those of the new input from here on.
    ledger->mark = ledger->mark_from = ledger->mark_offset = 0;
    ledger->complete = ledger->paused = false;
    return 0;
}

static int apply_joined(struct ledger *ledger, const struct record *record)
{
    struct peer *peer = peers_add(ledger->peers, &record->worker);
    if (peer == NULL)
        return -ENOMEM;
    peer->rostered = true;
    peer->left = false;
    peer->linked = false; // its RESULTS begin anew at `kept`
    peer->boot = record->boot;
    peer->pid = record->pid;
    peer->pid_start = record->pid_start;
    return peer_set_host(peer, record->host);
}

static void apply_left(struct ledger *ledger, const struct record *record)
{
    struct peer *peer = peers_find(ledger->peers, &record->worker);
    if (peer == NULL)
        return;
    peer->rostered = false;
    peer->left = true;
    if (!peer->dirty)
        peers_drop(ledger->peers, &record->worker);
}

static void apply_generation(struct ledger *ledger, const struct record *record)
{
    if (record->generation <= ledger->generation)
        return;
    ledger->generation = record->generation;
    ledger->ventilator = record->worker;
    ledger->record_taken = ledger->record_durable = 0;
}

static void apply_mark(struct ledger *ledger, const struct record *record)
{
    ledger->mark = record->a;
    ledger->mark_from = record->b;
    ledger->mark_offset = record->c;
    ledger->complete = false;
    see_number(ledger, ledger->number_base + record->a);
}

static int apply_decision(struct ledger *ledger, const struct record *record)
{
    struct open_task *open =
        opens_add(ledger->opens, record->task, record->round);
    if (open == NULL)
        return -ENOMEM;
    if (MUTANT(DECIDED_FORGETS) && !ledger->started &&
        record->status != STATUS_HELD)
        return 0;
    open->held = record->status == STATUS_HELD;
    if (!open->held && (record->mem_max > 0 || record->edit.size > 0) &&
        edits_put(ledger->edits,
                  &(struct wire_edit){record->task, record->mem_max,
                                      record->edit}) < 0)
        return -ENOMEM;
    // Who is tried again by a person begins anew.
    if (!open->held) {
        open->failures = open->losses = open->lone_deaths = 0;
        open->last_class = open->last_exit = open->last_signal = 0;
        for (size_t i = 0; i < open->seen_count; i++)
            open->seen[i].class = open->seen[i].code = 0;
    }
    return 0;
}

static int apply_event(struct ledger *ledger, const struct record *record)
{
    switch (record->event) {
    case EVENT_RUN:
        ledger->run = record->run;
        return 0;
    case EVENT_GENERATION:
        apply_generation(ledger, record);
        return 0;
    case EVENT_JOINED:
        return apply_joined(ledger, record);
    case EVENT_LEFT:
        apply_left(ledger, record);
        return 0;
    case EVENT_MARK:
        apply_mark(ledger, record);
        return 0;
    case EVENT_REOPENED:
        return apply_reopened(ledger, record);
    case EVENT_RESUMED:
        return apply_resumed(ledger, record);
    case EVENT_DECISION:
        return apply_decision(ledger, record);
    case EVENT_COMPLETE:
        ledger->complete = true;
        return 0;
    case EVENT_PAUSED:
    case EVENT_UNPAUSED:
        ledger->paused = record->event == EVENT_PAUSED &&
                         (ledger->started || !MUTANT(PAUSE_FORGOTTEN));
        return 0;
    case EVENT_HOST: // for people
        return 0;
    case EVENT_NONE:
    case EVENTS:
        break;
    }
    return -EBADMSG;
}

int ledger_apply(struct ledger *ledger, const struct record *record)
{
    const bool of_task = record->event == EVENT_NONE ||
                         record->event == EVENT_REOPENED ||
                         record->event == EVENT_DECISION;
    if (of_task && (record->task == 0 || record->task > NUMSET_NUMBER_MAX))
        return -EBADMSG;
    const int error = record->event != EVENT_NONE ? apply_event(ledger, record)
                      : record->final             ? apply_final(ledger, record)
                                      : apply_attempt(ledger, record);
    if (error < 0)
        return error;
    see_number(ledger, record->task);
    // The link's numbers begin anew in each generation.
    if (record->number > ledger->record_taken && record->event != EVENT_RUN &&
        record->event != EVENT_GENERATION)
        ledger->record_taken = record->number;
    return ledger->started ? stored_add(&ledger->collecting, record) : 0;
}
