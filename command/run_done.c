/* run_done - --on-done: the user's command at the end of a run */
#include "command/run.h"
#include "common/base/clock.h"
#include "common/store/text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_text(struct buffer *out, const char *text)
{
    const struct span span = span_of_text(text);
    if (!text_put_quoted(out, span))
        text_put_base64(out, span);
}

static void put_summary(const struct run *run, int exit, struct buffer *out)
{
    char dir[PATH_MAX];
    struct follow_counts counts;
    uint64_t all = 0;
    printer_counts(run->printer, &counts);
    for (size_t i = 0; i < STATUSES; i++)
        all += counts.by_status[i];
    buffer_append_text(out, "{\"v\":1,\"run\":");
    put_text(out, run->settings.name ? run->settings.name : "");
    buffer_append_text(out, ",\"dir\":");
    put_text(out, realpath(run->dir, dir) ? dir : run->dir);
    buffer_printf(
        out, ",\"exit\":%d,\"complete\":%s,\"wall_s\":%.3f,\"done\":%" PRIu64,
        exit, counts.complete ? "true" : "false",
        (double)(clock_monotonic_ms() - run->started_ms) / 1000.0, all);
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        if (i <= STATUS_IGNORED || counts.by_status[i] > 0)
            buffer_printf(out, ",\"%s\":%" PRIu64, status_name((enum status)i),
                          counts.by_status[i]);
    buffer_append_text(out, "}\n");
}

static void wait_for(struct run *run)
{
    enum { LOOK_MS = 1000, PATIENCE_MS = 30000 };
    struct hook *const hook = &run->supervisor.hook;
    const int64_t told_ms = clock_monotonic_ms() + PATIENCE_MS;
    bool told = false;
    while (hook->pid != 0) {
        run_wait_for_child(run, LOOK_MS);
        if (!told && hook->pid != 0 && clock_monotonic_ms() >= told_ms) {
            fprintf(stderr,
                    "fan run: waiting for the command of --on-done, "
                    "for %d s now; a signal kills it\n",
                    PATIENCE_MS / 1000);
            told = true;
        }
        if (run_is_told_to_end(run))
            hook_kill(hook);
        (void)supervisor_turn(&run->supervisor, clock_monotonic_ms());
    }
    supervisor_sweep(&run->supervisor);
}

void run_done_with(struct run *run, int exit, struct buffer *summary)
{
    char how[64] = "", dir[PATH_MAX];
    struct hook *const hook = &run->supervisor.hook;
    if (!realpath(run->dir, dir))
        snprintf(dir, sizeof dir, "%s", run->dir);
    const struct hook_call call = {.command = run->settings.on_done,
                                   .text = buffer_span(summary),
                                   .run = run->settings.name,
                                   .dir = dir,
                                   .exit = exit};
    const int error = summary->failed ? -ENOMEM : hook_start(hook, &call);
    if (!error)
        wait_for(run);
    if (error)
        snprintf(how, sizeof how, "did not start: %s", strerrordesc_np(-error));
    else if (hook->status != 0)
        hook_describe(hook->status, how, sizeof how);
    if (*how)
        fprintf(stderr, "fan run: the command of --on-done %s\n", how);
}

void run_done(struct run *run, int exit)
{
    struct buffer summary = {0};
    if (!run->settings.on_done || run->supervisor.killed)
        return;
    put_summary(run, exit, &summary);
    run_done_with(run, exit, &summary);
    buffer_free(&summary);
}
