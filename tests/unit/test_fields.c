#include "tests/testing.h"

#include "command/fields.h"
#include "common/store/values.h"

#include <stdio.h>
#include <string.h>

static struct buffer values_of(const char *const pairs[][2], size_t count)
{
    struct buffer values = {0};
    const size_t begun = values_begin(&values);
    for (size_t i = 0; i < count; i++)
        values_add(&values, span_of_text(pairs[i][0]),
                   span_of_text(pairs[i][1]));
    values_end(&values, begun, (uint32_t)count);
    return values;
}

static struct record record_of(const struct buffer *values)
{
    return (struct record){.task = 7,
                           .final = true,
                           .status = STATUS_OK,
                           .attempt = 1,
                           .generation = 1,
                           .start_us = 1,
                           .wall_us = 1500000,
                           .has_args = true,
                           .values = buffer_span(values)};
}

static struct fields *chosen(enum fields_format format, const char *list)
{
    struct problem problem = {0};
    struct fields *fields =
        fields_create(format, list, &(struct texts){0}, &problem);
    if (!fields)
        print_message("%s\n", problem.text);
    assert_non_null(fields);
    return fields;
}

static void assert_row(enum fields_format format, const char *list,
                       const struct record *record, const char *row,
                       uint64_t left_out)
{
    struct buffer out = {0};
    struct fields *fields = chosen(format, list);
    fields_put(fields, record, &out);
    put_u8(&out, '\0');
    assert_string_equal((const char *)out.at, row);
    assert_int_equal(fields_left_out(fields), left_out);
    fields_destroy(&fields);
    buffer_free(&out);
}

static void csv_quotes_what_must_be_quoted(void **state)
{
    (void)state;
    const char *const pairs[][2] = {
        {"", "a,b"}, {"named", "n"}, {"", "say \"x\""}, {"", "p"}};
    struct buffer values = values_of(pairs, 4);
    struct record record = record_of(&values);
    record.out = SPAN_OF("two\nlines\n");
    record.err = SPAN_OF("\r");
    assert_row(FIELDS_CSV, "task,args.1,args.2,args.3,args.4,stdout,stderr",
               &record,
               "7,\"a,b\",\"say \"\"x\"\"\",p,,\"two\nlines\n\",\"\r\"\n", 0);
    buffer_free(&values);
}

static void tsv_escapes_what_would_break_a_line(void **state)
{
    (void)state;
    const char *const pairs[][2] = {{"x", "a\tb"}, {"y", "\"q\", \\"}};
    struct buffer values = values_of(pairs, 2);
    struct record record = record_of(&values);
    record.out = SPAN_OF("l\r\n");
    assert_row(FIELDS_TSV, "args.y,args.x,stdout,wall_s", &record,
               "\"q\", \\\\\ta\\tb\tl\\r\\n\t1.500000\n", 0);
    buffer_free(&values);
}

static void ndjson_keeps_types_and_says_null(void **state)
{
    (void)state;
    const char *const pairs[][2] = {{"x", "1"}, {"y.z", "\xc3\xa4\n"}};
    struct buffer values = values_of(pairs, 2);
    const struct record record = record_of(&values);
    assert_row(FIELDS_NDJSON,
               "task,final,exit,signal,args.y.z,args,args.none,stdout", &record,
               "{\"task\":7,\"final\":true,\"exit\":0,\"signal\":null,"
               "\"args.y.z\":\"\xc3\xa4\\n\","
               "\"args\":{\"x\":\"1\",\"y.z\":\"\xc3\xa4\\n\"},"
               "\"args.none\":null,\"stdout\":null}\n",
               0);
    buffer_free(&values);
}

static void what_is_not_utf8_is_base64_or_counted_as_left_out(void **state)
{
    (void)state;
    const char *const pairs[][2] = {{"", "\xff"}};
    struct buffer values = values_of(pairs, 1);
    struct record record = record_of(&values);
    record.out = SPAN_OF("\xff\xfe");
    assert_row(FIELDS_NDJSON, "stdout,args,args.1", &record,
               "{\"stdout_base64\":\"//4=\",\"args_base64\":[\"/w==\"],"
               "\"args.1_base64\":\"/w==\"}\n",
               0);
    assert_row(FIELDS_CSV, "task,stdout,args.1", &record, "7,,\n", 2);
    assert_row(FIELDS_CSV, "stdout,stdout_base64,args,args_base64", &record,
               ",//4=,,\"[\"\"/w==\"\"]\"\n", 0);
    buffer_free(&values);
}

