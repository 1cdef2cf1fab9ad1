/* net - the only user of ZeroMQ: sockets, endpoints, polling
 *
 * One context for the process (czmq's own, so that CURVE will cover every
 * socket). Payloads are single frames; on a ROUTER they come with the peer's
 * routing id. Nothing here blocks but net_poll. Linger is 0 unless said;
 * high-water marks are unlimited where credit or a budget bounds what is under
 * way. Not thread safe: one thread per process uses it.
 */
#ifndef COMMON_NET_NET_H
#define COMMON_NET_NET_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/base/share.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_socket;

/* Before the first socket. Returns 0 or -errno with a problem. */
int net_start(struct problem *problem);
/* After the last socket was closed; waits at most for their linger. */
void net_stop(void);

enum net_type { NET_ROUTER, NET_DEALER, NET_PUSH, NET_PULL };

struct net_options {
    uint64_t message_max; /* larger frames cut the connection; 0: 64 MiB */
    int64_t linger_ms; /* how long close waits to send what is queued; a DEALER
                          that has not reached its peer does not wait */
    int64_t heartbeat_ms; /* ZMTP heartbeats; 0 none */
    int high_water;       /* messages; 0 unlimited */
};
/* bind: `endpoint` may end in ":*" for any free TCP port. The bound endpoint
 * is net_endpoint. NULL with a problem that says what to do. */
struct net_socket *net_bind(enum net_type type, const char *endpoint,
                            const struct net_options *options,
                            struct problem *problem);
struct net_socket *net_connect(enum net_type type, const char *endpoint,
                               const struct net_options *options,
                               struct problem *problem);
void net_close(struct net_socket **socket);
const char *net_endpoint(const struct net_socket *socket);

/* Off-loopback TCP is refused until it can be encrypted. Returns 0, or
 * -EINVAL, -EPERM with a usage problem that says so. */
int net_check_endpoint(const char *endpoint, struct problem *problem);

/* A routing id as ROUTER gives it, up to 255 bytes; 5 in practice. */
struct net_peer {
    uint8_t size;
    uint8_t byte[32];
};

/* Sends one frame (copied). `peer` only on a ROUTER, else NULL.
 * Returns 0, -EAGAIN (no room or nobody there yet), -EHOSTUNREACH (peer gone).
 */
int net_send(struct net_socket *socket, const struct net_peer *peer,
             struct span frame);

/* As net_send, to other sockets than a ROUTER, and without a copy: ZeroMQ holds
 * the frame, too, until it has gone out. Also -ENOMEM. */
int net_send_share(struct net_socket *socket, struct share *frame);

/* A received frame; `frame` borrows from it until net_release. */
struct net_message {
    struct net_peer peer;
    struct span frame;
    bool malformed; /* more than one frame, or no payload: count and drop */
    _Alignas(8) unsigned char opaque[64];
};
/* Returns 0, or -EAGAIN when there is none. Release each, also malformed. */
int net_receive(struct net_socket *socket, struct net_message *message);
void net_release(struct net_message *message);

/* Takes the messages of a connection monitor: true when the socket has
 * (re)connected to its peer since last asked. For NET_DEALER sockets. */
bool net_reconnected(struct net_socket *socket);

enum { NET_READ = 1, NET_WRITE = 2 };
struct net_poll_item {
    struct net_socket *socket; /* or NULL and: */
    int fd;
    int want; /* NET_READ | NET_WRITE */
    int got;
};
/* Waits up to timeout_ms (-1: for ever) for any item. Returns the number that
 * are ready, 0 on timeout or a signal, or -errno. A new connection of a DEALER
 * wakes it once, whether net_reconnected is asked or not. */
int net_poll(struct net_poll_item *items, size_t count, int64_t timeout_ms);

#endif
