/* decision - `fan decide`, run for somebody who has pressed a button */
#ifndef PAGE_DECISION_H
#define PAGE_DECISION_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One at a time. A zeroed one with said_fd -1 is ready. */
struct decision {
    pid_t pid;   /* 0: none runs */
    int said_fd; /* what it says; -1 none */
    uint64_t number;
    int exit;           /* of the last that has ended */
    struct buffer said; /* by it */
};

/* `body`: {"group": "g3", "answer": "retry", "note": "..."}; group may be all.
 * Returns 0, -EINVAL: it is not such a thing, -EBUSY, or -errno. */
int decision_start(struct decision *decision, const char *dir,
                   struct span body);
/* Takes what it has said, and its end. */
void decision_turn(struct decision *decision);
void decision_close(struct decision *decision);

#endif
