#include "tests/testing.h"

#include "command/failing.h"
#include "command/history.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000000 };

static struct record attempt(uint64_t task, uint8_t exit, const char *err)
{
    return (struct record){.task = task,
                           .status = STATUS_FAILED,
                           .class = CLASS_EXIT,
                           .exit = exit,
                           .host = SPAN_OF("node"),
                           .start_us = (int64_t)task * SECOND,
                           .wall_us = 2 * SECOND,
                           .attempt = 1,
                           .err = span_of_text(err)};
}

static struct record ended(uint64_t task, enum status status)
{
    return (struct record){
        .task = task, .final = true, .status = status, .number = 1};
}

static struct record ok(uint64_t task, const char *host, uint64_t wall_us)
{
    return (struct record){.task = task,
                           .final = true,
                           .status = STATUS_OK,
                           .host = span_of_text(host),
                           .start_us = (int64_t)task * SECOND,
                           .wall_us = wall_us,
                           .attempt = 1};
}

static struct record event(uint64_t task, enum event event, enum status status)
{
    return (struct record){.event = event, .task = task, .status = status};
}

// "FAILED/HELD/AGAIN exit=E g=N LINE; ..." of all groups.
static const char *groups_of(struct failing *failing)
{
    static char text[1000];
    const struct failing_group *groups[FAILING_GROUPS];
    const size_t count = failing_groups(failing, groups);
    text[0] = '\0';
    for (size_t i = 0; i < count && i < 10; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%d/%d/%d exit=%u g=%u %s; ",
                 (int)groups[i]->failed, (int)groups[i]->held,
                 (int)groups[i]->again, groups[i]->exit, groups[i]->number,
                 groups[i]->line);
    }
    return text;
}

static void take(struct failing *failing, struct record record)
{
    assert_int_equal(failing_take(failing, &record), 0);
}

static void task_is_where_its_last_failure_is(void **state)
{
    struct failing *failing = failing_create();
    (void)state;
    assert_string_equal(groups_of(failing), "");
    take(failing, attempt(1, 1, "bad -7\n"));
    take(failing, attempt(2, 1, "first\nbad -8\n"));
    take(failing, attempt(3, 2, ""));
    assert_string_equal(groups_of(failing),
                        "0/0/2 exit=1 g=0 bad -#; 0/0/1 exit=2 g=0 ; ");
    take(failing, ended(1, STATUS_FAILED));
    take(failing, attempt(2, 2, ""));
    assert_string_equal(groups_of(failing),
                        "0/0/2 exit=2 g=0 ; 1/0/0 exit=1 g=0 bad -#; ");
    take(failing, ok(2, "node", 1));
    take(failing, ended(3, STATUS_IGNORED));
    assert_string_equal(groups_of(failing), "1/0/0 exit=1 g=0 bad -#; ");
    take(failing, event(1, EVENT_REOPENED, STATUS_REOPENED));
    assert_string_equal(groups_of(failing), "");
    failing_destroy(&failing);
    failing_destroy(&failing);
}

static void held_groups_are_numbered_as_they_are_held(void **state)
{
    struct failing *failing = failing_create();
    (void)state;
    take(failing, attempt(1, 1, "one"));
    take(failing, attempt(2, 2, "two"));
    take(failing, event(2, EVENT_DECISION, STATUS_HELD));
    take(failing, event(1, EVENT_DECISION, STATUS_HELD));
    take(failing, attempt(3, 2, "two"));
    assert_string_equal(groups_of(failing),
                        "0/1/1 exit=2 g=1 two; 0/1/0 exit=1 g=2 one; ");
    take(failing, event(2, EVENT_DECISION, STATUS_REOPENED));
    take(failing, ended(1, STATUS_DROPPED));
    assert_string_equal(groups_of(failing), "0/0/1 exit=2 g=1 two; ");
    failing_destroy(&failing);
}

static void copies_and_losses_are_no_failures(void **state)
{
    struct failing *failing = failing_create();
    struct record copy = attempt(1, 1, "copy"), lost = attempt(2, 0, "");
    (void)state;
    copy.copy = true;
    lost.status = STATUS_LOST;
    take(failing, copy);
    take(failing, lost);
    assert_string_equal(groups_of(failing), "");
    take(failing, ended(2, STATUS_QUARANTINED));
    assert_string_equal(groups_of(failing), "1/0/0 exit=0 g=0 ; ");
    failing_destroy(&failing);
}

