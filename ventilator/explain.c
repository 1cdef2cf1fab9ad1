/* explain - why a task or the run goes no further, in words
 *
 * {"v":1,"ask":"explain","task":N}, without `task` for the run. The status that
 * answers has a member more:
 *
 * "explain":{"task":N,"reason":"busy","text":"...", and where known "host",
 *            "ms", "silent_ms", "ahead", "failures", "losses", "class", "code",
 *            "slot", "wall_s", "said"}
 */
#include "common/store/text.h"
#include "ventilator/role.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct explained {
    const struct role *role;
    struct tracker_why why;
    const struct peer *peer; // of the worker it is about; or NULL
    struct wire_long at;     // what its PROGRESS says of the task; task 0: no
    struct span waits;       // why that worker starts nothing; or empty
    struct buffer *text;
};

static void put_host(const struct explained *is)
{
    struct buffer *const text = is->text;
    const char *const host = is->peer && is->peer->host ? is->peer->host : "?";
    buffer_append_text(text, host);
}

static void put_time(struct buffer *text, int64_t ms)
{
    const long long s = ms / 1000;
    if (s < 60)
        buffer_printf(text, "%.1f s", (double)ms / 1000.0);
    else if (s < 3600)
        buffer_printf(text, "%lld min %02lld s", s / 60, s % 60);
    else
        buffer_printf(text, "%lld h %02lld min", s / 3600, s / 60 % 60);
}

static void put_ahead(const struct explained *is)
{
    if (is->why.ahead > 1)
        buffer_printf(is->text, "; %zu tasks are ready", is->why.ahead);
}

static void put_busy(const struct explained *is)
{
    struct tracker_counts counts;
    tracker_counts(is->role->tracker, &counts);
    buffer_printf(is->text, ": %zu of %zu", counts.running, counts.slots);
    put_ahead(is);
}

static void put_unfit(const struct explained *is)
{
    const struct peer *const peer = fitting_missing(is->role);
    if (peer)
        buffer_printf(is->text, ": on %s %s", peer->host ? peer->host : "?",
                      peer->unfit ? peer->unfit : "");
}

static void put_barred(const struct explained *is)
{
    buffer_append_text(is->text, ": ");
    put_host(is);
    buffer_append_text(is->text, " for ");
    put_time(is->text, is->why.ms);
    buffer_append_text(is->text, " more");
}

static void put_silence(const struct explained *is)
{
    if (is->why.silent_ms == 0)
        return;
    buffer_append_text(is->text, "; nothing was heard from there for ");
    put_time(is->text, is->why.silent_ms);
    buffer_append_text(is->text, ", and it is taken for lost after ");
    put_time(is->text, is->role->settings->liveness_ms);
}

static void put_there(const struct explained *is)
{
    put_host(is);
    buffer_append_text(is->text, ", since ");
    put_time(is->text, is->why.ms);
    put_silence(is);
}

static void put_running(const struct explained *is)
{
    put_host(is);
    if (is->at.task != 0)
        buffer_printf(is->text, ", slot %u, for ", is->at.slot);
    else
        buffer_append_text(is->text, ", for ");
    put_time(is->text, is->at.task ? (int64_t)is->at.wall_ms : is->why.ms);
    if (is->at.task && is->at.done != PROGRESS_UNKNOWN)
        buffer_printf(is->text, ", %.0f %% done",
                      100.0 * is->at.done / PROGRESS_WHOLE);
    if (is->at.task && is->at.text.size > 0)
        buffer_printf(is->text, ", and says: %.*s", (int)is->at.text.size,
                      (const char *)is->at.text.at);
    put_silence(is);
}

static void put_queued(const struct explained *is)
{
    put_host(is);
    if (is->waits.size > 0)
        buffer_printf(is->text, ", where nothing is started: %.*s",
                      (int)is->waits.size, (const char *)is->waits.at);
    put_silence(is);
}

static void put_again(const struct explained *is)
{
    buffer_append_text(is->text, " in ");
    put_time(is->text, is->why.ms);
}

