/* sim_work - a worker's loop around its slots and its retention
 *
 * As worker.c, hear.c and tell.c have it. Decisions that sit in those edges
 * and are repeated here: when HELLO is said (again) and a lane is given up;
 * whose messages are taken (generation); from where results are pushed again;
 * when a REPORT is due; how a drain goes on.
 */
#include "tests/sim/sim_work.h"

#include "common/base/mutant.h"
#include "tests/sim/truth.h"

#include <stdlib.h>
#include <string.h>

enum {
    HELLO_MS = 1000,
    HEARTBEAT_MS = 1000,
    REPORT_APART_MS = 10,
    PAUSE_MS = 1000,
    STORE_MS = 10000,
    GRACE_MS = 5000,
};

static struct work *work_at(const struct world *world, unsigned process)
{
    return world->work[process - WORK];
}

void work_start(struct world *world, unsigned process)
{
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        abort();
    world->work[process - WORK] = work;
    work->process = process;
    work->host = (uint8_t)process;
    work->id = world->process[process].id;
    work->slot_count = world->plan->slots[process - WORK];
    work->slots = slots_create(work->slot_count);
    work->retain = retain_create(world->plan->retain_max);
    work->next_push = 1;
    work->heard_ms = work->turned_ms = work->next_ms = world->now_ms;
    work->hello_ms = world->now_ms - HELLO_MS;
    if (!work->slots || !work->retain)
        abort();
    (void)slots_open_lane(work->slots);
}

void work_stop(struct world *world, unsigned process)
{
    struct work *work = work_at(world, process);
    slots_destroy(&work->slots);
    retain_destroy(&work->retain);
    buffer_free(&work->frame);
    buffer_free(&work->batch);
    buffer_free(&work->scratch);
    free(work->made);
    free(work);
    world->work[process - WORK] = NULL;
}

bool work_may_stay(const struct world *world, unsigned process)
{
    const struct work *work = work_at(world, process);
    return work && !work->ended && !work->left && work->phase != PHASE_LEAVING;
}

void work_drain(struct world *world, unsigned process)
{
    struct work *work = work_at(world, process);
    if (!work || work->drain != DRAIN_NO)
        return;
    if (work->phase == PHASE_GREETING) {
        work->phase = PHASE_LEAVING;
    } else {
        slots_drain(work->slots);
        work->drain = DRAIN_RUNNING;
        work->until_ms = world->now_ms + GRACE_MS;
        work->changed = true;
    }
    world_turn(world, process, world->now_ms);
}

/* -- says ------------------------------------------------------------------ */

static struct wire_header header_of(const struct work *work)
{
    return (struct wire_header){.version = WIRE_VERSION,
                                .generation = work->generation,
                                .run = work->run,
                                .sender = work->id};
}

static void send_control(struct world *world, struct work *work)
{
    net_up(world, WAY_CONTROL, work->process, buffer_span(&work->frame));
    buffer_clear(&work->frame);
}

static struct wire_refs_out take_refs(struct wire_refs_out *rest, size_t most)
{
    const size_t count = rest->count < most ? rest->count : most;
    const struct wire_refs_out taken = {rest->at, count};
    *rest = (struct wire_refs_out){rest->at + count, rest->count - count};
    return taken;
}

// In as many parts as the plan wants; the last one says that it is.
static void say_hello(struct world *world, struct work *work)
{
    const struct wire_header header = header_of(work);
    struct wire_refs_out queued = slots_list_queued(work->slots);
    struct wire_refs_out running = slots_list_running(work->slots);
    const size_t most =
        world->plan->part_max ? world->plan->part_max : SIZE_MAX;
    struct wire_hello hello = {.version_min = WIRE_VERSION,
                               .version_max = WIRE_VERSION,
                               .role = ROLE_WORKER,
                               .flags = HELLO_MORE,
                               .lane = slots_lane(work->slots),
                               .slots = work->slot_count,
                               .host = {&work->host, 1},
                               .pid = work->process,
                               .pid_start = id_life(&work->id),
                               .kept = retain_kept(work->retain),
                               .made = retain_made(work->retain)};
    work->hello_ms = world->now_ms;
    while (hello.flags & HELLO_MORE) {
        const struct wire_refs_out part = take_refs(&queued, most);
        const struct wire_refs_out ran = take_refs(&running, most - part.count);
        if (queued.count + running.count == 0)
            hello.flags = 0;
        wire_put_hello(&work->frame, &header, &hello, part, ran,
                       (struct wire_pairs_out){0});
        send_control(world, work);
    }
}

void work_greet_again(struct world *world, struct work *work)
{
    net_hang_up(world, WAY_LANE, work->process);
    (void)slots_open_lane(work->slots);
    if (work->phase != PHASE_LEAVING)
        work->phase = PHASE_GREETING;
    say_hello(world, work);
}

void work_say_report(struct world *world, struct work *work)
{
    struct wire_report report = {.kept = retain_kept(work->retain),
                                 .made = retain_made(work->retain)};
    const struct wire_header header = header_of(work);
    if (retain_full(work->retain))
        report.flags |= REPORT_FULL;
    slots_report(work->slots, &report);
    const struct wire_refs_out queued = slots_list_queued(work->slots);
    const struct wire_refs_out running = slots_list_running(work->slots);
    wire_put_report(&work->frame, &header, &report, queued, running);
    send_control(world, work);
    work->report_ms = world->now_ms;
    work->changed = false;
}

