// The messages of tests/vectors are what this program says and understands:
// whoever changes the protocol without meaning to sees it here.
#include "common/wire/wire.h"
#include "tests/unit/wire_decode.h"
#include "tests/unit/wire_samples.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/testing.h"

enum { FRAME_MAX = 1 << 20, PATH_SIZE = 512 };

static unsigned hex_value(char digit)
{
    const char digits[] = "0123456789abcdef";
    const char *at = digit ? strchr(digits, digit) : NULL;
    assert_non_null(at);
    return (unsigned)(at - digits);
}

// Appends the bytes of one line, up to its comment.
static void put_hex_line(struct buffer *frame, const char *line)
{
    while (*line && *line != '#' && *line != '\n') {
        if (*line == ' ') {
            line++;
            continue;
        }
        put_u8(frame, (uint8_t)(hex_value(line[0]) << 4 | hex_value(line[1])));
        line += 2;
    }
}

// The bytes of tests/vectors/NAME.hex, NAME in lower case.
static void read_vector(const char *name, struct buffer *frame)
{
    char path[PATH_SIZE], line[8192];
    const int size =
        snprintf(path, sizeof path, "%s/vectors/%s.hex", TEST_DATA, name);
    assert_in_range(size, 1, PATH_SIZE - 1);
    for (char *at = strrchr(path, '/'); *at; at++)
        *at = (char)tolower((unsigned char)*at);
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s is missing", path);
    while (fgets(line, sizeof line, file))
        put_hex_line(frame, line);
    fclose(file);
    assert_false(frame->failed);
}

static void every_message_is_encoded_as_its_vector(void **state)
{
    (void)state;
    for (uint8_t type = 1; type < WIRE_TYPES; type++) {
        struct buffer vector = {0}, frame = {0};
        read_vector(wire_type_name(type), &vector);
        put_sample(&frame, type);
        if (!span_equal(buffer_span(&vector), buffer_span(&frame)))
            fail_msg("%s is not its vector", wire_type_name(type));
        buffer_free(&vector);
        buffer_free(&frame);
    }
}

static void every_vector_is_understood(void **state)
{
    (void)state;
    for (uint8_t type = 1; type < WIRE_TYPES; type++) {
        struct buffer vector = {0}, scratch = {0};
        struct wire_header header;
        struct span body;
        uint64_t sum = 0;
        read_vector(wire_type_name(type), &vector);
        assert_int_equal(wire_open(buffer_span(&vector), FRAME_MAX, &scratch,
                                   &header, &body),
                         WIRE_FINE);
        assert_int_equal(header.type, type);
        if (!decode_any(type, body, &sum))
            fail_msg("the vector of %s is refused", wire_type_name(type));
        buffer_free(&vector);
        buffer_free(&scratch);
    }
}

// Not compared as it is: compressors may differ, what comes out may not.
static void the_deflated_vector_is_the_plain_one_inside(void **state)
{
    (void)state;
    struct buffer vector = {0}, scratch = {0}, plain = {0};
    struct wire_header header;
    struct span body;
    read_vector("results-deflated", &vector);
    put_sample(&plain, WIRE_RESULTS);
    assert_int_equal(
        wire_open(buffer_span(&vector), FRAME_MAX, &scratch, &header, &body),
        WIRE_FINE);
    assert_int_equal(header.flags, WIRE_DEFLATED);
    const struct span want = {plain.at + WIRE_HEADER_SIZE,
                              plain.size - WIRE_HEADER_SIZE};
    assert_true(span_equal(body, want));
    buffer_free(&vector);
    buffer_free(&scratch);
    buffer_free(&plain);
}

static void there_is_no_vector_of_anything_else(void **state)
{
    (void)state;
    DIR *folder = opendir(TEST_DATA "/vectors");
    assert_non_null(folder);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        const char *ending = strrchr(entry->d_name, '.');
        count += ending && strcmp(ending, ".hex") == 0;
    }
    closedir(folder);
    assert_int_equal(count, WIRE_TYPES - 1 + 1); // one more is deflated
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_encoded_as_its_vector),
        cmocka_unit_test(every_vector_is_understood),
        cmocka_unit_test(the_deflated_vector_is_the_plain_one_inside),
        cmocka_unit_test(there_is_no_vector_of_anything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
