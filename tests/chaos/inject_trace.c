/* inject_trace - records what a program does to files, and what it sends */
#include "tests/chaos/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    int fd;
    const char *below;
} trace = {.fd = -1};

__attribute__((constructor)) static void begin(void)
{
    const char *const program = program_invocation_short_name;
    const char *text = getenv("CHAOS_TRACE");
    const size_t size = strlen(program);
    trace.below = getenv("CHAOS_BELOW");
    while (text && trace.below && trace.fd < 0) {
        const char *const path = strchr(text, ':');
        const size_t length = strcspn(text, ",:");
        if (path && length == size && strncmp(text, program, size) == 0)
            trace.fd =
                (int)syscall(SYS_openat, AT_FDCWD, path + 1,
                             O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        text = text[length] == ',' ? text + length + 1 : NULL;
    }
}

bool inject_traces(void)
{
    return trace.fd >= 0;
}

struct trace_head {
    uint32_t pid, op, name_size, fd;
    uint64_t file, offset, size;
};

static void put_trace(struct trace_head head, const char *name,
                      const void *data)
{
    const int before = errno;
    const size_t data_size = data ? head.size : 0;
    head.pid = (uint32_t)getpid();
    head.name_size = (uint32_t)strlen(name);
    const size_t size = sizeof head + head.name_size + data_size;
    char *bytes = malloc(size);
    if (bytes) {
        memcpy(bytes, &head, sizeof head);
        memcpy(bytes + sizeof head, name, head.name_size);
        if (data_size > 0)
            memcpy(bytes + sizeof head + head.name_size, data, data_size);
        syscall(SYS_write, trace.fd, bytes, size); // whole: O_APPEND
    }
    free(bytes);
    errno = before;
}

void inject_trace_file(char op, int fd, uint64_t offset, uint64_t size,
                       const void *data)
{
    char path[PATH_MAX];
    struct stat status;
    if (trace.fd < 0 || fstat(fd, &status) != 0)
        return;
    inject_path_of(fd, path);
    if (strncmp(path, trace.below, strlen(trace.below)) != 0)
        return;
    put_trace((struct trace_head){.op = (uint32_t)op,
                                  .fd = (uint32_t)fd,
                                  .file = status.st_ino,
                                  .offset = offset,
                                  .size = size},
              path, data);
}

void inject_trace_name(char op, const char *path, const char *to)
{
    if (trace.fd < 0 || strncmp(path, trace.below, strlen(trace.below)) != 0)
        return;
    put_trace(
        (struct trace_head){.op = (uint32_t)op, .size = to ? strlen(to) : 0},
        path, to);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    REAL(send);
    const ssize_t put = real(fd, bytes, size, flags);
    if (put > 0 && trace.fd >= 0)
        put_trace((struct trace_head){.op = 'a',
                                      .fd = (uint32_t)fd,
                                      .size = (uint64_t)put},
                  "", bytes);
    return put;
}
