#include "worker/state.h"

#include "common/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STOP_MS = 2000 }; // a leaving worker waits so long for its coprocesses

int worker_isolate(struct worker *worker, const char *plugin,
                   struct problem *problem)
{
    worker->isolate = calloc(1, sizeof *worker->isolate);
    if (!worker->isolate)
        return problem_set(problem, -ENOMEM, "out of memory");
    return isolate_open(worker->isolate, plugin, problem);
}

// A slot of a plugin is a coprocess of ours.
static int isolate(struct worker *worker, struct coprocess_settings *coprocess)
{
    const char *plugin =
        worker->own_plugin ? worker->own_plugin : worker->settings->plugin;
    if (!worker->isolate &&
        worker_isolate(worker, plugin, &worker->problem) < 0)
        return worker->problem.code;
    coprocess->command = NULL;
    coprocess->framing = FRAMING_PLUGIN;
    coprocess->argv =
        isolate_argv(worker->isolate, coprocess->seed, coprocess->output_max);
    return coprocess->argv
               ? 0
               : problem_set(&worker->problem, -ENOMEM, "out of memory");
}

static enum framing framing(const struct settings *settings)
{
    const bool lines =
        settings->framing && strcmp(settings->framing, "lines") == 0;
    return lines ? FRAMING_LINES : FRAMING_GREETED;
}

int worker_prepare_coprocess(struct worker *worker, const char *directory,
                             uint64_t output_max)
{
    const struct settings *settings = worker->settings;
    struct coprocess_settings coprocess = {
        .command = settings->coprocess,
        .launch = {.run = settings->name ? settings->name : worker->run_text,
                   .dir = settings->dir,
                   .chdir = directory,
                   .amounts = worker_amounts(worker)},
        .slots = slots_count(worker->slots),
        .framing = framing(settings),
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
    if (settings->plugin && isolate(worker, &coprocess) < 0)
        return worker->problem.code;
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

// As with threads, a plugin's tasks wait until all its slots are set up.
static bool slots_are_open(struct worker *worker)
{
    struct problem problem = {0};
    if (worker->open)
        return true;
    worker->open = coprocess_is_ready(worker->coprocess, &problem);
    if (problem.code != 0)
        worker_fail(worker, problem.exit, problem.text);
    else if (!worker->open)
        coprocess_want(worker->coprocess, slots_count(worker->slots));
    return worker->open;
}

int worker_execute_coprocess(struct worker *worker, int64_t now_ms)
{
    coprocess_turn(worker->coprocess, now_ms);
    if (!slots_are_open(worker))
        return 0;
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
