#include "tests/testing.h"

#include "common/wire/wire.h"
#include "worker/talk_frame.h"
#include "worker/talk_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct span span(const char *text)
{
    return span_of_text(text);
}

/* -- JSON -- */

static bool is_json(const char *text)
{
    struct talk_json json = {(const uint8_t *)text,
                             (const uint8_t *)text + strlen(text)};
    struct span value;
    return talk_json_value(&json, &value) && talk_json_ended(&json);
}

static void json_is_told_from_what_is_none(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"0",
                                       "-1.5e+7",
                                       "12",
                                       "true",
                                       "null",
                                       " \"a\\u00e9\\n\" ",
                                       "[]",
                                       "{}",
                                       "[1,[2,{\"a\":[]}]]",
                                       "{\"a\":1,\"b\":{\"c\":[true,false]}}",
                                       "1e400",
                                       "123456789012345678901234567890"};
    static const char *const BAD[] = {
        "",         " ",       "01",          "+1",       "1.",
        ".5",       "1e",      "tru",         "nul",      "NaN",
        "\"a",      "\"\\x\"", "\"\\u12g4\"", "\"\n\"",   "[",
        "[1",       "[1,]",    "[1 2]",       "]",        "{\"a\"}",
        "{\"a\":}", "{a:1}",   "{\"a\":1,}",  "{\"a\":1", "1 2",
        "[}",       "{]",      "{\"a\":1]"};
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++)
        if (!is_json(GOOD[i]))
            fail_msg("%s is JSON", GOOD[i]);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (is_json(BAD[i]))
            fail_msg("%s is no JSON", BAD[i]);
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    char text[2 * TALK_JSON_DEPTH_MAX + 3] = "";
    memset(text, '[', TALK_JSON_DEPTH_MAX);
    memset(text + TALK_JSON_DEPTH_MAX, ']', TALK_JSON_DEPTH_MAX);
    assert_true(is_json(text));
    memset(text, '[', TALK_JSON_DEPTH_MAX + 1);
    memset(text + TALK_JSON_DEPTH_MAX + 1, ']', TALK_JSON_DEPTH_MAX + 1);
    assert_false(is_json(text));
}

static void assert_unquoted(const char *value, const char *text)
{
    struct buffer out = {0};
    talk_json_text(&out, span(value));
    assert_int_equal(out.size, strlen(text));
    assert_memory_equal(out.at, text, out.size);
    buffer_free(&out);
}

static void escapes_of_a_string_are_undone(void **state)
{
    (void)state;
    assert_unquoted("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz");
    assert_unquoted("\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac");
    assert_unquoted("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80");
    assert_unquoted("\"\\ud83d\\u0041\\ude00x\"", "\xef\xbf\xbd"
                                                  "A\xef\xbf\xbdx");
}

static void bytes_that_are_no_utf8_become_half_pairs(void **state)
{
    (void)state;
    struct buffer out = {0};
    talk_json_put(&out, (struct span){(const uint8_t *)"a\"\n\xff\xc3\xa9", 6});
    assert_true(span_equal(buffer_span(&out),
                           span("\"a\\u0022\\u000a\\udcff\xc3\xa9\"")));
    buffer_free(&out);
}

/* -- tasks -- */

struct given {
    const char *args[4];
    const char *values[3][2]; // name and value
    const char *input;
    struct wire_slot_mark mark;
};

static struct buffer put(enum framing framing, const struct given *given,
                         int code)
{
    struct buffer payload = {0}, out = {0};
    struct span args[4];
    struct wire_pair values[3];
    size_t count = 0, value_count = 0;
    for (; value_count < 3 && given->values[value_count][0]; value_count++)
        values[value_count] =
            (struct wire_pair){span(given->values[value_count][0]),
                               span(given->values[value_count][1])};
    for (; count < 4 && given->args[count]; count++)
        args[count] = span(given->args[count]);
    const struct wire_command_out command = {
        .flags = given->input ? COMMAND_INPUT : 0,
        .args = args,
        .arg_count = count,
        .marks = &given->mark,
        .mark_count = given->mark.arg > 0,
        .values = {values, value_count},
        .input = span(given->input)};
    wire_put_command(&payload, &command);
    const struct frame_task task = {.task = 17,
                                    .seed = UINT64_MAX,
                                    .attempt = 2,
                                    .slot = 3,
                                    .payload = buffer_span(&payload)};
    put_u8(&out, '!');
    assert_int_equal(frame_put_task(&out, framing, &task), code);
    buffer_free(&payload);
    assert_int_equal(out.at[0], '!');
    buffer_consume(&out, 1);
    return out;
}

static void assert_put(enum framing framing, const struct given *given,
                       const char *text)
{
    struct buffer out = put(framing, given, 0);
    if (!span_equal(buffer_span(&out), span(text)))
        fail_msg("'%.*s' is not '%s'", (int)out.size, (const char *)out.at,
                 text);
    buffer_free(&out);
}

