#include "tests/unit/log_place.h"

#include "common/store/member.h"

static unsigned read_all(struct logread *logread, enum logread_result *last)
{
    struct problem problem = {0};
    struct record record;
    struct span line;
    unsigned records = 0;
    while ((*last = logread_next(logread, &record, &line, &problem)) ==
           LOGREAD_RECORD)
        records++;
    return records;
}

static void reader_follows_a_growing_log(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    enum logread_result last;
    struct logread *logread = logread_open(place->dir, 0, &problem);
    assert_non_null(logread);
    assert_int_equal(read_all(logread, &last), 0);
    assert_int_equal(last, LOGREAD_END);
    struct journal *journal = opened(place);
    for (uint64_t task = 1; task <= 3; task++) {
        append(journal, task);
        commit(journal);
        assert_int_equal(read_all(logread, &last), 1);
        assert_int_equal(last, LOGREAD_END);
        assert_int_equal(logread_end(logread), journal_position(journal));
    }
    journal_close(&journal);
    logread_close(&logread);
}

static void reader_stops_at_damage_but_waits_at_the_end(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    enum logread_result last;
    uint64_t ends[3];
    fill(place, 3, 2, ends);
    flip(place->log, ends[0] + 50, 4);
    struct logread *logread = logread_open(place->dir, 0, &problem);
    assert_int_equal(read_all(logread, &last), 2);
    assert_int_equal(last, LOGREAD_DAMAGED);
    assert_int_equal(logread_offset(logread), ends[0]);
    logread_close(&logread);
    flip(place->log, ends[0] + 50, 4);
    assert_int_equal(truncate(place->log, (off_t)ends[2] - 1), 0);
    logread = logread_open(place->dir, ends[0], &problem);
    assert_int_equal(read_all(logread, &last), 2);
    assert_int_equal(last, LOGREAD_END);
    logread_close(&logread);
}

static void no_flipped_bit_passes_the_reader(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    enum logread_result last;
    uint64_t ends[2];
    fill(place, 2, 2, ends);
    for (uint64_t bit = 0; bit < ends[1] * 8; bit++) {
        const bool behind = bit / 8 < ends[0];
        flip(place->log, bit / 8, (uint8_t)(1 << bit % 8));
        struct logread *logread = logread_open(place->dir, 0, &problem);
        assert_int_equal(read_all(logread, &last), behind ? 0 : 2);
        assert_int_equal(last, behind ? LOGREAD_DAMAGED : LOGREAD_END);
        assert_int_equal(logread_ends_badly(logread), !behind);
        logread_close(&logread);
        flip(place->log, bit / 8, (uint8_t)(1 << bit % 8));
    }
}

static void reader_begins_at_a_member(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    struct record record;
    struct span line;
    uint64_t ends[2];
    fill(place, 2, 2, ends);
    struct logread *logread = logread_open(place->dir, ends[0], &problem);
    assert_int_equal(logread_next(logread, &record, &line, &problem),
                     LOGREAD_RECORD);
    assert_int_equal(record.task, 3);
    assert_int_equal(logread_offset(logread), ends[0]);
    assert_int_equal(logread_end(logread), ends[1]);
    assert_memory_equal(line.at, "{\"task\":3,", 10);
    assert_int_equal(line.at[line.size - 1], '}');
    logread_close(&logread);
    logread_close(&logread);
}

// The reader meets every stage of a member that is being written.
static void member_that_grows_byte_by_byte_comes_once_it_is_whole(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    struct buffer log = {0};
    enum logread_result last;
    uint64_t ends[2];
    fill(place, 2, 2, ends);
    const int fd = open(place->log, O_RDWR | O_APPEND);
    uint8_t *at = buffer_extend(&log, (size_t)ends[1]);
    assert_int_equal(pread(fd, at, (size_t)ends[1], 0), ends[1]);
    assert_int_equal(ftruncate(fd, 0), 0);
    struct logread *logread = logread_open(place->dir, 0, &problem);
    for (uint64_t i = 0; i < ends[1]; i++) {
        const bool whole = i + 1 == ends[0] || i + 1 == ends[1];
        assert_int_equal(write(fd, at + i, 1), 1);
        assert_int_equal(read_all(logread, &last), whole ? 2 : 0);
        assert_int_equal(last, LOGREAD_END);
    }
    logread_close(&logread);
    buffer_free(&log);
    close(fd);
}

static void line_that_is_no_record_is_damage(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    struct buffer member = {0};
    enum logread_result last;
    uint64_t ends[1];
    fill(place, 1, 2, ends);
    assert_int_equal(member_write(&member,
                                  SPAN_OF("{\"task\":3,\"status\":\"ok\"}\n"
                                          "not a record\n"
                                          "{\"task\":4,\"status\":\"ok\"}\n"),
                                  MEMBER_DEFLATED, ends[0]),
                     0);
    const int fd = open(place->log, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, member.at, member.size), member.size);
    close(fd);
    struct logread *logread = logread_open(place->dir, 0, &problem);
    assert_int_equal(read_all(logread, &last), 3);
    assert_int_equal(last, LOGREAD_DAMAGED);
    assert_int_equal(logread_offset(logread), ends[0]);
    assert_int_equal(read_all(logread, &last), 0);
    assert_int_equal(last, LOGREAD_DAMAGED);
    logread_close(&logread);
    buffer_free(&member);
}

static void log_that_is_a_folder_is_told(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    struct record record;
    assert_int_equal(mkdir(place->dir, 0777), 0);
    assert_int_equal(mkdir(place->log, 0777), 0);
    struct logread *logread = logread_open(place->dir, 0, &problem);
    if (logread)
        assert_int_equal(logread_next(logread, &record, NULL, &problem),
                         LOGREAD_ERROR);
    assert_non_null(strstr(problem.text, place->log));
    logread_close(&logread);
    assert_int_equal(rmdir(place->log), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reader_follows_a_growing_log),
        TEST(reader_stops_at_damage_but_waits_at_the_end),
        TEST(no_flipped_bit_passes_the_reader),
        TEST(reader_begins_at_a_member),
        TEST(member_that_grows_byte_by_byte_comes_once_it_is_whole),
        TEST(line_that_is_no_record_is_damage),
        TEST(log_that_is_a_folder_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
