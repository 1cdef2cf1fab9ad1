/* talk - the talk with one coprocess: what it is told, what its answers mean
 *
 * A pure core: bytes, times and the process's end go in; bytes to write, an
 * order to stop it and the ends of tasks come out. Tasks wait here in order:
 * those that have ended, those that were written and not answered, those that
 * were not written. Only the first that is unanswered is taken for begun.
 *
 *     DOWN -> STARTING -> READY -> STOPPING -> DOWN
 *
 * A process that ends takes its first unanswered task along; the others are
 * simply unwritten again. One that ends before it answered anything is started
 * again with growing pauses, and why is told by the slot's next task.
 *
 * Times are monotonic, in microseconds. Not thread safe.
 */
#ifndef WORKER_TALK_H
#define WORKER_TALK_H

#include "common/base/bytes.h"
#include "common/policy/policy.h"
#include "worker/progress.h"
#include "worker/slots.h"
#include "worker/talk_frame.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TALK_PLACES = 64,         // tasks here at most; a power of two
    TALK_NOTE_SIZE = 320,     // of a sentence on how a task ended
    TALK_TAIL_MAX = 64 << 10, // of what it says while it has no task
};

enum talk_state {
    TALK_DOWN,     // there is no process
    TALK_STARTING, // it has not greeted
    TALK_READY,    // takes tasks
    TALK_STOPPING, // was told to end
};

enum talk_order {
    TALK_CLOSE, // close its standard input
    TALK_TERM,
    TALK_KILL,
    TALK_NOTHING,
};

struct talk_settings {
    enum framing framing; // FRAMING_GREETED: it says
    int64_t timeout_us;   // of a task, and of a start; INT64_MAX: none
    int64_t grace_us;     // from TERM to KILL
    uint64_t output_max;  // bytes of an answer, and of stderr
    bool truncate;        // cuts stderr that is longer; never an answer
    uint64_t seed;        // of the run
    uint64_t tasks_max;   // of one process; UINT64_MAX: any number
};

/* How a process ended. */
struct talk_status {
    int exit, signal; // one of them, or neither
};

struct talk_job {
    const struct slot_task *held;
    size_t size; // of its frame, once written
    int64_t began_us, wall_us;
    enum fail_class class;
    uint8_t exit, signal;
    bool out_cut, err_cut;
    uint64_t user_us, sys_us;
    struct buffer out, err;
    char note[TALK_NOTE_SIZE];
};

/* Why the process is gone, to be told by the next task. */
struct talk_failure {
    bool pending;
    enum fail_class class;
    uint8_t exit, signal;
    char note[TALK_NOTE_SIZE];
};

struct talk {
    const struct talk_settings *settings;
    uint32_t slot;
    enum talk_state state;
    enum framing framing;
    struct talk_job *jobs;             // a ring
    uint32_t first, ended, sent, held; // held counts all of them
    struct buffer in;                  // not yet written to it, from in_done
    size_t in_done;
    struct buffer heard; // from it, and not yet an answer
    size_t seen;         // of that
    struct buffer err;   // what it said since its last answer
    bool err_cut;
    uint32_t quiet;   // answers since it last said something
    uint64_t answers; // of this process
    unsigned misses;  // starts in a row that gave no answer
    bool answered;    // what it was stopped for: see talk_hear.c
    bool greeted;     // this process did
    bool served;      // ... or one before it
    bool recycle;     // takes no more tasks, ends when it has answered
    bool asked;       // TERM was sent
    enum fail_class why;
    char note[TALK_NOTE_SIZE]; // ... it is stopped
    enum talk_order order;
    int64_t due_us;           // a limit while it starts, works or stops
    int64_t start_us;         // not before this is it started again
    int64_t now_us;           // as last told
    uint64_t number;          // counts the tasks that began
    struct progress progress; // of the one that works
    struct talk_failure failure;
};

/* `settings` are borrowed. 0 or -ENOMEM; clear it in either case. */
int talk_init(struct talk *talk, const struct talk_settings *settings,
              uint32_t slot);
void talk_clear(struct talk *talk);

/* -- tasks -- */

/* May one be handed? It is written at once, or soon, or ends with the failure
 * of a start. */
bool talk_has_room(const struct talk *talk, uint32_t depth);
/* It must stay until it is told as ended, or given back. */
void talk_hand(struct talk *talk, const struct slot_task *task);
/* Writes what can be written to talk_unsent. */
void talk_fill(struct talk *talk, int64_t now_us);
/* Gives all back that is not written, the last handed first. */
void talk_give_back(struct talk *talk,
                    void (*take)(void *argument, const struct slot_task *task),
                    void *argument);
/* The first unanswered task: its number, or 0. */
uint64_t talk_running(const struct talk *talk);
const struct slot_task *talk_running_task(const struct talk *talk);
/* Stops the process for it: its end is of class cancelled. What a plugin still
 * returns then is kept. */
void talk_cancel(struct talk *talk, int64_t now_us);
/* An ended one, always the same until it is released; NULL: none. */
const struct talk_job *talk_next(const struct talk *talk);
void talk_release(struct talk *talk);

/* -- the process -- */

bool talk_may_start(const struct talk *talk, int64_t now_us);
void talk_started(struct talk *talk, int64_t now_us);
/* It could not be started. */
void talk_not_started(struct talk *talk, const char *why, int64_t now_us);
/* It has ended, and all it wrote was heard. */
void talk_ended(struct talk *talk, struct talk_status status, int64_t now_us);
/* It has closed its standard output: it is to end. */
void talk_hung_up(struct talk *talk, int64_t now_us);
/* Was the slot's first process gone before it greeted? Of a plugin nothing else
 * is then to be expected of a next one. Why, or NULL. */
const struct talk_failure *talk_refused(const struct talk *talk);
/* It is to end once it has answered; takes no more tasks. */
void talk_recycle(struct talk *talk, int64_t now_us);

/* What is to be written to its standard input; then how much was. */
struct span talk_unsent(const struct talk *talk);
void talk_sent(struct talk *talk, size_t size);
/* Bytes read back from its standard input: the last that were written. What
 * task they make up is unwritten again, a rest is to be written again. Nothing
 * of that for a process that was told to end. */
void talk_unsend(struct talk *talk, struct span back);

/* Room for at least `size` bytes of its standard output, or NULL; then how many
 * came, and what they mean. What it said on stderr before that is to be told
 * first. */
uint8_t *talk_room(struct talk *talk, size_t size);
void talk_came(struct talk *talk, size_t size);
void talk_hear(struct talk *talk, int64_t now_us);
void talk_hear_error(struct talk *talk, struct span text, int64_t now_us);

/* What is due by time; INT64_MAX: nothing. */
void talk_turn(struct talk *talk, int64_t now_us);
int64_t talk_due_us(const struct talk *talk);
/* What to do to the process; each is given once. */
enum talk_order talk_take_order(struct talk *talk);

#endif
