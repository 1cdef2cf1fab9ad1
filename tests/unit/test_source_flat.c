#include "tests/testing.h"

#include "ventilator/source_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINES_OF_CHANCE = 100000, WORDS_MAX = 12 };

struct both {
    struct source flat, tree;
    struct problem problem;
};

static int setup(void **state)
{
    struct both *both = calloc(1, sizeof *both);
    *state = both;
    if (!both)
        return -1;
    both->flat.ordinal = both->tree.ordinal = 1;
    return 0;
}

static int teardown(void **state)
{
    struct both *both = *state;
    free(both->flat.values);
    free(both->tree.values);
    buffer_free(&both->flat.scratch);
    buffer_free(&both->tree.scratch);
    free(both);
    return 0;
}

static void expect_same(struct span flat, struct span tree)
{
    assert_non_null(flat.at);
    assert_int_equal(flat.size, tree.size);
    assert_memory_equal(flat.at, tree.at, tree.size);
}

// Whether it is taken; if so, as jansson would.
static bool taken(struct both *both, struct span line)
{
    both->flat.value_count = both->tree.value_count = 0;
    if (!source_flat(&both->flat, line)) {
        assert_int_equal(both->flat.value_count, 0);
        return false;
    }
    assert_int_equal(source_tree(&both->tree, line, 0, &both->problem),
                     SOURCE_TASK);
    assert_int_equal(both->flat.value_count, both->tree.value_count);
    for (size_t i = 0; i < both->tree.value_count; i++) {
        const struct wire_pair *flat = &both->flat.values[i];
        expect_same(flat->name, both->tree.values[i].name);
        expect_same(flat->value, both->tree.values[i].value);
    }
    return true;
}

static void flat_objects_are_taken_as_jansson_takes_them(void **state)
{
    static const char *const LINES[] = {
        "{\"a\":\"b\"}",
        " { \"a\" :\t\"b\" , \"c\":1 }\r\n",
        "{\"\":\"\"}",
        "{\"t\":true,\"f\":false,\"n\":null}",
        "{\"a\":0,\"b\":-1,\"c\":999999999999999999,\"d\":-12}",
        "{\"a\":9223372036854775807,\"b\":-9223372036854775808,\"c\":-0}",
        "{\"a\":0.0,\"b\":-0.0,\"c\":1.5,\"d\":-100.0,\"e\":0.0001}",
        "{\"a\":0.00001,\"b\":0.00012,\"c\":1.50,\"d\":100000000000000.5}",
        "{\"a\":1234567890123.45,\"b\":12345678901234.56}",
        "{\"a\":0.30000000000000004,\"b\":0.1000000000000000055511}",
        "{\"a\":1e5,\"b\":1E+5,\"c\":2.5e-7,\"d\":1e22,\"e\":1e-400}",
        "{\"a\":\"\\\"\\\\\\/"
        "\\b\\f\\n\\r\\t\",\"b\":\"\\u00e9\\uD83D\\ude00\"}",
        "{\"a\":\"\\u0041\",\"b\":\"1234567\\\\\",\"c\":\"x\"}",
        "{\"\xc3\xa9\":\"\xe2\x82\xac \xf0\x9f\x98\x80 and \xed\x9f\xbf\"}",
        "{\"a\":\"more than eight plain bytes, \x7f and more than sixteen\"}",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++)
        if (!taken(*state, span_of_text(LINES[i])))
            fail_msg("left to jansson: %s", LINES[i]);
}

