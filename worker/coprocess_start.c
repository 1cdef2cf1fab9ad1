#include "worker/coprocess_inside.h"

#include "common/base/clock.h"
#include "worker/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GROUP_WAIT_MS = 1000 }; // for a killed group; what the kernel holds

// Is it one command, and no more? Then the shell need not stay: signals, the
// exit code and the memory are the command's own.
static bool is_simple(const char *command)
{
    static const char *const OWN[] = {"exec", "eval", "command", ".", "!"};
    const char *first = command + strspn(command, " \t");
    const size_t size = strcspn(first, " \t");
    if (size == 0 || strpbrk(command, ";&|(){}`\n") || memchr(first, '=', size))
        return false;
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++)
        if (strlen(OWN[i]) == size && strncmp(first, OWN[i], size) == 0)
            return false;
    return true;
}

char *coprocess_line(const char *command)
{
    char *line = NULL;
    const char *before = is_simple(command) ? "exec " : "";
    return asprintf(&line, "%s%s", before, command) < 0 ? NULL : line;
}

static int open_pipe(int *reads, int *writes)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *reads = ends[0];
    *writes = ends[1];
    return 0;
}

static int unblock(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

// Its standard input, opened once more: whether that waits is each one's own.
static int open_back(int reads)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", reads);
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static int open_pipes(struct seat *seat, int child[3])
{
    int code = open_pipe(&child[0], &seat->in_fd);
    if (code == 0)
        code = open_pipe(&seat->out_fd, &child[1]);
    if (code == 0)
        code = open_pipe(&seat->err_fd, &child[2]);
    const int ours[] = {seat->in_fd, seat->out_fd, seat->err_fd};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0] && code == 0; i++)
        code = unblock(ours[i]);
    if (code == 0)
        seat->back_fd = open_back(child[0]);
    return code;
}

static int prepare(const char *chdir, const int child[3],
                   posix_spawn_file_actions_t *actions,
                   posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
                                                        POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETSIGDEF);
    if (code == 0)
        code = posix_spawnattr_setsigmask(attributes, &none);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    for (int fd = 0; fd < 3 && code == 0; fd++)
        code = posix_spawn_file_actions_adddup2(actions, child[fd], fd);
    if (code == 0)
        code = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (code == 0 && chdir)
        code = posix_spawn_file_actions_addchdir_np(actions, chdir);
    return code;
}

static int spawn_with(struct seat *seat, const int child[3],
                      char *const *environment)
{
    const struct coprocess_settings *settings = &seat->coprocess->settings;
    char shell[] = "/bin/sh", option[] = "-c";
    char *words[] = {shell, option, seat->coprocess->line, NULL};
    char *const *argv = settings->argv ? settings->argv : words;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    if (posix_spawnattr_init(&attributes) != 0)
        return -ENOMEM;
    int code = posix_spawn_file_actions_init(&actions);
    if (code == 0) {
        code = prepare(settings->launch.chdir, child, &actions, &attributes);
        if (code == 0)
            code = posix_spawn(&seat->pid, argv[0], &actions, &attributes, argv,
                               environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    if (code != 0)
        seat->pid = 0;
    return -code;
}

static void add_variable(struct texts_out *texts, const char *name,
                         const char *value)
{
    const struct span span = span_of_text(value);
    if (!value)
        return;
    texts_begin(texts);
    texts_printf(texts, "%s=", name);
    texts_put(texts, span.at, span.size);
    texts_end(texts);
}

static int spawn(struct seat *seat, const int child[3])
{
    const struct coprocess *coprocess = seat->coprocess;
    struct texts_out variables = {0};
    add_variable(&variables, "FAN_RUN", coprocess->settings.launch.run);
    add_variable(&variables, "FAN_RUN_DIR", coprocess->settings.launch.dir);
    texts_begin(&variables);
    texts_printf(&variables, "FAN_SLOT=%" PRIu32, seat->slot);
    texts_end(&variables);
    amounts_put(&coprocess->settings.launch.amounts, seat->slot, &variables);
    char **environment =
        texts_array(&variables, coprocess->launcher.environment);
    const int code =
        environment ? spawn_with(seat, child, environment) : -ENOMEM;
    free((void *)environment);
    texts_clear(&variables);
    return code;
}

static int watch(const struct seat *seat, int fd, enum coprocess_source source)
{
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)seat->slot << 2 | source};
    return epoll_ctl(seat->coprocess->epoll, EPOLL_CTL_ADD, fd, &event) < 0
               ? -errno
               : 0;
}

static void close_all(struct seat *seat)
{
    int *const fds[] = {&seat->pidfd, &seat->in_fd, &seat->back_fd,
                        &seat->out_fd, &seat->err_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        seat_shut(fds[i]);
    seat->blocked = false;
}

static int follow(struct seat *seat)
{
    seat->pidfd = pidfd_open(seat->pid, 0);
    int code = seat->pidfd < 0 ? -errno : 0;
    if (code == 0)
        code = watch(seat, seat->pidfd, FROM_PROCESS);
    if (code == 0)
        code = watch(seat, seat->out_fd, FROM_OUT);
    return code == 0 ? watch(seat, seat->err_fd, FROM_ERR) : code;
}

void seat_start(struct seat *seat)
{
    int child[3] = {-1, -1, -1};
    int code = open_pipes(seat, child);
    if (code == 0)
        code = spawn(seat, child);
    for (int fd = 0; fd < 3; fd++)
        seat_shut(&child[fd]);
    if (code == 0 && (code = follow(seat)) < 0) {
        seat_kill(seat, SIGKILL);
        (void)waitpid(seat->pid, NULL, 0);
        seat->pid = 0;
    }
    seat->started_ms = clock_monotonic_ms();
    seat->warned = false;
    if (code == 0) {
        talk_started(&seat->talk, clock_monotonic_us());
        return;
    }
    close_all(seat);
    char text[TALK_NOTE_SIZE];
    (void)snprintf(text, sizeof text, "cannot start the coprocess: %s",
                   strerrordesc_np(-code));
    talk_not_started(&seat->talk, text, clock_monotonic_us());
}

// The zombie keeps its process id, and so the group's, until waitpid: no other
// process can be meant by the kill.
void seat_reap(struct seat *seat, int64_t now_ms)
{
    siginfo_t info = {0};
    int status = 0;
    const int code =
        waitid(P_PIDFD, (id_t)seat->pidfd, &info, WEXITED | WNOWAIT | WNOHANG);
    if (code == 0 && info.si_pid == 0)
        return;
    seat_kill(seat, SIGKILL);
    seat_hear(seat);
    seat_hear(seat); // what may have been left by a long first look
    (void)waitpid(seat->pid, &status, 0);
    const struct talk_status ended = {
        .exit = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    close_all(seat);
    talk_ended(&seat->talk, ended, clock_monotonic_us());
    seat->ending = true;
    seat->ending_ms = now_ms;
    seat->slow = 0;
    seat_see_off(seat, now_ms);
}

void seat_see_off(struct seat *seat, int64_t now_ms)
{
    const bool gone = kill(-seat->pid, 0) < 0 && errno == ESRCH;
    if (!gone && now_ms - seat->ending_ms < GROUP_WAIT_MS)
        return;
    seat->ending = false;
    seat->pid = 0;
}

uint64_t seat_resident(const struct seat *seat)
{
    char path[40], text[128];
    (void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)seat->pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = '\0';
    char *end = text;
    (void)strtoull(text, &end, 10); // the size of all that is mapped
    return strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void seat_kill(const struct seat *seat, int signal)
{
    if (seat->pid > 0 && !seat->ending)
        (void)kill(-seat->pid, signal);
}
