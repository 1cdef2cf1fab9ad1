/* wire_decode - decodes a body of any type and walks all its lists */
#ifndef TESTS_UNIT_WIRE_DECODE_H
#define TESTS_UNIT_WIRE_DECODE_H

#include "common/wire/wire.h"

/* Sums what it reads into *sum, so that a sanitizer sees every byte read. */
static inline void walk_bytes(struct span span, uint64_t *sum)
{
    for (size_t i = 0; i < span.size; i++)
        *sum += span.at[i];
}

static inline void walk_refs(struct wire_list list, uint64_t *sum)
{
    struct wire_refs refs;
    while (wire_next_refs(&list, &refs))
        *sum += refs.task;
}

static inline void walk_runs(struct wire_list list, uint64_t *sum)
{
    struct wire_run run;
    while (wire_next_run(&list, &run))
        *sum += run.first + run.count;
}

static inline void walk_pairs(struct wire_list list, uint64_t *sum)
{
    struct wire_pair pair;
    while (wire_next_pair(&list, &pair)) {
        walk_bytes(pair.name, sum);
        walk_bytes(pair.value, sum);
    }
}

static inline bool walk_command(struct span payload, uint64_t *sum)
{
    walk_bytes(wire_command_values(payload), sum);
    struct wire_command command;
    if (!wire_get_command(payload, &command))
        return false;
    struct span arg;
    struct wire_slot_mark mark;
    while (wire_next_arg(&command.args, &arg))
        walk_bytes(arg, sum);
    while (wire_next_mark(&command.marks, &mark))
        *sum += mark.offset;
    walk_pairs(command.values, sum);
    walk_bytes(command.input, sum);
    walk_bytes(command.stdout_path, sum);
    walk_bytes(command.stderr_path, sum);
    return true;
}

static inline void walk_tasks(struct wire_list list, uint64_t *sum)
{
    struct wire_task task;
    while (wire_next_task(&list, &task))
        walk_command(task.payload, sum);
}

static inline void walk_results(struct wire_list list, uint64_t *sum)
{
    struct wire_result result;
    while (wire_next_result(&list, &result)) {
        walk_bytes(result.note, sum);
        walk_pairs(result.values, sum);
        walk_bytes(result.encoded, sum);
        walk_bytes(result.out, sum);
        walk_bytes(result.err, sum);
    }
}

static inline void walk_stored(struct wire_stored *stored, uint64_t *sum)
{
    struct wire_worker_mark mark;
    struct wire_stored_entry entry;
    while (wire_next_worker_mark(&stored->workers, &mark))
        *sum += mark.number;
    walk_runs(stored->finals, sum);
    while (wire_next_stored_entry(&stored->entries, &entry))
        *sum += entry.task;
}

static inline void walk_synced(struct wire_synced *synced, uint64_t *sum)
{
    struct wire_open_task task;
    struct wire_cause cause;
    struct wire_roster_entry entry;
    struct wire_edit edit;
    walk_runs(synced->finals, sum);
    while (wire_next_open_task(&synced->open, &task))
        *sum += task.task;
    while (wire_next_cause(&synced->causes, &cause))
        *sum += cause.count;
    while (wire_next_roster_entry(&synced->roster, &entry))
        walk_bytes(entry.host, sum);
    while (wire_next_edit(&synced->edits, &edit))
        walk_bytes(edit.args, sum);
}

