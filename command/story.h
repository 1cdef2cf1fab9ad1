/* story - what a log says of one task, from its first attempt to its last word
 *
 * Give it the log from its start. It keeps what was said last and the ends of
 * the last attempt's output; what came before is a line of text for each
 * attempt and decision. Memory: those lines, whatever the log holds. No clock.
 */
#ifndef COMMAND_STORY_H
#define COMMAND_STORY_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/store/record.h"

#include <stdbool.h>
#include <stdint.h>

enum { STORY_TAIL = 4096 }; // bytes that are kept of each output

struct story_output {
    struct buffer tail;
    uint64_t size; /* of all of it */
    bool cut;      /* more was written than was stored */
};

struct story {
    uint64_t task; /* set it; all else is zero at first */
    uint64_t attempts, losses;
    bool final, held;
    enum status status; /* of the last record that ends or parks an attempt */
    enum fail_class class;
    uint8_t exit, signal;
    uint32_t round;
    struct id128 key;
    bool has_args;
    struct buffer values;   /* as in struct record */
    uint32_t attempt, slot; /* that has written: */
    struct story_output out, err;
    struct buffer lines; /* for people */
    bool complete;       /* the log says that the run is */
    bool damaged;        /* story_read has not seen all of it */
    uint64_t tasks;      /* of it, then */
};
void story_clear(struct story *story);

enum story_part {
    STORY_OTHER,   // of another task, or of none
    STORY_ATTEMPT, // what a worker did, or that it was lost with it
    STORY_WORD,    // what followed: by the rules, or by a person
};
/* Takes any record. Where memory fails, a buffer says so. */
enum story_part story_take(struct story *story, const struct record *record);
/* Gives it the log in DIR, as far as that goes; `take` (may be NULL) gets the
 * lines that are about the task. Returns 0, what `take` returned, which should
 * be about writing, or another problem. */
typedef int story_line(void *context, enum story_part part, struct span line);
int story_read(struct story *story, const char *dir, story_line *take,
               void *context, struct problem *problem);
bool story_has_failed(const struct story *story);

/* How it stands, in a word: ok, failed, held, open, ... */
const char *story_state(const struct story *story);
/* Appends why an attempt failed: "exit 3", "signal 9", "timeout". */
void story_put_why(struct buffer *out, enum fail_class class, unsigned exit,
                   unsigned signal);
/* Appends one thing to do about it: a command for a shell, of the run that is
 * called `dir` there. */
void story_put_hint(const struct story *story, const char *dir, bool live,
                    struct buffer *out);
/* What may mend this kind of failure; or NULL. */
const char *story_advice(enum fail_class class);

#endif
