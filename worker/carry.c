#include "worker/state.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/template/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    RESULT_AROUND = 1 << 20, // of a RESULTS beside its two outputs
    KILL_MS = 2000, // a leaving worker waits so long for what it killed
};

static uint64_t output_max(const struct worker *worker)
{
    const uint64_t room = worker->message_max > 2 * (uint64_t)RESULT_AROUND
                              ? (worker->message_max - RESULT_AROUND) / 2
                              : RESULT_AROUND / 2;
    const uint64_t wanted = worker->settings->output_max;
    return wanted < room ? wanted : room;
}

static const char *directory(const struct settings *settings)
{
    return settings->chdir ? settings->chdir : settings->working_directory;
}

static enum keep_dirs keep_dirs(const char *choice)
{
    if (!choice || strcmp(choice, "failed") == 0)
        return KEEP_FAILED;
    return strcmp(choice, "all") == 0 ? KEEP_ALL : KEEP_NONE;
}

struct amounts worker_amounts(const struct worker *worker)
{
    return (struct amounts){.cpus = worker->settings->cpus,
                            .gpus = worker->gpus.at,
                            .gpus_count = worker->gpus.count};
}

static int prepare_commands(struct worker *worker)
{
    const struct settings *settings = worker->settings;
    const struct exec_settings exec = {
        .launch = {.run = settings->name ? settings->name : worker->run_text,
                   .dir = settings->dir,
                   .chdir = directory(settings),
                   .compat = settings->compat,
                   .memory_max = settings->mem_max,
                   .amounts = worker_amounts(worker),
                   .nice = (int)settings->nice,
                   .pin = settings->pin,
                   .input = settings->stdin_payload},
        .slots = slots_count(worker->slots),
        .timeout_ms = settings->timeout_ms,
        .grace_ms = settings->grace_ms,
        .output_max = output_max(worker),
        .truncate = settings->truncate,
        .line_buffer = settings->line_buffer,
        .scratch = true,
        .keep_dirs = keep_dirs(settings->keep_dirs),
    };
    worker->exec = exec_create(&exec, &worker->problem);
    return worker->problem.code;
}

static int prepare_plugin(struct worker *worker)
{
    const struct settings *settings = worker->settings;
    if (!worker->code)
        worker->code = plugin_load(settings->plugin, &worker->problem);
    if (!worker->code)
        return worker->problem.code;
    const struct plugin_settings plugin = {
        .code = worker->code,
        .chdir = directory(settings),
        .slots = slots_count(worker->slots),
        .seed = settings->seed,
        .timeout_ms = settings->timeout_ms,
        .grace_ms = settings->grace_ms,
        .output_max = output_max(worker),
        .truncate = settings->truncate,
    };
    worker->plugin = plugin_create(&plugin, &worker->problem);
    return worker->problem.code;
}

bool worker_prepare(struct worker *worker)
{
    retain_set_max(worker->retain, worker->settings->retain_max);
    texts_free(&worker->gpus);
    int code = stock_deal(&worker->stock, slots_count(worker->slots),
                          worker->settings->gpus, &worker->gpus);
    if (code < 0) {
        worker_fail(worker, EXIT_ERROR, "out of memory");
        return false;
    }
    worker->guard =
        (struct guard){.load_max = worker->settings->max_load,
                       .memory_min = worker->settings->min_free_memory};
    const struct settings *settings = worker->settings;
    if (settings->plugin && !settings->isolate)
        code = prepare_plugin(worker);
    else if (settings->plugin || (settings->coprocess && !worker->own_plugin))
        code = worker_prepare_coprocess(worker, directory(settings),
                                        output_max(worker));
    else if (worker->own_plugin)
        code = problem_exit(&worker->problem, EXIT_USAGE, -EINVAL,
                            "this worker has a plugin, and the run has "
                            "commands: the ventilator, too, is to be given "
                            "--plugin");
    else
        code = prepare_commands(worker);
    if (code < 0)
        worker_fail(worker, worker->problem.exit, worker->problem.text);
    return code == 0;
}

bool worker_is_prepared(const struct worker *worker)
{
    return worker->exec || worker->plugin || worker->coprocess;
}

