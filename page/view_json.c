/* view_json - the view as JSON */
#include "command/held.h"
#include "common/store/text.h"
#include "page/view.h"

#include <errno.h>
#include <inttypes.h>

static void put_text(struct buffer *out, const char *text)
{
    if (text_put_quoted(out, span_of_text(text)))
        return;
    // Not UTF-8, or cut within a character: what is not ASCII is left out.
    put_u8(out, '"');
    for (; *text; text++)
        put_u8(out,
               *text >= ' ' && *text != '"' && *text != '\\' && *text != 0x7f
                   ? (uint8_t)*text
                   : '?');
    put_u8(out, '"');
}

static void put_sums(struct buffer *out, const char *name,
                     const uint32_t sums[AXIS_COLUMNS], size_t count)
{
    buffer_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++)
        buffer_printf(out, "%s%" PRIu32, i > 0 ? "," : "", sums[i]);
    put_u8(out, ']');
}

static void put_curve(const struct view *view, struct buffer *out)
{
    const size_t count = view->axis.origin_us == 0
                             ? 0
                             : axis_column(&view->axis, view->last_us) + 1;
    buffer_printf(out,
                  ",\"curve\":{\"origin_us\":%" PRId64 ",\"width_us\":%" PRId64
                  ",\"last_us\":%" PRId64,
                  view->axis.origin_us, view->axis.width_us, view->last_us);
    put_sums(out, "ok", view->done, count);
    put_sums(out, "bad", view->bad, count);
    put_u8(out, '}');
}

static void put_times(const struct view *view, struct buffer *out)
{
    buffer_append_text(out, ",\"times\":[");
    const char *comma = "";
    for (unsigned i = 0; i < VIEW_BINS; i++) {
        if (view->bins[i] == 0)
            continue;
        buffer_printf(out, "%s{\"bin\":%u,\"to_s\":%.6g,\"count\":%" PRIu64 "}",
                      comma, i, view_bin_s(i), view->bins[i]);
        comma = ",";
    }
    put_u8(out, ']');
}

static void put_why(struct buffer *out, enum fail_class class, uint8_t exit,
                    uint8_t signal)
{
    if (class == CLASS_EXIT)
        buffer_printf(out, ",\"why\":\"exit %u\"", exit);
    else if (class == CLASS_SIGNAL)
        buffer_printf(out, ",\"why\":\"signal %u\"", signal);
    else
        buffer_printf(out, ",\"why\":\"%s\"",
                      class == CLASS_NONE ? "" : class_name(class));
}

static void put_task(struct buffer *out, const struct view_task *task)
{
    buffer_printf(out,
                  "{\"task\":%" PRIu64 ",\"status\":\"%s\",\"wall_s\":%.6f"
                  ",\"attempt\":%" PRIu32 ",\"slot\":%" PRIu32,
                  task->task, status_name(task->status),
                  (double)task->wall_us / 1e6, task->attempt, task->slot);
    put_why(out, task->class, task->exit, task->signal);
    buffer_append_text(out, ",\"host\":");
    put_text(out, task->host);
    buffer_append_text(out, ",\"values\":");
    put_text(out, task->values);
    put_u8(out, '}');
}

static void put_tasks(const struct view *view, struct buffer *out)
{
    uint64_t at = view->recent_count;
    buffer_append_text(out, ",\"recent\":[");
    for (unsigned i = 0; i < VIEW_RECENT && at > 0; i++) {
        buffer_append_text(out, i > 0 ? "," : "");
        put_task(out, &view->recent[--at % VIEW_RECENT]);
    }
    buffer_append_text(out, "],\"slowest\":[");
    for (size_t i = 0; i < view->slow_count; i++) {
        buffer_append_text(out, i > 0 ? "," : "");
        put_task(out, &view->slowest[i]);
    }
    put_u8(out, ']');
}

static void put_group(const struct view_group *group, struct buffer *out)
{
    buffer_printf(out,
                  "{\"class\":\"%s\",\"exit\":%u,\"signal\":%u,"
                  "\"attempts\":%" PRIu64 ",\"tasks\":%" PRIu64,
                  class_name(group->class), group->exit, group->signal,
                  group->attempts, group->tasks);
    put_why(out, group->class, group->exit, group->signal);
    buffer_append_text(out, ",\"line\":");
    put_text(out, group->line);
    buffer_append_text(out, ",\"last\":[");
    for (size_t i = 0; i < group->last_count; i++)
        buffer_printf(
            out, "%s%" PRIu64, i > 0 ? "," : "",
            group->last[(group->last_at + VIEW_TASKS - 1 - i) % VIEW_TASKS]);
    buffer_append_text(out, "]}");
}

static void put_groups(const struct view *view, struct buffer *out)
{
    buffer_append_text(out, ",\"failures\":[");
    for (size_t i = 0; i < view->group_count; i++) {
        buffer_append_text(out, i > 0 ? "," : "");
        put_group(&view->groups[i], out);
    }
    buffer_printf(out, "],\"other_failures\":%" PRIu64, view->groupless);
}

