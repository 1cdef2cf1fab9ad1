#include "command/top_inside.h"

#include <inttypes.h>
#include <stdio.h>

enum { LISTS = 3, HOST = 16, WAY = 12, SLOTS_MOST = 20 };

// A letter for each slot: whether it runs something.
static void draw_slots(struct screen *screen, const struct top_host *host)
{
    const uint64_t shown = host->slots < SLOTS_MOST ? host->slots : SLOTS_MOST;
    // Of more slots than letters, one letter stands for several.
    const uint64_t busy =
        host->slots > 0
            ? (host->running * shown + host->slots - 1) / host->slots
            : 0;
    for (uint64_t i = 0; i < shown; i++)
        screen_letter(screen, i < busy ? STYLE_GOOD : STYLE_FAINT,
                      i < busy       ? screen->utf8 ? 0x25a0 : '#'
                      : screen->utf8 ? 0x25a1
                                     : '.');
}

static void draw_host(const struct top *top, struct screen *screen,
                      const struct top_host *host)
{
    screen_text(screen, STYLE_PLAIN, " ");
    screen_field(screen, STYLE_PLAIN, HOST, host->name);
    screen_printf(screen, STYLE_PLAIN, "%9" PRIu64 " ", host->passed);
    screen_printf(screen, host->failed > 0 ? STYLE_BAD : STYLE_PLAIN,
                  "%9" PRIu64 " ", host->failed);
    if (!top->live) {
        screen_text(screen, STYLE_PLAIN, "  ");
        top_put_time(screen, STYLE_PLAIN, host->busy_s);
        return;
    }
    screen_printf(screen, STYLE_PLAIN, "%4" PRIu64 " of %-5" PRIu64 " ",
                  host->running, host->slots);
    if (host->barred_s > 0)
        screen_printf(screen, STYLE_BAD, "quarantined for %.0f s more",
                      host->barred_s);
    else
        draw_slots(screen, host);
}

static void draw_task(const struct top *top, struct screen *screen,
                      const struct top_task *task)
{
    (void)top;
    screen_printf(screen, STYLE_PLAIN, " %9" PRIu64 "  ", task->task);
    const size_t from = screen->column;
    top_put_time(screen, STYLE_BOLD, task->wall_s);
    screen->column = from + 9;
    screen_field(screen, STYLE_PLAIN, HOST, task->host);
    if (task->done >= 0)
        screen_printf(screen, STYLE_PLAIN, "%3.0f %%  ", 100 * task->done);
    screen_text(screen, STYLE_PLAIN, task->text);
}

static void draw_group(struct screen *screen, const struct failing_group *group)
{
    char way[32];
    failing_way(group, way, sizeof way);
    screen_printf(screen, STYLE_BAD, " %8" PRIu64, group->failed);
    screen_printf(screen, STYLE_HELD, "%7" PRIu64, group->held);
    screen_printf(screen, STYLE_PLAIN, "%7" PRIu64 "  ", group->again);
    screen_field(screen, STYLE_BOLD, WAY, way);
    screen_printf(screen, STYLE_PLAIN, "%-8" PRIu64 " ", group->example);
    screen_text(screen, STYLE_PLAIN,
                *group->line ? group->line : "(said nothing)");
}

// How many rows each list gets of `rows`: what it needs, or its even part.
static void share(size_t rows, const size_t needs[LISTS], size_t gets[LISTS])
{
    size_t left = rows;
    for (size_t i = 0; i < LISTS; i++)
        gets[i] = 0;
    for (bool grows = true; grows && left > 0;) {
        grows = false;
        for (size_t i = 0; i < LISTS && left > 0; i++)
            if (gets[i] < needs[i]) {
                gets[i]++;
                left--;
                grows = true;
            }
    }
}

// The first of a list that is shown, so that the chosen one is.
static size_t first_of(size_t chosen, size_t count, size_t shown)
{
    return chosen >= count || chosen < shown ? 0 : chosen - shown + 1;
}

static void head(struct screen *screen, size_t row, const char *text)
{
    screen_go(screen, row, 0);
    screen_text(screen, STYLE_HEAD, text);
    screen_mark(screen, STYLE_HEAD);
}

struct lists {
    const struct failing_group *groups[FAILING_GROUPS];
    size_t needs[LISTS], gets[LISTS]; // hosts, tasks, groups
};

static size_t draw_hosts(const struct top *top, struct screen *screen,
                         const struct lists *lists, size_t row)
{
    if (lists->gets[0] < 2)
        return row;
    head(screen, row++,
         top->live ? " HOST                passed    failed  running   slots"
                   : " HOST                passed    failed   time busy");
    for (size_t i = 0; i + 1 < lists->gets[0]; i++) {
        screen_go(screen, row++, 0);
        draw_host(top, screen, &top->hosts[i]);
    }
    return row;
}

static size_t draw_tasks(const struct top *top, struct screen *screen,
                         const struct lists *lists, size_t row)
{
    if (lists->gets[1] < 2)
        return row;
    const size_t shown = lists->gets[1] - 1;
    const size_t first = first_of(top->chosen, top->task_count, shown);
    head(screen, row++,
         top->live ? " RUN LONGEST  for    host             says"
                   : "   SLOWEST  took     host             values");
    for (size_t i = first; i < first + shown; i++) {
        screen_go(screen, row, 0);
        draw_task(top, screen, &top->tasks[i]);
        if (i == top->chosen)
            screen_mark(screen, STYLE_CHOSEN);
        row++;
    }
    return row;
}

static void draw_groups(const struct top *top, struct screen *screen,
                        const struct lists *lists, size_t row)
{
    if (lists->gets[2] < 2)
        return;
    const size_t count = lists->needs[2] - 1, shown = lists->gets[2] - 1;
    const size_t chosen = top->chosen - top->task_count; // or very much
    const size_t first = first_of(chosen, count, shown);
    head(screen, row++,
         "   FAILED   held  again  why          such as  what it said last");
    for (size_t i = first; i < first + shown; i++) {
        screen_go(screen, row, 0);
        draw_group(screen, lists->groups[i]);
        if (i == chosen)
            screen_mark(screen, STYLE_CHOSEN);
        row++;
    }
}

void top_draw_lists(const struct top *top, struct screen *screen, size_t row)
{
    struct lists lists;
    const size_t groups = top_groups(top, lists.groups);
    const size_t counts[LISTS] = {top->host_count, top->task_count, groups};
    for (size_t i = 0; i < LISTS; i++)
        lists.needs[i] = counts[i] > 0 ? counts[i] + 1 : 0;
    share(top_left(screen, row), lists.needs, lists.gets);
    row = draw_hosts(top, screen, &lists, row);
    row = draw_tasks(top, screen, &lists, row);
    draw_groups(top, screen, &lists, row);
}
