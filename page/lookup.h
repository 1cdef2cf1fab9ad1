/* lookup - the records of one task, read from the log */
#ifndef PAGE_LOOKUP_H
#define PAGE_LOOKUP_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "page/places.h"

#include <stdint.h>

struct lookup {
    const char *dir;
    const struct places *places;
    uint64_t task;
};

/* Appends an object with the task's records in their order, their outputs cut
 * to the last of them. Returns 0, -ENOENT: there is none, or a problem's code.
 */
int lookup_put(const struct lookup *lookup, struct buffer *out,
               struct problem *problem);
/* Appends what the `nth` record, from 1, has of stdout, or of stderr. */
int lookup_output(const struct lookup *lookup, uint64_t nth, bool of_stderr,
                  struct buffer *out, struct problem *problem);

#endif
