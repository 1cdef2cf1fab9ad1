#include "tests/unit/source_world.h"

// -- Products -----------------------------------------------------------------

static void last_list_of_a_product_varies_fastest(void **state)
{
    struct world *world = *state;
    uint64_t bytes = 1;
    set_sources(world, "::: a b ::: 1 2 3 ::: x y");
    expect(world, "a|1|x\na|1|y\na|2|x\na|2|y\na|3|x\na|3|y\n"
                  "b|1|x\nb|1|y\nb|2|x\nb|2|y\nb|3|x\nb|3|y\n");
    struct source *source = open_source(world);
    assert_int_equal(source_total(source, &bytes), 12);
    assert_int_equal(bytes, 0);
    assert_int_equal(source_fd(source), -1);
    source_close(&source);
    expect_nth(world, 8, NULL, "b 1 y");
    set_sources(world, "::: a b");
    expect(world, "a\nb\n");
    expect_nth(world, 2, "b", "b");
}

static void paired_lists_end_with_the_shortest(void **state)
{
    struct world *world = *state;
    set_sources(world, "::: a b c :::+ 1 2");
    expect(world, "a|1\nb|2\n");
    set_sources(world, "::: a b :::+ 1 2 3");
    expect(world, "a|1\nb|2\n");
    set_sources(world, "::: a b c :::+ 1 2 3 :::+ x y z");
    expect(world, "a|1|x\nb|2|y\nc|3|z\n");
    set_sources(world, "::: a b ::: x y z :::+ 1 2 3 ::: Q R");
    expect(world, "a|x|1|Q\na|x|1|R\na|y|2|Q\na|y|2|R\na|z|3|Q\na|z|3|R\n"
                  "b|x|1|Q\nb|x|1|R\nb|y|2|Q\nb|y|2|R\nb|z|3|Q\nb|z|3|R\n");
}

static void files_of_a_product_are_lists(void **state)
{
    struct world *world = *state;
    uint64_t bytes = 0;
    write_text(world, "n", "1\n\n2\n3");
    write_text(world, "l", "x\ny\n");
    set_sources(world, ":::: n l");
    expect(world, "1|x\n1|y\n2|x\n2|y\n3|x\n3|y\n");
    struct source *source = open_source(world);
    assert_int_equal(source_total(source, &bytes), 0);
    assert_int_equal(bytes, 6);
    source_close(&source);
    set_sources(world, "::: a b c ::::+ n l");
    expect(world, "a|1|x\nb|2|y\n");
    set_sources(world, ":::: n :::+ a b ::: X Y");
    expect(world, "1|a|X\n1|a|Y\n2|b|X\n2|b|Y\n");
    set_sources(world, ":::: l :::+ a b c");
    expect(world, "x|a\ny|b\n");
    set_sources(world, ":::: n");
    expect(world, "1\n2\n3\n");
    expect_nth(world, 3, "3", "3");
}

static void words_of_a_product_may_be_empty(void **state)
{
    struct world *world = *state;
    set_sources(world, "::: '' a ::: b ''");
    expect(world, "|b\n|\na|b\na|\n");
    set_sources(world, "::: ''");
    expect(world, "\n");
    write_text(world, "in", "\nx\n");
    world->settings.blank = true;
    set_sources(world, ":::: in :::: in");
    expect(world, "|\n|x\nx|\nx|x\n");
}

static void empty_list_makes_no_task(void **state)
{
    struct world *world = *state;
    write_text(world, "none", "\n");
    write_text(world, "in", "a\n");
    set_sources(world, "::: a b :::");
    expect(world, "");
    set_sources(world, "::: ::: a");
    expect(world, "");
    set_sources(world, ":::: in none");
    expect(world, "");
    set_sources(world, ":::: none in");
    expect(world, "");
    set_sources(world, ":::: in :::+");
    expect(world, "");
}

static void bad_outer_item_spoils_only_its_own_tasks(void **state)
{
    struct world *world = *state;
    write_bytes(world, "in", "wb", SPAN_OF("a\nb\0b\nc\n"));
    set_sources(world, ":::: in ::: 1 2");
    expect(world, "a|1\na|2\n!\n!\nc|1\nc|2\n");
    expect_bad(world, 3, "task 3 (at byte 2 of the input) holds a NUL");
    expect_bad(world, 4, "task 4 has the same first value: task 3 (at byte 2");
    set_sources(world, "::: 1 2 :::: in");
    refuse(world, EXIT_ERROR, "in: item 2: ");
}

static void products_that_cannot_be_are_refused(void **state)
{
    struct world *world = *state;
    set_sources(world, "::::");
    refuse(world, EXIT_USAGE, "needs the name of a file");
    set_sources(world, "::: a :::: -");
    refuse(world, EXIT_USAGE, "only be the first list");
    set_sources(world, "::: a :::: missing");
    refuse(world, EXIT_ERROR, "missing: No such file");
    set_sources(world, ":::");
    for (unsigned list = 0; list < 5; list++) {
        for (unsigned i = 0; i < 257; i++)
            texts_add(&world->settings.sources, "v");
        texts_add(&world->settings.sources, ":::");
    }
    texts_add(&world->settings.sources, "v");
    refuse(world, EXIT_USAGE, "over 2^40 tasks");
}

// -- Arrays -------------------------------------------------------------------

static void array_counts_as_slurm_does(void **state)
{
    struct world *world = *state;
    uint64_t bytes = 1;
    size_t count = 0;
    set(&world->settings.array, "1-10:3");
    expect(world, "array=1\narray=4\narray=7\narray=10\n");
    set(&world->settings.array, "7,0,3-5,5-9:9");
    expect(world, "array=7\narray=0\narray=3\narray=4\narray=5\narray=5\n");
    expect_nth(world, 3, "3", "3");
    struct source *source = open_source(world);
    assert_int_equal(source_total(source, &bytes), 6);
    assert_int_equal(bytes, 0);
    assert_string_equal(source_names(source, &count)[0], "array");
    assert_int_equal(count, 1);
    source_close(&source);
}

