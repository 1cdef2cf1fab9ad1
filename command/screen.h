/* screen - a terminal's cells in memory: what is to be shown, and how
 *
 * Everything that is put here may be hostile. What a terminal would obey does
 * not get in: control characters, bytes that are no UTF-8 and characters that
 * this terminal does not have become ?, those without a width are left out.
 * What does not fit is cut. The origin is the upper left corner, (0, 0).
 */
#ifndef COMMAND_SCREEN_H
#define COMMAND_SCREEN_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_FAINT,
    STYLE_TITLE,
    STYLE_HEAD, // of a table
    STYLE_GOOD,
    STYLE_BAD,
    STYLE_HELD,
    STYLE_CURVE,
    STYLE_CHOSEN,
    STYLES
};

struct cell {
    uint32_t letter; /* Unicode; 0: the right half of a wide one */
    uint8_t style;
};

/* The columns a character takes: 2, 1, 0, or -1 if the terminal has no such. */
typedef int screen_width(uint32_t letter);

enum { SCREEN_MOST = 1000 }; /* rows, and columns */
struct screen {
    struct cell *cells; /* row by row */
    size_t rows, columns;
    size_t row, column; /* where the next text goes */
    bool utf8;          /* of the terminal: else only ASCII gets in */
    screen_width *width;
};

/* Makes it so large, SCREEN_MOST at most, and blank. Returns 0 or -ENOMEM (it
 * has no rows then). The caller sets utf8 and width, and clears it. */
int screen_resize(struct screen *screen, size_t rows, size_t columns);
void screen_blank(struct screen *screen);
void screen_clear(struct screen *screen);

void screen_go(struct screen *screen, size_t row, size_t column);
/* Text goes to the right, up to the edge, and stays in its row. */
void screen_put(struct screen *screen, enum style style, struct span text);
void screen_text(struct screen *screen, enum style style, const char *text);
void screen_printf(struct screen *screen, enum style style, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));
/* As much of the text as `width` columns hold, and blanks; then one more. */
void screen_field(struct screen *screen, enum style style, size_t width,
                  const char *text);
/* One character, as it is: for fan's own blocks. */
void screen_letter(struct screen *screen, enum style style, uint32_t letter);
/* The whole of the current row in this style. */
void screen_mark(struct screen *screen, enum style style);

#endif
