#include "tests/testing.h"

#include "command/digest.h"

#include <string.h>

static struct record attempt(uint64_t task, uint32_t slot, int64_t start_us,
                             uint64_t wall_us)
{
    return (struct record){.task = task,
                           .final = true,
                           .status = STATUS_OK,
                           .host = SPAN_OF("node"),
                           .slot = slot,
                           .start_us = start_us,
                           .wall_us = wall_us,
                           .attempt = 1};
}

static void count(struct digest *digest, const struct record *records,
                  size_t number)
{
    for (size_t i = 0; i < number; i++)
        digest_span(digest, &records[i]);
    for (size_t i = 0; i < number; i++)
        assert_int_equal(digest_attempt(digest, &records[i]), 0);
    for (size_t i = 0; i < number; i++)
        assert_int_equal(digest_result(digest, &records[i]), 0);
    digest_settle(digest);
}

static bool near(double left, double right)
{
    return left - right < 1e-3 && right - left < 1e-3;
}

static void slots_are_busy_for_as_long_as_their_tasks(void **state)
{
    enum { COLUMN_US = 1000, SPAN_US = DIGEST_COLUMNS * COLUMN_US };
    const struct record records[] = {
        attempt(1, 1, 1, SPAN_US),
        attempt(2, 2, 1 + 10 * COLUMN_US + 500, 3 * COLUMN_US),
    };
    struct digest digest = {0};
    (void)state;
    count(&digest, records, 2);
    assert_int_equal(digest.last_us - digest.first_us, SPAN_US);
    assert_int_equal(digest.row_count, 2);
    assert_int_equal(digest.busy_us, SPAN_US + 3 * COLUMN_US);
    for (size_t i = 0; i < DIGEST_COLUMNS; i++) {
        assert_true(near(digest.rows[0].busy[i], 1));
        assert_true(near(digest.rows[1].busy[i], i == 10 || i == 13   ? 0.5
                                                 : i == 11 || i == 12 ? 1
                                                                      : 0));
    }
    assert_int_equal(digest.bar_count, 2);
    assert_int_equal(digest.bars[1].row, 1);
    digest_clear(&digest);
}

static void rows_are_by_host_and_slot(void **state)
{
    struct record records[] = {attempt(1, 2, 1, 10), attempt(2, 1, 1, 10),
                               attempt(3, 1, 1, 10)};
    struct digest digest = {0};
    (void)state;
    records[0].host = SPAN_OF("b");
    records[1].host = SPAN_OF("b");
    records[2].host = SPAN_OF("a");
    records[2].worker.byte[0] = 9;
    count(&digest, records, 3);
    assert_int_equal(digest.row_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(digest.bars[i].row, 2 - i);
    assert_string_equal(digest.rows[0].host, "a");
    assert_int_equal(digest.rows[1].slot, 1);
    digest_clear(&digest);
}

static void failures_that_are_alike_are_one_group(void **state)
{
    struct record records[5];
    struct digest digest = {0};
    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        records[i] = attempt(i + 1, 1, 1, 5);
        records[i].status = STATUS_FAILED;
        records[i].class = CLASS_EXIT;
        records[i].exit = i == 0 ? 2 : 1;
    }
    records[1].err = SPAN_OF("no file /a/b1\n");
    records[2].err = SPAN_OF("chat\nno file /c/d2\n");
    records[3].err = SPAN_OF("no memory\n");
    records[4].err = SPAN_OF("no file /e\n");
    count(&digest, records, 5);
    assert_int_equal(digest.group_count, 3);
    assert_int_equal(digest.groups[0].count, 3);
    assert_int_equal(digest.groups[0].example, 2);
    assert_int_equal(digest.groups[1].example, 1);
    assert_int_equal(digest.groups[1].exit, 2);
    assert_string_equal(digest.groups[2].line, "no memory");
    assert_int_equal(digest.by_status[STATUS_FAILED], 5);
    digest_clear(&digest);
}

static void slowest_are_kept_in_their_order(void **state)
{
    struct digest digest = {0};
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        const struct record record = attempt(i + 1, 1, 1, i * 37 % 100);
        assert_int_equal(digest_result(&digest, &record), 0);
    }
    assert_int_equal(digest.slow_count, DIGEST_SLOWEST);
    for (size_t i = 0; i < DIGEST_SLOWEST; i++)
        assert_int_equal(digest.slowest[i].wall_us, 99 - i);
    digest_clear(&digest);
}

static void times_fall_into_bins(void **state)
{
    static const struct {
        uint64_t wall_us;
        unsigned bin;
    } TIMES[] = {
        {0, 0},   {1, 0},    {3, 1},        {10, 3},
        {999, 8}, {1000, 9}, {1000000, 18}, {UINT64_MAX, DIGEST_BINS - 1}};
    struct digest digest = {0};
    (void)state;
    for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
        const struct record record = attempt(1, 1, 1, TIMES[i].wall_us);
        const uint64_t before = digest.bins[TIMES[i].bin];
        assert_int_equal(digest_result(&digest, &record), 0);
        assert_int_equal(digest.bins[TIMES[i].bin], before + 1);
    }
    digest_clear(&digest);
}

static void more_than_has_room_is_counted(void **state)
{
    struct digest digest = {0};
    (void)state;
    struct record record = attempt(1, 1, 1, 10);
    digest_span(&digest, &record);
    for (uint32_t slot = 1; slot <= DIGEST_ROWS + 5; slot++) {
        record.slot = slot;
        assert_int_equal(digest_attempt(&digest, &record), 0);
    }
    record.slot = 1;
    for (size_t i = 0; i < DIGEST_BARS; i++)
        assert_int_equal(digest_attempt(&digest, &record), 0);
    assert_int_equal(digest.row_count, DIGEST_ROWS);
    assert_int_equal(digest.rowless, 5);
    assert_int_equal(digest.bar_count, DIGEST_ROWS + DIGEST_BARS);
    digest_clear(&digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_busy_for_as_long_as_their_tasks),
        cmocka_unit_test(rows_are_by_host_and_slot),
        cmocka_unit_test(failures_that_are_alike_are_one_group),
        cmocka_unit_test(slowest_are_kept_in_their_order),
        cmocka_unit_test(times_fall_into_bins),
        cmocka_unit_test(more_than_has_room_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
