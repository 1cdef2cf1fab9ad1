#include "common/store/text.h"

#include <errno.h>
#include <string.h>

typedef int8_t sixteen __attribute__((vector_size(16)));

enum { BLOCK = 16 };

// Which of sixteen bytes need an escape or a closer look: as signed numbers
// those that are not ASCII are below the space, too.
static sixteen odd_ones(sixteen x)
{
    const sixteen none = {0};
    return (x < none + ' ') | (x == none + '"') | (x == none + '\\');
}

// A bit for each that is set.
static unsigned bits_of(sixteen found)
{
#ifdef __SSE2__
    typedef char chars __attribute__((vector_size(16)));
    return (unsigned)__builtin_ia32_pmovmskb128((chars)found);
#else
    uint8_t byte[BLOCK];
    unsigned bits = 0;
    memcpy(byte, &found, sizeof byte);
    for (unsigned i = 0; i < BLOCK; i++)
        bits |= (unsigned)(byte[i] & 1) << i;
    return bits;
#endif
}

static bool any(sixteen found)
{
    return bits_of(found) != 0;
}

static sixteen load(const uint8_t *at)
{
    sixteen x;
    memcpy(&x, at, sizeof x);
    return x;
}

static bool is_plain(uint8_t byte)
{
    return byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';
}

size_t text_plain(struct span text)
{
    size_t i = 0;
    for (; text.size - i >= BLOCK; i += BLOCK) {
        const unsigned odd = bits_of(odd_ones(load(text.at + i)));
        if (odd != 0)
            return i + (size_t)__builtin_ctz(odd);
    }
    while (i < text.size && is_plain(text.at[i]))
        i++;
    return i;
}

static size_t escape_extra(uint8_t byte)
{
    if (byte == '"' || byte == '\\')
        return 1;
    if (byte >= 0x20)
        return 0;
    return byte == '\n' || byte == '\t' || byte == '\r' ? 1 : 5;
}

// Bytes of the valid sequence at `at`, whose first byte is not ASCII; else 0.
static size_t sequence(const uint8_t *at, size_t left)
{
    const uint8_t lead = at[0];
    const size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || left < size)
        return 0;
    uint8_t low = 0x80, high = 0xbf;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool text_is_utf8(struct span text, size_t *extra)
{
    *extra = 0;
    for (size_t i = 0; i < text.size;) {
        if (text.size - i >= BLOCK && !any(odd_ones(load(text.at + i)))) {
            i += BLOCK;
        } else if (text.at[i] < 0x80) {
            *extra += escape_extra(text.at[i++]);
        } else {
            const size_t size = sequence(text.at + i, text.size - i);
            if (size == 0)
                return false;
            i += size;
        }
    }
    return true;
}

static uint8_t *put_escaped(uint8_t *at, uint8_t byte)
{
    static const char DIGITS[] = "0123456789abcdef";
    *at++ = '\\';
    switch (byte) {
    case '\n':
        *at++ = 'n';
        return at;
    case '\t':
        *at++ = 't';
        return at;
    case '\r':
        *at++ = 'r';
        return at;
    case '"':
    case '\\':
        *at++ = byte;
        return at;
    default:
        memcpy(at, "u00", 3);
        at[3] = (uint8_t)DIGITS[byte >> 4];
        at[4] = (uint8_t)DIGITS[byte & 15];
        return at + 5;
    }
}

// Copies sixteen bytes; false when they are not plain.
static bool copy_block(uint8_t *to, const uint8_t *from)
{
    const sixteen x = load(from);
    memcpy(to, &x, sizeof x);
    return !any(odd_ones(x));
}

// Copies it while it is plain; returns how much that was. The last block
// overlaps the one before it.
static size_t copy_plain(uint8_t *to, struct span text)
{
    size_t i = 0;
    while (text.size - i >= BLOCK && copy_block(to + i, text.at + i))
        i += BLOCK;
    const size_t last = text.size - BLOCK;
    if (text.size - i < BLOCK && text.size >= BLOCK &&
        copy_block(to + last, text.at + last))
        return text.size;
    for (; i < text.size && is_plain(text.at[i]); i++)
        to[i] = text.at[i];
    return i;
}

