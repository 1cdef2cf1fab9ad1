/* guide - the bare parallel pipeline of the ZeroMQ guide, one message a task
 *
 * usage: guide TASKS BYTES WORKERS
 *
 * A ventilator pushes, workers pull and push on what they got, a sink pulls:
 * a process each, over TCP on the loopback. Nothing is tracked, nothing is
 * stored, and a dead worker's tasks are gone. Prints the seconds from the first
 * send to the last result.
 *
 * What is not needed is left out: no copy is made of a payload (it is sent
 * from constant memory, and a worker sends the message it received), all
 * workers are connected before the first send, and nothing limits the queues.
 */
#include "yardstick.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

enum { ENDPOINT_SIZE = 64, WORKERS_MAX = 64 };

struct shared {
    int64_t first_ns, last_ns;
};

static void *open_socket(void *context, int type)
{
    void *socket = zmq_socket(context, type);
    need(socket != NULL, "zmq_socket");
    const int unlimited = 0;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
    return socket;
}

static void tell_endpoint(void *socket, int to)
{
    char endpoint[ENDPOINT_SIZE] = "";
    size_t size = sizeof endpoint;
    need(zmq_bind(socket, "tcp://127.0.0.1:*") == 0, "zmq_bind");
    need(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0,
         "ZMQ_LAST_ENDPOINT");
    need(write(to, endpoint, sizeof endpoint) == sizeof endpoint, "write");
}

static void await_workers(void *monitor, long workers)
{
    while (workers > 0) {
        char frame[256];
        uint16_t event;
        need(zmq_recv(monitor, frame, sizeof frame, 0) >= 6, "monitor");
        memcpy(&event, frame, sizeof event);
        zmq_recv(monitor, frame, sizeof frame, 0); // the endpoint
        workers -= event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    }
}

static void ventilate(struct shared *shared, long tasks, size_t bytes,
                      long workers, int to)
{
    void *context = zmq_ctx_new();
    void *out = open_socket(context, ZMQ_PUSH);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    uint8_t *payload = calloc(1, bytes);
    need(payload != NULL, "calloc");
    memset(payload, 'x', bytes);
    need(zmq_socket_monitor(out, "inproc://monitor",
                            ZMQ_EVENT_HANDSHAKE_SUCCEEDED) == 0 &&
             zmq_connect(monitor, "inproc://monitor") == 0,
         "zmq_socket_monitor");
    tell_endpoint(out, to);
    await_workers(monitor, workers);
    shared->first_ns = now_ns();
    for (long i = 0; i < tasks; i++)
        need(zmq_send_const(out, payload, bytes, 0) >= 0, "zmq_send");
    pause(); // what is queued is lost with us: the parent ends us
}

static void work(const char *from, const char *to)
{
    void *context = zmq_ctx_new();
    void *in = open_socket(context, ZMQ_PULL);
    void *out = open_socket(context, ZMQ_PUSH);
    zmq_msg_t task;
    need(zmq_connect(out, to) == 0 && zmq_connect(in, from) == 0, "connect");
    zmq_msg_init(&task);
    while (zmq_msg_recv(&task, in, 0) >= 0)
        need(zmq_msg_send(&task, out, 0) >= 0, "zmq_msg_send");
}

static void sink(struct shared *shared, long tasks, int to)
{
    void *context = zmq_ctx_new();
    void *in = open_socket(context, ZMQ_PULL);
    zmq_msg_t result;
    zmq_msg_init(&result);
    tell_endpoint(in, to);
    for (long i = 0; i < tasks; i++)
        need(zmq_msg_recv(&result, in, 0) >= 0, "zmq_msg_recv");
    shared->last_ns = now_ns();
    _exit(0);
}

static pid_t start(void)
{
    const pid_t parent = getpid();
    const pid_t pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
    }
    return pid;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: guide TASKS BYTES WORKERS\n");
        return 2;
    }
    const long tasks = count_of(argv[1], 1);
    const size_t bytes = (size_t)count_of(argv[2], 1);
    const long workers = count_of(argv[3], 1);
    int ends[2][2];
    char from[ENDPOINT_SIZE], to[ENDPOINT_SIZE];
    pid_t process[WORKERS_MAX + 1];
    need(workers <= WORKERS_MAX && pipe(ends[0]) == 0 && pipe(ends[1]) == 0,
         "pipe");
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(shared != MAP_FAILED, "mmap");
    const pid_t sink_process = start();
    if (sink_process == 0)
        sink(shared, tasks, ends[1][1]);
    process[0] = start();
    if (process[0] == 0)
        ventilate(shared, tasks, bytes, workers, ends[0][1]);
    need(read(ends[0][0], from, sizeof from) == sizeof from &&
             read(ends[1][0], to, sizeof to) == sizeof to,
         "read");
    for (long i = 1; i <= workers; i++) {
        process[i] = start();
        if (process[i] == 0)
            work(from, to);
    }
    int status = 0;
    need(waitpid(sink_process, &status, 0) > 0, "waitpid");
    for (long i = 0; i <= workers; i++)
        kill(process[i], SIGKILL);
    for (long i = 0; i <= workers; i++)
        waitpid(process[i], NULL, 0);
    printf("%.6f\n", (double)(shared->last_ns - shared->first_ns) / 1e9);
    return status == 0 ? 0 : 1;
}
