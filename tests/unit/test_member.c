#include "tests/testing.h"

#include "common/store/member.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>
#define ZLIB_CONST
#include <zlib.h>

static const char TEXT[] =
    "{\"task\":1,\"final\":true,\"status\":\"ok\",\"stdout\":\"aaaa aaaa\"}\n"
    "{\"task\":2,\"final\":true,\"status\":\"ok\",\"stdout\":\"aaaa aaaa\"}\n"
    "{\"task\":3,\"final\":true,\"status\":\"ok\",\"stdout\":\"aaaa aaaa\"}\n";

enum { FORMS = MEMBER_DEFLATED + 1 };

static struct buffer written(struct span text, enum member_form form)
{
    struct buffer out = {0};
    assert_int_equal(member_write(&out, text, form, 77), 0);
    return out;
}

static void member_comes_back_in_both_forms(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        struct buffer out = written(SPAN_OF(TEXT), (enum member_form)form),
                      text = {0};
        struct member member;
        assert_int_equal(member_read(buffer_span(&out), &member, &text),
                         MEMBER_WHOLE);
        assert_int_equal(member.size, out.size);
        assert_int_equal(member.durable, 77);
        assert_true(span_equal(buffer_span(&text), SPAN_OF(TEXT)));
        buffer_free(&out);
        buffer_free(&text);
    }
}

static void large_and_empty_texts_come_back(void **state)
{
    (void)state;
    static const size_t SIZES[] = {0,     1,     2048,  2049,
                                   65534, 65535, 65536, 200000};
    for (size_t i = 0; i < 2 * sizeof SIZES / sizeof *SIZES; i++) {
        struct buffer in = {0}, text = {0};
        const size_t size = SIZES[i / 2];
        uint8_t *at = buffer_extend(&in, size);
        for (size_t j = 0; j < size; j++)
            at[j] = (uint8_t)(j * 7 / 5);
        struct buffer out =
            written(buffer_span(&in), (enum member_form)(i % 2));
        struct member member;
        assert_int_equal(member_read(buffer_span(&out), &member, &text),
                         MEMBER_WHOLE);
        assert_true(span_equal(buffer_span(&text), buffer_span(&in)));
        buffer_free(&in);
        buffer_free(&out);
        buffer_free(&text);
    }
}

// Codes of more than eight bits a byte: more than the text's own size.
static void text_that_does_not_shrink_comes_back(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 1103515245 + 12345;
        bytes[i] = (uint8_t)(random >> 24 | 0x90);
    }
    for (size_t size = 0; size <= sizeof bytes; size++) {
        const struct span in = {bytes, size};
        struct buffer out = written(in, MEMBER_DEFLATED), text = {0};
        struct member member;
        assert_int_equal(member_read(buffer_span(&out), &member, &text),
                         MEMBER_WHOLE);
        assert_true(span_equal(buffer_span(&text), in));
        buffer_free(&out);
        buffer_free(&text);
    }
}

static void large_text_is_deflated_where_it_shrinks(void **state)
{
    (void)state;
    struct buffer text = {0};
    uint32_t random = 1;
    while (text.size < 300000)
        buffer_append(&text, TEXT, sizeof TEXT - 1);
    assert_int_equal(member_form(buffer_span(&text)), MEMBER_DEFLATED);
    for (size_t i = 0; i < text.size; i++) {
        random = random * 1103515245 + 12345;
        text.at[i] = (uint8_t)("0123456789abcdef"[random >> 28]);
    }
    assert_int_equal(member_form(buffer_span(&text)), MEMBER_STORED);
    const struct span small = {text.at, 1000};
    assert_int_equal(member_form(small), MEMBER_DEFLATED);
    buffer_free(&text);
}

static void plain_gzip_reads_it(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        struct buffer out = written(SPAN_OF(TEXT), (enum member_form)form);
        char text[sizeof TEXT] = "";
        z_stream stream = {.next_in = out.at,
                           .avail_in = (uInt)out.size,
                           .next_out = (Bytef *)text,
                           .avail_out = sizeof text};
        assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(stream.avail_in, 0);
        inflateEnd(&stream);
        assert_string_equal(text, TEXT);
        buffer_free(&out);
    }
}

