/* plugin_inside - what the parts of a plugin's executor share
 *
 * plugin.c is the loop's side, plugin_seat.c a slot's thread, plugin_task.c
 * what the function may call, plugin_result.c the way back from there to the
 * loop, plugin_load.c the library.
 */
#ifndef WORKER_PLUGIN_INSIDE_H
#define WORKER_PLUGIN_INSIDE_H

#include "common/wire/wire.h"
#include "include/fan.h"
#include "worker/belt.h"
#include "worker/plugin.h"
#include "worker/progress.h"

#include <pthread.h>
#include <semaphore.h>

typedef const char *plugin_opener(unsigned slot, void **state);
typedef void plugin_closer(unsigned slot, void *state);

struct plugin_code {
    fan_function *run;
    plugin_opener *open; // or NULL
    plugin_closer *close;
};

/* What a task writes to one stream. */
struct plugin_stream {
    struct buffer bytes;
    bool cut;
};

/* A task at a seat: a place on its belt. Written by the loop. */
struct plugin_job {
    const struct slot_task *held;
    enum fail_class class; // why it was asked to stop, before it is
};

struct plugin_text {
    size_t at, size;  // in `texts`
    struct span name; // of a value; borrowed from the payload
};

/* What fan.h calls a task. One for each seat, for one task after the other. */
struct fan_task {
    struct plugin_seat *seat;
    const struct slot_task *held;
    uint64_t number; // counts this seat's tasks, from 1
    struct wire_command command;
    struct span values; // encoded
    struct plugin_stream out, err;
    bool malformed, no_memory;
    int code;
    int64_t start_ns, wall_ns; // monotonic
    uint64_t user_us, sys_us;
    bool has_payload, has_texts;
    struct span lent;      // of the task held: the payload, if it stands there
    struct buffer payload; // else
    struct buffer texts;   // each with a NUL behind
    struct plugin_text *text;
    size_t text_count, text_capacity;
    size_t first_argument, argument_count, first_value, value_count;
};

enum seat_state {
    SEAT_OPENING,
    SEAT_OPEN,
    SEAT_FAILED, // its slot could not be set up
    SEAT_GONE,   // its thread has left
};

/* Results that wait for the loop. */
struct plugin_made {
    struct plugin_made *next;
    struct buffer frame;
    uint32_t count;
    uint64_t wall_ns;
};

/* A slot and its thread. */
struct plugin_seat {
    struct plugin *plugin;
    uint32_t slot;
    struct belt belt;
    struct plugin_job *jobs; // by place
    // The thread's.
    struct fan_task task;
    void *state;
    int64_t clock_ns;    // now, as last read; 0: too long ago
    int64_t told_ns;     // when it woke the loop
    bool measured;       // of this task CPU times are taken
    const char *failure; // of fan_slot_open
    // Shared, under the lock: what has ended on the belt has its result here.
    pthread_mutex_t lock;
    struct plugin_made made;  // the last, which grows
    struct plugin_made *full; // those before it, in order
    size_t usual;             // bytes of one, about
    struct progress progress; // ... what its task last said
    uint64_t progress_of;     // ... of which number
    // In a process of its own (isolated.h): tells it there.
    void (*say)(struct fan_task *task, double part, struct span text);
    int say_fd;
    int64_t said_ns;
    // Shared.
    _Atomic int open; // enum seat_state
    atomic_bool asleep;
    sem_t wake;
    _Atomic int64_t began_ns;
    _Atomic uint64_t running; // its number; 0: none
    _Atomic uint64_t stop;    // the number of the one that is to stop
    // The loop's.
    pthread_t thread;
    bool started;
    bool stuck, told;      // its task was given up; that has been told
    uint64_t watched;      // the number that was last looked at
    bool asked;            // ... and was asked to stop
    struct progress shown; // a copy of `progress`
    uint64_t looked_at;    // the number that ran at the last look
    uint64_t slow;  // the one that ran at two: nothing is to wait behind it
    int64_t due_ms; // ... and will be, or will be given up
};

struct plugin {
    struct plugin_settings settings;
    uint32_t places;             // of each belt
    int fd;                      // eventfd: something has ended
    atomic_bool armed;           // the loop waits: wake it
    atomic_bool over;            // all threads are to leave
    _Atomic int64_t utc_less_us; // UTC less the monotonic clock
    // The loop's.
    double mean_ns;            // of a task, lately; 0: unknown
    uint64_t busy_ns;          // not yet in whole microseconds
    int64_t looked_ms;         // for what waits behind a long task
    uint32_t at;               // seat of plugin_next
    uint32_t stuck;            // seats to be told as such
    bool settled;              // no slot was opening when last asked
    bool watches;              // a task was cancelled: look at them by time
    struct plugin_seat seat[]; // slot - 1
};

/* -- plugin_seat.c -- */

/* A thread's whole life; `argument` is its seat. */
void *plugin_serve(void *argument);
/* Wakes the loop if it waits. */
void plugin_tell(struct plugin *plugin);
int64_t plugin_clock_ns(void);

/* -- plugin_task.c -- */

/* Makes the seat's task ready. False: its payload is malformed. */
bool plugin_task_begin(struct fan_task *task, const struct slot_task *held);
void plugin_task_clear(struct fan_task *task);

/* -- plugin_result.c -- */

/* The thread's: its task, at that place, has ended. */
void plugin_put_result(struct plugin_seat *seat, uint32_t place);
/* What a function's return value is in the record. */
uint8_t plugin_exit_code(int code);
void plugin_clear_results(struct plugin_seat *seat);

#endif
