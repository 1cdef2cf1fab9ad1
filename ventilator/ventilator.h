/* ventilator - the role: joins the tracker to sockets, input and processes */
#ifndef VENTILATOR_VENTILATOR_H
#define VENTILATOR_VENTILATOR_H

#include "common/base/problem.h"
#include "common/setting/setting.h"

/* Serves the run until it is complete, drained or cannot go on. INT and TERM
 * are blocked and read: one drains, two end at once. Returns the exit code of
 * the program; EXIT_ERROR and above EXIT_HALTED come with a problem. */
int ventilator_serve(const struct settings *settings, struct problem *problem);

/* Prints the commands of all tasks, and how many, for --dry-run. */
int ventilator_dry_run(const struct settings *settings,
                       struct problem *problem);

#endif
