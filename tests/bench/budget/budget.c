/* budget - a core at its work on a fixed input, for counting instructions
 *
 * usage: budget CORE TASKS
 *
 * No clock, no random number, no file: two runs with other numbers of tasks
 * differ by exactly what the tasks cost. Messages hold BATCH tasks, of 100
 * bytes in and out.
 */
#include "common/store/record.h"
#include "common/template/template.h"
#include "common/wire/wire.h"
#include "sink/ledger.h"
#include "tests/talk.h"
#include "ventilator/tracker.h"
#include "worker/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, SLOTS = 2, BYTES = 100 };

static const struct id128 WORKER = {{1, 2, 3, 4, 5, 6, 7, 8}};
static const struct id128 KEY = {{9, 10, 11, 12, 13, 14, 15, 16}};
static const int64_t START_US = INT64_C(1795424400123456);
static char text[BYTES + 1];

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "budget: %s\n", what);
    exit(1);
}

static struct wire_header header_of(enum wire_type type)
{
    return (struct wire_header){.version = WIRE_VERSION,
                                .type = (uint8_t)type,
                                .generation = 1,
                                .sender = WORKER};
}

static struct span body_of(const struct buffer *frame)
{
    static struct buffer none;
    struct wire_header header;
    struct span body;
    need(wire_open(buffer_span(frame), WIRE_CONTROL_MAX, &none, &header,
                   &body) == WIRE_FINE,
         "a frame of our own is refused");
    return body;
}

static void make_command(struct buffer *out)
{
    const struct span args[] = {SPAN_OF("./simulate"), span_of_text(text)};
    const struct wire_pair value = {.value = span_of_text(text)};
    const struct wire_command_out command = {
        .args = args, .arg_count = 2, .values = {&value, 1}};
    buffer_clear(out);
    wire_put_command(out, &command);
}

static struct wire_result result_of(uint64_t task)
{
    return (struct wire_result){.task = task,
                                .generation = 1,
                                .attempt = 1,
                                .key = KEY,
                                .slot = 1,
                                .start_us = START_US + (int64_t)task,
                                .wall_us = 1234,
                                .user_us = 500,
                                .sys_us = 600,
                                .maxrss_bytes = 1 << 20,
                                .out = span_of_text(text)};
}

/* -- codec: TASKS and RESULTS, written and read ---------------------------- */

static void put_tasks(struct buffer *frame, struct span payload, uint64_t first)
{
    const struct wire_header header = header_of(WIRE_TASKS);
    buffer_clear(frame);
    const size_t begun = wire_begin_tasks(
        frame, &header,
        &(struct wire_tasks){.lane = 1, .addressee = WORKER, .number = 1});
    for (uint64_t i = 0; i < BATCH; i++)
        wire_add_task(frame, &(struct wire_task){.task = first + i,
                                                 .attempt = 1,
                                                 .key = KEY,
                                                 .payload = payload});
    wire_end_tasks(frame, begun, BATCH);
}

static void codec(uint64_t tasks)
{
    struct buffer payload = {0}, frame = {0}, results = {0};
    struct wire_tasks got;
    struct wire_results got_results;
    struct wire_task task;
    struct wire_result result;
    struct wire_command command;
    const struct wire_header header = header_of(WIRE_RESULTS);
    make_command(&payload);
    for (uint64_t first = 1; first <= tasks; first += BATCH) {
        put_tasks(&frame, buffer_span(&payload), first);
        buffer_clear(&results);
        const size_t begun = wire_begin_results(
            &results, &header, &(struct wire_results){.number = 1, .kept = 1});
        need(wire_get_tasks(body_of(&frame), &got), "TASKS");
        while (wire_next_task(&got.tasks, &task)) {
            need(wire_get_command(task.payload, &command), "a command");
            result = result_of(task.task);
            wire_add_result(&results, &result,
                            wire_command_values(task.payload));
        }
        wire_end_results(&results, begun, BATCH);
        need(wire_get_results(body_of(&results), &got_results), "RESULTS");
        while (wire_next_result(&got_results.results, &result))
            need(result.out.size == BYTES, "a result");
    }
    buffer_free(&payload);
    buffer_free(&frame);
    buffer_free(&results);
}

/* -- worker: a task taken, handed to a slot, ended, its result written; beside
 * a queue of WAITING that is reported with each message -------------------- */

static void take_all(struct slots *slots, const struct buffer *frame,
                     uint64_t number)
{
    struct wire_tasks got;
    struct wire_task task;
    need(wire_get_tasks(body_of(frame), &got) &&
             slots_receive(slots, 1, number) == LANE_TAKE,
         "TASKS");
    while (wire_next_task(&got.tasks, &task))
        need(slots_add(slots, &task, 1) == 1, "a task");
}

