/* shepherd - the small parent that outlives the worker and clears up after it
 *
 * It has no sockets and no threads. It is a child subreaper: when the worker
 * dies, by SIGKILL too, the commands it ran fall to the shepherd, which kills
 * and reaps them. TERM, INT, HUP, USR1 and QUIT go on to the worker. When the
 * shepherd's own supervisor (FAN_SUPERVISOR, a process id) dies, the worker is
 * told to stop at once (QUIT).
 */
#ifndef WORKER_SHEPHERD_H
#define WORKER_SHEPHERD_H

#include "common/base/problem.h"

#include <sys/types.h>

enum shepherd_side {
    SHEPHERD_WORKER, // in the child: go on; a dead parent sends it TERM
    SHEPHERD_PARENT, // in the parent: all is over, exit with *code
    SHEPHERD_FAILED, // could not fork
};
/* Splits the process; call it before any thread, socket or buffered output.
 * In the child *parent is the shepherd's id, to be compared with getppid. */
enum shepherd_side shepherd_split(int *code, pid_t *parent,
                                  struct problem *problem);

#endif
