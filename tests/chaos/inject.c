/* inject - a preload that makes system calls fail, and records them
 *
 * LD_PRELOAD it into a fan program. The environment says what happens where;
 * a program is named as in /proc/PID/exe.
 *
 * CHAOS_FAULTS   PROGRAM:CALL:N[+]:ACTION[:PATH] [; ...]
 *     The N-th CALL (open, write, pwrite, pread, fsync,
 *     fdatasync, ftruncate, rename, mkdir; without a path fork, pipe2, clone,
 *     memfd_create) of a process, counted where the file's path
 *     contains PATH. ACTION: an errno's
 *     name, KILL or STOP (before the call), KILLAFTER, or SLOW: the call takes
 *     1 s more while no file `fast` is in CHAOS_ONCE. N+ stands for the N-th
 * and all later ones. CHAOS_ONCE     a folder: a fault without + happens once
 * in it, in whichever process, and leaves a file fault-I, where I counts from 0
 * CHAOS_JUMP     SECONDS:FILE: the wall clock is off by SECONDS while FILE is
 *                there
 * CHAOS_PROXY    a Unix socket (proxy.py): TCP connections go to the port that
 *                it names for their own
 * CHAOS_TRACE    PROGRAM[,PROGRAM...]:FILE: what these do to files below
 *                CHAOS_BELOW and what they send is appended to FILE (images.py
 *                reads it)
 */
#include "tests/chaos/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
    const char *once;
} chaos;

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

__attribute__((constructor)) static void begin(void)
{
    const char *const text = getenv("CHAOS_FAULTS");
    chaos.once = getenv("CHAOS_ONCE");
    if (text)
        read_faults(text, program_invocation_short_name);
}

void inject_path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
}

void inject_path_at(int dir, const char *name, char path[PATH_MAX])
{
    path[0] = '\0';
    if (name[0] != '/' && dir != AT_FDCWD)
        inject_path_of(dir, path);
    else if (name[0] != '/' && !getcwd(path, PATH_MAX))
        path[0] = '\0';
    const size_t size = strlen(path);
    snprintf(path + size, PATH_MAX - size, "%s%s", size ? "/" : "", name);
}

// True for the one process that comes first.
static bool claim(int index)
{
    char path[PATH_MAX];
    if (!chaos.once)
        return true;
    snprintf(path, sizeof path, "%s/fault-%d", chaos.once, index);
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path,
                                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0)
        syscall(SYS_close, fd);
    return fd >= 0;
}

// Not usleep: a signal does not make a disk faster.
static void be_slow(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/fast", chaos.once ? chaos.once : ".");
    struct timespec left = {.tv_sec = 1};
    while (access(path, F_OK) != 0 && nanosleep(&left, &left) != 0)
        ;
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
        if (strcmp(action, "SLOW") == 0)
            be_slow();
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
    inject_path_of(fd, path);
    return strike(call, path, kill_after);
}

static long done(long result, bool kill_after)
{
    if (kill_after)
        kill(getpid(), SIGKILL);
    return result;
}

// Ends the call where it is to fail. `after` says whether to die behind it.
#define STRIKE(how)          \
    bool after;              \
    const int error = (how); \
    if (error)               \
    return errno = error, -1

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    REAL(pwrite);
    STRIKE(strike_fd("pwrite", fd, &after));
    const ssize_t put = real(fd, bytes, size, offset);
    if (put > 0)
        inject_trace_file('w', fd, (uint64_t)offset, (uint64_t)put, bytes);
    return done(put, after);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(write);
    STRIKE(strike_fd("write", fd, &after));
    const ssize_t put = real(fd, bytes, size);
    if (put > 0 && inject_traces()) {
        const off_t end = lseek(fd, 0, SEEK_CUR);
        if (end >= put)
            inject_trace_file('w', fd, (uint64_t)(end - put), (uint64_t)put,
                              bytes);
    }
    return done(put, after);
}

