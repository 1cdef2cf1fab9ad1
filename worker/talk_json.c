#include "worker/talk_json.h"

#include "common/store/text.h"

#include <string.h>

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static void skip_space(struct talk_json *json)
{
    while (json->at < json->end && is_space(*json->at))
        json->at++;
}

static bool take(struct talk_json *json, uint8_t byte)
{
    if (json->at == json->end || *json->at != byte)
        return false;
    json->at++;
    return true;
}

static int hex_digit(uint8_t byte)
{
    if (is_digit(byte))
        return byte - '0';
    const uint8_t lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The four digits after \u; -1 where there are none.
static int32_t hex_of(const uint8_t *at, const uint8_t *end)
{
    int32_t value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool skip_escape(struct talk_json *json)
{
    if (json->at == json->end)
        return false;
    const uint8_t letter = *json->at++;
    if (letter != 'u')
        return letter != '\0' && strchr("\"\\/bfnrt", letter);
    if (hex_of(json->at, json->end) < 0)
        return false;
    json->at += 4;
    return true;
}

static bool skip_string(struct talk_json *json)
{
    if (!take(json, '"'))
        return false;
    while (json->at < json->end) {
        const uint8_t byte = *json->at++;
        if (byte == '"')
            return true;
        if (byte < ' ' || (byte == '\\' && !skip_escape(json)))
            return false;
    }
    return false;
}

static bool skip_digits(struct talk_json *json)
{
    const uint8_t *const from = json->at;
    while (json->at < json->end && is_digit(*json->at))
        json->at++;
    return json->at > from;
}

static bool skip_number(struct talk_json *json)
{
    (void)take(json, '-');
    if (!take(json, '0') && !skip_digits(json))
        return false;
    if (take(json, '.') && !skip_digits(json))
        return false;
    if (take(json, 'e') || take(json, 'E')) {
        if (!take(json, '-'))
            (void)take(json, '+');
        return skip_digits(json);
    }
    return true;
}

static bool skip_scalar(struct talk_json *json)
{
    static const char *const WORDS[] = {"true", "false", "null"};
    if (json->at < json->end && *json->at == '"')
        return skip_string(json);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        const size_t size = strlen(WORDS[i]);
        if ((size_t)(json->end - json->at) >= size &&
            memcmp(json->at, WORDS[i], size) == 0) {
            json->at += size;
            return true;
        }
    }
    return skip_number(json);
}

static bool skip_key(struct talk_json *json)
{
    skip_space(json);
    if (!skip_string(json))
        return false;
    skip_space(json);
    return take(json, ':');
}

// What is open, the outermost first.
struct nest {
    uint8_t open[TALK_JSON_DEPTH_MAX];
    size_t depth;
};

// Goes into an array or an object. *empty: and out of it again.
static bool enter(struct talk_json *json, struct nest *nest, bool *empty)
{
    const uint8_t open = *json->at++;
    if (nest->depth == TALK_JSON_DEPTH_MAX)
        return false;
    skip_space(json);
    *empty = take(json, open == '{' ? '}' : ']');
    if (*empty)
        return true;
    nest->open[nest->depth++] = open;
    return open != '{' || skip_key(json);
}

// After a value: closes what ends here. *more: another value follows.
static bool leave(struct talk_json *json, struct nest *nest, bool *more)
{
    *more = false;
    while (nest->depth > 0 && !*more) {
        const bool object = nest->open[nest->depth - 1] == '{';
        skip_space(json);
        if (take(json, ',')) {
            *more = true;
            return !object || skip_key(json);
        }
        if (!take(json, object ? '}' : ']'))
            return false;
        nest->depth--;
    }
    return true;
}

bool talk_json_value(struct talk_json *json, struct span *value)
{
    struct nest nest = {.depth = 0};
    skip_space(json);
    const uint8_t *const from = json->at;
    for (bool more = true; more;) {
        bool whole = true;
        skip_space(json);
        if (json->at == json->end)
            return false;
        const bool opens = *json->at == '{' || *json->at == '[';
        if (opens ? !enter(json, &nest, &whole) : !skip_scalar(json))
            return false;
        if (whole && !leave(json, &nest, &more))
            return false;
    }
    *value = (struct span){from, (size_t)(json->at - from)};
    return true;
}

bool talk_json_member(struct span *inside, struct span *key, struct span *value)
{
    struct talk_json json = {inside->at, inside->at + inside->size};
    skip_space(&json);
    if (!take(&json, '{') && !take(&json, ','))
        return false;
    skip_space(&json);
    const uint8_t *const from = json.at;
    if (!skip_string(&json))
        return false;
    *key = (struct span){from + 1, (size_t)(json.at - from) - 2};
    skip_space(&json);
    if (!take(&json, ':') || !talk_json_value(&json, value))
        return false;
    skip_space(&json);
    *inside = (struct span){json.at, (size_t)(json.end - json.at)};
    return true;
}

bool talk_json_ended(const struct talk_json *json)
{
    struct talk_json rest = *json;
    skip_space(&rest);
    return rest.at == rest.end;
}

bool talk_json_whole(struct span value, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < value.size; i++) {
        const uint64_t digit = (uint64_t)value.at[i] - '0';
        if (!is_digit(value.at[i]) || *number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return value.size > 0;
}

static void put_utf8(struct buffer *out, uint32_t code)
{
    if (code < 0x80) {
        put_u8(out, (uint8_t)code);
        return;
    }
    if (code < 0x800) {
        put_u8(out, (uint8_t)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            put_u8(out, (uint8_t)(0xe0 | code >> 12));
        } else {
            put_u8(out, (uint8_t)(0xf0 | code >> 18));
            put_u8(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        }
        put_u8(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
    }
    put_u8(out, (uint8_t)(0x80 | (code & 0x3f)));
}

static bool is_high(int32_t code)
{
    return code >= 0xd800 && code < 0xdc00;
}

static bool is_low(int32_t code)
{
    return code >= 0xdc00 && code < 0xe000;
}

// `at` is behind \u; gives what is behind the digits, or those of a pair.
static const uint8_t *put_code(struct buffer *out, const uint8_t *at,
                               const uint8_t *end)
{
    const int32_t first = hex_of(at, end);
    at += 4;
    if (is_high(first) && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        const int32_t second = hex_of(at + 2, end);
        if (is_low(second)) {
            put_utf8(out, 0x10000 + ((uint32_t)(first - 0xd800) << 10) +
                              (uint32_t)(second - 0xdc00));
            return at + 6;
        }
    }
    const bool half = is_high(first) || is_low(first);
    put_utf8(out, half ? 0xfffd : (uint32_t)first);
    return at;
}

void talk_json_text(struct buffer *out, struct span value)
{
    static const char LETTERS[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    if (value.size < 2)
        return;
    const uint8_t *at = value.at + 1, *const end = value.at + value.size - 1;
    while (at < end) {
        const uint8_t *escape = memchr(at, '\\', (size_t)(end - at));
        const uint8_t *const until = escape ? escape : end;
        if (until > at)
            buffer_append(out, at, (size_t)(until - at));
        if (!escape || end - escape < 2)
            return;
        at = escape + 2;
        const char *letter =
            escape[1] != '\0' ? strchr(LETTERS, escape[1]) : NULL;
        if (letter)
            put_u8(out, (uint8_t)MEANT[letter - LETTERS]);
        else if (end - at >= 4)
            at = put_code(out, at, end);
    }
}

// The character at `at`, if it is one.
static size_t character_size(const uint8_t *at, size_t left)
{
    size_t extra;
    for (size_t size = 1; size <= 4 && size <= left; size++)
        if (text_is_utf8((struct span){at, size}, &extra))
            return size;
    return 0;
}

// Slower than text_put_quoted, and rare.
static void put_any(struct buffer *out, struct span text)
{
    put_u8(out, '"');
    for (size_t at = 0; at < text.size;) {
        const uint8_t byte = text.at[at];
        const size_t size = character_size(text.at + at, text.size - at);
        if (size == 0)
            buffer_printf(out, "\\udc%02x", byte);
        else if (byte < ' ' || byte == '"' || byte == '\\')
            buffer_printf(out, "\\u%04x", byte);
        else
            buffer_append(out, text.at + at, size);
        at += size > 0 ? size : 1;
    }
    put_u8(out, '"');
}

void talk_json_put(struct buffer *out, struct span text)
{
    if (!text_put_quoted(out, text))
        put_any(out, text);
}
