#include "command/tell.h"

#include "command/look.h"
#include "common/base/clock.h"
#include "common/net/net.h"
#include "common/setting/stages.h"
#include "common/store/text.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ENDPOINT_SIZE = 256,
    STEP_MS = 50,
    WAIT_MS = 30000, // for an answer, and then for the sink
    US_PER_S = 1000000
};

void tell_put_user(char user[TELL_USER_SIZE])
{
    struct passwd found, *is = NULL;
    char text[4096];
    if (getpwuid_r(geteuid(), &found, text, sizeof text, &is) == 0 && is)
        snprintf(user, TELL_USER_SIZE, "%s", is->pw_name);
    else
        snprintf(user, TELL_USER_SIZE, "uid %lu", (unsigned long)geteuid());
}

int64_t tell_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

void tell_begin(struct buffer *question, const char *ask, const char *user,
                int64_t time_us, const char *note)
{
    struct id128 id = {{0}};
    char text[ID128_TEXT_SIZE];
    question->failed = id128_random(&id) != 0 || question->failed;
    id128_text(&id, text);
    buffer_printf(question,
                  "{\"v\":1,\"ask\":\"%s\",\"id\":\"%s\",\"time_us\":%" PRId64
                  ",\"user\":",
                  ask, text, time_us);
    if (!text_put_quoted(question, span_of_text(user)))
        buffer_append_text(question, "\"?\"");
    buffer_append_text(question, ",\"note\":");
    if (!text_put_quoted(question, span_of_text(note)))
        buffer_append_text(question, "\"?\"");
}

// Until there is an answer to what is asked now.
static int converse(const struct tell *tell, struct ask *ask,
                    struct problem *problem)
{
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    for (;;) {
        const int64_t now_ms = clock_monotonic_ms();
        struct net_poll_item item = {.socket = ask_socket(ask),
                                     .want = NET_READ};
        if (!look_is_live(tell->dir))
            return problem_set(problem, -EAGAIN, "the run in %s has ended",
                               tell->dir);
        if (now_ms >= until_ms)
            return problem_exit(problem, EXIT_UNREACHABLE, -ETIMEDOUT,
                                "the ventilator of %s does not answer; try "
                                "fan %s again, it may be starting",
                                tell->dir, tell->verb);
        ask_send(ask, now_ms);
        const int ready = net_poll(&item, 1, STEP_MS);
        if (ready < 0)
            return problem_set(problem, ready, "cannot wait for an answer: %s",
                               strerrordesc_np(-ready));
        if (ask_receive(ask))
            return 0;
    }
}

static int wait_until_done(const struct tell *tell, struct ask *ask,
                           struct problem *problem)
{
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    const int watch = look_watch(tell->dir);
    const uint64_t generation = ask_status(ask)->generation;
    int error = 0;
    ask_about(ask, NULL);
    while (error == 0) {
        error = converse(tell, ask, problem);
        if (error == 0 && tell->steady &&
            ask_status(ask)->generation != generation)
            error = problem_set(problem, -ESTALE,
                                "the ventilator of %s has "
                                "been killed",
                                tell->dir);
        if (error == 0 && tell->done(tell->with, ask_status(ask)))
            break;
        if (error == 0 && !tell->waits && clock_monotonic_ms() >= until_ms)
            error = problem_exit(problem, EXIT_UNREACHABLE, -ETIMEDOUT,
                                 "the sink of %s has not stored it yet; "
                                 "fan status tells when it works again",
                                 tell->dir);
        if (error == 0)
            look_wait(watch, STEP_MS);
    }
    look_close(watch);
    return error;
}

// A ventilator that is starting does not know yet what the log says, and one
// that is complete obeys nobody any more: its run ends.
static bool is_deaf(const struct ask *ask)
{
    const char *const state = ask_status(ask)->state;
    return strcmp(state, "starting") == 0 || strcmp(state, "complete") == 0;
}

static int say(const struct tell *tell, struct ask *ask,
               struct problem *problem)
{
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    int error;
    while ((error = converse(tell, ask, problem)) == 0 && is_deaf(ask)) {
        if (clock_monotonic_ms() >= until_ms)
            return problem_exit(problem, EXIT_UNREACHABLE, -ETIMEDOUT,
                                "the ventilator of %s obeys nobody while it "
                                "starts or ends; try fan %s again",
                                tell->dir, tell->verb);
        look_wait(-1, STEP_MS);
    }
    return error;
}

static int say_all(const struct tell *tell, struct ask *ask,
                   struct problem *problem)
{
    struct buffer question = {0};
    int error = 0;
    while (error == 0) {
        buffer_clear(&question);
        if (!tell->next(tell->with, &question))
            break;
        put_u8(&question, '\0');
        if (question.failed) {
            error = problem_set(problem, -ENOMEM, "out of memory");
            break;
        }
        ask_about(ask, (const char *)question.at);
        error = say(tell, ask, problem);
    }
    if (error == 0 && tell->done)
        error = wait_until_done(tell, ask, problem);
    buffer_free(&question);
    return error;
}

int tell_live(const struct tell *tell, struct buffer *json,
              struct problem *problem)
{
    char endpoint[ENDPOINT_SIZE];
    if (!look_endpoint(tell->dir, endpoint, sizeof endpoint))
        return look_is_live(tell->dir)
                   ? problem_exit(problem, EXIT_UNREACHABLE, -ENOENT,
                                  "somebody is at work on %s, but there is no "
                                  "endpoint to ask; by hand, the ventilator "
                                  "has another directory",
                                  tell->dir)
                   : problem_set(problem, -EAGAIN, "the run in %s has ended",
                                 tell->dir);
    int error = net_start(problem);
    if (error != 0)
        return error;
    struct ask *ask = ask_open(endpoint, problem);
    error = ask ? say_all(tell, ask, problem) : problem->code;
    if (error == 0 && json)
        buffer_append(json, ask_json(ask).at, ask_json(ask).size);
    ask_close(&ask);
    net_stop();
    return error;
}

// Its stages run one after the other.
static bool find_stage(char dir[RUNDIR_PATH_SIZE])
{
    char path[RUNDIR_PATH_SIZE + 300];
    struct stages stages;
    struct problem none = {0};
    bool found = false;
    snprintf(path, sizeof path, "%s/" STAGES_FILE, dir);
    if (stages_read(&stages, NULL, path, &none) != 0)
        return false;
    for (size_t i = 0; i < stages.count && !found; i++) {
        snprintf(path, sizeof path, "%s/%.255s", dir, stages.at[i].name);
        found = strlen(path) < RUNDIR_PATH_SIZE && look_is_live(path);
    }
    stages_clear(&stages);
    if (found)
        memcpy(dir, path, strlen(path) + 1);
    return found;
}

int tell_find(const struct settings *settings, char dir[RUNDIR_PATH_SIZE],
              struct problem *problem)
{
    if (rundir_find(settings, dir, problem) != 0)
        return problem->code;
    const bool staged = rundir_has(dir, STAGES_FILE);
    if (!staged && rundir_check(dir, problem) != 0)
        return problem->code;
    return (staged ? find_stage(dir) : look_is_live(dir))
               ? 0
               : problem_set(problem, -EAGAIN,
                             "nobody is at work on the run in %s", dir);
}