#define HEAD "{\"task\":17,\"attempt\":2,\"seed\":\"18446744073709551615\""

static const struct given PLAIN = {.args = {"cat"},
                                   .values = {{"", "a b"}, {"", "c"}}};
static const struct given NAMED = {.args = {"cat"},
                                   .values = {{"x", "1"}, {"y", "\""}}};
static const struct given WORDS = {
    .args = {"cat", "-n", "xy"}, .values = {{"", "v"}}, .mark = {2, 1}};
static const struct given OBJECT = {
    .args = {"cat"}, .values = {{"x", "1"}}, .input = "{\"x\":\r\n1}"};

static void task_is_a_line_of_json(void **state)
{
    (void)state;
    assert_put(FRAMING_NDJSON, &PLAIN, HEAD ",\"args\":[\"a b\",\"c\"]}\n");
    assert_put(FRAMING_NDJSON, &WORDS, HEAD ",\"args\":[\"-n\",\"x3y\"]}\n");
    assert_put(FRAMING_NDJSON, &NAMED,
               HEAD ",\"args\":[],\"input\":{\"x\":\"1\",\"y\":\"\\\"\"}}\n");
    assert_put(FRAMING_NDJSON, &OBJECT,
               HEAD ",\"args\":[],\"input\":{\"x\":  1}}\n");
}

static void task_is_a_line_as_it_was_read(void **state)
{
    (void)state;
    struct given broken = PLAIN;
    broken.values[0][1] = "a\nb";
    assert_put(FRAMING_LINES, &PLAIN, "a b c\n");
    assert_put(FRAMING_LINES, &WORDS, "-n x3y\n");
    assert_put(FRAMING_LINES, &NAMED, "1 \"\n");
    struct buffer none = put(FRAMING_LINES, &broken, -EILSEQ);
    assert_int_equal(none.size, 0);
    buffer_free(&none);
}

static void task_is_a_head_words_and_an_object(void **state)
{
    (void)state;
    struct buffer out = put(FRAMING_BINARY, &WORDS, 0);
    struct reader reader = reader_over(buffer_span(&out));
    assert_int_equal(read_u32(&reader), out.size - 4);
    assert_int_equal(read_u64(&reader), 17);
    assert_true(read_u64(&reader) == UINT64_MAX);
    assert_int_equal(read_u32(&reader), 2);
    assert_int_equal(read_u32(&reader), 7);
    assert_memory_equal(read_bytes(&reader, 7).at, "-n\0x3y", 7);
    assert_true(reader_done(&reader));
    buffer_free(&out);
    out = put(FRAMING_BINARY, &OBJECT, 0);
    assert_int_equal(load_u32(out.at + 24), 0);
    assert_memory_equal(out.at + 28, "{\"x\":  1}", 9);
    assert_int_equal(out.size, 28 + 9);
    buffer_free(&out);
}

static void malformed_task_is_none(void **state)
{
    (void)state;
    struct buffer out = {0};
    const struct frame_task task = {.payload = SPAN_OF("no command")};
    for (enum framing framing = FRAMING_NDJSON; framing <= FRAMING_LINES;
         framing++)
        assert_int_equal(frame_put_task(&out, framing, &task), -EBADMSG);
    assert_int_equal(out.size, 0);
    buffer_free(&out);
}

/* -- what comes back -- */

static void greeting_names_version_and_framing(void **state)
{
    (void)state;
    struct frame_greeting greeting;
    static const char *const GOOD =
        "{\"framing\": \"ndjson\", \"more\": [1], \"fan\": 1}\nrest";
    assert_int_equal(frame_get_greeting(span(GOOD), &greeting), FRAME_FOUND);
    assert_int_equal(greeting.framing, FRAMING_NDJSON);
    assert_int_equal(greeting.size, strlen(GOOD) - 4);
    assert_int_equal(
        frame_get_greeting(span("{\"fan\":1,\"framing\":\"binary\"}\n"),
                           &greeting),
        FRAME_FOUND);
    assert_int_equal(greeting.framing, FRAMING_BINARY);
    assert_int_equal(frame_get_greeting(span("{\"fan\":1,"), &greeting),
                     FRAME_PART);
    static const char *const BAD[][2] = {
        {"Loading...\n", "is no greeting"},
        {"[1]\n", "is no greeting"},
        {"{\"framing\":\"ndjson\"}\n", "is no greeting"},
        {"{\"fan\":\"1\",\"framing\":\"ndjson\"}\n", "is no greeting"},
        {"{\"fan\":2,\"framing\":\"ndjson\"}\n", "another version"},
        {"{\"fan\":1}\n", "names no framing"},
        {"{\"fan\":1,\"framing\":\"lines\"}\n", "names no framing"}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_int_equal(frame_get_greeting(span(BAD[i][0]), &greeting),
                         FRAME_WRONG);
        assert_non_null(strstr(greeting.why, BAD[i][1]));
    }
    char endless[FRAME_GREETING_MAX + 1] = "";
    memset(endless, '{', FRAME_GREETING_MAX);
    assert_int_equal(frame_get_greeting(span(endless), &greeting), FRAME_WRONG);
}

