#include "command/screen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNKNOWN = '?', TEXT_SIZE = 512 };

int screen_resize(struct screen *screen, size_t rows, size_t columns)
{
    rows = rows < SCREEN_MOST ? rows : SCREEN_MOST;
    columns = columns < SCREEN_MOST ? columns : SCREEN_MOST;
    screen_clear(screen);
    screen->cells = calloc(rows * columns + 1, sizeof *screen->cells);
    if (!screen->cells)
        return -ENOMEM;
    screen->rows = rows;
    screen->columns = columns;
    screen_blank(screen);
    return 0;
}

void screen_blank(struct screen *screen)
{
    for (size_t i = 0; i < screen->rows * screen->columns; i++)
        screen->cells[i] = (struct cell){' ', STYLE_PLAIN};
    screen_go(screen, 0, 0);
}

void screen_clear(struct screen *screen)
{
    free(screen->cells);
    screen->cells = NULL;
    screen->rows = screen->columns = 0;
}

void screen_go(struct screen *screen, size_t row, size_t column)
{
    screen->row = row;
    screen->column = column;
}

static void place(struct screen *screen, enum style style, uint32_t letter,
                  size_t width)
{
    if (screen->row >= screen->rows ||
        screen->column + width > screen->columns) {
        screen->column = screen->columns;
        return;
    }
    struct cell *const cell =
        &screen->cells[screen->row * screen->columns + screen->column];
    cell[0] = (struct cell){letter, (uint8_t)style};
    if (width == 2)
        cell[1] = (struct cell){0, (uint8_t)style};
    screen->column += width;
}

// The first character of a text that is not empty, with its bytes in *size;
// UNKNOWN for a byte that begins none (Unicode 15, table 3-7).
static uint32_t letter_of(struct span text, size_t *size)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t first = text.at[0];
    const size_t length = first < 0x80                    ? 1
                          : first >= 0xc2 && first < 0xe0 ? 2
                          : first >= 0xe0 && first < 0xf0 ? 3
                          : first >= 0xf0 && first < 0xf5 ? 4
                                                          : 0;
    *size = 1;
    if (length == 1)
        return first;
    if (length == 0 || length > text.size)
        return UNKNOWN;
    uint32_t letter = first & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text.at[i] & 0xc0) != 0x80)
            return UNKNOWN;
        letter = letter << 6 | (text.at[i] & 0x3fU);
    }
    if (letter < LEAST[length] || letter > 0x10ffff ||
        (letter >= 0xd800 && letter < 0xe000))
        return UNKNOWN;
    *size = length;
    return letter;
}

// What stands for it in a cell; 0: nothing does.
static uint32_t harmless(const struct screen *screen, uint32_t letter,
                         size_t *width)
{
    *width = 1;
    if (letter == '\t' || letter == '\n')
        return ' ';
    if (letter < 0x20 || (letter >= 0x7f && letter < 0xa0) ||
        (letter >= 0x7f && !screen->utf8))
        return UNKNOWN;
    if (letter < 0x7f)
        return letter;
    const int wide = screen->width(letter);
    if (wide == 0)
        return 0;
    *width = wide == 2 ? 2 : 1;
    return wide > 0 ? letter : UNKNOWN;
}

// Up to the column `end`.
static void put_until(struct screen *screen, enum style style, struct span text,
                      size_t end)
{
    while (text.size > 0) {
        size_t size, width;
        const uint32_t letter =
            harmless(screen, letter_of(text, &size), &width);
        text.at += size;
        text.size -= size;
        if (letter == 0)
            continue;
        if (screen->column + width > end)
            return;
        place(screen, style, letter, width);
    }
}

void screen_put(struct screen *screen, enum style style, struct span text)
{
    put_until(screen, style, text, screen->columns);
}

void screen_text(struct screen *screen, enum style style, const char *text)
{
    screen_put(screen, style, span_of_text(text));
}

void screen_printf(struct screen *screen, enum style style, const char *format,
                   ...)
{
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    screen_text(screen, style, text);
}

void screen_field(struct screen *screen, enum style style, size_t width,
                  const char *text)
{
    const size_t end = screen->column + width;
    put_until(screen, style, span_of_text(text),
              end < screen->columns ? end : screen->columns);
    while (screen->column <= end && screen->column < screen->columns)
        place(screen, style, ' ', 1);
}

void screen_letter(struct screen *screen, enum style style, uint32_t letter)
{
    place(screen, style, letter, 1);
}

void screen_mark(struct screen *screen, enum style style)
{
    if (screen->row >= screen->rows)
        return;
    struct cell *const row = &screen->cells[screen->row * screen->columns];
    for (size_t i = 0; i < screen->columns; i++)
        row[i].style = (uint8_t)style;
}
