#include "tests/testing.h"

#include "command/story.h"

#include <string.h>

static struct record attempt(uint32_t number, enum status status)
{
    return (struct record){.task = 7,
                           .final = status == STATUS_OK,
                           .status = status,
                           .class =
                               status == STATUS_OK ? CLASS_NONE : CLASS_EXIT,
                           .exit = status == STATUS_OK ? 0 : 3,
                           .attempt = number,
                           .generation = 1,
                           .host = SPAN_OF("node1"),
                           .out = SPAN_OF("out\n"),
                           .start_us = 1,
                           .has_args = true};
}

static enum story_part take(struct story *story, struct record record)
{
    return story_take(story, &record);
}

static bool says(struct story *story, const char *text)
{
    return memmem(story->lines.at, story->lines.size, text, strlen(text));
}

static void what_others_did_is_no_part_of_it(void **state)
{
    (void)state;
    struct story story = {.task = 7};
    struct record other = attempt(1, STATUS_OK);
    other.task = 8;
    assert_int_equal(take(&story, other), STORY_OTHER);
    assert_int_equal(
        take(&story, (struct record){.event = EVENT_JOINED, .task = 7}),
        STORY_OTHER);
    assert_int_equal(story.attempts, 0);
    assert_string_equal(story_state(&story), "open");
    assert_int_equal(take(&story, attempt(1, STATUS_OK)), STORY_ATTEMPT);
    assert_string_equal(story_state(&story), "ok");
    story_clear(&story);
}

static void resume_opens_what_failed_and_nothing_else(void **state)
{
    (void)state;
    struct story story = {.task = 7};
    struct record final = {.task = 7,
                           .number = 5,
                           .final = true,
                           .status = STATUS_FAILED,
                           .class = CLASS_EXIT,
                           .attempt = 1,
                           .generation = 1};
    take(&story, attempt(1, STATUS_FAILED));
    assert_int_equal(take(&story, final), STORY_WORD);
    assert_string_equal(story_state(&story), "failed");
    assert_true(story_has_failed(&story));
    assert_int_equal(story.exit, 3); // the attempt's: the last word has none
    take(&story, (struct record){.event = EVENT_RESUMED});
    assert_string_equal(story_state(&story), "open");
    assert_true(says(&story, "again     by fan run --resume"));
    take(&story, attempt(1, STATUS_OK));
    take(&story, (struct record){.event = EVENT_RESUMED});
    assert_string_equal(story_state(&story), "ok");
    story_clear(&story);
}

static void lost_attempt_is_told_and_keeps_what_the_last_wrote(void **state)
{
    (void)state;
    struct story story = {.task = 7};
    struct record lost = {.task = 7,
                          .number = 6,
                          .status = STATUS_LOST,
                          .class = CLASS_LOST,
                          .attempt = 2,
                          .ran = true,
                          .crash = true};
    take(&story, attempt(1, STATUS_FAILED));
    assert_int_equal(take(&story, lost), STORY_ATTEMPT);
    assert_int_equal(story.losses, 1);
    assert_int_equal(story.attempts, 1);
    assert_true(says(&story, "try 2     lost with its worker, running, "
                             "which died\n"));
    assert_int_equal(story.out.tail.size, 4);
    assert_string_equal(story_state(&story), "open");
    story_clear(&story);
}

static void hint_follows_from_how_it_stands(void **state)
{
    (void)state;
    struct story story = {.task = 7};
    struct buffer text = {0};
    const struct record held = {.event = EVENT_DECISION,
                                .task = 7,
                                .status = STATUS_HELD,
                                .class = CLASS_EXIT};
    take(&story, attempt(1, STATUS_FAILED));
    story_put_hint(&story, "r", false, &text);
    take(&story, held);
    put_u8(&text, '\n');
    story_put_hint(&story, "r", true, &text);
    take(&story, attempt(1, STATUS_OK));
    put_u8(&text, '\n');
    story_put_hint(&story, "r", true, &text);
    put_u8(&text, '\0');
    assert_string_equal((const char *)text.at, "fan run --resume --results r\n"
                                               "fan decide --run r 7 --retry\n"
                                               "fan logs 7 r");
    buffer_free(&text);
    story_clear(&story);
}

static void only_the_end_of_much_output_is_kept(void **state)
{
    (void)state;
    struct story story = {.task = 7};
    struct record record = attempt(1, STATUS_OK);
    uint8_t much[3 * STORY_TAIL];
    memset(much, 'a', sizeof much);
    much[sizeof much - 1] = 'z';
    record.err = (struct span){much, sizeof much};
    take(&story, record);
    assert_int_equal(story.err.size, sizeof much);
    assert_int_equal(story.err.tail.size, STORY_TAIL);
    assert_int_equal(story.err.tail.at[STORY_TAIL - 1], 'z');
    story_clear(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_did_is_no_part_of_it),
        cmocka_unit_test(resume_opens_what_failed_and_nothing_else),
        cmocka_unit_test(lost_attempt_is_told_and_keeps_what_the_last_wrote),
        cmocka_unit_test(hint_follows_from_how_it_stands),
        cmocka_unit_test(only_the_end_of_much_output_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
