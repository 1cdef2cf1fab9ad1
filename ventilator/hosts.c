/* hosts - what the ventilator's answer to a question says of its hosts */
#include "common/store/text.h"
#include "ventilator/role.h"

enum { HOSTS_SHOWN = 32 }; // besides those that are quarantined

static void put_host(const struct tracker_host *host, bool first,
                     struct buffer *json)
{
    buffer_append_text(json, first ? "{\"host\":" : ",{\"host\":");
    if (!text_put_quoted(json, host->name))
        text_put_base64(json, host->name);
    buffer_printf(json,
                  ",\"workers\":%zu,\"slots\":%zu,\"running\":%zu,"
                  "\"passed\":%llu,\"failed\":%llu",
                  host->workers, host->slots, host->running,
                  (unsigned long long)host->passed,
                  (unsigned long long)host->failed);
    if (host->barred_ms > 0)
        buffer_printf(json, ",\"quarantined_s\":%.3f",
                      (double)host->barred_ms / 1000.0);
    put_u8(json, '}');
}

void role_put_hosts(const struct role *role, struct buffer *json)
{
    struct tracker_host host;
    size_t shown = 0, put = 0;
    buffer_append_text(json, ",\"hosts\":[");
    for (size_t i = 1; tracker_host(role->tracker, i, &host); i++) {
        if (host.barred_ms == 0 && (host.workers == 0 || ++shown > HOSTS_SHOWN))
            continue;
        put_host(&host, put++ == 0, json);
    }
    put_u8(json, ']');
}
