/* progress - what a task last said of how far it is
 *
 * A line is a fraction such as 0.37, a percentage such as 37%, or two numbers,
 * done and all, such as 37 100; then, or instead, any text. The last line that
 * is not empty counts; a carriage return ends one, too. A pure core.
 */
#ifndef WORKER_PROGRESS_H
#define WORKER_PROGRESS_H

#include "common/base/bytes.h"
#include "common/wire/wire.h"

#include <stdint.h>

enum { PROGRESS_TEXT_MAX = 120 }; // bytes; what is longer is cut

/* Zeroed is: nothing said. */
struct progress {
    bool said;
    uint32_t done; // in millionths, or PROGRESS_UNKNOWN
    uint32_t text_size, part_size;
    char text[PROGRESS_TEXT_MAX];     // UTF-8, without control characters
    char part[2 * PROGRESS_TEXT_MAX]; // the line that has not ended
};

/* Takes what was read next. */
void progress_feed(struct progress *progress, struct span bytes);
/* Takes a line, without its end. */
void progress_line(struct progress *progress, struct span line);
/* Takes what is known already: a part of the whole, from 0 to 1, and text. */
void progress_set(struct progress *progress, double part, struct span text);
void progress_clear(struct progress *progress);

/* What to tell of it. */
static inline uint32_t progress_done(const struct progress *progress)
{
    return progress->said ? progress->done : PROGRESS_UNKNOWN;
}
static inline struct span progress_text(const struct progress *progress)
{
    return (struct span){(const uint8_t *)progress->text, progress->text_size};
}

#endif
