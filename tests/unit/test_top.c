#include "tests/testing.h"

#include "command/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000000 };

static int width_of(uint32_t letter)
{
    return letter >= 0x4e00 && letter < 0xa000   ? 2
           : letter == 0x301 || letter == 0x202e ? 0
           : letter == 0xe000                    ? -1
                                                 : 1;
}

static struct screen screen_of(size_t rows, size_t columns)
{
    struct screen screen = {.utf8 = true, .width = width_of};
    assert_int_equal(screen_resize(&screen, rows, columns), 0);
    return screen;
}

// A row as text: what is not ASCII as ~, right halves left out.
static const char *row_of(const struct screen *screen, size_t row)
{
    static char text[SCREEN_MOST + 1];
    size_t used = 0, size = 0;
    for (size_t i = 0; i < screen->columns; i++) {
        const uint32_t letter = screen->cells[row * screen->columns + i].letter;
        if (letter == 0)
            continue;
        assert_true(letter >= ' ' && letter != 0x7f);
        text[used++] = letter < 0x7f ? (char)letter : '~';
        size = letter == ' ' ? size : used;
    }
    text[size] = '\0';
    return text;
}

static bool shows(const struct screen *screen, const char *text)
{
    for (size_t i = 0; i < screen->rows; i++)
        if (strstr(row_of(screen, i), text))
            return true;
    return false;
}

static void nothing_a_terminal_obeys_gets_into_a_cell(void **state)
{
    struct screen screen = screen_of(2, 40);
    (void)state;
    screen_text(&screen, STYLE_PLAIN,
                "\x1b[31m\a\b\r\x7f \xc2\x9b"
                "5 \xff\xc0\x80 \xed\xa0\x80 \xee\x80\x80 \xf4\x90\x80\x80 x");
    assert_string_equal(row_of(&screen, 0), "?[31m???? ?5 ??? ??? ? ???? x");
    assert_string_equal(row_of(&screen, 1), "");
    screen_go(&screen, 1, 0);
    screen_text(&screen, STYLE_PLAIN, "a\tb\nc e\xcc\x81\xe2\x80\xaez");
    assert_string_equal(row_of(&screen, 1), "a b c ez");
    screen_blank(&screen); // what follows the text would make it whole
    screen_put(&screen, STYLE_PLAIN,
               (struct span){(const uint8_t *)"\xe4\xb8\xad", 2});
    assert_string_equal(row_of(&screen, 0), "??");
    screen.utf8 = false;
    screen_blank(&screen);
    screen_text(&screen, STYLE_PLAIN, "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad");
    assert_string_equal(row_of(&screen, 0), "gr?? ?");
    screen_clear(&screen);
}

static void wide_letters_take_two_cells_or_none(void **state)
{
    struct screen screen = screen_of(2, 5);
    (void)state;
    screen_text(&screen, STYLE_PLAIN, "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad");
    assert_string_equal(row_of(&screen, 0), "~~");
    assert_int_equal(screen.cells[1].letter, 0);
    assert_int_equal(screen.cells[4].letter, ' ');
    screen_go(&screen, 1, 0);
    screen_field(&screen, STYLE_PLAIN, 3, "\xe4\xb8\xad\xe4\xb8\xad");
    screen_text(&screen, STYLE_PLAIN, "x");
    assert_string_equal(row_of(&screen, 1), "~  x");
    screen_clear(&screen);
}

static void what_does_not_fit_is_cut(void **state)
{
    struct screen screen = screen_of(2, 4);
    (void)state;
    screen_text(&screen, STYLE_BAD, "abcdefg");
    screen_letter(&screen, STYLE_BAD, 'x');
    screen_go(&screen, 7, 1);
    screen_text(&screen, STYLE_BAD, "abc");
    screen_mark(&screen, STYLE_BAD);
    screen_go(&screen, 1, 9);
    screen_field(&screen, STYLE_BAD, 7, "abc");
    assert_string_equal(row_of(&screen, 0), "abcd");
    assert_string_equal(row_of(&screen, 1), "");
    screen_clear(&screen);
}

static struct ask_status running(uint64_t done)
{
    return (struct ask_status){.state = "running",
                               .total = 1000,
                               .read = 1000,
                               .done = done,
                               .ok = done,
                               .running = 4,
                               .workers = 2,
                               .slots = 4,
                               .elapsed_s = 61};
}

