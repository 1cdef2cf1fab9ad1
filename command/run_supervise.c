#include "command/run.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/policy/fit.h"
#include "common/setting/plan.h"
#include "common/store/logread.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CRASHES_MAX = 10,
    PAUSE_MS = 100, // before a second start in a row; doubles
    PAUSE_MAX_MS = 2000,
    FAREWELL_MS = 200, // END was said; one that came too late for it waits
    TERM_MS = 2000,
    WORDS_MAX = 16 + FIT_WORDS_MAX,
    PASSED_MAX = 3,
    FLAG_SIZE = 64,
};

static const char *const PROGRAMS[RUN_ROLES] = {
    [RUN_SINK] = "fan-sink",
    [RUN_VENTILATOR] = "fan-ventilator",
    [RUN_WORKER] = "fan-worker",
};

int supervisor_open(struct supervisor *supervisor, struct problem *problem)
{
    const int error =
        verb_beside("", supervisor->binaries, sizeof supervisor->binaries);
    if (error)
        return problem_set(problem, error, "cannot find fan's own folder: %s",
                           strerror(-error));
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return problem_set(problem, -errno, "cannot adopt processes: %s",
                           strerror(errno));
    for (int i = 0; i < RUN_ROLES; i++)
        supervisor->process[i] = (struct run_process){.due_ms = 1};
    return run_worker_words(supervisor->settings, &supervisor->worker_words) < 0
               ? problem_set(problem, -ENOMEM, "out of memory")
               : 0;
}

// Sink and worker are given these; all else the ventilator tells them.
static const char *const PASSED[PASSED_MAX] = {"heartbeat", "liveness", "wait"};

struct command_line {
    const char *words[WORDS_MAX];
    char flags[PASSED_MAX][FLAG_SIZE];
    char program[BINARY_SIZE + 32], plan[RUNDIR_PATH_SIZE + 16];
};

static size_t add_passed(const struct settings *settings,
                         struct command_line *line, size_t count)
{
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
        for (size_t j = 0; j < PASSED_MAX; j++) {
            struct buffer text = {0};
            if (strcmp(SETTING_TABLE[i].name, PASSED[j]) != 0 ||
                !settings_text(settings, &SETTING_TABLE[i], &text))
                continue;
            snprintf(line->flags[j], FLAG_SIZE, "--%s=%.*s", PASSED[j],
                     (int)text.size, (const char *)text.at);
            line->words[count++] = line->flags[j];
            buffer_free(&text);
        }
    return count;
}

static void make_command(const struct supervisor *supervisor,
                         enum run_role role, struct command_line *line)
{
    size_t count = 0;
    *line = (struct command_line){0};
    snprintf(line->program, sizeof line->program, "%s%s", supervisor->binaries,
             PROGRAMS[role]);
    snprintf(line->plan, sizeof line->plan, "%s/%s", supervisor->dir,
             PLAN_FILE);
    line->words[count++] = PROGRAMS[role];
    line->words[count++] = supervisor->endpoint;
    switch (role) {
    case RUN_SINK:
        line->words[count++] = "--results";
        line->words[count++] = supervisor->dir;
        break;
    case RUN_VENTILATOR:
        line->words[count++] = "--plan";
        line->words[count++] = line->plan;
        line->words[count++] = "--dir";
        line->words[count++] = supervisor->dir;
        break;
    case RUN_WORKER:
        for (size_t i = 0; i < supervisor->worker_words.count; i++)
            line->words[count++] = supervisor->worker_words.at[i];
        // Loaded before it dials: what is wrong ends the run before a task.
        if (supervisor->settings->plugin) {
            line->words[count++] = "--plugin";
            line->words[count++] = supervisor->settings->plugin;
        }
        if (supervisor->settings->isolate)
            line->words[count++] = "--isolate";
        break;
    case RUN_ROLES:
        break;
    }
    if (role != RUN_VENTILATOR)
        count = add_passed(supervisor->settings, line, count);
    if (supervisor->settings->verbose)
        line->words[count++] = "--verbose";
}

static char variable_letter(char letter)
{
    const int upper = toupper((unsigned char)letter);
    return (char)(upper == '-' ? '_' : upper);
}

// What `fan run` was told by FAN_... is in the plan, with what stands above
// it; the roles shall not read it again.
static void clean_environment(void)
{
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        char name[64];
        if (row->programs & (NO_FLAG | NO_ENVIRONMENT))
            continue;
        snprintf(name, sizeof name, "FAN_%s", row->name);
        for (char *at = name; *at; at++)
            *at = variable_letter(*at);
        unsetenv(name);
    }
}

