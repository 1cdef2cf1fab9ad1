/* extract - numbers picked out of what tasks have printed
 *
 * A pattern is a POSIX extended regular expression with one group, such as
 * `energy=([-0-9.e]+)`. It is looked for in a task's standard output, the first
 * match counts, and what the group has matched is the value. A pattern
 * begins with a word, by which the value is called: here `energy`.
 */
#ifndef COMMAND_EXTRACT_H
#define COMMAND_EXTRACT_H

#include "command/cell.h"
#include "common/base/problem.h"

#include <stddef.h>

struct extract;

/* NULL with a usage problem for what is no such pattern. */
struct extract *extract_create(const char *pattern, struct problem *problem);
void extract_destroy(struct extract **extract);

struct span extract_name(const struct extract *extract);
/* What a task has printed; nothing when it has not. A number is JSON. */
struct cell extract_cell(const struct extract *extract,
                         const struct record *record);

#endif
