/* cgroup - what the control groups of this process allow; version 1 and 2 */
#ifndef COMMON_SETTING_CGROUP_H
#define COMMON_SETTING_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* The first line of a group's file; false without one. */
bool cgroup_read(const char *dir, const char *name, char *text, int size);

/* The least of what `of` tells of the groups of a controller ("cpu", "memory"),
 * from this process's own up to the root; UINT64_MAX without any. */
uint64_t cgroup_least(const char *controller, uint64_t (*of)(const char *dir));

#endif
