/* talk_inside - what the parts of the talk share
 *
 * talk.c has the tasks and the process, talk_hear.c what it says, talk_end.c
 * what its end means.
 */
#ifndef WORKER_TALK_INSIDE_H
#define WORKER_TALK_INSIDE_H

#include "worker/talk.h"

enum {
    FAILED_EXIT = 1,          // exit code of a failure that has none
    TALK_TEXT_KEEP = 1 << 20, // memory a stream keeps
};

int64_t talk_later(int64_t now_us, int64_t by_us);
/* Empties it; its memory stays where it is not more than `keep`. */
void talk_reuse(struct buffer *buffer, size_t keep);
void talk_note(char to[TALK_NOTE_SIZE], const char *text);
/* Ends the first task that waits with the failure of a start. */
void talk_tell_failure(struct talk *talk);

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
