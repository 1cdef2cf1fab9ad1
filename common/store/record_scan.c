#include "common/store/record_fields.h"

#include "common/store/text.h"
#include "common/store/values.h"

#include <errno.h>
#include <string.h>

// Bytes of the line not yet taken. What is not as fan writes it is -EBADMSG.
struct scan {
    const uint8_t *at;
    const uint8_t *end;
};

struct scanned_text {
    struct span inside;
    bool escaped;
};

static bool take(struct scan *scan, uint8_t byte)
{
    if (scan->at == scan->end || *scan->at != byte)
        return false;
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, struct span word)
{
    if ((size_t)(scan->end - scan->at) < word.size ||
        memcmp(scan->at, word.at, word.size) != 0)
        return false;
    scan->at += word.size;
    return true;
}

// Finds the closing quote of a string with escapes or more than ASCII, from
// `quote` on; checks that what is inside is a JSON string.
static bool take_odd_string(struct scan *scan, struct scanned_text *text,
                            const uint8_t *start, const uint8_t *quote)
{
    for (;;) {
        quote = memchr(quote, '"', (size_t)(scan->end - quote));
        if (!quote)
            return false;
        size_t slashes = 0;
        while (quote - slashes > start && *(quote - slashes - 1) == '\\')
            slashes++;
        if (slashes % 2 == 0)
            break;
        quote++;
    }
    size_t extra;
    text->inside = (struct span){start, (size_t)(quote - start)};
    text->escaped = memchr(start, '\\', text->inside.size) != NULL;
    scan->at = quote + 1;
    if (!text_is_utf8(text->inside, &extra))
        return false;
    if (extra == 0)
        return true;
    // Only backslashes and what they escape may stand here.
    for (size_t i = 0; i < text->inside.size; i++)
        if (start[i] < 0x20)
            return false;
    return true;
}

static bool take_string(struct scan *scan, struct scanned_text *text)
{
    if (!take(scan, '"'))
        return false;
    const uint8_t *const start = scan->at;
    const size_t size =
        text_plain((struct span){start, (size_t)(scan->end - start)});
    const uint8_t *const odd = start + size;
    if (odd == scan->end || *odd != '"')
        return take_odd_string(scan, text, start, odd);
    *text = (struct scanned_text){.inside = {start, size}};
    scan->at = odd + 1;
    return true;
}

static bool take_number(struct scan *scan, uint64_t *number)
{
    enum { DIGITS_MAX = 19 }; // of INT64_MAX; no more than a uint64_t holds
    const uint8_t *const start = scan->at;
    uint64_t value = 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        value = value * 10 + (uint64_t)(*scan->at++ - '0');
    const ptrdiff_t digits = scan->at - start;
    *number = value;
    return digits > 0 && digits <= DIGITS_MAX && value <= INT64_MAX &&
           (*start != '0' || digits == 1);
}

static bool take_seconds(struct scan *scan, uint64_t *us)
{
    uint64_t seconds;
    if (!take_number(scan, &seconds) || !take(scan, '.') ||
        seconds > UINT64_MAX / 1000000 - 1)
        return false;
    const uint8_t *const start = scan->at;
    uint64_t unit = 100000;
    *us = seconds * 1000000;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        *us += (uint64_t)(*scan->at++ - '0') * unit;
        unit /= 10;
    }
    return scan->at > start && scan->at - start <= 6;
}

// A value without name or escapes: what most are.
static bool take_plain_value(struct record_reading *reading, struct scan *scan)
{
    const uint8_t *const before = scan->at;
    struct scanned_text text;
    if (take_string(scan, &text) && !text.escaped) {
        values_add(reading->scratch, (struct span){0}, text.inside);
        return true;
    }
    scan->at = before;
    return false;
}

// Appends a name or value to temp, decoded.
static int take_piece(struct record_reading *reading, struct scan *scan,
                      bool base64)
{
    struct scanned_text text;
    if (!take_string(scan, &text))
        return -EBADMSG;
    return base64 ? text_get_base64(&reading->temp, text.inside)
                  : text_unescape(&reading->temp, text.inside);
}

// One of ["v",...], {"n":"v",...} or, in base64, [["n","v"],...].
static int take_value(struct record_reading *reading, struct scan *scan,
                      bool object, bool base64)
{
    struct buffer *temp = &reading->temp;
    if (!object && !base64 && take_plain_value(reading, scan))
        return 0;
    buffer_clear(temp);
    size_t name_size = 0;
    const bool pair = base64 && take(scan, '[');
    if (object || pair) {
        const int result = take_piece(reading, scan, base64);
        if (result != 0)
            return result;
        name_size = temp->size;
        if (name_size > UINT16_MAX || !take(scan, object ? ':' : ','))
            return -EBADMSG;
    }
    const int result = take_piece(reading, scan, base64);
    if (result != 0)
        return result;
    if (pair && !take(scan, ']'))
        return -EBADMSG;
    values_add(reading->scratch, (struct span){temp->at, name_size},
               (struct span){temp->at + name_size, temp->size - name_size});
    return 0;
}

