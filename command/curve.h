/* curve - how much happened when, in bounded memory
 *
 * Time is cut into buckets of one width, from the first moment on. When they do
 * not reach any further, two and two become one and the width doubles: so the
 * whole of a run is there, in 256 to 512 steps, however long it takes. No
 * clock.
 */
#ifndef COMMAND_CURVE_H
#define COMMAND_CURVE_H

#include <stdint.h>

enum { CURVE_BUCKETS = 512 };

struct curve {
    int64_t origin_us, width_us;
    int64_t end_us; /* the last moment that was told of */
    double at[CURVE_BUCKETS];
};

/* Empties it; time begins at `origin_us`. */
void curve_begin(struct curve *curve, int64_t origin_us, int64_t width_us);
/* `count` happened between two moments, evenly; or at one, where both are the
 * same. What is earlier than the origin counts there. */
void curve_add(struct curve *curve, int64_t from_us, int64_t to_us,
               double count);
/* The mean rate between two moments, a second. 0 where nothing was told. */
double curve_rate(const struct curve *curve, int64_t from_us, int64_t to_us);

#endif
