/* follow - what to print of a results log, in which order, and only once
 *
 * Records go in as they stand in the log; outputs come out, whole, one for
 * each final record: that record's own, or its last failed attempt's where
 * the ventilator made it final. Outputs that must wait (a failed attempt's,
 * and with keep_order those whose turn has not come) are spilled to a file;
 * memory is some dozen bytes for each of them, and for each task that is
 * final and not ok. No clock.
 *
 * What an earlier process may have printed is told by its place. Give the log
 * from its start always. A held task yields its place in the order: its output
 * is printed when it is final, whatever came meanwhile.
 */
#ifndef COMMAND_FOLLOW_H
#define COMMAND_FOLLOW_H

#include "common/base/bytes.h"
#include "common/store/record.h"

#include <stdbool.h>
#include <stdint.h>

/* A final record counts as printed if its member ends at or before `past`, or
 * if it ends at or before `offset` and its task's number is below `next`. */
struct follow_place {
    uint64_t offset;
    uint64_t next;
    uint64_t past;
};

struct follow_output {
    uint64_t task;
    struct span values; /* as in struct record */
    struct span out, err;
};
typedef void follow_print(void *context, const struct follow_output *output);

struct follow;

/* NULL when out of memory. `printed` zeroed: nothing was. */
struct follow *follow_create(bool keep_order,
                             const struct follow_place *printed,
                             follow_print *print, void *context);
void follow_destroy(struct follow **follow);

/* Takes the next record; `end` is where its member ends. Calls print, in which
 * spans live until it returns. Returns 0, or -errno of memory or spilling. */
int follow_record(struct follow *follow, const struct record *record,
                  uint64_t end);
/* Prints what keep_order still holds, in order: the run is over and the tasks
 * between are not coming. */
int follow_finish(struct follow *follow);

/* To be durable before what came out is printed. */
struct follow_place follow_place(const struct follow *follow);

struct follow_counts {
    uint64_t by_status[STATUSES]; /* final records in force */
    uint64_t attempts_failed;     /* records of failed attempts and losses */
    uint64_t held;                /* tasks that wait for a person */
    uint64_t first_bad;           /* a task that is final, not ok; 0: none */
    bool complete;                /* the log says that the run is complete */
};
void follow_counts(const struct follow *follow, struct follow_counts *counts);

#endif
