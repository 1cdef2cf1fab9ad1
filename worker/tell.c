#include "worker/state.h"

#include "common/base/log.h"

#include <errno.h>
#include <stdlib.h>

struct wire_header worker_header(const struct worker *worker)
{
    return (struct wire_header){.version = worker->version,
                                .generation = worker->generation,
                                .run = worker->run,
                                .sender = worker->incarnation};
}

// What cannot be sent is repeated: HELLO and REPORT by the clock, and a lost
// RETURNED shows in REPORT.
void worker_send_control(struct worker *worker)
{
    if (worker->frame.failed)
        worker_fail(worker, EXIT_ERROR, "out of memory");
    else
        (void)net_send(worker->control, NULL, buffer_span(&worker->frame));
    buffer_clear(&worker->frame);
}

// The batch gets its number: from now on it is told of as made.
static int close_batch(struct worker *worker)
{
    if (worker->batch_count == 0)
        return 0;
    const struct wire_header header = worker_header(worker);
    const struct wire_results results = {.number =
                                             retain_made(worker->retain) + 1,
                                         .kept = retain_kept(worker->retain)};
    wire_set_results_head(&worker->batch, &header, &results,
                          worker->batch_count);
    worker->batch_count = 0;
    worker->batch_usual = worker->batch.size + worker->batch.size / 8;
    if (worker->batch.failed)
        return -ENOMEM;
    return retain_add(worker->retain, &worker->batch);
}

// A task is in one of the lists, or its result is counted as made: the
// ventilator sends again what is in neither.
static bool count_made(struct worker *worker)
{
    if (close_batch(worker) == 0)
        return true;
    worker_fail(worker, EXIT_ERROR, "out of memory");
    return false;
}

void worker_hello(struct worker *worker, int64_t now_ms)
{
    const struct wire_refs_out queued = slots_list_queued(worker->slots);
    bool listed = count_made(worker) && slots_listed(worker->slots);
    const struct wire_refs_out running = slots_list_running(worker->slots);
    listed = listed && slots_listed(worker->slots);
    worker->hello_ms = now_ms;
    if (!listed)
        return;
    struct wire_pair pairs[STOCK_PAIRS_MAX];
    struct buffer text = {0};
    const size_t count = stock_pairs(&worker->stock, &text, pairs);
    const struct wire_header header = worker_header(worker);
    const struct wire_hello hello = {
        .version_min = WIRE_VERSION_MIN,
        .version_max = WIRE_VERSION,
        .role = ROLE_WORKER,
        .lane = slots_lane(worker->slots),
        .slots = worker_is_prepared(worker) ? slots_count(worker->slots)
                                            : slots_room(worker->slots),
        .pid = worker->process.pid,
        .pid_start = worker->process.start,
        .boot = worker->process.boot,
        .kept = retain_kept(worker->retain),
        .made = retain_made(worker->retain),
        .host = span_of_text(worker->host),
    };
    wire_put_hello(&worker->frame, &header, &hello, queued, running,
                   (struct wire_pairs_out){pairs, count});
    buffer_free(&text);
    worker_send_control(worker);
}

void worker_greet_again(struct worker *worker, int64_t now_ms)
{
    net_close(&worker->lane);
    free(worker->lane_endpoint);
    worker->lane_endpoint = NULL;
    (void)slots_open_lane(worker->slots);
    if (worker->phase != PHASE_LEAVING)
        worker->phase = PHASE_GREETING;
    worker->hello_apart_ms = HELLO_AGAIN_MS;
    worker_hello(worker, now_ms);
}

void worker_report(struct worker *worker, int64_t now_ms)
{
    if (!count_made(worker))
        return;
    struct wire_report report = {.kept = retain_kept(worker->retain),
                                 .made = retain_made(worker->retain)};
    if (retain_full(worker->retain))
        report.flags |= REPORT_FULL;
    slots_report(worker->slots, &report);
    const struct wire_refs_out queued = slots_list_queued(worker->slots);
    bool listed = slots_listed(worker->slots);
    const struct wire_refs_out running = slots_list_running(worker->slots);
    listed = listed && slots_listed(worker->slots);
    if (!listed)
        return;
    const struct wire_header header = worker_header(worker);
    wire_put_report(&worker->frame, &header, &report, queued, running);
    worker_send_control(worker);
    worker->told_ms = now_ms;
    worker->changed = false;
}

