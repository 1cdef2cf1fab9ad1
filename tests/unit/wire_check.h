/* wire_check - frames of the samples are opened, and what all of them have is
 * checked */
#ifndef TESTS_UNIT_WIRE_CHECK_H
#define TESTS_UNIT_WIRE_CHECK_H

#include "common/wire/wire.h"
#include "tests/unit/wire_samples.h"

#include "tests/testing.h"

enum { FRAME_MAX = 1 << 20 };

// Opens the frame in `frame`, which must be fine, and gives its body.
static inline struct span open_fine(const struct buffer *frame, uint8_t type)
{
    struct buffer unused = {0};
    struct wire_header header;
    struct span body;
    assert_false(frame->failed);
    assert_int_equal(
        wire_open(buffer_span(frame), FRAME_MAX, &unused, &header, &body),
        WIRE_FINE);
    assert_int_equal(header.type, type);
    assert_int_equal(header.version, WIRE_VERSION);
    assert_int_equal(header.generation, SAMPLE_HEADER.generation);
    assert_true(id128_equal(&header.run, &SAMPLE_HEADER.run));
    assert_true(id128_equal(&header.sender, &SAMPLE_HEADER.sender));
    assert_null(unused.at);
    return body;
}

static inline void check_refs(struct wire_list list, struct wire_refs_out want)
{
    struct wire_refs refs;
    for (size_t i = 0; i < want.count; i++) {
        assert_true(wire_next_refs(&list, &refs));
        assert_memory_equal(&refs.task, &want.at[i].task, 8);
        assert_int_equal(refs.count, want.at[i].count);
        assert_int_equal(refs.generation, want.at[i].generation);
        assert_int_equal(refs.attempt, want.at[i].attempt);
    }
    assert_false(wire_next_refs(&list, &refs));
}

static inline void check_pairs(struct wire_list list)
{
    struct wire_pair want[2], pair;
    put_sample_pairs(want);
    for (size_t i = 0; i < 2; i++) {
        assert_true(wire_next_pair(&list, &pair));
        assert_true(span_equal(pair.name, want[i].name));
        assert_true(span_equal(pair.value, want[i].value));
    }
    assert_false(wire_next_pair(&list, &pair));
}

#endif
