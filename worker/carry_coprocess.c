#include "worker/state.h"

#include "common/base/clock.h"

#include <errno.h>
#include <string.h>

enum { STOP_MS = 2000 }; // a leaving worker waits so long for its coprocesses

int worker_prepare_coprocess(struct worker *worker, const char *directory,
                             uint64_t output_max)
{
    const struct settings *settings = worker->settings;
    const bool lines =
        settings->framing && strcmp(settings->framing, "lines") == 0;
    struct coprocess_settings coprocess = {
        .command = settings->coprocess,
        .launch = {.run = settings->name ? settings->name : worker->run_text,
                   .dir = settings->dir,
                   .chdir = directory},
        .slots = slots_count(worker->slots),
        .framing = lines ? FRAMING_LINES : FRAMING_GREETED,
        .seed = settings->seed,
        .timeout_ms = settings->timeout_ms,
        .grace_ms = settings->grace_ms,
        .output_max = output_max,
        .truncate = settings->truncate,
        .tasks_max = SETTING_UNLIMITED,
        .resident_max = SETTING_UNLIMITED,
    };
    if (settings->recycle &&
        parse_recycle(settings->recycle, &coprocess.tasks_max,
                      &coprocess.resident_max) < 0)
        return problem_set(&worker->problem, -EINVAL,
                           "the run's --recycle is malformed");
    worker->coprocess = coprocess_create(&coprocess, &worker->problem);
    return worker->problem.code;
}

static int take_answered(struct worker *worker)
{
    struct coprocess_end end;
    int code = 0;
    while (code == 0 && coprocess_next(worker->coprocess, &end)) {
        code = worker_add_result(
            worker, end.task, wire_command_values(end.task->payload), &end.end);
        slots_end(worker->slots, end.task);
        slots_busy(worker->slots, end.end.wall_us);
        coprocess_release(worker->coprocess);
        worker->changed = true;
    }
    return code;
}

// Tasks are dealt to all slots alike, so that none waits while another idles.
static void hand_out(struct worker *worker, int64_t now_ms)
{
    struct slots *slots = worker->slots;
    const uint32_t share = worker_share(worker);
    const struct slot_task *task = NULL;
    for (uint32_t slot = 1; slot <= slots_count(slots); slot++) {
        bool handed = false;
        while (worker_may_start(worker, now_ms) &&
               coprocess_has_room(worker->coprocess, slot, share) &&
               (task = slots_hand(slots, slot))) {
            coprocess_hand(worker->coprocess, slot, task);
            worker_put_off_next(worker);
            handed = true;
        }
        if (handed)
            coprocess_give(worker->coprocess, slot);
    }
}

static void unhand(void *argument, const struct slot_task *task)
{
    struct worker *worker = argument;
    slots_unhand(worker->slots, task);
    worker->changed = true; // else it is told as running for a heartbeat
}

int worker_execute_coprocess(struct worker *worker, int64_t now_ms)
{
    coprocess_turn(worker->coprocess, now_ms);
    const int code = take_answered(worker);
    coprocess_take_back_waiting(worker->coprocess, now_ms, unhand, worker);
    const bool draining = slots_draining(worker->slots);
    coprocess_want(worker->coprocess,
                   draining ? 0 : slots_queued_count(worker->slots));
    hand_out(worker, now_ms);
    return code == 0 ? take_answered(worker) : code; // what could not start
}

void worker_take_back_coprocess(struct worker *worker)
{
    coprocess_take_back(worker->coprocess, unhand, worker);
}

void worker_kill_coprocess(struct worker *worker)
{
    worker_take_back_coprocess(worker);
    coprocess_stop(worker->coprocess, STOP_MS);
}
