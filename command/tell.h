/* tell - a person's word to the ventilator of a run that goes on
 *
 * It is said by ASK, as an operator: by who may use the run's endpoint, and
 * never by a worker. The ventilator has it stored by the sink; who tells waits
 * for that.
 */
#ifndef COMMAND_TELL_H
#define COMMAND_TELL_H

#include "command/ask.h"
#include "command/rundir.h"
#include "common/base/bytes.h"
#include "common/base/problem.h"

#include <stdbool.h>
#include <stdint.h>

enum { TELL_USER_SIZE = 64 };

struct tell {
    const char *dir;
    const char *verb; // that the person typed: "pause"
    /* Puts the next question, as JSON, into a buffer that is empty; false:
     * there is none. */
    bool (*next)(void *with, struct buffer *question);
    /* Does this status say that it is done? NULL: once it was answered. */
    bool (*done)(void *with, const struct ask_status *status);
    void *with;
    bool waits; // as long as it takes; else some time
    bool
        steady; // -ESTALE when another ventilator follows the one that heard it
};

/* Returns 0, -EAGAIN: nobody is at work on the run any more, or another
 * problem. `json`, if given, takes the last answer. */
int tell_live(const struct tell *tell, struct buffer *json,
              struct problem *problem);

/* Begins a question, an object whose end is missing: who says so and when, and
 * an id, by which one that is sent again is known. */
void tell_begin(struct buffer *question, const char *ask, const char *user,
                int64_t time_us, const char *note);
void tell_put_user(char user[TELL_USER_SIZE]); /* who this process runs as */
int64_t tell_now_us(void);
/* The run which somebody is at work on, of a directory that rundir_find gave:
 * of one with stages, its stage. Returns 0, or -EAGAIN with a problem. */
int tell_find(const struct settings *settings, char dir[RUNDIR_PATH_SIZE],
              struct problem *problem);

#endif
