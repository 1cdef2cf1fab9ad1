/* tracker_blame - whether a host is to blame for what fails there
 *
 * A host without a licence, a library or room on its disk fails each task at
 * once, asks for the next, and so eats a whole input while others work. It
 * shows by one of two signs, where nothing has passed there in between:
 *
 * - five tasks that failed fast there have passed on other hosts since;
 * - thirty in a row have failed fast there, while of thirty or more that ended
 *   elsewhere meanwhile nine of ten passed: without retries there is nothing
 *   to compare, and this is as good as it gets.
 *
 * A task that passes there clears it of all. Pure; no clock.
 */
#ifndef VENTILATOR_TRACKER_BLAME_H
#define VENTILATOR_TRACKER_BLAME_H

#include <stdbool.h>
#include <stdint.h>

/* Attempts that ended by themselves, since the run began. */
struct blame_ends {
    uint64_t passed, failed;
};

/* Of one host; zeroed at first. */
struct blame {
    uint32_t row;            // fast failures with nothing passed in between
    uint32_t refuted;        // of their tasks, those that passed elsewhere
    struct blame_ends began; // of the others, when the row began
};

void blame_passed(struct blame *blame);
/* A fast failure; a slow one does no harm and is not told. */
void blame_failed(struct blame *blame, struct blame_ends others);
/* A task that failed fast here has passed on another host. */
void blame_refuted(struct blame *blame);
bool blame_is_due(const struct blame *blame, struct blame_ends others);

#endif
