#include "tests/testing.h"

#include "common/store/record.h"
#include "common/store/text.h"
#include "common/store/values.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static struct id128 id_of(uint8_t byte)
{
    struct id128 id;
    memset(id.byte, byte, sizeof id.byte);
    return id;
}

static struct record full(void)
{
    return (struct record){
        .task = 17,
        .key = id_of(0xab),
        .final = true,
        .status = STATUS_FAILED,
        .round = 2,
        .class = CLASS_SIGNAL,
        .exit = 255,
        .signal = 9,
        .attempt = 3,
        .generation = 4,
        .number = 5,
        .worker = id_of(0xcd),
        .host = SPAN_OF("node-1"),
        .slot = 6,
        .start_us = INT64_C(1795424400123456),
        .wall_us = 1234567,
        .user_us = 1,
        .sys_us = 500000,
        .maxrss_bytes = INT64_MAX,
        .ran = true,
        .crash = true,
        .alone = true,
        .copy = true,
        .edited = true,
        .mem_max = 7,
        .edit = SPAN_OF("x=\"1\""),
        .barred_us = 300000000,
        .out =
            SPAN_OF("a \"b\" \\ \n\t\r\x01\x1f\x7f \xc3\xa4 \xf0\x9f\x98\x80"),
        .err = SPAN_OF("\xff\xfe bad"),
        .out_cut = true,
        .err_cut = true,
        .note = SPAN_OF("because"),
        .a = 1,
        .b = 2,
        .c = 3,
        .pid = UINT32_MAX,
        .pid_start = 8,
        .boot = id_of(1),
        .run = id_of(2),
        .version = SPAN_OF("0.1.0"),
    };
}

static void assert_same(const struct record *left, const struct record *right)
{
    assert_int_equal(left->event, right->event);
    assert_int_equal(left->task, right->task);
    assert_true(id128_equal(&left->key, &right->key));
    assert_int_equal(left->final, right->final);
    assert_int_equal(left->status, right->status);
    assert_int_equal(left->round, right->round);
    assert_int_equal(left->class, right->class);
    assert_int_equal(left->exit, right->exit);
    assert_int_equal(left->signal, right->signal);
    assert_int_equal(left->attempt, right->attempt);
    assert_int_equal(left->generation, right->generation);
    assert_int_equal(left->number, right->number);
    assert_true(id128_equal(&left->worker, &right->worker));
    assert_true(span_equal(left->host, right->host));
    assert_int_equal(left->slot, right->slot);
    assert_int_equal(left->start_us, right->start_us);
    assert_int_equal(left->wall_us, right->wall_us);
    assert_int_equal(left->user_us, right->user_us);
    assert_int_equal(left->sys_us, right->sys_us);
    assert_int_equal(left->maxrss_bytes, right->maxrss_bytes);
    assert_int_equal(left->ran, right->ran);
    assert_int_equal(left->crash, right->crash);
    assert_int_equal(left->alone, right->alone);
    assert_int_equal(left->copy, right->copy);
    assert_int_equal(left->edited, right->edited);
    assert_int_equal(left->mem_max, right->mem_max);
    assert_true(span_equal(left->edit, right->edit));
    assert_int_equal(left->barred_us, right->barred_us);
    assert_int_equal(left->has_args, right->has_args);
    assert_true(span_equal(left->values, right->values));
    assert_true(span_equal(left->out, right->out));
    assert_true(span_equal(left->err, right->err));
    assert_int_equal(left->out_cut, right->out_cut);
    assert_int_equal(left->err_cut, right->err_cut);
    assert_true(span_equal(left->note, right->note));
    assert_int_equal(left->a, right->a);
    assert_int_equal(left->b, right->b);
    assert_int_equal(left->c, right->c);
    assert_int_equal(left->pid, right->pid);
    assert_int_equal(left->pid_start, right->pid_start);
    assert_true(id128_equal(&left->boot, &right->boot));
    assert_true(id128_equal(&left->run, &right->run));
    assert_true(span_equal(left->version, right->version));
}

