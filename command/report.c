#include "command/report.h"

#include "common/base/clock.h"
#include "common/setting/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 960, LABEL = 130, BAR_MIN = 4, BAR_MAX = 14, HEAT_LEVELS = 5 };

static const char STYLE[] =
    ":root{color-scheme:light dark;--ground:#fff;--text:#1c2430;--soft:#5b6675;"
    "--line:#d8dee6;--ok:#1f6fb4;--bad:#d55e00;--empty:#eef1f5}"
    "@media(prefers-color-scheme:dark){:root{--ground:#14181e;--text:#e4e9f0;"
    "--soft:#9aa7b6;--line:#2d3641;--ok:#58a6ef;--bad:#ff8a3d;"
    "--empty:#1e252e}}"
    "body{margin:0 auto;max-width:62rem;padding:1.5rem;background:var(--ground)"
    ";color:var(--text);font:15px/1.5 system-ui,sans-serif}"
    "h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.05rem;"
    "margin:2.2rem 0 .5rem}"
    ".soft{color:var(--soft)}.figures{display:flex;flex-wrap:wrap;gap:.6rem "
    "2rem;margin:1.2rem 0}.figures b{display:block;font-size:1.5rem;"
    "font-variant-numeric:tabular-nums}"
    "svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);"
    "font:11px system-ui,sans-serif}.e{fill:var(--empty)}.o{fill:var(--ok)}"
    ".b{fill:var(--bad)}.l{stroke:var(--line)}"
    "div.wide{overflow-x:auto}table{border-collapse:collapse;min-width:50%}"
    "th{text-align:left;color:var(--soft);font-weight:normal}"
    "td,th{padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top}td.n,th.n{text-align:right;"
    "font-variant-numeric:tabular-nums;white-space:nowrap}"
    "code,pre{font:13px/1.45 ui-monospace,monospace;overflow-wrap:anywhere}"
    "pre{white-space:pre-wrap;background:var(--empty);padding:.8rem}";

static void put_text(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        const uint8_t byte = (uint8_t)*text;
        if (byte == '&')
            buffer_append_text(out, "&amp;");
        else if (byte == '<')
            buffer_append_text(out, "&lt;");
        else if (byte == '>')
            buffer_append_text(out, "&gt;");
        else if (byte == '"')
            buffer_append_text(out, "&quot;");
        else if (byte == '\'')
            buffer_append_text(out, "&#39;");
        else
            put_u8(out,
                   (byte < ' ' && byte != '\n') || byte == 0x7f ? '?' : byte);
    }
}

// A time as one says it: 12 ms, 3.4 s, 2 h 5 min.
static void put_time(struct buffer *out, double s)
{
    if (s < 1e-3)
        buffer_printf(out, "%.0f &micro;s", s * 1e6);
    else if (s < 1)
        buffer_printf(out, "%.3g ms", s * 1e3);
    else if (s < 120)
        buffer_printf(out, "%.3g s", s);
    else if (s < 7200)
        buffer_printf(out, "%.0f min %.0f s",
                      (s - (double)((int64_t)s % 60)) / 60,
                      (double)((int64_t)s % 60));
    else
        buffer_printf(out, "%" PRId64 " h %" PRId64 " min", (int64_t)s / 3600,
                      (int64_t)s % 3600 / 60);
}

static double span_s(const struct digest *digest)
{
    return (double)(digest->last_us - digest->first_us) / 1e6;
}

static void put_figure(struct buffer *out, uint64_t count, const char *what)
{
    if (count > 0)
        buffer_printf(out, "<div><b>%" PRIu64 "</b>%s</div>\n", count, what);
}

static void put_figures(const struct digest *digest, struct buffer *out)
{
    const double slots_s = span_s(digest) * (double)digest->row_count;
    buffer_append_text(out, "<div class=figures>\n");
    put_figure(out, digest->tasks, "tasks done");
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        put_figure(out, digest->by_status[i], status_name((enum status)i));
    put_figure(out, digest->attempts, "attempts");
    put_figure(out, digest->losses, "lost with their worker");
    buffer_append_text(out, "<div><b>");
    put_time(out, span_s(digest));
    buffer_append_text(out, "</b>from first to last</div>\n<div><b>");
    put_time(out, (double)digest->busy_us / 1e6);
    buffer_append_text(out, "</b>of tasks&#39; time</div>\n");
    if (slots_s > 0 && digest->rowless == 0)
        buffer_printf(out, "<div><b>%.1f %%</b>of %zu slots&#39; time</div>\n",
                      100 * (double)digest->busy_us / 1e6 / slots_s,
                      digest->row_count);
    buffer_append_text(out, "</div>\n");
}