static inline bool decode_connection(uint8_t type, struct span body,
                                     uint64_t *sum)
{
    struct wire_hello hello;
    struct wire_welcome welcome;
    struct wire_refused refused;
    struct wire_ask ask;
    if (type == WIRE_HELLO && wire_get_hello(body, &hello)) {
        walk_bytes(hello.host, sum);
        walk_bytes(hello.endpoint, sum);
        walk_refs(hello.queued, sum);
        walk_refs(hello.running, sum);
        walk_pairs(hello.has, sum);
        return true;
    }
    if (type == WIRE_WELCOME && wire_get_welcome(body, &welcome)) {
        walk_bytes(welcome.unfit, sum);
        walk_bytes(welcome.lane_endpoint, sum);
        walk_bytes(welcome.results_endpoint, sum);
        walk_pairs(welcome.definition, sum);
        return true;
    }
    if (type == WIRE_REFUSED && wire_get_refused(body, &refused)) {
        walk_bytes(refused.text, sum);
        return true;
    }
    if ((type == WIRE_ASK && wire_get_ask(body, &ask)) ||
        (type == WIRE_ANSWER && wire_get_answer(body, &ask))) {
        walk_bytes(ask.json, sum);
        return true;
    }
    struct wire_end end;
    struct wire_bye bye;
    return (type == WIRE_END && wire_get_end(body, &end)) ||
           (type == WIRE_BYE && wire_get_bye(body, &bye));
}

static inline bool decode_work(uint8_t type, struct span body, uint64_t *sum)
{
    struct wire_tasks tasks;
    struct wire_report report;
    struct wire_returned returned;
    struct wire_cancel cancel;
    struct wire_results results;
    if (type == WIRE_TASKS && wire_get_tasks(body, &tasks)) {
        walk_tasks(tasks.tasks, sum);
        return true;
    }
    if (type == WIRE_REPORT && wire_get_report(body, &report)) {
        walk_refs(report.queued, sum);
        walk_refs(report.running, sum);
        return true;
    }
    if (type == WIRE_RETURNED && wire_get_returned(body, &returned)) {
        walk_refs(returned.tasks, sum);
        return true;
    }
    if (type == WIRE_CANCEL && wire_get_cancel(body, &cancel)) {
        walk_refs(cancel.tasks, sum);
        return true;
    }
    if (type == WIRE_RESULTS && wire_get_results(body, &results)) {
        walk_results(results.results, sum);
        return true;
    }
    struct wire_recall recall;
    struct wire_retire retire;
    struct wire_resend resend;
    return (type == WIRE_RECALL && wire_get_recall(body, &recall)) ||
           (type == WIRE_RETIRE && wire_get_retire(body, &retire)) ||
           (type == WIRE_RESEND && wire_get_resend(body, &resend));
}

static inline bool decode_log(uint8_t type, struct span body, uint64_t *sum)
{
    struct wire_stored stored;
    struct wire_records records;
    struct wire_sync sync;
    struct wire_synced synced;
    struct wire_match match;
    struct wire_matched matched;
    if (type == WIRE_STORED && wire_get_stored(body, &stored)) {
        walk_stored(&stored, sum);
        return true;
    }
    if (type == WIRE_RECORD && wire_get_records(body, &records)) {
        struct wire_record record;
        while (wire_next_record(&records.records, &record))
            walk_bytes(record.text, sum);
        return true;
    }
    if (type == WIRE_SYNCED && wire_get_synced(body, &synced)) {
        walk_synced(&synced, sum);
        return true;
    }
    if (type == WIRE_MATCH && wire_get_match(body, &match)) {
        struct id128 key;
        while (wire_next_key(&match.keys, &key))
            *sum += key.byte[0];
        return true;
    }
    if (type == WIRE_MATCHED && wire_get_matched(body, &matched)) {
        uint64_t number;
        while (wire_next_number(&matched.numbers, &number))
            *sum += number;
        return true;
    }
    return type == WIRE_SYNC && wire_get_sync(body, &sync);
}

static inline bool decode_progress(struct span body, uint64_t *sum)
{
    struct wire_progress progress;
    struct wire_long task;
    if (!wire_get_progress(body, &progress))
        return false;
    while (wire_next_long(&progress.tasks, &task))
        *sum += task.task + task.text.size;
    return true;
}

static inline bool decode_any(uint8_t type, struct span body, uint64_t *sum)
{
    return decode_connection(type, body, sum) || decode_work(type, body, sum) ||
           decode_log(type, body, sum) ||
           (type == WIRE_PROGRESS && decode_progress(body, sum));
}

#endif
