/* history - a run that does not go on, counted from its log for fan top
 *
 * Give it the log from its start. The counts are of tasks, by how each ended
 * last; hosts and the curve are of attempts. Memory is a few dozen bytes for
 * each task that did not end well. No clock.
 */
#ifndef COMMAND_HISTORY_H
#define COMMAND_HISTORY_H

#include "command/top.h"
#include "common/store/record.h"

struct history;

struct history *history_create(void); /* NULL when out of memory */
void history_destroy(struct history **history);
/* Returns 0 or -ENOMEM. */
int history_take(struct history *history, const struct record *record);
/* What was taken so far, into what fan top shows. `top` borrows its groups. */
void history_tell(struct history *history, struct top *top);

#endif
