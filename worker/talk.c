#include "worker/talk.h"

#include "common/template/template.h"
#include "worker/talk_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUIET_ENOUGH = 32,        // answers without a word on stderr
    AHEAD_SIZE_MAX = 4 << 10, // of a task that is written ahead
    KEEP = 64 << 10,          // memory a place keeps from task to task
};
/* Tasks with a process at a time, by framing: a reader of lines may take in
 * more of them than it works on, and nothing of that can be had back. A plain
 * filter cannot say which task it answers. */
static const uint32_t DEPTHS[] = {[FRAMING_GREETED] = 1,
                                  [FRAMING_NDJSON] = 8,
                                  [FRAMING_BINARY] = TALK_PLACES,
                                  [FRAMING_LINES] = 1,
                                  [FRAMING_PLUGIN] = TALK_PLACES};

int talk_init(struct talk *talk, const struct talk_settings *settings,
              uint32_t slot)
{
    *talk = (struct talk){.settings = settings,
                          .slot = slot,
                          .due_us = INT64_MAX,
                          .start_us = INT64_MIN,
                          .order = TALK_NOTHING};
    talk->jobs = calloc(TALK_PLACES, sizeof *talk->jobs);
    return talk->jobs ? 0 : -ENOMEM;
}

void talk_clear(struct talk *talk)
{
    for (uint32_t i = 0; talk->jobs && i < TALK_PLACES; i++) {
        buffer_free(&talk->jobs[i].out);
        buffer_free(&talk->jobs[i].err);
    }
    free(talk->jobs);
    talk->jobs = NULL;
    buffer_free(&talk->in);
    buffer_free(&talk->heard);
    buffer_free(&talk->err);
}

int64_t talk_later(int64_t now_us, int64_t by_us)
{
    return by_us > INT64_MAX - now_us ? INT64_MAX : now_us + by_us;
}

void talk_reuse(struct buffer *buffer, size_t keep)
{
    if (buffer->capacity > keep || buffer->failed)
        buffer_free(buffer);
    else
        buffer_clear(buffer);
}

void talk_note(char to[TALK_NOTE_SIZE], const char *text)
{
    const size_t size = strnlen(text, TALK_NOTE_SIZE - 1);
    memcpy(to, text, size);
    to[size] = '\0';
}

static struct talk_job *job_at(const struct talk *talk, uint32_t index)
{
    return &talk->jobs[(talk->first + index) & (TALK_PLACES - 1)];
}

// The first that has not ended.
struct talk_job *talk_current(const struct talk *talk)
{
    return job_at(talk, talk->ended);
}

/* -- stopping -- */

static void order_stop(struct talk *talk, enum talk_order order)
{
    talk->order = order;
    talk->asked = order != TALK_CLOSE;
    talk->due_us = order == TALK_KILL
                       ? INT64_MAX
                       : talk_later(talk->now_us, talk->settings->grace_us);
}

// The first reason stands.
void talk_stop(struct talk *talk, enum fail_class class, const char *why,
               enum talk_order order)
{
    if (talk->state != TALK_STARTING && talk->state != TALK_READY)
        return;
    talk->state = TALK_STOPPING;
    talk->why = class;
    talk_note(talk->note, why);
    order_stop(talk, order);
}

/* -- ends of tasks -- */

void talk_begin(struct talk *talk)
{
    progress_clear(&talk->progress);
    if (talk->sent == 0) {
        talk->due_us = INT64_MAX;
        return;
    }
    struct talk_job *job = talk_current(talk);
    const int64_t own_ms = job->held->timeout_ms;
    job->began_us = talk->now_us;
    talk->due_us =
        talk_later(talk->now_us, own_ms > INT64_MAX / 1000 ? INT64_MAX
                                 : own_ms > 0              ? own_ms * 1000
                                              : talk->settings->timeout_us);
    talk->number++;
}

// The current one has ended: what was said meanwhile is its.
void talk_end(struct talk *talk)
{
    struct talk_job *job = talk_current(talk);
    const struct buffer empty = job->err;
    job->wall_us = talk->now_us - job->began_us;
    job->err = talk->err;
    talk->err = empty;
    job->err_cut = talk->err_cut;
    talk->err_cut = false;
    if (job->err.size == 0)
        talk->quiet++;
    if (talk->sent > 0)
        talk->sent--;
    talk->ended++;
}

