/* worker - the role: dials the ventilator, runs tasks, keeps results
 *
 * Joins slots, retain and exec to the control socket (DEALER), the lane (PULL)
 * and the sink (PUSH). docs/protocol.md and the recovery rules say what it
 * answers to what.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "common/base/problem.h"
#include "common/setting/setting.h"

#include <stdbool.h>
#include <sys/types.h>

struct worker;

/* Connects to settings->endpoint. `settings` is borrowed, and changed: WELCOME
 * brings the run's. `parent` is the shepherd, 0 for none: the worker stops at
 * once when it is gone. Call net_start first, with TERM, INT, USR1, HUP and
 * QUIT blocked. NULL with a problem. */
struct worker *worker_create(struct settings *settings, pid_t parent,
                             struct problem *problem);
void worker_destroy(struct worker **worker);
/* Before worker_destroy: does a plugin's thread still run? Then the process is
 * to end by _exit: what the thread uses is not freed. */
bool worker_is_stuck(const struct worker *worker);

/* Works until the run ends, signals end it, or nothing can be done any more.
 * Returns the exit code of the process; for a failure with a problem. */
int worker_run(struct worker *worker, struct problem *problem);

#endif
