#include "sink/journal_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int recovery_apply(struct recovery *recovery)
{
    struct span text = buffer_span(&recovery->file.text), line;
    while (logfile_line(&text, &line)) {
        struct record record;
        int result = record_read(line, &recovery->scratch, &record);
        if (result == 0)
            result = recovery->apply(recovery->argument, &record);
        if (result < 0)
            return result;
    }
    return 0;
}

static int said(const struct recovery *recovery, int code, const char *what,
                struct problem *problem)
{
    return problem_set(problem, code, "cannot %s %s: %s", what, recovery->path,
                       strerrordesc_np(-code));
}

static int damaged(const struct recovery *recovery, uint64_t offset,
                   struct problem *problem)
{
    return problem_exit(problem, EXIT_DAMAGED, -EBADMSG,
                        "%s is damaged: the member at byte %" PRIu64
                        " is not what was written; `fan verify` tells more",
                        recovery->path, offset);
}

// Applies whole members from the start; `end` gets where the last one ends
// and `durable` the largest offset that one of them knew to be durable.
static int read_whole(struct recovery *recovery, uint64_t *end,
                      uint64_t *durable, struct problem *problem)
{
    *end = *durable = 0;
    while (*end < recovery->file.size) {
        struct member member;
        enum member_fault fault;
        int result = logfile_read(&recovery->file, *end, &member, &fault);
        if (result != 0)
            return said(recovery, result, "read", problem);
        if (fault != MEMBER_WHOLE)
            return 0;
        result = recovery_apply(recovery);
        if (result == -EBADMSG)
            return damaged(recovery, *end, problem);
        if (result < 0)
            return said(recovery, result, "take in", problem);
        if (member.durable > *durable)
            *durable = member.durable;
        *end += member.size;
    }
    return 0;
}

static int write_all(int fd, struct span bytes, uint64_t offset)
{
    for (size_t done = 0; done < bytes.size;) {
        const ssize_t wrote = pwrite(fd, bytes.at + done, bytes.size - done,
                                     (off_t)(offset + done));
        if (wrote < 0 && errno != EINTR)
            return -errno;
        if (wrote > 0)
            done += (size_t)wrote;
    }
    return 0;
}

// Copies [from, to) of the log to the same bytes (itself) or to byte 0 on of
// another file, in pieces.
static int copy(struct recovery *recovery, uint64_t from, uint64_t to, int fd)
{
    enum { PIECE = 1 << 20 };
    const uint64_t shift = fd == recovery->file.fd ? 0 : from;
    struct buffer *bytes = &recovery->file.bytes;
    while (from < to) {
        const size_t size = to - from < PIECE ? (size_t)(to - from) : PIECE;
        int result = logfile_bytes(recovery->file.fd, from, size, bytes);
        if (result == 0 && bytes->size < size)
            result = -EIO;
        if (result == 0)
            result = write_all(fd, buffer_span(bytes), from - shift);
        if (result != 0)
            return result;
        from += size;
    }
    return 0;
}

static int create_torn(int dir_fd)
{
    for (unsigned n = 1;; n++) {
        char name[32];
        snprintf(name, sizeof name, "torn-%u", n);
        const int fd =
            openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST || n == UINT16_MAX)
            return -errno;
    }
}

static int keep_torn(struct recovery *recovery, uint64_t end)
{
    const int fd = create_torn(recovery->dir_fd);
    if (fd < 0)
        return fd;
    int result = copy(recovery, end, recovery->file.size, fd);
    if (result == 0 && fsync(fd) != 0)
        result = -errno;
    if (close(fd) != 0 && result == 0)
        result = -errno;
    if (result == 0 && fsync(recovery->dir_fd) != 0)
        result = -errno;
    return result;
}

// Order matters: first what may be acknowledged already is made durable, then
// the rest is kept, and only then cut.
static int settle(struct recovery *recovery, uint64_t durable, uint64_t end)
{
    const int fd = recovery->file.fd;
    int result = copy(recovery, durable, end, fd);
    if (result == 0 && fdatasync(fd) != 0)
        result = -errno;
    if (result != 0 || end == recovery->file.size)
        return result;
    result = keep_torn(recovery, end);
    if (result == 0 && (ftruncate(fd, (off_t)end) != 0 || fsync(fd) != 0))
        result = -errno;
    return result;
}

int recovery_run(struct recovery *recovery, uint64_t *position,
                 struct problem *problem)
{
    uint64_t end, durable, behind;
    int result = logfile_measure(&recovery->file);
    if (result != 0)
        return said(recovery, result, "read", problem);
    result = read_whole(recovery, &end, &durable, problem);
    if (result != 0)
        return result;
    if (end < recovery->file.size) {
        result = logfile_find(&recovery->file, end, &behind);
        if (result == 0)
            return damaged(recovery, end, problem);
        if (result != -ENOENT)
            return said(recovery, result, "read", problem);
    }
    result = settle(recovery, durable, end);
    if (result != 0)
        return said(recovery, result, "recover", problem);
    *position = end;
    return 0;
}
