#include "tests/unit/log_place.h"

#include <errno.h>
#include <sys/syscall.h>

// Faults for the calls below, which stand before the C library's.
static struct {
    long room;     // bytes that may still be written; negative: no limit
    int sync_code; // errno of the next fdatasync; 0: it works
    unsigned writes, syncs;
} disk = {.room = -1};

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    disk.writes++;
    if (disk.room == 0 && size > 0) {
        errno = ENOSPC;
        return -1;
    }
    if (disk.room > 0 && (size_t)disk.room < size)
        size = (size_t)disk.room;
    if (disk.room > 0)
        disk.room -= (long)size;
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
int fdatasync(int fd)
{
    disk.syncs++;
    if (disk.sync_code != 0) {
        errno = disk.sync_code;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static int setup_disk(void **state)
{
    disk.room = -1;
    disk.sync_code = 0;
    return setup(state);
}

static void records_come_back_in_order(void **state)
{
    struct place *place = *state;
    uint64_t ends[3], sum = 0;
    fill(place, 3, 4, ends);
    for (uint64_t task = 1; task <= 12; task++)
        sum = sum * 31 + task;
    struct journal *journal = opened(place);
    assert_int_equal(place->seen, 12);
    assert_int_equal(place->sum, sum);
    assert_int_equal(journal_position(journal), ends[2]);
    commit(journal);
    assert_int_equal(journal_position(journal), ends[2]);
    journal_close(&journal);
    journal_close(&journal);
}

static void large_group_is_one_member_too(void **state)
{
    struct place *place = *state;
    uint64_t ends[1];
    fill(place, 1, 5000, ends);
    assert_true(ends[0] < 30000); // of half a million bytes
    struct journal *journal = opened(place);
    assert_int_equal(place->seen, 5000);
    journal_close(&journal);
}

static void second_sink_is_refused(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    struct journal *journal = opened(place);
    assert_null(journal_open(place->dir, count, place, &problem));
    assert_int_equal(problem.exit, EXIT_ERROR);
    assert_non_null(strstr(problem.text, place->dir));
    journal_close(&journal);
    journal = opened(place);
    journal_close(&journal);
}

static void last_member_is_written_over_itself(void **state)
{
    struct place *place = *state;
    uint64_t ends[2];
    fill(place, 2, 3, ends);
    disk.writes = disk.syncs = 0;
    struct journal *journal = opened(place);
    assert_int_equal(disk.writes, 1);
    assert_int_equal(disk.syncs, 1);
    assert_int_equal(size_of(place->dir, LOG_FILE_NAME), ends[1]);
    journal_close(&journal);
}

static void end_torn_at_any_byte_is_kept_and_cut(void **state)
{
    struct place *place = *state;
    uint64_t ends[2];
    fill(place, 2, 2, ends);
    uint64_t torn = 0;
    for (uint64_t size = ends[1] - 1; size > ends[0]; size--) {
        assert_int_equal(truncate(place->log, (off_t)size), 0);
        struct journal *journal = opened(place);
        char name[32];
        snprintf(name, sizeof name, "torn-%u", (unsigned)++torn);
        assert_int_equal(place->seen, 2);
        assert_int_equal(journal_position(journal), ends[0]);
        assert_int_equal(size_of(place->dir, LOG_FILE_NAME), ends[0]);
        assert_int_equal(size_of(place->dir, name), size - ends[0]);
        append(journal, 3);
        append(journal, 4);
        commit(journal);
        assert_int_equal(journal_position(journal), ends[1]);
        journal_close(&journal);
    }
}

static void holes_in_the_end_are_no_damage(void **state)
{
    struct place *place = *state;
    uint64_t ends[2];
    fill(place, 2, 2, ends);
    for (uint64_t at = ends[0]; at < ends[1]; at++)
        flip(place->log, at, 0x55);
    struct journal *journal = opened(place);
    assert_int_equal(place->seen, 2);
    assert_int_equal(size_of(place->dir, "torn-1"), ends[1] - ends[0]);
    journal_close(&journal);
}

static void each_flipped_bit_of_durable_data_stops_the_sink(void **state)
{
    struct place *place = *state;
    uint64_t ends[3];
    fill(place, 3, 2, ends);
    for (uint64_t bit = 0; bit < ends[1] * 8; bit++) {
        struct problem problem = {0};
        char text[64];
        flip(place->log, bit / 8, (uint8_t)(1 << bit % 8));
        assert_null(journal_open(place->dir, count, place, &problem));
        assert_int_equal(problem.exit, EXIT_DAMAGED);
        snprintf(text, sizeof text, "byte %u ",
                 bit / 8 < ends[0] ? 0 : (unsigned)ends[0]);
        assert_non_null(strstr(problem.text, text));
        flip(place->log, bit / 8, (uint8_t)(1 << bit % 8));
    }
    assert_int_equal(size_of(place->dir, LOG_FILE_NAME), ends[2]);
    struct journal *journal = opened(place);
    assert_int_equal(place->seen, 6);
    journal_close(&journal);
}

static void member_taken_out_is_damage(void **state)
{
    struct place *place = *state;
    uint64_t ends[3];
    fill(place, 3, 2, ends);
    struct buffer rest = {0};
    const size_t size = (size_t)(ends[2] - ends[0]);
    uint8_t *at = buffer_extend(&rest, size);
    const int fd = open(place->log, O_RDWR);
    assert_int_equal(pread(fd, at, size, (off_t)ends[0]), size);
    assert_int_equal(pwrite(fd, at, size, 0), size);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
    buffer_free(&rest);
    struct problem problem = {0};
    assert_null(journal_open(place->dir, count, place, &problem));
    assert_int_equal(problem.exit, EXIT_DAMAGED);
}

static void full_disk_at_any_byte_loses_nothing(void **state)
{
    struct place *place = *state;
    uint64_t ends[1];
    fill(place, 1, 2, ends);
    struct journal *journal = opened(place);
    append(journal, 3);
    for (long room = 0; room < 60; room++) {
        struct problem problem = {0};
        disk.room = room;
        assert_int_equal(journal_commit(journal, &problem), -ENOSPC);
        assert_int_equal(journal_position(journal), ends[0]);
        assert_int_equal(size_of(place->dir, LOG_FILE_NAME), ends[0]);
    }
    append(journal, 4);
    disk.room = -1;
    commit(journal);
    journal_close(&journal);
    journal = opened(place);
    assert_int_equal(place->seen, 4);
    journal_close(&journal);
}

// What was packed before, and what comes behind it, is one member.
static void full_disk_between_the_parts_of_a_group_loses_nothing(void **state)
{
    struct place *place = *state;
    struct journal *journal = opened(place);
    uint64_t task = 0, sum = 0;
    for (unsigned part = 0; part < 4; part++) {
        struct problem problem = {0};
        for (unsigned i = 0; i < 3000; i++) { // of a hundred bytes
            append(journal, ++task);
            sum = sum * 31 + task;
        }
        disk.room = 1000;
        assert_int_equal(journal_commit(journal, &problem), -ENOSPC);
        assert_int_equal(size_of(place->dir, LOG_FILE_NAME), 0);
    }
    disk.room = -1;
    disk.writes = 0;
    commit(journal);
    assert_int_equal(disk.writes, 1);
    append(journal, ++task);
    commit(journal);
    sum = sum * 31 + task;
    journal_close(&journal);
    journal = opened(place);
    assert_int_equal(place->seen, task);
    assert_int_equal(place->sum, sum);
    journal_close(&journal);
}

static void failed_sync_is_never_tried_again(void **state)
{
    struct place *place = *state;
    struct journal *journal = opened(place);
    struct problem problem = {0};
    append(journal, 1);
    disk.sync_code = EIO;
    assert_int_equal(journal_commit(journal, &problem), -EIO);
    disk.sync_code = 0;
    assert_int_equal(journal_commit(journal, &problem), -EIO);
    assert_int_equal(journal_position(journal), 0);
    journal_close(&journal);
    journal = opened(place);
    assert_int_equal(place->seen, 1);
    journal_close(&journal);
}

static void removed_log_acknowledges_nothing(void **state)
{
    struct place *place = *state;
    struct journal *journal = opened(place);
    struct problem problem = {0};
    append(journal, 1);
    assert_int_equal(unlink(place->log), 0);
    assert_int_equal(journal_commit(journal, &problem), -EIO);
    assert_non_null(strstr(problem.text, place->log));
    journal_close(&journal);
}

static void replay_goes_from_member_to_member(void **state)
{
    struct place *place = *state;
    uint64_t ends[3];
    fill(place, 3, 4, ends);
    struct journal *journal = opened(place);
    struct problem problem = {0};
    place->seen = 0;
    uint64_t at = ends[0];
    assert_int_equal(journal_replay(journal, &at, 1, count, place, &problem),
                     0);
    assert_int_equal(place->seen, 4);
    assert_int_equal(at, ends[1]);
    at = 0;
    assert_int_equal(
        journal_replay(journal, &at, SIZE_MAX, count, place, &problem), 0);
    assert_int_equal(place->seen, 16);
    assert_int_equal(at, ends[2]);
    at = ends[2] + 1;
    assert_int_equal(journal_replay(journal, &at, 1, count, place, &problem),
                     -EINVAL);
    at = 5;
    assert_int_equal(journal_replay(journal, &at, 1, count, place, &problem),
                     -EBADMSG);
    assert_int_equal(at, 5);
    assert_int_equal(problem.exit, EXIT_DAMAGED);
    journal_close(&journal);
}

#define DISK_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup_disk, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(records_come_back_in_order),
        DISK_TEST(large_group_is_one_member_too),
        DISK_TEST(second_sink_is_refused),
        DISK_TEST(last_member_is_written_over_itself),
        DISK_TEST(end_torn_at_any_byte_is_kept_and_cut),
        DISK_TEST(holes_in_the_end_are_no_damage),
        DISK_TEST(each_flipped_bit_of_durable_data_stops_the_sink),
        DISK_TEST(member_taken_out_is_damage),
        DISK_TEST(full_disk_at_any_byte_loses_nothing),
        DISK_TEST(full_disk_between_the_parts_of_a_group_loses_nothing),
        DISK_TEST(failed_sync_is_never_tried_again),
        DISK_TEST(removed_log_acknowledges_nothing),
        DISK_TEST(replay_goes_from_member_to_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
