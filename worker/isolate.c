#include "worker/isolate.h"

#include "worker/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Beside the worker where it was built, else where it is installed.
static const char *const PLACES[] = {"fan-plugin", FAN_LIBEXEC "/fan-plugin"};

static char *find_program(struct problem *problem)
{
    char self[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    self[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", self, PLACES[i]) < 0)
            break;
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    (void)problem_exit(problem, EXIT_USAGE, -ENOENT,
                       "--isolate needs fan-plugin, which is neither in "
                       "'%.400s' nor in '%s' from there",
                       self, FAN_LIBEXEC);
    return NULL;
}

// A slot's process is started in the directory of the tasks.
static char *from_root(const char *plugin)
{
    char full[PATH_MAX];
    char *path = strdup(plugin), *text = NULL;
    const char *function = path ? plugin_split(path) : NULL;
    if (path && realpath(path, full) &&
        asprintf(&text, "%s:%s", full, function) < 0)
        text = NULL;
    else if (path && !text)
        text = strdup(plugin); // it is told by who looks for it
    free(path);
    return text;
}

static int spawn(const struct isolate *isolate, int out, pid_t *pid)
{
    char *const argv[] = {isolate->program, isolate->plugin, NULL};
    sigset_t none, all;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawnattr_init(&attributes) != 0)
        return -ENOMEM;
    int code = posix_spawn_file_actions_init(&actions);
    if (code == 0) {
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETSIGDEF);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        code = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (code == 0)
            code =
                posix_spawn(pid, argv[0], &actions, &attributes, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return -code;
}

// What it says, without its newline; cut where it is too long.
static void read_all(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < size - 1) {
        do
            got = read(fd, text + used, size - 1 - used);
        while (got < 0 && errno == EINTR);
        used += got > 0 ? (size_t)got : 0;
    }
    while (used > 0 && text[used - 1] == '\n')
        used--;
    text[used] = '\0';
}

static int judge(const char *plugin, int status, const char *said,
                 struct problem *problem)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && said[0])
        return problem_exit(problem, EXIT_USAGE, -EINVAL, "%s", said);
    if (WIFSIGNALED(status))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "cannot load the plugin '%.512s': it dies of SIG%s "
                            "while it is loaded",
                            plugin, sigabbrev_np(WTERMSIG(status)));
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "cannot load the plugin '%.512s': it ends its process "
                        "with exit code %d while it is loaded",
                        plugin, WEXITSTATUS(status));
}

static int check(const struct isolate *isolate, const char *plugin,
                 struct problem *problem)
{
    int ends[2], status = 0;
    char said[sizeof problem->text];
    pid_t pid = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return problem_set(problem, -errno, "cannot make a pipe: %s",
                           strerrordesc_np(errno));
    const int code = spawn(isolate, ends[1], &pid);
    (void)close(ends[1]);
    if (code == 0) {
        read_all(ends[0], said, sizeof said);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    (void)close(ends[0]);
    if (code < 0)
        return problem_set(problem, code, "cannot start '%.400s': %s",
                           isolate->program, strerrordesc_np(-code));
    return judge(plugin, status, said, problem);
}

int isolate_open(struct isolate *isolate, const char *plugin,
                 struct problem *problem)
{
    *isolate = (struct isolate){0};
    isolate->program = find_program(problem);
    if (!isolate->program)
        return problem->code;
    isolate->plugin = from_root(plugin);
    if (!isolate->plugin)
        return problem_set(problem, -ENOMEM, "out of memory");
    return check(isolate, plugin, problem);
}

char *const *isolate_argv(struct isolate *isolate, uint64_t seed,
                          uint64_t output_max)
{
    if (asprintf(&isolate->seed, "%" PRIu64, seed) < 0)
        isolate->seed = NULL;
    if (asprintf(&isolate->output_max, "%" PRIu64, output_max) < 0)
        isolate->output_max = NULL;
    if (!isolate->seed || !isolate->output_max)
        return NULL;
    char *const words[] = {isolate->program, isolate->plugin, isolate->seed,
                           isolate->output_max, NULL};
    memcpy(isolate->argv, words, sizeof words);
    return isolate->argv;
}

void isolate_clear(struct isolate *isolate)
{
    free(isolate->program);
    free(isolate->plugin);
    free(isolate->seed);
    free(isolate->output_max);
    *isolate = (struct isolate){0};
}
