#include "command/rundir.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/setting/plan.h"
#include "common/setting/stages.h"
#include "common/store/logread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock.run"

enum { NAME_SIZE = RUNDIR_PATH_SIZE + 260 };

static const char *path_of(char path[NAME_SIZE], const char *dir,
                           const char *name)
{
    snprintf(path, NAME_SIZE, "%s/%s", dir, name);
    return path;
}

bool rundir_has(const char *dir, const char *name)
{
    char path[NAME_SIZE];
    return access(path_of(path, dir, name), F_OK) == 0;
}

static bool is_directory(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static bool is_later(struct timespec left, struct timespec right)
{
    return left.tv_sec != right.tv_sec ? left.tv_sec > right.tv_sec
                                       : left.tv_nsec > right.tv_nsec;
}

// A run is as old as its plan, or as its stages.
static bool is_run(const char *name, struct stat *found)
{
    static const char *const FILES[] = {PLAN_FILE, STAGES_FILE};
    char path[NAME_SIZE];
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        snprintf(path, sizeof path, "%s/%.255s/%s", RUNDIR_PARENT, name,
                 FILES[i]);
        if (stat(path, found) == 0)
            return true;
    }
    return false;
}

int rundir_newest(char dir[RUNDIR_PATH_SIZE])
{
    struct timespec newest = {0};
    bool any = false;
    DIR *const folder = opendir(RUNDIR_PARENT);
    if (!folder)
        return -ENOENT;
    const struct dirent *entry;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own
    while ((entry = readdir(folder))) {
        struct stat found;
        if (entry->d_name[0] == '.' || !is_run(entry->d_name, &found) ||
            (any && !is_later(found.st_mtim, newest)))
            continue;
        newest = found.st_mtim;
        any = true;
        snprintf(dir, RUNDIR_PATH_SIZE, "%s/%.255s", RUNDIR_PARENT,
                 entry->d_name);
    }
    closedir(folder);
    return any ? 0 : -ENOENT;
}

int rundir_find(const struct settings *settings, char dir[RUNDIR_PATH_SIZE],
                struct problem *problem)
{
    const char *name =
        settings->operands.count > 0 ? settings->operands.at[0] : settings->run;
    if (settings->operands.count > 1)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "one run directory is enough; '%s' is another",
                            settings->operands.at[1]);
    if (!name)
        return rundir_newest(dir) == 0
                   ? 0
                   : problem_exit(problem, EXIT_USAGE, -ENOENT,
                                  "there is no run in %s here; name the "
                                  "directory of one",
                                  RUNDIR_PARENT);
    snprintf(dir, RUNDIR_PATH_SIZE, "%s", name);
    if (is_directory(dir))
        return 0;
    snprintf(dir, RUNDIR_PATH_SIZE, "%s/%s", RUNDIR_PARENT, name);
    if (is_directory(dir))
        return 0;
    return problem_exit(problem, EXIT_USAGE, -ENOENT,
                        "there is no run directory '%s', here or in %s", name,
                        RUNDIR_PARENT);
}

int rundir_make(const char *dir)
{
    char path[RUNDIR_PATH_SIZE];
    if (strlen(dir) >= sizeof path)
        return -ENAMETOOLONG;
    snprintf(path, sizeof path, "%s", dir);
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        const int error = files_make_dir(path);
        if (error && error != -EEXIST)
            return error;
        *at = '/';
    }
    const int error = files_make_dir(path);
    if (error && error != -EEXIST)
        return error;
    return is_directory(path) ? 0 : -ENOTDIR;
}

int rundir_read(const char *dir, const char *name, char *text, size_t size)
{
    char path[NAME_SIZE];
    const int fd = open(path_of(path, dir, name), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    const ssize_t got = read(fd, text, size - 1);
    const int error = got < 0 ? -errno : 0;
    close(fd);
    text[got < 0 ? 0 : got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return error;
}

void rundir_empty(const char *dir, const char *prefix)
{
    char path[NAME_SIZE];
    DIR *const folder = opendir(dir);
    const struct dirent *entry;
    if (!folder)
        return;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own
    while ((entry = readdir(folder)))
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            unlink(path_of(path, dir, entry->d_name));
    closedir(folder);
}

int rundir_lock(const char *dir, int64_t wait_ms)
{
    enum { RETRY_MS = 50 };
    const int64_t until_ms = clock_monotonic_ms() + wait_ms;
    int fd;
    while ((fd = files_lock(dir, LOCK_NAME)) == -EAGAIN &&
           clock_monotonic_ms() < until_ms)
        poll(NULL, 0, RETRY_MS);
    return fd;
}

// For reading, so that other people's runs can be looked at.
bool rundir_is_locked(const char *dir, const char *name)
{
    char path[NAME_SIZE];
    const int fd = open(path_of(path, dir, name), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const bool held =
        fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return held;
}

bool rundir_is_live(const char *dir)
{
    return rundir_is_locked(dir, LOCK_NAME);
}

// "a, b and c"
static void put_stages(const char *dir, struct buffer *out)
{
    char path[NAME_SIZE];
    struct problem problem = {0};
    struct stages stages;
    if (stages_read(&stages, NULL, path_of(path, dir, STAGES_FILE), &problem) ==
        0)
        for (size_t i = 0; i < stages.count; i++)
            buffer_printf(out, "%s%s",
                          i == 0                  ? ""
                          : i + 1 == stages.count ? " and "
                                                  : ", ",
                          stages.at[stages.order[i]].name);
    put_u8(out, '\0');
    stages_clear(&stages);
}

int rundir_check_name(const char *dir, struct problem *problem)
{
    const unsigned char *at = (const unsigned char *)dir;
    while ((*at >= ' ' && *at != 0x7f && !(*at == 0xc2 && at[1] < 0xa0)) ||
           *at == '\n' || *at == '\t')
        at++;
    return *at == '\0' ? 0
                       : problem_exit(problem, EXIT_USAGE, -EINVAL,
                                      "a run directory's name has nothing that "
                                      "steers a terminal, as '%s' has: give "
                                      "it another",
                                      dir);
}

int rundir_check(const char *dir, struct problem *problem)
{
    struct buffer names = {0};
    if (rundir_check_name(dir, problem) != 0)
        return problem->code;
    if (rundir_has(dir, LOG_FILE_NAME) || rundir_has(dir, PLAN_FILE))
        return 0;
    if (!rundir_has(dir, STAGES_FILE))
        return problem_exit(problem, EXIT_USAGE, -ENOENT, "%s holds no run",
                            dir);
    put_stages(dir, &names);
    problem_exit(problem, EXIT_USAGE, -ENOENT,
                 "%.300s holds a run of the stages %.600s: name one, as in "
                 "%.300s/STAGE; how far each is, tells fan status",
                 dir, names.failed ? "" : (const char *)names.at, dir);
    buffer_free(&names);
    return problem->code;
}
