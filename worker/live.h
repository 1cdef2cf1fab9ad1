/* live - whole lines of running tasks on the worker's own stdout and stderr
 *
 * Writes at most what a pipe is sure to take, so a slow reader does not stop
 * the worker's heartbeat; beyond LIVE_BACKLOG_MAX it waits for the reader.
 */
#ifndef WORKER_LIVE_H
#define WORKER_LIVE_H

#include "common/base/bytes.h"

#include <stdbool.h>

enum { LIVE_BACKLOG_MAX = 4 << 20 };

/* Zeroed but for `fd` is empty. */
struct live {
    int fd;
    struct buffer backlog;
};

/* Adds the whole lines of `text`, each behind `tag` and a TAB where there is a
 * tag. Returns the bytes used; `last` uses an unfinished line too, and ends it.
 */
size_t live_add(struct live *live, struct span text, struct span tag,
                bool last);
/* Writes what goes without waiting. Returns true when something is left. */
bool live_flush(struct live *live);
void live_clear(struct live *live); /* drops the backlog */

#endif
