#include "command/look.h"
#include "command/question.h"
#include "command/rundir.h"
#include "command/selection.h"
#include "command/story.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// `fan explain`: why a task, or the run, goes no further.

enum { PROGRAM = FOR_EXPLAIN, ENDPOINT_SIZE = 256 };

struct explain {
    char dir[RUNDIR_PATH_SIZE];
    struct buffer quoting;
    const char *quoted; // the directory, for a shell
    struct story story; // of task 0: of the run alone
    json_t *answer;     // what is printed
};

static void answer_with(struct explain *explain, const char *reason,
                        const struct buffer *text)
{
    json_object_set_new(explain->answer, "reason", json_string(reason));
    json_object_set_new(explain->answer, "text",
                        text->size > 0
                            ? json_stringn((const char *)text->at, text->size)
                            : json_string(""));
}

static void put_tries(const struct story *story, struct buffer *text)
{
    const uint64_t tries = story->attempts + story->losses;
    buffer_append_text(text, ": ");
    story_put_why(text, story->class, story->exit, story->signal);
    if (tries > 1)
        buffer_printf(text, ", after %" PRIu64 " tries", tries);
}

// What the log says is said first; nobody has to be asked.
static bool is_in_log(struct explain *explain)
{
    const struct story *const story = &explain->story;
    struct buffer text = {0};
    if (!story->final && !story->held)
        return false;
    buffer_append_text(&text, story->held ? "it waits for a person to decide"
                              : story_has_failed(story) ? "it has failed"
                                                        : "it is done");
    if (story->class != CLASS_NONE)
        put_tries(story, &text);
    answer_with(explain, story_state(story), &text);
    buffer_free(&text);
    return true;
}

// Has it ended so that only held tasks are left?
static bool is_held(const struct explain *explain)
{
    char code[16] = "";
    return rundir_read(explain->dir, RUNDIR_EXIT, code, sizeof code) == 0 &&
           strtol(code, NULL, 10) == EXIT_TASKS_HELD;
}

// Nobody is at work on it.
static void look_back(struct explain *explain)
{
    static const struct {
        const char *reason, *text;
    } ENDS[] = {
        {"stopped",
         "nobody is at work on the run: it has stopped before its end"},
        {"held", "all but the held tasks are done: they wait for a person to "
                 "decide"},
        {"complete", "the run is complete"},
        {"no_task", "the run had no such task"},
        {"damaged", "the log is damaged, and nobody is at work on the run"},
    };
    const struct story *const story = &explain->story;
    const bool none = story->complete && story->task > story->tasks;
    const size_t end = story->damaged    ? 4
                       : none            ? 3
                       : story->complete ? 2
                                         : is_held(explain);
    struct buffer text = {0};
    buffer_append_text(&text, ENDS[end].text);
    answer_with(explain, ENDS[end].reason, &text);
    buffer_free(&text);
}

static int ask_live(struct explain *explain, struct problem *problem)
{
    char question[96];
    struct ask *ask = NULL;
    snprintf(question, sizeof question,
             "{\"v\":1,\"ask\":\"explain\",\"task\":%" PRIu64 "}",
             explain->story.task);
    const int error = question_ask(explain->dir, question, &ask, problem);
    if (error == 0) {
        const struct span json = ask_json(ask);
        json_t *const root =
            json_loadb((const char *)json.at, json.size, 0, NULL);
        json_object_update(explain->answer, json_object_get(root, "explain"));
        json_decref(root);
    }
    question_close(&ask);
    return error;
}

static const char *reason_of(const struct explain *explain)
{
    const char *const reason =
        json_string_value(json_object_get(explain->answer, "reason"));
    return reason ? reason : "";
}

// Commands for what a person can do about it.
static const struct {
    const char *reason;
    const char *before, *behind; // DIR, TASK or the endpoint between
    char between;                // d, t, e
} HINTS[] = {
    {"paused", "fan resume ", "", 'd'},
    {"stopped", "fan run --resume --results ", "", 'd'},
    {"held", "fan held ", "", 'd'},
    {"damaged", "fan verify ", "", 'd'},
    {"no_worker", "fan worker ", "", 'e'},
    {"unfit", "fan worker ", "", 'e'},
    {"host_quarantined", "fan status ", "", 'd'},
    {"failed", "fan show ", "", 't'},
    {"ok", "fan show ", "", 't'},
    {"ignored", "fan show ", "", 't'},
    {"dropped", "fan show ", "", 't'},
    {"cancelled", "fan show ", "", 't'},
    {"quarantined", "fan show ", "", 't'},
    {"expired", "fan show ", "", 't'},
};

