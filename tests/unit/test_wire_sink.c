#include "tests/unit/wire_check.h"

static void stored_comes_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_STORED);
    struct wire_stored stored;
    assert_true(wire_get_stored(open_fine(&frame, WIRE_STORED), &stored));
    assert_int_equal(stored.from, 41);
    assert_int_equal(stored.to, 42);
    assert_int_equal(stored.record, 43);
    assert_int_equal(stored.syncs, 46);
    assert_int_equal(stored.sync_us, 47);
    struct wire_worker_mark mark;
    assert_true(wire_next_worker_mark(&stored.workers, &mark));
    assert_true(id128_equal(&mark.worker, &SAMPLE_ID));
    assert_int_equal(mark.number, 44);
    assert_false(wire_next_worker_mark(&stored.workers, &mark));
    struct wire_run run;
    assert_true(wire_next_run(&stored.finals, &run));
    assert_int_equal(run.first, 1);
    assert_int_equal(run.count, 900);
    assert_int_equal(stored.finals.count, 1);
    struct wire_stored_entry entry;
    assert_true(wire_next_stored_entry(&stored.entries, &entry));
    assert_int_equal(entry.task, 1);
    assert_int_equal(entry.round, 2);
    assert_int_equal(entry.generation, 3);
    assert_int_equal(entry.attempt, 4);
    assert_int_equal(entry.kind, STORED_FAILURE);
    assert_int_equal(entry.code, 9);
    assert_int_equal(entry.status, STATUS_FAILED);
    assert_int_equal(entry.class, CLASS_EXIT);
    assert_int_equal(stored.entries.count, 1);
    buffer_free(&frame);
}

static void records_come_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_RECORD);
    struct wire_records records;
    assert_true(wire_get_records(open_fine(&frame, WIRE_RECORD), &records));
    assert_int_equal(records.kept, 51);
    assert_int_equal(records.position, 52);
    struct wire_record record;
    assert_true(wire_next_record(&records.records, &record));
    assert_int_equal(record.number, 53);
    assert_int_equal(record.kind, RECORD_JOINED);
    assert_int_equal(record.flags, RECORD_RAN);
    assert_int_equal(record.round, 54);
    assert_int_equal(record.generation, 55);
    assert_int_equal(record.attempt, 56);
    assert_int_equal(record.pid, 57);
    assert_int_equal(record.task, 58);
    assert_int_equal(record.a, 59);
    assert_int_equal(record.b, 60);
    assert_int_equal(record.c, 61);
    assert_true(id128_equal(&record.subject, &SAMPLE_ID));
    assert_true(id128_equal(&record.extra, &SAMPLE_KEYS[0]));
    assert_true(span_equal(record.text, SPAN_OF("node-2")));
    assert_true(wire_next_record(&records.records, &record));
    assert_int_equal(record.status, STATUS_QUARANTINED);
    assert_int_equal(record.class, CLASS_QUARANTINED);
    assert_false(wire_next_record(&records.records, &record));
    buffer_free(&frame);
}

static void synced_comes_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_SYNCED);
    struct wire_synced synced;
    const struct wire_synced want = sample_synced();
    assert_true(wire_get_synced(open_fine(&frame, WIRE_SYNCED), &synced));
    assert_true(id128_equal(&synced.ventilator, &want.ventilator));
    assert_int_equal(synced.generation, want.generation);
    assert_int_equal(synced.flags, want.flags);
    assert_int_equal(synced.position, want.position);
    assert_int_equal(synced.number_max, want.number_max);
    assert_int_equal(synced.mark, want.mark);
    assert_int_equal(synced.mark_from, want.mark_from);
    assert_int_equal(synced.mark_offset, want.mark_offset);
    assert_int_equal(synced.bytes_lost, want.bytes_lost);
    assert_memory_equal(synced.by_status, want.by_status,
                        sizeof want.by_status);
    assert_true(id128_equal(&synced.resumed, &want.resumed));
    assert_int_equal(synced.finals.count, 2);
    struct wire_open_task task;
    assert_true(wire_next_open_task(&synced.open, &task));
    assert_int_equal(task.task, 1);
    assert_int_equal(task.round, 2);
    assert_int_equal(task.failures, 3);
    assert_int_equal(task.losses, 4);
    assert_int_equal(task.lone_deaths, 5);
    assert_int_equal(task.last_class, CLASS_LOST);
    assert_int_equal(task.last_code, 6);
    assert_int_equal(task.held, 1);
    struct wire_cause cause;
    assert_true(wire_next_cause(&synced.causes, &cause));
    assert_int_equal(cause.task, 1);
    assert_int_equal(cause.count, 3);
    assert_int_equal(cause.class, CLASS_EXIT);
    assert_int_equal(cause.code, 7);
    struct wire_roster_entry entry;
    assert_true(wire_next_roster_entry(&synced.roster, &entry));
    assert_true(id128_equal(&entry.worker, &SAMPLE_ID));
    assert_true(id128_equal(&entry.boot, &SAMPLE_KEYS[1]));
    assert_int_equal(entry.pid_start, 81);
    assert_int_equal(entry.pid, 82);
    assert_true(span_equal(entry.host, SPAN_OF("node-3")));
    buffer_free(&frame);
}

static void match_and_matched_come_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_MATCH);
    struct wire_match match;
    struct id128 key;
    assert_true(wire_get_match(open_fine(&frame, WIRE_MATCH), &match));
    assert_int_equal(match.question, 95);
    assert_int_equal(match.last, 1);
    for (size_t i = 0; i < 2; i++) {
        assert_true(wire_next_key(&match.keys, &key));
        assert_true(id128_equal(&key, &SAMPLE_KEYS[i]));
    }
    assert_false(wire_next_key(&match.keys, &key));

    buffer_clear(&frame);
    put_sample(&frame, WIRE_MATCHED);
    struct wire_matched matched;
    uint64_t number;
    assert_true(wire_get_matched(open_fine(&frame, WIRE_MATCHED), &matched));
    assert_int_equal(matched.question, 96);
    assert_int_equal(matched.left, 97);
    assert_true(wire_next_number(&matched.numbers, &number));
    assert_true(wire_next_number(&matched.numbers, &number));
    assert_int_equal(number, 17);
    assert_int_equal(matched.numbers.count, 1);
    buffer_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_comes_back),
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(synced_comes_back),
        cmocka_unit_test(match_and_matched_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
