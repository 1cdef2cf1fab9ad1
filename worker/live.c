#include "worker/live.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_MAX = 4096 }; // PIPE_BUF: POLLOUT promises room for it

static void add_line(struct live *live, struct span line, struct span tag)
{
    if (tag.size > 0) {
        buffer_append(&live->backlog, tag.at, tag.size);
        put_u8(&live->backlog, '\t');
    }
    if (line.size > 0)
        buffer_append(&live->backlog, line.at, line.size);
    put_u8(&live->backlog, '\n');
}

size_t live_add(struct live *live, struct span text, struct span tag, bool last)
{
    size_t used = 0;
    while (used < text.size) {
        const uint8_t *from = text.at + used;
        const size_t left = text.size - used;
        const uint8_t *end = memchr(from, '\n', left);
        if (!end && !last)
            break;
        const size_t size = end ? (size_t)(end - from) : left;
        add_line(live, (struct span){from, size}, tag);
        used += size + (end ? 1 : 0);
    }
    return used;
}

bool live_flush(struct live *live)
{
    size_t done = 0;
    while (done < live->backlog.size) {
        const size_t left = live->backlog.size - done;
        struct pollfd item = {.fd = live->fd, .events = POLLOUT};
        const int ready = poll(&item, 1, left > LIVE_BACKLOG_MAX ? -1 : 0);
        if (ready <= 0)
            break;
        const ssize_t size = write(live->fd, live->backlog.at + done,
                                   left < PIECE_MAX ? left : PIECE_MAX);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        // Nobody reads it any more; the results are in the log all the same.
        done += size < 0 ? left : (size_t)size;
    }
    if (live->backlog.failed)
        buffer_clear(&live->backlog);
    else
        buffer_consume(&live->backlog, done);
    return live->backlog.size > 0;
}

void live_clear(struct live *live)
{
    buffer_free(&live->backlog);
}