static void copy_escaped(uint8_t *to, struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (escape_extra(text.at[i]) == 0)
            *to++ = text.at[i];
        else
            to = put_escaped(to, text.at[i]);
    }
}

bool text_put_quoted(struct buffer *out, struct span text)
{
    const size_t start = out->size;
    uint8_t *at = buffer_extend(out, text.size + 2);
    if (!at)
        return true; // and `out` says that it failed
    const size_t plain = copy_plain(at + 1, text);
    const struct span rest = {text.at + plain, text.size - plain};
    size_t extra = 0;
    if (rest.size > 0 && !text_is_utf8(rest, &extra)) {
        out->size = start;
        return false;
    }
    if (extra > 0 && !buffer_extend(out, extra))
        return true;
    at = out->at + start;
    at[0] = '"';
    if (extra > 0)
        copy_escaped(at + 1 + plain, rest);
    else if (rest.size > 0)
        memcpy(at + 1 + plain, rest.at, rest.size);
    out->at[out->size - 1] = '"';
    return true;
}

void text_put_base64(struct buffer *out, struct span bytes)
{
    static const char LETTERS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *at = buffer_extend(out, (bytes.size + 2) / 3 * 4 + 2);
    if (!at)
        return;
    *at++ = '"';
    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t left = bytes.size - i;
        const unsigned bits = (unsigned)bytes.at[i] << 16 |
                              (left > 1 ? (unsigned)bytes.at[i + 1] << 8 : 0) |
                              (left > 2 ? (unsigned)bytes.at[i + 2] : 0);
        at[0] = (uint8_t)LETTERS[bits >> 18];
        at[1] = (uint8_t)LETTERS[bits >> 12 & 63];
        at[2] = left > 1 ? (uint8_t)LETTERS[bits >> 6 & 63] : '=';
        at[3] = left > 2 ? (uint8_t)LETTERS[bits & 63] : '=';
        at += 4;
    }
    *at = '"';
}

static int hex_digit(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

// Decodes the escape at `at` (a backslash); gives its size, or 0.
static size_t get_escaped(const uint8_t *at, size_t left, uint8_t *byte)
{
    if (left < 2)
        return 0;
    switch (at[1]) {
    case 'n':
        *byte = '\n';
        return 2;
    case 't':
        *byte = '\t';
        return 2;
    case 'r':
        *byte = '\r';
        return 2;
    case '"':
    case '\\':
        *byte = at[1];
        return 2;
    default:
        break;
    }
    if (left < 6 || memcmp(at, "\\u00", 4) != 0)
        return 0;
    const int low = hex_digit(at[5]);
    if (at[4] < '0' || at[4] > '1' || low < 0)
        return 0;
    *byte = (uint8_t)((at[4] - '0') << 4 | low);
    return 6;
}

int text_unescape(struct buffer *out, struct span inside)
{
    const size_t start = out->size;
    uint8_t *to = buffer_extend(out, inside.size);
    if (!to)
        return -ENOMEM;
    for (size_t i = 0; i < inside.size;) {
        const uint8_t *next = memchr(inside.at + i, '\\', inside.size - i);
        const size_t plain =
            next ? (size_t)(next - inside.at) - i : inside.size - i;
        memcpy(to, inside.at + i, plain);
        to += plain;
        i += plain;
        if (!next)
            break;
        const size_t used = get_escaped(inside.at + i, inside.size - i, to++);
        if (used == 0)
            return -EBADMSG;
        i += used;
    }
    out->size = (size_t)(to - out->at);
    return out->size >= start ? 0 : -EBADMSG;
}

static int base64_value(uint8_t letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    if (letter == '+')
        return 62;
    return letter == '/' ? 63 : -1;
}

int text_get_base64(struct buffer *out, struct span text)
{
    if (text.size % 4 != 0)
        return -EBADMSG;
    size_t padding = 0;
    while (padding < 2 && padding < text.size &&
           text.at[text.size - 1 - padding] == '=')
        padding++;
    uint8_t *to = buffer_extend(out, text.size / 4 * 3);
    if (!to)
        return -ENOMEM;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.size; i++) {
        const bool pad = i >= text.size - padding;
        const int value = pad ? 0 : base64_value(text.at[i]);
        if (value < 0)
            return -EBADMSG;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 3) {
            to[0] = (uint8_t)(bits >> 16);
            to[1] = (uint8_t)(bits >> 8);
            to[2] = (uint8_t)bits;
            to += 3;
        }
    }
    out->size -= padding;
    return 0;
}