// -- The timeline -------------------------------------------------------------

static double x_of(const struct digest *digest, int64_t time_us)
{
    const double span_us = (double)(digest->last_us - digest->first_us);
    return LABEL + (span_us > 0 ? (double)(time_us - digest->first_us) /
                                      span_us * (WIDTH - LABEL)
                                : 0);
}

static void put_bars(const struct digest *digest, unsigned height,
                     struct buffer *out)
{
    for (size_t i = 0; i < digest->bar_count; i++) {
        const struct digest_bar *const bar = &digest->bars[i];
        const double x = x_of(digest, bar->start_us);
        const double end = x_of(digest, bar->start_us + (int64_t)bar->wall_us);
        buffer_printf(out,
                      "<rect class=%c x=%.2f y=%zu width=%.2f height=%u>"
                      "<title>task %" PRIu64 ", ",
                      bar->failed ? 'b' : 'o', x, bar->row * height,
                      end - x > 0.4 ? end - x : 0.4, height - 1, bar->task);
        put_time(out, (double)bar->wall_us / 1e6);
        buffer_append_text(out, "</title></rect>\n");
    }
}

// A slot's row in columns, darker where it was busier.
static void put_columns(const struct digest_row *row, size_t at,
                        unsigned height, struct buffer *out)
{
    const double width = (double)(WIDTH - LABEL) / DIGEST_COLUMNS;
    for (size_t from = 0, to; from < DIGEST_COLUMNS; from = to) {
        const bool bad = row->failed[from];
        const int level = (int)(row->busy[from] * HEAT_LEVELS + 0.5F);
        for (to = from + 1; to < DIGEST_COLUMNS; to++)
            if (row->failed[to] != bad ||
                (int)(row->busy[to] * HEAT_LEVELS + 0.5F) != level)
                break;
        if (level == 0 && !bad)
            continue;
        buffer_printf(
            out,
            "<rect class=%c x=%.2f y=%zu width=%.2f height=%u "
            "opacity=%.1f />\n",
            bad ? 'b' : 'o', LABEL + (double)from * width, at * height,
            (double)(to - from) * width, height - 1,
            bad || level >= HEAT_LEVELS ? 1 : (double)level / HEAT_LEVELS);
    }
}

static void put_axis(const struct digest *digest, unsigned top,
                     struct buffer *out)
{
    for (int i = 1; i <= 4; i++) {
        buffer_printf(out, "<text x=%d y=%u text-anchor=%s>",
                      LABEL + (WIDTH - LABEL) * i / 4, top,
                      i == 4 ? "end" : "middle");
        put_time(out, span_s(digest) * i / 4);
        buffer_append_text(out, "</text>\n");
    }
}

static void put_timeline(const struct digest *digest, struct buffer *out)
{
    const unsigned height = digest->row_count > 40 ? BAR_MIN : BAR_MAX;
    const unsigned bottom = (unsigned)digest->row_count * height;
    const bool each = digest->bar_count <= DIGEST_BARS;
    if (digest->row_count == 0)
        return;
    buffer_append_text(out, "<h2>Who ran what when</h2>\n<p class=soft>");
    buffer_append_text(out, each ? "A bar for each attempt"
                                 : "A row for each slot, darker where it was "
                                   "busier");
    buffer_append_text(out, "; orange where one failed.");
    if (digest->rowless > 0)
        buffer_printf(out,
                      " %" PRIu64 " attempts of further slots are left "
                      "out.",
                      digest->rowless);
    buffer_printf(out,
                  "</p>\n<svg viewBox='0 0 %d %u' role=img "
                  "aria-label='timeline of all slots'>\n"
                  "<rect class=e x=%d y=0 width=%d height=%u />\n",
                  WIDTH, bottom + 18, LABEL, WIDTH - LABEL, bottom);
    for (size_t i = 0; i < digest->row_count; i++) {
        if (height == BAR_MAX) {
            buffer_printf(out, "<text x=0 y=%zu>", (i + 1) * height - 3);
            put_text(out, digest->rows[i].host);
            buffer_printf(out, " %" PRIu32 "</text>\n", digest->rows[i].slot);
        }
        if (!each)
            put_columns(&digest->rows[i], i, height, out);
    }
    if (each)
        put_bars(digest, height, out);
    put_axis(digest, bottom + 14, out);
    buffer_append_text(out, "</svg>\n");
}

