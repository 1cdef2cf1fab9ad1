/* remake - a task's command, made again of its run's plan and its values
 *
 * The log holds what a task was given, not what was started.
 */
#ifndef COMMAND_REMAKE_H
#define COMMAND_REMAKE_H

#include "common/base/bytes.h"
#include "common/setting/setting.h"
#include "common/store/record.h"

struct remake;

/* `plan` is borrowed. NULL when out of memory. */
struct remake *remake_create(const struct settings *plan);
void remake_destroy(struct remake **remake);
/* Appends the command as one would type it in a shell; where it cannot be made
 * again, the values with blanks between. */
void remake_put(struct remake *remake, const struct record *record,
                struct buffer *out);

#endif
