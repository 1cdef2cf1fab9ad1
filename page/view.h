/* view - what the page shows of a run, counted from its records as they come
 *
 * Give it the log from its start. Memory is bounded but for some dozen bytes
 * for each task that has failed, and a bit for each that is final: slots beyond
 * VIEW_ROWS and kinds of failure beyond VIEW_GROUPS are counted, not kept. No
 * clock.
 */
#ifndef PAGE_VIEW_H
#define PAGE_VIEW_H

#include "common/base/bytes.h"
#include "common/store/record.h"
#include "page/axis.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VIEW_ROWS = 256,
    VIEW_BARS = 3000, // the last attempts
    VIEW_GROUPS = 100,
    VIEW_TASKS = 100, // the last of a group
    VIEW_RECENT = 50,
    VIEW_SLOWEST = 20,
    VIEW_TEXT = 96,
    VIEW_BINS = 102, // of times: ten of a decade, from 10 us on
};

struct view_row { // a slot of a worker
    struct id128 worker;
    uint32_t slot;
    char host[VIEW_TEXT];
    uint64_t attempts, busy_us;
    float busy[AXIS_COLUMNS];  // its share of that time, 0 to 1
    bool failed[AXIS_COLUMNS]; // an attempt that failed ended then
};

struct view_bar { // an attempt
    int64_t start_us;
    uint64_t wall_us, task;
    uint32_t row;
    enum fail_class class;
};

struct view_task {
    uint64_t task, wall_us;
    enum status status;
    enum fail_class class;
    uint8_t exit, signal;
    uint32_t attempt, slot;
    char values[VIEW_TEXT], host[VIEW_TEXT];
};

struct view_group { // of failures, alike in class, code and folded last line
    enum fail_class class;
    uint8_t exit, signal;
    char *line;
    uint64_t attempts;          // that failed so
    uint64_t tasks;             // whose end it was
    uint64_t last[VIEW_TASKS];  // that failed so, a ring
    size_t last_count, last_at; // last_at: where the next one goes
};

struct map;
struct numset;
struct held;

struct view {
    struct id128 run;
    bool complete;
    uint64_t records;
    struct axis axis;
    int64_t last_us;
    uint32_t done[AXIS_COLUMNS], bad[AXIS_COLUMNS]; // final, by when
    struct view_row *rows;
    size_t row_count;
    uint64_t rowless; // attempts on slots beyond
    struct view_bar bars[VIEW_BARS];
    uint64_t bar_count; // ever; the ring has the last
    uint64_t bins[VIEW_BINS], bin_count, bin_sum_us;
    uint64_t attempts, busy_us, by_class[CLASSES], by_status[STATUSES];
    struct view_group *groups; // as they were first met
    size_t group_count;
    uint64_t groupless;
    struct view_task recent[VIEW_RECENT];
    uint64_t recent_count; // ever
    struct view_task slowest[VIEW_SLOWEST];
    size_t slow_count;
    struct numset *finals;
    struct map *failing; // task -> group, of those not final
    struct map *ended;   // task -> group and status, of those final and not ok
    struct held *held;
};

struct view *view_create(void); /* NULL when out of memory */
void view_destroy(struct view **view);
/* `behind`: many more stand in the log, so that none of the last few are worth
 * their names. Returns 0 or -ENOMEM. */
int view_take(struct view *view, const struct record *record, bool behind);
/* Where bin `bin` of the times ends, in seconds; the last has no end. */
double view_bin_s(unsigned bin);

/* -- view_json.c: both return 0 or -ENOMEM. ---------------------------------
 */
/* Appends members of an object, from "run_id" on. */
int view_put(struct view *view, struct buffer *out);
/* Appends an object: rows, and the bars after the first `after` ones. */
int view_put_timeline(const struct view *view, uint64_t after,
                      struct buffer *out);

#endif