static void put_held_group(const struct held_group *group, struct buffer *out)
{
    buffer_printf(out,
                  "{\"group\":\"g%u\",\"count\":%" PRIu64
                  ",\"class\":\"%s\",\"exit\":%u,\"signal\":%u",
                  group->number, group->count, class_name(group->class),
                  group->exit, group->signal);
    put_why(out, group->class, group->exit, group->signal);
    buffer_append_text(out, ",\"line\":");
    put_text(out, group->line);
    buffer_printf(out, ",\"example\":%" PRIu64 ",\"hosts\":[", group->example);
    for (size_t i = 0; i < group->host_count; i++) {
        buffer_append_text(out, i > 0 ? "," : "");
        put_text(out, group->hosts[i]);
    }
    buffer_printf(out, "],\"more_hosts\":%s}",
                  group->more_hosts ? "true" : "false");
}

static void put_decision(const struct held_decision *decision,
                         struct buffer *out)
{
    buffer_printf(out,
                  "{\"decision\":\"%s\",\"group\":\"g%u\",\"count\":%" PRIu64
                  ",\"first\":%" PRIu64 ",\"time_us\":%" PRId64 ",\"user\":",
                  held_answer(decision->status), decision->group,
                  decision->count, decision->first, decision->time_us);
    put_text(out, decision->user);
    buffer_append_text(out, ",\"note\":");
    put_text(out, decision->note);
    put_u8(out, '}');
}

static int put_held(struct view *view, struct buffer *out)
{
    enum { GROUPS_SHOWN = 50, DECISIONS_SHOWN = 20 };
    const int error = held_settle(view->held);
    if (error)
        return error;
    const size_t groups = held_group_count(view->held);
    const size_t decisions = held_decision_count(view->held);
    buffer_printf(out, ",\"held\":%" PRIu64 ",\"held_groups\":[",
                  held_count(view->held));
    for (size_t i = 0; i < groups && i < GROUPS_SHOWN; i++) {
        buffer_append_text(out, i > 0 ? "," : "");
        put_held_group(held_group_at(view->held, i), out);
    }
    buffer_append_text(out, "],\"decisions\":[");
    for (size_t i = 0; i < decisions && i < DECISIONS_SHOWN; i++) {
        buffer_append_text(out, i > 0 ? "," : "");
        put_decision(held_decision_at(view->held, decisions - 1 - i), out);
    }
    put_u8(out, ']');
    return 0;
}

int view_put(struct view *view, struct buffer *out)
{
    char run[ID128_TEXT_SIZE];
    uint64_t done = 0;
    id128_text(&view->run, run);
    for (unsigned i = 0; i < STATUSES; i++)
        done += view->by_status[i];
    buffer_printf(out,
                  "\"run_id\":\"%s\",\"done\":%" PRIu64 ",\"attempts\":%" PRIu64
                  ",\"busy_s\":%.6f,\"counts\":{",
                  run, done, view->attempts, (double)view->busy_us / 1e6);
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        buffer_printf(out, "%s\"%s\":%" PRIu64, i > STATUS_OK ? "," : "",
                      status_name((enum status)i), view->by_status[i]);
    put_u8(out, '}');
    put_curve(view, out);
    put_times(view, out);
    put_tasks(view, out);
    put_groups(view, out);
    const int error = put_held(view, out);
    return error ? error : out->failed ? -ENOMEM : 0;
}

// A digit for how busy a column was; a letter where an attempt failed.
static void put_columns(const struct view_row *row, size_t count,
                        struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        const float share = row->busy[i] > 1 ? 1 : row->busy[i];
        unsigned level = (unsigned)(share * 9 + 0.5F);
        if (level == 0 && share > 0)
            level = 1;
        put_u8(out, (uint8_t)((row->failed[i] ? 'a' : '0') + level));
    }
}

int view_put_timeline(const struct view *view, uint64_t after,
                      struct buffer *out)
{
    char worker[ID128_TEXT_SIZE];
    const size_t count = view->axis.origin_us == 0
                             ? 0
                             : axis_column(&view->axis, view->last_us) + 1;
    const uint64_t oldest =
        view->bar_count > VIEW_BARS ? view->bar_count - VIEW_BARS : 0;
    buffer_printf(out,
                  "{\"v\":1,\"origin_us\":%" PRId64 ",\"width_us\":%" PRId64
                  ",\"last_us\":%" PRId64 ",\"rowless\":%" PRIu64
                  ",\"bar_count\":%" PRIu64 ",\"rows\":[",
                  view->axis.origin_us, view->axis.width_us, view->last_us,
                  view->rowless, view->bar_count);
    for (size_t i = 0; i < view->row_count; i++) {
        const struct view_row *const row = &view->rows[i];
        id128_text(&row->worker, worker);
        buffer_append_text(out, i > 0 ? ",{\"host\":" : "{\"host\":");
        put_text(out, row->host);
        buffer_printf(
            out,
            ",\"worker\":\"%s\",\"slot\":%" PRIu32 ",\"attempts\":%" PRIu64
            ",\"busy_s\":%.6f,\"columns\":\"",
            worker, row->slot, row->attempts, (double)row->busy_us / 1e6);
        put_columns(row, count, out);
        buffer_append_text(out, "\"}");
    }
    buffer_append_text(out, "],\"bars\":[");
    const uint64_t first = after > oldest ? after : oldest;
    for (uint64_t i = first; i < view->bar_count; i++) {
        const struct view_bar *const bar = &view->bars[i % VIEW_BARS];
        buffer_printf(
            out, "%s[%" PRIu32 ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",\"%s\"]",
            i > first ? "," : "", bar->row,
            bar->start_us - view->axis.origin_us, bar->wall_us, bar->task,
            bar->class == CLASS_NONE ? "" : class_name(bar->class));
    }
    buffer_append_text(out, "]}");
    return out->failed ? -ENOMEM : 0;
}