void talk_fail(struct talk_job *job, enum fail_class class, int exit,
               const char *why)
{
    job->class = class;
    job->exit = (uint8_t)exit;
    talk_note(job->note, why);
}

// Ends the first task that waits with the failure of a start.
void talk_tell_failure(struct talk *talk)
{
    struct talk_failure *failure = &talk->failure;
    if (!failure->pending || talk->sent > 0 || talk->held == talk->ended)
        return;
    struct talk_job *job = talk_current(talk);
    talk_fail(job, failure->class, failure->exit, failure->note);
    job->signal = failure->signal;
    job->began_us = talk->now_us;
    talk_end(talk);
    failure->pending = false;
}

/* -- tasks -- */

bool talk_has_room(const struct talk *talk, uint32_t depth)
{
    const uint32_t waiting = talk->held - talk->ended;
    if (talk->held == TALK_PLACES)
        return false;
    if (talk->failure.pending)
        return waiting == 0;
    if (talk->state != TALK_READY || talk->recycle)
        return false;
    const uint32_t most = DEPTHS[talk->framing];
    if (talk->quiet < QUIET_ENOUGH)
        return waiting == 0;
    return waiting < (depth < most ? depth : most);
}

void talk_hand(struct talk *talk, const struct slot_task *task)
{
    assert(talk->held < TALK_PLACES);
    struct talk_job *job = job_at(talk, talk->held++);
    job->held = task;
    job->class = CLASS_NONE;
    job->exit = job->signal = 0;
    job->out_cut = job->err_cut = false;
    job->size = 0;
    job->wall_us = 0;
    job->user_us = job->sys_us = 0;
    job->note[0] = '\0';
}

// A task that cannot be told ends in its turn. False: not now.
static bool write_next(struct talk *talk)
{
    struct talk_job *job = job_at(talk, talk->ended + talk->sent);
    const struct slot_task *task = job->held;
    const struct frame_task told = {
        .task = task->task,
        .seed = template_seed(talk->settings->seed, task->task),
        .attempt = task->failures + 1,
        .slot = talk->slot,
        .key = task->key,
        .payload = task->payload};
    const size_t from = talk->in.size;
    const int code = frame_put_task(&talk->in, talk->framing, &told);
    const size_t size = talk->in.size - from;
    talk->in.failed = false;
    if (talk->sent > 0 && (code < 0 || size > AHEAD_SIZE_MAX)) {
        talk->in.size = from;
        return false;
    }
    if (code < 0) {
        job->began_us = talk->now_us;
        talk_fail(job, CLASS_SPAWN, 0,
                  code == -EILSEQ ? "it has a line break: a line cannot hold it"
                  : code == -E2BIG  ? "it is too long for a coprocess"
                  : code == -ENOMEM ? "out of memory"
                                    : "what the task holds is malformed");
        talk_end(talk);
        return true;
    }
    job->size = size;
    if (talk->sent++ == 0)
        talk_begin(talk);
    return true;
}

void talk_recycle_if_due(struct talk *talk)
{
    if (talk->answers + talk->sent >= talk->settings->tasks_max)
        talk->recycle = true;
    if (talk->recycle && talk->sent == 0 && talk->state == TALK_READY)
        talk_stop(talk, CLASS_NONE, "", TALK_CLOSE);
}

void talk_fill(struct talk *talk, int64_t now_us)
{
    talk->now_us = now_us;
    talk_tell_failure(talk);
    while (talk->state == TALK_READY && !talk->recycle &&
           talk->ended + talk->sent < talk->held && write_next(talk))
        talk_recycle_if_due(talk);
}

void talk_give_back(struct talk *talk,
                    void (*take)(void *argument, const struct slot_task *task),
                    void *argument)
{
    while (talk->held > talk->ended + talk->sent)
        take(argument, job_at(talk, --talk->held)->held);
}

uint64_t talk_running(const struct talk *talk)
{
    return talk->sent > 0 ? talk->number : 0;
}

const struct slot_task *talk_running_task(const struct talk *talk)
{
    return talk->sent > 0 ? talk_current(talk)->held : NULL;
}

void talk_cancel(struct talk *talk, int64_t now_us)
{
    talk->now_us = now_us;
    if (talk->sent > 0)
        talk_stop(talk, CLASS_CANCELLED, "", TALK_TERM);
}

