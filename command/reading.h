/* reading - the results of a run as its log has them, first to last
 *
 * What gather.h gives of the log, of the tasks that were selected. A reading
 * goes over the log twice: the survey finds what is replaced later, and
 * then the results are taken, as many as there are; again later to follow.
 */
#ifndef COMMAND_READING_H
#define COMMAND_READING_H

#include "command/gather.h"
#include "command/selection.h"
#include "common/base/problem.h"

#include <stdbool.h>

struct reading;

/* `dir` and `selection` are borrowed. NULL with a problem. */
struct reading *reading_open(const char *dir, struct gather_options options,
                             const struct selection *selection,
                             struct problem *problem);
void reading_close(struct reading **reading);

/* Goes over the whole log; `look` (may be NULL) gets every task's record.
 * Returns 0, or the problem's code. */
int reading_survey(struct reading *reading, gather_emit *look, void *context,
                   struct problem *problem);
/* Gives what is in the log by now, and was not given yet. -EPIPE and the like
 * of `emit` come back as they are, with a problem unless it has set one. */
int reading_take(struct reading *reading, gather_emit *emit, void *context,
                 struct problem *problem);

bool reading_is_complete(const struct reading *reading); /* says the log */
bool reading_is_damaged(const struct reading *reading);
/* Says on stderr what damage there is, if any. Returns the exit code. */
int reading_judge(const struct reading *reading, unsigned program);

#endif