static struct span line_of(const struct buffer *out)
{
    assert_true(out->size > 1 && out->at[out->size - 1] == '\n');
    return (struct span){out->at, out->size - 1};
}

// Through the scanner, then reordered by jansson and through that.
static void assert_round_trip(const struct record *record)
{
    struct buffer out = {0}, scratch = {0}, other = {0};
    struct record back;
    record_write(&out, record);
    const struct span line = line_of(&out);
    assert_int_equal(record_read(line, &scratch, &back), 0);
    assert_same(record, &back);

    json_error_t error;
    json_t *json = json_loadb((const char *)line.at, line.size,
                              JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    assert_non_null(json);
    json_t *reversed = json_object();
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value) json_object_set(reversed, key, value);
    json_object_set_new(reversed, "later_version", json_true());
    char *text = json_dumps(reversed, JSON_INDENT(1) | JSON_SORT_KEYS);
    assert_int_equal(record_read(span_of_text(text), &other, &back), 0);
    const bool many = record->has_args && record->values.size > 0;
    if (!many || !strstr(text, "\"args\": {"))
        assert_same(record, &back);
    free(text);
    json_decref(reversed);
    json_decref(json);
    buffer_free(&out);
    buffer_free(&scratch);
    buffer_free(&other);
}

static void every_field_comes_back(void **state)
{
    (void)state;
    struct record record = full();
    assert_round_trip(&record);
    for (unsigned event = EVENT_RUN; event < EVENTS; event++) {
        record.event = (enum event)event;
        assert_round_trip(&record);
        assert_round_trip(&(struct record){.event = (enum event)event});
    }
}

static void each_status_and_class_comes_back(void **state)
{
    (void)state;
    struct record record = full();
    for (unsigned i = STATUS_OK; i < STATUSES; i++) {
        record.status = (enum status)i;
        record.class = (enum fail_class)(i % CLASSES);
        assert_round_trip(&record);
    }
}

static bool is_glanced(const struct record *record)
{
    struct buffer out = {0};
    struct record seen;
    record_write(&out, record);
    const bool glanced = record_glance(line_of(&out), &seen);
    if (glanced) {
        assert_int_equal(seen.task, record->task);
        assert_true(seen.final && seen.status == STATUS_OK);
    }
    buffer_free(&out);
    return glanced;
}

static void a_glance_is_enough_where_nothing_was_left(void **state)
{
    (void)state;
    const struct wire_pair pair = {.value = SPAN_OF("a \"b\"")};
    struct buffer values = {0};
    wire_put_values(&values, (struct wire_pairs_out){&pair, 1});
    const struct record quiet = {.task = INT64_C(999999999999999999),
                                 .key = id_of(1),
                                 .final = true,
                                 .status = STATUS_OK,
                                 .attempt = 1,
                                 .generation = 1,
                                 .worker = id_of(2),
                                 .host = SPAN_OF("node-1"),
                                 .slot = 1,
                                 .start_us = 1,
                                 .wall_us = 1,
                                 .has_args = true,
                                 .values = buffer_span(&values)};
    assert_true(is_glanced(&quiet));
    struct record other[11];
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        other[i] = quiet;
    other[0].out = SPAN_OF("]}");
    other[1].err = SPAN_OF("x\"]");
    other[2].out_cut = true;
    other[3].err_cut = true;
    other[4].note = SPAN_OF("[]");
    other[5].status = STATUS_IGNORED;
    other[6].final = false;
    other[7].number = 1;
    other[8].attempt = 2;
    other[9].event = EVENT_DECISION;
    other[10].task++;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_false(is_glanced(&other[i]));
    buffer_free(&values);
}

