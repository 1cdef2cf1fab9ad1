#include "worker/launch.h"

#include "worker/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// The kernel's MAX_ARG_STRLEN bounds each text of an environment.
enum { TEXT_MAX = 128 * 1024 };

#define PARTIAL ".partial"

static const char *const OWN[] = {
    "FAN_RUN",  "FAN_TASK_ID", "FAN_ATTEMPT",         "FAN_SLOT",
    "FAN_SEED", "FAN_TASK",    "FAN_ARRAY_ID",        "FAN_SUPERVISOR",
    "FAN_DIR",  "HQ_TASK_ID",  "SLURM_ARRAY_TASK_ID", "PARALLEL_SEQ",
    "HQ_ENTRY",
};

// Other programs' variables are only replaced with --compat.
static bool is_own(const char *variable, bool compat)
{
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++) {
        const size_t size = strlen(OWN[i]);
        if (strncmp(variable, OWN[i], size) == 0 && variable[size] == '=')
            return compat || strncmp(variable, "FAN_", 4) == 0;
    }
    return false;
}

int launcher_open(struct launcher *launcher,
                  const struct launch_settings *settings)
{
    launcher->settings = settings;
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    launcher->environment = calloc(count + 1, sizeof(char *));
    if (!launcher->environment)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (is_own(environ[i], settings->compat))
            continue;
        launcher->environment[kept] = strdup(environ[i]);
        if (!launcher->environment[kept++])
            return -ENOMEM;
    }
    return 0;
}

void launcher_close(struct launcher *launcher)
{
    for (char **at = launcher->environment; at && *at; at++)
        free(*at);
    free(launcher->environment);
    lookup_forget(&launcher->lookup);
    *launcher = (struct launcher){0};
}

// Texts of a command: arguments with the slot's number put in at its marks.
static void add_arguments(struct texts_out *texts, struct wire_command *command,
                          uint32_t slot)
{
    struct span arg;
    struct wire_slot_mark mark;
    bool marked = wire_next_mark(&command->marks, &mark);
    for (uint32_t index = 0; wire_next_arg(&command->args, &arg); index++) {
        size_t done = 0;
        texts_begin(texts);
        while (marked && mark.arg == index) {
            if (mark.offset >= done && mark.offset <= arg.size) {
                texts_put(texts, arg.at + done, mark.offset - done);
                texts_printf(texts, "%" PRIu32, slot);
                done = mark.offset;
            }
            marked = wire_next_mark(&command->marks, &mark);
        }
        texts_put(texts, arg.at + done, arg.size - done);
        texts_end(texts);
    }
}

static struct span value_named(struct wire_list values, const char *name)
{
    struct wire_pair pair;
    while (wire_next_pair(&values, &pair)) {
        if (span_equal(pair.name, span_of_text(name)))
            return pair.value;
    }
    return (struct span){0};
}

static void add_variable(struct texts_out *texts, const char *name,
                         struct span value)
{
    texts_begin(texts);
    texts_printf(texts, "%s=", name);
    texts_put(texts, value.at, value.size);
    texts_end(texts);
}

static void add_number(struct texts_out *texts, const char *name,
                       uint64_t value)
{
    texts_begin(texts);
    texts_printf(texts, "%s=%" PRIu64, name, value);
    texts_end(texts);
}

static void add_own_variables(struct texts_out *texts,
                              const struct launch_settings *settings,
                              const struct launch_task *task,
                              const struct wire_command *command)
{
    add_variable(texts, "FAN_RUN", span_of_text(settings->run));
    if (settings->dir)
        add_variable(texts, "FAN_DIR", span_of_text(settings->dir));
    add_number(texts, "FAN_TASK_ID", task->task);
    add_number(texts, "FAN_ATTEMPT", task->attempt);
    add_number(texts, "FAN_SLOT", task->slot);
    add_number(texts, "FAN_SEED", task->seed);
    // Too long for the kernel, it is still there on standard input.
    const bool fits = command->input.size < TEXT_MAX - 16;
    if (command->flags & COMMAND_INPUT && (fits || !settings->input))
        add_variable(texts, "FAN_TASK", command->input);
    const struct span array = value_named(command->values, "array");
    if (array.size > 0)
        add_variable(texts, "FAN_ARRAY_ID", array);
    if (!settings->compat)
        return;
    add_number(texts, "PARALLEL_SEQ", task->task);
    add_number(texts, "HQ_TASK_ID", task->task);
    if (command->flags & COMMAND_INPUT && fits)
        add_variable(texts, "HQ_ENTRY", command->input);
    if (array.size > 0)
        add_variable(texts, "SLURM_ARRAY_TASK_ID", array);
    else
        add_number(texts, "SLURM_ARRAY_TASK_ID", task->task);
}

