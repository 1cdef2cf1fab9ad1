/* sync - SYNC and its answer, and STORED told again from the log */
#ifndef SINK_SYNC_H
#define SINK_SYNC_H

#include "sink/sink_state.h"

/* Grants a generation, durable before it is said, and tells what is stored.
 * False when the message is refused: malformed, or of a fenced ventilator. */
bool sink_sync(struct sink *sink, const struct wire_header *header,
               struct span body, int64_t now_ms);
/* Reads the log from `from` up to what STORED has told, and tells it again.
 * The caller has committed nothing in between: told is the log's end. */
void sink_tell_again(struct sink *sink, uint64_t from);

#endif