static void become(const struct command_line *line, enum run_role role,
                   pid_t supervisor)
{
    char number[24];
    sigset_t held;
    setpgid(0, 0);
    sigemptyset(&held);
    // Told to drain before it listens, it finds the signal waiting.
    if (role == RUN_VENTILATOR)
        sigaddset(&held, SIGTERM);
    sigprocmask(SIG_SETMASK, &held, NULL);
    signal(SIGPIPE, SIG_DFL);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    if (nothing > STDERR_FILENO)
        close(nothing);
    if (role != RUN_WORKER)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    clean_environment();
    snprintf(number, sizeof number, "%ld", (long)supervisor);
    setenv("FAN_SUPERVISOR", number, 1);
    // exec's parameter lacks a const that it keeps.
    char *words[WORDS_MAX];
    memcpy(words, line->words, sizeof words);
    execv(line->program, words);
    fprintf(stderr, "fan run: cannot start %s: %s\n", line->program,
            strerror(errno));
    _exit(EXIT_USAGE);
}

static void give_up(struct supervisor *supervisor, int exit)
{
    if (!supervisor->over)
        supervisor->exit = exit;
    supervisor->over = true;
}

static void start(struct supervisor *supervisor, enum run_role role,
                  int64_t now_ms)
{
    struct command_line line;
    struct run_process *const process = &supervisor->process[role];
    make_command(supervisor, role, &line);
    const pid_t self = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        become(&line, role, self);
    if (pid < 0) {
        fprintf(stderr, "fan run: cannot start %s: %s\n", PROGRAMS[role],
                strerror(errno));
        process->due_ms = now_ms + PAUSE_MAX_MS;
        if (++process->crashes >= CRASHES_MAX)
            give_up(supervisor, EXIT_ERROR);
        return;
    }
    setpgid(pid, pid);
    process->pid = pid;
    process->due_ms = 0;
    if (role == RUN_VENTILATOR && supervisor->draining)
        kill(pid, SIGTERM);
}

static uint64_t log_size(const struct supervisor *supervisor)
{
    char path[RUNDIR_PATH_SIZE + 32];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", supervisor->dir, LOG_FILE_NAME);
    return stat(path, &found) == 0 ? (uint64_t)found.st_size : 0;
}

static void before_talk(const struct supervisor *supervisor)
{
    if (supervisor->talk)
        supervisor->talk(supervisor->context);
}

static void after_crash(struct supervisor *supervisor, enum run_role role,
                        int status, int64_t now_ms)
{
    struct run_process *const process = &supervisor->process[role];
    const uint64_t size = log_size(supervisor);
    char how[64];
    hook_describe(status, how, sizeof how);
    if (size > process->log_size)
        process->crashes = 0;
    process->log_size = size;
    process->crashes++;
    before_talk(supervisor);
    if (process->crashes >= CRASHES_MAX) {
        fprintf(stderr,
                "fan run: %s %s, the %dth time in a row with nothing new "
                "stored: giving up\n",
                PROGRAMS[role], how, CRASHES_MAX);
        give_up(supervisor, EXIT_ERROR);
        return;
    }
    int64_t pause_ms = 0;
    for (unsigned i = 1; i < process->crashes && pause_ms < PAUSE_MAX_MS; i++)
        pause_ms = pause_ms == 0 ? PAUSE_MS : 2 * pause_ms;
    process->due_ms =
        now_ms + (pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS);
    if (process->crashes == 1) // the next ones are told of when it gives up
        fprintf(stderr, "fan run: %s %s; starting it again\n", PROGRAMS[role],
                how);
}

static void after_exit(struct supervisor *supervisor, enum run_role role,
                       int status, int64_t now_ms)
{
    struct run_process *const process = &supervisor->process[role];
    process->pid = 0;
    if (supervisor->over)
        return;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    // A role that refuses its settings, or damaged data, will do so again.
    const bool final = code == EXIT_USAGE || code == EXIT_DAMAGED;
    if ((role == RUN_VENTILATOR && code >= 0) || final)
        give_up(supervisor, code);
    else if (code != 0)
        after_crash(supervisor, role, status, now_ms);
    if (role == RUN_VENTILATOR && !supervisor->over)
        for (int i = 0; i < RUN_ROLES; i++) // some may have been told of an end
            if (supervisor->process[i].pid == 0 &&
                supervisor->process[i].due_ms == 0)
                supervisor->process[i].due_ms = now_ms;
}

static void reap(struct supervisor *supervisor, int64_t now_ms)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        (void)hook_took(&supervisor->hook, pid, status);
        (void)run_page_took(supervisor, pid, status);
        for (int i = 0; i < RUN_ROLES; i++)
            if (supervisor->process[i].pid == pid)
                after_exit(supervisor, (enum run_role)i, status, now_ms);
    }
}

static bool is_own(const struct supervisor *supervisor, pid_t pid)
{
    const pid_t hook = supervisor->hook.pid;
    if (hook > 0 && (pid == hook || getpgid(pid) == hook))
        return true;
    if (supervisor->page.pid == pid)
        return true;
    for (int i = 0; i < RUN_ROLES; i++)
        if (supervisor->process[i].pid == pid)
            return true;
    return false;
}

