/* journal_recover - what journal_open does with the log it finds */
#ifndef SINK_JOURNAL_RECOVER_H
#define SINK_JOURNAL_RECOVER_H

#include "common/store/logfile.h"
#include "sink/journal.h"

/* A journal's file while it is read. */
struct recovery {
    struct logfile file;
    int dir_fd;
    const char *path; /* of the log, for people */
    journal_apply *apply;
    void *argument;
    struct buffer scratch;
};

/* Gives the records of the member in `file` to `apply`. Returns 0, what apply
 * returned, -ENOMEM, -EBADMSG where a line is no record. */
int recovery_apply(struct recovery *recovery);
/* Reads the log, applies its records and puts its end in order. `position`
 * gets the durable end. Returns 0 or a negative errno with a problem. */
int recovery_run(struct recovery *recovery, uint64_t *position,
                 struct problem *problem);

#endif
