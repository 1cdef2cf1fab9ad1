/* work_hear - messages to a worker; see sim_work.c */
#include "tests/sim/sim_work.h"

#include "common/base/mutant.h"
#include "tests/sim/truth.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 1 << 24 };

static void connect_results(struct world *world, struct work *work,
                            struct span endpoint, const struct id128 *sink)
{
    unsigned port;
    if (endpoint.size != sizeof port)
        return;
    memcpy(&port, endpoint.at, sizeof port);
    if (work->has_results && id128_equal(sink, &work->sink) &&
        port == work->results_port)
        return;
    work->has_results = true;
    work->results_port = port;
    work->sink = *sink;
    work->next_push = retain_kept(work->retain);
    net_dial(world, WAY_RESULTS, work->process, port);
}

static void hear_welcome(struct world *world, struct work *work,
                         const struct wire_header *header, struct span body)
{
    struct wire_welcome welcome;
    unsigned port;
    if (!wire_get_welcome(body, &welcome) ||
        welcome.lane != slots_lane(work->slots) ||
        welcome.lane_endpoint.size != sizeof port)
        return;
    memcpy(&port, welcome.lane_endpoint.at, sizeof port);
    if (work->phase == PHASE_WORKING) {
        if (port != work->lane_port)
            work_greet_again(world, work);
        else
            connect_results(world, work, welcome.results_endpoint,
                            &welcome.sink);
        return;
    }
    work->run = header->run;
    work->ventilator = header->sender;
    work->lane_port = port;
    net_dial(world, WAY_LANE, work->process, port);
    connect_results(world, work, welcome.results_endpoint, &welcome.sink);
    work->phase = PHASE_WORKING;
    work_say_report(world, work);
}

struct stopping {
    struct world *world;
    struct work *work;
};

static void stop_running(void *argument, const struct slot_task *task)
{
    const struct stopping *stopping = argument;
    struct running *running = &stopping->work->running[task->slot];
    if (running->ended || running->cancelled)
        return;
    running->cancelled = true;
    running->serial = ++stopping->work->serial;
    running->ends_ms = stopping->world->now_ms + 5;
    world_at(stopping->world, stopping->world->now_ms + 5,
             (struct step){.kind = STEP_TASK_ENDS,
                           .process = (uint8_t)stopping->work->process,
                           .way = (uint8_t)task->slot,
                           .detail = running->serial});
}

static void hear_cancel(struct world *world, struct work *work,
                        struct span body)
{
    struct wire_cancel cancel;
    struct wire_refs refs;
    if (!wire_get_cancel(body, &cancel))
        return;
    struct stopping stopping = {world, work};
    while (wire_next_refs(&cancel.tasks, &refs)) {
        world_note(world, "cancelled", (int64_t)refs.task, refs.generation,
                   refs.attempt);
        (void)slots_cancel(work->slots, &refs, stop_running, &stopping);
    }
    work->changed = true;
}

static void hear_retire(struct world *world, struct work *work,
                        struct span body)
{
    struct wire_retire retire;
    const bool was_full = retain_full(work->retain);
    if (!wire_get_retire(body, &retire))
        return;
    if (retain_retire(work->retain, retire.number) == 0)
        work_retired(world, work, retire.number);
    if (was_full && !retain_full(work->retain))
        work->changed = true;
}

static void hear_resend(struct world *world, struct work *work,
                        struct span body)
{
    struct wire_resend resend;
    if (!wire_get_resend(body, &resend))
        return;
    if (!MUTANT(ENDPOINT_OLD))
        connect_results(world, work, resend.endpoint, &resend.sink);
    const uint64_t kept = retain_kept(work->retain);
    const uint64_t from = resend.number > kept ? resend.number : kept;
    if (from < work->next_push)
        work->next_push = from;
}

static bool open_frame(struct world *world, struct work *work,
                       const struct frame *frame, struct wire_header *header,
                       struct span *body)
{
    if (wire_open((struct span){frame->bytes, frame->size}, FRAME_MAX,
                  &work->scratch, header, body) != WIRE_FINE) {
        world_broke(world, "wire", "a message cannot be read");
        return false;
    }
    if (header->type == WIRE_REFUSED)
        return true;
    if (header->generation < work->generation)
        return false;
    work->generation = header->generation;
    return true;
}

static void hear(struct world *world, struct work *work,
                 const struct frame *frame)
{
    struct wire_header header;
    struct span body;
    struct wire_recall recall;
    struct wire_refused refused;
    if (!open_frame(world, work, frame, &header, &body))
        return;
    work->heard_ms = world->now_ms;
    if (work->phase == PHASE_WORKING && header.type != WIRE_REFUSED &&
        !id128_equal(&header.sender, &work->ventilator))
        work_greet_again(world, work);
    if (header.type == WIRE_WELCOME)
        hear_welcome(world, work, &header, body);
    else if (header.type == WIRE_CANCEL)
        hear_cancel(world, work, body);
    else if (header.type == WIRE_RETIRE)
        hear_retire(world, work, body);
    else if (header.type == WIRE_RESEND)
        hear_resend(world, work, body);
    else if (header.type == WIRE_RECALL) {
        if (wire_get_recall(body, &recall) && work->phase == PHASE_WORKING &&
            recall.lane == slots_lane(work->slots))
            work_give_back(world, work, recall.count);
    } else if (header.type == WIRE_REFUSED) {
        if (wire_get_refused(body, &refused) &&
            refused.code == REFUSED_HELLO_FIRST && work->phase == PHASE_WORKING)
            work_greet_again(world, work);
    } else if (header.type == WIRE_END) {
        work_retired(world, work, retain_made(work->retain));
        work_say_bye(world, work, END_COMPLETE);
        work->ended = true;
    }
}

static void take_tasks(struct world *world, struct work *work,
                       const struct frame *frame)
{
    struct wire_header header;
    struct span body;
    struct wire_tasks tasks;
    struct wire_task task;
    if (!open_frame(world, work, frame, &header, &body) ||
        header.type != WIRE_TASKS || !wire_get_tasks(body, &tasks) ||
        (!id128_equal(&tasks.addressee, &work->id) && !MUTANT(LANE_ANY)))
        return;
    const enum lane_verdict verdict =
        slots_receive(work->slots, tasks.lane, tasks.number);
    world_note(world, "lane", verdict, tasks.lane, (int64_t)tasks.number);
    work->changed = true;
    if (verdict == LANE_TAKE)
        truth_takes_tasks(world, &work->id, slots_lane(work->slots),
                          tasks.number);
    while (verdict == LANE_TAKE && wire_next_task(&tasks.tasks, &task))
        if (slots_add(work->slots, &task, header.generation) < 0)
            abort();
}

void work_hear(struct world *world, struct work *work)
{
    struct frame *frame;
    while (!world->broke && work->phase != PHASE_LEAVING &&
           (frame = net_take(world, work->process, SOCKET_CONTROL))) {
        hear(world, work, frame);
        free(frame);
    }
    while (!world->broke && work->phase == PHASE_WORKING &&
           (frame = net_take(world, work->process, SOCKET_OTHER))) {
        take_tasks(world, work, frame);
        free(frame);
    }
}
