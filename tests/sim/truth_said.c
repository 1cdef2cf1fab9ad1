/* truth_said - what is told, and what the ventilator does on it */
#include "tests/sim/truth.h"

#include <inttypes.h>
#include <stdlib.h>

/* -- what is said of it ---------------------------------------------------- */

static void entry_is_true(struct world *world,
                          const struct wire_stored_entry *entry)
{
    struct true_task *task = truth_task(world, entry->task);
    const struct try *try = truth_try(task, entry->generation, entry->attempt);
    const bool is_true = entry->kind == STORED_FINAL
                             ? task->finals > 0 && entry->round == task->round
                         : entry->kind == STORED_FAILURE
                             ? try && try->failed_stored
                         : entry->kind == STORED_LOSS ? try && try->lost_stored
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
            if (!truth_task(world, news->lists.finals.at[i].first + j)->finals)
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
        record->task ? truth_task(world, record->task) : NULL;
    const struct try *try =
        task ? truth_try(task, record->generation, record->attempt) : NULL;
    bool is_true = true;
    if (record->kind == RECORD_FINAL)
        is_true = task && task->finals > 0;
    else if (record->kind == RECORD_LOST)
        is_true = task && (task->finals > 0 || (try && try->lost_stored));
    else if (record->kind == RECORD_JOINED)
        is_true = truth_roster(truth, &record->subject) < truth->roster_count ||
                  !id_alive(world, &record->subject);
    else if (record->kind == RECORD_MARK)
        is_true = truth->mark >= record->a;
    else if (record->kind == RECORD_COMPLETE)
        is_true = truth->complete;
    if (!is_true)
        world_broke(world, "I3", "RECORD kind %u of task %" PRIu64 " is gone",
                    record->kind, record->task);
}

static struct heard *heard_of(const struct world *world)
{
    return &world->truth->heard[world->twin_acts];
}

static void know(struct world *world, uint64_t first, uint64_t count)
{
    for (uint64_t task = first; task - first < count && task < 64; task++)
        heard_of(world)->known |= UINT64_C(1) << task;
}

