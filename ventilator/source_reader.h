/* source_reader - one input file, record by record
 *
 * A record ends with the separator (a newline or a NUL) or the file. Memory is
 * one record, at most SOURCE_LINE_MAX and a block; longer ones are skipped.
 * A copied input may still grow: its end is known when `input.end` is beside
 * it. Others may add to an open one: once `input.open` is there, that says how
 * much of it counts, and what stands behind it may change.
 */
#ifndef VENTILATOR_SOURCE_READER_H
#define VENTILATOR_SOURCE_READER_H

#include "ventilator/source.h"

struct source_reader;

struct source_reader_options {
    const char *path;
    const char *end_path;  /* of the marker of a growing copy; else NULL */
    const char *open_path; /* of what says how much of an open one counts */
    const char *dir;       /* where the marker will appear */
    char separator;        /* '\n' or '\0' */
    bool quotes;           /* CSV: a separator within quotes is none */
    bool blank;            /* give blank records, too */
};

enum record_result {
    RECORD_READ,
    RECORD_LONG,     // over SOURCE_LINE_MAX; skipped
    RECORD_NUL,      // holds a NUL byte; skipped
    RECORD_UNCLOSED, // the file ends within quotes
    RECORD_LATER,    // the copy has no whole record yet
    RECORD_END,
    RECORD_ERROR, // see problem
};

/* Copies what it keeps of `options`. NULL with a problem. */
struct source_reader *
source_reader_open(const struct source_reader_options *options,
                   struct problem *problem);
void source_reader_close(struct source_reader **reader);

/* Gives the next record without its separator, live until the next call, and
 * where it starts. A copy's bytes are fdatasynced before they are given. */
enum record_result source_reader_next(struct source_reader *reader,
                                      struct span *record, uint64_t *offset,
                                      struct problem *problem);
/* Where the next record starts. */
uint64_t source_reader_offset(const struct source_reader *reader);
void source_reader_seek(struct source_reader *reader, uint64_t offset);
/* Bytes in all; 0 while that is unknown. */
uint64_t source_reader_size(const struct source_reader *reader);
/* As source_fd and source_fd_clear. */
int source_reader_fd(const struct source_reader *reader);
void source_reader_fd_clear(struct source_reader *reader);

#endif
