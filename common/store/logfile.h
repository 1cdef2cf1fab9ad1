/* logfile - members of a log on disk: reading one, finding the next good one
 *
 * For the recovery of the sink (sink/journal.h) and for those who read a log
 * (logread.h, verify.h): they share here what makes a bad member. One rule
 * tells damage from an unfinished end: a bad member with a whole one behind
 * it that says "everything up to here was durable" is damage; a bad one with
 * nothing behind it is a write that did not finish.
 */
#ifndef COMMON_STORE_LOGFILE_H
#define COMMON_STORE_LOGFILE_H

#include "common/base/bytes.h"
#include "common/store/member.h"

#include <stdbool.h>
#include <stdint.h>

/* A zeroed one with `fd` set is ready; logfile_clear frees the buffers and
 * leaves the descriptor to its owner. */
struct logfile {
    int fd;
    uint64_t size;       /* bytes of the file: logfile_measure */
    struct buffer bytes; /* of the member read last */
    struct buffer text;  /* its records */
};

void logfile_clear(struct logfile *file);
/* Asks for the size. Returns 0 or -errno. */
int logfile_measure(struct logfile *file);
/* Reads up to `size` bytes at `offset`, fewer only at the file's end. Returns
 * 0 or -errno. */
int logfile_bytes(int fd, uint64_t offset, size_t size, struct buffer *bytes);
/* Reads the member at `offset` < size. Returns 0 and its fault (a `durable`
 * beyond its own offset is damage too), or -errno of reading, -ENOMEM. */
int logfile_read(struct logfile *file, uint64_t offset, struct member *member,
                 enum member_fault *fault);
/* Finds the first whole member at or behind `bad` that was written when `bad`
 * was durable already. Returns 0, -ENOENT, or -errno. Cost: reads what is left
 * of the file. */
int logfile_find(struct logfile *file, uint64_t bad, uint64_t *found);

/* Finds the first whole member at or behind `from`, wherever it once stood. */
int logfile_next(struct logfile *file, uint64_t from, uint64_t *found);

/* Is what ends the file, from `offset` on, a whole member whose header lies
 * about its size? It is damage then, not a write that did not finish. Returns
 * 0 or -errno. Cost: reads that member. */
int logfile_lies(struct logfile *file, uint64_t offset, bool *lies);

/* Cuts the next line, without its newline, off `text`; false at the end. */
bool logfile_line(struct span *text, struct span *line);

#endif
