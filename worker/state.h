/* state - what the parts of the worker's role share; see worker.h
 *
 * worker.c is the loop, hear.c takes messages, tell.c makes them, carry.c
 * brings tasks to what executes them.
 */
#ifndef WORKER_STATE_H
#define WORKER_STATE_H

#include "common/base/bytes.h"
#include "common/base/process.h"
#include "common/net/net.h"
#include "common/setting/setting.h"
#include "common/wire/wire.h"
#include "worker/coprocess.h"
#include "worker/exec.h"
#include "worker/guard.h"
#include "worker/isolate.h"
#include "worker/plugin.h"
#include "worker/result.h"
#include "worker/retain.h"
#include "worker/slots.h"
#include "worker/stock.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { HELLO_AGAIN_MS = 50 }; // at first

enum phase {
    PHASE_GREETING, // HELLO is said, and said again, until its WELCOME
    PHASE_WORKING,  // has a lane
    PHASE_LEAVING,  // leave as soon as the loop comes round
};

enum drain {
    DRAIN_NO,
    DRAIN_RUNNING, // until grace_until_ms for what runs
    DRAIN_STORING, // until store_until_ms for results to be stored
};

struct worker {
    struct settings *settings;
    enum phase phase;
    enum drain drain;
    int exit_code;
    int signal;          // the first that asked us to go; 0 none
    unsigned signals[2]; // so far: sent to us; handed on by the shepherd
    uint8_t end_reason;
    pid_t parent;
    int signal_fd;
    struct id128 incarnation, run, sink;
    struct id128 ventilator; // whose the lane is
    char run_text[ID128_TEXT_SIZE];
    uint32_t generation;
    uint8_t version;        // of the protocol, as agreed; 0: not yet
    struct process process; // this one
    char host[256];
    struct slots *slots;
    struct stock stock;
    struct texts gpus; // of each slot, where tasks take any
    struct retain *retain;
    // From the first WELCOME on one of them, by what the run says.
    struct exec *exec;
    struct coprocess *coprocess;
    struct plugin *plugin;
    struct plugin_code *code; // of the plugin, or of --plugin before that
    struct isolate *isolate;  // the same, with --isolate
    char *own_plugin;         // as this worker was given --plugin
    bool open;                // the plugin's slots are set up
    bool stuck; // a thread does not end: nothing it may use is freed
    struct net_socket *control, *lane, *results;
    char *lane_endpoint, *results_endpoint;
    uint64_t next_push;   // lowest result number not pushed on this connection
    uint64_t message_max; // of a RESULTS frame
    struct buffer frame;  // the message being made
    struct buffer batch;  // the RESULTS frame being made
    size_t batch_usual;   // about the size of the one before
    uint32_t batch_count;
    struct buffer scratch; // inflated bodies
    struct buffer tag;
    uint32_t heartbeat_ms, liveness_ms;
    bool changed; // since the last REPORT
    bool keeps;   // the memory it frees, as some of its messages are large
    uint64_t duplicates;
    int64_t told_ms;     // when the last REPORT was sent
    int64_t progress_ms; // and the last PROGRESS
    bool progress_told;  // with something in it
    int64_t hello_ms;
    int64_t hello_apart_ms; // until it is said again; doubles
    int64_t heard_ms;       // of the ventilator
    int64_t next_start_ms;  // with --delay: no task starts before
    struct guard guard;     // of the host
    int64_t grace_until_ms, store_until_ms;
    struct problem problem; // why we end, where it is a failure
};

/* -- tell.c -- */

struct wire_header worker_header(const struct worker *worker);
void worker_send_control(struct worker *worker); /* sends and clears `frame` */
void worker_hello(struct worker *worker, int64_t now_ms);
/* A new lane: forgets the old one and says HELLO. */
void worker_greet_again(struct worker *worker, int64_t now_ms);
void worker_report(struct worker *worker, int64_t now_ms);
/* Says what runs long, at most once a heartbeat, where something does. */
void worker_tell_progress(struct worker *worker, int64_t now_ms);
/* Gives back up to `count` unstarted tasks. */
void worker_return(struct worker *worker, uint32_t count);
void worker_bye(struct worker *worker);
/* Puts the result of an ended task, and its values as they were encoded, into
 * the batch. 0 or -ENOMEM. */
int worker_add_result(struct worker *worker, const struct slot_task *task,
                      struct span values, const struct exec_end *end);
/* The same of `count` results behind WIRE_RESULTS_HEAD bytes in `frame`, which
 * is taken over where it can be. */
int worker_add_results(struct worker *worker, struct buffer *frame,
                       uint32_t count);
/* Closes the batch if asked to, and keeps it; pushes all that is closed and not
 * pushed yet. 0 or -ENOMEM. */
int worker_flush(struct worker *worker, bool close);

/* -- hear.c -- */

void worker_hear_control(struct worker *worker, int64_t now_ms);
void worker_hear_lane(struct worker *worker);

/* -- worker.c -- */

/* Starts nothing more; leaves when what runs has ended, or the grace time. */
void worker_drain(struct worker *worker, int64_t now_ms);

/* -- carry.c -- */

/* Makes what executes the tasks of this run: true when it is there. Else the
 * worker leaves. */
bool worker_prepare(struct worker *worker);
bool worker_is_prepared(const struct worker *worker);
/* The resources of its tasks, for their environment. */
struct amounts worker_amounts(const struct worker *worker);
/* Takes what has ended, starts what can. 0 or -ENOMEM. */
int worker_execute(struct worker *worker, int64_t now_ms);
/* Makes tasks that have been handed on, but not begun, unstarted again. */
void worker_take_back(struct worker *worker);
/* Asks a running task to end. */
void worker_stop_task(struct worker *worker, const struct slot_task *task,
                      int64_t now_ms);
/* May a task start: is there room for its result, and is its time come? */
bool worker_may_start(struct worker *worker, int64_t now_ms);
/* Is it the host that has no room for the tasks that wait here? */
bool worker_is_held_back(const struct worker *worker);
void worker_put_off_next(struct worker *worker); /* with --delay */
/* How many tasks a slot of a plugin or coprocess may have at once: they are
 * dealt to all slots alike, so that none waits while another idles. */
uint32_t worker_share(const struct worker *worker);
/* What runs for so long, or longer; texts are borrowed until the next turn. */
void worker_list_longest(const struct worker *worker, int64_t least_ms,
                         struct wire_longest *longest);
int worker_execute_fd(const struct worker *worker);
/* As exec_wait_ms; just before the loop waits. */
int64_t worker_execute_wait_ms(struct worker *worker, int64_t now_ms);
/* Ends all that runs, and does not tell of it. */
void worker_kill(struct worker *worker);

/* -- carry_coprocess.c: the same for coprocesses -- */

int worker_prepare_coprocess(struct worker *worker, const char *directory,
                             uint64_t output_max);
/* With --isolate: sees whether the plugin can be loaded. 0 or the problem's
 * code. */
int worker_isolate(struct worker *worker, const char *plugin,
                   struct problem *problem);
int worker_execute_coprocess(struct worker *worker, int64_t now_ms);
void worker_take_back_coprocess(struct worker *worker);
void worker_kill_coprocess(struct worker *worker);

/* Leaves with a failure. */
void worker_fail(struct worker *worker, enum exit_code exit, const char *text);

#endif
