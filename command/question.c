#include "command/question.h"

#include "command/look.h"
#include "common/base/clock.h"
#include "common/net/net.h"

#include <errno.h>
#include <string.h>

enum { WAIT_MS = 5000, STEP_MS = 100, ENDPOINT_SIZE = 256 };

// Asks until there is an answer, or the run has ended; then -ENOENT.
static int converse(struct ask *ask, const char *dir, struct problem *problem)
{
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    for (;;) {
        const int64_t now_ms = clock_monotonic_ms();
        struct net_poll_item item = {.socket = ask_socket(ask),
                                     .want = NET_READ};
        if (now_ms >= until_ms)
            return problem_exit(
                problem, EXIT_UNREACHABLE, -ETIMEDOUT,
                "the ventilator of %s does not answer; ask again, it may be "
                "starting",
                dir);
        ask_send(ask, now_ms);
        const int ready = net_poll(&item, 1, STEP_MS);
        if (ready < 0)
            return problem_set(problem, ready, "cannot wait for an answer: %s",
                               strerrordesc_np(-ready));
        if (ask_receive(ask))
            return 0;
        if (!look_is_live(dir))
            return -ENOENT;
    }
}

int question_ask(const char *dir, const char *question, struct ask **ask,
                 struct problem *problem)
{
    char endpoint[ENDPOINT_SIZE] = "";
    *ask = NULL;
    if (!look_is_live(dir))
        return -ENOENT;
    if (!look_endpoint(dir, endpoint, sizeof endpoint))
        return look_is_live(dir)
                   ? problem_exit(problem, EXIT_UNREACHABLE, -ENXIO,
                                  "somebody is at work on %s, but there is no "
                                  "endpoint to ask; by hand, the ventilator "
                                  "has another directory",
                                  dir)
                   : -ENOENT;
    const int error = net_start(problem);
    if (error != 0)
        return error;
    *ask = ask_open(endpoint, problem);
    if (!*ask) {
        net_stop();
        return problem->code;
    }
    ask_about(*ask, question);
    return converse(*ask, dir, problem);
}

void question_close(struct ask **ask)
{
    if (!*ask)
        return;
    ask_close(ask);
    net_stop();
}
