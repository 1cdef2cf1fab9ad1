/* log - one line per event on stderr: `program: level event-id key=value ...`
 *
 * Event ids are stable and listed in docs/design.md. Control characters and
 * bad UTF-8 in values are escaped, so that peers' text cannot forge lines.
 * Lines are cut at 4 KiB. Used by roles and commands only, never by a core.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include "common/base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* `program` is kept, not copied. Lines below `least` are dropped. */
void log_open(const char *program, enum log_level least);
/* `format` makes the whole "key=value ..." part; pass peers' text through
 * log_quote first. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes what fits of a text into `out`, as a line of the log would have it. */
void log_escape(struct span text, char *out, size_t size);

enum { LOG_QUOTE_SIZE = 256 };
/* Writes peers' text, escaped and cut, into `quoted` and returns it. */
const char *log_quote(struct span text, char quoted[LOG_QUOTE_SIZE]);

#endif