static const struct {
    const char *name, *text;
    void (*put)(const struct explained *is); // what follows; or NULL
} REASON[REASONS] = {
    [REASON_NONE] = {"none", "nothing holds it up", NULL},
    [REASON_COMPLETE] = {"complete", "the run is complete", NULL},
    [REASON_NO_SINK] = {"no_sink",
                        "no sink is there to store what comes of tasks", NULL},
    [REASON_SYNCING] = {"starting", "the sink is asked what is stored already",
                        NULL},
    [REASON_DRAINING] = {"draining",
                         "the run is being ended: nothing more is started",
                         NULL},
    [REASON_PAUSED] = {"paused", "the run is paused", NULL},
    [REASON_NO_WORKER] = {"no_worker", "there is no worker", put_ahead},
    [REASON_UNFIT] = {"unfit", "no worker can run a task of this run",
                      put_unfit},
    [REASON_LEAVING] = {"workers_leave", "all workers are ending", put_ahead},
    [REASON_JOINING] = {"joining",
                        "the sink has not stored yet that a worker is there",
                        NULL},
    [REASON_BARRED] = {"host_quarantined",
                       "the hosts that could run it are quarantined",
                       put_barred},
    [REASON_FULL] = {"results_full",
                     "the workers keep as many results as they may, and the "
                     "sink has not stored them",
                     NULL},
    [REASON_RESERVED] = {"reserved",
                         "the workers are emptied for a task that is to run "
                         "alone",
                         NULL},
    [REASON_BUSY] = {"busy", "all slots are taken", put_busy},
    [REASON_SUSPECT] = {"suspect",
                        "its worker died while it ran: it is to run alone, "
                        "once a worker is empty",
                        NULL},
    [REASON_APART] = {"apart",
                      "it has failed, and waits a while for a slot on another "
                      "host",
                      NULL},
    [REASON_SOON] = {"soon", "it is about to be sent", NULL},
    [REASON_SENT] = {"sent",
                     "it was sent, and is not known to be there: ", put_there},
    [REASON_QUEUED] = {"queued", "it waits for a slot on ", put_queued},
    [REASON_RUNNING] = {"running", "it runs on ", put_running},
    [REASON_UNSTORED] = {"unstored",
                         "it has ended, and the sink has not said that its "
                         "result is stored; it was sent to ",
                         put_there},
    [REASON_BACKOFF] = {"backing_off", "it has failed, and is tried again",
                        put_again},
    [REASON_STORING] = {"storing", "the sink has not said that it is stored",
                        NULL},
    [REASON_HELD] = {"held", "it has failed, and waits for a person to decide",
                     NULL},
    [REASON_FINAL] = {"done", "it is done", NULL},
    [REASON_UNREAD] = {"unread", "the input has not been read so far", NULL},
    [REASON_INPUT] = {"waits_for_input",
                      "all that has come of the input was read, and more may "
                      "come",
                      NULL},
    [REASON_NO_TASK] = {"no_task", "the input has no such task", NULL},
};

// What the worker said last of what it does.
static void find_progress(struct explained *is, uint64_t task)
{
    struct wire_progress progress;
    struct wire_long at;
    if (!is->peer || is->peer->progress.size == 0 ||
        !wire_get_progress(buffer_span(&is->peer->progress), &progress))
        return;
    is->waits = progress.waits;
    while (wire_next_long(&progress.tasks, &at)) {
        if (at.task != task)
            continue;
        is->at = at;
        is->at.wall_ms += (uint64_t)(is->role->now_ms - is->peer->progress_ms);
    }
}

// The run's input that is copied as it comes has its own reason.
static enum reason waits_for_input(const struct role *role, enum reason reason)
{
    return reason == REASON_UNREAD && role->input.later ? REASON_INPUT : reason;
}

static void put_details(const struct explained *is, uint64_t task,
                        struct buffer *json)
{
    const struct tracker_why *const why = &is->why;
    if (task > 0)
        buffer_printf(json, ",\"task\":%" PRIu64, task);
    if (is->peer) {
        buffer_append_text(json, ",\"host\":");
        if (!text_put_quoted(json, span_of_text(is->peer->host)))
            buffer_append_text(json, "\"?\"");
    }
    if (why->ms > 0)
        buffer_printf(json, ",\"ms\":%" PRId64, why->ms);
    if (why->silent_ms > 0)
        buffer_printf(json, ",\"silent_ms\":%" PRId64, why->silent_ms);
    if (why->ahead > 0)
        buffer_printf(json, ",\"ahead\":%zu", why->ahead);
    if (why->losses > 0)
        buffer_printf(json, ",\"losses\":%" PRIu32, why->losses);
    if (why->failures > 0)
        buffer_printf(
            json, ",\"failures\":%" PRIu32 ",\"class\":\"%s\",\"code\":%u",
            why->failures, class_name((enum fail_class)why->class), why->code);
}

static void explain(const struct role *role, uint64_t task, struct buffer *json)
{
    struct buffer text = {0};
    struct explained is = {.role = role, .text = &text};
    is.why = task > 0 ? tracker_explain(role->tracker, task)
                      : tracker_explain_run(role->tracker);
    is.why.reason = waits_for_input(role, is.why.reason);
    if (is.why.worker > 0 && role->peers[is.why.worker].used)
        is.peer = &role->peers[is.why.worker];
    const uint64_t about = task > 0 ? task : is.why.task;
    find_progress(&is, about);
    buffer_append_text(&text, REASON[is.why.reason].text);
    if (REASON[is.why.reason].put)
        REASON[is.why.reason].put(&is);
    buffer_printf(json, ",\"explain\":{\"reason\":\"%s\"",
                  REASON[is.why.reason].name);
    put_details(&is, about, json);
    buffer_append_text(json, ",\"text\":");
    if (!text_put_quoted(json, buffer_span(&text)))
        buffer_append_text(json, "\"\"");
    put_u8(json, '}');
    json->failed |= text.failed;
    buffer_free(&text);
}

void role_put_explain(const struct role *role, struct span question,
                      struct buffer *json)
{
    json_t *const root =
        json_loadb((const char *)question.at, question.size, 0, NULL);
    const char *const ask = json_string_value(json_object_get(root, "ask"));
    const json_int_t task = json_integer_value(json_object_get(root, "task"));
    if (ask && strcmp(ask, "explain") == 0 && task >= 0)
        explain(role, (uint64_t)task, json);
    json_decref(root);
}
