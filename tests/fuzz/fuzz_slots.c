/* fuzz_slots - bytes as what reaches a worker's slots and its retained results
 * covers: worker/slots.c worker/slots_refs.c worker/retain.c
 *
 * Beside them stands a list of what is held, made the simplest way. What is
 * reported must be that list, a task starts once, in order, and alone where it
 * must; a result is kept until it is retired.
 */
#include "tests/fuzz/draw.h"
#include "worker/retain.h"
#include "worker/slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 8, HELD_MAX = 256, SLOTS = 3, FRAMES_MAX = 256 };

struct held {
    uint64_t task;
    uint32_t generation, attempt, slot;
    bool alone;
};

struct world {
    struct reader bytes;
    struct slots *slots;
    struct retain *retain;
    struct held queue[HELD_MAX], running[SLOTS + 1]; // by order
    size_t queued, ran;
    uint32_t lane, count;
    uint64_t received, finished, kept, made, size;
    bool drained;
};

static bool newer(const struct held *left, const struct held *right)
{
    return left->generation != right->generation
               ? left->generation > right->generation
               : left->attempt > right->attempt;
}

static void drop(struct held *list, size_t *count, size_t at)
{
    memmove(list + at, list + at + 1, (--*count - at) * sizeof *list);
}

static void on_add(struct world *world)
{
    static const uint8_t PAYLOAD[] = {1, 2, 3};
    struct held held = {.task = 1 + draw(&world->bytes, TASKS)};
    held.generation = 1 + draw(&world->bytes, 2);
    held.attempt = 1 + draw(&world->bytes, 3);
    held.alone = draw_rare(&world->bytes, 5);
    const struct wire_task task = {.task = held.task,
                                   .attempt = held.attempt,
                                   .flags = held.alone ? TASK_ALONE : 0,
                                   .payload = {PAYLOAD, sizeof PAYLOAD}};
    bool old = false;
    for (size_t i = 0; i < world->ran; i++)
        old = old || (world->running[i].task == held.task &&
                      !newer(&held, &world->running[i]));
    size_t place = world->queued;
    for (size_t i = 0; i < world->queued; i++)
        if (world->queue[i].task == held.task) {
            old = old || !newer(&held, &world->queue[i]);
            place = i;
        }
    if (world->queued == HELD_MAX)
        return;
    assert(slots_add(world->slots, &task, held.generation) == !old);
    if (old)
        return;
    world->queue[place] = held;
    world->queued += place == world->queued;
}

static void on_start(struct world *world)
{
    const struct slot_task *task = slots_start(world->slots);
    const struct held *head = &world->queue[0];
    const bool beside = world->ran > 0;
    const bool may = !world->drained && world->queued > 0 &&
                     world->ran < world->count &&
                     !(beside && (head->alone || world->running[0].alone));
    assert((task != NULL) == may);
    if (!task)
        return;
    assert(task->task == head->task && task->attempt == head->attempt);
    assert(task->payload.size == 3 && task->payload.at[2] == 3);
    assert(task->slot >= 1 && task->slot <= world->count);
    for (size_t i = 0; i < world->ran; i++)
        assert(world->running[i].slot != task->slot);
    assert(slots_running(world->slots, task->slot) == task);
    world->running[world->ran] = *head;
    world->running[world->ran++].slot = task->slot;
    drop(world->queue, &world->queued, 0);
}

static void on_finish(struct world *world)
{
    if (world->ran == 0)
        return;
    const size_t at = draw(&world->bytes, 256) % world->ran;
    const bool counted = draw(&world->bytes, 4);
    slots_finish(world->slots, world->running[at].slot, 5, counted);
    world->finished += counted;
    drop(world->running, &world->ran, at);
}

static void assert_lists(struct wire_refs_out refs, const struct held *held,
                         size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < refs.count; i++)
        for (uint32_t k = 0; k < refs.at[i].count; k++, at++) {
            assert(at < count);
            assert(refs.at[i].task + k == held[at].task);
            assert(refs.at[i].generation == held[at].generation);
            assert(refs.at[i].attempt == held[at].attempt);
        }
    assert(at == count);
}

static void on_recall(struct world *world)
{
    const uint32_t count = draw(&world->bytes, 6);
    const struct wire_refs_out refs = slots_recall(world->slots, count);
    const size_t taken = count < world->queued ? count : world->queued;
    world->queued -= taken;
    assert_lists(refs, world->queue + world->queued, taken);
}

static void on_stop(void *argument, const struct slot_task *task)
{
    *(uint32_t *)argument |= 1U << task->slot;
}

