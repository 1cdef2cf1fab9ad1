/* cell - one field of a task's record, as a value to print */
#ifndef COMMAND_CELL_H
#define COMMAND_CELL_H

#include "common/base/bytes.h"
#include "common/store/record.h"

#include <stdbool.h>
#include <stdint.h>

enum cell_field {
    CELL_TASK,
    CELL_STATUS,
    CELL_FINAL,
    CELL_EXIT,
    CELL_SIGNAL,
    CELL_CLASS,
    CELL_ATTEMPT,
    CELL_ROUND,
    CELL_GENERATION,
    CELL_HOST,
    CELL_SLOT,
    CELL_WORKER,
    CELL_START,
    CELL_WALL,
    CELL_USER,
    CELL_SYS,
    CELL_MAXRSS,
    CELL_ARGS,
    CELL_STDOUT,
    CELL_STDERR,
    CELL_TRUNCATED,
    CELL_NOTE,
    CELL_KEY,
    CELL_STDOUT_BASE64,
    CELL_STDERR_BASE64,
    CELL_ARGS_BASE64,
    CELL_ARGUMENT, // args.NAME or args.N
    CELL_EXTRACT,  // picked out of stdout: see extract.h
    CELL_FIELDS
};
#define CELL_ARGUMENT_PREFIX "args."

/* As in the log; of all before CELL_ARGUMENT. */
const char *cell_field_name(enum cell_field field);
/* CELL_FIELDS when there is none of that name. */
enum cell_field cell_field_of(struct span name);

enum cell_kind {
    CELL_NOTHING,
    CELL_TEXT,        // UTF-8
    CELL_BINARY,      // text that is not UTF-8
    CELL_BINARY_JSON, // a list with base64 in it, spelled out
    CELL_JSON,        // a number, true, false, a list or an object, spelled out
};
struct cell {
    enum cell_kind kind;
    struct span text;
};

/* Makes the cell; its text lives in the record or in `scratch`, to which it
 * is appended. */
struct cell cell_make(const struct record *record, enum cell_field field,
                      struct buffer *scratch);
/* The value called `name`, or the `nth` without a name unless that is 0. */
struct cell cell_argument(const struct record *record, struct span name,
                          uint64_t nth);
/* Of any text: nothing where it is empty. */
struct cell cell_text(struct span text);
/* As JSON has numbers: -1.5e+3, but neither 01 nor 1. nor .5. */
bool cell_is_number(struct span text);
/* Appends "label":value. Binary goes in as "label_base64". */
void cell_put_json(const struct cell *cell, struct span label,
                   struct buffer *out);

#endif