static void plain_success_is_lean(void **state)
{
    (void)state;
    const struct record record = {.task = 1,
                                  .final = true,
                                  .status = STATUS_OK,
                                  .attempt = 1,
                                  .generation = 1};
    struct buffer out = {0};
    record_write(&out, &record);
    assert_true(span_equal(
        buffer_span(&out),
        SPAN_OF("{\"task\":1,\"key\":\"00000000000000000000000000000000\","
                "\"final\":true,\"status\":\"ok\"}\n")));
    assert_round_trip(&record);
    buffer_free(&out);
}

static void every_byte_comes_back_as_output(void **state)
{
    (void)state;
    struct record record = full();
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t text[] = {'x', (uint8_t)byte, 'y'};
        record.out = (struct span){text, sizeof text};
        record.err = (struct span){text + 1, 1};
        record.host = (struct span){text, 2};
        record.note = (struct span){text + 1, 2};
        assert_round_trip(&record);
    }
}

static void bad_utf8_is_told_from_good(void **state)
{
    (void)state;
    static const char *const BAD[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\x80",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xf0\x9f\x98",
                                      "12345678\xff"};
    static const char *const GOOD[] = {"",
                                       "plain ascii text",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    size_t extra;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(text_is_utf8(span_of_text(BAD[i]), &extra));
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
        assert_true(text_is_utf8(span_of_text(GOOD[i]), &extra));
}

static void assert_args(const struct wire_pair *pairs, size_t count,
                        const char *json)
{
    struct buffer values = {0}, out = {0};
    wire_put_values(&values, (struct wire_pairs_out){pairs, count});
    struct record record = full();
    record.has_args = true;
    record.values = buffer_span(&values);
    assert_round_trip(&record);
    record_write(&out, &record);
    buffer_append(&out, "", 1);
    assert_non_null(strstr((const char *)out.at, json));
    buffer_free(&values);
    buffer_free(&out);
}

// What is looked at many bytes at a time is looked at whole.
static void one_odd_byte_is_found_at_every_place(void **state)
{
    (void)state;
    static const char ODD[] = {'"', '\\', '\n', '\x1f', '\x7f', '\xff'};
    for (size_t size = 1; size <= 50; size++)
        for (size_t place = 0; place < size; place++)
            for (size_t i = 0; i < sizeof ODD; i++) {
                uint8_t bytes[50];
                memset(bytes, 'x', size);
                bytes[place] = (uint8_t)ODD[i];
                struct record record = full();
                record.out = (struct span){bytes, size};
                assert_round_trip(&record);
            }
}

static void numbers_of_every_length_come_back(void **state)
{
    (void)state;
    for (uint64_t number = 1; number < INT64_MAX / 10; number *= 10)
        for (uint64_t i = 0; i < 3; i++) {
            struct record record = full();
            record.task = number + i;
            record.maxrss_bytes = 2 * number - i;
            record.wall_us = (number + i) % 2000000;
            record.sys_us = number * 7 % 1000000;
            assert_round_trip(&record);
        }
}

static void args_take_the_form_that_fits(void **state)
{
    (void)state;
    const struct wire_pair list[] = {{{0}, SPAN_OF("a\nb")}, {{0}, {0}}};
    assert_args(list, 2, "\"args\":[\"a\\nb\",\"\"],");
    assert_args(NULL, 0, "\"args\":[],");
    const struct wire_pair object[] = {{SPAN_OF("y"), SPAN_OF("1")},
                                       {SPAN_OF("\"x"), SPAN_OF("2")}};
    assert_args(object, 2, "\"args\":{\"y\":\"1\",\"\\\"x\":\"2\"},");
    const struct wire_pair bad[] = {{{0}, SPAN_OF("\xff")},
                                    {{0}, SPAN_OF("ok")}};
    assert_args(bad, 2, "\"args_base64\":[\"/w==\",\"b2s=\"],");
    const struct wire_pair mixed[] = {{{0}, SPAN_OF("a")},
                                      {SPAN_OF("\xff"), SPAN_OF("ok")}};
    assert_args(mixed, 2,
                "\"args_base64\":[[\"\",\"YQ==\"],[\"/w==\",\"b2s=\"]],");
}

static void times_come_back_and_odd_ones_are_left_out(void **state)
{
    (void)state;
    struct record record = full();
    static const int64_t TIMES[] = {1, 951782400000000, 951868799999999,
                                    4107542400000000, TEXT_TIME_MAX_US};
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
        record.start_us = TIMES[i];
        assert_round_trip(&record);
    }
    char text[TEXT_TIME_SIZE];
    text_put_time(text, INT64_C(951825600000001));
    assert_memory_equal(text, "2000-02-29T12:00:00.000001Z", TEXT_TIME_SIZE);
    static const int64_t ODD[] = {INT64_MIN, -1, TEXT_TIME_MAX_US + 1};
    for (size_t i = 0; i < sizeof ODD / sizeof *ODD; i++) {
        struct buffer out = {0}, scratch = {0};
        struct record back;
        record.start_us = ODD[i];
        record_write(&out, &record);
        assert_int_equal(record_read(line_of(&out), &scratch, &back), 0);
        assert_int_equal(back.start_us, 0);
        buffer_free(&out);
        buffer_free(&scratch);
    }
}

