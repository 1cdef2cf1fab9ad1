#include "tests/testing.h"

#include "worker/retain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct buffer frame_of(const char *text)
{
    struct buffer frame = {0};
    buffer_append_text(&frame, text);
    return frame;
}

static void add(struct retain *retain, const char *text)
{
    struct buffer frame = frame_of(text);
    assert_int_equal(retain_add(retain, &frame), 0);
    assert_null(frame.at);
    assert_int_equal(frame.size, 0);
}

static void assert_frame(struct retain *retain, uint64_t number,
                         const char *text)
{
    const struct share *frame = retain_frame(retain, number);
    assert_non_null(frame);
    assert_true(span_equal(share_span(frame), span_of_text(text)));
}

static void numbers_count_from_one_without_a_gap(void **state)
{
    (void)state;
    struct retain *retain = retain_create(1000);
    assert_int_equal(retain_made(retain), 0);
    assert_int_equal(retain_kept(retain), 1);
    assert_null(retain_frame(retain, 0));
    assert_null(retain_frame(retain, 1));
    add(retain, "one");
    add(retain, "two");
    assert_int_equal(retain_made(retain), 2);
    assert_int_equal(retain_kept(retain), 1);
    assert_frame(retain, 1, "one");
    assert_frame(retain, 2, "two");
    assert_null(retain_frame(retain, 3));
    retain_destroy(&retain);
    assert_null(retain);
    retain_destroy(&retain);
}

static void retired_frames_leave_and_numbers_go_on(void **state)
{
    (void)state;
    struct retain *retain = retain_create(1000);
    add(retain, "one");
    add(retain, "two");
    add(retain, "three");
    assert_int_equal(retain_retire(retain, 2), 0);
    assert_int_equal(retain_kept(retain), 3);
    assert_null(retain_frame(retain, 2));
    assert_frame(retain, 3, "three");
    assert_int_equal(retain_retire(retain, 1), 0); // late: nothing happens
    assert_int_equal(retain_kept(retain), 3);
    assert_int_equal(retain_retire(retain, 3), 0);
    assert_int_equal(retain_kept(retain), 4);
    assert_int_equal(retain_made(retain), 3);
    add(retain, "four");
    assert_int_equal(retain_made(retain), 4);
    assert_frame(retain, 4, "four");
    retain_destroy(&retain);
}

static void retiring_what_was_not_made_is_refused(void **state)
{
    (void)state;
    struct retain *retain = retain_create(1000);
    assert_int_equal(retain_retire(retain, 1), -EINVAL);
    add(retain, "one");
    assert_int_equal(retain_retire(retain, 2), -EINVAL);
    assert_int_equal(retain_retire(retain, UINT64_MAX), -EINVAL);
    assert_int_equal(retain_kept(retain), 1);
    assert_frame(retain, 1, "one");
    assert_int_equal(retain_retire(retain, 0), 0);
    assert_frame(retain, 1, "one");
    retain_destroy(&retain);
}

static void it_is_full_from_its_budget_on_until_enough_is_retired(void **state)
{
    (void)state;
    struct retain *retain = retain_create(10);
    assert_false(retain_full(retain));
    add(retain, "123456789");
    assert_false(retain_full(retain));
    add(retain, "x");
    assert_true(retain_full(retain));
    add(retain, "taken all the same");
    assert_frame(retain, 3, "taken all the same");
    assert_int_equal(retain_retire(retain, 1), 0);
    assert_true(retain_full(retain));
    retain_set_max(retain, 100);
    assert_false(retain_full(retain));
    retain_set_max(retain, 10);
    assert_int_equal(retain_retire(retain, 3), 0);
    assert_false(retain_full(retain));
    retain_destroy(&retain);
}

static void a_frame_can_be_changed_where_it_is(void **state)
{
    (void)state;
    struct retain *retain = retain_create(1000);
    add(retain, "one");
    const uint8_t *const at = share_span(retain_frame(retain, 1)).at;
    retain_change(retain, 1)->at[0] = 'O';
    assert_frame(retain, 1, "One");
    assert_ptr_equal(share_span(retain_frame(retain, 1)).at, at);
    assert_null(retain_change(retain, 2));
    retain_destroy(&retain);
}

static void what_somebody_else_holds_stays_as_it_was(void **state)
{
    (void)state;
    struct retain *retain = retain_create(3);
    add(retain, "one");
    struct share *held = share_hold(retain_frame(retain, 1));
    retain_change(retain, 1)->at[0] = 'O';
    assert_frame(retain, 1, "One");
    assert_true(span_equal(share_span(held), SPAN_OF("one")));
    assert_true(retain_full(retain));
    share_drop(held);
    held = share_hold(retain_frame(retain, 1));
    assert_int_equal(retain_retire(retain, 1), 0);
    assert_false(retain_full(retain));
    assert_true(span_equal(share_span(held), SPAN_OF("One")));
    share_drop(held);
    retain_destroy(&retain);
}

// The ring grows while it is turned.
static void every_frame_is_found_however_many_come_and_go(void **state)
{
    (void)state;
    struct retain *retain = retain_create(UINT64_MAX);
    char text[32];
    for (uint64_t made = 1; made <= 3000; made++) {
        (void)snprintf(text, sizeof text, "frame %llu",
                       (unsigned long long)made);
        add(retain, text);
        if (made % 3 == 0)
            assert_int_equal(retain_retire(retain, made / 3), 0);
    }
    assert_int_equal(retain_kept(retain), 1001);
    assert_int_equal(retain_made(retain), 3000);
    for (uint64_t number = 1001; number <= 3000; number++) {
        (void)snprintf(text, sizeof text, "frame %llu",
                       (unsigned long long)number);
        assert_frame(retain, number, text);
    }
    retain_destroy(&retain);
}

static void spare_memory_of_a_frame_is_given_back(void **state)
{
    (void)state;
    struct retain *retain = retain_create(1000);
    struct buffer frame = {0};
    assert_non_null(buffer_extend(&frame, 1 << 20));
    frame.size = 10;
    memset(frame.at, 'x', frame.size);
    assert_int_equal(retain_add(retain, &frame), 0);
    assert_true(retain_change(retain, 1)->capacity < 1000);
    assert_frame(retain, 1, "xxxxxxxxxx");
    retain_destroy(&retain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_somebody_else_holds_stays_as_it_was),
        cmocka_unit_test(numbers_count_from_one_without_a_gap),
        cmocka_unit_test(retired_frames_leave_and_numbers_go_on),
        cmocka_unit_test(retiring_what_was_not_made_is_refused),
        cmocka_unit_test(it_is_full_from_its_budget_on_until_enough_is_retired),
        cmocka_unit_test(a_frame_can_be_changed_where_it_is),
        cmocka_unit_test(every_frame_is_found_however_many_come_and_go),
        cmocka_unit_test(spare_memory_of_a_frame_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
