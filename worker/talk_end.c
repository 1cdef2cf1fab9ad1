#include "worker/talk_inside.h"

#include <assert.h>
#include <string.h>

enum {
    PAUSE_US = 100 * 1000, // after a start without an answer; doubles
    PAUSE_MAX_US = 5 * 1000 * 1000,
};

static void pause_starts(struct talk *talk)
{
    int64_t pause_us = PAUSE_US;
    for (unsigned i = 0; i < talk->misses && pause_us < PAUSE_MAX_US; i++)
        pause_us *= 2;
    talk->misses++;
    talk->start_us = talk_later(
        talk->now_us, pause_us < PAUSE_MAX_US ? pause_us : PAUSE_MAX_US);
}

void talk_not_started(struct talk *talk, const char *why, int64_t now_us)
{
    talk->now_us = now_us;
    talk->failure = (struct talk_failure){true, CLASS_SPAWN, 0, 0, ""};
    talk_note(talk->failure.note, why);
    pause_starts(talk);
    talk_tell_failure(talk);
}

// Of a process that was stopped by us `why` says it, else how it ended.
static struct talk_failure class_of_end(const struct talk *talk,
                                        struct talk_status status,
                                        const char *early, const char *empty)
{
    struct talk_failure failure = {.pending = true,
                                   .class = talk->why,
                                   .exit = (uint8_t)status.exit,
                                   .signal = (uint8_t)status.signal};
    const bool by_itself = talk->why == CLASS_NONE;
    if (by_itself)
        failure.class = status.signal ? CLASS_SIGNAL : CLASS_EXIT;
    talk_note(failure.note, !by_itself ? talk->note
                            : status.signal == 0 && status.exit == 0 ? empty
                                                                     : early);
    if (failure.class == CLASS_EXIT && failure.exit == 0) {
        failure.exit = FAILED_EXIT;
        failure.signal = 0;
    }
    return failure;
}

// What was written to it goes with it.
static void forget_process(struct talk *talk)
{
    talk_reuse(&talk->in, TALK_TEXT_KEEP);
    talk_reuse(&talk->heard, TALK_TEXT_KEEP);
    talk->in_done = talk->seen = 0;
    talk->sent = 0;
    talk->state = TALK_DOWN;
    talk->due_us = INT64_MAX;
    talk->order = TALK_NOTHING;
}

static struct talk_failure end_of_plugin(const struct talk *talk,
                                         struct talk_status status, bool early)
{
    struct buffer text = {0};
    if (status.signal)
        buffer_printf(&text, "the plugin died of SIG%s",
                      sigabbrev_np(status.signal));
    else
        buffer_printf(&text, "the plugin ended its process with exit code %d",
                      status.exit);
    if (early)
        buffer_printf(&text, " while slot %u was set up", talk->slot);
    put_u8(&text, 0);
    const char *why = text.failed ? "the plugin died" : (const char *)text.at;
    const struct talk_failure failure = class_of_end(talk, status, why, why);
    buffer_free(&text);
    return failure;
}

static struct talk_failure failed_start(const struct talk *talk,
                                        struct talk_status status)
{
    if (talk->framing == FRAMING_PLUGIN)
        return end_of_plugin(talk, status, true);
    if (talk->framing == FRAMING_GREETED)
        return class_of_end(talk, status,
                            "the coprocess ended before it greeted",
                            "the coprocess ended with exit code 0 before it "
                            "greeted (a plain filter needs --framing lines)");
    return class_of_end(talk, status,
                        "the coprocess ended before it was given a task",
                        "the coprocess ended with exit code 0 before it was "
                        "given a task");
}

static struct talk_failure failed_task(const struct talk *talk,
                                       struct talk_status status)
{
    if (talk->framing == FRAMING_PLUGIN)
        return end_of_plugin(talk, status, false);
    return class_of_end(talk, status, "the coprocess ended before it answered",
                        "the coprocess ended with exit code 0 before it "
                        "answered");
}

const struct talk_failure *talk_refused(const struct talk *talk)
{
    return talk->served || !talk->failure.pending ? NULL : &talk->failure;
}

void talk_ended(struct talk *talk, struct talk_status status, int64_t now_us)
{
    assert(talk->state != TALK_DOWN);
    talk->now_us = now_us;
    // Of a plugin that was set up, the task is to blame.
    const bool fruitful =
        talk->framing == FRAMING_PLUGIN ? talk->greeted : talk->answers > 0;
    const bool fruitless = !fruitful && !talk->recycle;
    if (talk->sent > 0) {
        const struct talk_failure failure = failed_task(talk, status);
        struct talk_job *job = talk_current(talk);
        talk_fail(job, failure.class, failure.exit, failure.note);
        job->signal = failure.signal;
        talk_end(talk);
    } else if (fruitless || talk->why != CLASS_NONE) {
        talk->failure = failed_start(talk, status);
    }
    talk->start_us = INT64_MIN;
    if (fruitless)
        pause_starts(talk);
    forget_process(talk);
    talk_tell_failure(talk);
}
