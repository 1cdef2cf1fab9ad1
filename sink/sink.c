#include "sink/sink.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/version.h"
#include "sink/sink_results.h"
#include "sink/sink_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { CONTROL_BATCH = 1024, LINGER_MS = 500 };
static const uint64_t MESSAGE_MAX = UINT64_C(256) << 20;

struct wire_header sink_header(const struct sink *sink)
{
    return (struct wire_header){
        .version = sink->version,
        .generation = ledger_generation(sink->ledger),
        .run = *ledger_run(sink->ledger),
        .sender = sink->incarnation,
    };
}

void sink_end(struct sink *sink, enum exit_code exit)
{
    if (sink->ended)
        return;
    sink->ended = true;
    sink->exit = exit;
}

void sink_send(struct sink *sink)
{
    if (sink->out.failed) {
        problem_set(sink->problem, -ENOMEM, "out of memory");
        sink_end(sink, EXIT_ERROR);
    } else if (net_send(sink->control, NULL, buffer_span(&sink->out)) != 0) {
        log_event(LOG_DEBUG, "send-failed", "bytes=%zu", sink->out.size);
    }
    buffer_clear(&sink->out);
}

void sink_count(struct sink *sink, enum ledger_verdict verdict)
{
    if (verdict == LEDGER_DUPLICATE)
        sink->duplicates += 1;
    else
        sink->refused += 1;
    log_event(LOG_DEBUG, "not-stored", "why=%s", ledger_verdict_name(verdict));
}

bool sink_store(struct sink *sink, const struct record *record)
{
    int error = journal_append(sink->journal, record);
    if (error == 0)
        error = ledger_apply(sink->ledger, record);
    if (error < 0) {
        problem_set(sink->problem, error, "cannot take a record: %s",
                    strerror(-error));
        sink_end(sink, EXIT_ERROR);
        return false;
    }
    sink->dirty = true;
    sink->records += 1;
    return true;
}

void sink_send_news(struct sink *sink, uint64_t from, uint64_t to,
                    const struct ledger_news *news)
{
    const struct wire_header header = sink_header(sink);
    const struct journal_syncs syncs = journal_syncs(sink->journal);
    const struct wire_stored stored = {.from = from,
                                       .to = to,
                                       .record = news->record,
                                       .syncs = syncs.count,
                                       .sync_us = syncs.us};
    wire_put_stored(&sink->out, &header, &stored, &news->lists);
    sink_send(sink);
}

/* False: nothing was made durable, now or for good. */
static bool write_group(struct sink *sink, int64_t now_ms)
{
    struct problem problem = {0};
    const int error = journal_commit(sink->journal, &problem);
    if (error == -ENOSPC || error == -EDQUOT) {
        if (!sink->full)
            log_event(LOG_WARNING, "disk-full", "path=%s",
                      sink->settings->results);
        sink->full = true;
        sink->retry_ms = now_ms + SINK_FULL_RETRY_MS;
        return false;
    }
    if (error < 0) {
        problem_set(sink->problem, error, "%s", problem.text);
        sink_end(sink, EXIT_ERROR);
        return false;
    }
    if (sink->full)
        log_event(LOG_WARNING, "disk-has-room", "path=%s",
                  sink->settings->results);
    sink->full = false;
    sink->dirty = false;
    return true;
}

bool sink_commit(struct sink *sink, int64_t now_ms)
{
    if (sink->ended)
        return false;
    if (sink->dirty && !write_group(sink, now_ms))
        return false;
    if (!ledger_has_news(sink->ledger) &&
        journal_position(sink->journal) == sink->told)
        return true;
    struct ledger_news news;
    if (ledger_synced(sink->ledger, &news) < 0) {
        problem_set(sink->problem, -ENOMEM, "out of memory");
        sink_end(sink, EXIT_ERROR);
        return false;
    }
    const uint64_t from = sink->told;
    sink->told = journal_position(sink->journal);
    if (sink->synced)
        sink_send_news(sink, from, sink->told, &news);
    return true;
}

static void tick(struct sink *sink, int64_t now_ms)
{
    if (now_ms < sink->tick_ms)
        return;
    sink->tick_ms = now_ms + SINK_TICK_MS;
    const int64_t wait_ms = sink->settings->wait_ms;
    if (sink->full) // nobody was listened to
        sink->heard_ms = now_ms;
    if (wait_ms != SETTING_FOREVER && wait_ms > 0 &&
        now_ms - sink->heard_ms > wait_ms) {
        problem_exit(sink->problem, EXIT_UNREACHABLE, -ETIMEDOUT,
                     "no ventilator answers at %s", sink->settings->endpoint);
        sink_end(sink, EXIT_UNREACHABLE);
        return;
    }
    if (!sink->welcomed || !sink->synced) { // nobody has asked: be heard
        sink_hello(sink);
        return;
    }
    struct ledger_news news;
    if (ledger_heartbeat(sink->ledger, &news) == 0)
        sink_send_news(sink, sink->told, sink->told, &news);
}

static void drain_control(struct sink *sink, int64_t now_ms)
{
    if (net_reconnected(sink->control))
        sink_hello(sink);
    for (int i = 0; i < CONTROL_BATCH && !sink->ended; i++) {
        struct net_message message;
        if (net_receive(sink->control, &message) != 0)
            break;
        if (message.malformed)
            sink->refused += 1;
        else
            sink_control(sink, message.frame, now_ms);
        net_release(&message);
    }
}

