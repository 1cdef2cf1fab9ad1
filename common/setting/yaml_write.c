#include "common/setting/internal.h"

#include <string.h>

// The length of the well-formed UTF-8 character at `at`, or 0; *point is it.
static size_t read_utf8(const unsigned char *at, uint32_t *point)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t size = at[0] < 0x80   ? 1
                        : at[0] < 0xc2 ? 0
                        : at[0] < 0xe0 ? 2
                        : at[0] < 0xf0 ? 3
                        : at[0] < 0xf5 ? 4
                                       : 0;
    if (size < 2) {
        *point = at[0];
        return size;
    }
    *point = at[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (at[i] & 0x3fU);
    }
    const bool bad = *point < LEAST[size] || *point > 0x10ffff ||
                     (*point >= 0xd800 && *point <= 0xdfff);
    return bad ? 0 : size;
}

static bool is_plain(uint32_t point)
{
    return point >= ' ' && point != '"' && point != '\\' &&
           (point < 0x7f || point >= 0xa0) && point != 0x2028 &&
           point != 0x2029 && point != 0xfeff && (point & 0xfffe) != 0xfffe;
}

// Arguments are bytes, YAML is Unicode: a byte that is no UTF-8 goes as
// U+10FE00 + byte, and so do the bytes of such characters themselves.
static void write_quoted(struct buffer *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    put_u8(out, '"');
    while (*at) {
        uint32_t point;
        size_t size = read_utf8(at, &point);
        if (size == 0 || (point >= 0x10fe80 && point <= 0x10feff)) {
            buffer_printf(out, "\\U%08X", 0x10fe00U + *at);
            size = 1;
        } else if (is_plain(point)) {
            buffer_append(out, at, size);
        } else if (point == '"' || point == '\\') {
            buffer_printf(out, "\\%c", (char)point);
        } else if (point == '\n') {
            buffer_append_text(out, "\\n");
        } else {
            buffer_printf(out, "\\U%08X", point);
        }
        at += size;
    }
    put_u8(out, '"');
}

static void write_list(struct buffer *out, const struct setting_row *row,
                       const struct texts *texts)
{
    if (texts->count == 0)
        return;
    buffer_printf(out, "%s:\n", row->name);
    for (size_t i = 0; i < texts->count; i++) {
        buffer_append_text(out, "  - ");
        write_quoted(out, texts->at[i]);
        put_u8(out, '\n');
    }
}

static void write_value(struct buffer *out, const struct settings *settings,
                        const struct setting_row *row)
{
    struct buffer text = {0};
    if (settings_text(settings, row, &text)) {
        put_u8(&text, 0);
        buffer_printf(out, "%s: ", row->name);
        const bool quoted = row->type == SETTING_TEXT ||
                            row->type == SETTING_NAME ||
                            row->type == SETTING_ID;
        if (text.failed)
            out->failed = true;
        else if (quoted)
            write_quoted(out, (const char *)text.at);
        else
            buffer_append_text(out, (const char *)text.at);
        put_u8(out, '\n');
    }
    buffer_free(&text);
}

void settings_write_yaml(const struct settings *settings, unsigned program,
                         struct buffer *out)
{
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        if (!(row->programs & program))
            continue;
        if (setting_is_list(row))
            write_list(out, row, setting_field_of(settings, row));
        else
            write_value(out, settings, row);
    }
}
