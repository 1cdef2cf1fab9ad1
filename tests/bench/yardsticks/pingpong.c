/* pingpong - one message there and back, PUSH to PULL, again and again
 *
 * usage: pingpong ROUNDS BYTES ENDPOINT ENDPOINT
 *
 * Two processes, a socket each way: as many hops as a task and its result
 * take. Prints p50 and p99 of a round trip in microseconds.
 */
#include "yardstick.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

static void answer(const char *in_endpoint, const char *out_endpoint)
{
    void *context = zmq_ctx_new();
    void *in = zmq_socket(context, ZMQ_PULL);
    void *out = zmq_socket(context, ZMQ_PUSH);
    zmq_msg_t message;
    need(zmq_connect(in, in_endpoint) == 0 &&
             zmq_connect(out, out_endpoint) == 0,
         "zmq_connect");
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, in, 0) >= 0)
        need(zmq_msg_send(&message, out, 0) >= 0, "zmq_msg_send");
}

static void bound(void *socket, const char *where, char endpoint[256])
{
    size_t size = 256;
    need(zmq_bind(socket, where) == 0 &&
             zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0,
         where);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: pingpong ROUNDS BYTES ENDPOINT ENDPOINT\n");
        return 2;
    }
    enum { WARM = 200 };
    const long rounds = count_of(argv[1], 1);
    const size_t bytes = (size_t)count_of(argv[2], 1);
    int64_t *ns = calloc((size_t)rounds, sizeof *ns);
    uint8_t *payload = calloc(1, bytes);
    int ends[2];
    char endpoint[2][256];
    need(ns && payload && pipe(ends) == 0, "pipe");
    // No thread of ZeroMQ's may be there when the process forks.
    const pid_t other = fork();
    need(other >= 0, "fork");
    if (other == 0) {
        if (read(ends[0], endpoint, sizeof endpoint) == sizeof endpoint)
            answer(endpoint[0], endpoint[1]);
        _exit(1);
    }
    void *context = zmq_ctx_new();
    void *out = zmq_socket(context, ZMQ_PUSH);
    void *in = zmq_socket(context, ZMQ_PULL);
    memset(endpoint, 0, sizeof endpoint);
    bound(out, argv[3], endpoint[0]);
    bound(in, argv[4], endpoint[1]);
    need(write(ends[1], endpoint, sizeof endpoint) == sizeof endpoint, "write");
    for (long i = -WARM; i < rounds; i++) {
        const int64_t began_ns = now_ns();
        need(zmq_send(out, payload, bytes, 0) >= 0 &&
                 zmq_recv(in, payload, bytes, 0) >= 0,
             "round");
        if (i >= 0)
            ns[i] = now_ns() - began_ns;
    }
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    print_percentiles(ns, (size_t)rounds);
    return 0;
}
