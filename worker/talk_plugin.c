#include "worker/talk_plugin.h"

#include "worker/talk_json.h"

#include <errno.h>

enum {
    CALL_MAX = 1 << 30,
    SAID_MAX = 256, // bytes of a progress's text
};

void call_put_greeting(struct buffer *out, const char *refused)
{
    buffer_append_text(out, "{\"fan\":1,\"framing\":\"plugin\"");
    if (refused) {
        buffer_append_text(out, ",\"refused\":");
        talk_json_put(out, span_of_text(refused));
    }
    buffer_append_text(out, "}\n");
}

int call_put(struct buffer *out, const struct frame_task *task)
{
    if (task->payload.size > CALL_MAX - CALL_HEAD)
        return -E2BIG;
    put_u32(out, (uint32_t)(CALL_HEAD - 4 + task->payload.size));
    put_u64(out, task->task);
    put_u32(out, task->attempt - 1);
    put_id(out, &task->key);
    buffer_append(out, task->payload.at, task->payload.size);
    return out->failed ? -ENOMEM : 0;
}

bool call_get(const uint8_t head[CALL_HEAD], struct call *call)
{
    struct reader reader = reader_over((struct span){head, CALL_HEAD});
    const uint32_t size = read_u32(&reader);
    if (size < CALL_HEAD - 4 || size > CALL_MAX)
        return false;
    call->payload_size = size - (CALL_HEAD - 4);
    call->task = read_u64(&reader);
    call->failures = read_u32(&reader);
    call->key = read_id(&reader);
    return true;
}

void call_put_result(struct buffer *out, uint64_t task,
                     const struct frame_result *result, size_t err_size,
                     size_t out_size)
{
    put_u32(out, (uint32_t)(RESULT_HEAD - 4 + err_size + out_size));
    put_u64(out, task);
    put_u8(out, result->exit);
    put_u8(out, (uint8_t)((result->out_cut ? RESULT_OUT_CUT : 0) |
                          (result->err_cut ? RESULT_ERR_CUT : 0) |
                          (result->no_memory ? RESULT_NO_MEMORY : 0) |
                          (result->progress ? RESULT_PROGRESS : 0)));
    put_u64(out, result->user_us);
    put_u64(out, result->sys_us);
    put_u32(out, (uint32_t)err_size);
}

static enum frame_found wrong(struct frame_answer *answer, const char *why)
{
    answer->why = why;
    return FRAME_WRONG;
}

enum frame_found call_get_result(struct span bytes, uint64_t value_max,
                                 struct frame_answer *answer)
{
    if (bytes.size < 4)
        return FRAME_PART;
    const uint32_t size = load_u32(bytes.at);
    if (size < RESULT_HEAD - 4)
        return wrong(answer, "the plugin wrote into what is fan's");
    const uint64_t most = value_max > SAID_MAX ? value_max : SAID_MAX;
    if ((size - (RESULT_HEAD - 4)) / 2 > most)
        return FRAME_LONG;
    if (bytes.size - 4 < size)
        return FRAME_PART;
    struct reader reader = reader_over((struct span){bytes.at + 4, size});
    struct frame_result *result = &answer->result;
    answer->size = 4 + (size_t)size;
    answer->named = true;
    answer->task = read_u64(&reader);
    result->exit = read_u8(&reader);
    const uint8_t flags = read_u8(&reader);
    result->out_cut = flags & RESULT_OUT_CUT;
    result->err_cut = flags & RESULT_ERR_CUT;
    result->no_memory = flags & RESULT_NO_MEMORY;
    result->progress = flags & RESULT_PROGRESS;
    result->user_us = read_u64(&reader);
    result->sys_us = read_u64(&reader);
    const uint32_t err_size = read_u32(&reader);
    if (err_size > reader_left(&reader))
        return wrong(answer, "the plugin wrote into what is fan's");
    result->err = read_bytes(&reader, err_size);
    answer->value = read_bytes(&reader, reader_left(&reader));
    const uint64_t limit = result->progress ? SAID_MAX : value_max;
    if (result->err.size > limit || answer->value.size > limit)
        return FRAME_LONG;
    return FRAME_FOUND;
}
