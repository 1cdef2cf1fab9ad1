#include "common/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int files_write(int fd, struct span bytes)
{
    while (bytes.size > 0) {
        const ssize_t put = write(fd, bytes.at, bytes.size);
        if (put >= 0) {
            bytes.at += put;
            bytes.size -= (size_t)put;
        } else if (errno == EAGAIN) {
            struct pollfd item = {.fd = fd, .events = POLLOUT};
            (void)poll(&item, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

void files_open_standard(void)
{
    // Writing through O_PATH is an error, as it is where nothing is open.
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_PATH);
}

static int open_dir(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int write_new(int dir_fd, const char *name, struct span bytes,
                     bool durable)
{
    const int fd =
        openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    int error = files_write(fd, bytes);
    if (error == 0 && durable && fsync(fd) != 0)
        error = -errno;
    if (close(fd) != 0 && error == 0)
        error = -errno;
    return error;
}

static int give_name(int dir_fd, const char *aside, const char *name,
                     bool durable)
{
    if (renameat(dir_fd, aside, dir_fd, name) != 0 ||
        (durable && fsync(dir_fd) != 0))
        return -errno;
    return 0;
}

static int replace(const char *dir, const char *name, struct span bytes,
                   bool durable)
{
    char aside[NAME_MAX + 1];
    const int size = snprintf(aside, sizeof aside, "%s.new", name);
    if (size < 0 || (size_t)size >= sizeof aside)
        return -ENAMETOOLONG;
    const int dir_fd = open_dir(dir);
    if (dir_fd < 0)
        return dir_fd;
    int error = write_new(dir_fd, aside, bytes, durable);
    if (error == 0)
        error = give_name(dir_fd, aside, name, durable);
    if (error < 0)
        (void)unlinkat(dir_fd, aside, 0);
    close(dir_fd);
    return error;
}

int files_replace(const char *dir, const char *name, struct span bytes)
{
    return replace(dir, name, bytes, true);
}

int files_put(const char *dir, const char *name, struct span bytes)
{
    return replace(dir, name, bytes, false);
}

int files_rename(const char *dir, const char *aside, const char *name)
{
    const int dir_fd = open_dir(dir);
    if (dir_fd < 0)
        return dir_fd;
    const int error = give_name(dir_fd, aside, name, true);
    close(dir_fd);
    return error;
}

int files_sync_dir(const char *dir)
{
    const int dir_fd = open_dir(dir);
    if (dir_fd < 0)
        return dir_fd;
    const int error = fsync(dir_fd) == 0 ? 0 : -errno;
    close(dir_fd);
    return error;
}

int files_sync_parent(const char *dir)
{
    size_t size = strlen(dir);
    while (size > 1 && dir[size - 1] == '/')
        size--;
    while (size > 0 && dir[size - 1] != '/')
        size--;
    char *parent = size > 0 ? strndup(dir, size) : strdup(".");
    if (!parent)
        return -ENOMEM;
    const int error = files_sync_dir(parent);
    free(parent);
    return error == -EACCES ? 0 : error;
}

int files_make_dir(const char *dir)
{
    return mkdir(dir, 0777) == 0 ? files_sync_parent(dir) : -errno;
}

int files_lock(const char *dir, const char *name)
{
    const int dir_fd = open_dir(dir);
    if (dir_fd < 0)
        return dir_fd;
    const int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    const int opened = fd < 0 ? -errno : 0;
    close(dir_fd);
    if (opened < 0)
        return opened;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    const int error = errno == EACCES ? EAGAIN : errno;
    close(fd);
    return -error;
}

int files_open(const char *path)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    close(fd);
    return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
}
