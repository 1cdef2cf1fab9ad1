/* convert - peers' messages as records of the log; pure, borrows throughout */
#ifndef SINK_CONVERT_H
#define SINK_CONVERT_H

#include "common/store/record.h"
#include "common/wire/wire.h"

/* `values` as wire_put_values writes them. ok is final, all else an attempt. */
struct record record_of_result(const struct wire_result *result,
                               const struct id128 *worker, struct span host,
                               struct span values);
/* Kinds that are none give EVENTS as event. `generation` is the link's. */
struct record record_of_wire(const struct wire_record *record,
                             uint32_t generation);

#endif