static bool named(const struct held *held, const struct wire_refs *refs)
{
    return held->task >= refs->task && held->task < refs->task + refs->count &&
           held->generation == refs->generation &&
           held->attempt == refs->attempt;
}

static void on_cancel(struct world *world)
{
    struct wire_refs refs = {.task = 1 + draw(&world->bytes, TASKS)};
    refs.count = draw(&world->bytes, 3);
    refs.generation = 1 + draw(&world->bytes, 2);
    refs.attempt = 1 + draw(&world->bytes, 3);
    uint32_t stopped = 0, removed = 0, stops = 0;
    for (size_t i = world->queued; i-- > 0;)
        if (named(&world->queue[i], &refs)) {
            drop(world->queue, &world->queued, i);
            removed++;
        }
    for (size_t i = 0; i < world->ran; i++)
        if (named(&world->running[i], &refs))
            stops |= 1U << world->running[i].slot;
    assert(slots_cancel(world->slots, &refs, on_stop, &stopped) == removed);
    assert(stopped == stops);
}

static void on_receive(struct world *world)
{
    uint64_t number = world->received + 1;
    uint32_t lane = world->lane;
    if (draw_rare(&world->bytes, 3))
        number = draw(&world->bytes, 6);
    if (draw_rare(&world->bytes, 4))
        lane = draw(&world->bytes, 4);
    const enum lane_verdict verdict = slots_receive(world->slots, lane, number);
    assert((verdict == LANE_OTHER) == (lane != world->lane));
    if (lane != world->lane)
        return;
    assert((verdict == LANE_TAKE) == (number == world->received + 1));
    assert((verdict == LANE_DUPLICATE) == (number <= world->received));
    world->received += verdict == LANE_TAKE;
}

static void on_lane(struct world *world)
{
    assert(slots_open_lane(world->slots) == world->lane + 1);
    world->lane++;
    world->received = 0;
}

static void on_drain(struct world *world)
{
    if (!draw_rare(&world->bytes, 12))
        return;
    slots_drain(world->slots);
    world->drained = true;
}

static void on_made(struct world *world)
{
    struct buffer frame = {0};
    const size_t size = 1 + draw(&world->bytes, 64);
    if (world->made >= FRAMES_MAX)
        return;
    uint8_t *at = buffer_extend(&frame, size);
    assert(at);
    memset(at, (int)(world->made + 1), size);
    const int error = retain_add(world->retain, &frame);
    assert(error == 0 && frame.at == NULL);
    world->made++;
}

static void on_retire(struct world *world)
{
    const uint64_t number = draw(&world->bytes, 20);
    const int error = retain_retire(world->retain, number);
    assert((error == 0) == (number <= world->made));
    if (error == 0 && number >= world->kept)
        world->kept = number + 1;
}

static void check(const struct world *world)
{
    struct wire_report report = {0};
    slots_report(world->slots, &report);
    assert(report.lane == world->lane && report.received == world->received);
    assert(report.finished == world->finished);
    assert(slots_queued_count(world->slots) == world->queued);
    assert(slots_running_count(world->slots) == world->ran);
    assert_lists(slots_list_queued(world->slots), world->queue, world->queued);
    assert_lists(slots_list_running(world->slots), world->running, world->ran);
    assert(slots_listed(world->slots));
    assert(retain_made(world->retain) == world->made);
    assert(retain_kept(world->retain) == world->kept);
    for (uint64_t i = 1; i <= world->made + 1; i++) {
        const struct share *frame = retain_frame(world->retain, i);
        assert((frame != NULL) == (i >= world->kept && i <= world->made));
        const struct span bytes = frame ? share_span(frame) : (struct span){0};
        if (frame)
            assert(bytes.at[bytes.size - 1] == (uint8_t)i);
    }
}

static void (*const OPS[])(struct world *) = {
    on_add,     on_add,  on_add,    on_start,  on_start, on_finish, on_made,
    on_receive, on_lane, on_recall, on_cancel, on_made,  on_retire, on_drain};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return 0;
    world->bytes = reader_over((struct span){data, size});
    world->count = 1 + draw(&world->bytes, SLOTS);
    world->kept = 1;
    world->slots = slots_create(world->count);
    world->retain = retain_create(100);
    while (reader_left(&world->bytes) > 0) {
        OPS[draw(&world->bytes, sizeof OPS / sizeof OPS[0])](world);
        check(world);
    }
    slots_destroy(&world->slots);
    retain_destroy(&world->retain);
    free(world);
    return 0;
}
