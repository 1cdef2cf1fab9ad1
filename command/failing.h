/* failing - why tasks fail, in groups of those that failed alike, while the log
 * grows
 *
 * Groups as in held.h, and with its numbers where tasks are held: g1 here is g1
 * of `fan held`. A task stands in the group of its last failure until it ends
 * otherwise, or is decided about. Give it the log from its start. Memory is
 * some dozen bytes for each task that has failed, and FAILING_GROUPS groups;
 * what fails in yet another way is counted in the last. No clock.
 */
#ifndef COMMAND_FAILING_H
#define COMMAND_FAILING_H

#include "common/store/record.h"

#include <stddef.h>
#include <stdint.h>

enum { FAILING_GROUPS = 200, FAILING_SAID = 2000 };

struct failing_group {
    enum fail_class class;
    uint8_t exit, signal;
    char *line;                   /* folded; "" when nothing was said */
    uint64_t failed, held, again; /* tasks: for good, for a person, or tried
                                     once more */
    unsigned number;              /* g1 is 1; 0: none of it was ever held */
    /* the first that failed so */
    uint64_t example;
    char *values, *host;
    char *said; /* the end of what it wrote to stderr, as it wrote it */
};

struct failing;
struct failing *failing_create(void); /* NULL when out of memory */
void failing_destroy(struct failing **failing);
/* Returns 0 or -ENOMEM. */
int failing_take(struct failing *failing, const struct record *record);

/* Those in which tasks are, the largest first, for the time being: pointers
 * that live until the next call. Returns how many. */
size_t failing_groups(struct failing *failing,
                      const struct failing_group *groups[FAILING_GROUPS]);
/* How it fails, in a few letters: "exit 1", "signal 9", "timeout". */
void failing_way(const struct failing_group *group, char *way, size_t size);

#endif
