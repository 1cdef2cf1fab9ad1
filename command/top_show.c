#include "command/top_inside.h"

#include <inttypes.h>
#include <string.h>

enum { FIRST_ROW = 2, LABEL = 10 };

static void label(struct screen *screen, size_t row, const char *text)
{
    screen_go(screen, row, 1);
    screen_field(screen, STYLE_FAINT, LABEL, text);
}

static const struct top_task *task_of(const struct top *top)
{
    for (size_t i = 0; i < top->task_count; i++)
        if (top->tasks[i].task == top->shown_task)
            return &top->tasks[i];
    return NULL;
}

static void show_task(const struct top *top, struct screen *screen)
{
    const struct top_task *const task = task_of(top);
    size_t row = FIRST_ROW;
    label(screen, row++, "task");
    screen_printf(screen, STYLE_BOLD, "%" PRIu64, top->shown_task);
    if (!task) {
        label(screen, row, "");
        screen_text(screen, STYLE_PLAIN,
                    "is not among those that run longest any more");
    } else {
        label(screen, row++, top->live ? "runs for" : "took");
        top_put_time(screen, STYLE_PLAIN, task->wall_s);
        label(screen, row++, "on");
        screen_text(screen, STYLE_PLAIN, task->host);
        screen_printf(screen, STYLE_PLAIN, ", slot %" PRIu64, task->slot);
        if (task->done >= 0) {
            label(screen, row++, "done");
            screen_printf(screen, STYLE_PLAIN, "%.1f %%", 100 * task->done);
        }
        label(screen, row++, top->live ? "says" : "values");
        screen_text(screen, STYLE_PLAIN,
                    *task->text ? task->text : "(nothing)");
        row++;
    }
    if (top->live)
        return;
    label(screen, row, "");
    screen_printf(screen, STYLE_BOLD, "fan logs %" PRIu64 " %s",
                  top->shown_task, top->dir);
}

// Line by line, the first `skip` of them left out, down to the last row.
static void show_said(struct screen *screen, size_t row, const char *said,
                      size_t skip)
{
    for (const char *at = said; *at && top_left(screen, row) > 0;) {
        const size_t length = strcspn(at, "\n");
        if (skip > 0) {
            skip--;
        } else {
            screen_go(screen, row++, 1);
            screen_put(screen, STYLE_PLAIN,
                       (struct span){(const uint8_t *)at, length});
        }
        at += length + (at[length] == '\n');
    }
}

static size_t show_ways(const struct top *top, struct screen *screen,
                        const struct failing_group *group, size_t row)
{
    label(screen, row, "read it");
    screen_printf(screen, STYLE_BOLD,
                  "fan logs --all-attempts --err %" PRIu64 " %s",
                  group->example, top->dir);
    if (group->number > 0 && group->held > 0) {
        label(screen, ++row, "decide");
        screen_printf(screen, STYLE_BOLD,
                      "fan decide --run %s g%u --retry   (--ignore, --drop)",
                      top->dir, group->number);
    }
    if (group->failed > 0 && !top->live) {
        label(screen, ++row, "redo");
        screen_printf(screen, STYLE_BOLD, "fan run --resume --results %s",
                      top->dir);
    }
    return row + 1;
}

static void show_group(const struct top *top, struct screen *screen)
{
    const struct failing_group *const group = top->shown_group;
    size_t row = FIRST_ROW;
    char way[32];
    failing_way(group, way, sizeof way);
    label(screen, row++, "fails by");
    screen_text(screen, STYLE_BAD, way);
    label(screen, row++, "tasks");
    screen_printf(screen, STYLE_PLAIN,
                  "%" PRIu64 " failed, %" PRIu64 " held, %" PRIu64
                  " tried again",
                  group->failed, group->held, group->again);
    label(screen, row++, "such as");
    screen_printf(screen, STYLE_BOLD, "task %" PRIu64, group->example);
    screen_printf(screen, STYLE_PLAIN, " on %s: ", group->host);
    screen_text(screen, STYLE_PLAIN, group->values);
    row = show_ways(top, screen, group, row);
    screen_go(screen, row + 1, 1);
    screen_text(screen, STYLE_HEAD, "WHAT IT WROTE TO STANDARD ERROR, AT LAST");
    show_said(screen, row + 2, group->said, top->scroll);
}

void top_draw_show(const struct top *top, struct screen *screen)
{
    if (top->shown_group)
        show_group(top, screen);
    else
        show_task(top, screen);
}

void top_draw_help(struct screen *screen)
{
    static const char *const LINES[][2] = {
        {"q", "quit; from here or from what is shown, back"},
        {"up, down", "choose a task or a group of failures (also k, j)"},
        {"s, Enter",
         "show it: where it runs, what it wrote, what to type next"},
        {"p", "start no more tasks, as fan pause does; again: go on"},
        {"h, ?", "this"},
        {"", ""},
        {"held", "tasks that wait for a person; see fan held"},
        {"again", "tasks that failed and will be tried again"},
        {"such as", "the number of a task that failed so"},
        {"", ""},
        {"", "The run goes on, whatever becomes of this view."}};
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        label(screen, FIRST_ROW + i, LINES[i][0]);
        screen_text(screen, STYLE_PLAIN, LINES[i][1]);
    }
}
