/* result - what RESULTS says of a task that has ended */
#ifndef WORKER_RESULT_H
#define WORKER_RESULT_H

#include "common/base/bytes.h"
#include "worker/exec.h"
#include "worker/slots.h"

#include <stddef.h>

enum {
    RESULTS_BYTES = 1 << 20, /* of one RESULTS, where it has several results:
                              * the sink writes one while the next is made */
};

/* Adds a result to a list behind WIRE_RESULTS_HEAD bytes, which it makes where
 * they are not there yet. `values` are the task's, encoded. Fails as `frame`
 * does. Any thread. */
void result_add(struct buffer *frame, const struct slot_task *task,
                struct span values, const struct exec_end *end);
/* At most that many bytes come with it. */
size_t result_size_max(struct span values, const struct exec_end *end);

#endif
