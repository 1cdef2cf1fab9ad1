/* texts - builds the NULL-terminated arrays that exec takes
 *
 * Texts are put together piece by piece in one buffer and become pointers at
 * the end, since the buffer moves while it grows. A NUL within a piece ends the
 * piece.
 */
#ifndef WORKER_TEXTS_H
#define WORKER_TEXTS_H

#include "common/base/bytes.h"

#include <stddef.h>

/* Zeroed is empty. */
struct texts_out {
    struct buffer bytes;
    size_t count;
};

void texts_begin(struct texts_out *texts);
void texts_put(struct texts_out *texts, const void *data, size_t size);
void texts_printf(struct texts_out *texts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void texts_end(struct texts_out *texts);
/* The texts of `before` (an array ended by NULL, or NULL), then these. Only
 * the array is the caller's to free; texts stay where they are. NULL when out
 * of memory, also earlier. */
char **texts_array(const struct texts_out *texts, char *const *before);
void texts_clear(struct texts_out *texts);

#endif
