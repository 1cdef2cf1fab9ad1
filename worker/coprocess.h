/* coprocess - tasks by one warm process per slot, which is asked over its pipes
 *
 * docs/coprocess.md says what both write; talk.h decides what it means. A
 * slot's process is started when there is work for it, and again when it has
 * ended. Where tasks are short, some are written ahead, as many as take a
 * millisecond; what is still in the pipe when one takes long is read back.
 *
 * All descriptors are behind one epoll descriptor, for the caller's loop to
 * wait on. Blocks only in starting a process and in coprocess_stop. Not thread
 * safe.
 */
#ifndef WORKER_COPROCESS_H
#define WORKER_COPROCESS_H

#include "common/base/problem.h"
#include "worker/exec.h"
#include "worker/slots.h"
#include "worker/talk.h"

#include <stdbool.h>
#include <stdint.h>

struct coprocess;

struct coprocess_settings {
    const char *command;           /* for /bin/sh -c; borrowed, as all texts */
    char *const *argv;             /* or a program's path and arguments */
    struct launch_settings launch; /* run, dir, chdir */
    uint32_t slots;
    enum framing framing;
    uint64_t seed;         /* of the run */
    int64_t timeout_ms;    /* INT64_MAX: none */
    int64_t grace_ms;      /* between TERM and KILL */
    uint64_t output_max;   /* bytes of each stream */
    bool truncate;         /* stderr */
    uint64_t tasks_max;    /* of a process; UINT64_MAX: any number */
    uint64_t resident_max; /* bytes of a process; UINT64_MAX: any number */
};

/* NULL with a problem. */
struct coprocess *coprocess_create(const struct coprocess_settings *settings,
                                   struct problem *problem);
/* Closes the standard input of all, kills what works, and waits up to
 * `wait_ms` for their ends. No task is told as ended after that. */
void coprocess_stop(struct coprocess *coprocess, int64_t wait_ms);
/* Kills what is still there. */
void coprocess_destroy(struct coprocess **coprocess);

int coprocess_fd(const struct coprocess *coprocess); /* readable: turn */
/* Reads what there is and does what is due. */
void coprocess_turn(struct coprocess *coprocess, int64_t now_ms);
/* Milliseconds until there is something to do by time; -1: nothing. */
int64_t coprocess_wait_ms(const struct coprocess *coprocess, int64_t now_ms);

/* Starts processes for so many tasks that wait, where there are none. */
void coprocess_want(struct coprocess *coprocess, uint32_t count);
/* May one more be handed to this slot (from 1), where each is to have no more
 * than `share`? */
bool coprocess_has_room(const struct coprocess *coprocess, uint32_t slot,
                        uint32_t share);
/* Hands a task over; it must stay until it is told as ended or given back. */
void coprocess_hand(struct coprocess *coprocess, uint32_t slot,
                    const struct slot_task *task);
/* Writes what was handed. */
void coprocess_give(struct coprocess *coprocess, uint32_t slot);
typedef void coprocess_taker(void *argument, const struct slot_task *task);
/* Gives back all that has surely not begun, the last handed of a slot first. */
void coprocess_take_back(struct coprocess *coprocess, coprocess_taker *take,
                         void *argument);
/* The same, where something waits for a process or behind a long task only. */
void coprocess_take_back_waiting(struct coprocess *coprocess, int64_t now_ms,
                                 coprocess_taker *take, void *argument);
/* Stops the process that does this task, if one does; its end is of class
 * cancelled. */
void coprocess_cancel(struct coprocess *coprocess,
                      const struct slot_task *task);

/* Of a plugin: have all slots been set up once? False with a problem where one
 * cannot be. Else true. */
bool coprocess_is_ready(const struct coprocess *coprocess,
                        struct problem *problem);

/* As exec_list_longest: those that have begun. */
void coprocess_list_longest(const struct coprocess *coprocess, int64_t least_ms,
                            struct wire_longest *longest);

struct coprocess_end {
    const struct slot_task *task;
    struct exec_end end; /* borrowed until coprocess_release */
};
/* Gives an ended task, until it is released always the same one. */
bool coprocess_next(struct coprocess *coprocess, struct coprocess_end *end);
void coprocess_release(struct coprocess *coprocess);

#endif
