/* record_fields - the keys of a record, for its two readers; private to them
 *
 * A row per key, in the order in which record_write writes them: the scanner
 * (record_scan.c) takes fan's own lines in that order, jansson
 * (record_read.c) everything else. Both hand values to the same setters.
 */
#ifndef COMMON_STORE_RECORD_FIELDS_H
#define COMMON_STORE_RECORD_FIELDS_H

#include "common/store/record.h"

#include <stddef.h>

enum field_kind {
    FIELD_U8,
    FIELD_U32,
    FIELD_U64,
    FIELD_SECONDS, // a uint64_t of microseconds
    FIELD_BOOL,
    FIELD_EVENT,
    FIELD_STATUS,
    FIELD_CLASS,
    FIELD_ID,
    FIELD_TIME,
    FIELD_TEXT,
    FIELD_TEXT_BASE64,
    FIELD_ARGS,
    FIELD_ARGS_BASE64,
    FIELD_TRUNCATED,
};

struct field {
    const char *name;
    char key[18]; /* the name as it stands in a line, up to the value */
    uint8_t key_size;
    enum field_kind kind;
    size_t offset; /* in struct record */
};

enum { FIELD_COUNT = 51, FIELD_TEXTS_MAX = 16 };
extern const struct field RECORD_FIELDS[FIELD_COUNT];

/* Where a text ends up in scratch, whose memory may still move. */
struct moved_text {
    struct span *span;
    size_t at;
};
struct record_reading {
    struct record *record;
    struct buffer *scratch;
    struct buffer temp; /* pieces of args */
    struct moved_text moved[FIELD_TEXTS_MAX];
    size_t moved_count;
};

/* Setters return 0, -EBADMSG when the value does not fit its field, or
 * -ENOMEM. */
int record_set_number(struct record *record, const struct field *field,
                      uint64_t value);
int record_set_bool(struct record *record, const struct field *field,
                    bool value);
/* A text that the line holds as it is (`borrowed`), or that is copied. */
int record_set_text(struct record_reading *reading, const struct field *field,
                    struct span text, bool borrowed);
int record_set_truncated(struct record *record, struct span name);
/* Notes that `span` is the last `size` bytes of scratch. */
int record_moved(struct record_reading *reading, struct span *span,
                 size_t size);

/* Returns 0, -EBADMSG when the line is not as fan writes it, -ENOMEM. */
int record_scan(struct record_reading *reading, struct span line);

#endif
