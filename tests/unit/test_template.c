#include "common/template/template.h"

#include "tests/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 16 };

static size_t split(char *text, const char *words[WORDS_MAX])
{
    size_t count = 0;
    for (char *at = text; at; count++) {
        assert_true(count < WORDS_MAX);
        words[count] = at;
        at = strchr(at, '|');
        if (at)
            *at++ = '\0';
    }
    return count;
}

/* `command` has its words separated by |. */
static struct template *make(const char *command,
                             const struct template_options *options,
                             struct problem *problem)
{
    char text[512];
    const char *words[WORDS_MAX];
    assert_true(strlen(command) < sizeof text);
    memcpy(text, command, strlen(command) + 1);
    const size_t count = split(text, words);
    return template_create(words, count, options, problem);
}

static struct wire_pair pair(const char *name, const char *value)
{
    return (struct wire_pair){span_of_text(name), span_of_text(value)};
}

static void render(struct span payload, char *text, size_t size)
{
    struct wire_command command;
    assert_true(wire_get_command(payload, &command));
    struct buffer out = {0};
    struct span arg;
    for (size_t i = 0; wire_next_arg(&command.args, &arg); i++) {
        if (i > 0)
            buffer_append_text(&out, "|");
        if (arg.size > 0)
            buffer_append(&out, arg.at, arg.size);
    }
    put_u8(&out, 0);
    assert_false(out.failed);
    assert_true(out.size <= size);
    memcpy(text, out.at, out.size);
    buffer_free(&out);
}

static void expect_with(const char *command,
                        const struct template_options *options,
                        const struct template_task *task, const char *expected)
{
    struct problem problem = {0};
    struct template *template = make(command, options, &problem);
    assert_non_null(template);
    struct buffer out = {0};
    char text[4096];
    assert_int_equal(template_expand(template, task, &out, &problem), 0);
    render(buffer_span(&out), text, sizeof text);
    assert_string_equal(text, expected);
    buffer_free(&out);
    template_destroy(&template);
    assert_null(template);
}

static const struct template_options APPEND = {.append = true};

static void expect(const char *command, const char *value, const char *expected)
{
    const struct wire_pair values[] = {pair("", value)};
    const struct template_task task = {.task = 7,
                                       .seed = 99,
                                       .values = values,
                                       .value_count = 1,
                                       .whole = span_of_text(value)};
    expect_with(command, &APPEND, &task, expected);
}

static void braces_take_the_line(void **state)
{
    (void)state;
    expect("echo|{}", "a b", "echo|a b");
    expect("echo|<{}|{}>", "x", "echo|<x|x>");
    expect("{}", "x", "x");
}

static void values_are_appended_where_no_placeholder_takes_them(void **state)
{
    (void)state;
    expect("echo", "a b", "echo|a b");
    expect("echo|{#}|{seed}", "v", "echo|7|99|v");
    expect("echo|-n|{1}", "v", "echo|-n|v");
}

static void each_value_stays_one_argument(void **state)
{
    (void)state;
    const char *const nasty[] = {"; rm -rf /", "$(id)", "`id`",       "*",
                                 "-n",         "a\nb",  "{} {1} {#}", "'\""};
    for (size_t i = 0; i < sizeof nasty / sizeof nasty[0]; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "echo|%s", nasty[i]);
        expect("echo|{}", nasty[i], expected);
    }
}

static void forms_follow_gnu_parallel(void **state)
{
    (void)state;
    expect("{}|{.}|{/}|{//}|{/.}", "/d/e/f.tar.gz",
           "/d/e/f.tar.gz|/d/e/f.tar|f.tar.gz|/d/e|f.tar");
    expect("{1.}|{1/}|{1//}|{1/.}", "f.c", "f|f.c|.|f");
    expect("{.}|{//}", "a.b/c", "a.b/c|a.b");
    expect("{//}|{/}", "/x", "/|x");
    expect("{//}|{/}", "a//b", "a|b");
}

static void what_is_no_placeholder_stays(void **state)
{
    (void)state;
    static const char *const NONE[1] = {NULL};
    const struct template_options options = {.append = true, .names = NONE};
    const struct template_task task = {.task = 1, .whole = SPAN_OF("v")};
    expect_with("{{}}", &options, &task, "{v}");
    expect_with("{1..9}|{a,b}|{ print }|}{|{|${HOME}|{-1}|{123456789}",
                &options, &task,
                "{1..9}|{a,b}|{ print }|}{|{|${HOME}|{-1}|{123456789}|v");
}

static void names_take_their_values(void **state)
{
    (void)state;
    const struct wire_pair values[] = {pair("a", "1"), pair("p.t", "2.5"),
                                       pair("my col", "x.y")};
    static const char *const NAMES[] = {"a", "p.t", "my col"};
    const struct template_options options = {
        .append = true, .names = NAMES, .name_count = 3};
    const struct template_task task = {.task = 1,
                                       .values = values,
                                       .value_count = 3,
                                       .whole = SPAN_OF("1,2.5,x.y")};
    expect_with("{a}|{p.t}|{my col.}|{2.}|{p.t/}|${a}", &options, &task,
                "1|2.5|x|2|2.5|$1");
    expect_with("{}", &options, &task, "1,2.5,x.y");
    expect_with("echo", &options, &task, "echo|1|2.5|x.y");
}

