#include "tests/unit/wire_check.h"
#include "tests/unit/wire_decode.h"

#include <stdlib.h>
#include <string.h>

static enum wire_fault fault_of(struct span frame, size_t size_max)
{
    struct buffer scratch = {0};
    struct wire_header header;
    struct span body;
    const enum wire_fault fault =
        wire_open(frame, size_max, &scratch, &header, &body);
    assert_true(fault == WIRE_FINE || body.size == 0);
    buffer_free(&scratch);
    return fault;
}

// Decodes from a copy of exactly this size, so that a sanitizer sees any step
// beyond it.
static bool decodes(uint8_t type, const uint8_t *at, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, at, size);
    uint64_t sum = 0;
    const bool good = decode_any(type, (struct span){copy, size}, &sum);
    free(copy);
    return good;
}

static void every_prefix_of_every_message_is_refused(void **state)
{
    (void)state;
    for (uint8_t type = 1; type < WIRE_TYPES; type++) {
        struct buffer frame = {0};
        put_sample(&frame, type);
        assert_true(frame.size > WIRE_HEADER_SIZE);
        const struct span body = open_fine(&frame, type);
        assert_true(decodes(type, body.at, body.size));
        for (size_t size = 0; size < body.size; size++)
            assert_false(decodes(type, body.at, size));
        for (size_t size = 0; size < frame.size; size++)
            assert_int_not_equal(
                fault_of((struct span){frame.at, size}, FRAME_MAX), WIRE_FINE);
        buffer_free(&frame);
    }
}

static void a_trailing_byte_is_refused(void **state)
{
    (void)state;
    for (uint8_t type = 1; type < WIRE_TYPES; type++) {
        struct buffer frame = {0};
        put_sample(&frame, type);
        put_u8(&frame, 0);
        assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_SHORT);
        assert_false(decodes(type, frame.at + WIRE_HEADER_SIZE,
                             frame.size - WIRE_HEADER_SIZE));
        buffer_free(&frame);
    }
}

static void every_prefix_of_a_command_is_refused(void **state)
{
    (void)state;
    struct buffer command = {0};
    put_sample_command(&command);
    uint64_t sum = 0;
    for (size_t size = 0; size < command.size; size++)
        assert_false(walk_command((struct span){command.at, size}, &sum));
    assert_true(walk_command(buffer_span(&command), &sum));
    put_u8(&command, 0);
    assert_false(walk_command(buffer_span(&command), &sum));
    buffer_free(&command);
}

static void any_single_changed_byte_is_survived(void **state)
{
    (void)state;
    for (uint8_t type = 1; type < WIRE_TYPES; type++) {
        struct buffer frame = {0};
        put_sample(&frame, type);
        for (size_t i = WIRE_HEADER_SIZE; i < frame.size; i++) {
            const uint8_t was = frame.at[i];
            for (unsigned bit = 0; bit < 8; bit++) {
                frame.at[i] = (uint8_t)(was ^ (1U << bit));
                (void)decodes(type, frame.at + WIRE_HEADER_SIZE,
                              frame.size - WIRE_HEADER_SIZE);
            }
            frame.at[i] = was;
        }
        buffer_free(&frame);
    }
}

static void lying_counts_are_refused(void **state)
{
    (void)state;
    struct buffer body = {0};
    for (uint32_t count = 1; count != 0; count <<= 1) {
        // CANCEL is one list; nothing follows the count.
        buffer_clear(&body);
        put_u32(&body, count);
        assert_false(decodes(WIRE_CANCEL, body.at, body.size));
        // STORED: the first of three lists takes the others' counts.
        buffer_clear(&body);
        for (int i = 0; i < 5; i++)
            put_u64(&body, 0);
        put_u32(&body, count);
        put_u32(&body, 0);
        put_u32(&body, 0);
        assert_false(decodes(WIRE_STORED, body.at, body.size));
    }
    buffer_clear(&body);
    put_u32(&body, UINT32_MAX);
    assert_false(decodes(WIRE_CANCEL, body.at, body.size));
    buffer_free(&body);
}

static void empty_and_overflowing_runs_are_refused(void **state)
{
    (void)state;
    const struct wire_refs bad[] = {{1, 0, 1, 1}, {UINT64_MAX, 2, 1, 1}};
    for (size_t i = 0; i < 2; i++) {
        struct buffer frame = {0};
        wire_put_cancel(&frame, &SAMPLE_HEADER,
                        (struct wire_refs_out){&bad[i], 1});
        struct wire_cancel cancel;
        assert_false(wire_get_cancel(open_fine(&frame, WIRE_CANCEL), &cancel));
        buffer_free(&frame);
    }
}

