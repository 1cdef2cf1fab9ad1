#include "tests/testing.h"

#include "command/follow.h"

#include <stdio.h>
#include <string.h>

// What was printed, as "TASK=OUT " one after the other.
struct printed {
    char text[4096];
    struct follow *follow;
    uint64_t end; // of the member taken last
};

static void print(void *context, const struct follow_output *output)
{
    struct printed *printed = context;
    const size_t used = strlen(printed->text);
    snprintf(printed->text + used, sizeof printed->text - used,
             "%u=%.*s%s%.*s ", (unsigned)output->task, (int)output->out.size,
             output->out.at ? (const char *)output->out.at : "",
             output->err.size > 0 ? "!" : "", (int)output->err.size,
             output->err.at ? (const char *)output->err.at : "");
}

static void begin(struct printed *printed, bool keep_order,
                  const struct follow_place *place)
{
    const struct follow_place start = place ? *place : (struct follow_place){0};
    follow_destroy(&printed->follow);
    *printed = (struct printed){.end = 0};
    printed->follow = follow_create(keep_order, &start, print, printed);
    assert_non_null(printed->follow);
}

// Every record is a member of 100 bytes.
static void take(struct printed *printed, struct record record)
{
    printed->end += 100;
    assert_int_equal(follow_record(printed->follow, &record, printed->end), 0);
}

static struct record ok(uint64_t task, const char *out)
{
    return (struct record){.task = task,
                           .final = true,
                           .status = STATUS_OK,
                           .out = span_of_text(out)};
}

static struct record attempt(uint64_t task, const char *out)
{
    return (struct record){.task = task,
                           .status = STATUS_FAILED,
                           .out = span_of_text(out),
                           .err = SPAN_OF("why")};
}

// As the ventilator makes it: without an output of its own.
static struct record gave_up(uint64_t task)
{
    return (struct record){
        .task = task, .final = true, .status = STATUS_FAILED, .number = 9};
}

static void output_comes_with_the_final_record(void **state)
{
    struct printed *printed = *state;
    begin(printed, false, NULL);
    take(printed, ok(2, "two"));
    take(printed, ok(1, "one"));
    assert_string_equal(printed->text, "2=two 1=one ");
}

static void last_failed_attempt_is_what_is_printed(void **state)
{
    struct printed *printed = *state;
    begin(printed, false, NULL);
    take(printed, attempt(1, "first"));
    take(printed, attempt(2, "other"));
    take(printed, attempt(1, "last"));
    assert_string_equal(printed->text, "");
    take(printed, gave_up(1));
    take(printed, ok(2, "fine"));
    assert_string_equal(printed->text, "1=last!why 2=fine ");
}

static void lost_worker_leaves_nothing_to_print(void **state)
{
    struct printed *printed = *state;
    begin(printed, false, NULL);
    take(printed,
         (struct record){.task = 1, .status = STATUS_LOST, .number = 3});
    take(printed, (struct record){.event = EVENT_MARK, .a = 100});
    assert_string_equal(printed->text, "");
    take(printed, gave_up(1));
    assert_string_equal(printed->text, "1= ");
}

static void kept_order_waits_for_what_is_missing(void **state)
{
    struct printed *printed = *state;
    begin(printed, true, NULL);
    take(printed, ok(3, "three"));
    take(printed, attempt(1, "failed"));
    take(printed, ok(2, "two"));
    assert_string_equal(printed->text, "");
    take(printed, gave_up(1));
    assert_string_equal(printed->text, "1=failed!why 2=two 3=three ");
    take(printed, ok(5, "five"));
    take(printed, ok(4, "four"));
    assert_string_equal(printed->text,
                        "1=failed!why 2=two 3=three 4=four 5=five ");
}

