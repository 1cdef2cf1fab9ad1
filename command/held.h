/* held - which tasks of a log are held, in groups of those that failed alike
 *
 * Alike is: the same class, exit code and signal, and the same last line of
 * stderr once numbers and paths in it are folded. Groups are numbered as they
 * first appear in the log, which only grows: a group keeps its number.
 *
 * Give it the log from its start. Memory is some dozen bytes for each task that
 * has failed and is not final, and a line for each kind of failure. No clock.
 */
#ifndef COMMAND_HELD_H
#define COMMAND_HELD_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/store/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held;
struct numset;

struct held *held_create(void); /* NULL when out of memory */
void held_destroy(struct held **held);
/* Returns 0 or -ENOMEM. */
int held_take(struct held *held, const struct record *record);
/* Somebody's decision: the tasks for which the log has it are added to `tasks`.
 */
struct held_watch {
    const char *user;
    int64_t time_us;
    struct numset *tasks;
};
/* Before the log is given; `watch` stays the caller's. */
void held_watch(struct held *held, const struct held_watch *watch);
/* Reads the log in DIR as far as it goes; `watch` may be NULL. NULL with a
 * problem; where the log is damaged it says so, with EXIT_DAMAGED, and what
 * stands before was taken. */
struct held *held_read(const char *dir, const struct held_watch *watch,
                       struct problem *problem);

/* Sorts and counts what is held; call before what follows, and again after more
 * was taken. 0 or -ENOMEM. */
int held_settle(struct held *held);

enum { HELD_HOSTS_MAX = 8 };
struct held_group {
    unsigned number; /* from 1: g1 */
    enum fail_class class;
    uint8_t exit, signal;
    const char *line; /* folded; "" when there was nothing on stderr */
    uint64_t count;   /* of the tasks that are held now */
    uint64_t example; /* the first of them */
    const char *hosts[HELD_HOSTS_MAX];
    size_t host_count;
    bool more_hosts; /* than are named */
};
/* Those with held tasks, the largest first. */
size_t held_group_count(const struct held *held);
const struct held_group *held_group_at(const struct held *held, size_t index);
/* Of all groups, the numbers of which are given out. */
unsigned held_group_last(const struct held *held);
uint64_t held_count(const struct held *held); /* of the tasks */
/* The next held task after `task`, in the order of numbers, with the number of
 * its group; false when there is none. */
bool held_next(const struct held *held, uint64_t *task, unsigned *group);
bool held_has(const struct held *held, uint64_t task);

/* Decisions that were alike and stand beside each other count as one. */
struct held_decision {
    enum status status; /* REOPENED, IGNORED, DROPPED */
    unsigned group;
    uint64_t count, first;
    int64_t time_us;          /* of the first */
    char *user, *note, *edit; /* edit: "" */
    uint64_t mem_max;         /* 0: as it was */
};
size_t held_decision_count(const struct held *held);
const struct held_decision *held_decision_at(const struct held *held,
                                             size_t index);

/* How a decision is called: retry, ignore, drop. */
const char *held_answer(enum status status);
/* Appends the last line of `text` that is not blank with numbers as #, paths
 * as /..., and no control characters, cut to some hundred bytes; only its
 * first 4 KiB are looked at. */
void held_fold(struct span text, struct buffer *out);

#endif
