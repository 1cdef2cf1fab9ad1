/* exec_inside - what the parts of the commands' executor share
 *
 * exec.c has a command's life, exec_stream.c its descriptors and output.
 */
#ifndef WORKER_EXEC_INSIDE_H
#define WORKER_EXEC_INSIDE_H

#include "worker/exec.h"
#include "worker/live.h"
#include "worker/progress.h"
#include "worker/scratch.h"

#include <sys/resource.h>

enum { EXEC_READ_SIZE = 64 * 1024 };

enum source { FROM_PROCESS, FROM_OUT, FROM_ERR, FROM_PROGRESS };

enum state {
    STATE_FREE,
    STATE_RUNNING,
    STATE_ENDING, // its process is reaped, its group not yet gone
    STATE_DONE,   // waits for exec_next and exec_release
};

struct stream {
    int fd; // -1: closed, or a file
    struct buffer bytes;
    bool cut;
    size_t shown; // bytes given to live
};

struct job {
    enum state state;
    enum fail_class class; // why it was ended by us; CLASS_NONE: it was not
    struct launch_ground ground;
    struct launched launched;
    struct stream out, err;
    struct buffer tag;
    bool talkative; // the command before it in this slot
    int64_t due_ms; // TERM or KILL while running, next look while ending
    int64_t give_up_ms;
    int64_t watch_ms; // its streams are watched from then on; INT64_MAX: are
    bool terminated;  // TERM was sent: the next is KILL
    int status;       // of waitpid
    int64_t start_us, began_us, wall_us;
    struct rusage usage;
    uint64_t memory_max;   // bytes; UINT64_MAX: no limit
    uint64_t kills_before; // memory_kills(), a second old at most
    // A pipe that stays with the slot: one for each command would cost it more.
    int progress_fd, progress_in;
    int64_t progress_ms; // not to be read before; INT64_MAX: is waited for
    struct progress progress;
    uint64_t task; // as it was started
    uint32_t attempt;
    char note[LAUNCH_NOTE_SIZE + SCRATCH_PATH_SIZE];
};

struct exec {
    struct exec_settings settings;
    struct launcher launcher;
    struct scratch *scratch; // or NULL
    uint64_t kills;          // memory_kills() at kills_ms
    int64_t kills_ms;        // of the monotonic clock
    int epoll;
    struct live live_out, live_err;
    uint32_t *done; // ring of ended slots, in order of their end
    uint32_t done_first, done_count;
    struct job job[]; // slot - 1
};

/* -- exec.c -- */

/* Ends a running command; the first reason stands. The next step is due at
 * `due_ms`. */
void exec_end_by_us(struct job *job, enum fail_class class, int signal,
                    int64_t due_ms);

/* -- exec_stream.c -- */

/* Closes it where it is open. */
void exec_shut(int *fd);
/* Nothing where fd is -1. Returns 0 or -errno. */
int exec_watch(struct exec *exec, int fd, uint32_t slot, enum source source);
int exec_watch_streams(struct exec *exec, uint32_t slot);
/* Takes it out of the set, and closes it. */
void exec_unwatch(const struct exec *exec, int *fd);
/* Reads at most `limit` bytes; closes the stream at its end. */
void exec_drain(struct exec *exec, struct job *job, struct stream *stream,
                size_t limit);
/* Of an ended command: reads what is there, and closes the stream. */
void exec_drain_rest(struct exec *exec, struct job *job, struct stream *stream);

/* -- exec_progress.c -- */

/* Opens the slot's pipe; its commands go without it where that fails. */
void exec_open_progress(struct exec *exec, uint32_t slot);
/* Reads what there is. The next is to be waited for at progress_ms. */
void exec_hear_progress(struct job *job, int64_t now_ms);
void exec_await_progress(struct exec *exec, uint32_t slot);
/* Its command has ended: what it said is no one's. */
void exec_end_progress(struct job *job);

#endif