// Values joined by a space, or the task's number.
static struct span make_tag(struct worker *worker, const struct slot_task *task)
{
    struct wire_command command;
    struct wire_pair pair;
    buffer_clear(&worker->tag);
    if (!worker->settings->tag || !wire_get_command(task->payload, &command))
        return (struct span){0};
    while (wire_next_pair(&command.values, &pair)) {
        if (worker->tag.size > 0)
            put_u8(&worker->tag, ' ');
        if (pair.value.size > 0)
            buffer_append(&worker->tag, pair.value.at, pair.value.size);
    }
    if (worker->tag.size == 0)
        buffer_printf(&worker->tag, "%llu", (unsigned long long)task->task);
    return buffer_span(&worker->tag);
}

// Only then is the host looked at.
static bool could_start(const struct worker *worker)
{
    return slots_queued_count(worker->slots) > 0 &&
           slots_running_count(worker->slots) < slots_count(worker->slots) &&
           !slots_draining(worker->slots);
}

bool worker_may_start(struct worker *worker, int64_t now_ms)
{
    return !retain_full(worker->retain) && now_ms >= worker->next_start_ms &&
           !(worker->exec && exec_is_behind(worker->exec)) &&
           (!could_start(worker) || guard_allows(&worker->guard, now_ms));
}

bool worker_is_held_back(const struct worker *worker)
{
    return worker->guard.closed && could_start(worker);
}

void worker_put_off_next(struct worker *worker)
{
    if (worker->settings->delay_ms > 0)
        worker->next_start_ms =
            clock_monotonic_ms() + worker->settings->delay_ms;
}

static void start_commands(struct worker *worker, int64_t now_ms)
{
    const struct slot_task *task;
    while (worker_may_start(worker, now_ms) &&
           (task = slots_start(worker->slots))) {
        const struct launch_task launch = {
            .task = task->task,
            .seed = template_seed(worker->settings->seed, task->task),
            .attempt = task->failures + 1,
            .slot = task->slot,
            .payload = task->payload,
            .timeout_ms = task->timeout_ms,
            .memory_max = task->mem_max};
        exec_start(worker->exec, &launch, make_tag(worker, task), now_ms);
        worker_put_off_next(worker);
    }
}

static int take_commands(struct worker *worker)
{
    struct exec_end end;
    int code = 0;
    while (code == 0 && exec_next(worker->exec, &end)) {
        const struct slot_task *task = slots_running(worker->slots, end.slot);
        code = worker_add_result(worker, task,
                                 wire_command_values(task->payload), &end);
        slots_finish(worker->slots, end.slot, end.wall_us, true);
        exec_release(worker->exec, end.slot);
        worker->changed = true;
    }
    return code;
}

uint32_t worker_share(const struct worker *worker)
{
    const struct slots *const slots = worker->slots;
    const uint32_t count = slots_count(slots);
    const uint32_t all = slots_queued_count(slots) + slots_running_count(slots);
    return worker->settings->delay_ms > 0 ? 1 : (all + count - 1) / count;
}

static void hand_out(struct worker *worker, int64_t now_ms)
{
    struct slots *slots = worker->slots;
    const uint32_t share = worker_share(worker);
    const struct slot_task *task = NULL;
    for (uint32_t slot = 1; slot <= slots_count(slots); slot++) {
        bool handed = false;
        while (worker_may_start(worker, now_ms) &&
               plugin_has_room(worker->plugin, slot, share) &&
               (task = slots_hand(slots, slot))) {
            plugin_hand(worker->plugin, slot, task);
            worker_put_off_next(worker);
            handed = true;
        }
        if (handed)
            plugin_give(worker->plugin, slot);
    }
}

// Its thread cannot be killed: the process is to end, once the results that it
// has are stored, and all it has not begun goes to others.
static void begin_to_leave(struct worker *worker, int64_t now_ms)
{
    worker->stuck = true;
    if (worker->drain != DRAIN_NO)
        return;
    log_event(LOG_WARNING, "thread-stuck", "running=%u queued=%u",
              slots_running_count(worker->slots),
              slots_queued_count(worker->slots));
    problem_set(&worker->problem, -EDEADLK,
                "a task did not stop when asked to. A thread cannot be "
                "killed, so this worker ends");
    worker->exit_code = EXIT_ERROR;
    worker_drain(worker, now_ms);
}

static void end_called(void *argument, const struct slot_task *task)
{
    struct worker *worker = argument;
    slots_end(worker->slots, task);
}

