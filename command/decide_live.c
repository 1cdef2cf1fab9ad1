/* decide_live - a decision about tasks of a run that goes on */
#include "command/ask.h"
#include "command/decide.h"
#include "command/look.h"
#include "common/base/clock.h"
#include "common/base/numset.h"
#include "common/net/net.h"
#include "common/store/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
    ENDPOINT_SIZE = 256,
    STEP_MS = 50,
    WAIT_MS = 30000, // for an answer, and then for the sink
    TASKS_AT_A_TIME = 4096
};

// By its id one that is sent again is known.
static void put_head(const struct decide *decide, struct buffer *out)
{
    struct id128 id = {{0}};
    char text[ID128_TEXT_SIZE];
    out->failed = id128_random(&id) != 0 || out->failed;
    id128_text(&id, text);
    buffer_printf(out,
                  "{\"v\":1,\"ask\":\"decide\",\"id\":\"%s\","
                  "\"status\":\"%s\",\"time_us\":%" PRId64 ",\"user\":",
                  text, status_name(decide->status), decide->time_us);
    if (!text_put_quoted(out, span_of_text(decide->user)))
        buffer_append_text(out, "\"?\"");
    buffer_append_text(out, ",\"note\":");
    if (!text_put_quoted(out, span_of_text(decide->note)))
        buffer_append_text(out, "\"?\"");
}

// The next tasks, in runs; false when there are none.
static bool put_question(const struct decide *decide, uint64_t *from,
                         struct buffer *out)
{
    uint64_t first, count;
    size_t tasks = 0;
    buffer_clear(out);
    put_head(decide, out);
    buffer_append_text(out, ",\"tasks\":[");
    while (tasks < TASKS_AT_A_TIME &&
           numset_next_run(decide->tasks, *from, &first, &count)) {
        if (count > TASKS_AT_A_TIME - tasks)
            count = TASKS_AT_A_TIME - tasks;
        buffer_printf(out, "%s[%" PRIu64 ",%" PRIu64 "]", tasks > 0 ? "," : "",
                      first, count);
        tasks += count;
        *from = first + count;
    }
    buffer_append_text(out, "]}");
    return tasks > 0;
}

// Until there is an answer to what is asked now.
static int converse(struct ask *ask, const char *dir, struct problem *problem)
{
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    for (;;) {
        const int64_t now_ms = clock_monotonic_ms();
        struct net_poll_item item = {.socket = ask_socket(ask),
                                     .want = NET_READ};
        if (!look_is_live(dir))
            return problem_set(problem, -EAGAIN, "the run in %s has ended",
                               dir);
        if (now_ms >= until_ms)
            return problem_exit(problem, EXIT_UNREACHABLE, -ETIMEDOUT,
                                "the ventilator of %s does not answer; decide "
                                "again, it may be starting",
                                dir);
        ask_send(ask, now_ms);
        const int ready = net_poll(&item, 1, STEP_MS);
        if (ready < 0)
            return problem_set(problem, ready, "cannot wait for an answer: %s",
                               strerrordesc_np(-ready));
        if (ask_receive(ask))
            return 0;
    }
}

static int wait_for_sink(struct ask *ask, const char *dir,
                         struct problem *problem)
{
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    const int watch = look_watch(dir);
    int error = 0;
    ask_about(ask, NULL);
    while (error == 0) {
        error = converse(ask, dir, problem);
        if (error == 0 && ask_status(ask)->decided == 0)
            break;
        if (error == 0 && clock_monotonic_ms() >= until_ms)
            error = problem_exit(problem, EXIT_UNREACHABLE, -ETIMEDOUT,
                                 "the sink of %s has not stored the decision; "
                                 "fan held tells when it has",
                                 dir);
        if (error == 0)
            look_wait(watch, STEP_MS);
    }
    look_close(watch);
    return error;
}

// A ventilator that is starting does not know yet what is held, and one that is
// complete takes no decisions any more: its run ends.
static bool is_deaf(const struct ask *ask)
{
    const char *const state = ask_status(ask)->state;
    return strcmp(state, "starting") == 0 || strcmp(state, "complete") == 0;
}

static int ask_begun(struct ask *ask, const char *dir, struct problem *problem)
{
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    int error;
    while ((error = converse(ask, dir, problem)) == 0 && is_deaf(ask)) {
        if (clock_monotonic_ms() >= until_ms)
            return problem_exit(problem, EXIT_UNREACHABLE, -ETIMEDOUT,
                                "the ventilator of %s takes no decisions now, "
                                "while it starts or ends; decide again",
                                dir);
        look_wait(-1, STEP_MS);
    }
    return error;
}

static int say(struct ask *ask, const struct decide *decide,
               struct problem *problem)
{
    struct buffer question = {0};
    uint64_t from = 0;
    int error = 0;
    while (error == 0 && put_question(decide, &from, &question)) {
        if (question.failed) {
            error = problem_set(problem, -ENOMEM, "out of memory");
            break;
        }
        put_u8(&question, '\0');
        ask_about(ask, (const char *)question.at);
        error = ask_begun(ask, decide->dir, problem);
    }
    buffer_free(&question);
    return error == 0 ? wait_for_sink(ask, decide->dir, problem) : error;
}

int decide_live(const struct decide *decide, struct problem *problem)
{
    char endpoint[ENDPOINT_SIZE];
    if (!look_endpoint(decide->dir, endpoint, sizeof endpoint))
        return look_is_live(decide->dir)
                   ? problem_exit(problem, EXIT_UNREACHABLE, -ENOENT,
                                  "somebody is at work on %s, but there is no "
                                  "endpoint to ask; by hand, the ventilator "
                                  "has another directory",
                                  decide->dir)
                   : problem_set(problem, -EAGAIN, "the run in %s has ended",
                                 decide->dir);
    int error = net_start(problem);
    if (error != 0)
        return error;
    struct ask *ask = ask_open(endpoint, problem);
    error = ask ? say(ask, decide, problem) : problem->code;
    ask_close(&ask);
    net_stop();
    return error;
}