static void what_is_no_record_is_refused(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "",
        "{",
        "{}",
        "[]",
        "17",
        "{\"task\":1}",
        "{\"task\":0,\"status\":\"ok\"}",
        "{\"task\":-1,\"status\":\"ok\"}",
        "{\"task\":1,\"status\":\"fine\"}",
        "{\"task\":1,\"status\":\"ok\",\"exit\":256}",
        "{\"task\":1,\"status\":\"ok\",\"key\":\"12\"}",
        "{\"task\":1,\"status\":\"ok\",\"start\":\"yesterday\"}",
        "{\"task\":1,\"status\":\"ok\",\"stdout\":3}",
        "{\"task\":1,\"status\":\"ok\",\"stdout_base64\":\"a\"}",
        "{\"task\":1,\"status\":\"ok\",\"args\":[1]}",
        "{\"event\":\"invented\"}",
        "{\"task\":1,\"status\":\"ok\"} trailing",
    };
    struct buffer scratch = {0};
    struct record record;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++)
        assert_int_equal(record_read(span_of_text(LINES[i]), &scratch, &record),
                         -EBADMSG);
    buffer_free(&scratch);
}

static void foreign_spelling_is_understood(void **state)
{
    (void)state;
    static const char LINE[] =
        " { \"status\" : \"ok\", \"stdout\":\"\\u00e4\\/\\ud83d\\ude00\","
        "\"wall_s\":2, \"user_s\":1.5e-3, \"start\":\"2026-11-23T09:00:00Z\","
        "\"task\":3,\"final\":true, \"note\":null }";
    struct buffer scratch = {0};
    struct record record;
    assert_int_equal(record_read(SPAN_OF(LINE), &scratch, &record), 0);
    assert_true(span_equal(record.out, SPAN_OF("\xc3\xa4/\xf0\x9f\x98\x80")));
    assert_int_equal(record.wall_us, 2000000);
    assert_int_equal(record.user_us, 1500);
    assert_int_equal(record.start_us, INT64_C(1795424400000000));
    assert_int_equal(record.task, 3);
    assert_int_equal(record.attempt, 1);
    buffer_free(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(each_status_and_class_comes_back),
        cmocka_unit_test(a_glance_is_enough_where_nothing_was_left),
        cmocka_unit_test(plain_success_is_lean),
        cmocka_unit_test(every_byte_comes_back_as_output),
        cmocka_unit_test(bad_utf8_is_told_from_good),
        cmocka_unit_test(one_odd_byte_is_found_at_every_place),
        cmocka_unit_test(numbers_of_every_length_come_back),
        cmocka_unit_test(args_take_the_form_that_fits),
        cmocka_unit_test(times_come_back_and_odd_ones_are_left_out),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(foreign_spelling_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
