/* source - the tasks of a run, read lazily from its input, as often as needed
 *
 * A source is a cursor over the tasks in dispatch order. Its memory does not
 * grow with the number of tasks: the outermost input is read line by line
 * (or generated), inner lists of a product are held. Reading the same input
 * again gives the same tasks at the same places. The ventilator opens two: one
 * for what was never sent, one for what must be sent again.
 *
 * Lines, rows and objects: a byte order mark at the file's start and a carriage
 * return at a line's end are no part of them; with -0 every byte is. Of an
 * object each field is a value by its name, those of an object within as
 * `outer.inner`, lists as JSON; of a sweep each parameter is one, and `repeat`.
 * A product's last list varies fastest; paired lists (`:::+`) end with the
 * shortest, as with GNU parallel; an empty list makes no task at all.
 *
 * A source does file I/O and decides nothing.
 */
#ifndef VENTILATOR_SOURCE_H
#define VENTILATOR_SOURCE_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/setting/setting.h"
#include "common/wire/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SOURCE_LINE_MAX = 16 << 20
}; /* bytes of a line, a NUL-ended item, an object */

struct source;

/* A place in the input: the task there is the `ordinal`th, from 1; `offset`
 * is a byte offset of the outermost file, the combination of a sweep, or 0
 * where tasks are generated otherwise. */
struct source_place {
    uint64_t ordinal;
    uint64_t offset;
};

/* `dir` holds the input copy if the settings name one. Opens and checks what
 * can be checked: files that are not there, a header with no or with double
 * names, a bad --array.
 * `:::: FILE` beyond the first are read whole, up to 64 MiB. */
struct source *source_open(const struct settings *settings, const char *dir,
                           struct problem *problem);
void source_close(struct source **source);

/* Column names known beforehand (a table's header, --array); for templates.
 * Count 0: positional or per task. */
const char *const *source_names(const struct source *source, size_t *count);

enum source_result {
    SOURCE_TASK,
    SOURCE_BAD,   // this task cannot be made; see problem; go on with the next
    SOURCE_NONE,  // what was looked at makes no task; there may be more
    SOURCE_LATER, // the copied input has no more yet: wait on source_fd
    SOURCE_END,
    SOURCE_ERROR, // the input cannot be read; see problem
};
struct source_task {
    struct source_place place;
    const struct wire_pair *values; /* live until the next call */
    size_t value_count;
    struct span whole; /* the line or item as read */
    struct span input; /* what --stdin and FAN_TASK give: object or value */
};
/* Reads the next task. Bytes of a copied input are fdatasynced before the
 * first task made of them is given out. */
enum source_result source_next(struct source *source, struct source_task *task,
                               struct problem *problem);
/* Goes to a place given by this or an equal source before. */
int source_seek(struct source *source, struct source_place place,
                struct problem *problem);
/* Where the next task will be. */
struct source_place source_place(const struct source *source);
/* Tasks in all, if known without reading; else 0, and *bytes is the input's
 * size (for an estimate), 0 when unknown. */
uint64_t source_total(const struct source *source, uint64_t *bytes);
/* Readable (inotify) when a SOURCE_LATER may be over; -1 when it never comes.
 */
int source_fd(const struct source *source);
void source_fd_clear(struct source *source);

#endif
