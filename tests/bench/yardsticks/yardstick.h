/* yardstick - what the yardsticks share: a clock, counts from the command
 * line, percentiles, and an end for what the system refuses */
#ifndef TESTS_BENCH_YARDSTICK_H
#define TESTS_BENCH_YARDSTICK_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void need(int fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static inline long count_of(const char *text, long least)
{
    char *end;
    const long value = strtol(text, &end, 10);
    if (*end == '\0' && end != text && value >= least)
        return value;
    fprintf(stderr, "'%s' is not a number from %ld on\n", text, least);
    exit(2);
}

static inline int by_size(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Prints p50 and p99 of the times in microseconds; sorts them. */
static inline void print_percentiles(int64_t *ns, size_t count)
{
    qsort(ns, count, sizeof *ns, by_size);
    printf("%.1f %.1f\n", (double)ns[count / 2] / 1000.0,
           (double)ns[count * 99 / 100] / 1000.0);
}

#endif
