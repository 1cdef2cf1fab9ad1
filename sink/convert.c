#include "sink/convert.h"

struct record record_of_result(const struct wire_result *result,
                               const struct id128 *worker, struct span host,
                               struct span values)
{
    const bool ok = result->class == CLASS_NONE;
    return (struct record){
        .event = EVENT_NONE,
        .task = result->task,
        .key = result->key,
        .final = ok,
        .status = ok ? STATUS_OK : STATUS_FAILED,
        .round = result->round,
        .class = (enum fail_class)result->class,
        .exit = result->exit,
        .signal = result->signal,
        .attempt = result->attempt,
        .generation = result->generation,
        .worker = *worker,
        .host = host,
        .slot = result->slot,
        .start_us = result->start_us,
        .wall_us = result->wall_us,
        .user_us = result->user_us,
        .sys_us = result->sys_us,
        .maxrss_bytes = result->maxrss_bytes,
        .has_args = values.size > 0,
        .values = values,
        .out = result->out,
        .err = result->err,
        .out_cut = (result->flags & RESULT_STDOUT_CUT) != 0,
        .err_cut = (result->flags & RESULT_STDERR_CUT) != 0,
        .note = result->note,
        .copy = (result->flags & RESULT_COPY) != 0,
        .edited = (result->flags & RESULT_EDITED) != 0,
    };
}

static enum event event_of(uint8_t kind)
{
    switch ((enum record_kind)kind) {
    case RECORD_FINAL:
    case RECORD_LOST:
        return EVENT_NONE;
    case RECORD_JOINED:
        return EVENT_JOINED;
    case RECORD_LEFT:
        return EVENT_LEFT;
    case RECORD_MARK:
        return EVENT_MARK;
    case RECORD_REOPENED:
        return EVENT_REOPENED;
    case RECORD_DECISION:
        return EVENT_DECISION;
    case RECORD_COMPLETE:
        return EVENT_COMPLETE;
    case RECORD_HOST:
        return EVENT_HOST;
    case RECORD_PAUSED:
        return EVENT_PAUSED;
    case RECORD_UNPAUSED:
        return EVENT_UNPAUSED;
    case RECORD_KINDS:
        break;
    }
    return EVENTS;
}

static bool may_be_persons(uint8_t kind)
{
    return kind == RECORD_FINAL || kind == RECORD_DECISION ||
           kind == RECORD_PAUSED || kind == RECORD_UNPAUSED;
}

// Up to a line break, which goes with it.
static struct span take_line(struct span *text)
{
    struct span line = {text->at, 0};
    while (line.size < text->size && text->at[line.size] != '\n')
        line.size++;
    const size_t taken = line.size + (line.size < text->size);
    text->at += taken;
    text->size -= taken;
    return line;
}

static void take_person(struct record *made, const struct wire_record *record)
{
    struct span text = record->text;
    made->user = take_line(&text);
    made->note = take_line(&text);
    made->edit = text;
    made->start_us = record->a <= INT64_MAX ? (int64_t)record->a : 0;
    made->mem_max = record->b;
    made->a = made->b = 0;
}

struct record record_of_wire(const struct wire_record *record,
                             uint32_t generation)
{
    struct record made = {
        .event = event_of(record->kind),
        .task = record->task,
        .round = record->round,
        .status = (enum status)record->status,
        .class = (enum fail_class)record->class,
        .attempt = record->attempt,
        .generation = record->generation,
        .number = record->number,
        .worker = record->subject,
        .a = record->a,
        .b = record->b,
        .c = record->c,
    };
    if (record->kind == RECORD_JOINED) {
        made.host = record->text;
        made.pid = record->pid;
        made.pid_start = record->a;
        made.boot = record->extra;
        made.a = 0;
    } else if (record->kind == RECORD_HOST) {
        made.host = record->text;
        made.barred_us = record->a * 1000;
        made.a = 0;
    } else {
        made.note = record->text;
    }
    if ((record->flags & RECORD_PERSON) != 0 && may_be_persons(record->kind))
        take_person(&made, record);
    if (record->kind == RECORD_FINAL) {
        made.final = true;
        made.key = record->extra;
    } else if (record->kind == RECORD_LOST) {
        made.status = STATUS_LOST;
        made.class = CLASS_LOST;
        made.key = record->extra;
        made.ran = (record->flags & RECORD_RAN) != 0;
        made.crash = (record->flags & RECORD_CRASH) != 0;
        made.alone = (record->flags & RECORD_ALONE) != 0;
    }
    if (made.event != EVENT_NONE && made.event != EVENT_REOPENED) {
        made.generation = generation;
        made.attempt = 1;
    }
    return made;
}