static void exit_code_is_empty_where_nothing_exited(void **state)
{
    (void)state;
    struct record record = {.task = 1,
                            .status = STATUS_FAILED,
                            .class = CLASS_SIGNAL,
                            .signal = 9,
                            .start_us = 1};
    assert_row(FIELDS_CSV, "exit,signal,class", &record, ",9,signal\n", 0);
    record.signal = 0;
    record.class = CLASS_EXIT;
    record.exit = 3;
    assert_row(FIELDS_CSV, "exit,signal,class", &record, "3,,exit\n", 0);
    record =
        (struct record){.task = 1, .status = STATUS_LOST, .class = CLASS_LOST};
    assert_row(FIELDS_CSV, "exit,wall_s,class,worker,start", &record,
               ",,lost,,\n", 0);
}

static void every_value_seen_gets_a_column(void **state)
{
    (void)state;
    const char *const first[][2] = {{"x", "1"}, {"y", "2"}};
    const char *const second[][2] = {{"y", "3"}, {"z,", "4"}};
    const char *const third[][2] = {{"x", "0"}, {"", "5"}};
    struct buffer one = values_of(first, 2), two = values_of(second, 2);
    struct buffer three = values_of(third, 2), out = {0};
    const struct record a = record_of(&one), b = record_of(&two);
    const struct record stranger = record_of(&three);
    struct fields *fields = chosen(FIELDS_CSV, NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fields_learn(fields, &a), 0);
        assert_int_equal(fields_learn(fields, &b), 0);
    }
    fields_put_names(fields, &out);
    fields_put(fields, &a, &out);
    fields_put(fields, &b, &out);
    assert_int_equal(fields_left_out(fields), 0);
    fields_put(fields, &stranger, &out);
    assert_int_equal(fields_left_out(fields), 1);
    put_u8(&out, '\0');
    const char *const text = (const char *)out.at;
    const char *const names = "task,status,args.x,args.y,\"args.z,\",final,";
    assert_memory_equal(text, names, strlen(names));
    assert_non_null(strstr(text, "\n7,ok,1,2,,true,"));
    assert_non_null(strstr(text, "\n7,ok,,3,4,true,"));
    assert_non_null(strstr(text, "\n7,ok,0,,,true,"));
    fields_destroy(&fields);
    fields_destroy(&fields);
    buffer_free(&one);
    buffer_free(&two);
    buffer_free(&three);
    buffer_free(&out);
}

static void
values_without_names_are_numbered_apart_from_the_others(void **state)
{
    (void)state;
    const char *const pairs[][2] = {{"x", "1"}, {"", "2"}};
    struct buffer values = values_of(pairs, 2), out = {0};
    const struct record record = record_of(&values);
    struct fields *fields = chosen(FIELDS_TSV, NULL);
    assert_int_equal(fields_learn(fields, &record), 0);
    fields_put_names(fields, &out);
    fields_put(fields, &record, &out);
    assert_int_equal(fields_left_out(fields), 0);
    put_u8(&out, '\0');
    const char *const text = (const char *)out.at;
    assert_non_null(strstr(text, "status\targs.x\targs.1\tfinal\t"));
    assert_non_null(strstr(text, "\n7\tok\t1\t2\ttrue\t"));
    fields_destroy(&fields);
    buffer_free(&values);
    buffer_free(&out);
}

static void every_field_of_its_own_name_can_be_chosen(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct fields *all = chosen(FIELDS_CSV, NULL);
    fields_put_names(all, &out);
    out.at[out.size - 1] = '\0';
    struct fields *same = chosen(FIELDS_CSV, (const char *)out.at);
    struct buffer again = {0};
    fields_put_names(same, &again);
    again.at[again.size - 1] = '\0';
    assert_string_equal((const char *)out.at, (const char *)again.at);
    fields_destroy(&all);
    fields_destroy(&same);
    buffer_free(&out);
    buffer_free(&again);
}

static void unknown_field_is_a_usage_problem(void **state)
{
    (void)state;
    static const char *const LISTS[] = {"",      "tasks", "task,",
                                        ",task", "args.", "task, status"};
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
        struct problem problem = {0};
        assert_null(
            fields_create(FIELDS_CSV, LISTS[i], &(struct texts){0}, &problem));
        assert_int_equal(problem.exit, EXIT_USAGE);
        assert_non_null(strstr(problem.text, "args.NAME"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_quotes_what_must_be_quoted),
        cmocka_unit_test(tsv_escapes_what_would_break_a_line),
        cmocka_unit_test(ndjson_keeps_types_and_says_null),
        cmocka_unit_test(what_is_not_utf8_is_base64_or_counted_as_left_out),
        cmocka_unit_test(exit_code_is_empty_where_nothing_exited),
        cmocka_unit_test(every_value_seen_gets_a_column),
        cmocka_unit_test(
            values_without_names_are_numbered_apart_from_the_others),
        cmocka_unit_test(every_field_of_its_own_name_can_be_chosen),
        cmocka_unit_test(unknown_field_is_a_usage_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
