/* run_page - the page of a run, served beside it by fan-page */
#include "command/run.h"
#include "common/base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STARTS_MAX = 3, LEAVE_MS = 2000, STEP_MS = 20 };

int run_page_open(struct run *run, struct problem *problem)
{
    char token[ID128_TEXT_SIZE] = "";
    struct run_page *const page = &run->supervisor.page;
    if (!run->settings.http)
        return 0;
    if (listen_open(run->settings.http, &page->listening, problem) != 0)
        return problem->code;
    page->wanted = true;
    const int error = listen_token(run->dir, token);
    if (error)
        return problem_set(problem, error, "cannot draw a token: %s",
                           strerrordesc_np(-error));
    listen_tell(&page->listening, token);
    return 0;
}

static void become(const struct supervisor *supervisor, const char *program,
                   pid_t parent)
{
    char fd[16], dir[RUNDIR_PATH_SIZE + 2];
    sigset_t none;
    const int socket = supervisor->page.listening.fd;
    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_ERROR);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    (void)fcntl(socket, F_SETFD, 0);
    snprintf(fd, sizeof fd, "%d", socket);
    setenv(LISTEN_FD_NAME, fd, 1);
    unsetenv("FAN_RUN");
    snprintf(dir, sizeof dir, "%s%s", supervisor->dir[0] == '/' ? "" : "./",
             supervisor->dir);
    execl(program, "fan-page", "--http", supervisor->settings->http, dir, NULL);
    _exit(EXIT_USAGE);
}

void run_page_turn(struct supervisor *supervisor)
{
    char program[BINARY_SIZE + 32];
    struct run_page *const page = &supervisor->page;
    if (!page->wanted || page->pid > 0 || supervisor->over ||
        page->starts >= STARTS_MAX)
        return;
    snprintf(program, sizeof program, "%sfan-page", supervisor->binaries);
    page->starts++;
    const pid_t self = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        become(supervisor, program, self);
    if (pid > 0)
        page->pid = pid;
}

bool run_page_took(struct supervisor *supervisor, pid_t pid, int status)
{
    char how[64];
    struct run_page *const page = &supervisor->page;
    if (page->pid == 0 || page->pid != pid)
        return false;
    page->pid = 0;
    if (supervisor->over)
        return true;
    hook_describe(status, how, sizeof how);
    if (supervisor->talk)
        supervisor->talk(supervisor->context);
    fprintf(stderr, "fan run: fan-page %s; %s\n", how,
            page->starts < STARTS_MAX
                ? "starting it again"
                : "the run goes on without a page: see  fan page");
    return true;
}

void run_page_close(struct supervisor *supervisor)
{
    struct run_page *const page = &supervisor->page;
    const int64_t until_ms = clock_monotonic_ms() + LEAVE_MS;
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
    if (page->pid > 0)
        kill(page->pid, SIGTERM);
    while (page->pid > 0) {
        if (waitpid(page->pid, NULL, WNOHANG) != 0) {
            page->pid = 0;
        } else {
            if (clock_monotonic_ms() > until_ms)
                kill(page->pid, SIGKILL);
            nanosleep(&step, NULL);
        }
    }
    if (page->wanted)
        close(page->listening.fd);
    page->wanted = false;
}
