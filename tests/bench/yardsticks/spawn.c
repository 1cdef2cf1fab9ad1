/* spawn - starts commands in a bare loop, stdout captured
 *
 * usage: spawn COUNT IN_FLIGHT COMMAND [ARGUMENT]...
 *
 * Each gets its number as last argument, as from a runner: true(1) loads the
 * locale when it has one. posix_spawn, a pipe for the output, read to its end,
 * waitpid: no more than a runner must do, nothing is recorded. Prints the
 * seconds for all of them.
 */
#include "yardstick.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IN_FLIGHT_MAX = 256, WORDS_MAX = 16, NUMBER_SIZE = 24 };

struct running {
    pid_t pid;
    int out;
};

// `last` is the command's last argument.
static void start(struct running *running, char **command, char *last,
                  long number)
{
    extern char **environ;
    int ends[2];
    snprintf(last, NUMBER_SIZE, "%ld", number);
    posix_spawn_file_actions_t actions;
    need(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    errno = posix_spawnp(&running->pid, command[0], &actions, NULL, command,
                         environ);
    need(errno == 0, command[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    running->out = ends[0];
}

// Returns true when the command has ended.
static int take(struct running *running)
{
    static char output[65536];
    int status;
    if (read(running->out, output, sizeof output) > 0)
        return 0;
    close(running->out);
    need(waitpid(running->pid, &status, 0) > 0, "waitpid");
    return 1;
}

int main(int argc, char **argv)
{
    char last[NUMBER_SIZE], *command[WORDS_MAX + 2] = {NULL};
    if (argc < 4 || argc - 3 > WORDS_MAX) {
        fprintf(stderr, "usage: spawn COUNT IN_FLIGHT COMMAND...\n");
        return 2;
    }
    for (int i = 3; i < argc; i++)
        command[i - 3] = argv[i];
    command[argc - 3] = last;
    long left = count_of(argv[1], 1);
    long slots = count_of(argv[2], 1);
    slots = slots < left ? slots : left;
    need(slots <= IN_FLIGHT_MAX, "IN_FLIGHT");
    struct running running[IN_FLIGHT_MAX];
    struct pollfd polled[IN_FLIGHT_MAX];
    const int64_t began_ns = now_ns();
    for (long i = 0; i < slots; i++, left--)
        start(&running[i], command, last, left);
    while (slots > 0) {
        for (long i = 0; i < slots; i++)
            polled[i] = (struct pollfd){.fd = running[i].out, .events = POLLIN};
        need(poll(polled, (nfds_t)slots, -1) > 0, "poll");
        for (long i = slots - 1; i >= 0; i--) {
            if (!polled[i].revents || !take(&running[i]))
                continue;
            if (left > 0) {
                start(&running[i], command, last, left);
                left--;
            } else {
                running[i] = running[--slots];
            }
        }
    }
    printf("%.6f\n", (double)(now_ns() - began_ns) / 1e9);
    return 0;
}
