#include "common/wire/codec.h"

enum {
    TASKS_COUNT_OFFSET = WIRE_HEADER_SIZE + 28,
    TASK_MIN = 58, // bytes of a task without its payload
};

size_t wire_begin_tasks(struct buffer *out, const struct wire_header *header,
                        const struct wire_tasks *tasks)
{
    const size_t begun = codec_begin(out, header, WIRE_TASKS);
    put_u32(out, tasks->lane);
    put_id(out, &tasks->addressee);
    put_u64(out, tasks->number);
    put_u32(out, 0);
    return begun;
}

void wire_add_task(struct buffer *out, const struct wire_task *task)
{
    if (task->payload.size > UINT32_MAX) {
        out->failed = true;
        return;
    }
    uint8_t *room = buffer_extend(out, TASK_MIN + task->payload.size);
    if (!room)
        return;
    store_u64(room, task->task);
    store_u32(room + 8, task->round);
    store_u32(room + 12, task->attempt);
    store_u32(room + 16, task->failures);
    store_u16(room + 20, task->flags);
    store_u64(room + 22, task->timeout_ms);
    store_u64(room + 30, task->mem_max);
    memcpy(room + 38, task->key.byte, sizeof task->key.byte);
    store_u32(room + 54, (uint32_t)task->payload.size);
    if (task->payload.size > 0)
        memcpy(room + TASK_MIN, task->payload.at, task->payload.size);
}

void wire_end_tasks(struct buffer *out, size_t begun, uint32_t count)
{
    set_u32(out, begun + TASKS_COUNT_OFFSET, count);
    codec_end(out, begun);
}

static struct wire_task read_task(struct reader *reader)
{
    struct wire_task task = {0};
    const uint8_t *at = read_bytes(reader, TASK_MIN).at;
    if (!at)
        return task;
    task.task = load_u64(at);
    task.round = load_u32(at + 8);
    task.attempt = load_u32(at + 12);
    task.failures = load_u32(at + 16);
    task.flags = load_u16(at + 20);
    task.timeout_ms = load_u64(at + 22);
    task.mem_max = load_u64(at + 30);
    memcpy(task.key.byte, at + 38, sizeof task.key.byte);
    task.payload = read_bytes(reader, load_u32(at + 54));
    return task;
}

static void check_task(struct reader *reader)
{
    const uint8_t *at = read_bytes(reader, TASK_MIN).at;
    if (at)
        (void)read_bytes(reader, load_u32(at + 54));
}

static const struct codec_kind TASKS = {check_task, TASK_MIN, WIRE_TASKS_MAX};

bool wire_get_tasks(struct span body, struct wire_tasks *tasks)
{
    struct reader reader = reader_over(body);
    tasks->lane = read_u32(&reader);
    tasks->addressee = read_id(&reader);
    tasks->number = read_u64(&reader);
    tasks->tasks = codec_read_list(&reader, &TASKS);
    return reader_done(&reader);
}

bool wire_next_task(struct wire_list *list, struct wire_task *task)
{
    if (!codec_next(list))
        return false;
    *task = read_task(&list->reader);
    return true;
}

void wire_put_report(struct buffer *out, const struct wire_header *header,
                     const struct wire_report *report,
                     struct wire_refs_out queued, struct wire_refs_out running)
{
    const size_t begun = codec_begin(out, header, WIRE_REPORT);
    put_u32(out, report->lane);
    put_u32(out, report->flags);
    put_u64(out, report->received);
    put_u64(out, report->kept);
    put_u64(out, report->made);
    put_u64(out, report->finished);
    put_u64(out, report->busy_us);
    put_u64(out, report->dropped);
    codec_put_refs(out, queued);
    codec_put_refs(out, running);
    codec_end(out, begun);
}

bool wire_get_report(struct span body, struct wire_report *report)
{
    struct reader reader = reader_over(body);
    report->lane = read_u32(&reader);
    report->flags = read_u32(&reader);
    report->received = read_u64(&reader);
    report->kept = read_u64(&reader);
    report->made = read_u64(&reader);
    report->finished = read_u64(&reader);
    report->busy_us = read_u64(&reader);
    report->dropped = read_u64(&reader);
    report->queued = codec_read_refs(&reader);
    report->running = codec_read_refs(&reader);
    return reader_done(&reader);
}

void wire_put_recall(struct buffer *out, const struct wire_header *header,
                     const struct wire_recall *recall)
{
    const size_t begun = codec_begin(out, header, WIRE_RECALL);
    put_u32(out, recall->lane);
    put_u32(out, recall->count);
    codec_end(out, begun);
}

bool wire_get_recall(struct span body, struct wire_recall *recall)
{
    struct reader reader = reader_over(body);
    recall->lane = read_u32(&reader);
    recall->count = read_u32(&reader);
    return reader_done(&reader);
}

void wire_put_returned(struct buffer *out, const struct wire_header *header,
                       uint32_t lane, struct wire_refs_out tasks)
{
    const size_t begun = codec_begin(out, header, WIRE_RETURNED);
    put_u32(out, lane);
    codec_put_refs(out, tasks);
    codec_end(out, begun);
}

bool wire_get_returned(struct span body, struct wire_returned *returned)
{
    struct reader reader = reader_over(body);
    returned->lane = read_u32(&reader);
    returned->tasks = codec_read_refs(&reader);
    return reader_done(&reader);
}

void wire_put_cancel(struct buffer *out, const struct wire_header *header,
                     struct wire_refs_out tasks)
{
    const size_t begun = codec_begin(out, header, WIRE_CANCEL);
    codec_put_refs(out, tasks);
    codec_end(out, begun);
}

bool wire_get_cancel(struct span body, struct wire_cancel *cancel)
{
    struct reader reader = reader_over(body);
    cancel->tasks = codec_read_refs(&reader);
    return reader_done(&reader);
}
