/* top_inside - what the pages of fan top share */
#ifndef COMMAND_TOP_INSIDE_H
#define COMMAND_TOP_INSIDE_H

#include "command/top.h"

/* Rows that are left between `row` and the line of keys. */
size_t top_left(const struct screen *screen, size_t row);
/* 0:07, 1:02:03, 2d03h; 7.5 s, 120 ms, 0.4 ms below ten seconds. */
void top_put_time(struct screen *screen, enum style style, double seconds);

/* The pages; each leaves the last line alone. */
void top_draw_curve(const struct top *top, struct screen *screen, size_t row,
                    size_t rows);
void top_draw_lists(const struct top *top, struct screen *screen, size_t row);
void top_draw_show(const struct top *top, struct screen *screen);
void top_draw_help(struct screen *screen);

#endif
