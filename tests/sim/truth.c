#include "tests/sim/truth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct truth *truth_create(void)
{
    struct truth *truth = calloc(1, sizeof *truth);
    if (!truth)
        abort();
    return truth;
}

void truth_destroy(struct truth **truth)
{
    free((*truth)->roster);
    free((*truth)->record);
    free(*truth);
    *truth = NULL;
}

static struct true_task *task_at(struct world *world, uint64_t task)
{
    if (task >= 1 && task <= world->plan->tasks)
        return &world->truth->task[task];
    world_broke(world, "I14", "there is no task %" PRIu64, task);
    return &world->truth->task[0];
}

static struct try *try_of(struct true_task *task, uint32_t generation,
                          uint32_t attempt)
{
    for (unsigned i = 0; i < task->try_count; i++)
        if (task->tries[i].generation == generation &&
            task->tries[i].attempt == attempt)
            return &task->tries[i];
    return NULL;
}

static size_t roster_place(const struct truth *truth, const struct id128 *id)
{
    size_t at = 0;
    while (at < truth->roster_count && !id128_equal(&truth->roster[at], id))
        at++;
    return at;
}

/* -- what the disk has for good -------------------------------------------- */

static unsigned really_died_alone(const struct world *world,
                                  const struct true_task *task)
{
    unsigned deaths = 0;
    for (unsigned i = 0; i < task->try_count; i++) {
        const struct try *try = &task->tries[i];
        deaths += try->alone && try->started && !try->ended &&
                  !id_alive(world, &try->worker);
    }
    return deaths;
}

static void final_is_right(struct world *world, const struct record *record,
                           struct true_task *task)
{
    const struct plan *plan = world->plan;
    const struct try *try = try_of(task, record->generation, record->attempt);
    const bool by_failures =
        record->status == STATUS_IGNORED || record->status == STATUS_FAILED;
    if (record->status == STATUS_OK) {
        if (!try || !try->ended || try->class != CLASS_NONE)
            world_broke(world, "I6", "task %" PRIu64 " never succeeded",
                        record->task);
    } else if (record->status == STATUS_QUARANTINED) {
        if (task->lone_deaths < SIM_LONE_DEATHS ||
            really_died_alone(world, task) < SIM_LONE_DEATHS)
            world_broke(world, "I8", "task %" PRIu64 " is no poison",
                        record->task);
    } else if (!by_failures) {
        world_broke(world, "I6", "task %" PRIu64 " ends as %s", record->task,
                    status_name(record->status));
    } else if (record->class == CLASS_SPAWN) {
        if (!plan->task[record->task].bad)
            world_broke(world, "I6", "task %" PRIu64 " is not bad",
                        record->task);
    } else if (record->class == CLASS_LOST) {
        if (task->losses < plan->limits.losses_max)
            world_broke(world, "losses", "task %" PRIu64 " lost %u times only",
                        record->task, task->losses);
    } else if (task->failures < plan->policy.retries_max + 1) {
        world_broke(world, "retries", "task %" PRIu64 " failed %u times only",
                    record->task, task->failures);
    }
}

static void durable_final(struct world *world, const struct record *record)
{
    struct true_task *task = task_at(world, record->task);
    if (task->finals > 0)
        world_broke(world, "I2", "task %" PRIu64 " has two final records",
                    record->task);
    final_is_right(world, record, task);
    task->finals++;
    task->status = record->status;
    task->class = record->class;
}

static void durable_attempt(struct world *world, const struct record *record)
{
    struct true_task *task = task_at(world, record->task);
    struct try *try = try_of(task, record->generation, record->attempt);
    if (!try) {
        world_broke(world, "I6", "task %" PRIu64 " was never sent so",
                    record->task);
        return;
    }
    if (task->finals > 0)
        world_broke(world, "I4", "task %" PRIu64 " was final", record->task);
    if (record->status == STATUS_LOST) {
        if (try->lost_stored)
            world_broke(world, "log", "task %" PRIu64 " is lost twice",
                        record->task);
        if (record->crash && id_alive(world, &try->worker))
            world_broke(world, "I8", "task %" PRIu64 ": its worker lives",
                        record->task);
        if (record->ran && !try->failed_stored) {
            task->losses++;
            task->lone_deaths += record->crash && record->alone;
        }
        try->lost_stored = true;
        return;
    }
    if (try->failed_stored)
        world_broke(world, "log", "task %" PRIu64 " fails twice in one attempt",
                    record->task);
    if (try->lost_stored)
        world_broke(world, "lost-first",
                    "task %" PRIu64 ": failure of a lost attempt counts",
                    record->task);
    if (!try->ended || try->class != record->class)
        world_broke(world, "I6", "task %" PRIu64 " did not fail so",
                    record->task);
    try->failed_stored = true;
    task->failures += record->class != CLASS_CANCELLED;
}

