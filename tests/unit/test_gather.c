#include "tests/testing.h"

#include "command/gather.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct log {
    struct record records[16];
    size_t count;
    char text[1024]; // what came out: "TASK:STATUS:OUT " and * if filled up
    int error;
};

static void add(struct log *log, struct record record)
{
    log->records[log->count++] = record;
}

static int emit(void *context, const struct record *record, struct span line)
{
    struct log *log = context;
    const size_t used = strlen(log->text);
    assert_true(record->final || line.size > 0);
    snprintf(log->text + used, sizeof log->text - used, "%u:%s:%.*s%s ",
             (unsigned)record->task, status_name(record->status),
             (int)record->out.size,
             record->out.at ? (const char *)record->out.at : "",
             line.size == 0 ? "*" : "");
    return log->error;
}

static int gathered(struct log *log, struct gather_options options,
                    size_t surveyed)
{
    struct gather *gather = gather_create(options);
    int error = 0;
    log->text[0] = '\0';
    assert_non_null(gather);
    for (size_t i = 0; i < surveyed; i++)
        assert_int_equal(gather_survey(gather, &log->records[i]), 0);
    for (size_t i = 0; i < log->count && error == 0; i++) {
        struct buffer line = {0};
        record_write(&line, &log->records[i]);
        error = gather_take(gather, &log->records[i],
                            (struct span){line.at, line.size - 1}, emit, log);
        buffer_free(&line);
    }
    gather_destroy(&gather);
    gather_destroy(&gather);
    return error;
}

static struct record ok(uint64_t task, uint32_t round, const char *out)
{
    return (struct record){.task = task,
                           .final = true,
                           .status = STATUS_OK,
                           .round = round,
                           .attempt = 1,
                           .generation = 1,
                           .out = span_of_text(out)};
}

static struct record failure(uint64_t task, uint32_t attempt, const char *out)
{
    return (struct record){.task = task,
                           .status = STATUS_FAILED,
                           .class = CLASS_EXIT,
                           .exit = 3,
                           .attempt = attempt,
                           .generation = 1,
                           .out = span_of_text(out)};
}

static struct record end(uint64_t task, uint32_t attempt, enum status status)
{
    return (struct record){.task = task,
                           .final = true,
                           .status = status,
                           .class = CLASS_EXIT,
                           .attempt = attempt,
                           .generation = 1,
                           .number = 7};
}

static void each_task_comes_once_with_its_last_attempts_output(void **state)
{
    (void)state;
    struct log log = {0};
    add(&log, (struct record){.event = EVENT_RUN});
    add(&log, failure(1, 1, "first"));
    add(&log, failure(2, 1, "two"));
    add(&log, ok(3, 0, "three"));
    add(&log, failure(1, 2, "second"));
    add(&log, end(1, 2, STATUS_FAILED));
    add(&log, ok(2, 0, "fine"));
    add(&log, end(4, 1, STATUS_CANCELLED));
    assert_int_equal(gathered(&log, (struct gather_options){0}, log.count), 0);
    assert_string_equal(log.text, "3:ok:three 1:failed:second* 2:ok:fine "
                                  "4:cancelled: ");
}

// The final record is about a lost attempt: the failed one's is not its own.
static void another_attempts_output_is_not_taken(void **state)
{
    (void)state;
    struct log log = {0};
    add(&log, failure(1, 1, "first"));
    add(&log, end(1, 2, STATUS_QUARANTINED));
    assert_int_equal(gathered(&log, (struct gather_options){0}, log.count), 0);
    assert_string_equal(log.text, "1:quarantined: ");
}

static void last_round_stands_for_the_task(void **state)
{
    (void)state;
    struct log log = {0};
    add(&log, failure(1, 1, "old"));
    add(&log, end(1, 1, STATUS_FAILED));
    add(&log, ok(2, 0, "two"));
    add(&log, ok(1, 1, "new"));
    assert_int_equal(gathered(&log, (struct gather_options){0}, log.count), 0);
    assert_string_equal(log.text, "2:ok:two 1:ok:new ");
    // In a log that is followed both come, as they come.
    assert_int_equal(gathered(&log, (struct gather_options){0}, 3), 0);
    assert_string_equal(log.text, "1:failed:old* 2:ok:two 1:ok:new ");
}

static void failed_leaves_out_what_is_good(void **state)
{
    (void)state;
    struct log log = {0};
    add(&log, ok(1, 0, ""));
    add(&log, failure(2, 1, "two"));
    add(&log, end(2, 1, STATUS_IGNORED));
    add(&log, failure(3, 1, "three"));
    add(&log, end(3, 1, STATUS_FAILED));
    add(&log, end(4, 1, STATUS_QUARANTINED));
    add(&log, failure(5, 1, "five"));
    add(&log, ok(5, 1, "done"));
    struct gather_options options = {.failed = true};
    assert_int_equal(gathered(&log, options, log.count), 0);
    assert_string_equal(log.text, "3:failed:three* 4:quarantined: ");
    options.all_attempts = true;
    assert_int_equal(gathered(&log, options, log.count), 0);
    assert_string_equal(log.text, "2:failed:two 3:failed:three 3:failed: "
                                  "4:quarantined: 5:failed:five ");
}

static void all_attempts_come_as_they_stand(void **state)
{
    (void)state;
    struct log log = {0};
    add(&log, failure(1, 1, "a"));
    add(&log, (struct record){.event = EVENT_REOPENED, .task = 1});
    add(&log, end(1, 1, STATUS_FAILED));
    const struct gather_options options = {.all_attempts = true};
    assert_int_equal(gathered(&log, options, log.count), 0);
    assert_string_equal(log.text, "1:failed:a 1:failed: ");
}

static void error_of_the_printer_is_handed_on(void **state)
{
    (void)state;
    struct log log = {.error = -EPIPE};
    add(&log, ok(1, 0, "a"));
    add(&log, ok(2, 0, "b"));
    assert_int_equal(gathered(&log, (struct gather_options){0}, 0), -EPIPE);
    assert_string_equal(log.text, "1:ok:a ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_comes_once_with_its_last_attempts_output),
        cmocka_unit_test(another_attempts_output_is_not_taken),
        cmocka_unit_test(last_round_stands_for_the_task),
        cmocka_unit_test(failed_leaves_out_what_is_good),
        cmocka_unit_test(all_attempts_come_as_they_stand),
        cmocka_unit_test(error_of_the_printer_is_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
