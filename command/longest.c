#include "command/longest.h"

#include "common/base/log.h"

#include <jansson.h>
#include <stdio.h>

// What tasks and hosts call themselves must not reach the terminal as it is.
static const char *clean(const json_t *object, const char *key,
                         char text[LOG_QUOTE_SIZE])
{
    const json_t *const value = json_object_get(object, key);
    const char *const at = json_string_value(value);
    log_escape((struct span){(const uint8_t *)at, json_string_length(value)},
               text, LOG_QUOTE_SIZE);
    return text;
}

static void print_time(double seconds)
{
    const unsigned long long whole = (unsigned long long)seconds;
    if (whole < 60)
        printf("%.1f s", seconds);
    else if (whole < 3600)
        printf("%llu min %02llu s", whole / 60, whole % 60);
    else
        printf("%llu h %02llu min", whole / 3600, whole / 60 % 60);
}

static void print_long(const json_t *task, const char *label)
{
    char text[LOG_QUOTE_SIZE];
    const json_t *const done = json_object_get(task, "done");
    printf("  %-8s task %lld for ", label,
           (long long)json_integer_value(json_object_get(task, "task")));
    print_time(json_number_value(json_object_get(task, "wall_s")));
    printf(" on %s", clean(task, "host", text));
    if (done)
        printf(", %.0f %%", 100 * json_number_value(done));
    if (json_object_get(task, "text"))
        printf(": %s", clean(task, "text", text));
    printf("\n");
}

static void print_waits(const json_t *worker)
{
    char text[LOG_QUOTE_SIZE];
    printf("  waits    %s starts nothing", clean(worker, "host", text));
    printf(": %s\n", clean(worker, "why", text));
}

static void print_host(const json_t *host, const char *label)
{
    char text[LOG_QUOTE_SIZE];
    const json_t *const barred = json_object_get(host, "quarantined_s");
    printf("  %-8s %s: %lld slots, %lld running, %lld passed, %lld failed",
           label, clean(host, "host", text),
           (long long)json_integer_value(json_object_get(host, "slots")),
           (long long)json_integer_value(json_object_get(host, "running")),
           (long long)json_integer_value(json_object_get(host, "passed")),
           (long long)json_integer_value(json_object_get(host, "failed")));
    if (barred)
        printf("; quarantined for %.0f s more", json_number_value(barred));
    printf("\n");
}

void longest_print(struct span json)
{
    json_t *const root = json_loadb((const char *)json.at, json.size, 0, NULL);
    size_t i;
    const json_t *entry;
    const json_t *const hosts = json_object_get(root, "hosts");
    const bool several = json_array_size(hosts) > 1;
    json_array_foreach(
        hosts, i, entry) if (several || json_object_get(entry, "quarantined_s"))
        print_host(entry, i == 0 ? "hosts" : "");
    json_array_foreach(json_object_get(root, "held_back"), i, entry)
        print_waits(entry);
    json_array_foreach(json_object_get(root, "longest"), i, entry)
        print_long(entry, i == 0 ? "longest" : "");
    json_decref(root);
}
