/* tracker_stale - copies that a worker holds though they are not its any more
 *
 * HELLO of a worker lists them, and each is told CANCEL then. That message can
 * be lost, and a copy that never ends would keep its slot. So it is said again
 * as long as a REPORT holds it.
 */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

void worker_cancel(struct tracker *tracker, uint32_t worker, uint64_t task,
                   uint32_t generation, uint32_t attempt)
{
    struct tracker_action *action = tracker_act(tracker, ACTION_CANCEL);
    action->worker = worker;
    action->refs = (struct wire_refs){
        .task = task, .count = 1, .generation = generation, .attempt = attempt};
}

static bool is_own(const struct tracker *tracker, uint32_t worker,
                   const struct wire_refs *copy)
{
    const uint32_t at = entry_find(tracker, copy->task);
    return at && copies_held(tracker, at, worker, copy);
}

struct search {
    struct wire_refs first; // task 0: none found
    bool again;             // the first is that of the last search
};

static void look_through(struct tracker *tracker, uint32_t at,
                         struct wire_list list, struct search *search)
{
    const struct wire_refs *before = &tracker->workers[at]->stale;
    struct wire_refs refs;
    while (wire_next_refs(&list, &refs)) {
        struct wire_refs copy = refs;
        copy.count = 1;
        for (uint32_t i = 0; i < refs.count && i < WIRE_TASKS_MAX;
             i++, copy.task++) {
            if (is_own(tracker, at, &copy))
                continue;
            if (search->first.task == 0) {
                search->first = copy;
                search->again = before->task == copy.task &&
                                before->generation == copy.generation &&
                                before->attempt == copy.attempt;
            }
            if (search->again)
                worker_cancel(tracker, at, copy.task, copy.generation,
                              copy.attempt);
        }
    }
}

// What has just ended is listed, too: only what stays there is meant.
void worker_find_stale(struct tracker *tracker, uint32_t at,
                       const struct wire_report *report)
{
    struct worker *worker = tracker->workers[at];
    const uint64_t held =
        (uint64_t)worker->queued + worker->running + worker->unreceived;
    if (held <= worker->out.count || MUTANT(CANCEL_ONCE) ||
        tracker->now_ms - worker->stale_ms < tracker->limits.heartbeat_ms)
        return;
    struct search search = {0};
    look_through(tracker, at, report->running, &search);
    look_through(tracker, at, report->queued, &search);
    worker->stale_ms = tracker->now_ms;
    worker->stale = search.first;
}
