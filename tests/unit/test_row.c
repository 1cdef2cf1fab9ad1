#include "tests/testing.h"

#include "command/row.h"
#include "common/store/values.h"

#include <stdio.h>
#include <string.h>

static void assert_row(struct record record, const char *value,
                       const char *expected)
{
    struct buffer values = {0}, out = {0};
    const size_t begun = values_begin(&values);
    values_add(&values, SPAN_OF("x"), span_of_text(value));
    values_end(&values, begun, 1);
    record.task = 7;
    record.attempt = 2;
    record.host = SPAN_OF("node1");
    record.start_us = 1;
    record.wall_us = 1234567;
    record.has_args = true;
    record.values = buffer_span(&values);
    row_put(&record, &out);
    put_u8(&out, 0);
    assert_false(out.failed);
    assert_string_equal((const char *)out.at, expected);
    buffer_free(&values);
    buffer_free(&out);
}

static void row_tells_why_it_failed(void **state)
{
    (void)state;
    assert_row(
        (struct record){.status = STATUS_FAILED,
                        .class = CLASS_EXIT,
                        .exit = 3,
                        .err = SPAN_OF("first\nno such file\r\n\n")},
        "a b",
        "       7  failed      exit 3        2 node1              1.235  "
        "x=a b  | no such file\n");
    assert_row(
        (struct record){.status = STATUS_FAILED,
                        .class = CLASS_SIGNAL,
                        .signal = 11,
                        .note = SPAN_OF("core dumped")},
        "",
        "       7  failed      signal 11     2 node1              1.235  "
        "x=  | core dumped\n");
    assert_row(
        (struct record){.status = STATUS_OK, .err = SPAN_OF("chat\n")}, "1",
        "       7  ok                        2 node1              1.235  "
        "x=1\n");
}

static void row_shows_nothing_that_a_terminal_obeys(void **state)
{
    (void)state;
    assert_row(
        (struct record){.status = STATUS_FAILED,
                        .err = SPAN_OF("\x1b[2J\xc2\x9b"
                                       "31m\x7f")},
        "gr\xc3\xbc\xc3\x9f\n",
        "       7  failed                    2 node1              1.235  "
        "x=gr\xc3\xbc\xc3\x9f?  | ?[2J?31m?\n");
    assert_row(
        (struct record){.status = STATUS_OK}, "\xff\xfe",
        "       7  ok                        2 node1              1.235  "
        "x=??\n");
}

static void what_followed_from_a_failure_does_not_say_why_again(void **state)
{
    struct buffer out = {0};
    (void)state;
    row_put(&(struct record){.task = 7,
                             .status = STATUS_HELD,
                             .class = CLASS_EXIT,
                             .number = 3,
                             .attempt = 1},
            &out);
    assert_false(out.failed);
    assert_null(memmem(out.at, out.size, "exit", 4));
    buffer_free(&out);
}

static void long_values_are_cut_between_characters(void **state)
{
    (void)state;
    char start[58] = {0}, value[80], expected[200];
    memset(start, 'a', 57); // the next character is bytes 59 and 60 of "x=..."
    snprintf(value, sizeof value, "%s\xc3\xbcmore", start);
    snprintf(expected, sizeof expected,
             "       7  ok                        2 node1              1.235  "
             "x=%s...\n",
             start);
    assert_row((struct record){.status = STATUS_OK}, value, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_tells_why_it_failed),
        cmocka_unit_test(row_shows_nothing_that_a_terminal_obeys),
        cmocka_unit_test(what_followed_from_a_failure_does_not_say_why_again),
        cmocka_unit_test(long_values_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
