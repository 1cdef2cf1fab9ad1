/* row - a task's record as a line for people */
#ifndef COMMAND_ROW_H
#define COMMAND_ROW_H

#include "common/base/bytes.h"
#include "common/store/record.h"

/* Appends the line of names. */
void row_put_names(struct buffer *out);
/* Appends one line: number, status, why it failed, attempt, host, time, values,
 * and of what failed the last line that it said. What a terminal would obey
 * and what is not UTF-8 is shown as ?. */
void row_put(const struct record *record, struct buffer *out);
/* Appends text, with ? for what a terminal would obey and what is not UTF-8. */
void row_put_plain(struct buffer *out, struct span text);
/* Appends the task's values alone, with blanks between. */
void row_put_values(const struct record *record, struct buffer *out);

#endif
