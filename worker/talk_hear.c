#include "worker/talk_inside.h"
#include "worker/talk_json.h"

uint8_t *talk_room(struct talk *talk, size_t size)
{
    if (buffer_reserve(&talk->heard, size))
        return talk->heard.at + talk->heard.size;
    talk_stop(talk, CLASS_OUTPUT, "out of memory for its answer", TALK_KILL);
    return NULL;
}

void talk_came(struct talk *talk, size_t size)
{
    talk->heard.size += size;
}

static void put_error(struct buffer *err, struct span value, bool quoted)
{
    if (quoted)
        talk_json_text(err, value);
    else if (value.size > 0)
        buffer_append(err, value.at, value.size);
    if (err->size == 0 || err->at[err->size - 1] != '\n')
        put_u8(err, '\n');
}

static void keep_to_limit(struct talk *talk)
{
    if (talk->err.size <= talk->settings->output_max)
        return;
    talk->err.size = (size_t)talk->settings->output_max;
    talk->err_cut = true;
}

static void take_answer(struct talk *talk, const struct frame_answer *answer)
{
    struct talk_job *job = talk_current(talk);
    if (answer->failed) {
        put_error(&talk->err, answer->value, talk->framing == FRAMING_NDJSON);
        keep_to_limit(talk);
        talk_fail(job, CLASS_EXIT, FAILED_EXIT, "");
    } else {
        if (answer->value.size > 0)
            buffer_append(&job->out, answer->value.at, answer->value.size);
        if (talk->framing != FRAMING_BINARY)
            put_u8(&job->out, '\n');
    }
    if (talk->err.failed || job->out.failed)
        talk_fail(job, CLASS_OUTPUT, 0, "out of memory for its answer");
    else if (talk->err_cut && !talk->settings->truncate)
        talk_fail(job, CLASS_OUTPUT, 0,
                  "its stderr is longer than --output-max");
}

// A plugin's own end, as plugin_result.c has it of one in a thread.
static void take_result(struct talk *talk, const struct frame_answer *answer)
{
    struct talk_job *job = talk_current(talk);
    const struct frame_result *result = &answer->result;
    if (answer->value.size > 0)
        buffer_append(&job->out, answer->value.at, answer->value.size);
    if (result->err.size > 0)
        buffer_append(&talk->err, result->err.at, result->err.size);
    keep_to_limit(talk);
    job->out_cut = result->out_cut;
    talk->err_cut = talk->err_cut || result->err_cut;
    job->user_us = result->user_us;
    job->sys_us = result->sys_us;
    if (result->no_memory || talk->err.failed || job->out.failed)
        talk_fail(job, CLASS_OUTPUT, 0, "out of memory for its result");
    else if ((job->out_cut || talk->err_cut) && !talk->settings->truncate)
        talk_fail(job, CLASS_OUTPUT, 0,
                  "its result is longer than --output-max");
    else if (result->exit != 0)
        talk_fail(job, CLASS_EXIT, result->exit, "");
}

static void take_progress(struct talk *talk, const struct frame_answer *answer)
{
    const uint64_t done = answer->result.user_us;
    progress_set(&talk->progress,
                 done <= PROGRESS_WHOLE ? (double)done / PROGRESS_WHOLE : -1,
                 answer->value);
}

// Why a plugin takes no tasks is said by itself.
static void take_refusal(struct talk *talk, struct span refused)
{
    struct buffer text = {0};
    talk_json_text(&text, refused);
    put_u8(&text, 0);
    talk_stop(talk, CLASS_SPAWN,
              text.failed ? "out of memory" : (const char *)text.at, TALK_KILL);
    buffer_free(&text);
}

static enum frame_found next_greeting(struct talk *talk, size_t *size)
{
    struct frame_greeting greeting;
    enum frame_found found =
        frame_get_greeting(buffer_span(&talk->heard), &greeting);
    const bool plugin = talk->settings->framing == FRAMING_PLUGIN;
    if (found == FRAME_FOUND &&
        plugin != (greeting.framing == FRAMING_PLUGIN)) {
        greeting.why = "its greeting names another framing";
        found = FRAME_WRONG;
    }
    if (found == FRAME_WRONG)
        talk_stop(talk, CLASS_SPAWN, greeting.why, TALK_KILL);
    else if (found == FRAME_FOUND && plugin && greeting.refused.size > 0)
        take_refusal(talk, greeting.refused);
    if (found != FRAME_FOUND || talk->state != TALK_STARTING)
        return found;
    *size = greeting.size;
    talk->framing = greeting.framing;
    talk->greeted = talk->served = true;
    talk->state = TALK_READY;
    talk->due_us = INT64_MAX;
    return found;
}