static void durable_joined(struct truth *truth, const struct id128 *id)
{
    if (roster_place(truth, id) < truth->roster_count)
        return;
    if (truth->roster_count == truth->roster_capacity) {
        truth->roster_capacity = 2 * truth->roster_capacity + 8;
        truth->roster = reallocarray(truth->roster, truth->roster_capacity,
                                     sizeof *truth->roster);
        if (!truth->roster)
            abort();
    }
    truth->roster[truth->roster_count++] = *id;
}

static void durable_event(struct world *world, const struct record *record)
{
    struct truth *truth = world->truth;
    size_t at;
    switch (record->event) {
    case EVENT_GENERATION:
        if (record->generation != truth->generation + 1)
            world_broke(world, "I7", "generation %u after %u",
                        record->generation, truth->generation);
        truth->generation = record->generation;
        break;
    case EVENT_JOINED:
        durable_joined(truth, &record->worker);
        break;
    case EVENT_LEFT:
        at = roster_place(truth, &record->worker);
        if (at < truth->roster_count)
            truth->roster[at] = truth->roster[--truth->roster_count];
        break;
    case EVENT_MARK:
        if (record->a < truth->mark)
            world_broke(world, "mark", "from %" PRIu64 " back to %" PRIu64,
                        truth->mark, record->a);
        truth->mark = record->a;
        break;
    case EVENT_COMPLETE:
        truth->complete = true;
        break;
    case EVENT_NONE:
    case EVENT_RUN:
    case EVENT_REOPENED:
    case EVENT_RESUMED:
    case EVENT_DECISION:
    case EVENTS:
        break;
    }
}

void truth_durable(struct world *world, const struct record *record)
{
    world_note(world, "durable", (int64_t)record->event, (int64_t)record->task,
               record->event == EVENT_NONE ? (int64_t)record->status
                                           : (int64_t)record->a);
    if (record->event != EVENT_NONE)
        durable_event(world, record);
    else if (record->final)
        durable_final(world, record);
    else
        durable_attempt(world, record);
}

/* -- what is said of it ---------------------------------------------------- */

static void entry_is_true(struct world *world,
                          const struct wire_stored_entry *entry)
{
    struct true_task *task = task_at(world, entry->task);
    const struct try *try = try_of(task, entry->generation, entry->attempt);
    const bool is_true =
        entry->kind == STORED_FINAL     ? task->finals > 0
        : entry->kind == STORED_FAILURE ? try && try->failed_stored
        : entry->kind == STORED_LOSS    ? try && try->lost_stored
                                        : true;
    if (!is_true)
        world_broke(world, "I3", "task %" PRIu64 ": said before it is durable",
                    entry->task);
}

void truth_told(struct world *world, uint64_t to,
                const struct ledger_news *news)
{
    if (to > world->truth->durable)
        world_broke(world, "I3",
                    "STORED up to byte %" PRIu64 ", durable are %" PRIu64, to,
                    world->truth->durable);
    for (size_t i = 0; i < news->lists.finals.count; i++)
        for (uint64_t j = 0; j < news->lists.finals.at[i].count; j++)
            if (!task_at(world, news->lists.finals.at[i].first + j)->finals)
                world_broke(world, "I3", "task %" PRIu64 " is not durable",
                            news->lists.finals.at[i].first + j);
    for (size_t i = 0; i < news->lists.entry_count; i++)
        entry_is_true(world, &news->lists.entries[i]);
}

static void record_is_true(struct world *world,
                           const struct true_record *record)
{
    const struct truth *truth = world->truth;
    struct true_task *task =
        record->task ? task_at(world, record->task) : NULL;
    const struct try *try =
        task ? try_of(task, record->generation, record->attempt) : NULL;
    bool is_true = true;
    if (record->kind == RECORD_FINAL)
        is_true = task && task->finals > 0;
    else if (record->kind == RECORD_LOST)
        is_true = task && (task->finals > 0 || (try && try->lost_stored));
    else if (record->kind == RECORD_JOINED)
        is_true =
            roster_place(truth, &record->subject) < truth->roster_count ||
            !id_alive(world, &record->subject);
    else if (record->kind == RECORD_MARK)
        is_true = truth->mark >= record->a;
    else if (record->kind == RECORD_COMPLETE)
        is_true = truth->complete;
    if (!is_true)
        world_broke(world, "I3", "RECORD kind %u of task %" PRIu64 " is gone",
                    record->kind, record->task);
}

