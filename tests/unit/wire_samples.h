/* wire_samples - one full and valid message of every type, for the tests
 *
 * Every scalar has a value of its own, so that a swapped field shows.
 */
#ifndef TESTS_UNIT_WIRE_SAMPLES_H
#define TESTS_UNIT_WIRE_SAMPLES_H

#include "common/policy/policy.h"
#include "common/wire/wire.h"

static const struct wire_header SAMPLE_HEADER = {
    .generation = 0x01020304,
    .run = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .sender = {{255, 254, 253}},
};
static const struct id128 SAMPLE_ID = {{0xaa, 0xbb, 3}};
static const struct id128 SAMPLE_KEYS[] = {{{7, 7}}, {{8, 8, 8}}};
static const struct wire_refs SAMPLE_REFS[] = {{1, 10, 1, 1}, {500, 2, 3, 4}};
static const struct wire_run SAMPLE_RUNS[] = {{1, 900}, {1000, 1}};
static const struct wire_refs_out TWO_REFS = {SAMPLE_REFS, 2};
static const struct wire_refs_out ONE_REFS = {SAMPLE_REFS + 1, 1};
static const struct wire_runs_out TWO_RUNS = {SAMPLE_RUNS, 2};

static inline struct wire_hello sample_hello(void)
{
    return (struct wire_hello){
        .version_min = 1,
        .version_max = 2,
        .role = ROLE_WORKER,
        .flags = HELLO_MORE,
        .lane = 11,
        .slots = 12,
        .pid = 13,
        .pid_start = 14,
        .boot = SAMPLE_ID,
        .kept = 15,
        .made = 16,
        .host = SPAN_OF("node-1"),
        .endpoint = SPAN_OF("tcp://10.0.0.1:5555"),
    };
}

static inline struct wire_welcome sample_welcome(void)
{
    return (struct wire_welcome){
        .version = 1,
        .lane = 2,
        .heartbeat_ms = 3,
        .liveness_ms = 4,
        .message_max = UINT64_C(1) << 40,
        .slots = 5,
        .unfit = SPAN_OF("too small"),
        .sink = SAMPLE_ID,
        .lane_endpoint = SPAN_OF("ipc://lane"),
        .results_endpoint = SPAN_OF("ipc://results"),
    };
}

static inline void put_sample_pairs(struct wire_pair pairs[2])
{
    pairs[0] = (struct wire_pair){SPAN_OF("colour"), SPAN_OF("red")};
    pairs[1] = (struct wire_pair){SPAN_OF(""), SPAN_OF("a\0b")};
}

static inline void put_sample_command(struct buffer *out)
{
    const struct span args[] = {SPAN_OF("sh"), SPAN_OF(""), SPAN_OF("\xff x")};
    const struct wire_slot_mark marks[] = {{0, 2}, {2, 0}, {2, 3}};
    struct wire_pair pairs[2];
    put_sample_pairs(pairs);
    const struct wire_command_out command = {
        .flags = COMMAND_INPUT | COMMAND_STDERR_FILE,
        .args = args,
        .arg_count = 3,
        .marks = marks,
        .mark_count = 3,
        .values = {pairs, 2},
        .input = SPAN_OF("{\"n\":1}"),
        .stdout_path = SPAN_OF(""),
        .stderr_path = SPAN_OF("err/1"),
    };
    wire_put_command(out, &command);
}

static inline void put_sample_tasks(struct buffer *out)
{
    struct buffer payload = {0};
    put_sample_command(&payload);
    const struct wire_tasks tasks = {
        .lane = 5, .addressee = SAMPLE_ID, .number = 6};
    const size_t begun = wire_begin_tasks(out, &SAMPLE_HEADER, &tasks);
    for (uint32_t i = 0; i < 2; i++) {
        const struct wire_task task = {
            .task = 100 + i,
            .round = 1 + i,
            .attempt = 3,
            .failures = 2,
            .flags = TASK_ALONE,
            .timeout_ms = 4 + i,
            .mem_max = (1U << 30) + i,
            .key = SAMPLE_KEYS[i],
            .payload = buffer_span(&payload),
        };
        wire_add_task(out, &task);
    }
    wire_end_tasks(out, begun, 2);
    buffer_free(&payload);
}