static bool command_is_good(const struct wire_command_out *command)
{
    struct buffer out = {0};
    wire_put_command(&out, command);
    struct wire_command decoded;
    const bool good = wire_get_command(buffer_span(&out), &decoded);
    buffer_free(&out);
    return good;
}

static void a_command_keeps_its_rules(void **state)
{
    (void)state;
    const struct span args[] = {SPAN_OF("a"), SPAN_OF("bc")};
    const struct span nul[] = {SPAN_OF("a\0b")};
    const struct wire_slot_mark far[] = {{1, 3}};
    const struct wire_slot_mark beyond[] = {{2, 0}};
    const struct wire_slot_mark down[] = {{1, 1}, {0, 0}};
    const struct wire_slot_mark fine[] = {{0, 1}, {1, 0}, {1, 0}, {1, 2}};
    struct wire_command_out command = {.args = args, .arg_count = 2};
    assert_true(command_is_good(&command));
    command.marks = fine;
    command.mark_count = 4;
    assert_true(command_is_good(&command));
    command.mark_count = 1;
    command.marks = far;
    assert_false(command_is_good(&command));
    command.marks = beyond;
    assert_false(command_is_good(&command));
    command.marks = down;
    command.mark_count = 2;
    assert_false(command_is_good(&command));
    command.mark_count = 0;
    command.arg_count = 0;
    assert_false(command_is_good(&command));
    command.args = nul;
    command.arg_count = 1;
    assert_false(command_is_good(&command));
    command.args = args;
    command.stdout_path = SPAN_OF("x\0");
    assert_false(command_is_good(&command));
}

static void records_with_a_gap_are_refused(void **state)
{
    (void)state;
    struct wire_record two[] = {{.number = 1, .kind = RECORD_LEFT},
                                {.number = 3, .kind = RECORD_LEFT}};
    const struct wire_records records = {0};
    struct wire_records decoded;
    struct buffer frame = {0};
    wire_put_records(&frame, &SAMPLE_HEADER, &records, two, 2);
    assert_false(wire_get_records(open_fine(&frame, WIRE_RECORD), &decoded));
    two[1].number = 2;
    buffer_clear(&frame);
    wire_put_records(&frame, &SAMPLE_HEADER, &records, two, 2);
    assert_true(wire_get_records(open_fine(&frame, WIRE_RECORD), &decoded));
    two[0].number = 0;
    two[1].number = 1;
    buffer_clear(&frame);
    wire_put_records(&frame, &SAMPLE_HEADER, &records, two, 2);
    assert_false(wire_get_records(open_fine(&frame, WIRE_RECORD), &decoded));
    buffer_free(&frame);
}

static void check_fault(size_t offset, uint8_t value, enum wire_fault fault)
{
    struct buffer frame = {0};
    put_sample(&frame, WIRE_SYNC);
    frame.at[offset] = value;
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), fault);
    buffer_free(&frame);
}

static void a_bad_header_is_named(void **state)
{
    (void)state;
    check_fault(0, 'f', WIRE_MAGIC);
    check_fault(4, 2, WIRE_VERSION_UNKNOWN);
    check_fault(5, 0, WIRE_TYPE_UNKNOWN);
    check_fault(5, WIRE_TYPES, WIRE_TYPE_UNKNOWN);
    check_fault(6, 2, WIRE_FLAGS);
    check_fault(7, 1, WIRE_FLAGS);
    check_fault(6, WIRE_DEFLATED, WIRE_FLAGS);
    check_fault(16, 1, WIRE_FLAGS);
    check_fault(12, 11, WIRE_SHORT);
    check_fault(5, WIRE_SYNCED, WIRE_BODY);
    assert_string_equal(wire_fault_name(WIRE_MAGIC), "magic");
    assert_string_equal(wire_type_name(WIRE_SYNCED), "SYNCED");
    assert_string_equal(wire_type_name(200), "unknown");
    struct buffer frame = {0};
    put_sample(&frame, WIRE_SYNC);
    assert_int_equal(fault_of(buffer_span(&frame), frame.size), WIRE_FINE);
    assert_int_equal(fault_of(buffer_span(&frame), frame.size - 1),
                     WIRE_TOO_LARGE);
    assert_int_equal(fault_of(buffer_span(&frame), 0), WIRE_TOO_LARGE);
    buffer_free(&frame);
}