static void what_is_not_flat_or_wrong_is_left_to_jansson(void **state)
{
    static const char *const LINES[] = {
        "",
        " ",
        "{",
        "{}",
        "[1]",
        "7",
        "x",
        "{\"a\":{}}",
        "{\"a\":[]}",
        "{\"a\":1,\"a\":2}",
        "{\"\\u0061\":1,\"a\":2}",
        "{\"a\":1,}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\" 1}",
        "{\"a\":}",
        "{\"a\":1 2}",
        "{\"a\":truex}",
        "{\"a\":tru}",
        "{\"a\":nulll}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1.5.2}",
        "{\"a\":1-2}",
        "{\"a\":1e}",
        "{\"a\":1e999}",
        "{\"a\":9223372036854775808}",
        "{\"a\":0x10}",
        "{\"a\":NaN}",
        "{\"a\":\"",
        "{\"a\":\"b",
        "{\"a\":\"b\\",
        "{\"a\":\"b\\\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"b\tc\"}",
        "{\"a\":\"long \x1f enough\"}",
        "{\"a\":\"\x80\"}",
        "{\"a\":\"\xc0\xaf\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xf4\x90\x80\x80\"}",
        "{\"a\":\"\xe2\x82\"}",
        "{\"\xff\":\"\"}",
        "\xef\xbb\xbf{\"a\":1}",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++)
        if (taken(*state, span_of_text(LINES[i])))
            fail_msg("taken: %s", LINES[i]);
}

static void many_fields_and_long_names_are_left_to_jansson(void **state)
{
    struct buffer line = {0};
    for (unsigned i = 0; i < 65; i++)
        buffer_printf(&line, "%c\"n%u\":%u", i ? ',' : '{', i, i);
    put_u8(&line, '}');
    assert_false(taken(*state, buffer_span(&line)));
    line.size = 0;
    buffer_printf(&line, "{\"%01024d\":1}", 0);
    assert_true(taken(*state, buffer_span(&line)));
    line.size = 0;
    buffer_printf(&line, "{\"%01025d\":1}", 0);
    assert_false(taken(*state, buffer_span(&line)));
    buffer_free(&line);
}

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1;
    return *seed >> 33;
}

// Every double has its text: compared with jansson's for digits by chance.
static void numbers_by_chance_are_written_as_jansson_writes_them(void **state)
{
    uint64_t seed = 1;
    for (unsigned i = 0; i < LINES_OF_CHANCE; i++) {
        char whole[24], fraction[24], line[96];
        snprintf(whole, sizeof whole, "%llu",
                 (unsigned long long)(draw(&seed) * draw(&seed)));
        snprintf(fraction, sizeof fraction, "%0*llu", (int)(draw(&seed) % 12),
                 (unsigned long long)draw(&seed));
        whole[draw(&seed) % 18 + 1] = '\0';
        fraction[draw(&seed) % 12 + 1] = '\0';
        if (draw(&seed) % 4 == 0)
            snprintf(whole, sizeof whole, "0");
        snprintf(line, sizeof line, "{\"a\":%s%s%s%s}",
                 draw(&seed) % 2 ? "-" : "", whole, draw(&seed) % 8 ? "." : "",
                 fraction);
        taken(*state, span_of_text(line));
    }
}

static void pieces_in_any_order_are_taken_alike_or_left(void **state)
{
    static const char *const PIECES[] = {
        "{",        "}",     "{\"a\":", ",\"b\":", ",\"c\":",
        "\"a\"",    "\"",    ":",       ",",       " ",
        "1",        "-0",    "0.5",     "e3",      "true",
        "null",     "\"x\"", "\\n",     "\\u00e4", "\\",
        "\xc3\xa4", "\"\\t", "}",       "}",       "12345678901234567",
        ".10"};
    enum { PIECE_COUNT = sizeof PIECES / sizeof PIECES[0] };
    uint64_t seed = 2;
    unsigned count = 0;
    struct buffer line = {0};
    for (unsigned i = 0; i < LINES_OF_CHANCE; i++) {
        line.size = 0;
        buffer_append_text(&line, "{\"a\":");
        for (uint64_t words = draw(&seed) % WORDS_MAX; words > 0; words--)
            buffer_append_text(&line, PIECES[draw(&seed) % PIECE_COUNT]);
        put_u8(&line, '}');
        count += taken(*state, buffer_span(&line));
    }
    buffer_free(&line);
    assert_true(count > LINES_OF_CHANCE / 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flat_objects_are_taken_as_jansson_takes_them),
        TEST(what_is_not_flat_or_wrong_is_left_to_jansson),
        TEST(many_fields_and_long_names_are_left_to_jansson),
        TEST(numbers_by_chance_are_written_as_jansson_writes_them),
        TEST(pieces_in_any_order_are_taken_alike_or_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