// -- The other parts ----------------------------------------------------------

static void put_histogram(const struct digest *digest, struct buffer *out)
{
    enum { HEIGHT = 120, PART = 44, ABOVE = 14 };
    unsigned first = DIGEST_BINS, last = 0;
    uint64_t most = 1;
    for (unsigned i = 0; i < DIGEST_BINS; i++) {
        if (digest->bins[i] == 0)
            continue;
        first = first < i ? first : i;
        last = i;
        most = digest->bins[i] > most ? digest->bins[i] : most;
    }
    if (first == DIGEST_BINS)
        return;
    buffer_printf(out,
                  "<h2>How long they took</h2>\n<svg viewBox='0 0 %d %d' "
                  "style='max-width:%upx' role=img aria-label='histogram of "
                  "times'>\n",
                  (int)(last - first + 2) * PART, HEIGHT + ABOVE + 20,
                  (last - first + 2) * PART);
    for (unsigned i = first; i <= last; i++) {
        const double high = (double)digest->bins[i] / (double)most * HEIGHT;
        const unsigned x = (i - first) * PART;
        buffer_printf(
            out,
            "<rect class=o x=%u y=%.1f width=%d height=%.1f>"
            "</rect><text x=%u y=%.1f text-anchor=middle>%" PRIu64 "</text>\n",
            x, HEIGHT + ABOVE - high, PART - 2, high, x + PART / 2 - 1,
            HEIGHT + ABOVE - 3 - high, digest->bins[i]);
        if ((i - first) % 3 != 0)
            continue;
        buffer_printf(out, "<text x=%u y=%d>", x, HEIGHT + ABOVE + 15);
        put_time(out, digest_bin_s(i));
        buffer_append_text(out, "</text>\n");
    }
    buffer_append_text(out, "</svg>\n");
}

static void put_why(const struct digest_group *group, struct buffer *out)
{
    if (group->class == CLASS_EXIT)
        buffer_printf(out, "exit %u", group->exit);
    else if (group->class == CLASS_SIGNAL)
        buffer_printf(out, "signal %u", group->signal);
    else
        buffer_append_text(out, class_name(group->class));
}

static void put_failures(const struct digest *digest, const char *dir,
                         struct buffer *out)
{
    if (digest->group_count == 0)
        return;
    buffer_append_text(out, "<h2>What failed</h2>\n<div class=wide><table><tr>"
                            "<th class=n>tasks<th>why<th>said last<th>read "
                            "one</tr>\n");
    for (size_t i = 0; i < digest->group_count; i++) {
        const struct digest_group *const group = &digest->groups[i];
        buffer_printf(out, "<tr><td class=n>%" PRIu64 "<td>", group->count);
        put_why(group, out);
        buffer_append_text(out, "<td>");
        put_text(out, group->line);
        buffer_printf(out, "<td><code>fan logs --err %" PRIu64 " ",
                      group->example);
        put_text(out, dir);
        buffer_append_text(out, "</code></tr>\n");
    }
    buffer_append_text(out, "</table></div>\n");
    if (digest->groupless > 0)
        buffer_printf(out, "<p class=soft>and %" PRIu64 " of other kinds</p>\n",
                      digest->groupless);
}

static void put_slowest(const struct digest *digest, struct buffer *out)
{
    if (digest->slow_count == 0)
        return;
    buffer_append_text(out, "<h2>The slowest</h2>\n<div class=wide><table><tr>"
                            "<th class=n>task<th class=n>time<th>host"
                            "<th>values</tr>\n");
    for (size_t i = 0; i < digest->slow_count; i++) {
        const struct digest_slow *const slow = &digest->slowest[i];
        buffer_printf(out, "<tr><td class=n>%" PRIu64 "<td class=n>",
                      slow->task);
        put_time(out, (double)slow->wall_us / 1e6);
        buffer_append_text(out, "<td>");
        put_text(out, slow->host);
        buffer_append_text(out, "<td>");
        put_text(out, slow->values);
        buffer_append_text(out, "</tr>\n");
    }
    buffer_append_text(out, "</table></div>\n");
}