static void note_errno(char note[LAUNCH_NOTE_SIZE], const char *what,
                       const char *name, int code)
{
    (void)snprintf(note, LAUNCH_NOTE_SIZE, "cannot %s '%.200s': %s", what, name,
                   strerrordesc_np(-code));
}

static void note_start(char note[LAUNCH_NOTE_SIZE], const char *name, int code)
{
    note_errno(note, "start", name, code);
    const size_t size = strlen(note);
    if (code == -ENOEXEC)
        (void)snprintf(note + size, LAUNCH_NOTE_SIZE - size,
                       " (a script needs a first line such as #!/bin/sh)");
}

static int open_stdin(const struct launch_settings *settings,
                      const struct wire_command *command)
{
    if (!settings->input || !(command->flags & COMMAND_INPUT)) {
        const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return null < 0 ? -errno : null;
    }
    const int fd = memfd_create("fan-input", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t done = 0;
    while (done < command->input.size) {
        const ssize_t size =
            write(fd, command->input.at + done, command->input.size - done);
        if (size < 0) {
            const int code = -errno;
            close(fd);
            return code;
        }
        done += (size_t)size;
    }
    (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

static void make_parents(int dir_fd, const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return;
    for (char *slash = strchr(copy + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdirat(dir_fd, copy, 0777); // what is wrong, openat tells
        *slash = '/';
    }
    free(copy);
}

// Not to wait for a reader where a FIFO has the name; only a file will do.
static int open_regular(int dir_fd, const char *path)
{
    const int flags =
        O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    struct stat status;
    const int fd = openat(dir_fd, path, flags, 0666);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -EEXIST;
    }
    (void)fcntl(fd, F_SETFL, 0);
    return fd;
}

// Else it would be met only when the task is done, and its output made.
static bool is_directory(int dir_fd, const char *path)
{
    struct stat status;
    return fstatat(dir_fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(status.st_mode);
}

static int open_file(int dir_fd, struct span path, char **partial,
                     char note[LAUNCH_NOTE_SIZE])
{
    if (path.size == 0)
        return -ENOENT;
    char *name = NULL;
    if (asprintf(&name, "%.*s" PARTIAL, (int)path.size, (const char *)path.at) <
        0)
        return -ENOMEM;
    name[path.size] = '\0';
    if (is_directory(dir_fd, name)) {
        note_errno(note, "write", name, -EISDIR);
        free(name);
        return -EISDIR;
    }
    name[path.size] = PARTIAL[0];
    int fd = open_regular(dir_fd, name);
    if (fd == -ENOENT) {
        make_parents(dir_fd, name);
        fd = open_regular(dir_fd, name);
    }
    if (fd < 0) {
        note_errno(note, "write", name, fd);
        free(name);
        return fd;
    }
    *partial = name;
    return fd;
}

static int base_of(const struct launched *launched)
{
    return launched->dir_fd < 0 ? AT_FDCWD : launched->dir_fd;
}

// Gives the child's end; *ours is the reading end, or -1 for a file.
static int open_stream(const struct launched *launched, struct span path,
                       bool file, int *ours, char **partial,
                       char note[LAUNCH_NOTE_SIZE])
{
    if (file)
        return open_file(base_of(launched), path, partial, note);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *ours = ends[0];
    return ends[1];
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void forget_files(struct launched *launched)
{
    shut(&launched->dir_fd);
    free(launched->out_partial);
    free(launched->err_partial);
    launched->out_partial = launched->err_partial = NULL;
}

static void undo(struct launched *launched)
{
    shut(&launched->out_fd);
    shut(&launched->err_fd);
    if (launched->out_partial)
        (void)unlinkat(base_of(launched), launched->out_partial, 0);
    if (launched->err_partial)
        (void)unlinkat(base_of(launched), launched->err_partial, 0);
    forget_files(launched);
}

static int prepare(const struct launch_settings *settings, const int child[3],
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
    if (code == 0 && settings->chdir)
        code = posix_spawn_file_actions_addchdir_np(actions, settings->chdir);
    return code;
}

static int spawn(struct launcher *launcher, const int child[3],
                 char *const *argv, char *const *environment, pid_t *pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    if (posix_spawnattr_init(&attributes) != 0)
        return -ENOMEM;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        posix_spawnattr_destroy(&attributes);
        return -ENOMEM;
    }
    int code = prepare(launcher->settings, child, &actions, &attributes);
    if (code == 0) {
        const char *path = lookup_find(&launcher->lookup, argv[0]);
        const int tried = path ? posix_spawn(pid, path, &actions, &attributes,
                                             argv, environment)
                               : -1;
        if (path && tried != 0)
            lookup_forget(&launcher->lookup);
        code = tried == 0 ? 0
                          : posix_spawnp(pid, argv[0], &actions, &attributes,
                                         argv, environment);
    }
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -code;
}

static int open_streams(const struct launch_settings *settings,
                        const struct wire_command *command, int child[3],
                        struct launched *launched, char note[LAUNCH_NOTE_SIZE])
{
    if (settings->chdir) {
        launched->dir_fd =
            open(settings->chdir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (launched->dir_fd < 0) {
            const int code = -errno;
            note_errno(note, "enter", settings->chdir, code);
            return code;
        }
    }
    child[0] = open_stdin(settings, command);
    if (child[0] < 0)
        return child[0];
    child[1] = open_stream(launched, command->stdout_path,
                           command->flags & COMMAND_STDOUT_FILE,
                           &launched->out_fd, &launched->out_partial, note);
    if (child[1] < 0)
        return child[1];
    child[2] = open_stream(launched, command->stderr_path,
                           command->flags & COMMAND_STDERR_FILE,
                           &launched->err_fd, &launched->err_partial, note);
    return child[2] < 0 ? child[2] : 0;
}

static int start(struct launcher *launcher, const struct launch_task *task,
                 struct wire_command *command, struct launched *launched,
                 char note[LAUNCH_NOTE_SIZE])
{
    const struct launch_settings *settings = launcher->settings;
    struct texts_out arguments = {0}, variables = {0};
    add_own_variables(&variables, settings, task, command);
    int child[3] = {-1, -1, -1};
    int code = open_streams(settings, command, child, launched, note);
    add_arguments(&arguments, command, task->slot);
    char **argv = texts_array(&arguments, NULL);
    char **all = texts_array(&variables, launcher->environment);
    if (code == 0 && (!argv || !all))
        code = -ENOMEM;
    if (code == 0) {
        code = spawn(launcher, child, argv, all, &launched->pid);
        if (code < 0)
            note_start(note, argv[0], code);
    }
    if (code == 0) {
        launched->pidfd = pidfd_open(launched->pid, 0);
        if (launched->pidfd < 0) {
            code = -errno;
            (void)kill(-launched->pid, SIGKILL);
            (void)waitpid(launched->pid, NULL, 0);
        }
    }
    for (int fd = 0; fd < 3; fd++)
        shut(&child[fd]);
    free(argv);
    free(all);
    texts_clear(&arguments);
    texts_clear(&variables);
    return code;
}

int launch(struct launcher *launcher, const struct launch_task *task,
           struct launched *launched, char note[LAUNCH_NOTE_SIZE])
{
    struct wire_command command;
    *launched = (struct launched){
        .pidfd = -1, .out_fd = -1, .err_fd = -1, .dir_fd = -1};
    note[0] = '\0';
    int code = -EBADMSG;
    if (wire_get_command(task->payload, &command))
        code = start(launcher, task, &command, launched, note);
    if (code == 0)
        return 0;
    undo(launched);
    if (note[0] == '\0')
        (void)snprintf(note, LAUNCH_NOTE_SIZE, "cannot start the command: %s",
                       strerrordesc_np(-code));
    return code;
}

static int finish_file(int base, const char *partial,
                       char note[LAUNCH_NOTE_SIZE])
{
    char *path = strndup(partial, strlen(partial) - strlen(PARTIAL));
    if (!path)
        return -ENOMEM;
    const int code = renameat(base, partial, base, path) < 0 ? -errno : 0;
    if (code < 0)
        note_errno(note, "rename", partial, code);
    free(path);
    return code;
}

int launch_finish_files(struct launched *launched, bool keep,
                        char note[LAUNCH_NOTE_SIZE])
{
    int code = 0;
    if (keep && launched->out_partial)
        code = finish_file(base_of(launched), launched->out_partial, note);
    if (keep && launched->err_partial && code == 0)
        code = finish_file(base_of(launched), launched->err_partial, note);
    forget_files(launched);
    return code;
}
