#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/problem.h"

#include <errno.h>
#include <string.h>

#include "tests/testing.h"

static void integers_are_little_endian_and_come_back(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    put_u8(&buffer, 1);
    put_u16(&buffer, 0x0302);
    put_u32(&buffer, 0x07060504);
    put_u64(&buffer, UINT64_C(0x0f0e0d0c0b0a0908));
    assert_int_equal(buffer.size, 15);
    for (size_t i = 0; i < buffer.size; i++)
        assert_int_equal(buffer.at[i], i + 1);
    struct reader reader = reader_over(buffer_span(&buffer));
    assert_int_equal(read_u8(&reader), 1);
    assert_int_equal(read_u16(&reader), 0x0302);
    assert_int_equal(read_u32(&reader), 0x07060504);
    assert_false(reader_done(&reader));
    assert_true(read_u64(&reader) == UINT64_C(0x0f0e0d0c0b0a0908));
    assert_true(reader_done(&reader));
    buffer_free(&buffer);
}

static void a_reader_that_failed_stays_failed(void **state)
{
    (void)state;
    struct reader reader = reader_over(SPAN_OF("\x05\x00"
                                               "abc"));
    assert_int_equal(read_span16(&reader).size, 0);
    assert_true(reader.failed);
    assert_int_equal(read_u8(&reader), 0);
    assert_int_equal(reader_left(&reader), 0);
    assert_false(reader_done(&reader));
}

static void an_empty_span_reads_as_nothing(void **state)
{
    (void)state;
    struct reader reader = reader_over((struct span){0});
    assert_true(reader_done(&reader));
    assert_int_equal(read_bytes(&reader, 0).size, 0);
    assert_true(reader_done(&reader));
    assert_int_equal(read_u32(&reader), 0);
    assert_true(reader.failed);
}

static void spans_carry_their_length(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    put_span16(&buffer, SPAN_OF("host"));
    put_span32(&buffer, SPAN_OF(""));
    put_span32(&buffer, SPAN_OF("a\0b"));
    struct reader reader = reader_over(buffer_span(&buffer));
    assert_true(span_equal(read_span16(&reader), SPAN_OF("host")));
    assert_true(span_equal(read_span32(&reader), span_of_text(NULL)));
    assert_true(span_equal(read_span32(&reader), SPAN_OF("a\0b")));
    assert_true(reader_done(&reader));
    buffer_free(&buffer);
}

static void a_span_too_long_for_its_length_fails_the_buffer(void **state)
{
    (void)state;
    static const uint8_t ZEROS[65536];
    struct buffer buffer = {0};
    put_span16(&buffer, (struct span){ZEROS, sizeof ZEROS});
    assert_true(buffer.failed);
    put_u8(&buffer, 1);
    assert_int_equal(buffer.size, 0);
    buffer_clear(&buffer);
    put_u8(&buffer, 1);
    assert_int_equal(buffer.size, 1);
    buffer_free(&buffer);
}

static void an_impossible_size_fails_and_keeps_the_contents(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_append_text(&buffer, "here");
    assert_null(buffer_extend(&buffer, SIZE_MAX - 2));
    assert_true(buffer.failed);
    assert_true(span_equal(buffer_span(&buffer), SPAN_OF("here")));
    buffer_free(&buffer);
    buffer_free(&buffer);
}

static void printing_and_consuming_work_at_the_edges(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_printf(&buffer, "%s", "");
    assert_int_equal(buffer.size, 0);
    for (int i = 0; i < 100; i++)
        buffer_printf(&buffer, "%d,", i);
    assert_int_equal(buffer.size, 290);
    buffer_consume(&buffer, 286);
    assert_true(span_equal(buffer_span(&buffer), SPAN_OF(",99,")));
    buffer_consume(&buffer, 99);
    assert_int_equal(buffer.size, 0);
    buffer_free(&buffer);
}

static void setting_a_number_outside_does_nothing(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    set_u32(&buffer, 0, 7);
    put_u32(&buffer, 1);
    set_u32(&buffer, 1, 7);
    set_u32(&buffer, SIZE_MAX, 7);
    struct reader reader = reader_over(buffer_span(&buffer));
    assert_int_equal(read_u32(&reader), 1);
    set_u32(&buffer, 0, 7);
    reader = reader_over(buffer_span(&buffer));
    assert_int_equal(read_u32(&reader), 7);
    buffer_free(&buffer);
}