static void put_hint(struct explain *explain)
{
    const char *const reason = reason_of(explain);
    char endpoint[ENDPOINT_SIZE] = "ENDPOINT";
    struct buffer hint = {0};
    for (size_t i = 0; i < sizeof HINTS / sizeof HINTS[0]; i++) {
        if (strcmp(HINTS[i].reason, reason) != 0)
            continue;
        buffer_append_text(&hint, HINTS[i].before);
        if (HINTS[i].between == 'e')
            (void)rundir_read(explain->dir, "endpoint", endpoint,
                              sizeof endpoint);
        if (HINTS[i].between == 't')
            buffer_printf(&hint, "%" PRIu64 " ", explain->story.task);
        buffer_append_text(&hint, HINTS[i].between == 'e' ? endpoint
                                                          : explain->quoted);
        buffer_append_text(&hint, HINTS[i].behind);
    }
    if (hint.size > 0 && !hint.failed)
        json_object_set_new(explain->answer, "hint",
                            json_stringn((const char *)hint.at, hint.size));
    buffer_free(&hint);
}

static int explain_it(struct explain *explain, struct problem *problem)
{
    int error = story_read(&explain->story, explain->dir, NULL, NULL, problem);
    if (error != 0 || is_in_log(explain))
        return error;
    error = ask_live(explain, problem);
    if (error != -ENOENT)
        return error;
    // It has ended meanwhile, or before: the log has its last word now.
    const uint64_t task = explain->story.task;
    story_clear(&explain->story);
    explain->story.task = task;
    error = story_read(&explain->story, explain->dir, NULL, NULL, problem);
    if (error == 0 && !is_in_log(explain))
        look_back(explain);
    return error;
}

// What others call themselves must not reach the terminal as it is.
static const char *clean(const json_t *object, const char *key,
                         char text[LOG_QUOTE_SIZE])
{
    const json_t *const value = json_object_get(object, key);
    log_escape((struct span){(const uint8_t *)json_string_value(value),
                             json_string_length(value)},
               text, LOG_QUOTE_SIZE);
    return text;
}

static void print_text(const struct explain *explain)
{
    char text[LOG_QUOTE_SIZE];
    const json_t *const hint = json_object_get(explain->answer, "hint");
    const json_t *const task = json_object_get(explain->answer, "task");
    if (task)
        printf("task %" JSON_INTEGER_FORMAT " of ", json_integer_value(task));
    printf("%s: %s\n", explain->dir, clean(explain->answer, "text", text));
    if (hint)
        printf("  what now  %s\n", json_string_value(hint));
}

static int print(const struct explain *explain, const struct settings *settings,
                 struct problem *problem)
{
    if (settings->json) {
        char *const text = json_dumps(explain->answer, JSON_COMPACT);
        printf("%s\n", text ? text : "{}");
        free(text);
    } else {
        print_text(explain);
    }
    return fflush(stdout) == 0
               ? 0
               : problem_set(problem, -errno, "cannot write: %s",
                             strerrordesc_np(errno));
}

static int choose(struct explain *explain, struct settings *settings,
                  struct problem *problem)
{
    struct selection selection;
    int error = selection_read(&selection, settings, clock_utc_us(), problem);
    if (error == 0 && selection.count > 0 && !selection_is_one(&selection))
        error = problem_exit(problem, EXIT_USAGE, -EINVAL,
                             "one task is explained: name its number, as in  "
                             "fan explain 17; or none, for the run");
    if (error == 0 && selection.count > 0)
        explain->story.task = selection.ranges[0].first;
    selection_clear(&selection);
    if (error == 0)
        error = rundir_find(settings, explain->dir, problem);
    // A run that begins has nothing there yet.
    const bool begins = error == 0 && look_is_live(explain->dir) &&
                        !rundir_has(explain->dir, STAGES_FILE);
    if (error == 0 && !begins)
        error = rundir_check(explain->dir, problem);
    return error;
}

static int run(struct settings *settings)
{
    struct explain explain = {.answer = json_object()};
    struct problem problem = {0};
    int exit = EXIT_OK;
    int error = explain.answer
                    ? choose(&explain, settings, &problem)
                    : problem_set(&problem, -ENOMEM, "out of memory");
    explain.quoted = verb_quoted(&explain.quoting, explain.dir);
    if (error == 0) {
        json_object_set_new(explain.answer, "v", json_integer(1));
        json_object_set_new(explain.answer, "dir", json_string(explain.dir));
        if (explain.story.task > 0)
            json_object_set_new(explain.answer, "task",
                                json_integer((json_int_t)explain.story.task));
        error = explain_it(&explain, &problem);
    }
    if (error == 0) {
        put_hint(&explain);
        error = print(&explain, settings, &problem);
    }
    if (error == 0 && explain.story.damaged)
        error = problem_exit(&problem, EXIT_DAMAGED, -EBADMSG,
                             "the log of %s is damaged: only what stands "
                             "before was read",
                             explain.dir);
    if (error != 0)
        exit = verb_fail(PROGRAM, &problem);
    story_clear(&explain.story);
    json_decref(explain.answer);
    buffer_free(&explain.quoting);
    return exit;
}

int verb_explain(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = run(&settings);
    settings_clear(&settings);
    return exit;
}
