#include "tests/unit/log_place.h"

#include "common/store/verify.h"

#include <errno.h>

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
        const bool behind = member < 2; // the end of the last is not known
        assert_int_equal(faults.by_kind[VERIFY_DAMAGED], 1);
        assert_int_equal(faults.by_kind[VERIFY_UNFINISHED], 0);
        assert_int_equal(faults.by_kind[VERIFY_MISSING], behind);
        assert_int_equal(summary.records, 4);
        if (behind) {
            assert_int_equal(faults.last.task, member * 2 + 1);
            assert_int_equal(faults.last.count, 2);
        } else {
            assert_int_equal(faults.last.offset, ends[1]);
            assert_int_equal(faults.last.end, ends[2]);
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

static struct faults verified(const struct place *place,
                              struct verify_summary *summary)
{
    struct faults faults = {0};
    struct problem problem = {0};
    assert_int_equal(
        verify_log(place->dir, collect, &faults, summary, &problem), 0);
    return faults;
}

static void end_cut_at_any_byte_is_unfinished_not_damaged(void **state)
{
    struct place *place = *state;
    struct verify_summary summary;
    uint64_t ends[2];
    fill(place, 2, 2, ends);
    for (uint64_t size = ends[1] - 1; size > ends[0]; size--) {
        assert_int_equal(truncate(place->log, (off_t)size), 0);
        const struct faults faults = verified(place, &summary);
        assert_int_equal(faults.by_kind[VERIFY_UNFINISHED], 1);
        assert_int_equal(faults.last.offset, ends[0]);
        assert_int_equal(faults.last.end, size);
        assert_int_equal(summary.faults, 1);
        assert_int_equal(summary.records, 2);
    }
    assert_int_equal(truncate(place->log, (off_t)ends[0]), 0);
    assert_int_equal(verified(place, &summary).by_kind[VERIFY_UNFINISHED], 0);
    assert_int_equal(summary.faults, 0);
}

// Tasks end in any order: those before the last one are not missing.
static void unfinished_run_misses_nothing(void **state)
{
    struct place *place = *state;
    struct verify_summary summary;
    struct journal *journal = opened(place);
    append(journal, 7);
    commit(journal);
    const uint64_t end = journal_position(journal);
    append(journal, 3);
    commit(journal);
    journal_close(&journal);
    assert_int_equal(verified(place, &summary).by_kind[VERIFY_MISSING], 0);
    assert_int_equal(truncate(place->log, (off_t)end + 9), 0);
    assert_int_equal(verified(place, &summary).by_kind[VERIFY_MISSING], 0);
    assert_int_equal(summary.missing, 0);
    assert_int_equal(summary.tasks, 1);
}

static void resumed_run_is_not_complete_until_it_says_so_again(void **state)
{
    struct place *place = *state;
    struct verify_summary summary;
    struct journal *journal = opened(place);
    const struct record complete = {.event = EVENT_COMPLETE, .a = 2};
    const struct record resumed = {.event = EVENT_RESUMED};
    append(journal, 1);
    append(journal, 2);
    assert_int_equal(journal_append(journal, &complete), 0);
    commit(journal);
    verified(place, &summary);
    assert_true(summary.complete);
    assert_int_equal(journal_append(journal, &resumed), 0);
    commit(journal);
    verified(place, &summary);
    assert_false(summary.complete);
    assert_int_equal(journal_append(journal, &complete), 0);
    commit(journal);
    verified(place, &summary);
    assert_true(summary.complete);
    assert_int_equal(summary.faults, 0);
    journal_close(&journal);
}

// Tasks 1 and 2 are done of 3 that may have been sent; the resume gives the
// third a new number, 6.
static void numbers_that_a_resume_passed_over_are_not_missing(void **state)
{
    struct place *place = *state;
    struct verify_summary summary;
    struct journal *journal = opened(place);
    const struct record mark = {.event = EVENT_MARK, .a = 5, .b = 1};
    const struct record resumed = {.event = EVENT_RESUMED};
    struct record complete = {.event = EVENT_COMPLETE, .a = 3};
    assert_int_equal(journal_append(journal, &mark), 0);
    append(journal, 1);
    commit(journal);
    const uint64_t at = journal_position(journal);
    append(journal, 2);
    commit(journal);
    assert_int_equal(journal_append(journal, &resumed), 0);
    append(journal, 6);
    assert_int_equal(journal_append(journal, &complete), 0);
    commit(journal);
    verified(place, &summary);
    assert_int_equal(summary.faults, 0);
    assert_int_equal(summary.missing, 0);
    complete.a = 4; // one that never came
    assert_int_equal(journal_append(journal, &complete), 0);
    commit(journal);
    struct faults faults = verified(place, &summary);
    assert_int_equal(summary.missing, 1);
    assert_int_equal(faults.last.task, 0);
    journal_close(&journal);
    flip(place->log, at + 60, 1);
    faults = verified(place, &summary);
    assert_int_equal(faults.by_kind[VERIFY_DAMAGED], 1);
    assert_int_equal(faults.last.task, 2);
    assert_int_equal(faults.last.count, 4);
}

// What was damaged was about an attempt only: every task has its final record.
static void damage_that_cost_no_result_misses_nothing(void **state)
{
    struct place *place = *state;
    struct verify_summary summary;
    struct journal *journal = opened(place);
    const struct record mark = {.event = EVENT_MARK, .a = 5, .b = 1};
    const struct record resumed = {.event = EVENT_RESUMED};
    const struct record complete = {.event = EVENT_COMPLETE, .a = 2};
    assert_int_equal(journal_append(journal, &mark), 0);
    commit(journal);
    append(journal, 1);
    assert_int_equal(journal_append(journal, &resumed), 0);
    append(journal, 6);
    assert_int_equal(journal_append(journal, &complete), 0);
    commit(journal);
    journal_close(&journal);
    flip(place->log, 50, 1);
    const struct faults faults = verified(place, &summary);
    assert_int_equal(faults.by_kind[VERIFY_DAMAGED], 1);
    assert_int_equal(summary.missing, 0);
}

static void log_that_is_missing_or_empty_is_told_apart(void **state)
{
    struct place *place = *state;
    struct verify_summary summary;
    struct problem problem = {0};
    assert_int_equal(verify_log(place->dir, NULL, NULL, &summary, &problem),
                     -ENOENT);
    assert_non_null(strstr(problem.text, place->log));
    struct journal *journal = opened(place);
    journal_close(&journal);
    verified(place, &summary);
    assert_int_equal(summary.faults, 0);
    assert_int_equal(summary.members, 0);
}

static void foreign_bytes_are_damage(void **state)
{
    struct place *place = *state;
    struct verify_summary summary;
    assert_int_equal(mkdir(place->dir, 0777), 0);
    const int fd = open(place->log, O_WRONLY | O_CREAT, 0666);
    assert_int_equal(write(fd, "hello\n", 6), 6);
    close(fd);
    assert_int_equal(verified(place, &summary).by_kind[VERIFY_DAMAGED], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sound_log_verifies),
        TEST(verify_finds_each_bit_and_names_the_tasks),
        TEST(verify_counts_rounds_and_doubles),
        TEST(end_cut_at_any_byte_is_unfinished_not_damaged),
        TEST(unfinished_run_misses_nothing),
        TEST(resumed_run_is_not_complete_until_it_says_so_again),
        TEST(numbers_that_a_resume_passed_over_are_not_missing),
        TEST(damage_that_cost_no_result_misses_nothing),
        TEST(log_that_is_missing_or_empty_is_told_apart),
        TEST(foreign_bytes_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
