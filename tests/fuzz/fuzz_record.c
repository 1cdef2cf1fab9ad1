/* fuzz_record - any bytes as a line of the log
 * covers: common/store/record_read.c common/store/record_scan.c
 * covers: common/store/record_write.c common/store/text.c common/store/values.c
 * covers: common/store/record_glance.c
 */
#include "common/store/record.h"
#include "common/store/record_fields.h"

#include <assert.h>
#include <stdlib.h>

static void assert_same(const struct record *left, const struct record *right)
{
    assert(left->event == right->event && left->task == right->task);
    assert(left->final == right->final && left->status == right->status);
    assert(left->round == right->round && left->class == right->class);
    assert(left->attempt == right->attempt);
    assert(left->generation == right->generation);
    assert(left->wall_us == right->wall_us);
    assert(left->start_us == right->start_us);
    assert(span_equal(left->values, right->values));
    assert(span_equal(left->out, right->out));
    assert(span_equal(left->err, right->err));
    assert(span_equal(left->host, right->host));
    assert(span_equal(left->note, right->note));
}

// A glance passes over nothing that a task has left.
static void assert_glance(struct span line, const struct record *record)
{
    struct record seen;
    if (!record_glance(line, &seen))
        return;
    assert(seen.task == record->task && record->event == EVENT_NONE);
    assert(record->final && record->status == STATUS_OK);
    assert(record->number == 0 && record->class == CLASS_NONE);
    assert(record->out.size == 0 && record->err.size == 0);
    assert(!record->out_cut && !record->err_cut && record->note.size == 0);
}

// What is read as a record is written so that fan's own scanner, without
// jansson behind it, gives the same record.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer scratch = {0}, out = {0}, other = {0};
    struct record record, back = {.attempt = 1, .generation = 1};
    if (record_read((struct span){data, size}, &scratch, &record) == 0) {
        record_write(&out, &record);
        const struct span line = {out.at, out.size - 1};
        struct record_reading reading = {.record = &back, .scratch = &other};
        assert(record_scan(&reading, line) == 0);
        buffer_free(&reading.temp);
        assert(record_read(line, &other, &back) == 0);
        assert_glance(line, &back);
        const int64_t start_us = record.start_us;
        if (start_us <= 0)
            record.start_us = 0;
        if (record.wall_us <= INT64_MAX)
            assert_same(&record, &back);
    }
    buffer_free(&scratch);
    buffer_free(&out);
    buffer_free(&other);
    return 0;
}
