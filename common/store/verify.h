/* verify - checks a whole log: every byte of it, and what it must not say
 *
 * Goes on behind a damaged member where the next whole one starts, so that
 * one fault does not hide the rest. Memory: about two bits for each task, and
 * some words for each that did not simply succeed.
 *
 * A last member that is cut short is what a killed sink leaves: nobody was told
 * that it is stored. One that has all its bytes, and not the right ones, counts
 * as damage, though a power cut can leave that too.
 */
#ifndef COMMON_STORE_VERIFY_H
#define COMMON_STORE_VERIFY_H

#include "common/base/problem.h"
#include "common/policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

enum verify_kind {
    VERIFY_DAMAGED,      // [offset, end): not what was written
    VERIFY_UNFINISHED,   // [offset, end): the file ends before its member
    VERIFY_NO_RECORD,    // a line of the member at `offset` is no record
    VERIFY_DOUBLE_FINAL, // `task` has a second final record in one round
    VERIFY_CUT,          // the run has had generation `count`, but the log ends
                         // before that was granted
    VERIFY_MISSING,      // `count` tasks from `task` on have no final record;
                         // task 0: so many more, whose numbers nobody knows
};
struct verify_fault {
    enum verify_kind kind;
    uint64_t offset, end; /* bytes of the log */
    uint64_t task, count;
};
typedef void verify_report(void *argument, const struct verify_fault *fault);

struct verify_summary {
    uint64_t bytes, members, records;
    uint64_t finals[STATUSES]; /* by enum status, of each task's last round */
    uint64_t held;             /* tasks that wait for a person */
    uint64_t doubles;          /* final records that should not be there */
    uint64_t missing;          /* tasks */
    uint64_t tasks;            /* as EVENT_COMPLETE says, else those with a
                              final record */
    uint64_t faults;           /* reports made; 0: the log is sound */
    bool complete;             /* it says that the run is complete */
};

/* Reads DIR's log, and holds it against DIR/generation, where that is: a log
 * that was emptied has no damage in it. Missing tasks are reported where the
 * log says that the run is complete or where something is damaged; an
 * unfinished run has them by nature. Numbers that a resume passed over are not
 * missing; behind damage they cannot be told apart. Returns 0 with faults
 * counted in `summary`, or a negative errno with a problem when the log cannot
 * be read. */
int verify_log(const char *dir, verify_report *report, void *argument,
               struct verify_summary *summary, struct problem *problem);

#endif
