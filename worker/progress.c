#include "worker/progress.h"

#include "common/store/text.h"

#include <stdlib.h>
#include <string.h>

void progress_clear(struct progress *progress)
{
    progress->said = false;
    progress->part_size = progress->text_size = 0;
}

// A plain decimal number: its size, or 0. Not what else strtod takes.
static size_t number_at(const char *text, double *value)
{
    const size_t digits = strspn(text, "0123456789");
    size_t size = digits;
    if (text[size] == '.')
        size += 1 + strspn(text + size + 1, "0123456789");
    if (digits == 0 || size > 18)
        return 0;
    *value = strtod(text, NULL);
    return size;
}

static bool ends_word(char letter)
{
    return letter == '\0' || letter == ' ' || letter == '\t';
}

static bool set_done(struct progress *progress, double done, double all)
{
    if (!(all > 0) || done > all)
        return false;
    progress->done = (uint32_t)(done / all * PROGRESS_WHOLE);
    return true;
}

// What of the line tells how far it is; gives where the text begins.
static size_t read_done(struct progress *progress, const char *line)
{
    double first, second;
    progress->done = PROGRESS_UNKNOWN;
    const size_t size = number_at(line, &first);
    if (size == 0)
        return 0;
    if (line[size] == '%' && ends_word(line[size + 1]))
        return set_done(progress, first, 100) ? size + 1 : 0;
    if (!ends_word(line[size]))
        return 0;
    const size_t next = size + strspn(line + size, " \t");
    const size_t more = number_at(line + next, &second);
    if (more > 0 && ends_word(line[next + more]) &&
        set_done(progress, first, second))
        return next + more;
    return set_done(progress, first, 1) ? size : 0;
}

static bool is_within_letter(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static void set_text(struct progress *progress, const char *text)
{
    size_t size = strlen(text), extra;
    if (size > PROGRESS_TEXT_MAX)
        for (size = PROGRESS_TEXT_MAX;
             size > 0 && is_within_letter(text[size]);)
            size--;
    const struct span whole = {(const uint8_t *)text, size};
    const bool readable = text_is_utf8(whole, &extra);
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)text[i];
        const bool plain = byte >= ' ' && byte != 0x7f;
        progress->text[i] = text[i];
        if (!plain || (byte >= 0x80 && !readable))
            progress->text[i] = '?';
    }
    progress->text_size = (uint32_t)size;
}

void progress_line(struct progress *progress, struct span line)
{
    char text[2 * PROGRESS_TEXT_MAX + 1];
    size_t size = line.size < sizeof text ? line.size : sizeof text - 1;
    if (size > 0)
        memcpy(text, line.at, size);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    text[size] = '\0';
    for (char *nul = text;
         (nul = memchr(nul, '\0', (size_t)(text + size - nul)));)
        *nul = '?';
    const size_t begin = strspn(text, " \t");
    if (text[begin] == '\0')
        return;
    const size_t after = begin + read_done(progress, text + begin);
    set_text(progress, text + after + strspn(text + after, " \t"));
    progress->said = true;
}

void progress_feed(struct progress *progress, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        const char byte = (char)bytes.at[i];
        if (byte != '\n' && byte != '\r') {
            if (progress->part_size < sizeof progress->part)
                progress->part[progress->part_size++] = byte;
            continue;
        }
        progress_line(progress, (struct span){(const uint8_t *)progress->part,
                                              progress->part_size});
        progress->part_size = 0;
    }
}

void progress_set(struct progress *progress, double part, struct span text)
{
    char line[2 * PROGRESS_TEXT_MAX + 1] = "";
    const size_t size = text.size < sizeof line ? text.size : sizeof line - 1;
    if (size > 0)
        memcpy(line, text.at, size);
    line[size] = '\0';
    progress->done = PROGRESS_UNKNOWN;
    if (part >= 0)
        (void)set_done(progress, part, 1);
    set_text(progress, line);
    progress->said = true;
}
