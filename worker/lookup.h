/* lookup - the files that a command's name may stand for, in order
 *
 * execvp() tries every directory of PATH for each command again; with a dozen
 * of them, some on other machines, that is a part of a short task's cost.
 */
#ifndef WORKER_LOOKUP_H
#define WORKER_LOOKUP_H

#include "worker/texts.h"

/* The last name, in which PATH, and where it was found; {0} at first. */
struct lookup {
    char *name, *variable, *path;
};

/* Adds what execvp() would try for this name, and before it where the name was
 * found when first asked for: that may have moved. */
void lookup_put(struct lookup *lookup, const char *name,
                struct texts_out *files);
void lookup_forget(struct lookup *lookup);

#endif
