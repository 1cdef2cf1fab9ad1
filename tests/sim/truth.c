#include "tests/sim/truth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct truth *truth_create(unsigned tasks)
{
    const size_t size = (tasks + (size_t)1) * sizeof(struct true_task);
    struct truth *truth = calloc(1, sizeof *truth + size);
    if (!truth)
        abort();
    return truth;
}

void truth_destroy(struct truth **truth)
{
    free((*truth)->roster);
    free((*truth)->heard[0].record);
    free((*truth)->heard[1].record);
    free(*truth);
    *truth = NULL;
}

struct true_task *truth_task(struct world *world, uint64_t task)
{
    if (task >= 1 && task <= world->plan->tasks)
        return &world->truth->task[task];
    world_broke(world, "I14", "there is no task %" PRIu64, task);
    return &world->truth->task[0];
}

struct try *truth_try(struct true_task *task, uint32_t generation,
                      uint32_t attempt)
{
    for (unsigned i = 0; i < task->try_count; i++)
        if (task->tries[i].generation == generation &&
            task->tries[i].attempt == attempt)
            return &task->tries[i];
    return NULL;
}

struct try *truth_last(struct true_task *task, uint32_t generation)
{
    for (unsigned i = task->try_count; i-- > 0;)
        if (task->tries[i].generation == generation)
            return &task->tries[i];
    return NULL;
}

size_t truth_roster(const struct truth *truth, const struct id128 *id)
{
    size_t at = 0;
    while (at < truth->roster_count && !id128_equal(&truth->roster[at].id, id))
        at++;
    return at;
}

void truth_empty(struct world *world)
{
    struct truth *truth = world->truth;
    truth->generation = 0;
    truth->mark = truth->durable = truth->roster_count = 0;
    truth->complete = truth->paused = false;
    for (unsigned i = 1; i <= world->plan->tasks; i++) {
        struct true_task *task = &truth->task[i];
        task->round = task->finals = 0;
        task->failures = task->losses = task->lone_deaths = 0;
        memset(task->blame, 0, sizeof task->blame);
        task->beside = false;
        task->held = false;
        task->retried = task->forgiven = 0;
    }
}

/* -- what the disk has for good -------------------------------------------- */

// One that was sent and not started counts: nobody can tell it from one that
// killed its worker before that could say so.
static unsigned really_died_alone(const struct world *world,
                                  const struct true_task *task)
{
    unsigned deaths = 0;
    for (unsigned i = 0; i < task->try_count; i++) {
        const struct try *try = &task->tries[i];
        deaths += try->round == task->round && try->alone && !try->ended &&
                  !id_alive(world, &try->worker);
    }
    return deaths;
}

// At a worker that is not given up, and by a send of the ventilator of now.
static bool still_runs(const struct world *world, const struct true_task *task)
{
    const struct truth *truth = world->truth;
    for (unsigned i = 0; i < task->try_count; i++) {
        const struct try *try = &task->tries[i];
        const size_t at = truth_roster(truth, &try->worker);
        if (try->started && !try->ended && !try->lost_stored &&
            try->generation == truth->generation && at < truth->roster_count &&
            !truth->roster[at].left && id_alive(world, &try->worker))
            return true;
    }
    return false;
}