static void values_of_lists_are_joined_by_spaces(void **state)
{
    (void)state;
    const struct wire_pair values[] = {pair("", "d/a.c"), pair("", "b")};
    const struct template_task task = {
        .task = 1, .values = values, .value_count = 2};
    expect_with("{}|{2}|{/.}", &APPEND, &task, "d/a.c b|b|a b");
    const struct template_options shell = {.append = true, .shell = true};
    expect_with("echo|{}", &shell, &task, "/bin/sh|-c|echo d/a.c b");
}

static void shell_commands_get_quoted_values(void **state)
{
    (void)state;
    const struct template_options shell = {.append = true, .shell = true};
    const struct wire_pair values[] = {pair("", "it's; $(x)"), pair("", "")};
    const struct template_task task = {
        .task = 3, .values = values, .value_count = 2};
    expect_with("echo|{1} {2} > f{#}", &shell, &task,
                "/bin/sh|-c|echo 'it'\\''s; $(x)' '' > f3");
    expect_with("echo", &shell, &task, "/bin/sh|-c|echo 'it'\\''s; $(x)' ''");
}

static void lines_are_run_by_the_shell(void **state)
{
    (void)state;
    const struct template_options lines = {.lines = true, .append = true};
    const struct template_task task = {.task = 1,
                                       .whole = SPAN_OF("echo {} | tr a b")};
    struct problem problem = {0};
    struct template *template = template_create(NULL, 0, &lines, &problem);
    assert_non_null(template);
    struct buffer out = {0}, text = {0};
    assert_int_equal(template_expand(template, &task, &out, &problem), 0);
    struct wire_command command;
    assert_true(wire_get_command(buffer_span(&out), &command));
    assert_int_equal(command.args.count, 3);
    command_text(&command, 0, &text);
    assert_true(span_equal(buffer_span(&text), task.whole));
    buffer_free(&out);
    buffer_free(&text);
    template_destroy(&template);
}

static void slots_are_left_to_the_worker(void **state)
{
    (void)state;
    struct problem problem = {0};
    struct template *template =
        make("run me|g{%}/{}|{%}|{%}{%}", &APPEND, &problem);
    assert_non_null(template);
    const struct template_task task = {.task = 1, .whole = SPAN_OF("a b")};
    struct buffer out = {0}, text = {0};
    assert_int_equal(template_expand(template, &task, &out, &problem), 0);
    struct wire_command command;
    assert_true(wire_get_command(buffer_span(&out), &command));
    command_text(&command, 12, &text);
    const struct span filled = SPAN_OF("'run me' 'g12/a b' 12 1212");
    assert_true(span_equal(buffer_span(&text), filled));
    buffer_clear(&text);
    command_text(&command, 0, &text);
    const struct span open = SPAN_OF("'run me' 'g{%}/a b' {%} {%}{%}");
    assert_true(span_equal(buffer_span(&text), open));
    buffer_free(&out);
    buffer_free(&text);
    template_destroy(&template);
}

static void refuse(const char *command, const struct template_options *options,
                   const char *says)
{
    struct problem problem = {0};
    assert_null(make(command, options, &problem));
    assert_int_equal(problem.exit, EXIT_USAGE);
    if (!strstr(problem.text, says))
        fail_msg("'%s' does not say '%s'", problem.text, says);
}

static void mistakes_in_a_template_are_usage_errors(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"alpha", "beta"};
    const struct template_options known = {.names = NAMES, .name_count = 2};
    const struct template_options path = {.stdout_path = "out/{%}"};
    const struct template_options empty = {.stderr_path = ""};
    refuse("x|{alhpa}", &known, "{alpha}");
    refuse("x|{0}", &known, "from 1");
    refuse("", &known, "empty");
    refuse("x", &path, "{%}");
    refuse("x", &empty, "empty");
    struct problem problem = {0};
    assert_null(template_create(NULL, 0, &known, &problem));
}

static int expand_error(const char *command, struct span value)
{
    struct problem problem = {0};
    struct template *template = make(command, &APPEND, &problem);
    assert_non_null(template);
    struct buffer out = {0};
    const struct wire_pair values[] = {{.value = value}};
    const struct template_task task = {
        .task = 1, .values = values, .value_count = 1};
    const int error = template_expand(template, &task, &out, &problem);
    assert_int_equal(problem.code, error);
    buffer_free(&out);
    template_destroy(&template);
    return error;
}

