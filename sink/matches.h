/* matches - which number a line of an edited input had before
 *
 * Made of the log when a resume asks: every task that the log knows, by
 * content key. Equal keys are told apart by their occurrence: the first line
 * with a key gets the lowest number, the second the next. Built in a file
 * without a name in the results directory, 32 bytes a task, mapped: memory is
 * the page cache's. Keys are sorted within 256 buckets by their first byte;
 * building costs one reading of the log and O(n log n), a lookup O(log n).
 *
 * Not thread safe.
 */
#ifndef SINK_MATCHES_H
#define SINK_MATCHES_H

#include "common/base/problem.h"
#include "sink/journal.h"

#include <stdint.h>

struct matches;

/* Reads the whole log. NULL with a problem: no room on the disk, or what
 * journal_replay says. */
struct matches *matches_build(struct journal *journal, const char *dir,
                              struct problem *problem);
void matches_destroy(struct matches **matches);

/* The number of the next task with this key, or 0: there is none (left). A
 * zero key never has one. */
uint64_t matches_take(struct matches *matches, const struct id128 *key);
/* Tasks that were not taken. */
uint64_t matches_left(const struct matches *matches);

#endif
