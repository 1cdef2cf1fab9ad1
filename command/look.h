/* look - what the looking verbs share: is somebody at work on a run? */
#ifndef COMMAND_LOOK_H
#define COMMAND_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is a `fan run`, a ventilator or a sink at work in the directory? */
bool look_is_live(const char *dir);

/* The endpoint of its ventilator, waiting some seconds for it: a run that has
 * just begun has none yet. False: nobody is at work, or it has none. */
bool look_endpoint(const char *dir, char *endpoint, size_t size);

/* From now on this process gives way to the run it looks at: it gets what time
 * of the CPUs is left over, or some hundredths of it. */
void look_give_way(void);

/* Watches a directory for changes. Returns a descriptor, or -errno: then
 * look_wait sleeps. */
int look_watch(const char *dir);
/* The same for files that somebody has written and closes: fewer of them. */
int look_watch_ends(const char *dir);
void look_close(int watch);
/* Waits until something changed there, `most_ms` at most: not every file
 * system tells of changes. Did it? */
bool look_wait(int watch, int64_t most_ms);

#endif