static void tasks_that_cannot_be_made_say_why(void **state)
{
    (void)state;
    assert_int_equal(expand_error("x|{2}", SPAN_OF("a")), -ENOENT);
    assert_int_equal(expand_error("x|{name}", SPAN_OF("a")), -ENOENT);
    assert_int_equal(expand_error("x|{}", SPAN_OF("a\0b")), -EINVAL);
    assert_int_equal(expand_error("x", SPAN_OF("a\0b")), -EINVAL);
    uint8_t *big = malloc(128 << 10);
    assert_non_null(big);
    memset(big, 'a', 128 << 10);
    const struct span fits = {big, (128 << 10) - 1};
    const struct span over = {big, 128 << 10};
    assert_int_equal(expand_error("x|{}", fits), 0);
    assert_int_equal(expand_error("x|{}", over), -E2BIG);
    assert_int_equal(expand_error("x|{}|{}|{}|{}|{}|{}|{}|{}|{}", fits),
                     -E2BIG);
    free(big);
}

static void paths_are_templates_too(void **state)
{
    (void)state;
    const struct template_options options = {
        .stdout_path = "o/{#}-{/.}.txt", .stderr_path = "e", .input = true};
    struct problem problem = {0};
    struct template *template = make("x", &options, &problem);
    assert_non_null(template);
    const struct template_task task = {
        .task = 5, .whole = SPAN_OF("d/v.c"), .input = SPAN_OF("{}")};
    struct buffer out = {0};
    assert_int_equal(template_expand(template, &task, &out, &problem), 0);
    struct wire_command command;
    assert_true(wire_get_command(buffer_span(&out), &command));
    assert_int_equal(command.flags,
                     COMMAND_INPUT | COMMAND_STDOUT_FILE | COMMAND_STDERR_FILE);
    assert_true(span_equal(command.stdout_path, SPAN_OF("o/5-v.txt")));
    assert_true(span_equal(command.stderr_path, SPAN_OF("e")));
    assert_true(span_equal(command.input, SPAN_OF("{}")));
    buffer_free(&out);
    template_destroy(&template);
}

static struct id128 key_of(const char *command, const char *first,
                           const char *second, const char *whole)
{
    struct problem problem = {0};
    struct template *template = make(command, &APPEND, &problem);
    assert_non_null(template);
    const struct wire_pair values[] = {pair("", first), pair("", second)};
    const struct id128 key =
        template_key(template, values, 2, span_of_text(whole));
    template_destroy(&template);
    return key;
}

static void what_is_called_is_in_the_key_and_not_in_the_command(void **state)
{
    (void)state;
    const struct template_options called = {.called = true}, none = {0};
    const struct wire_pair values[] = {pair("", "v")};
    const struct template_task task = {
        .task = 7, .values = values, .value_count = 1};
    struct problem problem = {0};
    expect_with("./libpi.so", &called, &task, "");
    expect_with("./libpi.so:{1}|-n|{1}", &called, &task, "|-n|v");
    struct template *one = make("./libpi.so", &called, &problem);
    struct template *plain = make("./libpi.so", &none, &problem);
    struct template *other = make("./libe.so", &called, &problem);
    const struct id128 key = template_key(one, values, 1, (struct span){0});
    const struct id128 same = template_key(plain, values, 1, (struct span){0});
    const struct id128 not = template_key(other, values, 1, (struct span){0});
    assert_true(id128_equal(&key, &same));
    assert_false(id128_equal(&key, &not ));
    template_destroy(&one);
    template_destroy(&plain);
    template_destroy(&other);
}

static void keys_tell_tasks_apart_by_template_and_values(void **state)
{
    (void)state;
    const struct id128 key = key_of("x|{1}", "ab", "c", "w");
    const struct id128 same = key_of("x|{1}", "ab", "c", "other");
    const struct id128 moved = key_of("x|{1}", "a", "bc", "w");
    const struct id128 other = key_of("x{1}", "ab", "c", "w");
    assert_true(id128_equal(&key, &same));
    assert_false(id128_equal(&key, &moved));
    assert_false(id128_equal(&key, &other));
}

static void seeds_are_those_of_splitmix64(void **state)
{
    (void)state;
    // The first outputs of the authors' generator from state 1234567.
    assert_true(template_seed(1234567, 1) == UINT64_C(6457827717110365317));
    assert_true(template_seed(1234567, 2) == UINT64_C(3203168211198807973));
    assert_true(template_seed(1234567, 3) == UINT64_C(9817491932198370423));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(braces_take_the_line),
        cmocka_unit_test(values_are_appended_where_no_placeholder_takes_them),
        cmocka_unit_test(each_value_stays_one_argument),
        cmocka_unit_test(forms_follow_gnu_parallel),
        cmocka_unit_test(what_is_no_placeholder_stays),
        cmocka_unit_test(names_take_their_values),
        cmocka_unit_test(values_of_lists_are_joined_by_spaces),
        cmocka_unit_test(shell_commands_get_quoted_values),
        cmocka_unit_test(lines_are_run_by_the_shell),
        cmocka_unit_test(slots_are_left_to_the_worker),
        cmocka_unit_test(mistakes_in_a_template_are_usage_errors),
        cmocka_unit_test(tasks_that_cannot_be_made_say_why),
        cmocka_unit_test(paths_are_templates_too),
        cmocka_unit_test(keys_tell_tasks_apart_by_template_and_values),
        cmocka_unit_test(what_is_called_is_in_the_key_and_not_in_the_command),
        cmocka_unit_test(seeds_are_those_of_splitmix64),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
