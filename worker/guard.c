#include "worker/guard.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void guard_judge(struct guard *guard, const struct guard_host *host)
{
    guard->closed = true;
    if (guard->load_max > 0 && host->load >= guard->load_max)
        (void)snprintf(guard->why, sizeof guard->why,
                       "load %" PRIu64 ", --max-load %" PRIu64, host->load,
                       guard->load_max);
    else if (guard->memory_min > 0 && host->available_bytes < guard->memory_min)
        (void)snprintf(guard->why, sizeof guard->why,
                       "%" PRIu64 "M of memory are free, --min-free-memory "
                       "%" PRIu64 "M",
                       host->available_bytes >> 20, guard->memory_min >> 20);
    else
        guard->closed = false;
}

static bool read_file(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

// The fourth field is RUNNABLE/ALL; we are one of the first.
static uint64_t load_now(void)
{
    char text[128];
    const char *at = read_file("/proc/loadavg", text, sizeof text) ? text : "";
    for (int i = 0; i < 3; i++) {
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    const uint64_t running = strtoull(at, NULL, 10);
    return running > 0 ? running - 1 : 0;
}

// Where the kernel does not say, there is enough.
static uint64_t available_now(void)
{
    static const char NAME[] = "\nMemAvailable:";
    char text[2048];
    const char *at = read_file("/proc/meminfo", text, sizeof text)
                         ? strstr(text, NAME)
                         : NULL;
    return at ? strtoull(at + sizeof NAME - 1, NULL, 10) * 1024 : UINT64_MAX;
}

bool guard_allows(struct guard *guard, int64_t now_ms)
{
    if (guard->load_max == 0 && guard->memory_min == 0)
        return true;
    if (guard->closed && now_ms < guard->due_ms)
        return false;
    const struct guard_host host = {
        .load = guard->load_max > 0 ? load_now() : 0,
        .available_bytes = guard->memory_min > 0 ? available_now() : 0};
    guard_judge(guard, &host);
    guard->due_ms = now_ms + GUARD_APART_MS;
    return !guard->closed;
}
