/* ledger_state - the ledger's own fields, for ledger*.c only */
#ifndef SINK_LEDGER_STATE_H
#define SINK_LEDGER_STATE_H

#include "common/base/map.h"
#include "common/base/numset.h"
#include "common/template/edits.h"
#include "sink/ledger.h"
#include "sink/opens.h"
#include "sink/peers.h"

struct ledger {
    struct numset *finals;          // final in their round
    struct numset *ended[STATUSES]; // those that are not ok, by status
    struct map *rounds;             // task -> round, where it is above 0
    struct opens *opens;
    struct edits *edits; // also of tasks that are final: they may be reopened
    struct peers *peers;
    struct id128 run, ventilator, resumed;
    uint32_t generation;
    uint64_t mark, mark_from, mark_offset;
    uint64_t number_max;  // highest task number seen or marked
    uint64_t number_base; // number_max when last resumed
    uint64_t record_taken, record_durable;
    bool complete, paused;
    bool started;     // recovery is over
    bool acknowledge; // some number waits for the next sync
    struct stored collecting, released;
    struct wire_worker_mark *marks;
    size_t mark_capacity;
};

#endif
