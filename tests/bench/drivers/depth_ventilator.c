/* depth_ventilator - linked around the real ventilator by the linker's --wrap:
 * its source gives the next task only when the last one is known to be stored
 */
#include "tests/bench/drivers/depth.h"
#include "ventilator/source.h"
#include "ventilator/tracker.h"

#include <stddef.h>

// The names are the linker's.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c)
enum source_result __real_source_next(struct source *source,
                                      struct source_task *task,
                                      struct problem *problem);
enum source_result __wrap_source_next(struct source *source,
                                      struct source_task *task,
                                      struct problem *problem);
void __real_tracker_stored(struct tracker *tracker,
                           const struct wire_stored *stored, int64_t now_ms);
void __wrap_tracker_stored(struct tracker *tracker,
                           const struct wire_stored *stored, int64_t now_ms);

static uint64_t given, done;

enum source_result __wrap_source_next(struct source *source,
                                      struct source_task *task,
                                      struct problem *problem)
{
    if (given > done)
        return SOURCE_LATER;
    const int64_t now_ns = depth_now_ns();
    const enum source_result result = __real_source_next(source, task, problem);
    if (result == SOURCE_TASK) {
        given++;
        struct depth_times *times = depth_of(given);
        if (times)
            times->given_ns = now_ns;
    }
    return result;
}

void __wrap_tracker_stored(struct tracker *tracker,
                           const struct wire_stored *stored, int64_t now_ms)
{
    struct tracker_counts counts;
    __real_tracker_stored(tracker, stored, now_ms);
    tracker_counts(tracker, &counts);
    const uint64_t before = done;
    done = counts.by_status[STATUS_OK];
    struct depth_times *times = done > before ? depth_of(done) : NULL;
    if (times)
        times->stored_ns = depth_now_ns();
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c)