static int take_args(struct record_reading *reading, struct scan *scan,
                     bool base64)
{
    const bool object = !base64 && take(scan, '{');
    if (!object && !take(scan, '['))
        return -EBADMSG;
    const uint8_t close = object ? '}' : ']';
    const size_t begun = values_begin(reading->scratch);
    uint32_t count = 0;
    while (!take(scan, close)) {
        if (count == WIRE_ARGS_MAX || (count > 0 && !take(scan, ',')))
            return -EBADMSG;
        const int result = take_value(reading, scan, object, base64);
        if (result != 0)
            return result;
        count++;
    }
    values_end(reading->scratch, begun, count);
    reading->record->has_args = true;
    return record_moved(reading, &reading->record->values,
                        reading->scratch->size - begun);
}

static int take_truncated(struct record *record, struct scan *scan)
{
    struct scanned_text text;
    if (!take(scan, '['))
        return -EBADMSG;
    do {
        if (!take_string(scan, &text) ||
            record_set_truncated(record, text.inside) != 0)
            return -EBADMSG;
    } while (take(scan, ','));
    return take(scan, ']') ? 0 : -EBADMSG;
}

static int take_text(struct record_reading *reading, const struct field *field,
                     struct scan *scan)
{
    struct scanned_text text;
    if (!take_string(scan, &text))
        return -EBADMSG;
    if (!text.escaped)
        return record_set_text(reading, field, text.inside, true);
    if (field->kind != FIELD_TEXT)
        return -EBADMSG;
    const size_t before = reading->scratch->size;
    const int result = text_unescape(reading->scratch, text.inside);
    if (result != 0)
        return result;
    struct span *span =
        (struct span *)(void *)((char *)reading->record + field->offset);
    return record_moved(reading, span, reading->scratch->size - before);
}

static int take_field(struct record_reading *reading, const struct field *field,
                      struct scan *scan)
{
    uint64_t number;
    switch (field->kind) {
    case FIELD_U8:
    case FIELD_U32:
    case FIELD_U64:
        if (!take_number(scan, &number))
            return -EBADMSG;
        return record_set_number(reading->record, field, number);
    case FIELD_SECONDS:
        if (!take_seconds(scan, &number))
            return -EBADMSG;
        return record_set_number(reading->record, field, number);
    case FIELD_BOOL:
        if (take_word(scan, SPAN_OF("true")))
            return record_set_bool(reading->record, field, true);
        return take_word(scan, SPAN_OF("false")) ? 0 : -EBADMSG;
    case FIELD_ARGS:
        return take_args(reading, scan, false);
    case FIELD_ARGS_BASE64:
        return take_args(reading, scan, true);
    case FIELD_TRUNCATED:
        return take_truncated(reading->record, scan);
    case FIELD_EVENT:
    case FIELD_STATUS:
    case FIELD_CLASS:
    case FIELD_ID:
    case FIELD_TIME:
    case FIELD_TEXT:
    case FIELD_TEXT_BASE64:
        return take_text(reading, field, scan);
    }
    return -EBADMSG;
}

// Takes the key at the scan: that of `next` or of a field behind it. Four
// bytes tell most of them apart.
static const struct field *take_key(struct scan *scan, const struct field *next)
{
    enum { SHORTEST = sizeof "ran\":" - 1 };
    const struct field *const end = RECORD_FIELDS + FIELD_COUNT;
    if (!take(scan, '"') || scan->end - scan->at < SHORTEST)
        return NULL;
    const uint32_t begins = load_u32(scan->at);
    for (; next < end; next++) {
        const uint8_t *const key = (const uint8_t *)next->key;
        if (load_u32(key) == begins &&
            take_word(scan, (struct span){key, next->key_size}))
            return next;
    }
    return NULL;
}

int record_scan(struct record_reading *reading, struct span line)
{
    struct scan scan = {line.at, line.at + line.size};
    if (!take(&scan, '{'))
        return -EBADMSG;
    const struct field *field = RECORD_FIELDS;
    do {
        field = take_key(&scan, field);
        const int result =
            field ? take_field(reading, field++, &scan) : -EBADMSG;
        if (result != 0)
            return result;
    } while (take(&scan, ','));
    return take(&scan, '}') && scan.at == scan.end ? 0 : -EBADMSG;
}
