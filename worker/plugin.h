/* plugin - calls a C function for tasks, in a thread for each slot
 *
 * include/fan.h is the contract with the function. Tasks are handed to a slot
 * on its belt, so many at a time as take some milliseconds; a slot's thread
 * calls the function for one after the other, and their ends are taken from
 * there. The loop's thread and a slot's wake each other only where one waits.
 *
 * All calls are for the loop's thread. Only plugin_stop waits.
 */
#ifndef WORKER_PLUGIN_H
#define WORKER_PLUGIN_H

#include "common/base/problem.h"
#include "worker/exec.h"
#include "worker/slots.h"

#include <stdbool.h>
#include <stdint.h>

/* -- the library -- */

struct plugin_code;

/* Cuts PATH[:FUNCTION] down to the path, and gives the function's name. */
const char *plugin_split(char *path);

/* Loads PATH[:FUNCTION], a path from the current directory; standard output
 * becomes standard error. NULL with a usage problem: there is no such file, it
 * is no library or wants what is not there, it has no such function. It is
 * never unloaded. */
struct plugin_code *plugin_load(const char *text, struct problem *problem);
void plugin_code_free(struct plugin_code **code);

/* -- its threads -- */

struct plugin;

struct plugin_settings {
    const struct plugin_code *code; /* borrowed */
    const char *chdir; /* directory of the tasks; NULL: where we are. Borrowed
                        * till all slots are open */
    uint32_t slots;
    uint64_t seed;       /* of the run */
    int64_t timeout_ms;  /* INT64_MAX: none */
    int64_t grace_ms;    /* from asking a task to stop to giving it up */
    uint64_t output_max; /* bytes of each stream */
    bool truncate;
};

/* Starts the threads, which begin to set up their slots. NULL with a problem.
 * All signals are blocked in them. */
struct plugin *plugin_create(const struct plugin_settings *settings,
                             struct problem *problem);
/* Asks all tasks to stop and waits for the threads, which close their slots,
 * up to `wait_ms`; for one that was told as stuck it does not wait. False: some
 * still run; then nothing they use may be freed,
 * and the process must end by _exit. */
bool plugin_stop(struct plugin *plugin, int64_t wait_ms);
/* After a plugin_stop that returned true. */
void plugin_destroy(struct plugin **plugin);

int plugin_fd(const struct plugin *plugin); /* readable: call plugin_turn */
/* Does what is due by time. */
void plugin_turn(struct plugin *plugin, int64_t now_ms);
/* How long the loop may wait for plugin_fd; -1: without end. To be called just
 * before it waits: from here on threads wake it. */
int64_t plugin_wait_ms(struct plugin *plugin, int64_t now_ms);

/* Are all slots set up? False with a problem where one cannot be. */
bool plugin_is_ready(struct plugin *plugin, struct problem *problem);

/* -- tasks -- */

/* May one more be handed to this slot (from 1), where each is to have no more
 * than `share`? */
bool plugin_has_room(const struct plugin *plugin, uint32_t slot,
                     uint32_t share);
/* Hands a task over; it must stay until it is told as ended or taken back, and
 * but for its links it must not change. */
void plugin_hand(struct plugin *plugin, uint32_t slot,
                 const struct slot_task *task);
/* Makes a slot's thread see what was handed. */
void plugin_give(struct plugin *plugin, uint32_t slot);
/* Takes back all that has not begun, the last handed of a slot first. */
void plugin_take_back(struct plugin *plugin,
                      void (*take)(void *argument,
                                   const struct slot_task *task),
                      void *argument);
/* As plugin_take_back, where something waits behind a long task only. */
void plugin_take_back_stuck(struct plugin *plugin, int64_t now_ms,
                            void (*take)(void *argument,
                                         const struct slot_task *task),
                            void *argument);
/* Asks a task that was handed to stop, if it runs; its end is of class
 * cancelled. */
void plugin_cancel(struct plugin *plugin, const struct slot_task *task,
                   int64_t now_ms);

/* As exec_list_longest. */
void plugin_list_longest(struct plugin *plugin, int64_t least_ms,
                         struct wire_longest *longest);

/* Results of a slot's tasks, as its thread has encoded them. */
struct plugin_pack {
    struct buffer frame; /* a RESULTS, but for its head: see result_add */
    uint32_t count;
    uint64_t busy_us; /* what to add to the totals: the parts of microseconds
                       * come with a later one */
};
/* Gives what has ended, slot for slot: true with a pack, which is the caller's,
 * and after a call of `ended` for each of its tasks, which nobody uses any
 * more; false when that was all. What is in `pack->frame` is dropped, and its
 * memory used for a next pack. A frame that has failed lacks results, for want
 * of memory. */
bool plugin_next(struct plugin *plugin, struct plugin_pack *pack,
                 void (*ended)(void *argument, const struct slot_task *task),
                 void *argument);

/* A task that was given up, but its thread still runs: the slot is lost, and
 * the task's memory still used. */
struct plugin_end {
    const struct slot_task *task;
    struct exec_end end;
    struct span values; /* as wire_command_values gives them */
};
/* Gives each once. To be called when plugin_next has nothing more. */
bool plugin_given_up(struct plugin *plugin, struct plugin_end *end);

#endif
