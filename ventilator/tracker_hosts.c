/* tracker_hosts - workers by host, and hosts that get nothing for a while
 *
 * A host is the name that its workers say in HELLO. What ends there passes or
 * fails, and tracker_blame.h says when the host is to blame. It is then barred:
 * its workers get no tasks, what waits there comes back, what runs goes on. The
 * log has a record of it, and of its end: after a time that is twice as long
 * each time, or as soon as no other host is left. Never the only host.
 *
 * Failures there are failures: they are in the log, and stay. Who wants bad
 * hosts to cost no task gives it --retries.
 */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

#include <stdlib.h>
#include <string.h>

enum {
    HOSTS_MAX = 4096, // more are not told apart, nor ever barred
    FAST_MS = 1000,
    DOUBLINGS_MAX = 4,
};

static bool is_named(const struct host *host, struct span name)
{
    return host->name_size == name.size &&
           (name.size == 0 || memcmp(host->name, name.at, name.size) == 0);
}

// From 1; 0 is whoever finds no place.
uint32_t hosts_meet(struct tracker *tracker, struct span name)
{
    if (name.size > HOST_MAX)
        name.size = HOST_MAX;
    for (uint32_t i = 1; i <= tracker->host_count; i++)
        if (is_named(tracker->hosts[i], name))
            return i;
    if (tracker->host_count == HOSTS_MAX)
        return NONE;
    struct host *host = calloc(1, sizeof *host);
    if (!host ||
        !tracker_grow((void **)&tracker->hosts, &tracker->host_capacity,
                      tracker->host_count + 2, sizeof(struct host *))) {
        free(host);
        tracker_starve(tracker);
        return NONE;
    }
    tracker->hosts[++tracker->host_count] = host;
    host->name_size = name.size;
    if (name.size > 0)
        memcpy(host->name, name.at, name.size);
    return (uint32_t)tracker->host_count;
}

bool hosts_barred(const struct tracker *tracker, uint32_t host)
{
    return host && tracker->hosts[host]->barred_ms != 0;
}

static struct blame_ends others_of(const struct tracker *tracker,
                                   const struct host *host)
{
    return (struct blame_ends){tracker->ends.passed - host->ends.passed,
                               tracker->ends.failed - host->ends.failed};
}

// May some worker of another host be given tasks?
static bool has_another(const struct tracker *tracker, uint32_t host)
{
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (worker && worker->host != host && worker->active &&
            worker->rostered && !worker->draining && worker->slots > 0 &&
            !hosts_barred(tracker, worker->host))
            return true;
    }
    return MUTANT(BAR_THE_ONLY);
}

static void tell(struct tracker *tracker, uint32_t at, int64_t for_ms)
{
    const struct host *host = tracker->hosts[at];
    struct tracker_action *action = tracker_act(tracker, ACTION_HOST);
    action->task = at;
    action->number = (uint64_t)for_ms;
    action->count = host->blame.row;
    record_add(tracker,
               (struct wire_record){
                   .kind = RECORD_HOST,
                   .a = (uint64_t)for_ms,
                   .text = {(const uint8_t *)host->name, host->name_size}});
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        struct worker *worker = tracker->workers[i];
        if (!worker || worker->host != at)
            continue;
        worker->barred = for_ms > 0 && !MUTANT(BARRED_FED);
        worker->recalled_ms = 0; // what is there comes back now
    }
}

static void consider(struct tracker *tracker, uint32_t at)
{
    struct host *host = tracker->hosts[at];
    if (host->barred_ms != 0 || tracker->limits.bar_ms == 0 ||
        !blame_is_due(&host->blame, others_of(tracker, host)) ||
        !has_another(tracker, at))
        return;
    const int64_t for_ms = tracker->limits.bar_ms << host->times;
    host->times += host->times < DOUBLINGS_MAX;
    host->barred_ms = tracker->now_ms + for_ms;
    tracker->barred_count++;
    tell(tracker, at, for_ms);
}

static void lift(struct tracker *tracker, uint32_t at)
{
    struct host *host = tracker->hosts[at];
    host->barred_ms = 0;
    host->blame = (struct blame){0};
    tracker->barred_count--;
    tell(tracker, at, 0);
}

void hosts_due(struct tracker *tracker)
{
    for (uint32_t i = 1; tracker->barred_count > 0 && i <= tracker->host_count;
         i++)
        if (hosts_barred(tracker, i) &&
            (tracker->now_ms >= tracker->hosts[i]->barred_ms ||
             !has_another(tracker, i)))
            lift(tracker, i);
}

// Something has passed there, or has failed elsewhere before.
void hosts_cleared(struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    const uint32_t here = tracker->workers[entry->worker]->host;
    blame_passed(&tracker->hosts[here]->blame);
    if (entry->failed_host == 0 || entry->failed_host == here)
        return;
    blame_refuted(&tracker->hosts[entry->failed_host]->blame);
    consider(tracker, entry->failed_host);
}

// Within a second, or half the time of those that pass.
static bool is_fast(const struct tracker *tracker, int64_t took_ms)
{
    return took_ms <= FAST_MS ||
           (tracker->ends.passed > 0 &&
            2 * took_ms <= tracker->passed_ms / (int64_t)tracker->ends.passed);
}

void hosts_failed(struct tracker *tracker, uint32_t at)
{
    struct entry *entry = &tracker->entries[at];
    if (entry->state != ENTRY_OUT)
        return;
    const uint32_t here = tracker->workers[entry->worker]->host;
    if (here == NONE)
        return;
    struct host *host = tracker->hosts[here];
    host->ends.failed++;
    tracker->ends.failed++;
    if (!is_fast(tracker, tracker->now_ms - entry->sent_ms))
        return;
    entry->failed_host = (uint16_t)here;
    blame_failed(&host->blame, others_of(tracker, host));
    consider(tracker, here);
}

bool tracker_host(const struct tracker *tracker, size_t at,
                  struct tracker_host *out)
{
    if (at == 0 || at > tracker->host_count)
        return false;
    const struct host *host = tracker->hosts[at];
    *out = (struct tracker_host){
        .name = {(const uint8_t *)host->name, host->name_size},
        .passed = host->ends.passed,
        .failed = host->ends.failed,
        .barred_ms = host->barred_ms ? host->barred_ms - tracker->now_ms : 0};
    for (uint32_t i = 1; i <= tracker->worker_top; i++) {
        const struct worker *worker = tracker->workers[i];
        if (!worker || worker->host != at)
            continue;
        out->workers++;
        out->slots += worker->slots;
        out->running += worker->running;
    }
    return true;
}
