#include "tests/unit/source_world.h"

#include "common/setting/plan.h"

// -- Lines --------------------------------------------------------------------

static void each_line_is_a_task(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    expect_file(world, "a\nb c \n\td\n", "a\nb c \n\td\n");
    expect_nth(world, 2, "b c ", "b c ");
    expect_file(world, "", "");
}

static void last_line_needs_no_newline(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    expect_file(world, "a\nb", "a\nb\n");
    expect_file(world, "a", "a\n");
}

static void blank_lines_are_skipped_unless_wanted(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    expect_file(world, "\n\na\n \t\r\n\nb\n\n", "a\nb\n");
    world->settings.blank = true;
    expect_file(world, "\na\n \n\nb\n\n", "\na\n \n\nb\n\n");
}

static void windows_text_gives_the_same_tasks(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    expect_file(world,
                "\xef\xbb\xbf"
                "a\r\nb\rc\r\n\xef\xbb\xbf"
                "d\r",
                "a\nb\rc\n\xef\xbb\xbf"
                "d\n");
    set(&world->settings.arg_file, NULL);
    set_sources(world, ":::: in :::: in");
    expect_file(world,
                "\xef\xbb\xbf"
                "a\r\nb\r\n",
                "a|a\na|b\nb|a\nb|b\n");
}

static void nul_separated_items_keep_every_byte(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    world->settings.null_separated = true;
    write_bytes(world, "in", "wb",
                SPAN_OF("\xef\xbb\xbf"
                        "a\r\0b\nc\0\0 \0last"));
    expect(world, "\xef\xbb\xbf"
                  "a\r\nb\nc\n \nlast\n");
}

static void overlong_line_is_bad_and_the_next_is_not(void **state)
{
    struct world *world = *state;
    const size_t size = SOURCE_LINE_MAX + 1;
    char *line = malloc(size + 1);
    assert_non_null(line);
    memset(line, 'x', size);
    line[size] = '\0';
    set(&world->settings.arg_file, "in");
    write_text(world, "in", "a\n");
    append_text(world, "in", line);
    append_text(world, "in", "\nb\n");
    append_text(world, "in", line + 1);
    append_text(world, "in", "\n");
    append_text(world, "in", line);
    append_text(world, "in", line);
    append_text(world, "in", line);
    expect(world, "a\n!\nb\n<16777216>\n!\n");
    expect_bad(world, 2, "task 2 (at byte 2 of the input) is over 16 MiB");
    free(line);
}

static void line_with_a_nul_is_bad(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    write_bytes(world, "in", "wb", SPAN_OF("a\nb\0c\nd\n"));
    expect(world, "a\n!\nd\n");
    expect_bad(world, 2, "task 2 (at byte 2 of the input) holds a NUL");
}

static void long_inputs_pass_through_a_bounded_buffer(void **state)
{
    struct world *world = *state;
    enum { LINES = 50000, EVERY = 997 };
    struct buffer text = {0};
    for (unsigned i = 1; i <= LINES; i++)
        buffer_printf(&text, "%u%.*s\n", i, (int)(i % 20),
                      "....................");
    write_bytes(world, "in", "wb", buffer_span(&text));
    buffer_free(&text);
    set(&world->settings.arg_file, "in");
    struct source *source = open_source(world), *other = open_source(world);
    struct source_task task, again;
    for (unsigned i = 1; i <= LINES; i++) {
        assert_int_equal(source_next(source, &task, &world->problem),
                         SOURCE_TASK);
        assert_int_equal(strtoul((const char *)task.whole.at, NULL, 10), i);
        if (i % EVERY != 0)
            continue;
        assert_int_equal(source_seek(other, task.place, &world->problem), 0);
        assert_int_equal(source_next(other, &again, &world->problem),
                         SOURCE_TASK);
        assert_true(span_equal(task.whole, again.whole));
        assert_int_equal(again.place.offset, task.place.offset);
    }
    assert_int_equal(source_next(source, &task, &world->problem), SOURCE_END);
    source_close(&source);
    source_close(&other);
}

// -- Tables -------------------------------------------------------------------

static void header_names_the_columns(void **state)
{
    struct world *world = *state;
    size_t count = 0;
    set(&world->settings.arg_file, "in");
    world->settings.header = true;
    expect_file(world,
                "\xef\xbb\xbf"
                "a,\"b c\"\r\n1,2\r\n\r\n,x\r\n",
                "a=1|b c=2\na=|b c=x\n");
    expect_nth(world, 1, "1,2", "1,2");
    struct source *source = open_source(world);
    const char *const *names = source_names(source, &count);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[1], "b c");
    source_close(&source);
}

static void quoted_fields_hold_anything(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    world->settings.header = true;
    expect_file(world,
                "\"a\nb\",c\n"
                "\"1,\n\n2\",\"say \"\"hi\"\"\"\n"
                "x\"y,\"\"\n"
                "\"p\"q,\" \"\n",
                "a\nb=1,\n\n2|c=say \"hi\"\n"
                "a\nb=x\"y|c=\n"
                "a\nb=pq|c= \n");
}

