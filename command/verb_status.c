#include "command/longest.h"
#include "command/question.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "command/ways.h"
#include "common/setting/plan.h"
#include "common/setting/stages.h"
#include "common/store/logread.h"
#include "common/store/text.h"
#include "common/store/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PROGRAM = FOR_STATUS };

static void print_live(const char *dir, const struct ask *ask)
{
    const struct ask_status *status = ask_status(ask);
    struct buffer quoted = {0};
    printf("%s is %s, for %.0f s\n", dir, status->state, status->elapsed_s);
    if (status->paused) {
        printf("  paused   no task is started; go on with  fan resume %s\n",
               verb_quoted(&quoted, dir));
        buffer_clear(&quoted);
    }
    printf("  tasks    %" PRIu64 " done of %" PRIu64 "%s: %" PRIu64
           " ok, %" PRIu64 " failed",
           status->done,
           status->total > status->read ? status->total : status->read,
           status->input_ended || status->total > 0 ? "" : " read so far",
           status->ok, status->failed);
    if (status->ignored > 0)
        printf(", %" PRIu64 " ignored", status->ignored);
    if (status->quarantined > 0)
        printf(", %" PRIu64 " quarantined", status->quarantined);
    if (status->cancelled > 0)
        printf(", %" PRIu64 " cancelled", status->cancelled);
    if (status->dropped > 0)
        printf(", %" PRIu64 " dropped", status->dropped);
    printf("\n  now      %" PRIu64 " running, %" PRIu64 " queued, %" PRIu64
           " waiting\n",
           status->running, status->queued, status->waiting);
    if (status->held > 0)
        printf("  held     %" PRIu64
               " wait%s for a decision; see  fan held %s\n",
               status->held, status->held == 1 ? "s" : "",
               verb_quoted(&quoted, dir));
    buffer_free(&quoted);
    printf("  workers  %" PRIu64 " with %" PRIu64 " slot%s\n", status->workers,
           status->slots, status->slots == 1 ? "" : "s");
    if (status->unfit > 0)
        printf("  unfit    %s%s: %s\n", status->unfit_host,
               status->unfit > 1 ? " and others" : "", status->unfit_why);
    if (status->unfit > 0 && status->slots == 0)
        printf("           no worker can run a task: start one that can\n");
    if (status->retries > 0 || status->losses > 0)
        printf("  trouble  %" PRIu64 " retries, %" PRIu64
               " attempts lost with their worker\n",
               status->retries, status->losses);
    if (status->speculated > 0)
        printf("  copies   %" PRIu64 " slow tasks were started a second time\n",
               status->speculated);
    longest_print(ask_json(ask));
}

static int ask_live(const struct settings *settings, const char *dir,
                    struct problem *problem)
{
    struct ask *ask = NULL;
    const int error = question_ask(dir, NULL, &ask, problem);
    if (error == 0 && settings->json)
        printf("%.*s", (int)ask_json(ask).size, (const char *)ask_json(ask).at);
    else if (error == 0)
        print_live(dir, ask);
    question_close(&ask);
    return error;
}

struct stored {
    bool damaged;
    uint64_t damaged_at;
    uint64_t done;
    struct verify_summary summary;
};

static void note_damage(void *argument, const struct verify_fault *fault)
{
    struct stored *const stored = argument;
    if (fault->kind == VERIFY_UNFINISHED || fault->kind == VERIFY_MISSING ||
        stored->damaged)
        return;
    stored->damaged = true;
    stored->damaged_at = fault->offset;
}

static const char *state_of(const struct stored *stored)
{
    return stored->damaged            ? "damaged"
           : stored->summary.complete ? "complete"
                                      : "stopped";
}

static void put_text(struct buffer *out, const char *text)
{
    const struct span span = span_of_text(text);
    if (!text_put_quoted(out, span))
        text_put_base64(out, span);
}

static void print_stored_json(const char *dir, const struct stored *stored)
{
    struct buffer text = {0};
    put_text(&text, dir);
    printf("{\"v\":1,\"state\":\"%s\",\"dir\":%.*s,\"done\":%" PRIu64,
           state_of(stored), (int)text.size, (const char *)text.at,
           stored->done);
    buffer_free(&text);
    printf(",\"held\":%" PRIu64, stored->summary.held);
    if (stored->summary.complete)
        printf(",\"read\":%" PRIu64, stored->summary.tasks);
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        if (i <= STATUS_IGNORED || stored->summary.finals[i] > 0)
            printf(",\"%s\":%" PRIu64, status_name((enum status)i),
                   stored->summary.finals[i]);
    printf("}");
}

