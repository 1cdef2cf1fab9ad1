#include "command/gather.h"
#include "command/notify.h"
#include "command/run.h"
#include "common/base/clock.h"
#include "common/setting/rule.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CALL_MS = 30000,       // a hook has so long
    STREAM_MAX = 64 << 10, // of a task's stdout and stderr
    WAITING_MAX = 16 << 20,
    BAR_OFF_MS = 1000, // no bar where a hook may print
    HOW_SIZE = 64,
};

struct run_notify {
    struct notify *queue;
    struct gather *gather; // fills final records up with their attempts
    struct policy rules;   // which attempts are told; none: final failures are
    struct buffer object, text;
    int64_t kill_ms; // the hook that runs
    bool busy, late;
    const char *given_up; // how, where it was
    bool bar_off;
    bool is_new; // the record that is taken
    char how[HOW_SIZE];
    char dir[PATH_MAX];
};

int run_notify_open(struct run *run, struct problem *problem)
{
    const struct settings *const set = &run->settings;
    if (!set->notify)
        return 0;
    struct run_notify *const notify = calloc(1, sizeof *notify);
    run->notify = notify;
    if (notify) {
        notify->queue = notify_create(set->notify_rate, WAITING_MAX);
        notify->gather = gather_create((struct gather_options){.held = true});
        settings_notify(set, &notify->rules);
        if (!realpath(run->dir, notify->dir))
            snprintf(notify->dir, sizeof notify->dir, "%s", run->dir);
    }
    return notify && notify->queue && notify->gather
               ? 0
               : problem_set(problem, -ENOMEM, "out of memory");
}

void run_notify_close(struct run *run)
{
    struct run_notify *const gone = run->notify;
    if (!gone)
        return;
    notify_destroy(&gone->queue);
    gather_destroy(&gone->gather);
    buffer_free(&gone->object);
    buffer_free(&gone->text);
    free(gone);
    run->notify = NULL;
}

// The end of what was written, from where a character of UTF-8 begins.
static bool cut(struct span *text)
{
    const size_t over = text->size > STREAM_MAX ? text->size - STREAM_MAX : 0;
    text->at += over;
    text->size -= over;
    for (int i = 0; over > 0 && i < 3 && (*text->at & 0xc0) == 0x80; i++) {
        text->at++;
        text->size--;
    }
    return over > 0;
}

static bool fits(const struct policy *rules, const struct record *record)
{
    return rules->on_fail == ANSWER_NOTIFY ||
           policy_find_rule(rules, failure_of(record->class, record->exit,
                                              record->signal)) > 0;
}

// Of a final failure where there are rules: only what was no attempt has not
// been told yet. What is held was one.
static bool is_told(const struct policy *rules, const struct record *record)
{
    const bool ruled = rules->on_fail == ANSWER_NOTIFY || rules->rule_count > 0;
    const bool failed = record->status != STATUS_OK &&
                        record->status != STATUS_IGNORED &&
                        record->status != STATUS_DROPPED;
    if (record->status == STATUS_HELD)
        return !ruled;
    if (!record->final)
        return ruled && record->status == STATUS_FAILED && fits(rules, record);
    return failed && (!ruled || ((record->attempt == 0 ||
                                  record->status == STATUS_QUARANTINED) &&
                                 fits(rules, record)));
}

static void put(struct run_notify *notify, const struct record *record)
{
    if (!notify_has_room(notify->queue, clock_monotonic_ms())) {
        notify_leave_out(notify->queue);
        return;
    }
    struct record shown = *record;
    shown.out_cut = cut(&shown.out) || shown.out_cut;
    shown.err_cut = cut(&shown.err) || shown.err_cut;
    buffer_clear(&notify->object);
    record_write(&notify->object, &shown);
    if (notify->object.failed)
        notify_leave_out(notify->queue);
    else
        notify_put(notify->queue,
                   (struct span){notify->object.at, notify->object.size - 1});
}

// Final, or held.
static int take_last(void *context, const struct record *record,
                     struct span line)
{
    struct run_notify *const notify = context;
    (void)line;
    if (notify->is_new && is_told(&notify->rules, record))
        put(notify, record);
    return 0;
}

