#include "command/top_inside.h"

#include <math.h>
#include <stdio.h>

enum { LABEL = 8, STEPS = 8, WIDTH_MOST = 400, SOON_US = 5000000 };

static void rate_text(char *text, size_t size, double rate)
{
    if (rate >= 1e7)
        snprintf(text, size, "%.0f M/s", rate / 1e6);
    else if (rate >= 1e4)
        snprintf(text, size, "%.0f k/s", rate / 1e3);
    else if (rate >= 100)
        snprintf(text, size, "%.0f/s", rate);
    else if (rate >= 0.1 || rate <= 0)
        snprintf(text, size, "%.1f/s", rate > 0 ? rate : 0);
    else
        snprintf(text, size, "%.1f/h", rate * 3600);
}

// An eighth of a cell at a time where the terminal has such blocks.
static uint32_t block(const struct screen *screen, int eighths)
{
    static const char PLAIN[STEPS + 1] = " ...:::##";
    if (!screen->utf8)
        return (uint32_t)PLAIN[eighths];
    return eighths > 0 ? 0x2580U + (uint32_t)eighths : ' ';
}

static void draw_head(const struct top *top, struct screen *screen,
                      double highest, double seconds)
{
    char most[32], now[32];
    const double rate = top_rate(top, SOON_US);
    rate_text(most, sizeof most, highest);
    rate_text(now, sizeof now, rate);
    screen_text(screen, STYLE_HEAD, " THROUGHPUT ");
    if (top->live && rate >= 0) {
        screen_text(screen, STYLE_BOLD, " ");
        screen_text(screen, STYLE_BOLD, now);
        screen_text(screen, STYLE_FAINT, " now, ");
    } else {
        screen_text(screen, STYLE_FAINT, " ");
    }
    screen_printf(screen, STYLE_FAINT, "at most %s, over ", most);
    top_put_time(screen, STYLE_FAINT, seconds);
}

/* The last column ends with the last moment. No column is narrower than a
 * bucket: a run that has just begun grows from the right. */
void top_draw_curve(const struct top *top, struct screen *screen, size_t row,
                    size_t rows)
{
    const struct curve *const curve = &top->curve;
    const size_t width = screen->columns - LABEL - 1 < WIDTH_MOST
                             ? screen->columns - LABEL - 1
                             : WIDTH_MOST;
    const int64_t whole_us = curve->end_us - curve->origin_us;
    const int64_t even_us = whole_us / (int64_t)width + 1;
    const int64_t step_us =
        even_us > curve->width_us ? even_us : curve->width_us;
    double rates[WIDTH_MOST], highest = 0;
    for (size_t i = 0; i < width; i++) {
        const int64_t end_us =
            curve->end_us - (int64_t)(width - 1 - i) * step_us;
        rates[i] = end_us > curve->origin_us
                       ? curve_rate(curve, end_us - step_us, end_us)
                       : 0;
        highest = rates[i] > highest ? rates[i] : highest;
    }
    screen_go(screen, row, 0);
    draw_head(top, screen, highest, (double)whole_us / 1e6);
    for (size_t i = 0; i < rows; i++) {
        char label[32] = "";
        if (i == 0)
            rate_text(label, sizeof label, highest);
        screen_go(screen, row + 1 + i, 0);
        screen_printf(screen, STYLE_FAINT, "%*s ", LABEL - 1,
                      i == rows - 1 ? "0" : label);
        for (size_t at = 0; at < width && highest > 0; at++) {
            const double height =
                ceil(rates[at] / highest * (double)(rows * STEPS));
            const int here = (int)height - (int)((rows - 1 - i) * STEPS);
            screen_letter(screen, STYLE_CURVE,
                          block(screen, here < 0       ? 0
                                        : here > STEPS ? STEPS
                                                       : here));
        }
    }
}
