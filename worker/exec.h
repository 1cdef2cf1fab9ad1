/* exec - runs commands: starts, captures, times out, kills, reaps
 *
 * One command per slot. Output comes through pipes into buffers with a limit;
 * every descriptor of every command is behind one epoll descriptor, for the
 * caller's loop to wait on. A command has ended when its own process has: its
 * process group is then killed, and the slot is done once that group is gone.
 * What called setsid falls to the shepherd.
 *
 * Blocks only where live output is far behind. Not thread safe.
 */
#ifndef WORKER_EXEC_H
#define WORKER_EXEC_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/policy/policy.h"
#include "worker/launch.h"

#include <stdbool.h>
#include <stdint.h>

struct exec;

/* Whose folders ($FAN_DIR) stay when they have ended. */
enum keep_dirs { KEEP_FAILED, KEEP_ALL, KEEP_NONE };

struct exec_settings {
    struct launch_settings launch; /* texts are borrowed */
    uint32_t slots;
    int64_t timeout_ms;  /* INT64_MAX: none */
    int64_t grace_ms;    /* between TERM and KILL */
    uint64_t output_max; /* bytes of each stream; UINT64_MAX: unlimited */
    bool truncate;       /* cut and flag what is longer, instead of failing */
    bool line_buffer;    /* also live, on our own stdout and stderr */
    bool scratch;        /* a folder for each task: see scratch.h */
    enum keep_dirs keep_dirs;
};

/* NULL with a problem. */
struct exec *exec_create(const struct exec_settings *settings,
                         struct problem *problem);
/* Kills every process group still there, and waits for none that has begun its
 * program. */
void exec_destroy(struct exec **exec);
int exec_fd(const struct exec *exec); /* readable: call exec_turn */

/* Starts a command in its slot, which must be free. It always has an end in
 * exec_next: class spawn where it could not start. `tag` goes before live
 * lines and is copied. */
void exec_start(struct exec *exec, const struct launch_task *task,
                struct span tag, int64_t now_ms);

/* Is so much of earlier tasks still to be removed that none should start? */
bool exec_is_behind(const struct exec *exec);

/* Reads what there is and does what is due. */
void exec_turn(struct exec *exec, int64_t now_ms);
/* Milliseconds until exec_turn has something to do by time; -1: nothing. */
int64_t exec_wait_ms(const struct exec *exec, int64_t now_ms);

/* TERM, after the grace time KILL; the end is of class cancelled. */
void exec_cancel(struct exec *exec, uint32_t slot, int64_t now_ms);
/* KILL to all, of class cancelled. */
void exec_kill_all(struct exec *exec);

/* Adds what runs for so long, or longer; texts are borrowed until the next
 * turn. */
void exec_list_longest(const struct exec *exec, int64_t least_ms,
                       struct wire_longest *longest);

struct exec_end {
    uint32_t slot;
    enum fail_class class;
    uint8_t exit, signal;
    bool out_cut, err_cut;
    int64_t start_us; /* UTC */
    uint64_t wall_us, user_us, sys_us, maxrss_bytes;
    struct span out, err, note; /* borrowed until exec_release */
};
/* Gives an ended command, until it is released always the same one. */
bool exec_next(struct exec *exec, struct exec_end *end);
/* Frees the slot and the spans of the end. */
void exec_release(struct exec *exec, uint32_t slot);

#endif
