#include "command/hook.h"

#include "common/base/files.h"
#include "common/base/problem.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_STARTED = 127 };

static void end_group(int number)
{
    (void)number;
    (void)kill(0, SIGKILL);
}

static void become(const struct hook_call *call)
{
    char exit[16];
    dup2(STDERR_FILENO, STDOUT_FILENO);
    (void)setenv("FAN_RUN", call->run, 1);
    (void)setenv("FAN_RUN_DIR", call->dir, 1);
    snprintf(exit, sizeof exit, "%d", call->exit);
    if (call->exit >= 0)
        (void)setenv("FAN_EXIT", exit, 1);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGPIPE, SIG_DFL);
    execl("/bin/sh", "sh", "-c", call->command, (char *)NULL);
    _exit(NOT_STARTED);
}

// The first of the group: it stands between, so that the group does not outlive
// a `fan run` that was killed.
static void lead(const struct hook_call *call, int input, pid_t parent)
{
    sigset_t none;
    int status = 0;
    setpgid(0, 0);
    (void)signal(SIGTERM, end_group);
    (void)prctl(PR_SET_PDEATHSIG, (long)SIGTERM, 0L, 0L, 0L);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (getppid() != parent || dup2(input, STDIN_FILENO) < 0)
        _exit(NOT_STARTED);
    const pid_t shell = _Fork();
    if (shell == 0)
        become(call);
    while (shell > 0 && waitpid(shell, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(shell < 0           ? NOT_STARTED
          : WIFEXITED(status) ? WEXITSTATUS(status)
                              : 128 + WTERMSIG(status));
}

static int text_file(struct span text)
{
    const int fd = memfd_create("fan-hook", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    const int error = files_write(fd, text);
    if (!error && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    close(fd);
    return error ? error : -EIO;
}

int hook_start(struct hook *hook, const struct hook_call *call)
{
    const int input = text_file(call->text);
    if (input < 0)
        return input;
    const pid_t self = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        lead(call, input, self);
    const int error = pid < 0 ? -errno : 0;
    close(input);
    if (error)
        return error;
    setpgid(pid, pid);
    hook->pid = pid;
    return 0;
}

bool hook_took(struct hook *hook, pid_t pid, int status)
{
    if (hook->pid == 0 || pid != hook->pid)
        return false;
    (void)kill(-pid, SIGKILL);
    hook->pid = 0;
    hook->status = status;
    return true;
}

void hook_kill(const struct hook *hook)
{
    if (hook->pid > 0)
        (void)kill(-hook->pid, SIGKILL);
}

void hook_describe(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "left with exit code %d", WEXITSTATUS(status));
}
