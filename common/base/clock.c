#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t microseconds(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
    return microseconds(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
    return microseconds(CLOCK_MONOTONIC);
}

int64_t clock_utc_us(void)
{
    return microseconds(CLOCK_REALTIME);
}

void clock_text(int64_t utc_us, char text[CLOCK_TEXT_SIZE])
{
    int64_t seconds = utc_us / 1000000;
    int64_t rest = utc_us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    const time_t when = (time_t)seconds;
    struct tm tm = {0};
    // A peer's time may lie beyond the four digits of a year: zero then.
    if (!gmtime_r(&when, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
        memcpy(text, "0000-00-00T00:00:00.000000Z", CLOCK_TEXT_SIZE);
        return;
    }
    char date[32];
    strftime(date, sizeof date, "T%H:%M:%S", &tm);
    char whole[96];
    snprintf(whole, sizeof whole, "%04d-%02d-%02d%s.%06dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, date, (int)rest);
    memcpy(text, whole, CLOCK_TEXT_SIZE - 1);
    text[CLOCK_TEXT_SIZE - 1] = '\0';
}
