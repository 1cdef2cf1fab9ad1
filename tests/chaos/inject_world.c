/* inject_world - other ports to connect to, and another time */
#include "tests/chaos/inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *proxy, *jump_file;
    time_t jump_s;
} world;

__attribute__((constructor)) static void begin(void)
{
    const char *const text = getenv("CHAOS_JUMP");
    world.proxy = getenv("CHAOS_PROXY");
    if (!text)
        return;
    char *end;
    world.jump_s = strtol(text, &end, 10);
    world.jump_file = *end == ':' ? end + 1 : NULL;
}

// Asks the proxy for the port that stands for `port`; 0: as it is.
static uint16_t proxied(uint16_t port)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[128];
    snprintf(address.sun_path, sizeof address.sun_path, "%s", world.proxy);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    uint16_t other = 0;
    const int size = snprintf(text, sizeof text, "%s %u\n",
                              program_invocation_short_name, port);
    if (syscall(SYS_connect, fd, &address, sizeof address) == 0 &&
        syscall(SYS_write, fd, text, (size_t)size) == size) {
        const ssize_t got = read(fd, text, sizeof text - 1);
        text[got > 0 ? got : 0] = '\0';
        other = (uint16_t)strtoul(text, NULL, 10);
    }
    close(fd);
    return other;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    REAL(connect);
    struct sockaddr_storage other;
    const bool ip = address->sa_family == AF_INET ||
                    address->sa_family == AF_INET6; // or ::ffff:127.0.0.1
    if (!world.proxy || !ip || size > sizeof other)
        return real(fd, address, size);
    memcpy(&other, address, size);
    // The port stands at the same place in both.
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&other;
    const uint16_t port = proxied(ntohs(in->sin_port));
    if (port != 0)
        in->sin_port = htons(port);
    return real(fd, (const struct sockaddr *)&other, size);
}

static time_t jump(void)
{
    return world.jump_file && access(world.jump_file, F_OK) == 0 ? world.jump_s
                                                                 : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    REAL(clock_gettime);
    const int result = real(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += jump();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    REAL(gettimeofday);
    const int result = real(now, zone);
    if (result == 0)
        now->tv_sec += jump();
    return result;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
