/* talk_plugin - what fan-worker and fan-plugin write to each other
 *
 * A framing as those of docs/coprocess.md, but between two ends of our own:
 * with the key of a task, the names of its values, exit codes and CPU times.
 * Numbers are little endian.
 *
 *     greeting  {"fan":1,"framing":"plugin"} and a newline; with "refused", a
 *               text, where the slot cannot be set up
 *     call      u32 size of what follows, u64 task, u32 failures so far, the
 *               key of 16 bytes, the payload
 *     result    u32 size of what follows, u64 task, u8 exit code, u8 flags,
 *               u64 user and u64 system time in microseconds, u32 size of
 *               stderr, stderr, stdout
 *
 * Pure: bytes to meanings and back.
 */
#ifndef WORKER_TALK_PLUGIN_H
#define WORKER_TALK_PLUGIN_H

#include "worker/talk_frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CALL_HEAD = 4 + 8 + 4 + 16,
    RESULT_HEAD = 4 + 8 + 1 + 1 + 8 + 8 + 4,
};

enum result_flag {
    RESULT_OUT_CUT = 1,
    RESULT_ERR_CUT = 2,
    RESULT_NO_MEMORY = 4, /* for what it wrote: that is not all here */
    RESULT_PROGRESS = 8,  /* it has not ended. How far it is stands in place of
                           * the user time, in millionths; stdout is a text */
};

/* Appends a greeting; `refused` is NULL where tasks may come. Fails as `out`
 * does. */
void call_put_greeting(struct buffer *out, const char *refused);

/* Appends a call. 0, -E2BIG or -ENOMEM. */
int call_put(struct buffer *out, const struct frame_task *task);

struct call {
    uint64_t task;
    uint32_t failures;
    struct id128 key;
    size_t payload_size; /* what follows the head */
};
/* False: no call begins so. */
bool call_get(const uint8_t head[CALL_HEAD], struct call *call);

/* The head of a result; stderr and stdout are to follow. */
void call_put_result(struct buffer *out, uint64_t task,
                     const struct frame_result *result, size_t err_size,
                     size_t out_size);
/* As frame_get_answer; stdout is the answer's value. */
enum frame_found call_get_result(struct span bytes, uint64_t value_max,
                                 struct frame_answer *answer);

#endif
