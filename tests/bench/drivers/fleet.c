/* fleet - the tracker with many workers, all in this process
 *
 * usage: fleet WORKERS TURNS idle|busy
 *
 * Every worker joins; then each says a REPORT in each second of virtual time,
 * with nothing under way (idle) or with one task ended and one more to come
 * (busy), and each REPORT has a turn of its own: the ventilator is woken for
 * each at worst. Prints, per worker: bytes resident, and the part of a core.
 */
#include "tests/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct fleet {
    struct tracker *tracker;
    uint32_t count, welcomed;
    struct id128 *ids;
    uint64_t *received; // by worker
    uint64_t *finished;
    struct wire_stored_entry *ended; // to be told as stored
    size_t ended_count;
    uint64_t offered, record, position;
    struct buffer frame;
};

static const struct wire_refs_out NOTHING = {NULL, 0};

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2)
        exit(1);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static struct talk talk_of(struct fleet *fleet)
{
    return (struct talk){fleet->tracker, &fleet->frame};
}

static void need(bool fine)
{
    if (!fine)
        exit(1);
}

static void act(struct fleet *fleet)
{
    struct tracker_action action;
    while (tracker_next(fleet->tracker, &action)) {
        if (action.kind == ACTION_RECORDS && action.count > 0)
            fleet->record = action.records[action.count - 1].number;
        if (action.kind != ACTION_TASKS)
            continue;
        const uint32_t worker = action.worker - 1;
        fleet->received[worker] = action.number;
        for (size_t i = 0; i < action.count; i++)
            fleet->ended[fleet->ended_count++] =
                (struct wire_stored_entry){.task = action.sends[i].task,
                                           .kind = STORED_FINAL,
                                           .status = STATUS_OK};
        fleet->finished[worker] += action.count;
    }
}

static void say_stored(struct fleet *fleet, int64_t now_ms)
{
    const struct wire_stored head = {.from = fleet->position,
                                     .to = fleet->position + 100,
                                     .record = fleet->record};
    const struct wire_stored_out lists = {.entries = fleet->ended,
                                          .entry_count = fleet->ended_count};
    need(talk_stored(talk_of(fleet), &head, &lists, now_ms));
    fleet->position += 100;
    fleet->ended_count = 0;
    act(fleet);
}

static void say_report(struct fleet *fleet, uint32_t worker, int64_t now_ms)
{
    const struct wire_report report = {.lane = 1,
                                       .kept = 1,
                                       .received = fleet->received[worker],
                                       .finished = fleet->finished[worker],
                                       .busy_us =
                                           fleet->finished[worker] * 900000};
    bool known = false;
    need(talk_report(talk_of(fleet), &fleet->ids[worker], &report,
                     (struct talk_held){NOTHING, NOTHING}, now_ms, &known) &&
         known);
    act(fleet);
}

static void say_hello(struct fleet *fleet, uint32_t worker)
{
    const struct wire_hello hello = {
        .lane = 1, .slots = 1, .host = SPAN_OF("a-host-of-the-fleet")};
    enum hello_verdict verdict = HELLO_FULL;
    need(talk_hello(talk_of(fleet), &fleet->ids[worker], hello,
                    (struct talk_held){NOTHING, NOTHING}, 0, &verdict) &&
         verdict == HELLO_NEW);
    act(fleet);
}

static void sync_empty(struct fleet *fleet)
{
    tracker_sink_hello(fleet->tracker, 0);
    act(fleet);
    need(talk_synced(talk_of(fleet), &(struct wire_synced){.generation = 1},
                     &(struct wire_synced_out){0}, 0));
    tracker_input_ended(fleet->tracker, CURSOR_REDO);
}

static void offer_all(struct fleet *fleet, int64_t now_ms)
{
    static int payload;
    for (uint32_t i = 0; i < fleet->count; i++) {
        const uint64_t task = ++fleet->offered;
        if (!tracker_wants(fleet->tracker, CURSOR_FRONT))
            return;
        tracker_offer(fleet->tracker,
                      &(struct tracker_offer){.task = task,
                                              .ordinal = task,
                                              .payload = &payload,
                                              .payload_size = 100},
                      now_ms);
    }
}

static double turns(struct fleet *fleet, int64_t count, bool busy)
{
    const double began_s = cpu_s();
    for (int64_t turn = 1; turn <= count; turn++) {
        const int64_t now_ms = turn * 1000;
        if (busy)
            offer_all(fleet, now_ms);
        for (uint32_t i = 0; i < fleet->count; i++) {
            const int64_t at_ms = now_ms + i * INT64_C(1000) / fleet->count;
            say_report(fleet, i, at_ms);
            tracker_turn(fleet->tracker, at_ms);
            act(fleet);
        }
        say_stored(fleet, now_ms + 999);
    }
    return cpu_s() - began_s;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    struct fleet fleet = {.count = (uint32_t)strtoul(argv[1], NULL, 10)};
    const int64_t count = strtol(argv[2], NULL, 10);
    const struct tracker_limits limits = {.window_tasks = 65536,
                                          .window_bytes = 64 << 20,
                                          .losses_max = 10,
                                          .lone_deaths_max = 3,
                                          .prefetch_ms = 50,
                                          .heartbeat_ms = 1000,
                                          .liveness_ms = 4000,
                                          .rejoin_ms = 15000,
                                          .workers_max = fleet.count};
    const struct policy policy = {.on_fail = ANSWER_FAIL};
    fleet.ids = calloc(fleet.count, sizeof *fleet.ids);
    fleet.received = calloc(fleet.count, sizeof *fleet.received);
    fleet.finished = calloc(fleet.count, sizeof *fleet.finished);
    fleet.ended = calloc(65536, sizeof *fleet.ended);
    for (uint32_t i = 0; i < fleet.count; i++)
        if (id128_random(&fleet.ids[i]) != 0)
            return 1;
    const size_t before = resident_bytes();
    fleet.tracker = tracker_create(&limits, &policy, 0);
    if (!fleet.tracker)
        return 1;
    sync_empty(&fleet);
    for (uint32_t i = 0; i < fleet.count; i++)
        say_hello(&fleet, i);
    uint64_t told;
    do { // the roster is stored, in parts
        told = fleet.record;
        tracker_turn(fleet.tracker, 0);
        act(&fleet);
        say_stored(&fleet, 0);
    } while (fleet.record > told);
    const double took_s = turns(&fleet, count, strcmp(argv[3], "busy") == 0);
    const size_t after = resident_bytes();
    printf("%zu %.9f\n", (after - before) / fleet.count,
           took_s / (double)count / (double)fleet.count);
    tracker_destroy(&fleet.tracker);
    return 0;
}