static void what_never_came_does_not_hold_back_the_end(void **state)
{
    struct printed *printed = *state;
    begin(printed, true, NULL);
    take(printed, ok(9, "nine"));
    take(printed, ok(3, "three"));
    take(printed, attempt(5, "open"));
    assert_string_equal(printed->text, "");
    assert_int_equal(follow_finish(printed->follow), 0);
    assert_string_equal(printed->text, "3=three 9=nine ");
    assert_int_equal(follow_finish(printed->follow), 0);
    assert_string_equal(printed->text, "3=three 9=nine ");
}

static void take_five(struct printed *printed)
{
    static const uint64_t ORDER[] = {2, 1, 5, 3, 4};
    for (size_t i = 0; i < 5; i++)
        take(printed, ok(ORDER[i], "x"));
}

// Killed after any record: the two lives together print each task once.
static void next_life_prints_only_what_the_last_did_not(void **state)
{
    struct printed *printed = *state;
    static const uint64_t ORDER[] = {2, 1, 5, 3, 4};
    for (unsigned mode = 0; mode < 8; mode++)
        for (size_t dead = 0; dead <= 5; dead++) {
            char all[8192];
            begin(printed, mode & 1, NULL);
            for (size_t i = 0; i < dead; i++)
                take(printed, ok(ORDER[i], "x"));
            if (mode & 4) // the run was over, and is resumed
                assert_int_equal(follow_finish(printed->follow), 0);
            const struct follow_place place = follow_place(printed->follow);
            snprintf(all, sizeof all, "%s", printed->text);
            begin(printed, mode & 2, &place);
            take_five(printed);
            assert_int_equal(follow_finish(printed->follow), 0);
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s",
                     printed->text);
            assert_int_equal(strlen(all), 5 * strlen("1=x "));
            for (int task = '1'; task <= '5'; task++)
                assert_non_null(strchr(all, task));
        }
}

static void counts_are_of_the_last_round(void **state)
{
    struct printed *printed = *state;
    struct follow_counts counts;
    begin(printed, false, NULL);
    take(printed, attempt(1, ""));
    take(printed, gave_up(1));
    take(printed, ok(2, ""));
    take(printed, (struct record){.event = EVENT_COMPLETE, .a = 2});
    follow_counts(printed->follow, &counts);
    assert_int_equal(counts.by_status[STATUS_FAILED], 1);
    assert_int_equal(counts.by_status[STATUS_OK], 1);
    assert_int_equal(counts.attempts_failed, 1);
    assert_int_equal(counts.first_bad, 1);
    assert_true(counts.complete);
    take(printed, (struct record){.event = EVENT_RESUMED});
    struct record again = ok(1, "at last");
    again.round = 1;
    take(printed, again);
    follow_counts(printed->follow, &counts);
    assert_int_equal(counts.by_status[STATUS_FAILED], 0);
    assert_int_equal(counts.by_status[STATUS_OK], 2);
    assert_int_equal(counts.first_bad, 0);
    assert_false(counts.complete);
    assert_string_equal(printed->text, "1=!why 2= 1=at last ");
}

static void memory_for_what_is_held_is_used_again(void **state)
{
    struct printed *printed = *state;
    begin(printed, false, NULL);
    for (uint64_t task = 1; task <= 1000; task++) {
        printed->text[0] = '\0';
        take(printed, attempt(task, "held"));
        take(printed, gave_up(task));
        assert_non_null(strstr(printed->text, "=held!why "));
    }
}

static int setup(void **state)
{
    static struct printed printed;
    *state = &printed;
    return 0;
}

static int teardown(void **state)
{
    struct printed *printed = *state;
    follow_destroy(&printed->follow);
    follow_destroy(&printed->follow);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(output_comes_with_the_final_record),
        TEST(last_failed_attempt_is_what_is_printed),
        TEST(lost_worker_leaves_nothing_to_print),
        TEST(kept_order_waits_for_what_is_missing),
        TEST(what_never_came_does_not_hold_back_the_end),
        TEST(next_life_prints_only_what_the_last_did_not),
        TEST(counts_are_of_the_last_round),
        TEST(memory_for_what_is_held_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
