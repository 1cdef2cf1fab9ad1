/* sink_results - takes RESULTS from the workers into the present group */
#ifndef SINK_SINK_RESULTS_H
#define SINK_SINK_RESULTS_H

#include "sink/sink_state.h"

/* Takes what has arrived, up to the bounds of a group. */
void sink_drain_results(struct sink *sink);

#endif