static void final_is_right(struct world *world, const struct record *record,
                           struct true_task *task)
{
    const struct plan *plan = world->plan;
    const struct try *try =
        truth_try(task, record->generation, record->attempt);
    const bool by_failures =
        record->status == STATUS_IGNORED || record->status == STATUS_FAILED;
    if (record->status == STATUS_OK) {
        if (!try || !try->ended || try->failure.class != CLASS_NONE)
            world_broke(world, "I6", "task %" PRIu64 " never succeeded",
                        record->task);
    } else if (record->status == STATUS_QUARANTINED) {
        if (task->lone_deaths < SIM_LONE_DEATHS ||
            really_died_alone(world, task) < SIM_LONE_DEATHS)
            world_broke(world, "I8", "task %" PRIu64 " is no poison",
                        record->task);
    } else if (record->status == STATUS_CANCELLED) {
        if (!(task->asked >> record->status & 1))
            world_broke(world, "cancel", "task %" PRIu64 ": nobody wanted that",
                        record->task);
        else if (still_runs(world, task))
            world_broke(world, "cancel", "task %" PRIu64 " runs on",
                        record->task);
    } else if (record->pid) { // a person's
        if (!task->held || !(task->asked >> record->status & 1))
            world_broke(world, "held", "task %" PRIu64 ": nobody decided so",
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
    } else if (!truth_may_end(plan, task, record->status, record->class)) {
        world_broke(world, "retries", "task %" PRIu64 " failed %u times only",
                    record->task, task->failures);
    }
}

static void durable_final(struct world *world, const struct record *record)
{
    struct true_task *task = truth_task(world, record->task);
    if (task->finals > 0)
        world_broke(world, "I2", "task %" PRIu64 " has two final records",
                    record->task);
    if (record->round != task->round)
        world_broke(world, "round", "task %" PRIu64 " ends in round %u, not %u",
                    record->task, record->round, task->round);
    final_is_right(world, record, task);
    task->finals++;
    task->held = false;
    task->final_at = world->truth->durable;
    task->status = record->status;
    task->class = record->class;
}

static void durable_attempt(struct world *world, const struct record *record)
{
    struct true_task *task = truth_task(world, record->task);
    struct try *try = truth_try(task, record->generation, record->attempt);
    if (!try) {
        world_broke(world, "I6", "task %" PRIu64 " was never sent so",
                    record->task);
        return;
    }
    if (task->finals > 0)
        world_broke(world, "I4", "task %" PRIu64 " was final", record->task);
    if (record->round != task->round || try->round != task->round)
        world_broke(world, "round", "task %" PRIu64 ": of round %u in round %u",
                    record->task, try->round, task->round);
    if (record->status == STATUS_LOST) {
        if (try->lost_stored)
            world_broke(world, "log", "task %" PRIu64 " is lost twice",
                        record->task);
        if (record->crash && id_alive(world, &try->worker))
            world_broke(world, "I8", "task %" PRIu64 ": its worker lives",
                        record->task);
        // A failure that SYNCED told of is not known to be of this attempt.
        task->losses += record->ran;
        task->lone_deaths += record->ran && record->crash && record->alone;
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
    const struct failure failure = record_failure(record);
    if (!try->ended || try->failure.class != failure.class ||
        try->failure.code != failure.code)
        world_broke(world, "I6", "task %" PRIu64 " did not fail so",
                    record->task);
    try->failed_stored = true;
    if (record->copy)
        return;
    task->failures += record->class != CLASS_CANCELLED;
    truth_blame(task, failure);
}

static void durable_joined(struct truth *truth, const struct id128 *id)
{
    const size_t at = truth_roster(truth, id);
    if (at < truth->roster_count) {
        truth->roster[at].left = false;
        return;
    }
    if (truth->roster_count == truth->roster_capacity) {
        truth->roster_capacity = 2 * truth->roster_capacity + 8;
        truth->roster = reallocarray(truth->roster, truth->roster_capacity,
                                     sizeof *truth->roster);
        if (!truth->roster)
            abort();
    }
    truth->roster[truth->roster_count++] = (struct true_worker){.id = *id};
}

// Once for each token, and only what ended badly.
static void durable_resumed(struct world *world, const struct record *record)
{
    struct truth *truth = world->truth;
    if (id128_equal(&truth->resumed, &record->worker))
        world_broke(world, "I10", "resumed twice by the same person");
    truth->resumed = record->worker;
    truth->mark = 0; // places are those of the new input
    truth->complete = truth->paused = false;
    for (unsigned i = 1; i <= world->plan->tasks; i++) {
        struct true_task *task = &truth->task[i];
        if (task->finals == 0 || (task->status != STATUS_FAILED &&
                                  task->status != STATUS_QUARANTINED))
            continue;
        task->round++;
        task->finals = task->starts = 0;
        task->failures = task->losses = task->lone_deaths = 0;
        memset(task->blame, 0, sizeof task->blame);
        task->beside = false;
    }
}

void truth_recovered(struct world *world, unsigned task, uint32_t round,
                     bool final, bool held)
{
    const struct true_task *is = &world->truth->task[task];
    if (is->round != round || (is->finals > 0) != final)
        world_broke(world, "round",
                    "task %u is found in round %u, final %u, not %u, %u", task,
                    round, final, is->round, is->finals);
    if (is->held != held)
        world_broke(world, "held", "task %u is found held: %u, not %u", task,
                    held, is->held);
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
        truth->record_durable = 0;
        break;
    case EVENT_JOINED:
        durable_joined(truth, &record->worker);
        break;
    case EVENT_LEFT:
        at = truth_roster(truth, &record->worker);
        if (at < truth->roster_count)
            truth->roster[at].left = true;
        break;
    case EVENT_MARK:
        if (record->a < truth->mark)
            world_broke(world, "mark", "from %" PRIu64 " back to %" PRIu64,
                        truth->mark, record->a);
        truth->mark = record->a;
        break;
    case EVENT_RESUMED:
        durable_resumed(world, record);
        break;
    case EVENT_COMPLETE:
        truth->complete = true;
        break;
    case EVENT_DECISION:
        truth_decision(world, record);
        break;
    case EVENT_PAUSED:
    case EVENT_UNPAUSED:
        truth->paused = record->event == EVENT_PAUSED;
        break;
    case EVENT_NONE:
    case EVENT_RUN:
    case EVENT_REOPENED:
    case EVENT_HOST:
    case EVENTS:
        break;
    }
}

void truth_durable(struct world *world, const struct record *record)
{
    world_note(world, "durable", (int64_t)record->event, (int64_t)record->task,
               record->event == EVENT_NONE ? (int64_t)record->status
                                           : (int64_t)record->a);
    if (record->number > world->truth->record_durable)
        world->truth->record_durable = record->number;
    if (record->event != EVENT_NONE)
        durable_event(world, record);
    else if (record->final)
        durable_final(world, record);
    else
        durable_attempt(world, record);
}

/* -- what the workers do --------------------------------------------------- */

// A copy stands beside what was sent before it, and in nobody's place.
static bool is_superseded(const struct true_task *task, const struct try *try)
{
    if (try->failed_stored || try->lost_stored)
        return false;
    for (const struct try *next = try + 1; next < task->tries + task->try_count;
         next++)
        if (next->generation == try->generation && !next->copy)
            return true;
    return false;
}

void truth_starts(struct world *world, const struct slot_task *slot,
                  const struct id128 *worker)
{
    struct true_task *task = truth_task(world, slot->task);
    struct try *try = truth_try(task, slot->generation, slot->attempt);
    world_note(world, "runs", (int64_t)slot->task, slot->generation,
               slot->attempt);
    if (!try) {
        world_broke(world, "I14", "task %" PRIu64 " was never sent so",
                    slot->task);
        return;
    }
    if (task->finals > 0 && task->status == STATUS_CANCELLED &&
        try->generation == world->truth->generation && !try->lost_stored)
        world_broke(world, "cancel", "task %" PRIu64 " starts, cancelled",
                    slot->task);
    if (try->round != slot->round)
        world_broke(world, "round", "task %" PRIu64 " was sent in round %u",
                    slot->task, try->round);
    if (is_superseded(task, try))
        world_broke(world, "loss-first",
                    "task %" PRIu64 ": attempt %u runs, superseded, not lost",
                    slot->task, slot->attempt);
    if (!id128_equal(&try->worker, worker))
        world_broke(world, "lane", "task %" PRIu64 " was for %u, runs at %u",
                    slot->task, id_process(&try->worker), id_process(worker));
    if (try->started)
        world_broke(world, "I7", "task %" PRIu64 ": one attempt runs twice",
                    slot->task);
    task->beside |= slot->failures != task->failures;
    for (unsigned i = 0; i < task->try_count; i++)
        task->beside |= task->tries[i].round == task->round &&
                        task->tries[i].started && !task->tries[i].failed_stored;
    try->started = true;
    task->starts++;
}

void truth_ends(struct world *world, const struct slot_task *slot,
                struct failure failure)
{
    struct try *try = truth_try(truth_task(world, slot->task), slot->generation,
                                slot->attempt);
    world_note(world, "ends", (int64_t)slot->task, (int64_t)failure.class,
               slot->attempt);
    if (!try)
        return;
    try->ended = true;
    try->failure = failure;
}

void truth_retires(struct world *world, uint64_t number, uint32_t generation,
                   uint32_t attempt)
{
    struct true_task *task = truth_task(world, number);
    const struct try *try = truth_try(task, generation, attempt);
    world_note(world, "forgets", (int64_t)number, generation, attempt);
    if (try && try->round < task->round) // it was final then
        return;
    if (task->finals == 0 && !(try && (try->failed_stored || try->lost_stored)))
        world_broke(world, "I5", "task %" PRIu64 ": forgotten, not durable",
                    number);
}

/* -- when all is over ------------------------------------------------------ */

// Each run of this round was stored, as it ended, before the next began.
static bool in_order(const struct true_task *task)
{
    unsigned runs = 0;
    for (unsigned i = 0; i < task->try_count; i++)
        runs += task->tries[i].round == task->round &&
                (task->tries[i].started || task->tries[i].copy);
    return !task->beside &&
           runs == task->failures + (task->status == STATUS_OK);
}

static void end_is_right(struct world *world, unsigned number)
{
    const struct true_task *task = &world->truth->task[number];
    const struct task_plan *plan = &world->plan->task[number];
    const struct fate fate = truth_fate(world->plan, plan);
    if (task->held && !world->plan->limits.held_wait)
        return; // the person has the whole time of the world
    if (task->finals != 1)
        world_broke(world, "I1", "task %u has %u final records", number,
                    task->finals);
    if (task->status == STATUS_OK && (plan->bad || plan->killer))
        world_broke(world, "I6", "task %u cannot succeed", number);
    if (plan->bad || plan->killer || task->retried > 0 || task->asked != 0)
        return;
    const unsigned failures = fate.runs - (fate.status == STATUS_OK);
    if (in_order(task) && !world->plan->bad &&
        (task->failures != failures || task->status != fate.status))
        world_broke(world, "retries",
                    "task %u failed %u times and is %s, not %u and %s", number,
                    task->failures, status_name(task->status), failures,
                    status_name(fate.status));
    if (!world->plan->calm)
        return;
    if (world->plan->limits.speculate
            ? task->starts < fate.runs || task->starts > 2 * fate.runs
            : task->starts != fate.runs || task->losses > 0)
        world_broke(world, "calm", "task %u ran %u times, sent %u, not %u",
                    number, task->starts, task->try_count, fate.runs);
}

void truth_at_end(struct world *world)
{
    for (unsigned i = 1; i <= world->plan->tasks && !world->broke; i++)
        end_is_right(world, i);
    if (!world->complete && !world->broke)
        world_broke(world, "I13", "nothing happens any more");
}
