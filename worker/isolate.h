/* isolate - a plugin's slots in processes of their own: --isolate
 *
 * Each slot is a coprocess whose program is fan-plugin, which loads the
 * library, sets the slot up and calls the function for the tasks that it reads:
 * talk_plugin.h is what both write, isolated.h the other end. So a crash ends
 * one task and one process, and nobody has to guess which task it was.
 */
#ifndef WORKER_ISOLATE_H
#define WORKER_ISOLATE_H

#include "common/base/problem.h"

#include <stdint.h>

struct isolate {
    char *program; /* fan-plugin's path */
    char *plugin;  /* PATH[:FUNCTION], from the root */
    char *seed, *output_max;
    char *argv[5];
};

/* Finds fan-plugin, and the library from the current directory, and loads it in
 * a process of its own, to see that it can be. 0, or a usage problem: it is
 * told once, before a task goes out. Waits for that process. To be cleared in
 * either case. */
int isolate_open(struct isolate *isolate, const char *plugin,
                 struct problem *problem);
/* The command line for the slots, with the run's seed and the most bytes of a
 * stream. It is the isolate's; NULL: out of memory. */
char *const *isolate_argv(struct isolate *isolate, uint64_t seed,
                          uint64_t output_max);
void isolate_clear(struct isolate *isolate);

#endif