int run_notify_record(void *context, const struct record *record,
                      struct span line, bool is_new)
{
    struct run_notify *const notify = context;
    notify->is_new = is_new;
    if (is_new && record->event == EVENT_NONE && !record->final &&
        is_told(&notify->rules, record))
        put(notify, record);
    const int error =
        gather_take(notify->gather, record, line, take_last, notify);
    // A second final record is for `fan verify` to tell of.
    return error == -EBADMSG ? 0 : error;
}

static void see_end(struct run *run)
{
    struct run_notify *const notify = run->notify;
    const struct hook *const hook = &run->supervisor.hook;
    if (!notify->busy || hook->pid != 0)
        return;
    notify->busy = false;
    if (notify->bar_off)
        run->shown_ms = 0;
    notify->bar_off = false;
    notify_end(notify->queue, hook->status == 0);
    if (notify->given_up)
        snprintf(notify->how, sizeof notify->how, "%s", notify->given_up);
    else if (notify->late)
        snprintf(notify->how, sizeof notify->how, "took longer than %d s",
                 CALL_MS / 1000);
    else if (hook->status != 0)
        hook_describe(hook->status, notify->how, sizeof notify->how);
}

static void begin(struct run *run, int64_t now_ms)
{
    struct run_notify *const notify = run->notify;
    const struct settings *const set = &run->settings;
    if (!notify_begin(notify->queue, now_ms, &notify->text))
        return;
    const struct hook_call call = {.command = set->notify,
                                   .text = buffer_span(&notify->text),
                                   .run = set->name ? set->name : "",
                                   .dir = notify->dir,
                                   .exit = -1};
    if (run->bar) {
        notify->bar_off = true;
        run->shown_ms = now_ms + BAR_OFF_MS;
        progress_clear(run);
    }
    const int error = notify->text.failed
                          ? -ENOMEM
                          : hook_start(&run->supervisor.hook, &call);
    if (error) {
        notify_end(notify->queue, false);
        snprintf(notify->how, sizeof notify->how, "did not start: %s",
                 strerrordesc_np(-error));
        return;
    }
    notify->busy = true;
    notify->late = false;
    notify->kill_ms = now_ms + CALL_MS;
}

int64_t run_notify_turn(struct run *run, int64_t now_ms)
{
    struct run_notify *const notify = run->notify;
    if (!notify)
        return -1;
    see_end(run);
    if (!notify->busy)
        begin(run, now_ms);
    if (!notify->busy)
        return -1;
    if (now_ms < notify->kill_ms)
        return notify->kill_ms - now_ms;
    notify->late = true;
    hook_kill(&run->supervisor.hook);
    return -1;
}

bool run_notify_is_over(const struct run *run)
{
    struct notify_counts counts;
    if (!run->notify)
        return true;
    notify_counts(run->notify->queue, &counts);
    return !run->notify->busy && counts.waiting == 0;
}

void run_notify_give_up(struct run *run, const char *how)
{
    struct run_notify *const notify = run->notify;
    if (!notify)
        return;
    notify_drop(notify->queue);
    if (notify->busy && !notify->given_up)
        notify->given_up = how;
    hook_kill(&run->supervisor.hook);
}

void run_notify_sum_up(const struct run *run, struct buffer *out)
{
    struct notify_counts counts;
    if (!run->notify)
        return;
    notify_counts(run->notify->queue, &counts);
    if (counts.failed > 0)
        buffer_printf(out,
                      "fan: --notify: %" PRIu64 " of %" PRIu64
                      " call%s failed, the last one %s\n",
                      counts.failed, counts.calls, counts.calls == 1 ? "" : "s",
                      run->notify->how);
    if (counts.left_out > 0)
        buffer_printf(out,
                      "fan: --notify: was not called for %" PRIu64
                      " failure%s (--notify-rate %" PRIu64 ")\n",
                      counts.left_out, counts.left_out == 1 ? "" : "s",
                      run->settings.notify_rate);
}
