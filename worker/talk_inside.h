/* talk_inside - what the parts of the talk share
 *
 * talk.c has the tasks and the process, talk_hear.c what it says.
 */
#ifndef WORKER_TALK_INSIDE_H
#define WORKER_TALK_INSIDE_H

#include "worker/talk.h"

enum { FAILED_EXIT = 1 }; // exit code of a failure that has none

/* The first task that has not ended. */
struct talk_job *talk_current(const struct talk *talk);
/* The first that is unanswered, if any, begins now. */
void talk_begin(struct talk *talk);
void talk_fail(struct talk_job *job, enum fail_class class, int exit,
               const char *why);
/* The current one has ended: what was said meanwhile is its. */
void talk_end(struct talk *talk);
/* Tells the process to end. The first reason stands. */
void talk_stop(struct talk *talk, enum fail_class class, const char *why,
               enum talk_order order);
/* Ends a process that has done its share, once it has answered. */
void talk_recycle_if_due(struct talk *talk);

#endif