static const char ANSWER[] =
    "{\"hosts\":[{\"host\":\"node1\",\"workers\":1,\"slots\":2,\"running\":1,"
    "\"passed\":40,\"failed\":3},{\"host\":\"node\\u001b[2J\",\"slots\":2,"
    "\"running\":2,\"passed\":1,\"failed\":9,\"quarantined_s\":34.2}],"
    "\"longest\":[{\"task\":17,\"host\":\"node1\",\"slot\":1,\"wall_s\":3723.5,"
    "\"done\":0.37,\"text\":\"step \\u0007 9\"},"
    "{\"task\":18,\"host\":\"node1\",\"slot\":2,\"wall_s\":2.5}]}";

static void answer(struct top *top, uint64_t done, int64_t now_us)
{
    const struct ask_status status = running(done);
    top_answer(top, &status, span_of_text(ANSWER), now_us);
}

static void live_run_fits_80_by_24(void **state)
{
    static struct top top;
    struct screen screen = screen_of(24, 80);
    (void)state;
    top_begin(&top, "run", 0);
    for (int i = 0; i <= 20; i++)
        answer(&top, (uint64_t)(100 + 10 * i), (int64_t)i * SECOND);
    top_draw(&top, &screen);
    assert_string_equal(row_of(&screen, 0), " fan top  run  running, for 1:01");
    assert_true(shows(&screen, "30 %  300 of 1000 done  eta 1:10"));
    assert_true(shows(&screen, " ok 300  failed 0  running 4"));
    assert_true(shows(&screen, "10.0/s now, at most 10.0/s, over 0:20"));
    assert_true(
        shows(&screen, "node1                   40         3    1 of 2"));
    assert_true(shows(&screen, "node?[2J                 1         9    2 of 2"
                               "     quarantined for 34 s more"));
    assert_true(
        shows(&screen, "17  1:02:03  node1             37 %  step ? 9"));
    assert_true(shows(&screen, "18  2.5 s"));
    assert_string_equal(row_of(&screen, 23),
                        " q quit  s show  up down choose  h help  p pause");
    screen_clear(&screen);
}

static void every_size_of_screen_is_drawn(void **state)
{
    static struct top top;
    struct failing *failing = failing_create();
    (void)state;
    const struct record record = {.task = 3,
                                  .status = STATUS_FAILED,
                                  .class = CLASS_TIMEOUT,
                                  .err = SPAN_OF("a\nb\nc\nd\ne\nf\ng\nh")};
    assert_int_equal(failing_take(failing, &record), 0);
    top_begin(&top, "run", 0);
    answer(&top, 1, SECOND);
    answer(&top, 5, 2 * SECOND);
    top.failing = failing;
    for (size_t rows = 0; rows < 70; rows += rows < 30 ? 1 : 13)
        for (size_t columns = 0; columns < 300; columns += 7) {
            struct screen screen = screen_of(rows, columns);
            for (unsigned view = TOP_MAIN; view <= TOP_HELP; view++) {
                top.view = (enum top_view)view;
                top.shown_of = failing;
                top.shown_task = 17;
                top_draw(&top, &screen);
            }
            const struct failing_group *groups[FAILING_GROUPS];
            assert_int_equal(top_groups(&top, groups), 1);
            top.view = TOP_SHOW;
            top.shown_group = groups[0];
            top_draw(&top, &screen);
            top.shown_group = NULL;
            screen_clear(&screen);
        }
    failing_destroy(&failing);
}

static void small_screens_keep_what_is_chosen(void **state)
{
    static struct top top;
    struct screen screen = screen_of(10, 80);
    (void)state;
    top_begin(&top, "run", 0);
    answer(&top, 1, SECOND);
    assert_int_equal(top_press(&top, TOP_DOWN), TOP_STAY);
    assert_int_equal(top_press(&top, TOP_DOWN), TOP_STAY); // there are two
    top_draw(&top, &screen);
    size_t row = 0;
    while (row < 10 && !strstr(row_of(&screen, row), "18  2.5 s"))
        row++;
    assert_true(row < 10);
    assert_int_equal(screen.cells[row * 80].style, STYLE_CHOSEN);
    screen_clear(&screen);
}

