#include "tests/testing.h"

#include "common/store/logread.h"
#include "common/store/verify.h"
#include "sink/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Faults for the calls below, which stand before the C library's.
static struct {
    long room;     // bytes that may still be written; negative: no limit
    int sync_code; // errno of the next fdatasync; 0: it works
    unsigned writes, syncs;
} disk = {.room = -1};

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

int fdatasync(int fd)
{
    disk.syncs++;
    if (disk.sync_code != 0) {
        errno = disk.sync_code;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

struct place {
    char top[32], dir[64], log[96];
    uint64_t seen, sum;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place)
        return -1;
    snprintf(place->top, sizeof place->top, "/tmp/journal-XXXXXX");
    *state = place;
    disk.room = -1;
    disk.sync_code = 0;
    if (!mkdtemp(place->top))
        return -1;
    snprintf(place->dir, sizeof place->dir, "%s/run", place->top);
    snprintf(place->log, sizeof place->log, "%s/%s", place->dir, LOG_FILE_NAME);
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    DIR *dir = opendir(place->dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(place->dir);
    rmdir(place->top);
    free(place);
    return 0;
}

static int count(void *argument, const struct record *record)
{
    struct place *place = argument;
    place->seen++;
    place->sum = place->sum * 31 + record->task;
    return 0;
}

static struct journal *opened(struct place *place)
{
    struct problem problem = {0};
    place->seen = place->sum = 0;
    struct journal *journal = journal_open(place->dir, count, place, &problem);
    if (!journal)
        print_message("%s\n", problem.text);
    assert_non_null(journal);
    return journal;
}

static void append(struct journal *journal, uint64_t task)
{
    const struct record record = {.task = task,
                                  .final = true,
                                  .status =
                                      task % 5 ? STATUS_OK : STATUS_FAILED,
                                  .attempt = 1,
                                  .generation = 1,
                                  .out = SPAN_OF("some output\n")};
    assert_int_equal(journal_append(journal, &record), 0);
}

static void commit(struct journal *journal)
{
    struct problem problem = {0};
    assert_int_equal(journal_commit(journal, &problem), 0);
}

// Members of `each` tasks, numbered from 1; ends[] gets where each ends.
static void fill(struct place *place, unsigned members, unsigned each,
                 uint64_t *ends)
{
    struct journal *journal = opened(place);
    uint64_t task = 0;
    for (unsigned i = 0; i < members; i++) {
        for (unsigned j = 0; j < each; j++)
            append(journal, ++task);
        commit(journal);
        ends[i] = journal_position(journal);
    }
    journal_close(&journal);
}

static void flip(const char *path, uint64_t offset, uint8_t mask)
{
    uint8_t byte;
    const int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= mask;
    assert_int_equal(syscall(SYS_pwrite64, fd, &byte, 1, offset), 1);
    close(fd);
}

static uint64_t size_of(const char *dir, const char *name)
{
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &status) == 0 ? (uint64_t)status.st_size : UINT64_MAX;
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
    assert_true(ends[0] > 300000);
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

struct faults {
    unsigned by_kind[VERIFY_MISSING + 1];
    struct verify_fault last;
};

static void collect(void *argument, const struct verify_fault *fault)
{
    struct faults *faults = argument;
    faults->by_kind[fault->kind]++;
    faults->last = *fault;
}

static void sound_log_verifies(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    struct verify_summary summary;
    uint64_t ends[2];
    fill(place, 2, 10, ends);
    assert_int_equal(verify_log(place->dir, NULL, NULL, &summary, &problem), 0);
    assert_int_equal(summary.faults, 0);
    assert_int_equal(summary.bytes, ends[1]);
    assert_int_equal(summary.members, 2);
    assert_int_equal(summary.records, 20);
    assert_int_equal(summary.finals[STATUS_OK], 16);
    assert_int_equal(summary.finals[STATUS_FAILED], 4);
    assert_false(summary.complete);
}

static void verify_finds_each_bit_and_names_the_tasks(void **state)
{
    struct place *place = *state;
    uint64_t ends[3];
    fill(place, 3, 2, ends);
    for (uint64_t bit = 0; bit < ends[2] * 8; bit++) {
        const unsigned member =
            (unsigned)(bit / 8 >= ends[0]) + (unsigned)(bit / 8 >= ends[1]);
        struct problem problem = {0};
        struct verify_summary summary;
        struct faults faults = {0};
        flip(place->log, bit / 8, (uint8_t)(1 << bit % 8));
        assert_int_equal(
            verify_log(place->dir, collect, &faults, &summary, &problem), 0);
        flip(place->log, bit / 8, (uint8_t)(1 << bit % 8));
        const bool behind = member < 2;
        assert_int_equal(faults.by_kind[VERIFY_DAMAGED], behind);
        assert_int_equal(faults.by_kind[VERIFY_UNFINISHED], !behind);
        assert_int_equal(faults.by_kind[VERIFY_MISSING], behind);
        assert_int_equal(summary.records, 4);
        if (behind) {
            assert_int_equal(faults.last.task, member * 2 + 1);
            assert_int_equal(faults.last.count, 2);
        }
    }
}

static void verify_counts_rounds_and_doubles(void **state)
{
    struct place *place = *state;
    struct problem problem = {0};
    struct verify_summary summary;
    struct faults faults = {0};
    struct journal *journal = opened(place);
    for (uint64_t task = 1; task <= 6; task++)
        append(journal, task);
    struct record again = {
        .task = 5, .final = true, .status = STATUS_OK, .round = 1};
    assert_int_equal(journal_append(journal, &again), 0);
    const struct record complete = {.event = EVENT_COMPLETE, .a = 8};
    assert_int_equal(journal_append(journal, &complete), 0);
    commit(journal);
    assert_int_equal(
        verify_log(place->dir, collect, &faults, &summary, &problem), 0);
    assert_int_equal(summary.finals[STATUS_OK], 6);
    assert_int_equal(summary.finals[STATUS_FAILED], 0);
    assert_int_equal(summary.doubles, 0);
    assert_int_equal(summary.missing, 2);
    assert_int_equal(faults.last.task, 7);
    assert_int_equal(journal_append(journal, &again), 0);
    append(journal, 2);
    commit(journal);
    assert_int_equal(
        verify_log(place->dir, collect, &faults, &summary, &problem), 0);
    assert_int_equal(summary.doubles, 2);
    assert_int_equal(summary.finals[STATUS_OK], 6);
    journal_close(&journal);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_come_back_in_order),
        TEST(large_group_is_one_member_too),
        TEST(second_sink_is_refused),
        TEST(last_member_is_written_over_itself),
        TEST(end_torn_at_any_byte_is_kept_and_cut),
        TEST(holes_in_the_end_are_no_damage),
        TEST(each_flipped_bit_of_durable_data_stops_the_sink),
        TEST(member_taken_out_is_damage),
        TEST(full_disk_at_any_byte_loses_nothing),
        TEST(failed_sync_is_never_tried_again),
        TEST(removed_log_acknowledges_nothing),
        TEST(replay_goes_from_member_to_member),
        TEST(reader_follows_a_growing_log),
        TEST(reader_stops_at_damage_but_waits_at_the_end),
        TEST(sound_log_verifies),
        TEST(verify_finds_each_bit_and_names_the_tasks),
        TEST(verify_counts_rounds_and_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