// Nothing is said of short tasks; and once that nothing runs long any more.
void worker_tell_progress(struct worker *worker, int64_t now_ms)
{
    struct wire_longest longest = {0};
    const struct span waits = worker_is_held_back(worker)
                                  ? span_of_text(worker->guard.why)
                                  : (struct span){0};
    if (now_ms - worker->progress_ms < worker->heartbeat_ms)
        return;
    worker->progress_ms = now_ms;
    worker_list_longest(worker, worker->heartbeat_ms, &longest);
    const bool something = longest.count > 0 || waits.size > 0;
    if (!something && !worker->progress_told)
        return;
    worker->progress_told = something;
    const struct wire_header header = worker_header(worker);
    wire_put_progress(&worker->frame, &header, waits, longest.at,
                      longest.count);
    worker_send_control(worker);
}

void worker_return(struct worker *worker, uint32_t count)
{
    worker_take_back(worker);
    const struct wire_refs_out tasks = slots_recall(worker->slots, count);
    const struct wire_header header = worker_header(worker);
    wire_put_returned(&worker->frame, &header, slots_lane(worker->slots),
                      tasks);
    worker_send_control(worker);
    worker->changed = true;
}

void worker_bye(struct worker *worker)
{
    struct wire_report totals = {0};
    slots_report(worker->slots, &totals);
    const struct wire_header header = worker_header(worker);
    const struct wire_bye bye = {.reason = worker->end_reason,
                                 .finished = totals.finished,
                                 .refused = totals.dropped,
                                 .duplicates = worker->duplicates};
    wire_put_bye(&worker->frame, &header, &bye);
    worker_send_control(worker);
}

int worker_flush(struct worker *worker, bool close)
{
    const int code = close ? close_batch(worker) : 0;
    if (code < 0)
        return code;
    while (worker->results &&
           worker->next_push <= retain_made(worker->retain)) {
        const uint64_t kept = retain_kept(worker->retain);
        if (worker->next_push < kept) { // retired meanwhile
            worker->next_push = kept;
            continue;
        }
        struct buffer *frame = retain_change(worker->retain, worker->next_push);
        if (frame)
            wire_set_results_kept(frame, kept);
        if (!frame ||
            net_send_share(worker->results,
                           retain_frame(worker->retain, worker->next_push)) < 0)
            break; // the next turn comes back to it
        worker->next_push++;
    }
    return 0;
}

// So that these fit into the batch with those that are there.
static int make_room(struct worker *worker, uint32_t count, size_t size)
{
    const size_t all = worker->batch.size + size;
    const bool fit = all <= RESULTS_BYTES && all <= worker->message_max &&
                     count <= WIRE_TASKS_MAX - worker->batch_count;
    const int code = fit ? 0 : close_batch(worker);
    if (code == 0 && worker->batch_count == 0)
        buffer_clear(&worker->batch);
    return code;
}

int worker_add_result(struct worker *worker, const struct slot_task *task,
                      struct span values, const struct exec_end *end)
{
    const int code = make_room(worker, 1, result_size_max(values, end));
    if (code < 0)
        return code;
    // Room at once for what will be there: growing would copy it.
    if (worker->batch.capacity == 0)
        (void)buffer_reserve(&worker->batch, worker->batch_usual);
    result_add(&worker->batch, task, values, end);
    worker->batch_count++;
    return worker->batch.failed ? -ENOMEM : 0;
}

int worker_add_results(struct worker *worker, struct buffer *frame,
                       uint32_t count)
{
    const int code = make_room(worker, count, frame->size);
    if (code < 0 || frame->failed)
        return code < 0 ? code : -ENOMEM;
    if (worker->batch_count == 0) {
        const struct buffer empty = worker->batch;
        worker->batch = *frame;
        *frame = empty;
    } else {
        buffer_append(&worker->batch, frame->at + WIRE_RESULTS_HEAD,
                      frame->size - WIRE_RESULTS_HEAD);
    }
    worker->batch_count += count;
    return worker->batch.failed ? -ENOMEM : 0;
}