void work_give_back(struct world *world, struct work *work, uint32_t count)
{
    const struct wire_refs_out tasks = slots_recall(work->slots, count);
    const struct wire_header header = header_of(work);
    wire_put_returned(&work->frame, &header, slots_lane(work->slots), tasks);
    send_control(world, work);
    work->changed = true;
}

void work_say_bye(struct world *world, struct work *work, uint8_t reason)
{
    const struct wire_header header = header_of(work);
    const struct wire_bye bye = {.reason = reason};
    wire_put_bye(&work->frame, &header, &bye);
    send_control(world, work);
}

static void note_made(struct work *work, const struct slot_task *task)
{
    if (work->made_count == work->made_capacity) {
        work->made_capacity = 2 * work->made_capacity + 16;
        work->made =
            reallocarray(work->made, work->made_capacity, sizeof *work->made);
        if (!work->made)
            abort();
    }
    work->made[work->made_count++] =
        (struct made){.number = retain_made(work->retain) + 1,
                      .task = task->task,
                      .generation = task->generation,
                      .attempt = task->attempt};
}

static uint8_t code_if(const struct running *running, enum fail_class class)
{
    return running->failure.class == class ? running->failure.code : 0;
}

static void add_result(struct work *work, const struct slot_task *task,
                       const struct running *running)
{
    if (work->batch_count == 0) {
        const struct wire_header header = header_of(work);
        const struct wire_results results = {.number =
                                                 retain_made(work->retain) + 1,
                                             .kept = retain_kept(work->retain)};
        buffer_clear(&work->batch);
        work->batch_begun = wire_begin_results(&work->batch, &header, &results);
    }
    struct buffer values = {0};
    wire_put_values(&values, (struct wire_pairs_out){NULL, 0});
    const struct wire_result result = {
        .task = task->task,
        .round = task->round,
        .generation = task->generation,
        .attempt = task->attempt,
        .key = task->key,
        .class = (uint8_t)running->failure.class,
        .flags = (uint8_t)((task->alone ? RESULT_ALONE : 0U) |
                           (task->copy ? RESULT_COPY : 0U) |
                           (task->edited ? RESULT_EDITED : 0U)),
        .signal = code_if(running, CLASS_SIGNAL),
        .exit = code_if(running, CLASS_EXIT),
        .slot = task->slot};
    wire_add_result(&work->batch, &result, buffer_span(&values));
    buffer_free(&values);
    work->batch_count++;
    note_made(work, task);
}

void work_retired(struct world *world, struct work *work, uint64_t number)
{
    while (work->made_retired < work->made_count &&
           work->made[work->made_retired].number <= number) {
        const struct made *made = &work->made[work->made_retired++];
        truth_retires(world, made->task, made->generation, made->attempt);
    }
}

static void flush(struct world *world, struct work *work)
{
    if (work->batch_count > 0) {
        wire_end_results(&work->batch, work->batch_begun, work->batch_count);
        work->batch_count = 0;
        if (retain_add(work->retain, &work->batch) < 0)
            abort();
    }
    while (work->has_results && work->next_push <= retain_made(work->retain)) {
        struct buffer *frame = retain_change(work->retain, work->next_push);
        if (!frame) {
            work->next_push = retain_kept(work->retain);
            continue;
        }
        if (world_dies(world, work->process))
            return;
        wire_set_results_kept(frame, retain_kept(work->retain));
        net_up(world, WAY_RESULTS, work->process, buffer_span(frame));
        work->next_push++;
        if (MUTANT(RETIRE_EARLY)) {
            work_retired(world, work, work->next_push - 1);
            (void)retain_retire(work->retain, work->next_push - 1);
        }
    }
}

/* -- works ----------------------------------------------------------------- */

void work_task_ends(struct world *world, const struct step *step)
{
    struct work *work = work_at(world, step->process);
    struct process *it = &world->process[step->process];
    if (!work || work->running[step->way].serial != step->detail || !it->alive)
        return;
    struct running *running = &work->running[step->way];
    const struct slot_task *task = slots_running(work->slots, step->way);
    if (!task || running->ended)
        return;
    const struct task_plan *plan = &world->plan->task[task->task];
    if (plan->killer && !running->cancelled) {
        world_kill(world, step->process, false);
        return;
    }
    running->ended = true;
    running->failure = (struct failure){.class = CLASS_NONE};
    const uint32_t failures =
        task->failures + world->truth->task[task->task].forgiven;
    if (running->cancelled)
        running->failure.class = CLASS_CANCELLED;
    else if (failures < plan->fails)
        running->failure = SIM_KIND[plan->how[failures % SIM_HOWS]];
    else if (work->process == world->plan->bad)
        running->failure = SIM_KIND[0];
    truth_ends(world, task, running->failure);
    world_turn(world, step->process, world->now_ms);
}