static void group_keeps_the_end_of_what_its_first_has_said(void **state)
{
    const struct failing_group *groups[FAILING_GROUPS];
    struct failing *failing = failing_create();
    char said[FAILING_SAID + 100];
    (void)state;
    memset(said, 'a', sizeof said);
    memcpy(said + sizeof said - 5, "\nend", 5);
    take(failing, attempt(4, 1, said));
    take(failing, attempt(5, 1, "another\nend"));
    assert_int_equal(failing_groups(failing, groups), 1);
    assert_int_equal(groups[0]->example, 4);
    assert_int_equal(strlen(groups[0]->said), FAILING_SAID);
    assert_string_equal(groups[0]->said + FAILING_SAID - 4, "\nend");
    assert_string_equal(groups[0]->host, "node");
    failing_destroy(&failing);
}

static void more_kinds_than_have_room_are_one(void **state)
{
    enum { KINDS = FAILING_GROUPS + 50 };
    const struct failing_group *groups[FAILING_GROUPS];
    struct failing *failing = failing_create();
    (void)state;
    for (uint64_t task = 1; task <= KINDS; task++) {
        // Numbers are folded: the kinds differ in letters.
        const char line[] = {(char)('a' + task % 26), ' ',
                             (char)('a' + task / 26), '\0'};
        take(failing, attempt(task, 1, line));
    }
    assert_int_equal(failing_groups(failing, groups), FAILING_GROUPS);
    assert_int_equal(groups[0]->again, KINDS - FAILING_GROUPS + 1);
    assert_string_equal(groups[0]->line, "(in other ways)");
    failing_destroy(&failing);
}

static void history_is_what_the_log_says(void **state)
{
    static struct top top;
    struct history *history = history_create();
    const struct record log[] = {
        ok(1, "a", 3 * SECOND),
        ok(2, "b", 1 * SECOND),
        attempt(3, 1, "no"),
        ended(3, STATUS_FAILED),
        attempt(4, 1, "no"),
        event(4, EVENT_DECISION, STATUS_HELD),
        attempt(5, 1, "no"),
        ended(5, STATUS_FAILED),
        event(5, EVENT_REOPENED, STATUS_REOPENED),
        ok(5, "b", 9 * SECOND),
        {.event = EVENT_COMPLETE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof log / sizeof log[0]; i++)
        assert_int_equal(history_take(history, &log[i]), 0);
    top_begin(&top, "run", 0);
    history_tell(history, &top);
    assert_string_equal(top.status.state, "complete");
    assert_int_equal(top.status.ok, 3);
    assert_int_equal(top.status.failed, 1);
    assert_int_equal(top.status.held, 1);
    assert_int_equal(top.status.done, 4);
    assert_int_equal(top.status.read, 5);
    assert_true(top.status.elapsed_s > 12.99 && top.status.elapsed_s < 13.01);
    assert_int_equal(top.host_count, 3);
    assert_string_equal(top.hosts[1].name, "b");
    assert_int_equal(top.hosts[1].passed, 2);
    assert_int_equal(top.hosts[2].failed, 3);
    assert_int_equal(top.task_count, 6);
    assert_int_equal(top.tasks[0].task, 5);
    assert_int_equal(top.tasks[1].task, 1);
    assert_string_equal(groups_of(top.failing), "1/1/0 exit=1 g=1 no; ");
    history_destroy(&history);
    history_destroy(&history);
}

static void resumed_history_is_not_complete(void **state)
{
    static struct top top;
    struct history *history = history_create();
    (void)state;
    const struct record log[] = {
        {.event = EVENT_COMPLETE}, {.event = EVENT_RESUMED}, ok(1, "a", 5)};
    for (size_t i = 0; i < sizeof log / sizeof log[0]; i++)
        assert_int_equal(history_take(history, &log[i]), 0);
    top_begin(&top, "run", 0);
    history_tell(history, &top);
    assert_string_equal(top.status.state, "stopped");
    history_destroy(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task_is_where_its_last_failure_is),
        cmocka_unit_test(held_groups_are_numbered_as_they_are_held),
        cmocka_unit_test(copies_and_losses_are_no_failures),
        cmocka_unit_test(group_keeps_the_end_of_what_its_first_has_said),
        cmocka_unit_test(more_kinds_than_have_room_are_one),
        cmocka_unit_test(history_is_what_the_log_says),
        cmocka_unit_test(resumed_history_is_not_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