static void know(struct world *world, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        task_at(world, first + i)->known = true;
}

void truth_heard(struct world *world, const struct wire_stored *stored)
{
    struct truth *truth = world->truth;
    struct wire_list list = stored->finals;
    struct wire_run run;
    while (wire_next_run(&list, &run))
        know(world, run.first, run.count);
    struct wire_stored_entry entry;
    for (list = stored->entries; wire_next_stored_entry(&list, &entry);) {
        entry_is_true(world, &entry);
        if (entry.kind == STORED_FINAL)
            know(world, entry.task, 1);
    }
    for (; truth->record_checked < stored->record &&
           truth->record_checked < truth->record_count;
         truth->record_checked++)
        record_is_true(world, &truth->record[truth->record_checked]);
    if (stored->record > truth->record_count)
        world_broke(world, "I3", "RECORD %" PRIu64 " was never made",
                    stored->record);
}

void truth_synced(struct world *world, const struct wire_synced *part)
{
    struct wire_list list = part->finals;
    struct wire_run run;
    while (wire_next_run(&list, &run))
        know(world, run.first, run.count);
    if (part->generation > world->truth->generation)
        world_broke(world, "I3", "generation %u is not durable",
                    part->generation);
}

/* -- what the ventilator does ---------------------------------------------- */

void truth_vent_starts(struct world *world)
{
    for (unsigned i = 1; i <= SIM_TASKS; i++)
        world->truth->task[i].known = false;
    world->truth->record_count = world->truth->record_checked = 0;
}

void truth_records(struct world *world, const struct tracker_action *action)
{
    struct truth *truth = world->truth;
    for (size_t i = 0; i < action->count; i++) {
        const struct wire_record *from = &action->records[i];
        if (from->number <= truth->record_count)
            continue;
        if (truth->record_count == truth->record_capacity) {
            truth->record_capacity = 2 * truth->record_capacity + 32;
            truth->record = reallocarray(truth->record, truth->record_capacity,
                                         sizeof *truth->record);
            if (!truth->record)
                abort();
        }
        truth->record[truth->record_count++] =
            (struct true_record){.kind = from->kind,
                                 .generation = from->generation,
                                 .attempt = from->attempt,
                                 .task = from->task,
                                 .a = from->a,
                                 .subject = from->subject};
    }
}

static void send_one(struct world *world, const struct tracker_send *send,
                     const struct id128 *worker, uint32_t generation)
{
    struct truth *truth = world->truth;
    struct true_task *task = task_at(world, send->task);
    world_note(world, "sends", (int64_t)send->task, send->attempt,
               id_process(worker));
    if (send->task > truth->mark)
        world_broke(world, "mark", "task %" PRIu64 " goes out beyond %" PRIu64,
                    send->task, truth->mark);
    if (task->known)
        world_broke(world, "I10", "task %" PRIu64 " is known to be final",
                    send->task);
    const struct try *last =
        task->try_count ? &task->tries[task->try_count - 1] : NULL;
    if (last && (last->generation > generation ||
                 (last->generation == generation &&
                  last->attempt >= send->attempt)))
        world_broke(world, "I7", "task %" PRIu64 ": (%u, %u) after (%u, %u)",
                    send->task, generation, send->attempt, last->generation,
                    last->attempt);
    if (last && last->generation == generation && last->started &&
        !last->failed_stored && !last->lost_stored)
        world_broke(world, "loss-first",
                    "task %" PRIu64 " goes again, its attempt %u not recorded",
                    send->task, last->attempt);
    if (task->try_count == TRIES) {
        world_broke(world, "I13", "task %" PRIu64 " goes out again and again",
                    send->task);
        return;
    }
    task->tries[task->try_count++] = (struct try){.generation = generation,
                                                  .attempt = send->attempt,
                                                  .worker = *worker,
                                                  .alone = send->flags != 0};
}

void truth_sends(struct world *world, const struct tracker_action *action,
                 const struct id128 *worker, uint32_t generation)
{
    const struct truth *truth = world->truth;
    if (generation != truth->generation ||
        generation > world->generation_file)
        world_broke(world, "sync", "TASKS of generation %u, durable is %u",
                    generation, truth->generation);
    if (roster_place(truth, worker) == truth->roster_count)
        world_broke(world, "roster", "TASKS to %u before it is rostered",
                    id_process(worker));
    for (size_t i = 0; i < action->count; i++)
        send_one(world, &action->sends[i], worker, generation);
}

