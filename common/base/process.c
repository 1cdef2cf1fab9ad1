#include "common/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool read_text(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

// The name in field 2 may hold anything, so fields are counted from behind it.
static uint64_t start_of(uint32_t pid)
{
    enum { FIELD = 22, NAME = 2 };
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    if (!read_text(path, text, sizeof text))
        return 0;
    const char *at = strrchr(text, ')');
    for (int field = NAME; at && field < FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static struct id128 boot_of(void)
{
    char text[64], digits[ID128_TEXT_SIZE];
    size_t count = 0;
    struct id128 boot = {{0}};
    struct stat namespace;
    if (!read_text("/proc/sys/kernel/random/boot_id", text, sizeof text) ||
        stat("/proc/self/ns/pid", &namespace) != 0)
        return boot;
    for (const char *at = text; *at && count < sizeof digits - 1; at++)
        if (*at != '-' && *at != '\n')
            digits[count++] = *at;
    digits[count] = '\0';
    if (id128_parse(digits, &boot) != 0)
        return (struct id128){{0}};
    for (size_t i = 0; i < 8; i++)
        boot.byte[8 + i] ^= (uint8_t)(namespace.st_ino >> (8 * i));
    return boot;
}

struct process process_self(void)
{
    const uint32_t pid = (uint32_t)getpid();
    return (struct process){
        .pid = pid, .start = start_of(pid), .boot = boot_of()};
}

int process_open(const struct process *process)
{
    const struct id128 here = boot_of();
    if (process->pid == 0 || process->start == 0 || id128_is_zero(&here) ||
        !id128_equal(&here, &process->boot))
        return PROCESS_UNKNOWN;
    const int fd = (int)syscall(SYS_pidfd_open, (pid_t)process->pid, 0);
    if (fd < 0)
        return errno == ESRCH ? PROCESS_GONE : PROCESS_UNKNOWN;
    // One that has ended but was not waited for is gone, too.
    if (start_of(process->pid) != process->start || process_has_ended(fd)) {
        close(fd);
        return PROCESS_GONE;
    }
    return fd;
}

bool process_has_ended(int pidfd)
{
    struct pollfd polled = {.fd = pidfd, .events = POLLIN};
    return poll(&polled, 1, 0) > 0;
}

bool process_is_alive(const struct process *process)
{
    const int fd = process_open(process);
    if (fd < 0)
        return false;
    const bool alive = !process_has_ended(fd);
    close(fd);
    return alive;
}
