#include "common/net/net.h"

#include "common/net/net_inside.h"

#include <czmq.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
    SOCKETS_MAX = 60000,
    RECONNECT_MS = 1, // at first, as a peer starts with us; doubles
    RECONNECT_MAX_MS = 500,
    RECONNECT_NEAR_MS = 100, // the most on the same host, where it costs 20 us
};
static const int64_t MESSAGE_MAX = INT64_C(64) << 20;

static_assert(sizeof(zmq_msg_t) == sizeof(((struct net_message *)NULL)->opaque),
              "a net_message holds a zmq_msg_t");

int net_start(struct problem *problem)
{
    zsys_handler_set(NULL);
    zsys_set_max_sockets(SOCKETS_MAX);
    if (!zsys_init())
        return problem_set(problem, -ENOMEM, "cannot start ZeroMQ: %s",
                           strerror(errno));
    return 0;
}

void net_stop(void)
{
    zsys_shutdown();
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 ||
           strncmp(host, "localhost:", 10) == 0 ||
           strncmp(host, "[::1]:", 6) == 0;
}

int net_check_endpoint(const char *endpoint, struct problem *problem)
{
    if (strlen(endpoint) >= NET_ENDPOINT_MAX - 64)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the endpoint is too long: %.60s...", endpoint);
    if (strncmp(endpoint, "ipc://", 6) == 0 && endpoint[6] != '\0')
        return 0;
    if (strncmp(endpoint, "tcp://", 6) != 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "'%s' is not an endpoint; write "
                            "ipc:///path or tcp://127.0.0.1:PORT",
                            endpoint);
    if (!is_loopback(endpoint + 6))
        return problem_exit(
            problem, EXIT_USAGE, -EPERM,
            "'%s' is not on this host's loopback; other hosts need "
            "encryption, which this version does not have: use "
            "tcp://127.0.0.1:PORT or ipc:///path",
            endpoint);
    return 0;
}

static int set_int(void *zmq, int option, int value)
{
    return zmq_setsockopt(zmq, option, &value, sizeof value);
}

static int zmq_type(enum net_type type)
{
    switch (type) {
    case NET_ROUTER:
        return ZMQ_ROUTER;
    case NET_DEALER:
        return ZMQ_DEALER;
    case NET_PUSH:
        return ZMQ_PUSH;
    case NET_PULL:
        return ZMQ_PULL;
    }
    return -1;
}