int fsync(int fd)
{
    REAL(fsync);
    STRIKE(strike_fd("fsync", fd, &after));
    const int result = real(fd);
    if (result == 0)
        inject_trace_file('s', fd, 0, 0, NULL);
    return (int)done(result, after);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    STRIKE(strike_fd("fdatasync", fd, &after));
    const int result = real(fd);
    if (result == 0)
        inject_trace_file('s', fd, 0, 0, NULL);
    return (int)done(result, after);
}

int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);
    STRIKE(strike_fd("ftruncate", fd, &after));
    const int result = real(fd, size);
    if (result == 0)
        inject_trace_file('t', fd, (uint64_t)size, 0, NULL);
    return (int)done(result, after);
}

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

static int strike_at(const char *call, int dir, const char *name,
                     bool *kill_after)
{
    char path[PATH_MAX];
    *kill_after = false;
    if (chaos.fault_count == 0)
        return 0;
    inject_path_at(dir, name, path);
    return strike(call, path, kill_after);
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
    STRIKE(strike_at("open", dir, path, &after));
    const int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
    if (fd >= 0 && flags & O_CREAT)
        inject_trace_file('o', fd, 0, 0, NULL);
    if (fd >= 0 && flags & O_TRUNC)
        inject_trace_file('t', fd, 0, 0, NULL);
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
    STRIKE(strike_at("rename", to_dir, to, &after));
    const int result = real(from_dir, from, to_dir, to);
    if (result == 0 && inject_traces()) {
        char path[PATH_MAX], end[PATH_MAX];
        inject_path_at(from_dir, from, path);
        inject_path_at(to_dir, to, end);
        inject_trace_name('r', path, end);
    }
    return (int)done(result, after);
}

static int trace_gone(int result, int dir, const char *name)
{
    if (result == 0 && inject_traces()) {
        char path[PATH_MAX];
        inject_path_at(dir, name, path);
        inject_trace_name('u', path, NULL);
    }
    return result;
}

int unlinkat(int dir, const char *name, int flags)
{
    REAL(unlinkat);
    return trace_gone(real(dir, name, flags), dir, name);
}

int unlink(const char *name)
{
    REAL(unlink);
    return trace_gone(real(name), AT_FDCWD, name);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
    REAL(pread);
    STRIKE(strike_fd("pread", fd, &after));
    return done(real(fd, bytes, size, offset), after);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    STRIKE(strike("mkdir", path, &after));
    const int result = real(path, mode);
    if (result == 0 && inject_traces()) {
        char whole[PATH_MAX];
        inject_path_at(AT_FDCWD, path, whole);
        inject_trace_name('m', whole, NULL);
    }
    return (int)done(result, after);
}

// The next have no path.
pid_t fork(void)
{
    REAL(fork);
    STRIKE(strike("fork", "", &after));
    return real();
}

int pipe2(int fds[2], int flags)
{
    REAL(pipe2);
    STRIKE(strike("pipe2", "", &after));
    return (int)done(real(fds, flags), after);
}

int memfd_create(const char *name, unsigned flags)
{
    REAL(memfd_create);
    STRIKE(strike("memfd_create", "", &after));
    return (int)done(real(name, flags), after);
}

// The child's own calls are its own: only its start can fail here.
// NOLINTNEXTLINE(readability-identifier-naming)
int __clone(int (*run)(void *), void *stack, int flags, void *argument, ...);
int __clone(int (*run)(void *), void *stack, int flags, void *argument, ...)
{
    REAL(__clone);
    STRIKE(strike("clone", "", &after));
    va_list list;
    va_start(list, argument);
    pid_t *parent = va_arg(list, pid_t *);
    void *tls = va_arg(list, void *);
    pid_t *child = va_arg(list, pid_t *);
    va_end(list);
    return (int)done(real(run, stack, flags, argument, parent, tls, child),
                     after);
}
