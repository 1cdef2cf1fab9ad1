/* addition - records for an open run's input, gathered before they are added
 *
 * They stand in a file of their own until all of them are there: a run gets
 * all or none. Each ends with the run's separator. As the ventilator reads
 * them: a separator within a quoted field of CSV is none, and blank records
 * make no task unless the run says so.
 */
#ifndef COMMAND_ADDITION_H
#define COMMAND_ADDITION_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/base/quoting.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The caller fills in the first line. */
struct addition {
    char separator;
    bool quotes, blank;   // as the reader of the run's input has them
    struct buffer header; // the run's; a file may begin with it, too
    FILE *file;           // what is gathered, without a name
    uint64_t tasks;
    enum quoting quoting; // at the end of what is there
    bool in_record;       // the last record has no separator yet,
    bool has_text;        // and is not blank
};

/* 0, or -errno with a problem. */
int addition_open(struct addition *addition, struct problem *problem);
void addition_close(struct addition *addition);
/* One record. -EINVAL with a usage problem: it is blank, or several. */
int addition_value(struct addition *addition, const char *value,
                   struct problem *problem);
/* All records of a file, without a header like the run's. -EINVAL with a usage
 * problem: it ends within quotes. */
int addition_file(struct addition *addition, int fd, const char *name,
                  struct problem *problem);
/* Writes all of it to `fd`; the caller syncs that. 0 or -errno. */
int addition_copy(struct addition *addition, int fd);

#endif