static void separated_columns_know_no_quotes(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    set(&world->settings.colsep, "\\t");
    expect_file(world, "a\t\"b\n\tc\t\nd\n", "a|\"b\n|c|\nd\n");
    set(&world->settings.colsep, "::");
    world->settings.header = true;
    expect_file(world, "x::y\n1::2\n:::\n", "x=1|y=2\nx=|y=:\n");
    set(&world->settings.colsep, "");
    refuse(world, EXIT_USAGE, "may not be empty");
}

static void row_unlike_the_header_is_bad(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    world->settings.header = true;
    expect_file(world, "a,b\n1\n1,2\n1,2,3\n", "!\na=1|b=2\n!\n");
    expect_bad(world, 3, "task 3 has 3 values, the header has 2 names");
}

static void quote_that_never_closes_is_bad(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    world->settings.header = true;
    expect_file(world, "a\n1\n\"2\n3\n", "a=1\n!\n");
    expect_bad(world, 2, "task 2 (at byte 4 of the input): a quote");
}

static void header_must_tell_columns_apart(void **state)
{
    struct world *world = *state;
    set(&world->settings.arg_file, "in");
    world->settings.header = true;
    write_text(world, "in", "a,b,a\n");
    refuse(world, EXIT_USAGE, "two columns named a");
    write_text(world, "in", "a,\n");
    refuse(world, EXIT_USAGE, "column 2 has no name");
    write_text(world, "in", "\n\n");
    refuse(world, EXIT_USAGE, "no header");
}

// -- What is refused, and what is told ----------------------------------------

static void inputs_that_cannot_be_read_are_refused(void **state)
{
    struct world *world = *state;
    char path[64];
    refuse(world, EXIT_USAGE, "no input");
    set(&world->settings.arg_file, "missing");
    refuse(world, EXIT_ERROR, "missing: No such file");
    set(&world->settings.arg_file, world->dir);
    refuse(world, EXIT_ERROR, "Is a directory");
    path_of(world, "fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    set(&world->settings.arg_file, "fifo");
    refuse(world, EXIT_USAGE, "cannot be read twice");
}

static void one_run_has_one_input(void **state)
{
    struct world *world = *state;
    write_text(world, "in", "a\n");
    set(&world->settings.arg_file, "in");
    set_sources(world, "::: a");
    refuse(world, EXIT_USAGE, "give one input");
    set(&world->settings.arg_file, NULL);
    world->settings.header = true;
    refuse(world, EXIT_USAGE, "are for tables");
}

static void places_are_counted_from_one(void **state)
{
    struct world *world = *state;
    set_sources(world, "::: a");
    struct source *source = open_source(world);
    assert_int_equal(source_place(source).ordinal, 1);
    assert_int_equal(
        source_seek(source, (struct source_place){0}, &world->problem),
        -EINVAL);
    source_close(&source);
}

static void fingerprints_tell_changed_files(void **state)
{
    struct world *world = *state;
    struct texts before = {0}, after = {0}, none = {0};
    write_text(world, "n", "1\n");
    write_text(world, "l", "x\n");
    set_sources(world, "::: n :::: n l ::: l ::::+ -");
    assert_int_equal(
        plan_fingerprints(&world->settings, &before, &world->problem), 0);
    assert_int_equal(before.count, 2);
    assert_non_null(strstr(before.at[0], ":2:"));
    assert_string_equal(strchr(before.at[0], ' '), " n");
    assert_string_equal(strchr(before.at[1], ' '), " l");
    append_text(world, "l", "y\n");
    assert_int_equal(
        plan_fingerprints(&world->settings, &after, &world->problem), 0);
    assert_string_equal(before.at[0], after.at[0]);
    assert_string_not_equal(before.at[1], after.at[1]);
    texts_free(&before);
    texts_free(&after);
    set_sources(world, "::: a");
    assert_int_equal(
        plan_fingerprints(&world->settings, &none, &world->problem), 0);
    assert_int_equal(none.count, 0);
    set(&world->settings.ndjson, "missing");
    assert_int_equal(
        plan_fingerprints(&world->settings, &none, &world->problem), -ENOENT);
    texts_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_line_is_a_task),
        TEST(last_line_needs_no_newline),
        TEST(blank_lines_are_skipped_unless_wanted),
        TEST(windows_text_gives_the_same_tasks),
        TEST(nul_separated_items_keep_every_byte),
        TEST(overlong_line_is_bad_and_the_next_is_not),
        TEST(line_with_a_nul_is_bad),
        TEST(long_inputs_pass_through_a_bounded_buffer),
        TEST(header_names_the_columns),
        TEST(quoted_fields_hold_anything),
        TEST(separated_columns_know_no_quotes),
        TEST(row_unlike_the_header_is_bad),
        TEST(quote_that_never_closes_is_bad),
        TEST(header_must_tell_columns_apart),
        TEST(inputs_that_cannot_be_read_are_refused),
        TEST(one_run_has_one_input),
        TEST(places_are_counted_from_one),
        TEST(fingerprints_tell_changed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
