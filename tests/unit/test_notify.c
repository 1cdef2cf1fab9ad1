#include "tests/testing.h"

#include "command/notify.h"

#include <stdio.h>

enum { RATE = 3, ROOM = 100, MINUTE_MS = 60000 };

static struct notify *fresh(void)
{
    struct notify *const notify = notify_create(RATE, ROOM);
    assert_non_null(notify);
    return notify;
}

// As the edge does: true when it is taken.
static bool offer(struct notify *notify, const char *object, int64_t now_ms)
{
    struct notify_counts before, after;
    notify_counts(notify, &before);
    if (notify_has_room(notify, now_ms))
        notify_put(notify, span_of_text(object));
    else
        notify_leave_out(notify);
    notify_counts(notify, &after);
    return after.waiting == before.waiting + 1;
}

static void begins(struct notify *notify, int64_t now_ms, const char *expected)
{
    struct buffer text = {0};
    assert_true(notify_begin(notify, now_ms, &text));
    put_u8(&text, 0);
    assert_string_equal((const char *)text.at, expected);
    buffer_free(&text);
}

static void begins_and_ends(struct notify *notify, int64_t now_ms)
{
    struct buffer text = {0};
    assert_true(notify_begin(notify, now_ms, &text));
    buffer_free(&text);
    notify_end(notify, true);
}

static void calls_are_in_turn_and_one_at_a_time(void **state)
{
    struct notify *notify = fresh();
    struct buffer text = {0};
    (void)state;
    assert_false(notify_begin(notify, 0, &text));
    assert_true(offer(notify, "{\"a\":1}", 0));
    assert_true(offer(notify, "{\"a\":2}", 0));
    begins(notify, 0, "{\"a\":1,\"suppressed\":0}\n");
    assert_false(notify_begin(notify, 0, &text));
    notify_end(notify, true);
    begins(notify, 5, "{\"a\":2,\"suppressed\":0}\n");
    notify_end(notify, false);
    struct notify_counts counts;
    notify_counts(notify, &counts);
    assert_int_equal(counts.calls, 2);
    assert_int_equal(counts.failed, 1);
    assert_int_equal(counts.left_out, 0);
    notify_destroy(&notify);
    notify_destroy(&notify);
}

static void over_the_rate_is_left_out_and_told_by_the_next(void **state)
{
    struct notify *notify = fresh();
    (void)state;
    for (int i = 0; i < RATE; i++)
        assert_true(offer(notify, "{\"a\":1}", 1000));
    assert_false(offer(notify, "{\"a\":1}", 1000));
    begins(notify, 1000, "{\"a\":1,\"suppressed\":1}\n");
    notify_end(notify, true);
    for (int i = 1; i < RATE; i++)
        begins_and_ends(notify, 1000);
    assert_false(offer(notify, "{\"a\":1}", 1000));
    assert_false(offer(notify, "{\"a\":1}", 1000 + MINUTE_MS - 1));
    assert_true(offer(notify, "{\"a\":5}", 1000 + MINUTE_MS));
    begins(notify, 1000 + MINUTE_MS, "{\"a\":5,\"suppressed\":2}\n");
    notify_end(notify, true);
    assert_true(offer(notify, "{\"a\":6}", 1000 + MINUTE_MS));
    begins(notify, 1000 + MINUTE_MS, "{\"a\":6,\"suppressed\":0}\n");
    notify_destroy(&notify);
}

// Whatever comes when, and however long calls take.
static void no_minute_has_more_calls_than_the_rate(void **state)
{
    struct notify *notify = fresh();
    struct buffer text = {0};
    int64_t begun[1000], free_ms = 0;
    uint32_t random = 1;
    size_t calls = 0;
    (void)state;
    for (int64_t now_ms = 0; calls < 500; now_ms += 500) {
        random = random * 1664525 + 1013904223;
        if (random >> 29 == 0)
            for (uint32_t i = 0; i <= (random >> 20 & 7); i++)
                offer(notify, "{\"a\":1}", now_ms);
        if (now_ms < free_ms)
            continue;
        notify_end(notify, true);
        if (!notify_begin(notify, now_ms, &text))
            continue;
        free_ms = now_ms + (random >> 16 & 0x7fff);
        begun[calls++] = now_ms;
        if (calls > RATE)
            assert_true(now_ms - begun[calls - 1 - RATE] >= MINUTE_MS);
    }
    // It is not slower than it has to be, either.
    assert_true(begun[calls - 1] < (int64_t)calls * 2 * MINUTE_MS / RATE);
    buffer_free(&text);
    notify_destroy(&notify);
}

static void what_waits_is_bounded_in_bytes(void **state)
{
    char large[ROOM + 50];
    struct notify *notify = fresh();
    (void)state;
    memset(large, 'x', sizeof large - 1);
    large[0] = '{';
    large[sizeof large - 2] = '}';
    large[sizeof large - 1] = '\0';
    assert_true(offer(notify, large, 0)); // alone, of any size
    assert_false(offer(notify, "{\"a\":1}", 0));
    begins_and_ends(notify, 0);
    assert_true(offer(notify, "{\"a\":1}", 0));
    assert_false(offer(notify, large, 0));
    notify_destroy(&notify);
}

static void what_is_dropped_is_left_out(void **state)
{
    struct notify *notify = fresh();
    struct notify_counts counts;
    (void)state;
    offer(notify, "{\"a\":1}", 0);
    offer(notify, "{\"a\":2}", 0);
    notify_drop(notify);
    notify_counts(notify, &counts);
    assert_int_equal(counts.waiting, 0);
    assert_int_equal(counts.left_out, 2);
    assert_int_equal(counts.calls, 0);
    notify_destroy(&notify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_in_turn_and_one_at_a_time),
        cmocka_unit_test(over_the_rate_is_left_out_and_told_by_the_next),
        cmocka_unit_test(no_minute_has_more_calls_than_the_rate),
        cmocka_unit_test(what_waits_is_bounded_in_bytes),
        cmocka_unit_test(what_is_dropped_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