static void configure(void *zmq, enum net_type type,
                      const struct net_options *options)
{
    const int64_t message_max =
        options->message_max ? (int64_t)options->message_max : MESSAGE_MAX;
    zmq_setsockopt(zmq, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max);
    set_int(zmq, ZMQ_LINGER, (int)options->linger_ms);
    set_int(zmq, ZMQ_SNDHWM, options->high_water);
    set_int(zmq, ZMQ_RCVHWM, options->high_water);
    set_int(zmq, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set_int(zmq, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    set_int(zmq, ZMQ_IPV6, 1);
    if (options->heartbeat_ms > 0) {
        set_int(zmq, ZMQ_HEARTBEAT_IVL, (int)options->heartbeat_ms);
        set_int(zmq, ZMQ_HEARTBEAT_TTL, (int)options->heartbeat_ms * 4);
        set_int(zmq, ZMQ_HEARTBEAT_TIMEOUT, (int)options->heartbeat_ms * 4);
    }
    if (type == NET_ROUTER)
        set_int(zmq, ZMQ_ROUTER_MANDATORY, 1);
}

static int fd_of(void *zmq)
{
    int fd = -1;
    size_t size = sizeof fd;
    (void)zmq_getsockopt(zmq, ZMQ_FD, &fd, &size);
    return fd;
}

static void *open_monitor(struct net_socket *socket)
{
    // A name of its own: that of a socket that was closed is taken for a while.
    static atomic_uint count;
    char name[64];
    snprintf(name, sizeof name, "inproc://monitor-%u",
             atomic_fetch_add(&count, 1));
    if (zmq_socket_monitor(socket->zmq, name, ZMQ_EVENT_HANDSHAKE_SUCCEEDED) !=
        0)
        return NULL;
    void *pair = zmq_socket(zsys_init(), ZMQ_PAIR);
    if (pair && zmq_connect(pair, name) != 0) {
        zmq_close(pair);
        return NULL;
    }
    if (pair) {
        set_int(pair, ZMQ_LINGER, 0);
        socket->monitor_fd = fd_of(pair);
    }
    return pair;
}

static struct net_socket *open_socket(enum net_type type,
                                      const struct net_options *options,
                                      struct problem *problem)
{
    struct net_socket *socket = calloc(1, sizeof *socket);
    void *zmq = socket ? zmq_socket(zsys_init(), zmq_type(type)) : NULL;
    if (!zmq) {
        problem_set(problem, -errno,
                    "cannot open a socket: %s; raise the limit on open files "
                    "(ulimit -n) if it is too low",
                    zmq_strerror(errno));
        free(socket);
        return NULL;
    }
    socket->zmq = zmq;
    socket->fd = fd_of(zmq);
    configure(zmq, type, options);
    if (type == NET_DEALER && !(socket->monitor = open_monitor(socket))) {
        problem_set(problem, -errno, "cannot watch a socket: %s",
                    zmq_strerror(errno));
        net_close(&socket);
    }
    return socket;
}

struct net_socket *net_bind(enum net_type type, const char *endpoint,
                            const struct net_options *options,
                            struct problem *problem)
{
    if (net_check_endpoint(endpoint, problem) != 0)
        return NULL;
    struct net_socket *socket = open_socket(type, options, problem);
    if (!socket)
        return NULL;
    // Else ZMQ_LAST_ENDPOINT of 127.0.0.1 is [::ffff:127.0.0.1].
    if (!strchr(endpoint, '['))
        set_int(socket->zmq, ZMQ_IPV6, 0);
    size_t size = sizeof socket->endpoint;
    if (zmq_bind(socket->zmq, endpoint) != 0 ||
        zmq_getsockopt(socket->zmq, ZMQ_LAST_ENDPOINT, socket->endpoint,
                       &size) != 0) {
        problem_set(problem, -errno, "cannot listen at %s: %s", endpoint,
                    zmq_strerror(errno));
        net_close(&socket);
    }
    return socket;
}

struct net_socket *net_connect(enum net_type type, const char *endpoint,
                               const struct net_options *options,
                               struct problem *problem)
{
    if (net_check_endpoint(endpoint, problem) != 0)
        return NULL;
    struct net_socket *socket = open_socket(type, options, problem);
    if (!socket)
        return NULL;
    snprintf(socket->endpoint, sizeof socket->endpoint, "%s", endpoint);
    if (strncmp(endpoint, "ipc://", 6) == 0)
        set_int(socket->zmq, ZMQ_RECONNECT_IVL_MAX, RECONNECT_NEAR_MS);
    if (zmq_connect(socket->zmq, endpoint) != 0) {
        problem_set(problem, -errno, "cannot connect to %s: %s", endpoint,
                    zmq_strerror(errno));
        net_close(&socket);
    }
    return socket;
}

bool net_drain_monitor(struct net_socket *socket)
{
    zmq_msg_t part;
    bool any = false;
    if (socket->monitor_quiet)
        return false;
    zmq_msg_init(&part);
    while (zmq_msg_recv(&part, socket->monitor, ZMQ_DONTWAIT) >= 0) {
        uint16_t event = 0;
        if (zmq_msg_more(&part) && zmq_msg_size(&part) >= sizeof event)
            memcpy(&event, zmq_msg_data(&part), sizeof event);
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            socket->reconnected = socket->reached = true;
        any = true;
    }
    zmq_msg_close(&part);
    socket->monitor_quiet = true;
    return any;
}

void net_close(struct net_socket **socket)
{
    if (!*socket)
        return;
    if ((*socket)->monitor) {
        (*socket)->monitor_quiet = false;
        net_drain_monitor(*socket);
        if (!(*socket)->reached) // nobody is there to take what is queued
            set_int((*socket)->zmq, ZMQ_LINGER, 0);
        zmq_socket_monitor((*socket)->zmq, NULL, 0);
        zmq_close((*socket)->monitor);
    }
    zmq_close((*socket)->zmq);
    free(*socket);
    *socket = NULL;
}

const char *net_endpoint(const struct net_socket *socket)
{
    return socket->endpoint;
}

static int send_error(void)
{
    return errno == EINTR ? -EAGAIN : -errno;
}

int net_send(struct net_socket *socket, const struct net_peer *peer,
             struct span frame)
{
    socket->quiet = false;
    if (peer && zmq_send(socket->zmq, peer->byte, peer->size,
                         ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        return send_error();
    // Once the routing id went in, the second part follows without waiting.
    if (zmq_send(socket->zmq, frame.at, frame.size, ZMQ_DONTWAIT) < 0)
        return send_error();
    return 0;
}

// By whichever of ZeroMQ's threads is done with it.
static void let_go(void *bytes, void *frame)
{
    (void)bytes;
    share_drop(frame);
}

// ZeroMQ does not say that it only reads them.
static void *only_read(struct span bytes)
{
    void *same;
    memcpy(&same, &bytes.at, sizeof same);
    return same;
}

int net_send_share(struct net_socket *socket, struct share *frame)
{
    const struct span bytes = share_span(frame);
    zmq_msg_t message;
    socket->quiet = false;
    if (zmq_msg_init_data(&message, only_read(bytes), bytes.size, let_go,
                          frame) != 0)
        return -errno;
    (void)share_hold(frame);
    if (zmq_msg_send(&message, socket->zmq, ZMQ_DONTWAIT) >= 0)
        return 0;
    const int error = send_error();
    zmq_msg_close(&message);
    return error;
}

static void drop_rest(void *zmq)
{
    int more = 1;
    size_t size = sizeof more;
    while (zmq_getsockopt(zmq, ZMQ_RCVMORE, &more, &size) == 0 && more) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        const int got = zmq_msg_recv(&part, zmq, ZMQ_DONTWAIT);
        zmq_msg_close(&part);
        if (got < 0)
            return;
    }
}

int net_receive(struct net_socket *socket, struct net_message *message)
{
    zmq_msg_t *part = (zmq_msg_t *)(void *)message->opaque;
    int type = 0;
    size_t size = sizeof type;
    message->malformed = false;
    message->peer.size = 0;
    message->frame = (struct span){0};
    zmq_msg_init(part);
    const int got = zmq_msg_recv(part, socket->zmq, ZMQ_DONTWAIT);
    socket->quiet = got < 0 && errno == EAGAIN;
    if (got < 0)
        return -EAGAIN;
    zmq_getsockopt(socket->zmq, ZMQ_TYPE, &type, &size);
    if (type == ZMQ_ROUTER) {
        const size_t id_size = zmq_msg_size(part);
        message->malformed =
            id_size > sizeof message->peer.byte || !zmq_msg_more(part);
        if (message->malformed) {
            drop_rest(socket->zmq);
            return 0;
        }
        message->peer.size = (uint8_t)id_size;
        memcpy(message->peer.byte, zmq_msg_data(part), id_size);
        if (zmq_msg_recv(part, socket->zmq, ZMQ_DONTWAIT) < 0)
            return -EAGAIN;
    }
    if (zmq_msg_more(part)) {
        message->malformed = true;
        drop_rest(socket->zmq);
        return 0;
    }
    message->frame = (struct span){zmq_msg_data(part), zmq_msg_size(part)};
    return 0;
}

void net_release(struct net_message *message)
{
    zmq_msg_close((zmq_msg_t *)(void *)message->opaque);
}

bool net_reconnected(struct net_socket *socket)
{
    net_drain_monitor(socket);
    const bool was = socket->reconnected;
    socket->reconnected = false;
    return was;
}
