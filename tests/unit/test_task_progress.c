#include "tests/testing.h"

#include "worker/progress.h"

#include <stdlib.h>
#include <string.h>

static void feed(struct progress *progress, const char *text)
{
    progress_feed(progress, span_of_text(text));
}

static void assert_says(const struct progress *progress, double done,
                        const char *text)
{
    const uint32_t want =
        done < 0 ? PROGRESS_UNKNOWN : (uint32_t)(done * PROGRESS_WHOLE + 0.5);
    assert_in_range(progress_done(progress), want > 0 ? want - 1 : 0, want);
    const struct span said = progress_text(progress);
    if (!span_equal(said, span_of_text(text)))
        fail_msg("'%.*s' is not '%s'", (int)said.size, (const char *)said.at,
                 text);
}

static void a_line_tells_how_far_it_is_and_more(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        double done;
        const char *text;
    } LINES[] = {
        {"0.37", 0.37, ""},
        {"0.37 epoch 3", 0.37, "epoch 3"},
        {"  1\t done ", 1, "done"},
        {"0", 0, ""},
        {"37 100", 0.37, ""},
        {"37 100 of the frames", 0.37, "of the frames"},
        {"0.5 2 halves", 0.25, "halves"},
        {"0 7", 0, ""},
        {"37%", 0.37, ""},
        {"99.5% nearly", 0.995, "nearly"},
        {"0.5 7x", 0.5, "7x"},
        {"0.5 0.25", 0.5, "0.25"},
        {"loading", -1, "loading"},
        {"37", -1, "37"},
        {"101% of it", -1, "101% of it"},
        {"5 3", -1, "5 3"},
        {"0x1", -1, "0x1"},
        {"nan", -1, "nan"},
        {"inf 3", -1, "inf 3"},
        {"-0.5", -1, "-0.5"},
        {"1e-1", -1, "1e-1"},
        {".5", -1, ".5"},
        {"0.3.7", -1, "0.3.7"},
        {"0000000000000000000000.5", -1, "0000000000000000000000.5"},
        {"a\x1b[31mb\x7f", -1, "a?[31mb?"},
        {"gr\xc3\xbc\xc3\x9f", -1, "gr\xc3\xbc\xc3\x9f"},
        {"gr\xfc\xdf", -1, "gr??"},
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        struct progress progress = {0};
        feed(&progress, LINES[i].line);
        assert_false(progress.said);
        feed(&progress, "\n");
        assert_true(progress.said);
        assert_says(&progress, LINES[i].done, LINES[i].text);
    }
}

static void the_last_whole_line_counts(void **state)
{
    (void)state;
    struct progress progress = {0};
    feed(&progress, "0.1\n0.2 a\r0.");
    assert_says(&progress, 0.2, "a");
    feed(&progress, "25\n\n \n");
    assert_says(&progress, 0.25, "");
    feed(&progress, "0.3");
    progress_clear(&progress);
    assert_says(&progress, -1, "");
    feed(&progress, "9\n");
    assert_says(&progress, -1, "9");
}

static void long_lines_are_cut_between_letters(void **state)
{
    (void)state;
    struct progress progress = {0};
    feed(&progress, "0.5 a");
    for (int i = 0; i < 100000; i++)
        feed(&progress, "\xc3\xbc");
    feed(&progress, "\n");
    assert_true(progress.said);
    assert_int_equal(progress.text_size, PROGRESS_TEXT_MAX - 1);
    assert_int_equal(progress.text[PROGRESS_TEXT_MAX - 2], '\xbc');
    feed(&progress, "b\n");
    assert_says(&progress, -1, "b");
    progress_feed(&progress, (struct span){(const uint8_t *)"a\0b\n", 4});
    assert_says(&progress, -1, "a?b");
}

static void the_longest_are_kept_in_order(void **state)
{
    (void)state;
    struct wire_longest longest = {0};
    for (uint64_t i = 0; i < 100; i++) {
        const struct wire_long task = {.task = i, .wall_ms = i * 37 % 100};
        wire_add_longest(&longest, &task);
    }
    assert_int_equal(longest.count, PROGRESS_TASKS_MAX);
    for (size_t i = 0; i < longest.count; i++)
        assert_int_equal(longest.at[i].wall_ms, 99 - i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_tells_how_far_it_is_and_more),
        cmocka_unit_test(the_last_whole_line_counts),
        cmocka_unit_test(long_lines_are_cut_between_letters),
        cmocka_unit_test(the_longest_are_kept_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
