/* clock - the two clocks; only loops read them, everything else is told */
#ifndef COMMON_BASE_CLOCK_H
#define COMMON_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_ms(void); /* CLOCK_MONOTONIC: for every timer */
int64_t clock_monotonic_us(void);
int64_t clock_utc_us(void); /* since 1970: for records only, never a timer */

enum { CLOCK_TEXT_SIZE = 28 };
/* "2026-11-23T09:00:00.123456Z" */
void clock_text(int64_t utc_us, char text[CLOCK_TEXT_SIZE]);

#endif
