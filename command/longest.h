/* longest - the tasks that have run longest, the hosts where there are several
 * or bad ones, and who starts nothing, for fan status: what the ventilator's
 * answer says of them, as lines */
#ifndef COMMAND_LONGEST_H
#define COMMAND_LONGEST_H

#include "common/base/bytes.h"

/* Prints on standard output; nothing where the answer has nothing. */
void longest_print(struct span json);

#endif