// An answer to nobody, or to another task, shows that the count is lost.
static const char *misfit(const struct talk *talk,
                          const struct frame_answer *answer)
{
    if (talk->sent == 0)
        return "it wrote what was no answer to a task";
    if (answer->named && answer->task != talk_current(talk)->held->task)
        return "it answered another task than the one it was to answer";
    return NULL;
}

static enum frame_found next_answer(struct talk *talk, struct span left,
                                    size_t seen, size_t *size)
{
    struct frame_answer answer;
    const enum frame_found found = frame_get_answer(
        talk->framing, left, seen, talk->settings->output_max, &answer);
    if (found == FRAME_LONG)
        talk_stop(talk, CLASS_OUTPUT, "its answer is longer than --output-max",
                  TALK_KILL);
    if (found == FRAME_PART || found == FRAME_LONG)
        return found;
    const char *why = found == FRAME_WRONG ? answer.why : misfit(talk, &answer);
    if (why) {
        talk_stop(talk, CLASS_EXIT, why, TALK_KILL);
        return FRAME_WRONG;
    }
    *size = answer.size;
    if (answer.result.progress) {
        take_progress(talk, &answer);
        return found;
    }
    if (talk->framing == FRAMING_PLUGIN)
        take_result(talk, &answer);
    else
        take_answer(talk, &answer);
    talk_end(talk);
    talk->answers++;
    talk->misses = 0;
    talk_begin(talk);
    return found;
}

// A plugin that was asked to stop returns something all the same, and then
// leaves: that is kept, though the task has failed. True: it may still come.
static bool hear_last(struct talk *talk)
{
    struct frame_answer answer;
    if (talk->framing != FRAMING_PLUGIN || talk->sent == 0 || talk->answered ||
        (talk->why != CLASS_TIMEOUT && talk->why != CLASS_CANCELLED))
        return false;
    enum frame_found found;
    while ((found = frame_get_answer(talk->framing, buffer_span(&talk->heard),
                                     0, talk->settings->output_max, &answer)) ==
               FRAME_FOUND &&
           answer.result.progress)
        buffer_consume(&talk->heard, answer.size);
    if (found == FRAME_PART)
        return true;
    talk->answered = true;
    if (found == FRAME_FOUND && !misfit(talk, &answer))
        take_result(talk, &answer);
    return false;
}

void talk_hear(struct talk *talk, int64_t now_us)
{
    size_t done = 0, size = 0;
    talk->now_us = now_us;
    if (talk->state == TALK_STARTING &&
        next_greeting(talk, &size) == FRAME_FOUND)
        done = size;
    while (talk->state == TALK_READY && done < talk->heard.size) {
        const struct span left = {talk->heard.at + done,
                                  talk->heard.size - done};
        const size_t seen = talk->seen > done ? talk->seen - done : 0;
        if (next_answer(talk, left, seen, &size) != FRAME_FOUND)
            break;
        done += size;
    }
    if (done > 0)
        buffer_consume(&talk->heard, done);
    if (talk->state == TALK_STOPPING && !hear_last(talk))
        buffer_clear(&talk->heard); // it says nothing more that counts
    talk->seen = talk->heard.size;
    if (talk->state == TALK_READY && talk->recycle)
        talk_recycle_if_due(talk);
}

// While it has no task only the end of what it says is kept.
static void keep_tail(struct talk *talk)
{
    if (talk->err.size > TALK_TAIL_MAX)
        buffer_consume(&talk->err, talk->err.size - TALK_TAIL_MAX);
}

void talk_hear_error(struct talk *talk, struct span text, int64_t now_us)
{
    talk->now_us = now_us;
    talk->quiet = 0;
    const uint64_t room = talk->settings->output_max > talk->err.size
                              ? talk->settings->output_max - talk->err.size
                              : 0;
    if (talk->sent == 0) {
        buffer_append(&talk->err, text.at, text.size);
        keep_tail(talk);
        return;
    }
    const size_t size = text.size < room ? text.size : (size_t)room;
    if (size > 0)
        buffer_append(&talk->err, text.at, size);
    if (size == text.size && !talk->err.failed)
        return;
    talk->err_cut = true;
    if (!talk->settings->truncate || talk->err.failed)
        talk_stop(talk, CLASS_OUTPUT,
                  talk->err.failed ? "out of memory for its stderr"
                                   : "its stderr is longer than --output-max",
                  TALK_KILL);
}
