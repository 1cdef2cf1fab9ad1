#include "worker/launch.h"

#include "worker/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// The kernel's MAX_ARG_STRLEN bounds each text of an environment.
enum { TEXT_MAX = 128 * 1024 };

enum { FIRST_OWN = 4 }; // descriptors below are the command's

#define PARTIAL ".partial"

static const char *const OWN[] = {
    "FAN_RUN",  "FAN_TASK_ID", "FAN_ATTEMPT",         "FAN_SLOT",
    "FAN_SEED", "FAN_TASK",    "FAN_ARRAY_ID",        "FAN_SUPERVISOR",
    "FAN_DIR",  "FAN_RUN_DIR", "SLURM_ARRAY_TASK_ID", "PARALLEL_SEQ",
    "HQ_ENTRY", "HQ_TASK_ID",  "FAN_PROGRESS_FD",     "FAN_CPUS",
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

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int launcher_open(struct launcher *launcher,
                  const struct launch_settings *settings)
{
    launcher->settings = settings;
    launcher->signals = start_signals();
    if (sched_getaffinity(0, sizeof launcher->cpus, &launcher->cpus) < 0)
        CPU_ZERO(&launcher->cpus); // more CPUs than such a set has
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    launcher->null_fd =
        null_fd < 0 ? -1 : fcntl(null_fd, F_DUPFD_CLOEXEC, FIRST_OWN);
    const int code = launcher->null_fd < 0 ? -errno : 0;
    shut(&null_fd);
    if (code < 0)
        return code;
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    launcher->environment = calloc(count + 1, sizeof(char *));
    if (!launcher->environment)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (is_own(environ[i], settings->compat) ||
            amounts_replace(&settings->amounts, environ[i]))
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
    shut(&launcher->null_fd);
    *launcher = (struct launcher){.null_fd = -1};
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
        add_variable(texts, "FAN_RUN_DIR", span_of_text(settings->dir));
    // Where none could be made: `cd $FAN_DIR` must fail, and not lead home.
    add_variable(texts, "FAN_DIR",
                 span_of_text(task->dir ? task->dir : "/dev/null/FAN_DIR"));
    add_number(texts, "FAN_PROGRESS_FD", 3);
    add_number(texts, "FAN_TASK_ID", task->task);
    add_number(texts, "FAN_ATTEMPT", task->attempt);
    add_number(texts, "FAN_SLOT", task->slot);
    add_number(texts, "FAN_SEED", task->seed);
    amounts_put(&settings->amounts, task->slot, texts);
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

static int open_input(const struct wire_command *command)
{
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

static void forget_files(struct launched *launched)
{
    shut(&launched->dir_fd);
    free(launched->out_partial);
    free(launched->err_partial);
    launched->out_partial = launched->err_partial = NULL;
}

static void remove_files(struct launched *launched)
{
    if (launched->out_partial)
        (void)unlinkat(base_of(launched), launched->out_partial, 0);
    if (launched->err_partial)
        (void)unlinkat(base_of(launched), launched->err_partial, 0);
    forget_files(launched);
}

static void undo(struct launched *launched)
{
    shut(&launched->out_fd);
    shut(&launched->err_fd);
    remove_files(launched);
}

// Where relative files are; the child goes there by itself.
static int open_base(const struct launch_settings *settings,
                     const struct wire_command *command,
                     struct launched *launched, char note[LAUNCH_NOTE_SIZE])
{
    if (!settings->chdir ||
        !(command->flags & (COMMAND_STDOUT_FILE | COMMAND_STDERR_FILE)))
        return 0;
    launched->dir_fd = open(settings->chdir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (launched->dir_fd >= 0)
        return 0;
    const int code = -errno;
    note_errno(note, "enter", settings->chdir, code);
    return code;
}

// child[0] stays -1 where there is no input.
static int open_streams(const struct launch_settings *settings,
                        const struct wire_command *command, int child[3],
                        struct launched *launched, char note[LAUNCH_NOTE_SIZE])
{
    const int code = open_base(settings, command, launched, note);
    if (code < 0)
        return code;
    if (settings->input && command->flags & COMMAND_INPUT) {
        child[0] = open_input(command);
        if (child[0] < 0)
            return child[0];
    }
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

static void clear(struct launch_ground *ground)
{
    free(ground->argv);
    free(ground->environment);
    free(ground->paths);
    ground->argv = ground->environment = ground->paths = NULL;
    texts_clear(&ground->arguments);
    texts_clear(&ground->variables);
    texts_clear(&ground->files);
}

void launch_ground_close(struct launch_ground *ground)
{
    clear(ground);
    start_close(&ground->start);
}

static int lay(struct launcher *launcher, const struct launch_task *task,
               struct wire_command *command, struct launch_ground *ground)
{
    add_own_variables(&ground->variables, launcher->settings, task, command);
    add_arguments(&ground->arguments, command, task->slot);
    ground->argv = texts_array(&ground->arguments, NULL);
    ground->environment =
        texts_array(&ground->variables, launcher->environment);
    if (!ground->argv || !ground->environment)
        return -ENOMEM;
    lookup_put(&launcher->lookup, ground->argv[0], &ground->files);
    ground->paths = texts_array(&ground->files, NULL);
    return ground->paths ? 0 : -ENOMEM;
}

// The slot's CPU: they are dealt in turn. NULL where none is to be chosen.
static const cpu_set_t *cpu_of(const struct launcher *launcher, uint32_t slot,
                               cpu_set_t *one)
{
    const int count = CPU_COUNT(&launcher->cpus);
    if (!launcher->settings->pin || count == 0)
        return NULL;
    int left = (int)((slot - 1) % (uint32_t)count);
    size_t cpu = 0;
    while (!CPU_ISSET(cpu, &launcher->cpus) || left-- > 0)
        cpu++;
    CPU_ZERO(one);
    CPU_SET(cpu, one);
    return one;
}

static int start(struct launcher *launcher, const struct launch_task *task,
                 struct wire_command *command, struct launch_ground *ground,
                 struct launched *launched, char note[LAUNCH_NOTE_SIZE])
{
    const struct launch_settings *settings = launcher->settings;
    int child[3] = {-1, -1, -1};
    int code = lay(launcher, task, command, ground);
    if (code == 0)
        code = open_streams(settings, command, child, launched, note);
    if (code == 0) {
        struct start *start = &ground->start;
        start->paths = ground->paths;
        start->argv = ground->argv;
        start->environment = ground->environment;
        start->chdir = settings->chdir;
        start->fd[0] = child[0] < 0 ? launcher->null_fd : child[0];
        start->fd[1] = child[1];
        start->fd[2] = child[2];
        start->fd[3] =
            task->progress_fd < 0 ? launcher->null_fd : task->progress_fd;
        start->reset = launcher->signals;
        start->memory_max =
            task->memory_max > 0 ? task->memory_max : settings->memory_max;
        start->nice = settings->nice;
        start->cpus = cpu_of(launcher, task->slot, &ground->cpus);
        launched->pid = start_process(start, &launched->pidfd);
        code = launched->pid < 0 ? launched->pid : 0;
        if (code < 0)
            note_start(note, ground->argv[0], code);
    }
    for (int fd = 0; fd < 3; fd++)
        shut(&child[fd]);
    return code;
}

int launch(struct launcher *launcher, const struct launch_task *task,
           struct launch_ground *ground, struct launched *launched,
           char note[LAUNCH_NOTE_SIZE])
{
    struct wire_command command;
    *launched = (struct launched){
        .pidfd = -1, .out_fd = -1, .err_fd = -1, .dir_fd = -1};
    note[0] = '\0';
    int code = -EBADMSG;
    if (wire_get_command(task->payload, &command))
        code = start(launcher, task, &command, ground, launched, note);
    if (code == 0)
        return 0;
    undo(launched);
    clear(ground);
    if (note[0] == '\0')
        (void)snprintf(note, LAUNCH_NOTE_SIZE, "cannot start the command: %s",
                       strerrordesc_np(-code));
    return code;
}

int launch_end(struct launch_ground *ground, struct launched *launched,
               char note[LAUNCH_NOTE_SIZE])
{
    bool entered;
    const int code = start_failure(&ground->start, &entered);
    if (code < 0 && !entered && ground->start.chdir)
        note_errno(note, "enter", ground->start.chdir, code);
    else if (code < 0)
        note_start(note, ground->argv[0], code);
    if (code < 0)
        remove_files(launched);
    clear(ground);
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
