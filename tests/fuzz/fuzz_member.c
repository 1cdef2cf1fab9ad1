/* fuzz_member - any bytes as a member of the log, and as its text
 * covers: common/store/member.c
 */
#include "common/store/member.h"

#include <assert.h>

// Any bytes are read safely; what is read whole has the size it says and
// comes back when written and read again.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer text = {0}, again = {0}, back = {0};
    struct member member, second;
    const struct span bytes = {data, size};
    if (member_read(bytes, &member, &text) == MEMBER_WHOLE) {
        assert(member.size <= size);
        assert(member_write(&again, buffer_span(&text), MEMBER_DEFLATED,
                            member.durable) == 0);
        assert(member_read(buffer_span(&again), &second, &back) ==
               MEMBER_WHOLE);
        assert(span_equal(buffer_span(&text), buffer_span(&back)));
    }
    // As text, in two parts: both forms give it back.
    buffer_clear(&again);
    const enum member_form form =
        size > 0 && data[0] % 2 > 0 ? MEMBER_DEFLATED : MEMBER_STORED;
    const size_t cut = size > 0 ? data[0] % size : 0;
    const struct span head = {data, cut}, tail = {data + cut, size - cut};
    struct member_draft draft = {0};
    assert(member_add(&again, &draft, head, form) == 0);
    assert(member_end(&again, &draft, tail, form, size) == 0);
    assert(member_read(buffer_span(&again), &second, &back) == MEMBER_WHOLE);
    assert(second.durable == size && second.size == again.size);
    assert(span_equal(bytes, buffer_span(&back)));
    buffer_free(&text);
    buffer_free(&again);
    buffer_free(&back);
    return 0;
}