void work_hang(struct world *world, unsigned process)
{
    struct work *work = work_at(world, process);
    for (uint32_t slot = 1; work && slot <= work->slot_count; slot++)
        work->running[slot].serial = ++work->serial;
}

static void take_ends(struct world *world, struct work *work)
{
    for (uint32_t slot = 1; slot <= work->slot_count; slot++) {
        struct running *running = &work->running[slot];
        if (!running->ended)
            continue;
        running->ended = false;
        add_result(work, slots_running(work->slots, slot), running);
        slots_finish(work->slots, slot,
                     (uint64_t)(world->now_ms - running->started_ms) * 1000 + 1,
                     true);
        work->changed = true;
    }
}

static int64_t time_of(const struct world *world, const struct work *work,
                       uint64_t task)
{
    const struct task_plan *plan = &world->plan->task[task];
    const bool slow = plan->slow >> work->process & 1;
    return work->process == world->plan->bad
               ? 1
               : (int64_t)plan->ms * (slow ? SIM_SLOW : 1);
}

static void start_tasks(struct world *world, struct work *work)
{
    const struct slot_task *task;
    while (!world->broke && !retain_full(work->retain) &&
           (task = slots_start(work->slots))) {
        truth_starts(world, task, &work->id);
        if (world->broke)
            return;
        struct running *running = &work->running[task->slot];
        *running = (struct running){.serial = ++work->serial,
                                    .started_ms = world->now_ms};
        world_at(world, world->now_ms + time_of(world, work, task->task),
                 (struct step){.kind = STEP_TASK_ENDS,
                               .process = (uint8_t)work->process,
                               .way = (uint8_t)task->slot,
                               .detail = running->serial});
    }
}

static void go_on_draining(struct world *world, struct work *work)
{
    if (work->drain == DRAIN_NO)
        return;
    if (slots_queued_count(work->slots) > 0 && work->phase == PHASE_WORKING)
        work_give_back(world, work, UINT32_MAX);
    if (work->drain == DRAIN_RUNNING &&
        (slots_running_count(work->slots) == 0 ||
         world->now_ms >= work->until_ms)) {
        work->drain = DRAIN_STORING;
        work->until_ms = world->now_ms + STORE_MS;
    }
    if (work->drain == DRAIN_STORING &&
        (retain_kept(work->retain) > retain_made(work->retain) ||
         world->now_ms >= work->until_ms))
        work->phase = PHASE_LEAVING;
}

static void by_the_clock(struct world *world, struct work *work)
{
    const int64_t silent_ms = world->now_ms - work->heard_ms;
    const bool ask = work->phase == PHASE_GREETING ||
                     silent_ms >= world->plan->limits.liveness_ms;
    if (ask && world->now_ms - work->hello_ms >= HELLO_MS)
        say_hello(world, work);
    if (work->phase != PHASE_WORKING)
        return;
    const int64_t since_ms = world->now_ms - work->report_ms;
    const bool idle = slots_queued_count(work->slots) == 0 &&
                      slots_running_count(work->slots) < work->slot_count;
    if (since_ms >= HEARTBEAT_MS ||
        (work->changed && (idle || since_ms >= REPORT_APART_MS)))
        work_say_report(world, work);
}

static void turn_again(struct world *world, struct work *work)
{
    int64_t at_ms = work->hello_ms + HELLO_MS;
    if (work->phase == PHASE_WORKING) {
        at_ms = work->report_ms + HEARTBEAT_MS;
        if (work->changed && work->report_ms + REPORT_APART_MS < at_ms)
            at_ms = work->report_ms + REPORT_APART_MS;
    }
    if (work->drain == DRAIN_RUNNING && work->until_ms < at_ms)
        at_ms = work->until_ms;
    if (at_ms <= world->now_ms)
        at_ms = world->now_ms + 1;
    work->next_ms = at_ms;
    world_turn(world, work->process, at_ms);
}

// What runs is killed; the socket lingers until BYE is gone.
static void leave(struct world *world, struct work *work)
{
    work->left = world->process[work->process].leaves = true;
    for (uint32_t slot = 1; slot <= work->slot_count; slot++)
        work->running[slot].serial = ++work->serial;
    work_say_bye(world, work, END_DRAINED);
    world_turn(world, work->process, world->now_ms + world->plan->delay_ms + 1);
}

void work_turn(struct world *world, unsigned process)
{
    struct work *work = work_at(world, process);
    struct process *it = &world->process[process];
    if (work->left) {
        it->dying = true;
        return;
    }
    if (world->now_ms - work->next_ms > PAUSE_MS) // we were stopped
        work->heard_ms += world->now_ms - work->next_ms;
    if (it->reconnected && work->phase == PHASE_WORKING)
        work_greet_again(world, work);
    it->reconnected = false;
    work_hear(world, work);
    if (world_dies(world, process))
        return;
    take_ends(world, work);
    start_tasks(world, work);
    flush(world, work);
    if (it->dying)
        return;
    go_on_draining(world, work);
    if (work->phase == PHASE_LEAVING) {
        leave(world, work);
        return;
    }
    by_the_clock(world, work);
    turn_again(world, work);
}
