/* journal - the sink's log file: group commit, recovery, reading again
 *
 * DIR/results.ndjson.gz is a chain of members (common/store/member.h), one for
 * each commit: one write, one fdatasync. Each is written only after all before
 * it are durable, so only the last can be unfinished.
 *
 * Opening recovers. A bad member with a whole one behind it is damage: open
 * fails with EXIT_DAMAGED. The last whole member may have been read from the
 * page cache only, so it is written over itself, same bytes, same place, and
 * synced. An unfinished end is then copied to DIR/torn-N, the copy and DIR are
 * synced, and the end is cut off.
 *
 * Not thread safe. All calls block for as long as the disk takes.
 */
#ifndef SINK_JOURNAL_H
#define SINK_JOURNAL_H

#include "common/base/problem.h"
#include "common/store/record.h"

#include <stddef.h>
#include <stdint.h>

struct journal;

/* Gets each record in the log's order; its spans live until it returns. A
 * negative errno stops the reading and is handed on. */
typedef int journal_apply(void *argument, const struct record *record);

/* Creates DIR (its parent must be there) and the log where they are missing,
 * with their directories synced, and takes DIR/lock.sink. Gives every record
 * to `apply`. NULL with a problem: another sink has the directory, damage
 * (EXIT_DAMAGED, naming the offset), or what the system said. */
struct journal *journal_open(const char *dir, journal_apply *apply,
                             void *argument, struct problem *problem);
/* Gives up the lock. What was not committed is gone: commit first. */
void journal_close(struct journal **journal);

/* Adds a record to the next commit. Returns 0, -ENOMEM, or -EFBIG when the
 * group would be over MEMBER_TEXT_MAX: commit and try again. On an error
 * nothing was added. */
int journal_append(struct journal *journal, const struct record *record);

/* Makes what was appended durable; 0 also when there was nothing. Otherwise:
 * -ENOSPC, -EDQUOT, -ENOMEM: the file is as before and nothing is lost: push
 *   back, and call again later, with more appended if you like;
 * -EIO: a write or sync failed, or the log was removed. Nobody knows what is
 *   on the disk: acknowledge nothing and exit. Every later call says the
 *   same. */
int journal_commit(struct journal *journal, struct problem *problem);

/* Commits that synced the log, and how long the syncs took. */
struct journal_syncs {
    uint64_t count, us;
};
struct journal_syncs journal_syncs(const struct journal *journal);

/* Bytes of the log that are durable: the end of the last commit. */
uint64_t journal_position(const struct journal *journal);

/* Reads committed records again from `*at` (a member's start), whole members
 * until at least `bytes_max` bytes of the log are read, or its end, and moves
 * `*at` to where it stopped. Returns 0, -EINVAL where `*at` is beyond the end,
 * what `apply` returned, or -EBADMSG with a problem when a member is not
 * whole. */
int journal_replay(struct journal *journal, uint64_t *at, size_t bytes_max,
                   journal_apply *apply, void *argument,
                   struct problem *problem);

#endif
