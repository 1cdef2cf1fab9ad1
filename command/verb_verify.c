#include "command/rundir.h"
#include "command/verb.h"
#include "common/store/logread.h"
#include "common/store/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PROGRAM = FOR_VERIFY };

struct verb_verify {
    const char *dir;
    bool json;
    const char *comma; // before the next fault
    bool damaged;
};

static const char *kind_name(enum verify_kind kind)
{
    switch (kind) {
    case VERIFY_DAMAGED:
        return "damaged";
    case VERIFY_UNFINISHED:
        return "unfinished";
    case VERIFY_NO_RECORD:
        return "no_record";
    case VERIFY_DOUBLE_FINAL:
        return "double_final";
    case VERIFY_CUT:
        return "cut";
    case VERIFY_MISSING:
        return "missing";
    }
    return "unknown";
}

static void tell_json(struct verb_verify *verb,
                      const struct verify_fault *fault)
{
    printf("%s{\"kind\":\"%s\"", verb->comma, kind_name(fault->kind));
    if (fault->kind != VERIFY_MISSING)
        printf(",\"offset\":%" PRIu64 ",\"end\":%" PRIu64, fault->offset,
               fault->end);
    if (fault->task > 0)
        printf(",\"task\":%" PRIu64, fault->task);
    if (fault->count > 0)
        printf(",\"count\":%" PRIu64, fault->count);
    printf("}");
    verb->comma = ",";
}

static void tell_missing(const struct verify_fault *fault)
{
    if (fault->task == 0)
        printf("missing: %" PRIu64 " more tasks have no final record\n",
               fault->count);
    else if (fault->count == 1)
        printf("missing: task %" PRIu64 " has no final record\n", fault->task);
    else
        printf("missing: tasks %" PRIu64 " to %" PRIu64
               " have no final record\n",
               fault->task, fault->task + fault->count - 1);
}

static void tell_text(const struct verify_fault *fault)
{
    switch (fault->kind) {
    case VERIFY_DAMAGED:
        printf("damaged: the member at byte %" PRIu64
               " is not what was written (to byte %" PRIu64 ")\n",
               fault->offset, fault->end);
        break;
    case VERIFY_UNFINISHED:
        printf("unfinished: bytes %" PRIu64 " to %" PRIu64
               " are a write that did not end; nobody was told that they are "
               "stored\n",
               fault->offset, fault->end);
        break;
    case VERIFY_NO_RECORD:
        printf("damaged: a line of the member at byte %" PRIu64
               " is no record\n",
               fault->offset);
        break;
    case VERIFY_DOUBLE_FINAL:
        printf("wrong: task %" PRIu64 " has a second final record, in the "
               "member at byte %" PRIu64 "\n",
               fault->task, fault->offset);
        break;
    case VERIFY_CUT:
        printf("damaged: the run has had generation %" PRIu64
               ", of which the log has nothing: its end, or all of it, is "
               "gone\n",
               fault->count);
        break;
    case VERIFY_MISSING:
        tell_missing(fault);
        break;
    }
}

static void tell(void *argument, const struct verify_fault *fault)
{
    struct verb_verify *const verb = argument;
    if (fault->kind != VERIFY_UNFINISHED)
        verb->damaged = true;
    if (verb->json)
        tell_json(verb, fault);
    else
        tell_text(fault);
}

static void sum_up_json(const struct verb_verify *verb,
                        const struct verify_summary *summary)
{
    printf("],\"sound\":%s,\"complete\":%s,\"bytes\":%" PRIu64
           ",\"members\":%" PRIu64 ",\"records\":%" PRIu64 ",\"tasks\":%" PRIu64
           ",\"missing\":%" PRIu64 ",\"doubles\":%" PRIu64 ",\"finals\":{",
           verb->damaged ? "false" : "true",
           summary->complete ? "true" : "false", summary->bytes,
           summary->members, summary->records, summary->tasks, summary->missing,
           summary->doubles);
    const char *comma = "";
    for (unsigned i = STATUS_OK; i < STATUSES; i++) {
        if (summary->finals[i] == 0)
            continue;
        printf("%s\"%s\":%" PRIu64, comma, status_name((enum status)i),
               summary->finals[i]);
        comma = ",";
    }
    printf("}}\n");
}

static void sum_up_text(const struct verb_verify *verb,
                        const struct verify_summary *summary)
{
    printf("%s/%s is %s: %" PRIu64 " bytes, %" PRIu64 " member%s, %" PRIu64
           " record%s\n",
           verb->dir, LOG_FILE_NAME, verb->damaged ? "DAMAGED" : "sound",
           summary->bytes, summary->members, summary->members == 1 ? "" : "s",
           summary->records, summary->records == 1 ? "" : "s");
    const char *const state = !summary->complete      ? "is not complete"
                              : summary->missing == 0 ? "is complete"
                                                      : "was complete";
    printf("the run %s: %" PRIu64 " task%s", state, summary->tasks,
           summary->tasks == 1 ? "" : "s");
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        if (summary->finals[i] > 0)
            printf(", %" PRIu64 " %s", summary->finals[i],
                   status_name((enum status)i));
    if (summary->missing > 0)
        printf(", %" PRIu64 " missing", summary->missing);
    printf("\n");
}

static int verify(const struct settings *settings)
{
    struct problem problem = {0};
    struct verify_summary summary;
    char dir[RUNDIR_PATH_SIZE];
    struct verb_verify verb = {.dir = dir, .json = settings->json, .comma = ""};
    if (rundir_find(settings, dir, &problem) != 0 ||
        rundir_check(dir, &problem) != 0)
        return verb_fail(PROGRAM, &problem);
    if (verb.json)
        printf("{\"v\":1,\"faults\":[");
    if (verify_log(dir, tell, &verb, &summary, &problem) != 0)
        return verb_fail(PROGRAM, &problem);
    if (verb.json)
        sum_up_json(&verb, &summary);
    else
        sum_up_text(&verb, &summary);
    if (fflush(stdout) != 0) {
        problem_set(&problem, -errno, "cannot write: %s",
                    strerrordesc_np(errno));
        return verb_fail(PROGRAM, &problem);
    }
    return verb.damaged ? EXIT_DAMAGED : EXIT_OK;
}

int verb_verify(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = verify(&settings);
    settings_clear(&settings);
    return exit;
}
