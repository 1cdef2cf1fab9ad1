/* isolated - one slot of a plugin, in a process that is nobody else's
 *
 * The other end of isolate.h: reads calls, runs the function, writes results,
 * as talk_plugin.h has them. No more of a call is read than is worked on, so
 * that the worker can have back what waits. TERM turns fan_cancelled true and
 * makes the task that runs the last.
 */
#ifndef WORKER_ISOLATED_H
#define WORKER_ISOLATED_H

#include "common/base/problem.h"

#include <stdint.h>

struct isolated_settings {
    const char *plugin; /* PATH[:FUNCTION] */
    uint32_t slot;
    uint64_t seed;       /* of the run */
    uint64_t output_max; /* bytes of each stream */
};

/* Loads the plugin, and no more; its standard output becomes standard error. 0
 * or a usage problem. */
int isolated_check(const char *plugin, struct problem *problem);

/* Loads the plugin, sets the slot up, greets, serves what comes from `in` until
 * that ends or TERM came, and closes the slot. What cannot be loaded or set up
 * is told in the greeting. 0, or a problem: out of memory, a broken pipe. */
int isolated_serve(const struct isolated_settings *settings, int in, int out,
                   struct problem *problem);

#endif