static void end_all(struct slots *slots, struct buffer *results)
{
    const struct wire_header header = header_of(WIRE_RESULTS);
    const struct slot_task *at[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        need((at[i] = slots_hand(slots, 1)) != NULL, "a task to start");
    buffer_clear(results);
    const size_t begun = wire_begin_results(
        results, &header, &(struct wire_results){.number = 1, .kept = 1});
    for (size_t i = 0; i < BATCH; i++) {
        const struct wire_result result = result_of(at[i]->task);
        wire_add_result(results, &result, wire_command_values(at[i]->payload));
        slots_end(slots, at[i]);
    }
    wire_end_results(results, begun, BATCH);
}

static void worker(uint64_t tasks)
{
    enum { WAITING = 8 * BATCH };
    struct buffer payload = {0}, frame = {0}, results = {0};
    struct slots *slots = slots_create(1);
    need(slots && slots_open_lane(slots) == 1, "memory");
    make_command(&payload);
    for (uint64_t first = 1; first <= tasks; first += BATCH) {
        put_tasks(&frame, buffer_span(&payload), first);
        take_all(slots, &frame, first / BATCH + 1);
        if (first <= WAITING)
            continue;
        end_all(slots, &results);
        need(slots_list_queued(slots).count == 1, "a queue");
    }
    slots_destroy(&slots);
    buffer_free(&payload);
    buffer_free(&frame);
    buffer_free(&results);
}

/* -- tracker: offered, sent, reported, stored -------------------------------
 */

struct run {
    struct tracker *tracker;
    struct buffer frame;
    uint64_t lane_number, record, position, sent, first, finished;
};

static const struct wire_refs_out NOTHING = {NULL, 0};

static struct talk talk_of(struct run *run)
{
    return (struct talk){run->tracker, &run->frame};
}

static void act(struct run *run)
{
    struct tracker_action action;
    while (tracker_next(run->tracker, &action)) {
        if (action.kind == ACTION_RECORDS && action.count > 0)
            run->record = action.records[action.count - 1].number;
        if (action.kind != ACTION_TASKS)
            continue;
        run->lane_number = action.number;
        if (run->sent == 0)
            run->first = action.sends[0].task;
        run->sent += action.count;
    }
}

static void say_stored(struct run *run)
{
    const struct wire_run finals = {.first = run->first, .count = run->sent};
    const struct wire_stored head = {.from = run->position,
                                     .to = run->position + 100,
                                     .record = run->record};
    need(talk_stored(
             talk_of(run), &head,
             &(struct wire_stored_out){.finals = {&finals, run->sent > 0}}, 1),
         "STORED");
    run->position += 100;
    run->finished += run->sent;
    run->sent = 0;
    act(run);
}

static void say_report(struct run *run)
{
    const struct wire_report report = {.lane = 1,
                                       .kept = 1,
                                       .made = run->lane_number,
                                       .received = run->lane_number,
                                       .finished = run->finished + run->sent,
                                       .busy_us =
                                           (run->finished + run->sent) * 10};
    bool known = false;
    need(talk_report(talk_of(run), &WORKER, &report,
                     (struct talk_held){NOTHING, NOTHING}, 1, &known) &&
             known,
         "REPORT");
    act(run);
}

static void join(struct run *run)
{
    const struct wire_hello hello = {
        .lane = 1, .slots = SLOTS, .host = SPAN_OF("host")};
    enum hello_verdict verdict = HELLO_FULL;
    tracker_sink_hello(run->tracker, 0);
    need(talk_synced(talk_of(run), &(struct wire_synced){.generation = 1},
                     &(struct wire_synced_out){0}, 0),
         "SYNCED");
    tracker_input_ended(run->tracker, CURSOR_REDO);
    need(talk_hello(talk_of(run), &WORKER, hello,
                    (struct talk_held){NOTHING, NOTHING}, 0, &verdict) &&
             verdict == HELLO_NEW,
         "HELLO");
    act(run);
}

static void tracker(uint64_t tasks)
{
    static int payload;
    const struct tracker_limits limits = {.window_tasks = 65536,
                                          .window_bytes = 64 << 20,
                                          .losses_max = 10,
                                          .lone_deaths_max = 3,
                                          .prefetch_ms = 50,
                                          .heartbeat_ms = 1000,
                                          .liveness_ms = 4000,
                                          .rejoin_ms = 15000,
                                          .workers_max = 8};
    const struct policy policy = {.on_fail = ANSWER_FAIL};
    struct run run = {.tracker = tracker_create(&limits, &policy, 0)};
    need(run.tracker != NULL, "memory");
    join(&run);
    uint64_t offered = 0;
    while (run.finished < tasks) {
        for (int i = 0; i < BATCH && offered < tasks; i++) {
            offered++;
            tracker_offer(run.tracker,
                          &(struct tracker_offer){.task = offered,
                                                  .ordinal = offered,
                                                  .key = KEY,
                                                  .payload = &payload,
                                                  .payload_size = BYTES},
                          1);
        }
        (void)tracker_turn(run.tracker, 1);
        act(&run);
        say_report(&run);
        say_stored(&run);
    }
    tracker_destroy(&run.tracker);
    buffer_free(&run.frame);
}

/* -- ledger: decided, applied, told -----------------------------------------
 */

static void ledger(uint64_t tasks)
{
    struct ledger *ledger = ledger_create();
    struct ledger_news news;
    need(ledger != NULL, "memory");
    ledger_start(ledger);
    const struct record generation = {
        .event = EVENT_GENERATION, .generation = 1, .attempt = 1};
    const struct record joined = {.event = EVENT_JOINED, .worker = WORKER};
    const struct record mark = {.event = EVENT_MARK, .a = tasks + BATCH};
    need(ledger_apply(ledger, &generation) == 0 &&
             ledger_apply(ledger, &joined) == 0 &&
             ledger_apply(ledger, &mark) == 0,
         "the ledger's start");
    for (uint64_t first = 1; first <= tasks; first += BATCH) {
        need(ledger_results_link(ledger, &WORKER, first / BATCH + 1, 1) ==
                 LINK_TAKE,
             "a link");
        for (uint64_t i = 0; i < BATCH; i++) {
            const struct wire_result result = result_of(first + i);
            need(ledger_result(ledger, &result) == LEDGER_STORE_FINAL,
                 "a verdict");
            const struct record record = {.task = result.task,
                                          .final = true,
                                          .status = STATUS_OK,
                                          .attempt = 1,
                                          .generation = 1};
            need(ledger_apply(ledger, &record) == 0, "a record");
        }
        need(ledger_synced(ledger, &news) == 0, "memory");
    }
    ledger_destroy(&ledger);
}

/* -- record: written, and read at recovery ----------------------------------
 */

static struct record record_of(uint64_t task, struct span values)
{
    return (struct record){.task = task,
                           .key = KEY,
                           .final = true,
                           .status = STATUS_OK,
                           .attempt = 1,
                           .generation = 1,
                           .worker = WORKER,
                           .host = SPAN_OF("node-1"),
                           .slot = 1,
                           .start_us = START_US + (int64_t)task,
                           .wall_us = 1234,
                           .user_us = 500,
                           .sys_us = 600,
                           .maxrss_bytes = 1 << 20,
                           .has_args = true,
                           .values = values,
                           .out = span_of_text(text)};
}

static void write_records(uint64_t tasks, bool read)
{
    struct buffer line = {0}, values = {0}, scratch = {0};
    const struct wire_pair value = {.value = span_of_text(text)};
    struct record back;
    wire_put_values(&values, (struct wire_pairs_out){&value, 1});
    for (uint64_t task = 1; task <= tasks; task++) {
        const struct record record = record_of(task, buffer_span(&values));
        if (!read || task == 1) {
            buffer_clear(&line);
            record_write(&line, &record);
        }
        if (read)
            need(record_read((struct span){line.at, line.size - 1}, &scratch,
                             &back) == 0,
                 "a record");
    }
    buffer_free(&line);
    buffer_free(&values);
    buffer_free(&scratch);
}

static void record(uint64_t tasks)
{
    write_records(tasks, false);
}

static void recovery(uint64_t tasks)
{
    write_records(tasks, true);
}

/* -- template: key and command ----------------------------------------------
 */

static void template(uint64_t tasks)
{
    const char *const command[] = {"./simulate", "{}"};
    const struct template_options options = {.append = true};
    struct problem problem = {0};
    struct buffer out = {0};
    struct template *template = template_create(command, 2, &options, &problem);
    need(template != NULL, problem.text);
    const struct wire_pair value = {.value = span_of_text(text)};
    for (uint64_t task = 1; task <= tasks; task++) {
        const struct template_task expanded = {.task = task,
                                               .seed = task,
                                               .values = &value,
                                               .value_count = 1,
                                               .whole = value.value};
        buffer_clear(&out);
        (void)template_key(template, &value, 1, value.value);
        need(template_expand(template, &expanded, &out, &problem) == 0,
             problem.text);
    }
    template_destroy(&template);
    buffer_free(&out);
}

static const struct {
    const char *name;
    void (*work)(uint64_t tasks);
} CORES[] = {
    {"codec", codec},       {"worker", worker}, {"tracker", tracker},
    {"ledger", ledger},     {"record", record}, {"recovery", recovery},
    {"template", template},
};

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    memset(text, 'x', BYTES);
    for (size_t i = 0; i < sizeof CORES / sizeof *CORES; i++) {
        if (strcmp(argv[1], CORES[i].name) != 0)
            continue;
        CORES[i].work(strtoull(argv[2], NULL, 10));
        return 0;
    }
    return 2;
}