static inline struct wire_result sample_result(void)
{
    return (struct wire_result){
        .task = 21,
        .round = 22,
        .generation = 23,
        .attempt = 24,
        .key = SAMPLE_ID,
        .class = CLASS_TIMEOUT,
        .flags = RESULT_STDOUT_CUT,
        .signal = 9,
        .exit = 137,
        .slot = 25,
        .start_us = -26,
        .wall_us = 27,
        .user_us = 28,
        .sys_us = 29,
        .maxrss_bytes = 30,
        .note = SPAN_OF("killed"),
        .out = SPAN_OF("out\n"),
        .err = SPAN_OF("err\n"),
    };
}

static inline void put_sample_results(struct buffer *out)
{
    const struct wire_results results = {.number = 31, .kept = 32};
    const struct wire_result result = sample_result();
    struct wire_pair pairs[2];
    put_sample_pairs(pairs);
    struct buffer values = {0};
    wire_put_values(&values, (struct wire_pairs_out){pairs, 2});
    const size_t begun = wire_begin_results(out, &SAMPLE_HEADER, &results);
    wire_add_result(out, &result, buffer_span(&values));
    wire_add_result(out, &result, (struct span){0});
    wire_end_results(out, begun, 2);
    buffer_free(&values);
}

static inline void put_sample_stored(struct buffer *out)
{
    const struct wire_worker_mark workers[] = {{SAMPLE_ID, 44}};
    const struct wire_stored_entry entries[] = {
        {1, 2, 3, 4, STORED_FAILURE, STATUS_FAILED, CLASS_EXIT, 9},
        {5, 6, 7, 8, STORED_HELD, STATUS_HELD, CLASS_NONE, 0},
    };
    const struct wire_stored stored = {
        .from = 41, .to = 42, .record = 43, .syncs = 46, .sync_us = 47};
    const struct wire_stored_out lists = {
        .workers = workers,
        .worker_count = 1,
        .finals = TWO_RUNS,
        .entries = entries,
        .entry_count = 2,
    };
    wire_put_stored(out, &SAMPLE_HEADER, &stored, &lists);
}

static inline void put_sample_records(struct buffer *out)
{
    const struct wire_records records = {.kept = 51, .position = 52};
    const struct wire_record two[] = {
        {.number = 53,
         .kind = RECORD_JOINED,
         .flags = RECORD_RAN,
         .round = 54,
         .generation = 55,
         .attempt = 56,
         .pid = 57,
         .task = 58,
         .a = 59,
         .b = 60,
         .c = 61,
         .subject = SAMPLE_ID,
         .extra = SAMPLE_KEYS[0],
         .text = SPAN_OF("node-2")},
        {.number = 54,
         .kind = RECORD_FINAL,
         .status = STATUS_QUARANTINED,
         .class = CLASS_QUARANTINED},
    };
    wire_put_records(out, &SAMPLE_HEADER, &records, two, 2);
}

static inline struct wire_synced sample_synced(void)
{
    struct wire_synced synced = {
        .ventilator = SAMPLE_KEYS[1],
        .generation = 61,
        .flags = SYNCED_MORE,
        .part = 68,
        .position = 62,
        .number_max = 63,
        .mark = 64,
        .mark_from = 65,
        .mark_offset = 66,
        .bytes_lost = 67,
        .resumed = SAMPLE_ID,
    };
    for (uint64_t i = 0; i < 11; i++)
        synced.by_status[i] = 70 + i;
    return synced;
}

static inline void put_sample_synced(struct buffer *out)
{
    const struct wire_open_task open[] = {{1, 2, 3, 4, 5, CLASS_LOST, 6, 1}};
    const struct wire_cause causes[] = {{1, 3, CLASS_EXIT, 7}};
    const struct wire_roster_entry roster[] = {
        {SAMPLE_ID, SAMPLE_KEYS[1], 81, 82, SPAN_OF("node-3")}};
    const struct wire_edit edits[] = {{1, 83, SPAN_OF("x=2")}};
    const struct wire_synced synced = sample_synced();
    const struct wire_synced_out lists = {
        .finals = TWO_RUNS,
        .open = open,
        .open_count = 1,
        .causes = causes,
        .cause_count = 1,
        .roster = roster,
        .roster_count = 1,
        .edits = edits,
        .edit_count = 1,
    };
    wire_put_synced(out, &SAMPLE_HEADER, &synced, &lists);
}

