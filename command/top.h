/* top - a run on one screen: what is known of it, what keys do, how it looks
 *
 * A core: it is told what the ventilator has answered or the log has, which
 * keys were typed and what time it is, and puts letters into cells. No
 * terminal, no socket, no file, no clock.
 */
#ifndef COMMAND_TOP_H
#define COMMAND_TOP_H

#include "command/ask.h"
#include "command/curve.h"
#include "command/failing.h"
#include "command/screen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOP_HOSTS = 40,
    TOP_TASKS = 16,
    TOP_SAMPLES = 32,
    TOP_NAME_SIZE = 64,
    TOP_TEXT_SIZE = 160,
};

struct top_host {
    char name[TOP_NAME_SIZE];
    uint64_t slots, running; /* of a run that goes on */
    uint64_t passed, failed; /* attempts */
    double busy_s;           /* of a run that does not */
    double barred_s;         /* quarantined for so long */
};

struct top_task {
    uint64_t task, slot;
    double wall_s, done; /* done: a share, or below 0: it has not said */
    char host[TOP_NAME_SIZE], text[TOP_TEXT_SIZE];
};

enum top_view { TOP_MAIN, TOP_SHOW, TOP_HELP };

struct top_sample {
    int64_t at_us;
    uint64_t done;
};

struct top {
    bool asking;       /* to pause, or to go on; there is no answer yet */
    const char *dir;   /* as it is to be shown, and typed in a shell */
    bool live;         /* a ventilator answers: else what the log has */
    bool whole;        /* the log was read to its end */
    bool damaged;      /* which is not where it should be */
    double read_part;  /* of the log, 0 to 1 */
    int64_t silent_ms; /* since when there is no answer; 0: there is */
    int64_t now_us;
    struct ask_status status;
    struct top_host hosts[TOP_HOSTS];
    size_t host_count;
    struct top_task tasks[TOP_TASKS]; /* that run longest, or did */
    size_t task_count;
    char waits[TOP_TEXT_SIZE]; /* a worker that starts nothing, and why */
    struct curve curve;
    struct top_sample samples[TOP_SAMPLES]; /* a ring */
    size_t sample_count;
    struct failing *failing; /* borrowed; NULL: nothing was read */
    enum top_view view;
    size_t chosen; /* of the tasks, then of the groups */
    /* what is looked at with TOP_SHOW: a task of this number, or a group */
    uint64_t shown_task;
    const struct failing_group *shown_group;
    const struct failing *shown_of;
    size_t scroll;
};

/* Before everything else; `now_us` is any clock's. */
void top_begin(struct top *top, const char *dir, int64_t now_us);
/* A ventilator has answered. */
void top_answer(struct top *top, const struct ask_status *status,
                struct span json, int64_t now_us);

enum top_key {
    TOP_UP = 0x110000, /* others are characters */
    TOP_DOWN,
    TOP_ENTER,
    TOP_ESCAPE,
    TOP_NOTHING_TYPED,
};
/* TOP_PAUSE: the run is to be paused, or to go on where it is. */
enum top_act { TOP_STAY, TOP_QUIT, TOP_PAUSE };
enum top_act top_press(struct top *top, uint32_t key);

/* The groups, and how many; 0 where none was read. */
size_t top_groups(const struct top *top,
                  const struct failing_group *groups[FAILING_GROUPS]);
/* Tasks a second over the last microseconds, 30 s at most; below 0: unknown. */
double top_rate(const struct top *top, int64_t over_us);

/* Fills the screen, which is blank or holds the last. */
void top_draw(struct top *top, struct screen *screen);

#endif
