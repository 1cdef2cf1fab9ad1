#include "command/look.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/store/logread.h"
#include "common/store/text.h"
#include "common/store/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// `fan wait`: until a run ends, and then with its exit code.

enum {
    PROGRAM = FOR_WAIT,
    LOOK_AGAIN_MS = 1000, // not every file system tells of changes
    SETTLE_MS = 20,       // a file is told to be closed just before its lock
                          // is free
};

struct wait {
    char dir[RUNDIR_PATH_SIZE];
    const char *state; // ended, stopped, live
    int exit;
};

static int find(struct wait *wait, const struct settings *settings,
                struct problem *problem)
{
    const int error = rundir_find(settings, wait->dir, problem);
    // What has just begun has no plan yet.
    if (error != 0 || rundir_has(wait->dir, STAGES_FILE) ||
        look_is_live(wait->dir))
        return error;
    return rundir_check(wait->dir, problem);
}

// False: it goes on, and there was no more time.
static bool wait_for_end(const struct wait *wait, int64_t timeout_ms)
{
    const int64_t from_ms = clock_monotonic_ms();
    const int watch = look_watch_ends(wait->dir);
    bool live, settles = false;
    while ((live = look_is_live(wait->dir))) {
        const int64_t gone_ms = clock_monotonic_ms() - from_ms;
        int64_t most_ms = settles ? SETTLE_MS : LOOK_AGAIN_MS;
        if (gone_ms >= timeout_ms)
            break;
        if (timeout_ms - gone_ms < most_ms)
            most_ms = timeout_ms - gone_ms;
        settles = look_wait(watch, most_ms);
    }
    look_close(watch);
    return !live;
}

static void ignore_fault(void *argument, const struct verify_fault *fault)
{
    (void)argument;
    (void)fault;
}

// Nobody wrote down how it ended: `fan run` was killed, or there was none.
static int read_end(struct wait *wait, struct problem *problem)
{
    struct verify_summary summary = {0};
    int error =
        rundir_has(wait->dir, LOG_FILE_NAME)
            ? verify_log(wait->dir, ignore_fault, NULL, &summary, problem)
            : 0;
    if (error != 0)
        return error;
    wait->state = summary.complete ? "ended" : "stopped";
    wait->exit = !summary.complete ? EXIT_ERROR : EXIT_OK;
    if (!summary.complete)
        return 0;
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        if (i != STATUS_OK && i != STATUS_IGNORED && i != STATUS_DROPPED &&
            summary.finals[i] > 0)
            wait->exit = EXIT_TASKS_FAILED;
    if (summary.held > 0)
        wait->exit = EXIT_TASKS_HELD;
    return 0;
}

static int judge(struct wait *wait, struct problem *problem)
{
    char text[16] = "";
    if (rundir_read(wait->dir, RUNDIR_EXIT, text, sizeof text) == 0 && *text) {
        wait->state = "ended";
        wait->exit = (int)strtol(text, NULL, 10) & 0xff;
        return 0;
    }
    return read_end(wait, problem);
}

static void print_json(const struct wait *wait)
{
    struct buffer text = {0};
    const struct span dir = span_of_text(wait->dir);
    if (!text_put_quoted(&text, dir))
        text_put_base64(&text, dir);
    printf("{\"v\":1,\"dir\":%.*s,\"state\":\"%s\",\"exit\":%d}\n",
           (int)text.size, (const char *)text.at, wait->state, wait->exit);
    buffer_free(&text);
}

static void talk(const struct wait *wait)
{
    struct buffer quoted = {0};
    const char *const name = verb_quoted(&quoted, wait->dir);
    const char *const program = settings_program_name(PROGRAM);
    struct buffer again = {0};
    verb_put_again(&again, wait->dir);
    if (strcmp(wait->state, "live") == 0)
        fprintf(stderr, "%s: %s still goes on; see  fan status %s\n", program,
                wait->dir, name);
    if (strcmp(wait->state, "stopped") == 0)
        fprintf(stderr,
                "%s: %s has stopped before its end; go on with it:  %.*s\n",
                program, wait->dir, (int)again.size, (const char *)again.at);
    buffer_free(&again);
    buffer_free(&quoted);
}

static int wait_for(const struct settings *settings)
{
    struct wait wait = {.state = "live", .exit = EXIT_GAVE_UP_WAITING};
    struct problem problem = {0};
    int error = find(&wait, settings, &problem);
    if (error == 0 && wait_for_end(&wait, settings->patience_ms))
        error = judge(&wait, &problem);
    if (error != 0)
        return verb_fail(PROGRAM, &problem);
    if (settings->json)
        print_json(&wait);
    else
        talk(&wait);
    return fflush(stdout) == 0 ? wait.exit : EXIT_ERROR;
}

int verb_wait(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = wait_for(&settings);
    settings_clear(&settings);
    return exit;
}