const char TEXT_PAIRS[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536"
    "37383940414243444546474849505152535455565758596061626364656667686970717273"
    "7475767778798081828384858687888990919293949596979899";

// Days since 1970 to the proleptic Gregorian calendar and back, after
// H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
void text_put_time(char *at, int64_t utc_us)
{
    const int64_t seconds = utc_us / 1000000;
    const unsigned of_day = (unsigned)(seconds % 86400);
    const unsigned days = (unsigned)(seconds / 86400) + 719468;
    const unsigned era = days / 146097, of_era = days % 146097;
    const unsigned year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const unsigned of_year =
        of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted = (5 * of_year + 2) / 153; // March is 0
    const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    memcpy(at, "0000-00-00T00:00:00.000000Z", TEXT_TIME_SIZE);
    const unsigned year = year_of_era + era * 400 + (month <= 2);
    text_put_pair(at, year / 100);
    text_put_pair(at + 2, year % 100);
    text_put_pair(at + 5, month);
    text_put_pair(at + 8, of_year - (153 * shifted + 2) / 5 + 1);
    text_put_pair(at + 11, of_day / 3600);
    text_put_pair(at + 14, of_day / 60 % 60);
    text_put_pair(at + 17, of_day % 60);
    text_put_micros(at + 20, (unsigned)(utc_us % 1000000));
}

// Two digits; others set *bad.
static unsigned get_pair(const uint8_t *at, unsigned *bad)
{
    const unsigned high = (unsigned)at[0] - '0', low = (unsigned)at[1] - '0';
    *bad |= high > 9 || low > 9;
    return high * 10 + low;
}

static bool get_fraction(struct span text, int64_t *us)
{
    static const int64_t UNIT_NS[] = {
        0, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
    *us = 0;
    if (text.size == 0)
        return true;
    if (text.at[0] != '.' || text.size < 2 || text.size > 10)
        return false;
    int64_t value = 0;
    for (size_t i = 1; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        value = value * 10 + (text.at[i] - '0');
    }
    *us = value * UNIT_NS[text.size - 1] / 1000;
    return true;
}

bool text_get_time(struct span text, int64_t *utc_us)
{
    enum { WHOLE = sizeof "2026-11-23T09:00:00" - 1 };
    const uint8_t *const at = text.at;
    if (text.size < WHOLE + 1 || at[text.size - 1] != 'Z' || at[4] != '-' ||
        at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':')
        return false;
    unsigned bad = 0;
    int64_t year = get_pair(at, &bad) * 100 + get_pair(at + 2, &bad);
    const unsigned month = get_pair(at + 5, &bad), day = get_pair(at + 8, &bad);
    const unsigned hour = get_pair(at + 11, &bad);
    const unsigned minute = get_pair(at + 14, &bad);
    const unsigned second = get_pair(at + 17, &bad);
    const struct span rest = {at + WHOLE, text.size - WHOLE - 1};
    int64_t us;
    if (bad > 0 || year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > 31 || hour > 23 || minute > 59 || second > 60 ||
        !get_fraction(rest, &us))
        return false;
    year -= month <= 2;
    const int64_t era = year / 400, of_era_year = year % 400;
    const int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    const int64_t of_era =
        of_era_year * 365 + of_era_year / 4 - of_era_year / 100 + of_year;
    const int64_t days = era * 146097 + of_era - 719468;
    *utc_us = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000 + us;
    return true;
}