static void print_stored(const char *dir, const struct stored *stored)
{
    const uint64_t *const finals = stored->summary.finals;
    struct buffer quoted = {0};
    const char *const name = verb_quoted(&quoted, dir);
    struct buffer again = {0};
    verb_put_again(&again, dir);
    put_u8(&again, '\0');
    const char *const on = again.failed ? "" : (const char *)again.at;
    printf("%s is %s: %" PRIu64 " task%s done", dir, state_of(stored),
           stored->done, stored->done == 1 ? " is" : "s are");
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        if (finals[i] > 0)
            printf(", %" PRIu64 " %s", finals[i], status_name((enum status)i));
    if (stored->summary.held > 0)
        printf(", %" PRIu64 " held", stored->summary.held);
    printf("\n");
    ways_print(dir);
    if (stored->damaged)
        printf("  at byte %" PRIu64 " of its log; see  fan verify %s\n",
               stored->damaged_at, name);
    else if (!stored->summary.complete)
        printf("  go on with it    %s\n", on);
    if (stored->summary.held > 0)
        printf("  see what is held fan held %s\n"
               "  decide           fan decide --run %s GROUP --retry\n",
               name, name);
    const uint64_t good =
        finals[STATUS_OK] + finals[STATUS_IGNORED] + finals[STATUS_DROPPED];
    if (stored->done > good)
        printf("  see what failed  fan list --failed %s\n", name);
    if (stored->done > good + finals[STATUS_CANCELLED] &&
        stored->summary.complete && !stored->damaged)
        printf("  redo it          %s\n", on);
    buffer_free(&again);
    buffer_free(&quoted);
}

static int read_stored(const struct settings *settings, const char *dir,
                       struct problem *problem)
{
    struct stored stored = {0};
    int error = rundir_check(dir, problem);
    if (error == 0 && rundir_has(dir, LOG_FILE_NAME))
        error = verify_log(dir, note_damage, &stored, &stored.summary, problem);
    if (error != 0)
        return error;
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        stored.done += stored.summary.finals[i];
    if (settings->json)
        print_stored_json(dir, &stored);
    else
        print_stored(dir, &stored);
    return stored.damaged ? problem_exit(problem, EXIT_DAMAGED, -EBADMSG,
                                         "the log of %s is damaged", dir)
                          : 0;
}

static int status_of(const struct settings *settings, const char *dir,
                     struct problem *problem)
{
    const int error = ask_live(settings, dir, problem);
    return error == -ENOENT ? read_stored(settings, dir, problem) : error;
}

static void print_not_begun(const struct settings *settings, const char *dir)
{
    struct buffer text = {0};
    if (settings->json) {
        put_text(&text, dir);
        printf("{\"v\":1,\"state\":\"not begun\",\"dir\":%.*s}", (int)text.size,
               (const char *)text.at);
    } else {
        printf("%s is not begun\n", dir);
    }
    buffer_free(&text);
}

// One after the other, in the order in which they run. What is damaged ends it,
// and was printed.
static int status_of_stages(const struct settings *settings, const char *dir,
                            struct problem *problem)
{
    char path[RUNDIR_PATH_SIZE + 300];
    struct stages stages;
    snprintf(path, sizeof path, "%s/" STAGES_FILE, dir);
    int error = stages_read(&stages, NULL, path, problem);
    for (size_t i = 0; i < stages.count && error == 0; i++) {
        snprintf(path, sizeof path, "%s/%.255s", dir,
                 stages.at[stages.order[i]].name);
        if (settings->json)
            printf(i == 0 ? "[" : ",");
        struct problem none = {0};
        if (rundir_check(path, &none) == 0)
            error = status_of(settings, path, problem);
        else
            print_not_begun(settings, path);
    }
    if (settings->json && (error == 0 || problem->exit == EXIT_DAMAGED))
        printf("]");
    stages_clear(&stages);
    return error;
}

static int status(const struct settings *settings)
{
    struct problem problem = {0};
    char dir[RUNDIR_PATH_SIZE];
    int error = rundir_find(settings, dir, &problem);
    if (error == 0)
        error = rundir_has(dir, STAGES_FILE)
                    ? status_of_stages(settings, dir, &problem)
                    : status_of(settings, dir, &problem);
    if (settings->json && (error == 0 || problem.exit == EXIT_DAMAGED))
        printf("\n");
    if (fflush(stdout) != 0)
        error = problem_set(&problem, -errno, "cannot write: %s",
                            strerrordesc_np(errno));
    return error == 0 ? EXIT_OK : verb_fail(PROGRAM, &problem);
}

int verb_status(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = status(&settings);
    settings_clear(&settings);
    return exit;
}
