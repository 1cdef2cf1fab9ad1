/* folder - one folder in memory for a target's files, gone when it ends */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include "common/base/bytes.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder_path[64];

static inline void folder_clear(void)
{
    DIR *dir = opendir(folder_path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

static inline void folder_remove(void)
{
    folder_clear();
    rmdir(folder_path);
}

/* The folder, with nothing in it. */
static inline const char *folder_empty(void)
{
    if (folder_path[0]) {
        folder_clear();
        return folder_path;
    }
    snprintf(folder_path, sizeof folder_path, "%s/fan-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder_path) || atexit(folder_remove) != 0)
        abort();
    return folder_path;
}

static inline void folder_put(const char *dir, const char *name,
                              struct span text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 ||
        (text.size > 0 && write(fd, text.at, text.size) != (ssize_t)text.size))
        abort();
    close(fd);
}

#endif
