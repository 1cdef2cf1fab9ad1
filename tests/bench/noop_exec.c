/* noop_exec - in place of worker/exec.c: every command succeeds at once, and
 * its first value is its output
 *
 * Linked into a worker that is real otherwise, it shows what dispatch,
 * tracking and storing cost, with nothing run in between.
 */
#include "common/base/clock.h"
#include "worker/exec.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ended {
    uint32_t slot;
    struct span payload; // the task's, which lives until it is released
};

struct exec {
    int fd; // never readable: all is done by turns
    bool started;
    uint32_t slots;
    struct ended *ended; // a ring
    uint32_t first, count;
    int64_t start_us;
};

struct exec *exec_create(const struct exec_settings *settings,
                         struct problem *problem)
{
    struct exec *exec = calloc(1, sizeof *exec);
    if (exec) {
        exec->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        exec->slots = settings->slots;
        exec->ended = calloc(settings->slots, sizeof *exec->ended);
    }
    if (!exec || exec->fd < 0 || !exec->ended) {
        problem_set(problem, -ENOMEM, "out of memory or descriptors");
        exec_destroy(&exec);
    }
    return exec;
}

void exec_destroy(struct exec **exec)
{
    struct exec *gone = *exec;
    if (!gone)
        return;
    if (gone->fd >= 0)
        close(gone->fd);
    free(gone->ended);
    free(gone);
    *exec = NULL;
}

int exec_fd(const struct exec *exec)
{
    return exec->fd;
}

void exec_start(struct exec *exec, const struct launch_task *task,
                struct span tag, int64_t now_ms)
{
    (void)tag;
    (void)now_ms;
    exec->ended[(exec->first + exec->count++) % exec->slots] =
        (struct ended){task->slot, task->payload};
    exec->started = true;
}

void exec_turn(struct exec *exec, int64_t now_ms)
{
    (void)now_ms;
    exec->started = false;
    exec->start_us = clock_utc_us();
}

int64_t exec_wait_ms(const struct exec *exec, int64_t now_ms)
{
    (void)now_ms;
    return exec->started || exec->count > 0 ? 0 : -1;
}

void exec_cancel(struct exec *exec, uint32_t slot, int64_t now_ms)
{
    (void)exec;
    (void)slot;
    (void)now_ms;
}

void exec_kill_all(struct exec *exec)
{
    (void)exec;
}

static struct span first_value(struct span payload)
{
    struct wire_command command;
    struct wire_pair pair = {0};
    if (wire_get_command(payload, &command))
        (void)wire_next_pair(&command.values, &pair);
    return pair.value;
}

bool exec_next(struct exec *exec, struct exec_end *end)
{
    if (exec->count == 0)
        return false;
    const struct ended *ended = &exec->ended[exec->first];
    *end = (struct exec_end){.slot = ended->slot,
                             .class = CLASS_NONE,
                             .out = first_value(ended->payload),
                             .start_us = exec->start_us,
                             .wall_us = 1};
    return true;
}

void exec_release(struct exec *exec, uint32_t slot)
{
    (void)slot; // the first that ended, as exec_next gave it
    exec->first = (exec->first + 1) % exec->slots;
    exec->count--;
}
