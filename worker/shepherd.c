#include "worker/shepherd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS_MAX = 500, // of 10 ms: what cannot be killed in 5 s is left
    PATIENCE_S = 3,   // a worker told to stop at once has so long
};

static pid_t supervisor(void)
{
    const char *text = getenv("FAN_SUPERVISOR"); // NOLINT(concurrency-*)
    if (!text)
        return 0;
    char *end;
    const long pid = strtol(text, &end, 10);
    return *end == '\0' && pid > 1 ? (pid_t)pid : 0;
}

static sigset_t heard(void)
{
    sigset_t set;
    sigemptyset(&set);
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGQUIT, SIGCHLD};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaddset(&set, signals[i]);
    return set;
}

// The list is of pids with a space behind each. It may be cut or out of date:
// the caller comes again until nothing is left.
static void kill_children(void)
{
    const int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    char text[4096];
    pid_t pid = 0;
    ssize_t size;
    while ((size = read(fd, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
                continue;
            }
            if (pid > 1)
                (void)kill(pid, SIGKILL);
            pid = 0;
        }
    }
    close(fd);
}

static void clear_up(void)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        kill_children();
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid < 0 && errno == ECHILD)
            return;
        (void)sigtimedwait(&child, NULL, &pause);
    }
}

// Reaps all that is dead. Returns true, with *status, when the worker is.
static bool reap(pid_t worker, int *status)
{
    bool ended = false;
    int status_now;
    pid_t pid;
    while ((pid = waitpid(-1, &status_now, WNOHANG)) > 0) {
        if (pid == worker) {
            *status = status_now;
            ended = true;
        }
    }
    return ended;
}

static int watch(pid_t worker, pid_t above, const sigset_t *set)
{
    int status = 0;
    bool last_call = false;
    const struct timespec patience = {.tv_sec = PATIENCE_S};
    while (!reap(worker, &status)) {
        if (above > 0 && getppid() != above && !last_call) {
            (void)kill(worker, SIGQUIT);
            last_call = true;
        }
        siginfo_t info = {0};
        const int number = last_call ? sigtimedwait(set, &info, &patience)
                                     : sigwaitinfo(set, &info);
        // A terminal has told the worker itself; twice would be at once.
        const bool told = info.si_code == SI_KERNEL;
        if (number < 0 && errno == EAGAIN)
            (void)kill(worker, SIGKILL);
        else if (number > 0 && number != SIGCHLD && !told)
            (void)kill(worker, number);
    }
    clear_up();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

enum shepherd_side shepherd_split(int *code, pid_t *parent,
                                  struct problem *problem)
{
    const pid_t above = supervisor();
    const pid_t own = getpid();
    (void)signal(SIGCHLD, SIG_DFL); // ignored, no child could be waited for
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
    if (above > 0)
        (void)prctl(PR_SET_PDEATHSIG, (long)SIGTERM, 0L, 0L, 0L);

    const sigset_t set = heard();
    sigset_t before;
    (void)sigprocmask(SIG_BLOCK, &set, &before);
    const pid_t worker = fork();
    if (worker < 0) {
        problem_set(problem, -errno, "cannot start a process: %s",
                    strerrordesc_np(errno));
        return SHEPHERD_FAILED;
    }
    if (worker > 0) {
        *code = watch(worker, above, &set);
        return SHEPHERD_PARENT;
    }
    (void)prctl(PR_SET_PDEATHSIG, (long)SIGTERM, 0L, 0L, 0L);
    *parent = own;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (getppid() != own)
        _exit(EXIT_ERROR);
    return SHEPHERD_WORKER;
}