static void assert_answer(const char *line, bool failed, const char *value)
{
    struct frame_answer answer;
    assert_int_equal(
        frame_get_answer(FRAMING_NDJSON, span(line), 0, 1000, &answer),
        FRAME_FOUND);
    assert_int_equal(answer.failed, failed);
    assert_true(span_equal(answer.value, span(value)));
    assert_int_equal(answer.size, strlen(line));
}

static void answer_is_a_result_or_an_error(void **state)
{
    (void)state;
    struct frame_answer answer;
    assert_answer("{\"result\": {\"error\": 1}}\n", false, "{\"error\": 1}");
    assert_answer("{\"task\":5,\"result\":null}\n", false, "null");
    assert_answer("{\"error\":\"no \\u00e9\"}\n", true, "\"no \\u00e9\"");
    assert_answer("{\"took_s\":1.5,\"result\":[1, 2]}\n", false, "[1, 2]");
    assert_int_equal(frame_get_answer(FRAMING_NDJSON,
                                      span("{\"task\":5,\"result\":1}\n"), 0,
                                      1000, &answer),
                     FRAME_FOUND);
    assert_true(answer.named && answer.task == 5);
    static const char *const BAD[] = {"\n",
                                      "1\n",
                                      "hello\n",
                                      "{}\n",
                                      "{\"result\":1,\"error\":\"x\"}\n",
                                      "{\"error\":1}\n",
                                      "{\"result\":1}x\n",
                                      "{\"result\":1,\"result\":2}\n",
                                      "{\"result\":\"\xff\"}\n",
                                      "{\"task\":\"5\",\"result\":1}\n"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (frame_get_answer(FRAMING_NDJSON, span(BAD[i]), 0, 1000, &answer) !=
            FRAME_WRONG)
            fail_msg("%s is no answer", BAD[i]);
}

static void answer_is_found_where_it_ends(void **state)
{
    (void)state;
    struct frame_answer answer;
    assert_int_equal(frame_get_answer(FRAMING_LINES, span("ab"), 0, 9, &answer),
                     FRAME_PART);
    assert_int_equal(
        frame_get_answer(FRAMING_LINES, span("ab\ncd\n"), 2, 9, &answer),
        FRAME_FOUND);
    assert_int_equal(answer.size, 3);
    assert_true(span_equal(answer.value, span("ab")));
    assert_int_equal(
        frame_get_answer(FRAMING_LINES, span("abc"), 0, 2, &answer),
        FRAME_LONG);
    assert_int_equal(frame_get_answer(FRAMING_NDJSON,
                                      span("{\"result\":\"abc\"}\n"), 0, 4,
                                      &answer),
                     FRAME_LONG);
}

static void binary_answer_has_a_size_a_task_and_a_status(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct frame_answer answer;
    put_u32(&out, 9 + 3);
    put_u64(&out, 17);
    put_u8(&out, 1);
    buffer_append_text(&out, "bad");
    for (size_t size = 0; size < out.size; size++)
        assert_int_equal(frame_get_answer(FRAMING_BINARY,
                                          (struct span){out.at, size}, 0, 3,
                                          &answer),
                         FRAME_PART);
    assert_int_equal(
        frame_get_answer(FRAMING_BINARY, buffer_span(&out), 0, 3, &answer),
        FRAME_FOUND);
    assert_true(answer.failed && answer.named && answer.task == 17);
    assert_true(span_equal(answer.value, span("bad")));
    assert_int_equal(answer.size, out.size);
    assert_int_equal(
        frame_get_answer(FRAMING_BINARY, buffer_span(&out), 0, 2, &answer),
        FRAME_LONG);
    out.at[12] = 2;
    assert_int_equal(
        frame_get_answer(FRAMING_BINARY, buffer_span(&out), 0, 3, &answer),
        FRAME_WRONG);
    store_u32(out.at, 8);
    assert_int_equal(
        frame_get_answer(FRAMING_BINARY, buffer_span(&out), 0, 3, &answer),
        FRAME_WRONG);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_told_from_what_is_none),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(escapes_of_a_string_are_undone),
        cmocka_unit_test(bytes_that_are_no_utf8_become_half_pairs),
        cmocka_unit_test(task_is_a_line_of_json),
        cmocka_unit_test(task_is_a_line_as_it_was_read),
        cmocka_unit_test(task_is_a_head_words_and_an_object),
        cmocka_unit_test(malformed_task_is_none),
        cmocka_unit_test(greeting_names_version_and_framing),
        cmocka_unit_test(answer_is_a_result_or_an_error),
        cmocka_unit_test(answer_is_found_where_it_ends),
        cmocka_unit_test(binary_answer_has_a_size_a_task_and_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
