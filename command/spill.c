#include "command/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void spill_init(struct spill *spill)
{
    *spill = (struct spill){.fd = -1};
}

void spill_clear(struct spill *spill)
{
    if (spill->fd >= 0)
        close(spill->fd);
    spill_init(spill);
}

static int open_file(void)
{
    char path[4096];
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets the environment
    const char *const folder = getenv("TMPDIR");
    const int length = snprintf(path, sizeof path, "%s/fan-spill-XXXXXX",
                                folder && *folder ? folder : "/tmp");
    if (length < 0 || (size_t)length >= sizeof path)
        return -ENAMETOOLONG;
    const int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    unlink(path);
    return fd;
}

int spill_put(struct spill *spill, struct span bytes, struct spill_piece *piece)
{
    if (spill->fd < 0) {
        const int fd = open_file();
        if (fd < 0)
            return fd;
        spill->fd = fd;
    }
    size_t done = 0;
    while (done < bytes.size) {
        const ssize_t put =
            pwrite(spill->fd, bytes.at + done, bytes.size - done,
                   (off_t)(spill->end + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        done += (size_t)put;
    }
    *piece = (struct spill_piece){spill->end, bytes.size};
    spill->end += bytes.size;
    spill->held++;
    return 0;
}

int spill_get(const struct spill *spill, struct spill_piece piece,
              struct buffer *out)
{
    uint8_t *const room = buffer_extend(out, piece.size);
    size_t done = 0;
    if (!room)
        return piece.size == 0 ? 0 : -ENOMEM;
    while (done < piece.size) {
        const ssize_t got = pread(spill->fd, room + done, piece.size - done,
                                  (off_t)(piece.offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        done += (size_t)got;
    }
    return 0;
}

void spill_drop(struct spill *spill)
{
    if (spill->held > 0 && --spill->held == 0 && ftruncate(spill->fd, 0) == 0)
        spill->end = 0;
}
