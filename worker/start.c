#include "worker/start.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// What runs in the child shares errno with a thread of the parent, and a
// sanitizer's state: it makes its system calls itself and calls nothing; with a
// sanitizer an atomic is a call. What it leaves is read when it has ended.
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

// clone() by its other name: the thread sanitizer takes clone() for a fork.
// NOLINTNEXTLINE(readability-identifier-naming)
int __clone(int (*run)(void *), void *stack, int flags, void *argument, ...);

enum { STACK_SIZE = 16 * 1024, SIGNAL_SET_SIZE = 8, SIGNALS = 64 };

#if defined(__x86_64__)
enum { APART = 0 };
IN_CHILD static inline long call(long number, long a, long b, long c, long d)
{
    register long fourth __asm__("r10") = d;
    long result = number;
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum { APART = 0 };
IN_CHILD static inline long call(long number, long a, long b, long c, long d)
{
    register long which __asm__("x8") = number;
    register long result __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    __asm__ volatile("svc 0"
                     : "+r"(result)
                     : "r"(which), "r"(second), "r"(third), "r"(fourth)
                     : "memory");
    return result;
}
#else
// The parent waits, and so has no use for its errno.
enum { APART = CLONE_VFORK };
IN_CHILD static inline long call(long number, long a, long b, long c, long d)
{
    const long result = syscall(number, a, b, c, d);
    return result < 0 ? -errno : result;
}
#endif

void start_close(struct start *start)
{
    if (start->stack)
        (void)munmap(start->stack, STACK_SIZE);
    start->stack = NULL;
}

uint64_t start_signals(void)
{
    uint64_t signals = 0;
    for (int number = 1; number <= SIGNALS; number++) {
        struct sigaction now;
        if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
            signals |= UINT64_C(1) << (number - 1);
    }
    return signals;
}

// As execvp: what is not there, or cannot be reached, is looked for further on.
IN_CHILD static long begin(const struct start *start)
{
    long code = -ENOENT;
    bool refused = false;
    for (char *const *path = start->paths; *path; path++) {
        code = call(SYS_execve, (long)*path, (long)start->argv,
                    (long)start->environment, 0);
        refused = refused || code == -EACCES;
        if (code != -EACCES && code != -ENOENT && code != -ENOTDIR &&
            code != -ESTALE && code != -ENODEV && code != -ETIMEDOUT)
            return code;
    }
    return refused ? -EACCES : code;
}

// Where there is no close_range, or a container forbids it: one by one, as far
// as any is likely to be. Ours are closed by the start of the program.
IN_CHILD static long close_rest(void)
{
    enum { CLOSED_MAX = 1 << 16 };
    struct rlimit limit = {.rlim_cur = 0};
    long code = call(SYS_close_range, 4, UINT_MAX, 0, 0);
    if (code >= 0)
        return code;
    code = call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit);
    for (long fd = 4; code >= 0 && fd < CLOSED_MAX; fd++)
        if ((rlim_t)fd < limit.rlim_cur)
            (void)call(SYS_close, fd, 0, 0, 0);
    return code;
}

// What it is not given by a fork: its limits, place and weight.
IN_CHILD static long confine(const struct start *start)
{
    long code = 0;
    if (start->memory_max != UINT64_MAX)
        code = call(SYS_prlimit64, 0, RLIMIT_AS, (long)&start->memory, 0);
    if (code >= 0 && start->cpus)
        code = call(SYS_sched_setaffinity, 0, sizeof *start->cpus,
                    (long)start->cpus, 0);
    // The system call gives 20 less the value, and is given the value.
    if (code >= 0 && start->nice != 0) {
        const long now = 20 - call(SYS_getpriority, PRIO_PROCESS, 0, 0, 0);
        code = call(SYS_setpriority, PRIO_PROCESS, 0, now + start->nice, 0);
    }
    return code;
}

// Returns only with an error. Zeroes are the kernel's struct sigaction of a
// default, and its empty set, on every machine.
IN_CHILD static long run(struct start *start)
{
    static const uint64_t ZEROES[8];
    long code = call(SYS_setpgid, 0, 0, 0, 0);
    for (int fd = 0; fd < 4 && code >= 0; fd++)
        code = call(SYS_dup3, start->fd[fd], fd, 0, 0);
    if (code >= 0)
        code = close_rest();
    if (code >= 0 && start->chdir)
        code = call(SYS_chdir, (long)start->chdir, 0, 0, 0);
    if (code >= 0)
        code = confine(start);
    if (code < 0)
        return code;
    start->entered = true;
    for (int number = 1; number <= SIGNALS; number++)
        if (start->reset >> (number - 1) & 1)
            (void)call(SYS_rt_sigaction, number, (long)ZEROES, 0,
                       SIGNAL_SET_SIZE);
    code =
        call(SYS_rt_sigprocmask, SIG_SETMASK, (long)ZEROES, 0, SIGNAL_SET_SIZE);
    return code < 0 ? code : begin(start);
}

// Returning ends the process, by clone().
IN_CHILD static int child(void *argument)
{
    struct start *start = argument;
    start->failed = (int)run(start);
    return 127;
}

static bool has_stack(struct start *start)
{
    if (start->stack)
        return true;
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    start->stack = stack == MAP_FAILED ? NULL : stack;
    return start->stack;
}

// The kernel itself clears `under_way` when the child leaves our memory. Both
// set the group: whoever is first, it is there when this returns.
pid_t start_process(struct start *start, int *pidfd)
{
    if (!has_stack(start))
        return -ENOMEM;
    start->memory = (struct rlimit){start->memory_max, start->memory_max};
    start->under_way = 1;
    start->failed = 0;
    start->entered = false;
    const pid_t pid =
        __clone(child, (char *)start->stack + STACK_SIZE,
                CLONE_VM | CLONE_PIDFD | CLONE_CHILD_CLEARTID | APART | SIGCHLD,
                start, pidfd, NULL, &start->under_way);
    if (pid < 0) {
        const int code = -errno;
        start->under_way = 0;
        return code;
    }
    (void)setpgid(pid, pid);
    return pid;
}

bool start_is_under_way(const struct start *start)
{
    return start->under_way != 0;
}

int start_failure(const struct start *start, bool *entered)
{
    *entered = start->entered;
    return start->failed;
}
