#include "worker/coprocess_inside.h"

#include "common/base/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    READ_SIZE = 64 * 1024,
    READS_MAX = 16, // of one stream in one turn, so that all get theirs
};

void seat_shut(int *fd)
{
    if (*fd >= 0)
        close(*fd); // leaves the epoll set with it: nobody else has it
    *fd = -1;
}

// Reads into a buffer of ours. 0 at the end of the file, -EAGAIN for nothing.
static ssize_t read_some(int fd, void *to, size_t size)
{
    ssize_t got;
    do
        got = read(fd, to, size);
    while (got < 0 && errno == EINTR);
    return got < 0 && errno == EAGAIN ? -EAGAIN : got < 0 ? 0 : got;
}

// What there is on stderr, up to `size` bytes.
static size_t read_error(struct seat *seat, uint8_t *piece, size_t size)
{
    if (seat->err_fd < 0)
        return 0;
    const ssize_t got = read_some(seat->err_fd, piece, size);
    if (got == 0)
        seat_shut(&seat->err_fd);
    return got > 0 ? (size_t)got : 0;
}

static void hear_error(struct seat *seat, const uint8_t *piece, size_t size)
{
    if (size > 0)
        talk_hear_error(&seat->talk, (struct span){piece, size},
                        clock_monotonic_us());
}

// Gives what read_some gave.
static ssize_t read_answers(struct seat *seat)
{
    uint8_t *room =
        seat->out_fd >= 0 ? talk_room(&seat->talk, READ_SIZE) : NULL;
    const ssize_t got =
        room ? read_some(seat->out_fd, room, READ_SIZE) : -EAGAIN;
    if (got > 0)
        talk_came(&seat->talk, (size_t)got);
    return got;
}

static void hear_answers(struct seat *seat, ssize_t got)
{
    if (got >= 0)
        talk_hear(&seat->talk, clock_monotonic_us());
    if (got == 0) {
        seat_shut(&seat->out_fd);
        talk_hung_up(&seat->talk, clock_monotonic_us());
    }
}

// With one task, what it said is in the pipe when its answer is. With several,
// the answers before the one who said it are there when it is: it is put down
// to the first that is then unanswered, which in a crash is the right one.
void seat_hear(struct seat *seat)
{
    uint8_t piece[READ_SIZE];
    bool more = true;
    for (int i = 0; i < READS_MAX && more; i++) {
        size_t said = 0;
        ssize_t got;
        if (seat->talk.sent > 1) {
            said = read_error(seat, piece, sizeof piece);
            got = read_answers(seat);
            hear_answers(seat, got);
            hear_error(seat, piece, said);
        } else {
            got = read_answers(seat);
            said = read_error(seat, piece, sizeof piece);
            hear_error(seat, piece, said);
            for (int j = 1; j < READS_MAX && said == sizeof piece; j++) {
                said = read_error(seat, piece, sizeof piece);
                hear_error(seat, piece, said);
            }
            hear_answers(seat, got);
        }
        more = got == READ_SIZE || said == sizeof piece;
    }
    seat_obey(seat);
}

static void watch_in(struct seat *seat, bool wanted)
{
    if (seat->blocked == wanted || seat->in_fd < 0)
        return;
    struct epoll_event event = {
        .events = EPOLLOUT, .data.u64 = (uint64_t)seat->slot << 2 | FROM_IN};
    if (epoll_ctl(seat->coprocess->epoll,
                  wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, seat->in_fd,
                  &event) == 0)
        seat->blocked = wanted;
}

// A pipe that nobody reads any more is told by the process's end.
void seat_write(struct seat *seat)
{
    struct span unsent = talk_unsent(&seat->talk);
    while (unsent.size > 0 && seat->in_fd >= 0) {
        const ssize_t put = write(seat->in_fd, unsent.at, unsent.size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            break;
        talk_sent(&seat->talk, (size_t)put);
        unsent = talk_unsent(&seat->talk);
    }
    watch_in(seat, unsent.size > 0);
}

// By one read, which takes all there is: between two the process could read.
void seat_unwrite(struct seat *seat)
{
    struct buffer back = {0};
    int left = 0;
    if (seat->back_fd >= 0 && talk_running(&seat->talk) != 0)
        (void)ioctl(seat->back_fd, FIONREAD, &left);
    if (left > 0 && buffer_reserve(&back, (size_t)left)) {
        const ssize_t got = read_some(seat->back_fd, back.at, (size_t)left);
        back.size = got > 0 ? (size_t)got : 0;
    }
    talk_unsend(&seat->talk, buffer_span(&back));
    buffer_free(&back);
    seat_write(seat);
    seat_obey(seat);
}

void seat_obey(struct seat *seat)
{
    switch (talk_take_order(&seat->talk)) {
    case TALK_CLOSE:
        seat_shut(&seat->in_fd);
        seat_shut(&seat->back_fd);
        seat->blocked = false;
        return;
    case TALK_TERM:
        seat_kill(seat, SIGTERM);
        seat_kill(seat, SIGCONT); // a stopped one must see it
        return;
    case TALK_KILL:
        seat_kill(seat, SIGKILL);
        return;
    case TALK_NOTHING:
        return;
    }
}
