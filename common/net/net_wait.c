#include "common/net/net.h"

#include "common/base/clock.h"
#include "common/net/net_inside.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <zmq.h>

enum { POLL_MAX = 8192 };

/* A socket has a descriptor that becomes readable when something may have
 * changed. The socket itself, which costs two system calls, is asked only then,
 * and after what may have taken the change in: a receipt or a send. */

// What of the wanted can be done now.
static int got_by(struct net_socket *socket, int want)
{
    int events = 0;
    size_t size = sizeof events;
    if (socket->quiet && (want & NET_WRITE) == 0)
        return 0;
    if (zmq_getsockopt(socket->zmq, ZMQ_EVENTS, &events, &size) != 0)
        return 0;
    socket->quiet = (events & ZMQ_POLLIN) == 0;
    return want & ((events & ZMQ_POLLIN ? NET_READ : 0) |
                   (events & ZMQ_POLLOUT ? NET_WRITE : 0));
}

// Returns how many sockets are ready; *news when a monitor had something.
static int look_at_sockets(struct net_poll_item *items, size_t count,
                           bool *news)
{
    int ready = 0;
    for (size_t i = 0; i < count; i++) {
        struct net_socket *socket = items[i].socket;
        if (!socket)
            continue;
        items[i].got = got_by(socket, items[i].want);
        ready += items[i].got != 0;
        if (socket->monitor && net_drain_monitor(socket))
            *news = true;
    }
    return ready;
}

static short events_of(int want)
{
    return (short)((want & NET_READ ? POLLIN : 0) |
                   (want & NET_WRITE ? POLLOUT : 0));
}

static size_t fill(struct pollfd *polled, const struct net_poll_item *items,
                   size_t count)
{
    size_t extra = count;
    for (size_t i = 0; i < count; i++) {
        const struct net_socket *socket = items[i].socket;
        polled[i] = (struct pollfd){.fd = items[i].fd};
        if (socket)
            polled[i].fd = socket->fd;
        polled[i].events = events_of(socket ? NET_READ : items[i].want);
        if (socket && socket->monitor)
            polled[extra++] =
                (struct pollfd){.fd = socket->monitor_fd, .events = POLLIN};
    }
    return extra;
}

// Returns how many descriptors that are no socket's are ready.
static int take_found(struct net_poll_item *items, size_t count,
                      const struct pollfd *polled)
{
    int ready = 0;
    size_t extra = count;
    for (size_t i = 0; i < count; i++) {
        const short found = polled[i].revents;
        struct net_socket *socket = items[i].socket;
        if (!socket) {
            items[i].got = (found & ~POLLOUT ? NET_READ : 0) |
                           (found & POLLOUT ? NET_WRITE : 0);
            ready += items[i].got != 0;
            continue;
        }
        socket->quiet = socket->quiet && found == 0;
        if (socket->monitor && polled[extra++].revents)
            socket->monitor_quiet = false;
    }
    return ready;
}

static int wait_ms(int64_t until_ms)
{
    if (until_ms < 0)
        return -1;
    const int64_t left_ms = until_ms - clock_monotonic_ms();
    return left_ms < 0 ? 0 : left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

static int poll_until(struct net_poll_item *items, size_t count,
                      struct pollfd *polled, int64_t until_ms)
{
    bool news = false;
    int ready = look_at_sockets(items, count, &news);
    for (;;) {
        const int wait = ready > 0 || news ? 0 : wait_ms(until_ms);
        const int found = poll(polled, fill(polled, items, count), wait);
        if (found < 0)
            return errno == EINTR ? 0 : -errno;
        const int others = take_found(items, count, polled);
        if (found > others)
            ready = look_at_sockets(items, count, &news);
        if (ready + others + news > 0 || found == 0 || wait == 0)
            return ready + others + news;
    }
}

int net_poll(struct net_poll_item *items, size_t count, int64_t timeout_ms)
{
    if (count > POLL_MAX)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        items[i].got = 0;
    struct pollfd *polled = calloc(2 * count + 1, sizeof *polled);
    if (!polled)
        return -ENOMEM;
    const int ready =
        poll_until(items, count, polled,
                   timeout_ms < 0 ? -1 : clock_monotonic_ms() + timeout_ms);
    free(polled);
    return ready;
}
