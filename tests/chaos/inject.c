/* inject - a preload that makes system calls fail, and records them
 *
 * LD_PRELOAD it into a fan program. The environment says what happens where;
 * a program is named as in /proc/PID/exe.
 *
 * CHAOS_FAULTS   PROGRAM:CALL:N[+]:ACTION[:PATH] [; ...]
 *     The N-th CALL (open write pwrite fsync fdatasync ftruncate rename) of a
 *     process, counted where the file's path contains PATH. ACTION: an errno's
 *     name, KILL or STOP (before the call), KILLAFTER. N+ stands for the N-th
 *     and all later ones.
 * CHAOS_ONCE     a folder: a fault without + happens once in it, in whichever
 *                process, and leaves a file fault-I, where I counts from 0
 * CHAOS_JUMP     SECONDS:FILE: the wall clock is off by SECONDS while FILE is
 *                there
 * CHAOS_PROXY    a Unix socket (proxy.py): TCP connections go to the port that
 *                it names for their own
 * CHAOS_TRACE    PROGRAM:FILE: what PROGRAM does to files below CHAOS_BELOW
 *                and what it sends is appended to FILE (images.py reads it)
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { FAULTS_MAX = 8, FIELDS = 5, FIELD_SIZE = 128 };

struct fault {
    char field[FIELDS][FIELD_SIZE]; // program, call, n, action, path
    long number;
    bool onward;
    atomic_long seen;
};

static struct {
    struct fault fault[FAULTS_MAX];
    int fault_count;
    int trace_fd;
    const char *below, *once, *proxy, *jump_file;
    time_t jump_s;
} chaos = {.trace_fd = -1};

static const struct {
    const char *name;
    int code;
} ERRORS[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EROFS", EROFS},
              {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM},
              {"EINTR", EINTR},   {"EDQUOT", EDQUOT}};

// The rest of the word up to `end` into `field`; where the next one begins.
static const char *cut(const char *at, const char *ends, char *field)
{
    const size_t size = strcspn(at, ends);
    snprintf(field, FIELD_SIZE, "%.*s", (int)size, at);
    return at + size;
}

static void read_faults(const char *at, const char *program)
{
    while (*at && chaos.fault_count < FAULTS_MAX) {
        struct fault *fault = &chaos.fault[chaos.fault_count++];
        for (int i = 0; i < FIELDS; i++) {
            at = cut(at, ":;", fault->field[i]);
            if (*at != ':')
                break;
            at++;
        }
        at += *at == ';';
        char *end;
        fault->number = strtol(fault->field[2], &end, 10);
        fault->onward = *end == '+';
        if (strcmp(fault->field[0], program) != 0)
            fault->number = LONG_MAX;
    }
}

static int raw_open(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0666);
}

static void read_trace(const char *text, const char *program)
{
    char name[FIELD_SIZE];
    const char *path = cut(text, ":", name);
    if (*path == ':' && strcmp(name, program) == 0)
        chaos.trace_fd =
            raw_open(path + 1, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
}

__attribute__((constructor)) static void begin(void)
{
    const char *program = program_invocation_short_name;
    const char *text = getenv("CHAOS_FAULTS");
    chaos.once = getenv("CHAOS_ONCE");
    chaos.below = getenv("CHAOS_BELOW");
    chaos.proxy = getenv("CHAOS_PROXY");
    if (text)
        read_faults(text, program);
    if (chaos.below && (text = getenv("CHAOS_TRACE")))
        read_trace(text, program);
    if ((text = getenv("CHAOS_JUMP"))) {
        char *end;
        chaos.jump_s = strtol(text, &end, 10);
        chaos.jump_file = *end == ':' ? end + 1 : NULL;
    }
}

#define REAL(name)                                                             \
    static __typeof__(&name) real;                                             \
    if (!real)                                                                 \
    real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
}

// True for the one process that comes first.
static bool claim(int index)
{
    char path[PATH_MAX];
    if (!chaos.once)
        return true;
    snprintf(path, sizeof path, "%s/fault-%d", chaos.once, index);
    const int fd = raw_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
    if (fd >= 0)
        syscall(SYS_close, fd);
    return fd >= 0;
}

// What is to happen at this call: 0, or the errno to fail with. `kill_after`
// is set when the process shall die once the call is done.
static int strike(const char *call, const char *path, bool *kill_after)
{
    *kill_after = false;
    for (int i = 0; i < chaos.fault_count; i++) {
        struct fault *fault = &chaos.fault[i];
        if (fault->number == LONG_MAX || strcmp(fault->field[1], call) != 0 ||
            !strstr(path, fault->field[4]))
            continue;
        const long seen = atomic_fetch_add(&fault->seen, 1) + 1;
        if (seen != fault->number && !(fault->onward && seen > fault->number))
            continue;
        if (!fault->onward && !claim(i))
            continue;
        const char *action = fault->field[3];
        if (strcmp(action, "KILL") == 0)
            kill(getpid(), SIGKILL);
        if (strcmp(action, "STOP") == 0)
            kill(getpid(), SIGSTOP);
        if (strcmp(action, "KILLAFTER") == 0)
            *kill_after = true;
        for (size_t j = 0; j < sizeof ERRORS / sizeof *ERRORS; j++)
            if (strcmp(action, ERRORS[j].name) == 0)
                return ERRORS[j].code;
    }
    return 0;
}

static int strike_fd(const char *call, int fd, bool *kill_after)
{
    char path[PATH_MAX];
    *kill_after = false;
    if (chaos.fault_count == 0)
        return 0;
    path_of(fd, path);
    return strike(call, path, kill_after);
}

static long done(long result, bool kill_after)
{
    if (kill_after)
        kill(getpid(), SIGKILL);
    return result;
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
        syscall(SYS_write, chaos.trace_fd, bytes, size); // whole: O_APPEND
    }
    free(bytes);
    errno = before;
}

// `op`: w(rite) t(runcate) s(ync) o(pen) r(ename, to the name)
static void trace_file(char op, int fd, uint64_t offset, uint64_t size,
                       const void *data)
{
    char path[PATH_MAX];
    struct stat status;
    if (chaos.trace_fd < 0 || fstat(fd, &status) != 0)
        return;
    path_of(fd, path);
    if (strncmp(path, chaos.below, strlen(chaos.below)) != 0)
        return;
    put_trace((struct trace_head){.op = (uint32_t)op,
                                  .fd = (uint32_t)fd,
                                  .file = status.st_ino,
                                  .offset = offset,
                                  .size = size},
              path, data);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    REAL(pwrite);
    bool after;
    const int error = strike_fd("pwrite", fd, &after);
    if (error)
        return errno = error, -1;
    const ssize_t put = real(fd, bytes, size, offset);
    if (put > 0)
        trace_file('w', fd, (uint64_t)offset, (uint64_t)put, bytes);
    return done(put, after);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(write);
    bool after;
    const int error = strike_fd("write", fd, &after);
    if (error)
        return errno = error, -1;
    const ssize_t put = real(fd, bytes, size);
    if (put > 0 && chaos.trace_fd >= 0) {
        const off_t end = lseek(fd, 0, SEEK_CUR);
        if (end >= put)
            trace_file('w', fd, (uint64_t)(end - put), (uint64_t)put, bytes);
    }
    return done(put, after);
}

int fsync(int fd)
{
    REAL(fsync);
    bool after;
    const int error = strike_fd("fsync", fd, &after);
    if (error)
        return errno = error, -1;
    const int result = real(fd);
    if (result == 0)
        trace_file('s', fd, 0, 0, NULL);
    return (int)done(result, after);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    bool after;
    const int error = strike_fd("fdatasync", fd, &after);
    if (error)
        return errno = error, -1;
    const int result = real(fd);
    if (result == 0)
        trace_file('s', fd, 0, 0, NULL);
    return (int)done(result, after);
}

int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);
    bool after;
    const int error = strike_fd("ftruncate", fd, &after);
    if (error)
        return errno = error, -1;
    const int result = real(fd, size);
    if (result == 0)
        trace_file('t', fd, (uint64_t)size, 0, NULL);
    return (int)done(result, after);
}

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
    bool after;
    const int error = strike("open", path, &after);
    if (error)
        return errno = error, -1;
    const int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
    if (fd >= 0 && flags & O_CREAT)
        trace_file('o', fd, 0, 0, NULL);
    return (int)done(fd, after);
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    const mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    const mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_at(dir, path, flags, mode);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    REAL(renameat);
    bool after;
    const int error = strike("rename", to, &after);
    if (error)
        return errno = error, -1;
    return (int)done(real(from_dir, from, to_dir, to), after);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    REAL(send);
    const ssize_t put = real(fd, bytes, size, flags);
    if (put > 0 && chaos.trace_fd >= 0)
        put_trace((struct trace_head){.op = 'a',
                                      .fd = (uint32_t)fd,
                                      .size = (uint64_t)put},
                  "", bytes);
    return put;
}

// Asks the proxy for the port that stands for `port`; 0: as it is.
static uint16_t proxied(uint16_t port)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[128];
    snprintf(address.sun_path, sizeof address.sun_path, "%s", chaos.proxy);
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
    struct sockaddr_in other;
    if (!chaos.proxy || address->sa_family != AF_INET || size < sizeof other)
        return real(fd, address, size);
    memcpy(&other, address, sizeof other);
    const uint16_t port = proxied(ntohs(other.sin_port));
    if (port != 0)
        other.sin_port = htons(port);
    return real(fd, (const struct sockaddr *)&other, sizeof other);
}

static time_t jump(void)
{
    return chaos.jump_file && access(chaos.jump_file, F_OK) == 0 ? chaos.jump_s
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
