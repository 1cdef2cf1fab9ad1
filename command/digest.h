/* digest - what a report says of a run, counted from its records
 *
 * Three passes over the log: digest_span of every attempt finds when the run
 * began and ended; digest_attempt of every attempt says when which slot was at
 * work; digest_result of every task's last record says what came of it. Memory
 * is bounded: slots beyond DIGEST_ROWS, bars beyond DIGEST_BARS and kinds of
 * failure beyond DIGEST_GROUPS are counted, not kept. No clock.
 */
#ifndef COMMAND_DIGEST_H
#define COMMAND_DIGEST_H

#include "common/base/bytes.h"
#include "common/store/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DIGEST_ROWS = 256,
    DIGEST_COLUMNS = 480, // of the timeline
    DIGEST_BARS = 3000,
    DIGEST_GROUPS = 100,
    DIGEST_SLOWEST = 20,
    DIGEST_BINS = 40, // of times: three to a decade, from 1 us on
};

struct digest_row { // a slot of a worker
    struct id128 worker;
    uint32_t slot;
    char *host;
    size_t met; // the how manieth it was, from 0
    uint64_t attempts, busy_us;
    float busy[DIGEST_COLUMNS];  // its share of that time, 0 to 1
    bool failed[DIGEST_COLUMNS]; // an attempt that failed ended then
};

struct digest_bar {
    size_t row;
    int64_t start_us;
    uint64_t wall_us, task;
    bool failed;
};

struct digest_slow {
    uint64_t task, wall_us;
    char *values, *host;
};

struct digest_group { // of failures, alike in class, code and folded last line
    enum fail_class class;
    uint8_t exit, signal;
    char *line;
    uint64_t count, example;
};

struct digest {
    int64_t first_us, last_us; // 0, 0: nothing ran
    uint64_t attempts, busy_us, losses;
    uint64_t by_status[STATUSES], tasks;
    uint64_t bins[DIGEST_BINS];
    struct digest_row *rows; // by host and slot, once settled
    size_t row_count;
    uint64_t rowless; // attempts on slots beyond
    struct digest_bar *bars;
    size_t bar_count; // beyond DIGEST_BARS: how many there would be
    struct digest_slow slowest[DIGEST_SLOWEST];
    size_t slow_count;
    struct digest_group *groups; // the largest first, once settled
    size_t group_count;
    uint64_t groupless;
};

void digest_span(struct digest *digest, const struct record *record);
/* Both return 0 or -ENOMEM. */
int digest_attempt(struct digest *digest, const struct record *record);
int digest_result(struct digest *digest, const struct record *record);
/* Sorts; call once at the end. */
void digest_settle(struct digest *digest);
void digest_clear(struct digest *digest);

/* Where bin `bin` of the times begins, in seconds. */
double digest_bin_s(unsigned bin);

#endif
