/* axis - time in columns that double in width as a run grows longer
 *
 * A run's length is not known while it goes on, so what is drawn over time is
 * counted in AXIS_COLUMNS columns from its first moment on; when time runs past
 * the last one, each two become one. Pure.
 */
#ifndef PAGE_AXIS_H
#define PAGE_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AXIS_COLUMNS = 480, AXIS_WIDTH_US = 1000 };

struct axis {
    int64_t origin_us; /* 0: nothing was counted yet */
    int64_t width_us;
};

/* Makes room up to `us`. Returns how often each two columns become one: fold
 * what is counted so often, before it is added to. What is before the origin
 * belongs to the first column. */
unsigned axis_reach(struct axis *axis, int64_t from_us, int64_t to_us);
/* Where it lies, in columns; within 0 and AXIS_COLUMNS. */
double axis_place(const struct axis *axis, int64_t us);
size_t axis_column(const struct axis *axis, int64_t us);

void axis_fold_sums(uint32_t sums[AXIS_COLUMNS]);
void axis_fold_shares(float shares[AXIS_COLUMNS]);
void axis_fold_marks(bool marks[AXIS_COLUMNS]);

#endif