void truth_worker_closed(struct world *world, const struct id128 *worker,
                         bool by_itself)
{
    enum { SLACK_MS = 2500 };
    const unsigned process = id_process(worker);
    const struct process *it = &world->process[process];
    const struct channel *channel = &world->channel[WAY_CONTROL][process];
    world_note(world, "closes", process, id_life(worker), by_itself);
    if (by_itself || !id_alive(world, worker) || !channel->up)
        return;
    const int64_t well_ms = it->trouble_ms > channel->trouble_ms
                                ? it->trouble_ms
                                : channel->trouble_ms;
    const int64_t since_ms = world->now_ms - well_ms;
    if (since_ms > world->plan->limits.liveness_ms + SLACK_MS +
                       2 * world->plan->delay_ms)
        world_broke(world, "I12", "worker %u was well for %" PRId64 " ms",
                    process, since_ms);
}

void truth_complete(struct world *world)
{
    world_note(world, "complete", 0, 0, 0);
    for (unsigned i = 1; i <= world->plan->tasks; i++)
        if (world->truth->task[i].finals != 1)
            world_broke(world, "I1", "complete without task %u", i);
    if (!world->truth->complete)
        world_broke(world, "I1", "complete, and the log does not say so");
}

/* -- what the workers do --------------------------------------------------- */

void truth_starts(struct world *world, const struct slot_task *slot)
{
    struct true_task *task = task_at(world, slot->task);
    struct try *try = try_of(task, slot->generation, slot->attempt);
    world_note(world, "runs", (int64_t)slot->task, slot->generation,
               slot->attempt);
    if (!try) {
        world_broke(world, "I14", "task %" PRIu64 " was never sent so",
                    slot->task);
        return;
    }
    const struct try *last = &task->tries[task->try_count - 1];
    if (try != last && last->generation == try->generation &&
        !try->failed_stored && !try->lost_stored)
        world_broke(world, "loss-first",
                    "task %" PRIu64 ": attempt %u runs, superseded, not lost",
                    slot->task, slot->attempt);
    if (try->started)
        world_broke(world, "I7", "task %" PRIu64 ": one attempt runs twice",
                    slot->task);
    try->started = true;
    task->starts++;
}

void truth_ends(struct world *world, const struct slot_task *slot,
                enum fail_class class)
{
    struct try *try = try_of(task_at(world, slot->task), slot->generation,
                             slot->attempt);
    world_note(world, "ends", (int64_t)slot->task, (int64_t) class,
               slot->attempt);
    if (!try)
        return;
    try->ended = true;
    try->class = (uint8_t) class;
}

void truth_retires(struct world *world, uint64_t number, uint32_t generation,
                   uint32_t attempt)
{
    struct true_task *task = task_at(world, number);
    const struct try *try = try_of(task, generation, attempt);
    if (task->finals == 0 &&
        !(try && (try->failed_stored || try->lost_stored)))
        world_broke(world, "I5", "task %" PRIu64 ": forgotten, not durable",
                    number);
}

/* -- when all is over ------------------------------------------------------ */

static void end_is_right(struct world *world, unsigned number)
{
    const struct true_task *task = &world->truth->task[number];
    const struct task_plan *plan = &world->plan->task[number];
    const uint64_t retries = world->plan->policy.retries_max;
    if (task->finals != 1)
        world_broke(world, "I1", "task %u has %u final records", number,
                    task->finals);
    if (task->status == STATUS_OK &&
        (plan->bad || plan->killer || plan->fails > retries))
        world_broke(world, "I6", "task %u cannot succeed", number);
    if (!world->plan->calm || plan->bad)
        return;
    const uint64_t runs =
        (plan->fails < retries ? plan->fails : retries) + UINT64_C(1);
    if (task->starts != runs || task->try_count != runs || task->losses > 0)
        world_broke(world, "calm", "task %u ran %u times, sent %u, not %" PRIu64,
                    number, task->starts, task->try_count, runs);
}

void truth_at_end(struct world *world)
{
    for (unsigned i = 1; i <= world->plan->tasks && !world->broke; i++)
        end_is_right(world, i);
    if (!world->over && !world->broke)
        world_broke(world, "I13", "nothing happens any more");
}