static void keys_show_and_go_back(void **state)
{
    static struct top top;
    struct screen screen = screen_of(24, 80);
    struct failing *failing = failing_create();
    const struct record record = {.task = 3,
                                  .status = STATUS_FAILED,
                                  .class = CLASS_EXIT,
                                  .exit = 65,
                                  .host = SPAN_OF("node9"),
                                  .err = SPAN_OF("one\ntwo \x1b[0m\nthree")};
    (void)state;
    assert_int_equal(failing_take(failing, &record), 0);
    top_begin(&top, "run", 0);
    top_press(&top, 's'); // there is nothing to show
    assert_int_equal(top.view, TOP_MAIN);
    assert_int_equal(top_press(&top, 'p'), TOP_STAY); // nor anybody to tell
    answer(&top, 1, SECOND);
    assert_int_equal(top_press(&top, 'p'), TOP_PAUSE);
    top.failing = failing;
    for (int i = 0; i < 5; i++)
        top_press(&top, 'j');
    top_press(&top, TOP_ENTER);
    top_draw(&top, &screen);
    assert_true(shows(&screen, "exit 65"));
    assert_true(shows(&screen, "task 3 on node9"));
    assert_true(shows(&screen, "fan logs --all-attempts --err 3 run"));
    assert_true(shows(&screen, "two ?[0m"));
    top_press(&top, TOP_DOWN);
    top_draw(&top, &screen);
    assert_false(shows(&screen, " one"));
    assert_true(shows(&screen, "three"));
    assert_int_equal(top_press(&top, 'q'), TOP_STAY);
    assert_int_equal(top.view, TOP_MAIN);
    top_press(&top, 'h');
    assert_int_equal(top.view, TOP_HELP);
    top_press(&top, TOP_ESCAPE);
    assert_int_equal(top.view, TOP_MAIN);
    assert_int_equal(top_press(&top, TOP_ESCAPE), TOP_STAY);
    assert_int_equal(top_press(&top, 'q'), TOP_QUIT);
    failing_destroy(&failing);
    screen_clear(&screen);
}

static void groups_of_another_reading_are_not_shown(void **state)
{
    static struct top top;
    struct screen screen = screen_of(24, 80);
    struct failing *failing = failing_create();
    const struct record record = {.task = 3, .status = STATUS_FAILED};
    (void)state;
    assert_int_equal(failing_take(failing, &record), 0);
    top_begin(&top, "run", 0);
    top.failing = failing;
    top_press(&top, 's');
    assert_int_equal(top.view, TOP_SHOW);
    top.failing = NULL;
    failing_destroy(&failing);
    top_draw(&top, &screen);
    assert_int_equal(top.view, TOP_MAIN);
    screen_clear(&screen);
}

static void rate_is_of_the_last_seconds(void **state)
{
    static struct top top;
    (void)state;
    top_begin(&top, "run", 0);
    assert_true(top_rate(&top, 5 * SECOND) < 0);
    for (int i = 0; i <= 100; i++)
        answer(&top, (uint64_t)(i < 90 ? i : 90 + 100 * (i - 90)),
               (int64_t)i * SECOND);
    assert_int_equal((int)top_rate(&top, 5 * SECOND), 100);
    assert_true(top_rate(&top, 30 * SECOND) < 50);
    struct ask_status again = running(7); // a ventilator that began anew
    snprintf(again.state, sizeof again.state, "starting");
    top_answer(&top, &again, span_of_text("{}"), 101 * (int64_t)SECOND);
    assert_true(top_rate(&top, 5 * SECOND) < 0);
}

static void counts_that_fall_are_of_another_ventilator(void **state)
{
    static struct top top;
    (void)state;
    top_begin(&top, "run", 0);
    answer(&top, 100, SECOND);
    answer(&top, 200, 2 * SECOND);
    answer(&top, 50, 3 * SECOND);
    answer(&top, 60, 4 * SECOND);
    answer(&top, 70, 5 * SECOND);
    assert_int_equal((int)top_rate(&top, 30 * SECOND), 10);
    assert_true(curve_rate(&top.curve, 0, 5 * SECOND) > 0);
    assert_true(curve_rate(&top.curve, 2 * SECOND, 3 * SECOND) >= 0);
}

static void silence_and_no_worker_are_told(void **state)
{
    static struct top top;
    struct screen screen = screen_of(24, 80);
    struct ask_status status = running(1);
    (void)state;
    top_begin(&top, "run", 0);
    status.workers = 0;
    top_answer(&top, &status, span_of_text("[]"), SECOND);
    top_draw(&top, &screen);
    assert_true(shows(&screen, "no worker is there"));
    top.silent_ms = 7000;
    top_draw(&top, &screen);
    assert_true(shows(&screen, "has not answered for 7 s"));
    screen_clear(&screen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_a_terminal_obeys_gets_into_a_cell),
        cmocka_unit_test(wide_letters_take_two_cells_or_none),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(live_run_fits_80_by_24),
        cmocka_unit_test(every_size_of_screen_is_drawn),
        cmocka_unit_test(small_screens_keep_what_is_chosen),
        cmocka_unit_test(keys_show_and_go_back),
        cmocka_unit_test(groups_of_another_reading_are_not_shown),
        cmocka_unit_test(rate_is_of_the_last_seconds),
        cmocka_unit_test(counts_that_fall_are_of_another_ventilator),
        cmocka_unit_test(silence_and_no_worker_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