// As zlib reads it, and fan. Each end is tried twice, as after a full disk.
static void assert_parts_are(const size_t *sizes, size_t count,
                             enum member_form form, struct span all)
{
    struct buffer out = {0}, text = {0}, plain = {0};
    struct member_draft draft = {0};
    struct span part = {all.at, 0};
    buffer_append_text(&out, "before");
    for (size_t i = 0; i < count; i++) {
        const struct member_draft before = draft;
        const size_t size = out.size;
        part.at += part.size;
        part.size = sizes[i];
        assert_int_equal(member_end(&out, &draft, part, form, 77), 0);
        if (i + 1 == count)
            break;
        draft = before;
        out.size = size;
        assert_int_equal(member_add(&out, &draft, part, form), 0);
    }
    const struct span whole = {out.at + 6, out.size - 6};
    struct member member;
    assert_int_equal(member_read(whole, &member, &text), MEMBER_WHOLE);
    assert_int_equal(member.size, whole.size);
    assert_true(span_equal(buffer_span(&text), all));
    z_stream stream = {.next_in = whole.at,
                       .avail_in = (uInt)whole.size,
                       .next_out = buffer_extend(&plain, all.size + 1),
                       .avail_out = (uInt)all.size + 1};
    assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.avail_out, 1);
    assert_memory_equal(plain.at, all.at, all.size);
    inflateEnd(&stream);
    buffer_free(&out);
    buffer_free(&text);
    buffer_free(&plain);
}

static void parts_are_one_member(void **state)
{
    (void)state;
    static const size_t SIZES[][4] = {{0, 0, 0, 0},
                                      {1, 0, 2, 0},
                                      {2048, 2049, 100, 0},
                                      {0, 65535, 65536, 1},
                                      {300000, 300000, 5, 300000}};
    struct buffer text = {0};
    while (text.size < 1000000)
        buffer_append(&text, TEXT, sizeof TEXT - 1);
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        struct span all = {text.at, 0};
        for (size_t j = 0; j < 4; j++)
            all.size += SIZES[i][j];
        assert_parts_are(SIZES[i], 4, MEMBER_STORED, all);
        assert_parts_are(SIZES[i], 4, MEMBER_DEFLATED, all);
    }
    buffer_free(&text);
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        struct buffer out = written(SPAN_OF(TEXT), (enum member_form)form),
                      text = {0};
        for (size_t bit = 0; bit < out.size * 8; bit++) {
            struct member member;
            const uint8_t mask = (uint8_t)(1 << bit % 8);
            out.at[bit / 8] ^= mask;
            assert_int_not_equal(member_read(buffer_span(&out), &member, &text),
                                 MEMBER_WHOLE);
            out.at[bit / 8] ^= mask;
        }
        buffer_free(&out);
        buffer_free(&text);
    }
}

static void cut_at_any_byte_is_incomplete(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        struct buffer out = written(SPAN_OF(TEXT), (enum member_form)form),
                      text = {0};
        for (size_t size = 0; size < out.size; size++) {
            struct member member;
            const struct span cut = {out.at, size};
            assert_int_equal(member_read(cut, &member, &text),
                             MEMBER_INCOMPLETE);
        }
        buffer_free(&out);
        buffer_free(&text);
    }
}

static void lying_length_allocates_nothing(void **state)
{
    (void)state;
    struct buffer out = written(SPAN_OF(TEXT), MEMBER_DEFLATED), text = {0};
    struct member member;
    memset(out.at + out.size - 4, 0xff, 3); // 16 MiB and more, as checked
    const XXH64_hash_t check = XXH3_64bits_withSeed(
        out.at + MEMBER_HEADER_SIZE, out.size - MEMBER_HEADER_SIZE,
        XXH3_64bits(out.at + 16, 16));
    for (unsigned i = 0; i < 8; i++)
        out.at[32 + i] = (uint8_t)(check >> 8 * i);
    assert_int_equal(member_read(buffer_span(&out), &member, &text),
                     MEMBER_DAMAGED);
    assert_true(text.capacity < 4096);
    memset(out.at + 16, 0xff, 8);
    assert_int_equal(member_peek(buffer_span(&out), &member), MEMBER_DAMAGED);
    buffer_free(&out);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(member_comes_back_in_both_forms),
        cmocka_unit_test(large_and_empty_texts_come_back),
        cmocka_unit_test(text_that_does_not_shrink_comes_back),
        cmocka_unit_test(large_text_is_deflated_where_it_shrinks),
        cmocka_unit_test(plain_gzip_reads_it),
        cmocka_unit_test(parts_are_one_member),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(cut_at_any_byte_is_incomplete),
        cmocka_unit_test(lying_length_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
