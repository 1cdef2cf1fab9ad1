/* ask - a live run's ventilator, asked how far it is */
#ifndef COMMAND_ASK_H
#define COMMAND_ASK_H

#include "common/base/bytes.h"
#include "common/base/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct ask;
struct net_socket;

/* After net_start. The connection is made again by itself when the ventilator
 * restarts. NULL with a problem. */
struct ask *ask_open(const char *endpoint, struct problem *problem);
void ask_close(struct ask **ask);
struct net_socket *ask_socket(const struct ask *ask); /* for net_poll */

/* From now on it asks this, in JSON, of which the answer is the status, too;
 * NULL: for the status. It lives as long as it is asked. */
void ask_about(struct ask *ask, const char *question);
/* Sends the question unless one asked in the last seconds is unanswered. */
void ask_send(struct ask *ask, int64_t now_ms);
/* Takes what has arrived: true when there is a new answer. */
bool ask_receive(struct ask *ask);

/* The last answer; zeroed before the first. */
struct ask_status {
    char state[16];
    uint64_t read, total, input_bytes, input_offset, done, ok, failed, ignored,
        quarantined, cancelled, dropped, running, queued, waiting, workers,
        slots, retries, losses, speculated, held, decided, unsaved, generation,
        cancelling, cancel_later;
    bool input_ended, paused;
    double elapsed_s;
    uint64_t unfit; /* workers no task fits, as far as they are told */
    char unfit_host[64], unfit_why[256]; /* of the first; printable */
};
const struct ask_status *ask_status(const struct ask *ask);
struct span ask_json(const struct ask *ask); /* as it came */

#endif
