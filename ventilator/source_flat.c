/* source_flat - an object of strings, numbers, booleans and nulls, without a
 * tree
 *
 * What it takes it gives as jansson would: the same names, bytes and text of
 * numbers, in the same order. Whatever is not plain, or wrong, it leaves to
 * jansson, and so each error, too (tests/fuzz/fuzz_flat.c compares the two).
 */
#include "common/store/text.h"
#include "ventilator/source_parts.h"

enum {
    FIELDS_MAX = 64, // each name is compared with those before it
    WHOLE_MAX = 18,  // digits that are an int64_t for certain
    DIGITS_MAX = 15, // digits that a double gives back (DBL_DIG)
    POINT_ZEROS = 4, // from more of them on "%g" writes an exponent
};

// What is left of the line.
struct scan {
    const uint8_t *at, *end;
    struct buffer *scratch; // what is not in the line as it is
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' ||
                                    *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool take(struct scan *scan, uint8_t byte)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != byte)
        return false;
    scan->at++;
    return true;
}

// The high bit of each byte that is not printable ASCII, a quote or a
// backslash. The lowest of them is right, others may be too many.
static uint64_t not_plain(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    const uint64_t quotes = bytes ^ ones * '"', slashes = bytes ^ ones * '\\';
    return (((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes) |
            (bytes - ones * ' ') | bytes) &
           highs;
}

// Goes to the next quote, backslash or control character. False: none comes.
static bool skip_plain(struct scan *scan, bool *ascii)
{
    const uint8_t *at = scan->at;
    for (; at < scan->end; at++) {
        while (scan->end - at >= 8) {
            const uint64_t found =
                not_plain(load_u32(at) | (uint64_t)load_u32(at + 4) << 32);
            at += found ? __builtin_ctzll(found) / 8 : 8;
            if (found)
                break;
        }
        if (at == scan->end || *at == '"' || *at == '\\' || *at < ' ')
            break;
        *ascii = *ascii && *at < 0x80;
    }
    scan->at = at;
    return at < scan->end && *at >= ' ';
}

// What is not as it shall be in the line: jansson makes of it what it is.
static bool make_value(struct scan *scan, const uint8_t *start,
                       struct span *text)
{
    const size_t begun = scan->scratch->size;
    const struct span json = {start, (size_t)(scan->at - start)};
    if (source_put_scalar(scan->scratch, json) != 0)
        return false;
    *text = (struct span){NULL, scan->scratch->size - begun};
    return true;
}

static bool take_string(struct scan *scan, struct span *text)
{
    const uint8_t *const quote = scan->at++;
    bool ascii = true, escaped = false;
    while (skip_plain(scan, &ascii) && *scan->at == '\\') {
        escaped = true;
        scan->at += scan->end - scan->at > 1 ? 2 : 1;
    }
    if (scan->at == scan->end || *scan->at++ != '"')
        return false;
    if (escaped)
        return make_value(scan, quote, text);
    size_t extra;
    *text = (struct span){quote + 1, (size_t)(scan->at - quote) - 2};
    return ascii || text_is_utf8(*text, &extra);
}

static size_t skip_digits(struct scan *scan)
{
    const uint8_t *const start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return (size_t)(scan->at - start);
}

// True when a double of these digits is written with the same ones again.
static bool is_shortest(struct span whole, struct span fraction)
{
    if (fraction.size == 0 || whole.size + fraction.size > DIGITS_MAX)
        return false;
    if (fraction.at[fraction.size - 1] == '0')
        return fraction.size == 1;
    size_t zeros = 0;
    while (fraction.at[zeros] == '0')
        zeros++;
    return *whole.at != '0' || zeros < POINT_ZEROS;
}

// A number that jansson would write as it stands: others it shall write.
static bool take_plain_number(struct scan *scan, struct span *text)
{
    const uint8_t *const start = scan->at;
    const bool negative = *start == '-';
    scan->at += negative;
    struct span whole = {.at = scan->at};
    whole.size = skip_digits(scan);
    if (whole.size == 0 || (whole.size > 1 && *whole.at == '0'))
        return false;
    if (scan->at < scan->end && *scan->at == '.') {
        struct span fraction = {.at = ++scan->at};
        fraction.size = skip_digits(scan);
        if (!is_shortest(whole, fraction))
            return false;
    } else if (whole.size > WHOLE_MAX || (negative && *whole.at == '0')) {
        return false;
    }
    *text = (struct span){start, (size_t)(scan->at - start)};
    return scan->at == scan->end || (*scan->at | 0x20) != 'e';
}

static bool take_number(struct scan *scan, struct span *text)
{
    const uint8_t *const start = scan->at;
    if (take_plain_number(scan, text))
        return true;
    scan->at = start;
    while (scan->at < scan->end && memchr("+-.eE0123456789", *scan->at, 15))
        scan->at++;
    return make_value(scan, start, text);
}

static bool take_word(struct scan *scan, struct span word, struct span *text)
{
    if ((size_t)(scan->end - scan->at) < word.size ||
        memcmp(scan->at, word.at, word.size) != 0)
        return false;
    *text = (struct span){scan->at, word.size};
    scan->at += word.size;
    return true;
}

static bool take_value(struct scan *scan, struct span *text)
{
    skip_space(scan);
    if (scan->at == scan->end)
        return false;
    switch (*scan->at) {
    case '"':
        return take_string(scan, text);
    case 't':
        return take_word(scan, SPAN_OF("true"), text);
    case 'f':
        return take_word(scan, SPAN_OF("false"), text);
    case 'n':
        return take_word(scan, SPAN_OF("null"), text);
    default:
        return (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9')) &&
               take_number(scan, text);
    }
}

static bool is_double(const struct source *source, struct span name)
{
    for (size_t i = 0; i + 1 < source->value_count; i++)
        if (span_equal(source->values[i].name, name))
            return true;
    return false;
}

static bool take_field(struct source *source, struct scan *scan)
{
    struct wire_pair *pair = source_add_value(source);
    skip_space(scan);
    return pair && scan->at < scan->end && *scan->at == '"' &&
           take_string(scan, &pair->name) && pair->name.at &&
           pair->name.size <= WIRE_TEXT_MAX && !is_double(source, pair->name) &&
           take(scan, ':') && take_value(scan, &pair->value);
}

static bool take_fields(struct source *source, struct span line)
{
    struct scan scan = {line.at, line.at + line.size, &source->scratch};
    if (!take(&scan, '{'))
        return false;
    do {
        if (source->value_count == FIELDS_MAX || !take_field(source, &scan))
            return false;
    } while (take(&scan, ','));
    const bool closed = take(&scan, '}');
    skip_space(&scan);
    return closed && scan.at == scan.end && !source->scratch.failed;
}

bool source_flat(struct source *source, struct span line)
{
    buffer_clear(&source->scratch);
    if (!take_fields(source, line)) {
        source->value_count = 0;
        return false;
    }
    if (source->scratch.size > 0)
        source_fix_values(source);
    return true;
}
