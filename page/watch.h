/* watch - a run, followed: its log as it grows, and its ventilator's answers */
#ifndef PAGE_WATCH_H
#define PAGE_WATCH_H

#include "common/base/problem.h"
#include "page/places.h"
#include "page/view.h"

#include <stdbool.h>
#include <stdint.h>

struct watch;
struct ask;

/* After net_start; `dir` is borrowed. NULL with a problem. */
struct watch *watch_open(const char *dir, struct problem *problem);
void watch_close(struct watch **watch);

/* Reads on for some milliseconds. Returns 1: there is more, 0: it is at the
 * end, or -errno with a problem; a damaged log is at its end. */
int watch_read(struct watch *watch, struct problem *problem);
/* Asks the ventilator, if one is at work and was not asked in the last second,
 * or, when somebody is `waiting`, just now; and takes what it has answered.
 * Returns whether something is new. */
bool watch_ask(struct watch *watch, int64_t now_ms, bool waiting);

/* The last look: `fan run` still lives when its roles have left, and then it is
 * the log alone that tells how the run ended. */
void watch_last(struct watch *watch);

struct view *watch_view(struct watch *watch);
const struct places *watch_places(const struct watch *watch);
/* NULL while nobody is asked: for net_poll. */
struct net_socket *watch_socket(const struct watch *watch);

enum watch_state {
    WATCH_LIVE,     /* somebody is at work on it */
    WATCH_COMPLETE, /* says the log */
    WATCH_STOPPED,
    WATCH_DAMAGED,
};
enum watch_state watch_state(const struct watch *watch);
const char *watch_state_name(const struct watch *watch);
/* The ventilator's last answer, as JSON; empty: there is none that is younger
 * than some seconds. */
struct span watch_status(const struct watch *watch, int64_t now_ms);
double watch_share_read(const struct watch *watch); /* of the log, 0 to 1 */

#endif
