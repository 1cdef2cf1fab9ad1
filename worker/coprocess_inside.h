/* coprocess_inside - what the parts of the coprocess's executor share
 *
 * coprocess.c has the tasks and the times, coprocess_pipes.c reads and writes,
 * coprocess_start.c starts a process and sees it off.
 */
#ifndef WORKER_COPROCESS_INSIDE_H
#define WORKER_COPROCESS_INSIDE_H

#include "worker/coprocess.h"
#include "worker/talk.h"

#include <sys/types.h>

enum coprocess_source { FROM_PROCESS, FROM_OUT, FROM_ERR, FROM_IN };

/* A slot, its talk and its process. */
struct seat {
    struct coprocess *coprocess;
    uint32_t slot;
    struct talk talk;
    pid_t pid; // 0: none
    int pidfd;
    int in_fd;   // what it reads
    int back_fd; // ... to be read by us, where it has not; -1: cannot be
    int out_fd, err_fd;
    bool blocked;      // in_fd is watched: the pipe is full
    bool ending;       // reaped, but its group is not gone
    int64_t ending_ms; // since when
    int64_t started_ms;
    bool warned;        // that it does not greet
    uint64_t looked_at; // the task that was at work at the last look
    uint64_t slow;      // the one that was at two: nothing waits behind it
    int64_t weighed_ms; // when its memory was last looked at
};

struct coprocess {
    struct coprocess_settings settings;
    struct talk_settings talk;
    struct launcher launcher;
    char *line; // for /bin/sh -c
    int epoll;
    double mean_us;      // of a task, lately; 0: unknown
    int64_t utc_less_us; // UTC less the monotonic clock
    int64_t looked_ms;
    uint32_t at;        // seat of coprocess_next
    uint32_t wanted;    // tasks wait for a process
    struct seat seat[]; // slot - 1
};

/* -- coprocess_pipes.c -- */

/* Reads what it says on either stream, and what that means. */
void seat_hear(struct seat *seat);
/* Writes what can be written; watches the pipe where that is not all. */
void seat_write(struct seat *seat);
/* Reads back what it has not read. */
void seat_unwrite(struct seat *seat);
/* Does to the process what the talk wants done. */
void seat_obey(struct seat *seat);
void seat_shut(int *fd);

/* -- coprocess_start.c -- */

/* What /bin/sh is told to do for this command. NULL: out of memory. */
char *coprocess_line(const char *command);
/* Starts its process; where that fails the talk is told. */
void seat_start(struct seat *seat);
/* Its process has ended: hears the rest, kills its group, reaps it. */
void seat_reap(struct seat *seat, int64_t now_ms);
/* Is its group gone, so that another may be started? */
void seat_see_off(struct seat *seat, int64_t now_ms);
/* Resident memory of its process; 0: cannot be known. */
uint64_t seat_resident(const struct seat *seat);
void seat_kill(const struct seat *seat, int signal);

#endif