// An ASK whose JSON is `size` equal bytes, deflated.
static void put_compressible(struct buffer *frame, size_t size)
{
    uint8_t *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    wire_put_ask(frame, &SAMPLE_HEADER, &(struct wire_ask){1, {text, size}});
    wire_deflate(frame);
    free(text);
}

static void a_deflated_frame_opens_to_the_same_body(void **state)
{
    (void)state;
    struct buffer frame = {0}, scratch = {0};
    struct wire_header header;
    struct span body;
    struct wire_ask ask;
    put_compressible(&frame, 10000);
    assert_true(frame.size < 200);
    const size_t once = frame.size;
    wire_deflate(&frame);
    assert_int_equal(frame.size, once);
    assert_int_equal(
        wire_open(buffer_span(&frame), FRAME_MAX, &scratch, &header, &body),
        WIRE_FINE);
    assert_int_equal(header.inflated_size, 10008);
    assert_true(wire_get_ask(body, &ask));
    assert_int_equal(ask.json.size, 10000);
    assert_int_equal(ask.json.at[9999], 'x');
    buffer_free(&scratch);
    buffer_free(&frame);
}

static void what_does_not_shrink_is_left_alone(void **state)
{
    (void)state;
    struct buffer frame = {0};
    uint8_t noise[4096];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        seed = seed * 1664525 + 1013904223;
        noise[i] = (uint8_t)(seed >> 24);
    }
    wire_put_ask(&frame, &SAMPLE_HEADER,
                 &(struct wire_ask){1, {noise, sizeof noise}});
    const size_t size = frame.size;
    wire_deflate(&frame);
    assert_int_equal(frame.size, size);
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_FINE);
    buffer_free(&frame);
}

static void bombs_and_lies_of_compression_are_refused(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_compressible(&frame, 4 * FRAME_MAX);
    assert_true(frame.size < FRAME_MAX);
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_TOO_LARGE);
    // A smaller promise than what is inside, a larger, an absurd one.
    set_u32(&frame, 16, 1000);
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_INFLATE);
    buffer_clear(&frame);
    put_compressible(&frame, 10000);
    set_u32(&frame, 16, 10009);
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_INFLATE);
    set_u32(&frame, 16, FRAME_MAX - WIRE_HEADER_SIZE);
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_INFLATE);
    // Damage, and bytes behind the end of the stream.
    set_u32(&frame, 16, 10008);
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_FINE);
    frame.at[frame.size - 1] ^= 1;
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_INFLATE);
    frame.at[frame.size - 1] ^= 1;
    put_u8(&frame, 0);
    set_u32(&frame, 12, (uint32_t)(frame.size - WIRE_HEADER_SIZE));
    assert_int_equal(fault_of(buffer_span(&frame), FRAME_MAX), WIRE_INFLATE);
    buffer_free(&frame);
}

static void the_table_knows_the_smallest_bodies(void **state)
{
    (void)state;
    for (uint8_t type = 1; type < WIRE_TYPES; type++) {
        assert_non_null(WIRE_TABLE[type].name);
        assert_int_not_equal(WIRE_TABLE[type].senders, 0);
        uint8_t body[256] = {0};
        if (type == WIRE_HELLO)
            body[2] = ROLE_SINK;
        if (type == WIRE_END)
            body[1] = END_COMPLETE;
        assert_true(decodes(type, body, WIRE_TABLE[type].body_min));
        assert_false(decodes(type, body, WIRE_TABLE[type].body_min - 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_prefix_of_every_message_is_refused),
        cmocka_unit_test(a_trailing_byte_is_refused),
        cmocka_unit_test(every_prefix_of_a_command_is_refused),
        cmocka_unit_test(any_single_changed_byte_is_survived),
        cmocka_unit_test(lying_counts_are_refused),
        cmocka_unit_test(empty_and_overflowing_runs_are_refused),
        cmocka_unit_test(a_command_keeps_its_rules),
        cmocka_unit_test(records_with_a_gap_are_refused),
        cmocka_unit_test(a_bad_header_is_named),
        cmocka_unit_test(a_deflated_frame_opens_to_the_same_body),
        cmocka_unit_test(what_does_not_shrink_is_left_alone),
        cmocka_unit_test(bombs_and_lies_of_compression_are_refused),
        cmocka_unit_test(the_table_knows_the_smallest_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
