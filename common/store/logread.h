/* logread - reads a results log member by member, also while it grows
 *
 * For readers that are not the sink: they look at whole members only. What
 * they see may not be durable yet: after a power cut it can be gone. Records
 * in front of a damaged member have been given before it is told of. A bad
 * member with nothing whole behind it is an end still being written. Not for
 * recovery: sink/journal.h does that.
 */
#ifndef COMMON_STORE_LOGREAD_H
#define COMMON_STORE_LOGREAD_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/store/record.h"

#include <stdint.h>

#define LOG_FILE_NAME "results.ndjson.gz"

struct logread;

/* Opens DIR/results.ndjson.gz at `offset`, a member's start. A file that is
 * not there yet reads as empty, and is opened when it appears. NULL with a
 * problem. */
struct logread *logread_open(const char *dir, uint64_t offset,
                             struct problem *problem);
void logread_close(struct logread **logread);

enum logread_result {
    LOGREAD_RECORD,
    LOGREAD_END,     // nothing more now; call again later to follow
    LOGREAD_DAMAGED, // at logread_offset: a damaged member; sticky
    LOGREAD_ERROR,   // see problem
};
/* The record's spans live until the next call. `line` (may be NULL) is its
 * text as stored. */
enum logread_result logread_next(struct logread *logread, struct record *record,
                                 struct span *line, struct problem *problem);
/* From now on records are those of record_glance where it knows the line: for
 * readers that want to know what a task has left, and not how it ran. */
void logread_glance(struct logread *logread);
/* Offset of the member that the last record came from, and of its end. */
uint64_t logread_offset(const struct logread *logread);
uint64_t logread_end(const struct logread *logread);
/* After LOGREAD_END: behind logread_end stands something that is no unfinished
 * member either. With nobody writing any more, verify calls it damage. */
bool logread_ends_badly(const struct logread *logread);

#endif
