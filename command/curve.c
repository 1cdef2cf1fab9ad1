#include "command/curve.h"

#include <string.h>

enum { SECOND_US = 1000000 };

void curve_begin(struct curve *curve, int64_t origin_us, int64_t width_us)
{
    *curve = (struct curve){.origin_us = origin_us,
                            .width_us = width_us > 0 ? width_us : 1,
                            .end_us = origin_us};
}

static void widen(struct curve *curve)
{
    enum { HALF = CURVE_BUCKETS / 2 };
    for (int i = 0; i < HALF; i++)
        curve->at[i] = curve->at[2 * i] + curve->at[2 * i + 1];
    memset(curve->at + HALF, 0, HALF * sizeof curve->at[0]);
    curve->width_us *= 2;
}

// The part of [from, to) that lies in a bucket.
static double within(const struct curve *curve, int64_t bucket, int64_t from,
                     int64_t to)
{
    const int64_t begin = bucket * curve->width_us;
    const int64_t end = begin + curve->width_us;
    const int64_t first = from > begin ? from : begin;
    const int64_t last = to < end ? to : end;
    return last > first ? (double)(last - first) : 0;
}

void curve_add(struct curve *curve, int64_t from_us, int64_t to_us,
               double count)
{
    int64_t from = from_us - curve->origin_us, to = to_us - curve->origin_us;
    from = from > 0 ? from : 0;
    to = to > from ? to : from;
    // Wide enough to double without overflow, some thousand years before.
    while (to >= CURVE_BUCKETS * curve->width_us &&
           curve->width_us < INT64_MAX / (4 * CURVE_BUCKETS))
        widen(curve);
    const int64_t most = CURVE_BUCKETS * curve->width_us - 1;
    from = from < most ? from : most;
    to = to < most ? to : most;
    if (curve->origin_us + to > curve->end_us)
        curve->end_us = curve->origin_us + to;
    if (to == from) {
        curve->at[to / curve->width_us] += count;
        return;
    }
    const double whole = (double)(to - from);
    for (int64_t i = from / curve->width_us; i <= to / curve->width_us; i++)
        curve->at[i] += count * within(curve, i, from, to) / whole;
}

// How much of it lies before what was told of last: the last is not yet full.
static double told_of(const struct curve *curve, int64_t bucket)
{
    const double told =
        within(curve, bucket, 0, curve->end_us - curve->origin_us);
    return told > 0 ? told : (double)curve->width_us;
}

double curve_rate(const struct curve *curve, int64_t from_us, int64_t to_us)
{
    const int64_t most = CURVE_BUCKETS * curve->width_us;
    int64_t from = from_us - curve->origin_us, to = to_us - curve->origin_us;
    double sum = 0;
    if (to <= from)
        return 0;
    const double seconds = (double)(to - from) / SECOND_US;
    from = from > 0 ? from : 0;
    to = to < most ? to : most;
    for (int64_t i = from / curve->width_us;
         i < CURVE_BUCKETS && i * curve->width_us < to; i++) {
        const double part = within(curve, i, from, to) / told_of(curve, i);
        sum += curve->at[i] * (part < 1 ? part : 1);
    }
    return sum / seconds;
}
