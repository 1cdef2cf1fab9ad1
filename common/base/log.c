#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 4096 };

static struct {
    const char *program;
    enum log_level least;
} the_log = {"fan", LOG_INFO};

void log_open(const char *program, enum log_level least)
{
    the_log.program = program;
    the_log.least = least;
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return "debug";
    case LOG_INFO:
        return "info";
    case LOG_WARNING:
        return "warning";
    case LOG_ERROR:
        return "error";
    }
    return "error";
}

// Bytes of the well-formed UTF-8 character at the start of `text` (Unicode
// 15, table 3-7), or 0.
static size_t utf8_size(struct span text)
{
    const uint8_t first = text.at[0];
    if (first < 0x80)
        return 1;
    const size_t size = first >= 0xc2 && first <= 0xdf   ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
    if (size == 0 || size > text.size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text.at[i] & 0xc0) != 0x80)
            return 0;
    const uint8_t second = text.at[1];
    const bool bad =
        (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
    return bad ? 0 : size;
}

// Also what some take for the end of a line, or what turns its direction
// (U+2028 to U+202E, U+2066 to U+2069).
static bool is_control(struct span text, size_t size)
{
    const uint8_t *at = text.at;
    if (size == 3 && at[0] == 0xe2)
        return (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
               (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
    return (size == 1 && (text.at[0] < 0x20 || text.at[0] == 0x7f)) ||
           (size == 2 && text.at[0] == 0xc2 && text.at[1] < 0xa0);
}

// Writes the escaped form of the next character into `piece`, its size into
// *made, and returns how many bytes of the text it stands for.
static size_t escape(struct span text, bool quote, char piece[8], size_t *made)
{
    const size_t size = utf8_size(text);
    const uint8_t byte = text.at[0];
    if (size == 0 || is_control(text, size)) {
        *made = (size_t)snprintf(piece, 8, "\\x%02x", byte);
        return 1;
    }
    if (quote && (byte == '"' || byte == '\\')) {
        piece[0] = '\\';
        piece[1] = (char)byte;
        *made = 2;
        return 1;
    }
    memcpy(piece, text.at, size);
    *made = size;
    return size;
}

// Appends what fits of the escaped text; returns false when it was cut.
static bool append_escaped(char *out, size_t capacity, size_t *used,
                           struct span text, bool quote)
{
    while (text.size > 0) {
        char piece[8];
        size_t made = 0;
        const size_t taken = escape(text, quote, piece, &made);
        if (made > capacity - *used)
            return false;
        memcpy(out + *used, piece, made);
        *used += made;
        text.at += taken;
        text.size -= taken;
    }
    return true;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (level < the_log.least)
        return;
    char values[LINE_MAX_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(values, sizeof values, format, args);
    va_end(args);

    char line[LINE_MAX_SIZE];
    const int head = snprintf(line, sizeof line / 2, "%s: %s %s",
                              the_log.program, level_name(level), event);
    size_t used = head < 0 ? 0 : (size_t)head;
    if (used >= sizeof line / 2)
        used = sizeof line / 2 - 1;
    if (values[0] != '\0')
        line[used++] = ' ';
    append_escaped(line, sizeof line - 1, &used, span_of_text(values), false);
    line[used++] = '\n';
    // One write, so that lines of several processes do not mix. There is
    // nobody to tell when it fails.
    if (write(STDERR_FILENO, line, used) < 0)
        return;
}

void log_escape(struct span text, char *out, size_t size)
{
    size_t used = 0;
    (void)append_escaped(out, size - 1, &used, text, false);
    out[used] = '\0';
}

const char *log_quote(struct span text, char quoted[LOG_QUOTE_SIZE])
{
    static const char CUT[] = "\"...";
    size_t used = 0;
    quoted[used++] = '"';
    const bool whole =
        append_escaped(quoted, LOG_QUOTE_SIZE - sizeof CUT, &used, text, true);
    const char *end = whole ? "\"" : CUT;
    memcpy(quoted + used, end, strlen(end) + 1);
    return quoted;
}
