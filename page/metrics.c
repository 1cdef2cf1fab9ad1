#include "page/metrics.h"

#include "command/held.h"
#include "common/base/version.h"
#include "page/view.h"

#include <inttypes.h>
#include <jansson.h>

// What only the ventilator knows: absent while none is at work.
static const struct live {
    const char *key, *name, *type, *help;
} LIVE[] = {
    {"workers", "fan_workers", "gauge", "Workers that are connected."},
    {"slots", "fan_slots", "gauge", "Slots of these workers."},
    {"credit", "fan_credit_outstanding", "gauge",
     "Tasks sent to workers and not finished there."},
    {"resends", "fan_resends_total", "counter",
     "Tasks sent again since the ventilator started: lost on the way or "
     "recalled."},
    {"retries", "fan_retries_total", "counter",
     "Failed attempts that were followed by another since the ventilator "
     "started."},
    {"losses", "fan_losses_total", "counter",
     "Attempts lost with their worker since the ventilator started."},
};

static void put_head(struct buffer *out, const char *name, const char *type,
                     const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_live(const json_t *status, struct buffer *out)
{
    for (size_t i = 0; i < sizeof LIVE / sizeof LIVE[0]; i++) {
        const json_t *const value = json_object_get(status, LIVE[i].key);
        if (!value)
            continue;
        put_head(out, LIVE[i].name, LIVE[i].type, LIVE[i].help);
        buffer_printf(out, "%s %" JSON_INTEGER_FORMAT "\n", LIVE[i].name,
                      json_integer_value(value));
    }
    const json_t *const syncs = json_object_get(status, "syncs");
    if (!syncs)
        return;
    put_head(out, "fan_fsync_seconds", "summary",
             "Time the sink took to make its log durable, since it started.");
    buffer_printf(out,
                  "fan_fsync_seconds_sum %.6f\nfan_fsync_seconds_count "
                  "%" JSON_INTEGER_FORMAT "\n",
                  json_number_value(json_object_get(status, "sync_s")),
                  json_integer_value(syncs));
}

static void put_tasks(struct view *view, const json_t *status,
                      struct buffer *out)
{
    static const char *const OPEN[] = {"running", "queued", "waiting"};
    put_head(out, "fan_tasks", "gauge",
             "Tasks by state: how those that are done ended, and where the "
             "others are.");
    for (unsigned i = STATUS_OK; i < STATUSES; i++) {
        const bool never = i == STATUS_HELD || i == STATUS_LOST ||
                           i == STATUS_REOPENED || i == STATUS_EXPIRED;
        if (!never)
            buffer_printf(out, "fan_tasks{state=\"%s\"} %" PRIu64 "\n",
                          status_name((enum status)i), view->by_status[i]);
    }
    for (size_t i = 0; i < sizeof OPEN / sizeof OPEN[0]; i++)
        buffer_printf(out, "fan_tasks{state=\"%s\"} %" JSON_INTEGER_FORMAT "\n",
                      OPEN[i],
                      json_integer_value(json_object_get(status, OPEN[i])));
    if (held_settle(view->held) == 0)
        buffer_printf(out, "fan_tasks{state=\"held\"} %" PRIu64 "\n",
                      held_count(view->held));
}

static void put_attempts(const struct view *view, struct buffer *out)
{
    uint64_t below = 0;
    put_head(out, "fan_attempts_total", "counter",
             "Attempts recorded, by what they failed of; ok: they did not.");
    for (unsigned i = 0; i < CLASSES; i++)
        buffer_printf(out, "fan_attempts_total{class=\"%s\"} %" PRIu64 "\n",
                      i == CLASS_NONE ? "ok" : class_name((enum fail_class)i),
                      view->by_class[i]);
    put_head(out, "fan_task_duration_seconds", "histogram",
             "How long attempts ran.");
    for (unsigned i = 0; i + 1 < VIEW_BINS; i++) {
        below += view->bins[i];
        if (i % 10 == 0 || i % 10 == 3 || i % 10 == 7) // 1, 2 and 5
            buffer_printf(out,
                          "fan_task_duration_seconds_bucket{le=\"%.6g\"} "
                          "%" PRIu64 "\n",
                          view_bin_s(i), below);
    }
    buffer_printf(out,
                  "fan_task_duration_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
                  "fan_task_duration_seconds_sum %.6f\n"
                  "fan_task_duration_seconds_count %" PRIu64 "\n",
                  view->bin_count, (double)view->bin_sum_us / 1e6,
                  view->bin_count);
}

void metrics_put(struct view *view, struct span status, struct buffer *out)
{
    json_t *const root = status.size > 0 ? json_loadb((const char *)status.at,
                                                      status.size, 0, NULL)
                                         : NULL;
    put_head(out, "fan_build_info", "gauge", "The version, as a label.");
    buffer_printf(out, "fan_build_info{version=\"%s\"} 1\n", version_text());
    put_tasks(view, root, out);
    put_attempts(view, out);
    put_live(root, out);
    json_decref(root);
}
