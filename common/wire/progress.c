#include "common/wire/codec.h"

void wire_put_progress(struct buffer *out, const struct wire_header *header,
                       struct span waits, const struct wire_long *tasks,
                       size_t count)
{
    const size_t begun = codec_begin(out, header, WIRE_PROGRESS);
    put_span16(out, waits);
    codec_put_count(out, count);
    for (size_t i = 0; i < count; i++) {
        put_u64(out, tasks[i].task);
        put_u32(out, tasks[i].slot);
        put_u64(out, tasks[i].wall_ms);
        put_u32(out, tasks[i].done);
        put_span16(out, tasks[i].text);
    }
    codec_end(out, begun);
}

static struct wire_long read_long(struct reader *reader)
{
    struct wire_long task = {0};
    task.task = read_u64(reader);
    task.slot = read_u32(reader);
    task.wall_ms = read_u64(reader);
    task.done = read_u32(reader);
    task.text = codec_read_text(reader);
    if (task.done > PROGRESS_WHOLE && task.done != PROGRESS_UNKNOWN)
        reader->failed = true;
    return task;
}

static void check_long(struct reader *reader)
{
    (void)read_long(reader);
}

static const struct codec_kind LONG = {check_long, 26, PROGRESS_TASKS_MAX};

bool wire_get_progress(struct span body, struct wire_progress *progress)
{
    struct reader reader = reader_over(body);
    progress->waits = codec_read_text(&reader);
    progress->tasks = codec_read_list(&reader, &LONG);
    return reader_done(&reader);
}

bool wire_next_long(struct wire_list *list, struct wire_long *task)
{
    if (!codec_next(list))
        return false;
    *task = read_long(&list->reader);
    return true;
}

void wire_add_longest(struct wire_longest *longest,
                      const struct wire_long *task)
{
    size_t place = longest->count;
    while (place > 0 && longest->at[place - 1].wall_ms < task->wall_ms)
        place--;
    if (place == PROGRESS_TASKS_MAX)
        return;
    if (longest->count < PROGRESS_TASKS_MAX)
        longest->count++;
    for (size_t i = longest->count - 1; i > place; i--)
        longest->at[i] = longest->at[i - 1];
    longest->at[place] = *task;
}
