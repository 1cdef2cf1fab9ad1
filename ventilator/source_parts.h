/* source_parts - the kinds of input behind a source; for source*.c only
 *
 * Each kind is a row of functions. A kind that reads a file has the source's
 * reader; a kind that generates has an offset of 0 throughout, but the sweep's
 * is the number of a combination.
 */
#ifndef VENTILATOR_SOURCE_PARTS_H
#define VENTILATOR_SOURCE_PARTS_H

#include "ventilator/source_reader.h"

struct source_array;
struct source_product;
struct source_sweep;

/* What a kind does; `self` gives where it keeps its own things. */
struct source_kind {
    /* Fills in the task `source->ordinal`: values, whole and input, and
     * place.offset. Returns as source_next; the caller counts. */
    enum source_result (*next)(struct source *source, struct source_task *task,
                               struct problem *problem);
    /* The rest may be NULL. */
    void (*close)(struct source *source);
    uint64_t (*total)(const struct source *source);
    /* Forgets what it holds of the task it was at; goes to that place. */
    void (*seek)(struct source *source, uint64_t offset);
    /* Where the next task's record starts, if not where the reader is. */
    bool (*place)(const struct source *source, uint64_t *offset);
};

struct source {
    const struct source_kind *kind;
    struct source_reader *reader; // NULL where tasks are generated
    uint64_t ordinal;             // of the next task
    uint64_t first_offset;        // of the first record: after BOM and header
    struct wire_pair *values;
    size_t value_count, value_capacity;
    struct buffer scratch; // what values had to be unpacked into
    char **names;          // of columns; NULL: none known beforehand
    size_t name_count;
    bool per_task; // names come with each task
    bool verbatim; // records are no lines of text
    char *colsep;  // NULL: CSV
    struct source_array *array;
    struct source_product *product;
    struct source_sweep *sweep;
};

/* Opens the reader of `path`; "-" is the copy of standard input. */
int source_open_reader(struct source *source, const struct settings *settings,
                       const char *dir, const char *path,
                       struct problem *problem);
/* Reads a record for a task, without marks of text files: SOURCE_TASK with
 * *record, or what to return. */
enum source_result source_record(struct source *source, struct span *record,
                                 uint64_t *offset, struct problem *problem);
/* Room for one more value; NULL when out of memory. */
struct wire_pair *source_add_value(struct source *source);
/* Takes over `name`. 0 or -ENOMEM (then it is freed). */
int source_add_name(struct source *source, char *name);

/* An object's fields as values, by jansson: SOURCE_TASK, SOURCE_BAD or
 * SOURCE_ERROR with a problem. `offset` is for the problem's text. */
enum source_result source_tree(struct source *source, struct span line,
                               uint64_t offset, struct problem *problem);
/* The same without a tree, for a flat object in plain JSON. False: it is for
 * source_tree, with no values. */
bool source_flat(struct source *source, struct span line);
/* Appends a string or a number as a value has it; 0, or -EINVAL, -ENOMEM. */
int source_put_scalar(struct buffer *out, struct span text);
/* Names and values without an address are those in the scratch, in order. */
void source_fix_values(struct source *source);

extern const struct source_kind SOURCE_KIND_TABLE, SOURCE_KIND_JSON,
    SOURCE_KIND_ARRAY, SOURCE_KIND_PRODUCT, SOURCE_KIND_SWEEP;
/* Each opens what its kind needs; 0 or -errno with a problem. */
int source_open_table(struct source *source, const struct settings *settings,
                      struct problem *problem);
int source_open_array(struct source *source, const char *text,
                      struct problem *problem);
int source_open_product(struct source *source, const struct settings *settings,
                        const char *dir, struct problem *problem);
int source_open_sweep(struct source *source, const struct settings *settings,
                      struct problem *problem);

#endif
