/* net_inside - what net.c and net_wait.c share, and nobody else sees */
#ifndef COMMON_NET_NET_INSIDE_H
#define COMMON_NET_NET_INSIDE_H

#include <stdbool.h>

enum { NET_ENDPOINT_MAX = 1100 };

struct net_socket {
    void *zmq;
    int fd;
    bool quiet;    /* nothing can be received until the descriptor says so */
    void *monitor; /* a PAIR, of a DEALER only */
    int monitor_fd;
    bool monitor_quiet;
    bool reconnected; /* since last asked */
    bool reached;     /* its peer, at any time */
    char endpoint[NET_ENDPOINT_MAX];
};

/* Takes what the socket's monitor has told. Returns whether there was any. */
bool net_drain_monitor(struct net_socket *socket);

#endif