const struct talk_job *talk_next(const struct talk *talk)
{
    return talk->ended > 0 ? job_at(talk, 0) : NULL;
}

void talk_release(struct talk *talk)
{
    assert(talk->ended > 0);
    struct talk_job *job = job_at(talk, 0);
    talk_reuse(&job->out, KEEP);
    talk_reuse(&job->err, KEEP);
    talk->first++;
    talk->ended--;
    talk->held--;
}

/* -- the process -- */

bool talk_may_start(const struct talk *talk, int64_t now_us)
{
    return talk->state == TALK_DOWN && !talk->failure.pending &&
           now_us >= talk->start_us;
}

void talk_started(struct talk *talk, int64_t now_us)
{
    assert(talk->state == TALK_DOWN);
    talk->now_us = now_us;
    talk->framing = talk->settings->framing;
    talk->state = talk->framing == FRAMING_LINES ? TALK_READY : TALK_STARTING;
    // To set up a plugin's slot may take any time.
    talk->due_us = talk->framing == FRAMING_GREETED
                       ? talk_later(now_us, talk->settings->timeout_us)
                       : INT64_MAX;
    talk->answers = 0;
    talk->quiet = 0;
    talk->why = CLASS_NONE;
    talk->recycle = talk->asked = false;
    talk->answered = talk->greeted = false;
    talk->order = TALK_NOTHING;
    talk->note[0] = '\0';
}

void talk_hung_up(struct talk *talk, int64_t now_us)
{
    talk->now_us = now_us;
    talk_stop(talk, CLASS_NONE, "", TALK_CLOSE);
}

void talk_recycle(struct talk *talk, int64_t now_us)
{
    talk->now_us = now_us;
    if (talk->state != TALK_READY)
        return;
    talk->recycle = true;
    talk_recycle_if_due(talk);
}

struct span talk_unsent(const struct talk *talk)
{
    if (talk->state != TALK_READY || talk->in_done == talk->in.size)
        return (struct span){0};
    return (struct span){talk->in.at + talk->in_done,
                         talk->in.size - talk->in_done};
}

void talk_sent(struct talk *talk, size_t size)
{
    assert(size <= talk->in.size - talk->in_done);
    talk->in_done += size;
    if (talk->in_done < talk->in.size)
        return;
    talk_reuse(&talk->in, TALK_TEXT_KEEP);
    talk->in_done = 0;
}

void talk_unsend(struct talk *talk, struct span back)
{
    if (talk->state != TALK_READY) // its end has a limit, and one to blame
        return;
    struct buffer rest = {0};
    const size_t unsent = talk->in.size - talk->in_done;
    size_t left = back.size + unsent;
    if (back.size > 0)
        buffer_append(&rest, back.at, back.size);
    if (unsent > 0)
        buffer_append(&rest, talk->in.at + talk->in_done, unsent);
    if (rest.failed) { // what it was is not known any more
        buffer_free(&rest);
        talk_stop(talk, CLASS_SPAWN, "out of memory", TALK_KILL);
        return;
    }
    while (talk->sent > 0) {
        const size_t size = job_at(talk, talk->ended + talk->sent - 1)->size;
        if (left < size)
            break;
        left -= size;
        talk->sent--;
    }
    rest.size = left;
    buffer_free(&talk->in);
    talk->in = rest;
    talk->in_done = 0;
    if (talk->sent > 0)
        return;
    talk_begin(talk);
    talk->quiet = 0; // it does not read: its next task must meet its time limit
}

/* -- time -- */

void talk_turn(struct talk *talk, int64_t now_us)
{
    talk->now_us = now_us;
    if (talk->due_us > now_us)
        return;
    if (talk->state == TALK_STOPPING)
        order_stop(talk, talk->asked ? TALK_KILL : TALK_TERM);
    else
        talk_stop(talk, CLASS_TIMEOUT,
                  talk->state == TALK_STARTING
                      ? "the coprocess did not greet in "
                        "the time of --timeout"
                      : "",
                  TALK_TERM);
}

int64_t talk_due_us(const struct talk *talk)
{
    return talk->due_us;
}

enum talk_order talk_take_order(struct talk *talk)
{
    const enum talk_order order = talk->order;
    talk->order = TALK_NOTHING;
    return order;
}
