/* edits - what persons have changed of single tasks, by task
 *
 * More memory, other arguments: of a task that is tried again. What was changed
 * stays with the task, until it is changed again. Some dozen bytes and the
 * arguments for each such task. Pure, not thread safe.
 */
#ifndef COMMON_TEMPLATE_EDITS_H
#define COMMON_TEMPLATE_EDITS_H

#include "common/base/bytes.h"
#include "common/wire/wire.h"

#include <stddef.h>
#include <stdint.h>

struct edits;

struct edits *edits_create(void); /* NULL when out of memory */
void edits_destroy(struct edits **edits);
/* Takes copies of what `edit` changes; what it leaves as it is, stays as it
 * was. 0 or -ENOMEM. */
int edits_put(struct edits *edits, const struct wire_edit *edit);
/* NULL: nothing. Until the next edits_put. Cost: nothing where there are none.
 */
const struct wire_edit *edits_find(const struct edits *edits, uint64_t task);
size_t edits_count(const struct edits *edits);
/* In the order in which they were first changed; index < edits_count. */
const struct wire_edit *edits_at(const struct edits *edits, size_t index);

#endif