static int take_given_up(struct worker *worker, int64_t now_ms)
{
    struct plugin_end end;
    int code = 0;
    while (code == 0 && plugin_given_up(worker->plugin, &end)) {
        code = worker_add_result(worker, end.task, end.values, &end.end);
        slots_abandon(worker->slots, end.task);
        begin_to_leave(worker, now_ms);
        worker->changed = true;
    }
    return code;
}

static int take_called(struct worker *worker, int64_t now_ms)
{
    struct plugin_pack pack = {0};
    int code = 0;
    while (code == 0 &&
           plugin_next(worker->plugin, &pack, end_called, worker)) {
        code = worker_add_results(worker, &pack.frame, pack.count);
        slots_busy(worker->slots, pack.busy_us);
        worker->changed = true;
    }
    buffer_free(&pack.frame);
    return code == 0 ? take_given_up(worker, now_ms) : code;
}

static void unhand(void *argument, const struct slot_task *task)
{
    struct worker *worker = argument;
    slots_unhand(worker->slots, task);
    worker->changed = true; // it is no suspect any more, and may be recalled
}

static bool slots_are_open(struct worker *worker)
{
    struct problem problem = {0};
    worker->open = worker->open || plugin_is_ready(worker->plugin, &problem);
    if (problem.code != 0)
        worker_fail(worker, problem.exit, problem.text);
    return worker->open;
}

int worker_execute(struct worker *worker, int64_t now_ms)
{
    int code;
    if (worker->plugin) {
        plugin_turn(worker->plugin, now_ms);
        if (!slots_are_open(worker))
            return 0;
        code = take_called(worker, now_ms);
        plugin_take_back_stuck(worker->plugin, now_ms, unhand, worker);
        hand_out(worker, now_ms);
        return code;
    }
    if (worker->coprocess)
        return worker_execute_coprocess(worker, now_ms);
    exec_turn(worker->exec, now_ms);
    code = take_commands(worker);
    start_commands(worker, now_ms);
    return code == 0 ? take_commands(worker) : code; // what could not start
}

void worker_take_back(struct worker *worker)
{
    if (worker->plugin)
        plugin_take_back(worker->plugin, unhand, worker);
    if (worker->coprocess)
        worker_take_back_coprocess(worker);
}

void worker_stop_task(struct worker *worker, const struct slot_task *task,
                      int64_t now_ms)
{
    if (worker->plugin)
        plugin_cancel(worker->plugin, task, now_ms);
    else if (worker->coprocess)
        coprocess_cancel(worker->coprocess, task);
    else
        exec_cancel(worker->exec, task->slot, now_ms);
}

void worker_list_longest(const struct worker *worker, int64_t least_ms,
                         struct wire_longest *longest)
{
    if (worker->exec)
        exec_list_longest(worker->exec, least_ms, longest);
    if (worker->coprocess)
        coprocess_list_longest(worker->coprocess, least_ms, longest);
    if (worker->plugin)
        plugin_list_longest(worker->plugin, least_ms, longest);
}

int worker_execute_fd(const struct worker *worker)
{
    return worker->plugin      ? plugin_fd(worker->plugin)
           : worker->coprocess ? coprocess_fd(worker->coprocess)
                               : exec_fd(worker->exec);
}

int64_t worker_execute_wait_ms(struct worker *worker, int64_t now_ms)
{
    return worker->plugin      ? plugin_wait_ms(worker->plugin, now_ms)
           : worker->coprocess ? coprocess_wait_ms(worker->coprocess, now_ms)
                               : exec_wait_ms(worker->exec, now_ms);
}

static void kill_commands(struct worker *worker)
{
    const int64_t until_ms = clock_monotonic_ms() + KILL_MS;
    exec_kill_all(worker->exec);
    struct exec_end end;
    while (slots_running_count(worker->slots) > 0 &&
           clock_monotonic_ms() < until_ms) {
        struct net_poll_item item = {.fd = exec_fd(worker->exec),
                                     .want = NET_READ};
        (void)net_poll(&item, 1, 10);
        exec_turn(worker->exec, clock_monotonic_ms());
        while (exec_next(worker->exec, &end)) {
            slots_finish(worker->slots, end.slot, end.wall_us, false);
            exec_release(worker->exec, end.slot);
        }
    }
}

void worker_kill(struct worker *worker)
{
    if (worker->exec)
        kill_commands(worker);
    if (worker->coprocess)
        worker_kill_coprocess(worker);
    if (!worker->plugin)
        return;
    worker_take_back(worker);
    worker->stuck = !plugin_stop(worker->plugin, KILL_MS);
}
