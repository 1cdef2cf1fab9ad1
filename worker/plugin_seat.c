#include "worker/plugin_inside.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TELL_NS = 500 * 1000,    // what has ended waits no longer behind short ones
    MEASURE_NS = 100 * 1000, // a task of this length is followed by a measured
};
static const int64_t NS_PER_S = 1000000000;

int64_t plugin_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void plugin_tell(struct plugin *plugin)
{
    // One exchange comes after the other's: either the loop sees here what has
    // ended, or it is seen here to wait.
    if (atomic_exchange(&plugin->armed, false))
        (void)eventfd_write(plugin->fd, 1);
}

static uint64_t micros(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

// A directory of its own for this thread, if it is not there already.
static const char *enter(const char *dir)
{
    struct stat here, there;
    if (!dir || (stat(".", &here) == 0 && stat(dir, &there) == 0 &&
                 here.st_dev == there.st_dev && here.st_ino == there.st_ino))
        return NULL;
    if (unshare(CLONE_FS) < 0)
        return "this system lets no thread have a directory of its own: start "
               "the worker in the directory of the tasks";
    if (chdir(dir) < 0)
        return "the directory of the tasks cannot be entered";
    return NULL;
}

static bool open_slot(struct plugin_seat *seat)
{
    const struct plugin_code *code = seat->plugin->settings.code;
    char name[16];
    (void)snprintf(name, sizeof name, "slot %u", seat->slot);
    (void)prctl(PR_SET_NAME, name);
    seat->failure = enter(seat->plugin->settings.chdir);
    if (!seat->failure && code->open)
        seat->failure = code->open(seat->slot, &seat->state);
    atomic_store(&seat->open, seat->failure ? SEAT_FAILED : SEAT_OPEN);
    plugin_tell(seat->plugin);
    return !seat->failure;
}

// To ask the kernel takes longer than a short task.
static void measure(struct plugin_seat *seat, struct rusage *usage)
{
    if (seat->measured)
        (void)getrusage(RUSAGE_THREAD, usage);
}

static void call(struct plugin_seat *seat)
{
    struct fan_task *task = &seat->task;
    struct rusage before = {0}, after = {0};
    atomic_store_explicit(&seat->began_ns, task->start_ns,
                          memory_order_relaxed);
    atomic_store_explicit(&seat->running, task->number, memory_order_release);
    measure(seat, &before);
    task->code = seat->plugin->settings.code->run(task, seat->state);
    measure(seat, &after);
    seat->clock_ns = plugin_clock_ns();
    task->wall_ns = seat->clock_ns - task->start_ns;
    task->user_us = micros(after.ru_utime) - micros(before.ru_utime);
    task->sys_us = micros(after.ru_stime) - micros(before.ru_stime);
    seat->measured = task->wall_ns >= MEASURE_NS;
    atomic_store_explicit(&seat->running, 0, memory_order_release);
}

// One reading of the clock ends a task and starts the next.
static void serve(struct plugin_seat *seat, const struct slot_task *held)
{
    struct fan_task *task = &seat->task;
    if (seat->clock_ns == 0)
        seat->clock_ns = plugin_clock_ns();
    task->start_ns = seat->clock_ns;
    task->code = 0;
    task->wall_ns = 0;
    task->user_us = task->sys_us = 0;
    if (plugin_task_begin(task, held))
        call(seat);
}

// The loop is woken where it can do something useful: with many ended, with
// none left here, or after some time.
static void end(struct plugin_seat *seat, uint32_t place)
{
    struct plugin *plugin = seat->plugin;
    plugin_put_result(seat, place);
    const uint32_t count = (uint32_t)seat->task.number;
    if (!belt_is_empty(&seat->belt) && count % (plugin->places / 2) != 0 &&
        seat->clock_ns - seat->told_ns < TELL_NS)
        return;
    seat->told_ns = seat->clock_ns;
    plugin_tell(plugin);
}

static bool wait_for_task(struct plugin_seat *seat, uint32_t *place)
{
    const struct plugin *plugin = seat->plugin;
    while (!belt_begin(&seat->belt, place)) {
        seat->clock_ns = 0;
        atomic_store(&seat->asleep, true);
        // Given before that was seen, it wakes nobody.
        if (belt_begin(&seat->belt, place)) {
            atomic_store(&seat->asleep, false);
            return true;
        }
        if (atomic_load(&plugin->over))
            return false;
        while (sem_wait(&seat->wake) < 0 && errno == EINTR)
            ;
    }
    return true;
}

void *plugin_serve(void *argument)
{
    struct plugin_seat *seat = argument;
    struct plugin *plugin = seat->plugin;
    uint32_t place;
    const bool open = open_slot(seat);
    while (open && wait_for_task(seat, &place)) {
        serve(seat, seat->jobs[place].held);
        end(seat, place);
    }
    if (open && plugin->settings.code->close)
        plugin->settings.code->close(seat->slot, seat->state);
    if (open)
        atomic_store(&seat->open, SEAT_GONE);
    (void)eventfd_write(plugin->fd, 1);
    return NULL;
}