static pid_t parent_of(const char *pid)
{
    char path[300], text[512] = "";
    long parent = 0;
    snprintf(path, sizeof path, "/proc/%.255s/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    const char *const after = got > 0 ? strrchr(text, ')') : NULL;
    if (after && strlen(after) > 4)
        parent = strtol(after + 4, NULL, 10);
    return (pid_t)parent;
}

// Kills what fell to us: the processes of a role that died. Returns how many
// there were.
static unsigned kill_adopted(const struct supervisor *supervisor)
{
    unsigned count = 0;
    siginfo_t any;
    const pid_t self = getpid();
    if (waitid(P_ALL, 0, &any, WEXITED | WNOHANG | WNOWAIT) != 0)
        return 0; // no child at all
    DIR *const folder = opendir("/proc");
    const struct dirent *entry;
    if (!folder)
        return 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own
    while ((entry = readdir(folder))) {
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            parent_of(entry->d_name) != self)
            continue;
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (is_own(supervisor, pid))
            continue;
        const pid_t group = getpgid(pid);
        if (group > 1 && group != getpgrp())
            kill(-group, SIGKILL);
        kill(pid, SIGKILL);
        count++;
    }
    closedir(folder);
    return count;
}

int64_t supervisor_turn(struct supervisor *supervisor, int64_t now_ms)
{
    int64_t wait_ms = -1;
    reap(supervisor, now_ms);
    run_page_turn(supervisor);
    for (int i = 0; i < RUN_ROLES && !supervisor->over; i++) {
        struct run_process *const process = &supervisor->process[i];
        if (process->due_ms == 0)
            continue;
        if (process->due_ms <= now_ms) {
            if (process->crashes > 0)
                kill_adopted(supervisor);
            start(supervisor, (enum run_role)i, now_ms);
        }
        const int64_t left_ms = process->due_ms - now_ms;
        if (process->due_ms != 0 && (wait_ms < 0 || left_ms < wait_ms))
            wait_ms = left_ms > 0 ? left_ms : 0;
    }
    return wait_ms;
}

static void send(const struct supervisor *supervisor, enum run_role role,
                 int number)
{
    const pid_t pid = supervisor->process[role].pid;
    if (pid > 0 && number == SIGKILL)
        kill(-pid, number);
    if (pid > 0)
        kill(pid, number);
}

void supervisor_drain(struct supervisor *supervisor)
{
    if (supervisor->process[RUN_VENTILATOR].pid == 0)
        give_up(supervisor, 128 + SIGTERM);
    supervisor->draining = true;
    send(supervisor, RUN_VENTILATOR, SIGTERM);
}

void supervisor_kill(struct supervisor *supervisor)
{
    supervisor->killed = true;
    give_up(supervisor, 128 + SIGTERM);
    send(supervisor, RUN_VENTILATOR, SIGKILL);
    send(supervisor, RUN_WORKER, SIGKILL);
    send(supervisor, RUN_SINK, SIGTERM);
}

// SIGCHLD is blocked: of a child that has died since reap() it is pending.
static void wait_for_child(int64_t most_ms)
{
    const struct timespec most = {.tv_sec = most_ms / 1000,
                                  .tv_nsec = most_ms % 1000 * 1000000};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)sigtimedwait(&child, NULL, &most);
}

static bool wait_for_roles(struct supervisor *supervisor, int64_t patience_ms)
{
    const int64_t until_ms = clock_monotonic_ms() + patience_ms;
    for (;;) {
        int64_t now_ms = clock_monotonic_ms();
        reap(supervisor, now_ms);
        bool any = false;
        for (int i = 0; i < RUN_ROLES; i++)
            any = any || supervisor->process[i].pid > 0;
        if (!any || now_ms >= until_ms)
            return !any;
        wait_for_child(until_ms - now_ms);
    }
}

void supervisor_close(struct supervisor *supervisor)
{
    // After a usage error, a crash or a kill nobody has said END.
    const bool told = !supervisor->killed && supervisor->over &&
                      supervisor->exit != EXIT_ERROR &&
                      supervisor->exit != EXIT_USAGE &&
                      supervisor->exit != EXIT_DAMAGED;
    supervisor->over = true;
    if (!(told && wait_for_roles(supervisor, FAREWELL_MS))) {
        for (int i = 0; i < RUN_ROLES; i++)
            send(supervisor, (enum run_role)i, SIGTERM);
        if (!wait_for_roles(supervisor, TERM_MS)) {
            for (int i = 0; i < RUN_ROLES; i++)
                send(supervisor, (enum run_role)i, SIGKILL);
            wait_for_roles(supervisor, TERM_MS);
        }
    }
    run_page_close(supervisor);
    texts_free(&supervisor->worker_words);
    supervisor_sweep(supervisor);
}

void supervisor_sweep(struct supervisor *supervisor)
{
    // Killing one may make us the parent of more.
    for (int i = 0; i < 100 && kill_adopted(supervisor) > 0; i++) {
        poll(NULL, 0, 1);
        reap(supervisor, clock_monotonic_ms());
    }
}
