/* stored - turns log records into the lists of a STORED message
 *
 * Plain finals (ok, in round 0) become runs, everything else entries. It looks
 * at one record at a time and at nothing else, so that a log read again gives
 * the same lists as the live one. Pure: no clock, no I/O.
 */
#ifndef SINK_STORED_H
#define SINK_STORED_H

#include "common/store/record.h"
#include "common/wire/wire.h"

/* A zeroed one is empty and ready. */
struct stored {
    struct wire_run *runs;
    size_t run_count, run_capacity;
    struct wire_stored_entry *entries;
    size_t entry_count, entry_capacity;
};

void stored_free(struct stored *stored);  /* empty and ready again */
void stored_clear(struct stored *stored); /* keeps memory */
/* Returns 0 or -ENOMEM (unchanged). Amortised O(1). */
int stored_add(struct stored *stored, const struct record *record);
/* Sorts and joins the runs; call before sending. */
void stored_settle(struct stored *stored);

#endif