void truth_heard(struct world *world, const struct wire_stored *stored)
{
    struct heard *heard = heard_of(world);
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
    for (; heard->record_checked < stored->record &&
           heard->record_checked < heard->record_count;
         heard->record_checked++)
        record_is_true(world, &heard->record[heard->record_checked]);
    if (stored->record > heard->record_count)
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

// All that was final when it was answered has been told.
void truth_synced_whole(struct world *world, uint64_t position)
{
    for (unsigned i = 1; i <= world->plan->tasks; i++) {
        const struct true_task *task = &world->truth->task[i];
        if (task->finals > 0 && task->final_at <= position)
            know(world, i, 1);
    }
}

/* -- what the ventilator does ---------------------------------------------- */

void truth_vent_starts(struct world *world)
{
    struct heard *heard = heard_of(world);
    heard->known = heard->barred = 0;
    heard->cancelled = 0;
    heard->record_count = heard->record_checked = 0;
}

void truth_twin(struct world *world)
{
    struct heard *heard = world->truth->heard;
    free(heard[1].record);
    heard[1] = heard[0];
    heard[0] = (struct heard){0};
}

void truth_records(struct world *world, const struct tracker_action *action)
{
    struct heard *heard = heard_of(world);
    for (size_t i = 0; i < action->count; i++) {
        const struct wire_record *from = &action->records[i];
        if (from->number <= heard->record_count)
            continue;
        if (heard->record_count == heard->record_capacity) {
            heard->record_capacity = 2 * heard->record_capacity + 32;
            heard->record = reallocarray(heard->record, heard->record_capacity,
                                         sizeof *heard->record);
            if (!heard->record)
                abort();
        }
        heard->record[heard->record_count++] =
            (struct true_record){.kind = from->kind,
                                 .generation = from->generation,
                                 .attempt = from->attempt,
                                 .task = from->task,
                                 .a = from->a,
                                 .subject = from->subject};
    }
}

// Nothing is computed again while who computes it is here, or may still come.
static bool is_awaited(const struct world *world, const struct true_task *task,
                       uint32_t generation)
{
    const struct try *last = &task->tries[task->try_count - 1];
    if (last->generation == generation || last->round < task->round ||
        last->late || !last->started || last->ended || last->failed_stored ||
        last->lost_stored || !id_alive(world, &last->worker) ||
        world->process[id_process(&last->worker)].leaves)
        return false;
    return vent_serves(world, &last->worker);
}

// Nothing goes out again while it runs somewhere and that is not over.
static void may_replace(struct world *world, const struct tracker_send *send,
                        uint32_t generation)
{
    const struct true_task *task = truth_task(world, send->task);
    for (unsigned i = 0; i < task->try_count; i++) {
        const struct try *try = &task->tries[i];
        if (try->generation == generation && try->started &&
            !try->failed_stored && !try->lost_stored)
            world_broke(world, "loss-first",
                        "task %" PRIu64
                        " goes again, its attempt %u not recorded",
                        send->task, try->attempt);
    }
}

// A copy: of an attempt that has begun at another worker, and is none itself.
// It may have ended since, which not everybody knows.
static void may_copy(struct world *world, const struct tracker_send *send,
                     const struct id128 *worker)
{
    const struct true_task *task = truth_task(world, send->task);
    const struct try *last = &task->tries[task->try_count - 1];
    while (last > task->tries && last->late)
        last--;
    if (!world->plan->limits.speculate || !last->started || last->copy ||
        id128_equal(&last->worker, worker))
        world_broke(world, "copy", "task %" PRIu64 " is copied to %u",
                    send->task, id_process(worker));
}

static void may_go(struct world *world, const struct tracker_send *send,
                   const struct id128 *worker, uint32_t generation)
{
    struct true_task *task = truth_task(world, send->task);
    if (send->task > world->truth->mark)
        world_broke(world, "mark", "task %" PRIu64 " goes out beyond %" PRIu64,
                    send->task, world->truth->mark);
    if (send->round != task->round)
        world_broke(world, "round", "task %" PRIu64 " goes out in round %u",
                    send->task, send->round);
    if (heard_of(world)->known >> send->task & 1)
        world_broke(world, "I10", "task %" PRIu64 " is known to be final",
                    send->task);
    if (task->held)
        world_broke(world, "held", "task %" PRIu64 " goes out, undecided",
                    send->task);
    if (task->try_count == 0)
        return;
    const struct try *last = &task->tries[task->try_count - 1];
    if (last->generation > generation)
        world_broke(world, "I7", "task %" PRIu64 ": generation %u after %u",
                    send->task, generation, last->generation);
    if (!(send->flags & TASK_COPY) && is_awaited(world, task, generation))
        world_broke(world, "I10", "task %" PRIu64 " still runs at %u",
                    send->task, id_process(&last->worker));
    if (send->flags & TASK_COPY)
        may_copy(world, send, worker);
    else
        may_replace(world, send, generation);
}

// What is taken from a worker again and again is for another: it goes there.
static bool goes_to_and_fro(const struct true_task *task,
                            const struct id128 *worker, uint32_t generation)
{
    unsigned times = 0;
    for (unsigned i = task->try_count; i-- > 0; times++) {
        const struct try *try = &task->tries[i];
        if (try->started || try->generation != generation ||
            !id128_equal(&try->worker, worker))
            break;
    }
    return times >= TO_AND_FRO;
}

void truth_cancels(struct world *world, uint64_t task)
{
    truth_task(world, task)->asked |= 1U << STATUS_CANCELLED;
    heard_of(world)->cancelled |= UINT64_C(1) << task;
}

static void send_one(struct world *world, const struct tracker_send *send,
                     const struct id128 *worker, uint32_t generation)
{
    struct true_task *task = truth_task(world, send->task);
    const struct try *last = truth_last(task, generation);
    world_note(world, "sends", (int64_t)send->task, send->attempt,
               id_process(worker));
    if (last && last->attempt >= send->attempt)
        world_broke(world, "I7", "task %" PRIu64 ": (%u, %u) after (%u, %u)",
                    send->task, generation, send->attempt, last->generation,
                    last->attempt);
    if (heard_of(world)->cancelled >> send->task & 1)
        world_broke(world, "cancel", "task %" PRIu64 " goes out, cancelled",
                    send->task);
    // Who does not know yet that another has taken its place knows no better.
    if (generation == world->truth->generation)
        may_go(world, send, worker, generation);
    // Where all fails in a moment there is always room, and then too much.
    if (!world->plan->bad && goes_to_and_fro(task, worker, generation))
        world_broke(world, "I13", "task %" PRIu64 " goes to and fro",
                    send->task);
    if (task->try_count == TRIES) {
        world_broke(world, "I13", "task %" PRIu64 " goes out again and again",
                    send->task);
        return;
    }
    task->tries[task->try_count++] =
        (struct try){.generation = generation,
                     .attempt = send->attempt,
                     .worker = *worker,
                     .round = send->round,
                     .late = generation < world->truth->generation,
                     .alone = send->flags & TASK_ALONE,
                     .copy = send->flags & TASK_COPY};
}

void truth_sends(struct world *world, const struct tracker_action *action,
                 const struct id128 *worker, uint32_t generation)
{
    const struct truth *truth = world->truth;
    const bool is_old = world->twin_acts && generation < truth->generation;
    if (!is_old && (generation != truth->generation ||
                    (!world->twin_acts && generation > world->generation_file)))
        world_broke(world, "sync", "TASKS of generation %u, durable is %u",
                    generation, truth->generation);
    const size_t at = truth_roster(truth, worker);
    if (!is_old && (at == truth->roster_count || truth->roster[at].left))
        world_broke(world, "roster", "TASKS to %u before it is rostered",
                    id_process(worker));
    if (heard_of(world)->barred >> id_process(worker) & 1)
        world_broke(world, "host", "TASKS to %u, which is quarantined",
                    id_process(worker));
    if (!is_old && truth->paused)
        world_broke(world, "paused", "TASKS of a run that is paused");
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
    if (by_itself || !id_alive(world, worker) || !channel->up ||
        twin_has(world, WAY_CONTROL, process) != world->twin_acts)
        return;
    const int64_t well_ms = it->trouble_ms > channel->trouble_ms
                                ? it->trouble_ms
                                : channel->trouble_ms;
    const int64_t since_ms = world->now_ms - well_ms;
    if (since_ms >
        world->plan->limits.liveness_ms + SLACK_MS + 2 * world->plan->delay_ms)
        world_broke(world, "I12", "worker %u was well for %" PRId64 " ms",
                    process, since_ms);
}

void truth_bars(struct world *world, unsigned process, bool bars)
{
    unsigned *barred = &heard_of(world)->barred;
    world_note(world, "host", process, bars, 0);
    *barred = (*barred & ~(1U << process)) | (unsigned)bars << process;
    if (bars && !vent_may_feed(world, *barred))
        world_broke(world, "host", "%u is the only host", process);
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
