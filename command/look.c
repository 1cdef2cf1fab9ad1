#include "command/look.h"

#include "command/rundir.h"
#include "common/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

bool look_is_live(const char *dir)
{
    return rundir_is_live(dir) || rundir_is_locked(dir, "lock.ventilator") ||
           rundir_is_locked(dir, "lock.sink");
}

static int watch_for(const char *dir, uint32_t changes)
{
    const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (inotify_add_watch(fd, dir, changes) >= 0)
        return fd;
    const int error = -errno;
    close(fd);
    return error;
}

// A lock file is closed when its process ends.
void look_give_way(void)
{
    enum { NICENESS = 15 };
    (void)setpriority(PRIO_PROCESS, 0, NICENESS);
}

int look_watch(const char *dir)
{
    return watch_for(dir, IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE);
}

int look_watch_ends(const char *dir)
{
    return watch_for(dir, IN_CLOSE_WRITE);
}

void look_close(int watch)
{
    if (watch >= 0)
        close(watch);
}

bool look_wait(int watch, int64_t most_ms)
{
    enum { EVENTS_SIZE = 4096 };
    _Alignas(struct inotify_event) char events[EVENTS_SIZE];
    struct pollfd item = {.fd = watch, .events = POLLIN};
    const bool changed = poll(&item, 1, (int)most_ms) > 0;
    while (watch >= 0 && read(watch, events, sizeof events) > 0) {
    }
    return changed;
}

bool look_endpoint(const char *dir, char *endpoint, size_t size)
{
    enum { WAIT_MS = 5000, STEP_MS = 100 };
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    const int watch = look_watch(dir);
    bool found = false;
    while (!found && look_is_live(dir) && clock_monotonic_ms() < until_ms) {
        found = rundir_read(dir, "endpoint", endpoint, size) == 0 && *endpoint;
        if (!found)
            look_wait(watch, STEP_MS);
    }
    look_close(watch);
    return found;
}
