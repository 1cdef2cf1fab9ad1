#include "common/base/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int lockfile_take(const char *dir, const char *name)
{
    const int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -errno;
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
