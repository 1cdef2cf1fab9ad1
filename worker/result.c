#include "worker/result.h"

#include "common/wire/wire.h"

size_t result_size_max(struct span values, const struct exec_end *end)
{
    enum { AROUND = 128 };
    return end->out.size + end->err.size + values.size + end->note.size +
           AROUND;
}

void result_add(struct buffer *frame, const struct slot_task *task,
                struct span values, const struct exec_end *end)
{
    const unsigned flags = (end->out_cut ? RESULT_STDOUT_CUT : 0U) |
                           (end->err_cut ? RESULT_STDERR_CUT : 0U) |
                           (task->alone ? RESULT_ALONE : 0U) |
                           (task->copy ? RESULT_COPY : 0U) |
                           (task->edited ? RESULT_EDITED : 0U);
    const struct wire_result result = {
        .task = task->task,
        .round = task->round,
        .generation = task->generation,
        .attempt = task->attempt,
        .key = task->key,
        .class = (uint8_t)end->class,
        .flags = (uint8_t)flags,
        .signal = end->signal,
        .exit = end->exit,
        .slot = end->slot,
        .start_us = end->start_us,
        .wall_us = end->wall_us,
        .user_us = end->user_us,
        .sys_us = end->sys_us,
        .maxrss_bytes = end->maxrss_bytes,
        .note = end->note,
        .out = end->out,
        .err = end->err,
    };
    if (frame->size == 0)
        (void)buffer_extend(frame, WIRE_RESULTS_HEAD);
    wire_add_result(frame, &result, values);
}
