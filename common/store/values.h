/* values - a task's list of names and values, as wire_put_values encodes it
 *
 * A count, then for each pair its name (u16 length) and value (u32 length).
 */
#ifndef COMMON_STORE_VALUES_H
#define COMMON_STORE_VALUES_H

#include "common/base/bytes.h"
#include "common/wire/wire.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens an encoded list for reading by values_next. False when it is not
 * one; an empty span is an empty list. */
bool values_open(struct span encoded, struct wire_list *list);
bool values_next(struct wire_list *list, struct wire_pair *pair);

/* Building: begin, add each, end with their number (up to WIRE_ARGS_MAX). */
size_t values_begin(struct buffer *out);
void values_add(struct buffer *out, struct span name, struct span value);
void values_end(struct buffer *out, size_t begun, uint32_t count);

#endif
