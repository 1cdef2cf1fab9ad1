/* tracker_fleet - the workers that there are, by handle and by incarnation */
#include "ventilator/tracker_inside.h"

#include <stdlib.h>

struct worker *worker_at(const struct tracker *tracker, uint32_t handle)
{
    return handle && handle <= tracker->worker_top ? tracker->workers[handle]
                                                   : NULL;
}

// Workers draw their ids by chance: whose first half is another's are few, or
// have made it so and wait for it themselves.
static uint64_t short_id(const struct id128 *incarnation)
{
    return load_u32(incarnation->byte) |
           (uint64_t)load_u32(incarnation->byte + 4) << 32;
}

static uint32_t first_alike(const struct tracker *tracker,
                            const struct id128 *incarnation)
{
    uint64_t at = NONE;
    (void)map_get(tracker->by_short_id, short_id(incarnation), &at);
    return (uint32_t)at;
}

uint32_t worker_find(const struct tracker *tracker,
                     const struct id128 *incarnation)
{
    uint32_t at = first_alike(tracker, incarnation);
    while (at && !id128_equal(&tracker->workers[at]->incarnation, incarnation))
        at = tracker->workers[at]->alike;
    return at;
}

unsigned tracker_worker(const struct tracker *tracker,
                        const struct id128 *incarnation)
{
    return worker_find(tracker, incarnation);
}

uint32_t worker_open(struct tracker *tracker, const struct id128 *incarnation)
{
    uint32_t at = 1;
    while (at <= tracker->worker_top && tracker->workers[at])
        at++;
    if (at > tracker->limits.workers_max)
        return NONE;
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NONE;
    worker->incarnation = *incarnation;
    worker->alike = first_alike(tracker, incarnation);
    if (map_put(tracker->by_short_id, short_id(incarnation), at) != 0) {
        free(worker);
        return NONE;
    }
    tracker->workers[at] = worker;
    if (at > tracker->worker_top)
        tracker->worker_top = at;
    return at;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    free(worker->lane_counts);
    free(worker->ran);
    free(worker);
}

void worker_close(struct tracker *tracker, uint32_t at)
{
    struct worker *worker = tracker->workers[at];
    const struct id128 *incarnation = &worker->incarnation;
    uint32_t before = first_alike(tracker, incarnation);
    if (before != at) {
        while (tracker->workers[before]->alike != at)
            before = tracker->workers[before]->alike;
        tracker->workers[before]->alike = worker->alike;
    } else if (worker->alike) { // in place of what is there: takes no memory
        (void)map_put(tracker->by_short_id, short_id(incarnation),
                      worker->alike);
    } else {
        (void)map_remove(tracker->by_short_id, short_id(incarnation));
    }
    tracker->workers[at] = NULL;
    worker_free(worker);
}

bool worker_sends(struct worker *worker, uint32_t count)
{
    if (worker->sent - worker->received == worker->lane_room) {
        const size_t room = worker->lane_room ? 2 * worker->lane_room : 4;
        uint32_t *grown = calloc(room, sizeof *grown);
        if (!grown)
            return false;
        for (size_t i = 1; i <= worker->lane_room; i++) {
            const uint64_t number = worker->received + i;
            grown[number % room] =
                worker->lane_counts[number % worker->lane_room];
        }
        free(worker->lane_counts);
        worker->lane_counts = grown;
        worker->lane_room = room;
    }
    worker->lane_counts[++worker->sent % worker->lane_room] = count;
    worker->unreceived += count;
    return true;
}
