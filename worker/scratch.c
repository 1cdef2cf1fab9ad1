#include "worker/scratch.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "worker/rubbish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK  "lock"
#define TRASH "trash"

enum {
    NAME_SIZE = 64,
    BASE_SIZE = SCRATCH_PATH_SIZE - NAME_SIZE,
    BEHIND_MAX = 256, // folders set aside and not yet removed
};

struct scratch {
    char base[BASE_SIZE];
    char path[SCRATCH_PATH_SIZE]; // as last given
    int base_fd, trash_fd, lock_fd;
    uint64_t set_aside; // names what goes to the trash
    pthread_t remover;
    bool has_remover;
    pthread_mutex_t mutex; // of what follows
    pthread_cond_t changed;
    uint32_t behind;
    bool leaving;
    uint32_t slots;
    bool there[]; // slot - 1: its folder is made
};

static int open_folder(int above, const char *name)
{
    const int fd =
        openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// -- the folder of all workers of this user on this host --

static int name_common(char path[BASE_SIZE])
{
    char host[65] = "";
    const char *temporary = getenv("TMPDIR"); // NOLINT(concurrency-*)
    (void)gethostname(host, sizeof host - 1);
    return snprintf(path, BASE_SIZE, "%s/fan-%s-%u",
                    temporary && *temporary == '/' ? temporary : "/tmp", host,
                    (unsigned)geteuid());
}

// Another user may have been here before: then it is none of ours.
static bool is_ours(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
           (status.st_mode & 022) == 0;
}

// Open and locked. Who leaves last removes it, so that it may be gone by the
// time that the lock is had.
static int open_common(const char *path)
{
    for (;;) {
        struct stat status;
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -errno;
        const int fd = open_folder(AT_FDCWD, path);
        if (fd == -ENOENT)
            continue;
        if (fd < 0)
            return fd;
        if (!is_ours(fd)) {
            close(fd);
            return -EPERM;
        }
        if (flock(fd, LOCK_EX) < 0 || fstat(fd, &status) < 0) {
            const int code = -errno;
            close(fd);
            return code;
        }
        if (status.st_nlink > 0)
            return fd;
        close(fd);
    }
}

static bool is_loose(const char *name)
{
    return strncmp(name, "slot-", 5) == 0 || strcmp(name, TRASH) == 0;
}

static int set_aside(struct scratch *scratch, int from, const char *name)
{
    char to[NAME_SIZE];
    (void)snprintf(to, sizeof to, "%" PRIu64, ++scratch->set_aside);
    if (renameat(from, name, scratch->trash_fd, to) == 0)
        return 0;
    // A task may have taken its folder's permissions away.
    rubbish_unlock(from, name);
    return renameat(from, name, scratch->trash_fd, to) < 0 ? -errno : 0;
}

// What a worker left that is no more. Without a lock it has been here before,
// and holds only what was kept.
static void take_over(struct scratch *scratch, int common, const char *name)
{
    const int fd = open_folder(common, name);
    const int lock =
        fd < 0 ? fd : openat(fd, LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = NULL;
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
        entries = fdopendir(dup(fd));
    struct dirent *entry;
    while (entries && (entry = readdir(entries)))
        if (is_loose(entry->d_name))
            (void)set_aside(scratch, fd, entry->d_name);
    if (entries) {
        closedir(entries);
        (void)unlinkat(fd, LOCK, 0);
        (void)unlinkat(common, name, AT_REMOVEDIR); // not with what was kept
    }
    if (lock >= 0)
        close(lock);
    if (fd >= 0)
        close(fd);
}

static void take_over_all(struct scratch *scratch, int common)
{
    DIR *entries = fdopendir(dup(common));
    struct dirent *entry;
    while (entries && (entry = readdir(entries)))
        if (entry->d_name[0] != '.')
            take_over(scratch, common, entry->d_name);
    if (entries)
        closedir(entries);
}

// -- what is to be removed --

static void *remove_aside(void *argument)
{
    struct scratch *scratch = argument;
    pthread_mutex_lock(&scratch->mutex);
    while (!scratch->leaving || scratch->behind > 0) {
        const uint32_t count = scratch->behind;
        if (count == 0) {
            pthread_cond_wait(&scratch->changed, &scratch->mutex);
            continue;
        }
        pthread_mutex_unlock(&scratch->mutex);
        const int code = rubbish_clear(scratch->trash_fd);
        if (code < 0)
            log_event(LOG_WARNING, "scratch-left", "dir=%s/" TRASH " reason=%s",
                      scratch->base, strerrorname_np(-code));
        pthread_mutex_lock(&scratch->mutex);
        scratch->behind -= count;
    }
    pthread_mutex_unlock(&scratch->mutex);
    return NULL;
}

static void remove_one_more(struct scratch *scratch)
{
    pthread_mutex_lock(&scratch->mutex);
    scratch->behind++;
    pthread_cond_signal(&scratch->changed);
    pthread_mutex_unlock(&scratch->mutex);
    // Without a thread it is done at the end.
    if (!scratch->has_remover)
        scratch->has_remover =
            pthread_create(&scratch->remover, NULL, remove_aside, scratch) == 0;
}

bool scratch_is_behind(struct scratch *scratch)
{
    if (!scratch->has_remover)
        return false;
    pthread_mutex_lock(&scratch->mutex);
    const bool behind = scratch->behind >= BEHIND_MAX;
    pthread_mutex_unlock(&scratch->mutex);
    return behind;
}

// -- a worker's own --

static int make_base(struct scratch *scratch, int common, const char *run)
{
    const size_t size = strlen(scratch->base);
    (void)snprintf(scratch->base + size, BASE_SIZE - size, "/%.40s-XXXXXX",
                   run);
    if (!mkdtemp(scratch->base))
        return -errno;
    scratch->base_fd = open_folder(AT_FDCWD, scratch->base);
    if (scratch->base_fd < 0)
        return scratch->base_fd;
    scratch->lock_fd = openat(scratch->base_fd, LOCK,
                              O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (scratch->lock_fd < 0 || flock(scratch->lock_fd, LOCK_EX) < 0 ||
        mkdirat(scratch->base_fd, TRASH, 0700) < 0)
        return -errno;
    scratch->trash_fd = open_folder(scratch->base_fd, TRASH);
    if (scratch->trash_fd < 0)
        return scratch->trash_fd;
    take_over_all(scratch, common);
    if (scratch->set_aside > 0)
        remove_one_more(scratch);
    return 0;
}

struct scratch *scratch_open(const char *run, uint32_t slots,
                             struct problem *problem)
{
    struct scratch *scratch =
        calloc(1, sizeof *scratch + slots * sizeof scratch->there[0]);
    if (!scratch) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    scratch->slots = slots;
    scratch->base_fd = scratch->trash_fd = scratch->lock_fd = -1;
    pthread_mutex_init(&scratch->mutex, NULL);
    pthread_cond_init(&scratch->changed, NULL);
    const bool fits = name_common(scratch->base) < BASE_SIZE - NAME_SIZE;
    const int common = fits ? open_common(scratch->base) : -ENAMETOOLONG;
    const int code = common < 0 ? common : make_base(scratch, common, run);
    if (common >= 0)
        close(common);
    if (code == 0)
        return scratch;
    problem_set(problem, code, "cannot make folders in %.400s: %s",
                scratch->base, strerrordesc_np(-code));
    scratch_close(&scratch);
    return NULL;
}

static void slot_name(uint32_t slot, char name[NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "slot-%" PRIu32, slot);
}

static void remove_base(struct scratch *scratch)
{
    char name[NAME_SIZE];
    for (uint32_t slot = 1; slot <= scratch->slots; slot++) {
        slot_name(slot, name);
        // A task that runs on has put something there.
        if (scratch->there[slot - 1] &&
            unlinkat(scratch->base_fd, name, AT_REMOVEDIR) < 0)
            (void)set_aside(scratch, scratch->base_fd, name);
    }
    (void)rubbish_clear(scratch->trash_fd);
    (void)unlinkat(scratch->base_fd, TRASH, AT_REMOVEDIR);
    (void)unlinkat(scratch->base_fd, LOCK, 0);
    char *slash = strrchr(scratch->base, '/');
    (void)rmdir(scratch->base); // not with what was kept
    *slash = '\0';
    const int common = open_folder(AT_FDCWD, scratch->base);
    if (common >= 0 && flock(common, LOCK_EX) == 0)
        (void)rmdir(scratch->base); // not while others are there
    if (common >= 0)
        close(common);
}

void scratch_close(struct scratch **scratch)
{
    struct scratch *gone = *scratch;
    if (!gone)
        return;
    pthread_mutex_lock(&gone->mutex);
    gone->leaving = true;
    pthread_cond_signal(&gone->changed);
    pthread_mutex_unlock(&gone->mutex);
    if (gone->has_remover)
        (void)pthread_join(gone->remover, NULL);
    if (gone->trash_fd >= 0)
        remove_base(gone);
    shut(&gone->trash_fd);
    shut(&gone->lock_fd);
    shut(&gone->base_fd);
    pthread_cond_destroy(&gone->changed);
    pthread_mutex_destroy(&gone->mutex);
    free(gone);
    *scratch = NULL;
}

// The folder's time of change is put far back: whatever is put into it, or
// taken out, makes it now.
static int make(const struct scratch *scratch, const char *name)
{
    const struct timespec times[2] = {{.tv_sec = 0}, {.tv_sec = 0}};
    if (mkdirat(scratch->base_fd, name, 0700) < 0 ||
        utimensat(scratch->base_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return 0;
}

static bool is_untouched(const struct scratch *scratch, const char *name)
{
    struct stat status;
    return fstatat(scratch->base_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(status.st_mode) && (status.st_mode & 07777) == 0700 &&
           status.st_mtim.tv_sec == 0 && status.st_mtim.tv_nsec == 0;
}

const char *scratch_take(struct scratch *scratch, uint32_t slot)
{
    char name[NAME_SIZE];
    slot_name(slot, name);
    if (!scratch->there[slot - 1]) {
        const int code = make(scratch, name);
        if (code < 0) {
            errno = -code;
            return NULL;
        }
        scratch->there[slot - 1] = true;
    }
    (void)snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->base,
                   name);
    return scratch->path;
}

// The same try of a task may come again after its ventilator's crash.
static bool keep(const struct scratch *scratch, const char *name,
                 const struct scratch_end *end, char path[SCRATCH_PATH_SIZE])
{
    enum { TRIES = 100 };
    char to[NAME_SIZE];
    for (unsigned i = 1; i <= TRIES; i++) {
        const int size = snprintf(to, sizeof to, "task-%" PRIu64 ".%" PRIu32,
                                  end->task, end->attempt);
        if (i > 1)
            (void)snprintf(to + size, sizeof to - (size_t)size, "-%u", i);
        if (renameat(scratch->base_fd, name, scratch->base_fd, to) == 0) {
            (void)snprintf(path, SCRATCH_PATH_SIZE, "%s/%s", scratch->base, to);
            return true;
        }
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            break;
    }
    return false;
}

bool scratch_end(struct scratch *scratch, const struct scratch_end *end,
                 char path[SCRATCH_PATH_SIZE])
{
    char name[NAME_SIZE];
    bool *there = &scratch->there[end->slot - 1];
    slot_name(end->slot, name);
    if (!*there || is_untouched(scratch, name))
        return false;
    *there = false;
    if (end->keep && keep(scratch, name, end, path))
        return true;
    if (set_aside(scratch, scratch->base_fd, name) == 0)
        remove_one_more(scratch);
    return false;
}
