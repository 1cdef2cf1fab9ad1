/* fields - a task's record as a row: which fields, in which form
 *
 * ndjson: an object for each row, in which a field that has no value is null;
 * output that is not UTF-8 goes in as base64 under `stdout_base64` and so on,
 * as in the log. csv: RFC 4180, but lines end with a newline alone. tsv: TAB,
 * newline, carriage return and backslash within a value are \t \n \r \\. Both
 * begin with a row of names; a field without a value is empty, and so is text
 * that is not UTF-8: the ..._base64 fields hold that. Exit code and signal
 * have a value only where the command ended by itself.
 *
 * `args.NAME` is one named value of the task, `args.N` the Nth of those
 * without names.
 *
 * A database has no such rows: it takes the columns one by one.
 */
#ifndef COMMAND_FIELDS_H
#define COMMAND_FIELDS_H

#include "command/cell.h"
#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/setting/setting.h"
#include "common/store/record.h"

#include <stdint.h>

enum fields_format { FIELDS_NDJSON, FIELDS_CSV, FIELDS_TSV, FIELDS_DATABASE };

struct fields;

/* `list` is names with commas between, NULL for all; the values of `patterns`
 * follow. NULL with a usage problem for what is neither. */
struct fields *fields_create(enum fields_format format, const char *list,
                             const struct texts *patterns,
                             struct problem *problem);
void fields_destroy(struct fields **fields);

/* Without a list: makes a column for each value this record has, up to some
 * hundred. Returns 0 or -ENOMEM. Call before the names are written. */
int fields_learn(struct fields *fields, const struct record *record);
/* Appends the row of names; nothing for ndjson. */
void fields_put_names(const struct fields *fields, struct buffer *out);
/* Appends the record's row. */
void fields_put(struct fields *fields, const struct record *record,
                struct buffer *out);

/* The columns one by one, for a database: what it is called, what it holds, and
 * its value, which lives until the next one is made. */
enum fields_type {
    FIELDS_INTEGER,
    FIELDS_REAL,
    FIELDS_TEXT,
    FIELDS_ANY, /* a parameter, or what was extracted: numbers, if it is one */
};
size_t fields_count(const struct fields *fields);
const char *fields_label(const struct fields *fields, size_t column);
enum fields_type fields_type(const struct fields *fields, size_t column);
struct cell fields_cell(struct fields *fields, size_t column,
                        const struct record *record);

/* Values that no field of the rows has shown: not UTF-8, or without a column
 * of their own. 0: nothing is missing. */
uint64_t fields_left_out(const struct fields *fields);

#endif