static int64_t wait_for(const struct sink *sink, int64_t now_ms)
{
    int64_t until_ms = sink->tick_ms;
    if (sink->full && sink->retry_ms < until_ms)
        until_ms = sink->retry_ms;
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

static void take_signal(struct sink *sink, int stop_fd)
{
    struct signalfd_siginfo info;
    if (read(stop_fd, &info, sizeof info) == (ssize_t)sizeof info)
        sink_end(sink, (enum exit_code)(128 + info.ssi_signo));
}

/* While the disk is full nothing is taken from anybody: what waits in the
 * sockets is the senders' to keep. */
static void loop(struct sink *sink, int stop_fd)
{
    while (!sink->ended) {
        int64_t now_ms = clock_monotonic_ms();
        const bool takes = sink->welcomed && !sink->full;
        struct net_poll_item items[] = {
            {.fd = stop_fd, .want = NET_READ},
            {.socket = sink->control, .want = sink->full ? 0 : NET_READ},
            {.socket = sink->results, .want = takes ? NET_READ : 0},
        };
        const int ready = net_poll(items, sizeof items / sizeof *items,
                                   wait_for(sink, now_ms));
        if (ready < 0) {
            problem_set(sink->problem, ready, "cannot wait for messages: %s",
                        strerror(-ready));
            sink_end(sink, EXIT_ERROR);
        }
        now_ms = clock_monotonic_ms();
        if (sink->full && now_ms >= sink->retry_ms)
            sink_commit(sink, now_ms);
        if (!sink->full)
            drain_control(sink, now_ms);
        tick(sink, now_ms); // after a pause what came meanwhile is heard first
        if (sink->welcomed && !sink->full)
            sink_drain_results(sink);
        if (!sink->full)
            sink_commit(sink, now_ms);
        if ((items[0].got & NET_READ) != 0)
            take_signal(sink, stop_fd);
    }
}

static int apply(void *arg, const struct record *record)
{
    return ledger_apply(arg, record);
}

/* Where workers push results, when nobody said: beside an ipc endpoint, or any
 * free port of the loopback. */
static void default_bind(const char *endpoint, char *bind, size_t size)
{
    if (strncmp(endpoint, "ipc://", 6) == 0)
        snprintf(bind, size, "%s.results", endpoint);
    else
        snprintf(bind, size, "tcp://127.0.0.1:*");
}

static int open_sockets(struct sink *sink)
{
    const struct settings *settings = sink->settings;
    char bind[WIRE_TEXT_MAX];
    default_bind(settings->endpoint, bind, sizeof bind);
    const char *where = settings->bind != NULL ? settings->bind : bind;
    if (net_check_endpoint(settings->endpoint, sink->problem) < 0 ||
        net_check_endpoint(where, sink->problem) < 0)
        return -EINVAL;
    const struct net_options pull = {.message_max = MESSAGE_MAX,
                                     .high_water = 1000};
    sink->results = net_bind(NET_PULL, where, &pull, sink->problem);
    if (sink->results == NULL)
        return -EIO;
    const struct net_options dealer = {.message_max = WIRE_CONTROL_MAX,
                                       .linger_ms = LINGER_MS};
    sink->control =
        net_connect(NET_DEALER, settings->endpoint, &dealer, sink->problem);
    return sink->control == NULL ? -EIO : 0;
}

static int open_all(struct sink *sink)
{
    const int random = id128_random(&sink->incarnation);
    sink->ledger = ledger_create();
    if (random < 0 || sink->ledger == NULL)
        return problem_set(sink->problem, random < 0 ? random : -ENOMEM,
                           "cannot start: %s",
                           random < 0 ? strerror(-random) : "out of memory");
    sink->journal = journal_open(sink->settings->results, apply, sink->ledger,
                                 sink->problem);
    if (sink->journal == NULL)
        return -EIO;
    ledger_start(sink->ledger);
    sink->told = journal_position(sink->journal);
    sink->message_max = MESSAGE_MAX;
    const int error = net_start(sink->problem);
    return error < 0 ? error : open_sockets(sink);
}

static void close_all(struct sink *sink)
{
    if (sink->control != NULL)
        net_close(&sink->control);
    if (sink->results != NULL)
        net_close(&sink->results);
    net_stop();
    if (sink->journal != NULL)
        journal_close(&sink->journal);
    matches_destroy(&sink->matches);
    ledger_destroy(&sink->ledger);
    buffer_free(&sink->out);
    buffer_free(&sink->inflated);
    buffer_free(&sink->numbers);
}

enum exit_code sink_run(const struct settings *settings, int stop_fd,
                        struct problem *problem)
{
    if (settings->endpoint == NULL || settings->results == NULL) {
        problem_exit(problem, EXIT_USAGE, -EINVAL,
                     "an ENDPOINT and --results DIR are needed");
        return EXIT_USAGE;
    }
    struct sink sink = {.settings = settings, .problem = problem};
    if (open_all(&sink) < 0) {
        sink.exit = problem->exit != EXIT_OK ? problem->exit : EXIT_ERROR;
    } else {
        sink.heard_ms = clock_monotonic_ms();
        log_event(LOG_INFO, "sink-started", "endpoint=%s position=%" PRIu64,
                  net_endpoint(sink.results), sink.told);
        loop(&sink, stop_fd);
        log_event(LOG_INFO, "sink-ended",
                  "records=%" PRIu64 " duplicates=%" PRIu64 " refused=%" PRIu64,
                  sink.records, sink.duplicates, sink.refused);
    }
    close_all(&sink);
    return sink.exit;
}
