#include "page/axis.h"

unsigned axis_reach(struct axis *axis, int64_t from_us, int64_t to_us)
{
    enum { DOUBLINGS_MAX = 40 };
    unsigned times = 0;
    if (axis->origin_us == 0) {
        axis->origin_us = from_us;
        axis->width_us = AXIS_WIDTH_US;
    }
    while (times < DOUBLINGS_MAX &&
           (to_us - axis->origin_us) / axis->width_us >= AXIS_COLUMNS) {
        axis->width_us *= 2;
        times++;
    }
    return times;
}

double axis_place(const struct axis *axis, int64_t us)
{
    const double place =
        (double)(us - axis->origin_us) / (double)axis->width_us;
    return place < 0 ? 0 : place > AXIS_COLUMNS ? AXIS_COLUMNS : place;
}

size_t axis_column(const struct axis *axis, int64_t us)
{
    const size_t column = (size_t)axis_place(axis, us);
    return column < AXIS_COLUMNS ? column : AXIS_COLUMNS - 1;
}

void axis_fold_sums(uint32_t sums[AXIS_COLUMNS])
{
    for (size_t i = 0; i < AXIS_COLUMNS; i++)
        sums[i] = i < AXIS_COLUMNS / 2 ? sums[2 * i] + sums[2 * i + 1] : 0;
}

void axis_fold_shares(float shares[AXIS_COLUMNS])
{
    for (size_t i = 0; i < AXIS_COLUMNS; i++)
        shares[i] =
            i < AXIS_COLUMNS / 2 ? (shares[2 * i] + shares[2 * i + 1]) / 2 : 0;
}

void axis_fold_marks(bool marks[AXIS_COLUMNS])
{
    for (size_t i = 0; i < AXIS_COLUMNS; i++)
        marks[i] = i < AXIS_COLUMNS / 2 && (marks[2 * i] || marks[2 * i + 1]);
}
