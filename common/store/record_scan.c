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

// Finds the closing quote; checks that what is inside is a JSON string.
static bool take_string(struct scan *scan, struct scanned_text *text)
{
    if (!take(scan, '"'))
        return false;
    const uint8_t *const start = scan->at;
    const uint8_t *quote = start;
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

static bool take_number(struct scan *scan, uint64_t *number)
{
    const uint8_t *const start = scan->at;
    uint64_t value = 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        const unsigned digit = (unsigned)(*scan->at++ - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return scan->at > start && (*start != '0' || scan->at == start + 1);
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

int record_scan(struct record_reading *reading, struct span line)
{
    struct scan scan = {line.at, line.at + line.size};
    if (!take(&scan, '{'))
        return -EBADMSG;
    size_t next = 0;
    do {
        if (!take(&scan, '"'))
            return -EBADMSG;
        const uint8_t *quote =
            memchr(scan.at, '"', (size_t)(scan.end - scan.at));
        const size_t size = quote ? (size_t)(quote - scan.at) : 0;
        while (next < FIELD_COUNT &&
               (RECORD_FIELDS[next].name_size != size ||
                memcmp(RECORD_FIELDS[next].name, scan.at, size) != 0))
            next++;
        if (!quote || next == FIELD_COUNT)
            return -EBADMSG;
        scan.at = quote + 1;
        if (!take(&scan, ':'))
            return -EBADMSG;
        const int result = take_field(reading, &RECORD_FIELDS[next++], &scan);
        if (result != 0)
            return result;
    } while (take(&scan, ','));
    return take(&scan, '}') && scan.at == scan.end ? 0 : -EBADMSG;
}