static void array_that_is_none_is_refused(void **state)
{
    static const char *const ARRAYS[] = {"",
                                         "a",
                                         "-1",
                                         "1-",
                                         "5-1",
                                         "1-2:0",
                                         "1-2:",
                                         "1,",
                                         "1,,2",
                                         "1-5%2",
                                         "1 2",
                                         ",1",
                                         "0-1099511627776",
                                         "1:2",
                                         "+1",
                                         "1-2-3",
                                         "18446744073709551617"};
    struct world *world = *state;
    for (size_t i = 0; i < sizeof ARRAYS / sizeof ARRAYS[0]; i++) {
        set(&world->settings.array, ARRAYS[i]);
        refuse(world, EXIT_USAGE, "--array");
    }
}

// -- JSON ---------------------------------------------------------------------

static void fields_of_an_object_are_values_by_name(void **state)
{
    struct world *world = *state;
    size_t count = 1;
    set(&world->settings.ndjson, "in");
    world->settings.blank = true;
    expect_file(world,
                "\xef\xbb\xbf{\"id\": 7, \"s\": \"a b\\n\", \"t\": true}\r\n"
                "\n  \n"
                "{\"n\": null, \"e\": \"\", \"s\": \"\xc3\xa9\"}\n"
                "{}\n"
                "{\"id\":-3}",
                "id=7|s=a b\n|t=true\n"
                "n=null|e=|s=\xc3\xa9\n"
                "\n"
                "id=-3\n");
    expect_nth(world, 1, "{\"id\": 7, \"s\": \"a b\\n\", \"t\": true}",
               "{\"id\": 7, \"s\": \"a b\\n\", \"t\": true}");
    expect_file(world, "{\"\":\"\"}\n", "\n");
    struct source *source = open_source(world);
    assert_null(source_names(source, &count));
    assert_int_equal(count, 0);
    source_close(&source);
}

static void objects_within_objects_are_named_by_dots(void **state)
{
    struct world *world = *state;
    set(&world->settings.ndjson, "in");
    expect_file(world,
                "{\"p\": {\"t\": 1, \"q\": {\"r\": \"x\"}, \"u\": {}}, "
                "\"l\": [1, {\"a\": 0.1}], \"z\": 2}\n",
                "p.t=1|p.q.r=x|p.u={}|l=[1,{\"a\":0.1}]|z=2\n");
}

static void numbers_stay_what_they_are(void **state)
{
    struct world *world = *state;
    set(&world->settings.ndjson, "in");
    expect_file(world,
                "{\"a\":0.1,\"b\":1.0,\"c\":9223372036854775807,"
                "\"d\":0.30000000000000004,\"e\":-2.5e-7}\n",
                "a=0.1|b=1.0|c=9223372036854775807"
                "|d=0.30000000000000004|e=-2.5e-7\n");
}

static void line_that_is_no_object_is_bad(void **state)
{
    static const char *const LINES[] = {"[1]",
                                        "7",
                                        "{\"a\":1",
                                        "{\"a\":1}}",
                                        "{\"a\":1,\"a\":2}",
                                        "x",
                                        "{\"a\":\"\\u0000\"}",
                                        "{\"a\":1e999}",
                                        "{\"a\":\"\xff\"}",
                                        "{\"a\":9223372036854775808}",
                                        "{\"a\":010}",
                                        "{'a':1}"};
    struct world *world = *state;
    set(&world->settings.ndjson, "in");
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        write_text(world, "in", "{\"ok\":1}\n");
        append_text(world, "in", LINES[i]);
        append_text(world, "in", "\n{\"ok\":2}\n");
        expect(world, "ok=1\n!\nok=2\n");
        expect_bad(world, 2, "task 2 (at byte 9 of the input)");
    }
}

static void nested_beyond_measure_is_bad(void **state)
{
    struct world *world = *state;
    struct buffer text = {0};
    for (unsigned i = 0; i < 100000; i++)
        put_u8(&text, '[');
    buffer_append_text(&text, "\n");
    for (unsigned i = 0; i < 100; i++)
        buffer_append_text(&text, "{\"a\":");
    put_u8(&text, '1');
    for (unsigned i = 0; i < 100; i++)
        put_u8(&text, '}');
    buffer_append_text(&text, "\n{\"");
    for (unsigned i = 0; i < 1025; i++)
        put_u8(&text, 'n');
    buffer_append_text(&text, "\":1}\n{\"a\":1}\n");
    write_bytes(world, "in", "wb", buffer_span(&text));
    buffer_free(&text);
    set(&world->settings.ndjson, "in");
    expect(world, "!\n!\n!\na=1\n");
    expect_bad(world, 2, "task 2: objects are nested too deeply");
    expect_bad(world, 3, "task 3: a field's name is over 1024 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(last_list_of_a_product_varies_fastest),
        TEST(paired_lists_end_with_the_shortest),
        TEST(files_of_a_product_are_lists),
        TEST(words_of_a_product_may_be_empty),
        TEST(empty_list_makes_no_task),
        TEST(bad_outer_item_spoils_only_its_own_tasks),
        TEST(products_that_cannot_be_are_refused),
        TEST(array_counts_as_slurm_does),
        TEST(array_that_is_none_is_refused),
        TEST(fields_of_an_object_are_values_by_name),
        TEST(objects_within_objects_are_named_by_dots),
        TEST(numbers_stay_what_they_are),
        TEST(line_that_is_no_object_is_bad),
        TEST(nested_beyond_measure_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
