#include "worker/rubbish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct clearing {
    int folder;
    unsigned long moved; // so far: names what comes up
    int error;           // the last
};

// Its owner may have taken his own permissions away. By /proc, since a name
// could be a link by now.
static int open_folder(int above, const char *name)
{
    char path[40];
    const int place =
        openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (place < 0)
        return -errno;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    (void)chmod(path, 0700); // what is wrong, opening tells
    int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        fd = -errno;
    close(place);
    return fd;
}

static DIR *read_again(int folder)
{
    const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries && fd >= 0)
        close(fd);
    return entries;
}

static const char *next_name(DIR *entries)
{
    struct dirent *entry;
    do
        entry = readdir(entries);
    while (entry && (strcmp(entry->d_name, ".") == 0 ||
                     strcmp(entry->d_name, "..") == 0));
    return entry ? entry->d_name : NULL;
}

// False: a folder that holds something.
static bool removed(struct clearing *clearing, int folder, const char *name)
{
    if (unlinkat(folder, name, 0) == 0)
        return true;
    if (errno == EISDIR) {
        if (unlinkat(folder, name, AT_REMOVEDIR) == 0)
            return true;
        if (errno == ENOTEMPTY || errno == EEXIST)
            return false;
    }
    if (errno != ENOENT)
        clearing->error = -errno;
    return true;
}

void rubbish_unlock(int folder, const char *name)
{
    const int fd = open_folder(folder, name);
    if (fd >= 0)
        close(fd);
}

static bool bring_up(struct clearing *clearing, int from, const char *name)
{
    enum { TRIES = 1000 };
    char to[32];
    rubbish_unlock(from, name);
    for (int i = 0; i < TRIES; i++) {
        (void)snprintf(to, sizeof to, "up-%lu", ++clearing->moved);
        if (renameat(from, name, clearing->folder, to) == 0)
            return true;
        if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
            break;
    }
    clearing->error = -errno;
    return false;
}

// True: it is gone, and what it held stands beside it.
static bool take_apart(struct clearing *clearing, const char *name)
{
    const int fd = open_folder(clearing->folder, name);
    DIR *entries = fd < 0 ? NULL : read_again(fd);
    const char *within;
    bool whole = entries;
    if (!entries)
        clearing->error = fd < 0 ? fd : -ENOMEM;
    while (entries && (within = next_name(entries)))
        if (!removed(clearing, fd, within))
            whole = bring_up(clearing, fd, within) && whole;
    if (entries)
        closedir(entries);
    if (fd >= 0)
        close(fd);
    return whole && unlinkat(clearing->folder, name, AT_REMOVEDIR) == 0;
}

int rubbish_clear(int folder)
{
    struct clearing clearing = {.folder = folder};
    bool again = true;
    while (again) {
        DIR *entries = read_again(folder);
        const char *name;
        again = false;
        clearing.error = entries ? 0 : -errno;
        while (entries && (name = next_name(entries)))
            if (!removed(&clearing, folder, name))
                again = take_apart(&clearing, name) || again;
        if (entries)
            closedir(entries);
    }
    return clearing.error;
}
