/* start - a process that begins a program, which its parent does not wait for
 *
 * posix_spawn keeps its caller waiting until the program has begun: half of
 * what a short command takes. Here the child goes on by itself in the parent's
 * memory, on a stack of its own, and the parent can take the end of another
 * command meanwhile. So what it reads has to stay until it has left that
 * memory, and why it could not begin is only known when it has ended.
 */
#ifndef WORKER_START_H
#define WORKER_START_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct start {
    /* To be set, and left alone until start_is_under_way says no. */
    char *const *paths; /* the program's file: tried in turn as execvp() does */
    char *const *argv, *const *environment;
    const char *chdir;     /* or NULL */
    int fd[4];             /* become 0 to 3; each is above 3 */
    uint64_t reset;        /* start_signals() */
    uint64_t memory_max;   /* bytes of address space; UINT64_MAX: as ours */
    int nice;              /* added to ours; 0: nothing */
    const cpu_set_t *cpus; /* to run on, of CPU_SETSIZE; NULL: as we do */
    struct rlimit memory;  /* made of memory_max */
    /* The child's. */
    void *stack; /* made for the first, and kept for the next */
    volatile int under_way, failed; /* not atomic: see start.c */
    volatile bool entered;
};

/* {0} at first. To be closed when no child is under way. */
void start_close(struct start *start);

/* The signals that have other than their default effect here: bit N - 1 stands
 * for N. They get it in the child. */
uint64_t start_signals(void);

/* Starts a child in a process group of its own, with no signal blocked and no
 * descriptor but 0 to 3. Returns its id, and *pidfd is readable when it has
 * ended; or -errno. The descriptors may be closed at once. */
pid_t start_process(struct start *start, int *pidfd);
/* Does the child still read what was set? Soon it does not. */
bool start_is_under_way(const struct start *start);
/* Of a process that has ended: 0 where the program began, or -errno; then
 * *entered tells whether it came as far as into its directory. */
int start_failure(const struct start *start, bool *entered);

#endif
