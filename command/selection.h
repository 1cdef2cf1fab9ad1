/* selection - which tasks a looking verb is asked for
 *
 * Numbers and ranges are typed as operands (`17`, `3,7-9`, `100-`), all else
 * is settings: --failed, --class, --host, --since. What is asked for at once
 * must hold together. A range without an end goes to the last task.
 */
#ifndef COMMAND_SELECTION_H
#define COMMAND_SELECTION_H

#include "common/base/problem.h"
#include "common/setting/setting.h"
#include "common/store/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct selection_range {
    uint64_t first, last;
};

struct selection {
    struct selection_range *ranges; // in order, apart; none: all tasks
    size_t count;
    enum fail_class class; // CLASS_NONE: any
    const char *host;      // the settings' own; NULL: any
    int64_t since_us;      // ended then or later; 0: at any time
};

/* Takes the operands that are numbers out of the settings, whose others are
 * left. Returns 0, or a usage problem. A zeroed one selects all. */
int selection_read(struct selection *selection, struct settings *settings,
                   int64_t now_us, struct problem *problem);
/* Another range, behind all others. 0, or -ENOMEM. */
int selection_add(struct selection *selection, uint64_t first, uint64_t last);
void selection_clear(struct selection *selection);

bool selection_has(const struct selection *selection,
                   const struct record *record);
/* Is it one task, by its number? */
bool selection_is_one(const struct selection *selection);

#endif