static inline void put_sample_connection(struct buffer *out, uint8_t type)
{
    const struct wire_header *header = &SAMPLE_HEADER;
    struct wire_pair pairs[2];
    if (type == WIRE_HELLO) {
        const struct wire_hello hello = sample_hello();
        put_sample_pairs(pairs);
        wire_put_hello(out, header, &hello, TWO_REFS, ONE_REFS,
                       (struct wire_pairs_out){pairs, 2});
    } else if (type == WIRE_WELCOME) {
        const struct wire_welcome welcome = sample_welcome();
        put_sample_pairs(pairs);
        wire_put_welcome(out, header, &welcome,
                         (struct wire_pairs_out){pairs, 2});
    } else if (type == WIRE_REFUSED) {
        wire_put_refused(
            out, header,
            &(struct wire_refused){REFUSED_FENCED, SPAN_OF("too late")});
    } else if (type == WIRE_END) {
        wire_put_end(out, header,
                     &(struct wire_end){3, END_DRAINED, {1, 2, 3}});
    } else if (type == WIRE_BYE) {
        wire_put_bye(out, header, &(struct wire_bye){END_COMPLETE, 2, 3, 4});
    } else if (type == WIRE_ASK) {
        wire_put_ask(out, header, &(struct wire_ask){9, SPAN_OF("{\"v\":1}")});
    } else if (type == WIRE_ANSWER) {
        wire_put_answer(out, header, &(struct wire_ask){9, SPAN_OF("{}")});
    }
}

static inline void put_sample_work(struct buffer *out, uint8_t type)
{
    const struct wire_header *header = &SAMPLE_HEADER;
    if (type == WIRE_TASKS)
        put_sample_tasks(out);
    else if (type == WIRE_REPORT)
        wire_put_report(out, header,
                        &(struct wire_report){.lane = 1,
                                              .flags = REPORT_FULL,
                                              .received = 3,
                                              .kept = 4,
                                              .made = 5,
                                              .finished = 6,
                                              .busy_us = 7,
                                              .dropped = 8},
                        TWO_REFS, ONE_REFS);
    else if (type == WIRE_RECALL)
        wire_put_recall(out, header, &(struct wire_recall){1, 2});
    else if (type == WIRE_RETURNED)
        wire_put_returned(out, header, 3, TWO_REFS);
    else if (type == WIRE_CANCEL)
        wire_put_cancel(out, header, ONE_REFS);
    else if (type == WIRE_RESULTS)
        put_sample_results(out);
    else if (type == WIRE_RETIRE)
        wire_put_retire(out, header, &(struct wire_retire){91});
    else if (type == WIRE_RESEND)
        wire_put_resend(
            out, header,
            &(struct wire_resend){92, SAMPLE_ID, SPAN_OF("ipc://sink")});
}

static inline void put_sample_log(struct buffer *out, uint8_t type)
{
    const struct wire_header *header = &SAMPLE_HEADER;
    const uint64_t numbers[] = {0, 17, UINT64_MAX};
    if (type == WIRE_STORED)
        put_sample_stored(out);
    else if (type == WIRE_RECORD)
        put_sample_records(out);
    else if (type == WIRE_SYNC)
        wire_put_sync(out, header, &(struct wire_sync){93, 94, SAMPLE_ID});
    else if (type == WIRE_SYNCED)
        put_sample_synced(out);
    else if (type == WIRE_MATCH)
        wire_put_match(out, header,
                       &(struct wire_match){.question = 95, .last = 1},
                       SAMPLE_KEYS, 2);
    else if (type == WIRE_MATCHED)
        wire_put_matched(out, header,
                         &(struct wire_matched){.question = 96, .left = 97},
                         numbers, 3);
}

static inline void put_sample_progress(struct buffer *out)
{
    const struct wire_long tasks[] = {
        {98, 99, 100, 370000, SPAN_OF("epoch 3"), 0},
        {101, 102, 103, PROGRESS_UNKNOWN, SPAN_OF(""), 0}};
    wire_put_progress(out, &SAMPLE_HEADER, SPAN_OF("load 9.1"), tasks, 2);
}

/* Appends the sample of `type`; every type has one. */
static inline void put_sample(struct buffer *out, uint8_t type)
{
    put_sample_connection(out, type);
    put_sample_work(out, type);
    put_sample_log(out, type);
    if (type == WIRE_PROGRESS)
        put_sample_progress(out);
}

#endif