// The rows of one host together, at the first of them.
static void put_host(const struct digest *digest, size_t first,
                     struct buffer *out)
{
    const char *const host = digest->rows[first].host;
    uint64_t slots = 0, attempts = 0, busy_us = 0;
    for (size_t i = 0; i < digest->row_count; i++) {
        const struct digest_row *const row = &digest->rows[i];
        if (strcmp(row->host, host) != 0)
            continue;
        if (i < first)
            return; // told already
        slots++;
        attempts += row->attempts;
        busy_us += row->busy_us;
    }
    buffer_append_text(out, "<tr><td>");
    put_text(out, host);
    buffer_printf(out,
                  "<td class=n>%" PRIu64 "<td class=n>%" PRIu64 "<td class=n>",
                  slots, attempts);
    put_time(out, (double)busy_us / 1e6);
    buffer_printf(out, "<td class=n>%.1f %%</tr>\n",
                  span_s(digest) > 0
                      ? (double)busy_us / 1e4 / (span_s(digest) * (double)slots)
                      : 0.0);
}

static void put_hosts(const struct digest *digest, struct buffer *out)
{
    if (digest->row_count == 0)
        return;
    buffer_append_text(out, "<h2>Hosts</h2>\n<div class=wide><table><tr>"
                            "<th>host<th class=n>slots<th class=n>attempts"
                            "<th class=n>tasks&#39; time<th class=n>busy</tr>"
                            "\n");
    for (size_t i = 0; i < digest->row_count; i++)
        put_host(digest, i, out);
    buffer_append_text(out, "</table></div>\n");
}

static void put_origin(const struct settings *plan, struct buffer *out)
{
    struct buffer yaml = {0};
    buffer_append_text(out, "<h2>How it was run</h2>\n<pre>");
    for (size_t i = 0; i < plan->arguments.count; i++) {
        buffer_append_text(out, i > 0 ? " " : "");
        put_text(out, plan->arguments.at[i]);
    }
    buffer_append_text(out, "</pre>\n<details><summary>plan.yaml</summary>"
                            "<pre>");
    settings_write_yaml(plan, IN_PLAN, &yaml);
    put_u8(&yaml, 0);
    put_text(out, yaml.failed ? "" : (const char *)yaml.at);
    buffer_free(&yaml);
    buffer_append_text(out, "</pre></details>\n");
}

static void put_head(const struct digest *digest, const struct settings *plan,
                     const char *dir, struct buffer *out)
{
    char first[CLOCK_TEXT_SIZE] = "", last[CLOCK_TEXT_SIZE] = "";
    clock_text(digest->first_us, first);
    clock_text(digest->last_us, last);
    buffer_append_text(out, "<!doctype html>\n<html lang=en><meta "
                            "charset=utf-8>\n<meta name=viewport "
                            "content='width=device-width'>\n<title>");
    put_text(out, dir);
    buffer_append_text(out, " - fan</title>\n<style>");
    buffer_append_text(out, STYLE);
    buffer_append_text(out, "</style>\n<h1>");
    put_text(out, dir);
    buffer_append_text(out, "</h1>\n<p class=soft>");
    if (digest->first_us > 0)
        buffer_printf(out, "%.19s to %.19s UTC; ", first, last);
    buffer_append_text(out, "fan ");
    put_text(out, plan->version ? plan->version : "");
    buffer_append_text(out, "</p>\n");
}

void report_put(const struct digest *digest, const struct settings *plan,
                const char *dir, struct buffer *out)
{
    put_head(digest, plan, dir, out);
    put_figures(digest, out);
    put_failures(digest, dir, out);
    put_timeline(digest, out);
    put_histogram(digest, out);
    put_slowest(digest, out);
    put_hosts(digest, out);
    put_origin(plan, out);
    buffer_append_text(out, "</html>\n");
}
