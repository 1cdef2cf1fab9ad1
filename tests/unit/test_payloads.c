#include "tests/testing.h"
#include "ventilator/payloads.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 500 };

// Sizes around the limits of what stands in a block.
static size_t size_of(size_t i)
{
    static const size_t SIZES[] = {0,
                                   1,
                                   100,
                                   PAYLOAD_BLOCK / 2 - 24,
                                   PAYLOAD_BLOCK / 2,
                                   PAYLOAD_SHORT_MAX - 1,
                                   PAYLOAD_SHORT_MAX,
                                   PAYLOAD_SHORT_MAX + 1,
                                   3 * PAYLOAD_BLOCK};
    return SIZES[i % (sizeof SIZES / sizeof *SIZES)];
}

static struct payload *make(struct payloads *payloads, struct buffer *encoded,
                            size_t i)
{
    uint8_t *room = buffer_extend(encoded, size_of(i));
    assert_non_null(room);
    memset(room, (int)(i % 251), size_of(i));
    struct payload *payload = payload_make(payloads, encoded);
    assert_non_null(payload);
    assert_int_equal(encoded->size, 0);
    return payload;
}

static void check(const struct payload *payload, size_t i)
{
    assert_int_equal(payload->size, size_of(i));
    for (size_t k = 0; k < payload->size; k++)
        assert_int_equal(payload->at[k], i % 251);
}

// The address sanitizer sees what is freed early, or never.
static void
payloads_keep_their_bytes_whatever_is_freed_around_them(void **state)
{
    (void)state;
    struct payloads payloads = {0};
    struct buffer encoded = {0};
    struct payload *made[MANY];
    for (size_t i = 0; i < MANY; i++)
        made[i] = make(&payloads, &encoded, i);
    for (size_t i = 0; i < MANY; i += 2) // then these are made anew
        payload_free(&payloads, made[i]);
    for (size_t i = 0; i < MANY; i += 2)
        made[i] = make(&payloads, &encoded, i);
    for (size_t i = MANY; i-- > 0;) {
        check(made[i], i);
        payload_free(&payloads, made[i]);
    }
    buffer_free(&encoded);
    payloads_clear(&payloads);
}

static void one_at_a_time_uses_the_same_place_again(void **state)
{
    (void)state;
    struct payloads payloads = {0};
    struct buffer encoded = {0};
    struct payload *const first = make(&payloads, &encoded, 2);
    payload_free(&payloads, first);
    for (size_t i = 0; i < MANY; i++) {
        struct payload *const payload = make(&payloads, &encoded, 2);
        assert_ptr_equal(payload, first);
        payload_free(&payloads, payload);
    }
    buffer_free(&encoded);
    payloads_clear(&payloads);
}

// What lives long holds no memory but its own: each goes when it is freed.
static void payloads_apart_share_no_block(void **state)
{
    (void)state;
    struct payloads payloads = {.apart = true};
    struct buffer encoded = {0};
    struct payload *made[MANY];
    for (size_t i = 0; i < MANY; i++)
        made[i] = make(&payloads, &encoded, i);
    for (size_t i = 0; i < MANY; i++) {
        check(made[i], i);
        for (size_t k = 0; k < i; k++)
            assert_ptr_not_equal(made[i]->block, made[k]->block);
    }
    for (size_t i = 0; i < MANY; i++)
        payload_free(&payloads, made[(i * 7) % MANY]);
    buffer_free(&encoded);
    payloads_clear(&payloads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            payloads_keep_their_bytes_whatever_is_freed_around_them),
        cmocka_unit_test(one_at_a_time_uses_the_same_place_again),
        cmocka_unit_test(payloads_apart_share_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