static void ids_are_random_and_survive_text(void **state)
{
    (void)state;
    struct id128 id, other, again;
    assert_int_equal(id128_random(&id), 0);
    assert_int_equal(id128_random(&other), 0);
    assert_false(id128_equal(&id, &other));
    assert_false(id128_is_zero(&id));
    char text[ID128_TEXT_SIZE];
    id128_text(&id, text);
    assert_int_equal(strlen(text), 32);
    assert_int_equal(id128_parse(text, &again), 0);
    assert_true(id128_equal(&id, &again));
    assert_int_equal(id128_parse("", &again), -EINVAL);
    assert_int_equal(id128_parse(NULL, &again), -EINVAL);
    text[31] = 'g';
    assert_int_equal(id128_parse(text, &again), -EINVAL);
    text[31] = '\0';
    assert_int_equal(id128_parse(text, &again), -EINVAL);
}

static void times_are_written_in_utc(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    clock_text(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
    clock_text(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    clock_text(INT64_C(1795424400123456), text);
    assert_string_equal(text, "2026-11-23T09:00:00.123456Z");
    clock_text(INT64_MAX, text);
    assert_string_equal(text, "0000-00-00T00:00:00.000000Z");
    assert_true(clock_monotonic_us() / 1000 <= clock_monotonic_ms());
}

static void the_first_problem_wins(void **state)
{
    (void)state;
    struct problem problem = {0};
    assert_int_equal(problem_exit(&problem, EXIT_USAGE, -EINVAL, "first %d", 1),
                     -EINVAL);
    assert_int_equal(problem_set(&problem, -EIO, "second"), -EIO);
    assert_int_equal(problem.code, -EINVAL);
    assert_int_equal(problem.exit, EXIT_USAGE);
    assert_string_equal(problem.text, "first 1");
}

static void a_peers_text_cannot_forge_a_log_line(void **state)
{
    (void)state;
    char quoted[LOG_QUOTE_SIZE];
    assert_string_equal(log_quote(SPAN_OF("a\nb\"\\\0\xff\xc3\xa4"), quoted),
                        "\"a\\x0ab\\\"\\\\\\x00\\xff\xc3\xa4\"");
    assert_string_equal(log_quote((struct span){0}, quoted), "\"\"");
    // Overlong, a surrogate, cut short: none is UTF-8. C1 controls are out.
    assert_string_equal(log_quote(SPAN_OF("\xc0\xaf"), quoted),
                        "\"\\xc0\\xaf\"");
    assert_string_equal(log_quote(SPAN_OF("\xed\xa0\x80"), quoted),
                        "\"\\xed\\xa0\\x80\"");
    assert_string_equal(log_quote(SPAN_OF("\xe2\x82"), quoted),
                        "\"\\xe2\\x82\"");
    assert_string_equal(log_quote(SPAN_OF("\xc2\x9b"), quoted),
                        "\"\\xc2\\x9b\"");
    assert_string_equal(
        log_quote(SPAN_OF("\u2028\u202a\u2066\u2030"), quoted),
        "\"\\xe2\\x80\\xa8\\xe2\\x80\\xaa\\xe2\\x81\\xa6\u2030\"");
}

static void long_quoted_text_is_cut(void **state)
{
    (void)state;
    uint8_t text[1000];
    memset(text, '\n', sizeof text);
    char quoted[LOG_QUOTE_SIZE];
    log_quote((struct span){text, sizeof text}, quoted);
    assert_true(strlen(quoted) < LOG_QUOTE_SIZE);
    assert_string_equal(quoted + strlen(quoted) - 4, "\"...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_little_endian_and_come_back),
        cmocka_unit_test(a_reader_that_failed_stays_failed),
        cmocka_unit_test(an_empty_span_reads_as_nothing),
        cmocka_unit_test(spans_carry_their_length),
        cmocka_unit_test(a_span_too_long_for_its_length_fails_the_buffer),
        cmocka_unit_test(an_impossible_size_fails_and_keeps_the_contents),
        cmocka_unit_test(printing_and_consuming_work_at_the_edges),
        cmocka_unit_test(setting_a_number_outside_does_nothing),
        cmocka_unit_test(ids_are_random_and_survive_text),
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(the_first_problem_wins),
        cmocka_unit_test(a_peers_text_cannot_forge_a_log_line),
        cmocka_unit_test(long_quoted_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
