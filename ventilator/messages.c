/* messages - what comes in on the control socket */
#include "common/base/files.h"
#include "common/base/log.h"
#include "ventilator/role.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct incoming {
    struct wire_header header;
    struct span body;
    const struct net_peer *address;
};

// Its process and endpoint are those of its first HELLO: an incarnation does
// not move.
static void meet_sink(struct role *role, const struct incoming *in,
                      const struct wire_hello *hello)
{
    role->sink_there = true;
    role->sink = in->header.sender;
    role->sink_process = (struct process){
        .pid = hello->pid, .start = hello->pid_start, .boot = hello->boot};
    snprintf(role->results_endpoint, sizeof role->results_endpoint, "%.*s",
             (int)(hello->endpoint.size < WIRE_TEXT_MAX - 1
                       ? hello->endpoint.size
                       : 0),
             (const char *)hello->endpoint.at);
}

static void hello_sink(struct role *role, const struct incoming *in,
                       const struct wire_hello *hello)
{
    const bool same =
        role->sink_there && id128_equal(&role->sink, &in->header.sender);
    if (role->sink_there && !same && process_is_alive(&role->sink_process)) {
        role_refuse(role, in->address, REFUSED_SINK,
                    "another sink serves this run");
        return;
    }
    if (!same)
        meet_sink(role, in, hello);
    role->sink_address = *in->address;
    const struct wire_header header = role_header(role, WIRE_WELCOME);
    const struct wire_welcome welcome = {
        .version = WIRE_VERSION,
        .heartbeat_ms = (uint32_t)role->settings->heartbeat_ms,
        .liveness_ms = (uint32_t)role->settings->liveness_ms,
        .message_max = role_results_max(role),
        .sink = role->sink};
    buffer_clear(&role->out);
    wire_put_welcome(&role->out, &header, &welcome,
                     (struct wire_pairs_out){NULL, 0});
    role_send(role, in->address);
    if (!same)
        log_event(LOG_INFO, "sink-joined", "endpoint=%s",
                  role->results_endpoint);
    tracker_sink_hello(role->tracker, role->now_ms);
}

// It has as many slots as tasks fit, whatever it would like.
static void hello_worker(struct role *role, const struct incoming *in,
                         struct wire_hello *hello)
{
    unsigned handle = 0;
    char *unfit = fitting_of(role, hello, &hello->slots);
    const enum hello_verdict verdict = tracker_hello(
        role->tracker, &in->header.sender, hello, role->now_ms, &handle);
    if (verdict == HELLO_FULL)
        role_refuse(role, in->address, REFUSED_FULL,
                    "this ventilator serves as many workers as it can");
    if (verdict == HELLO_FULL || verdict == HELLO_PART ||
        verdict == HELLO_ODD) {
        free(unfit);
        return;
    }
    char host[LOG_QUOTE_SIZE];
    if (verdict == HELLO_NEW)
        log_event(LOG_INFO, "worker-joined", "host=%s slots=%u pid=%u%s%s",
                  log_quote(hello->host, host), hello->slots, hello->pid,
                  unfit ? " unfit: " : "", unfit ? unfit : "");
    peer_welcome(role, handle, hello, in->address, &in->header.sender, unfit);
}

static struct peer *peer_of(struct role *role, const struct id128 *incarnation)
{
    const unsigned handle = tracker_worker(role->tracker, incarnation);
    return role->peers[handle].used ? &role->peers[handle] : NULL;
}

static void mark_bye(struct role *role, const struct id128 *sender)
{
    if (role->sink_there && id128_equal(&role->sink, sender))
        role->sink_bye = true;
    struct peer *peer = peer_of(role, sender);
    if (peer)
        peer->bye = true;
}

// A run speaks one version, the ventilator's: whoever can speaks that one.
static void refuse_version(struct role *role, const struct incoming *in,
                           const struct wire_hello *hello)
{
    char text[128], host[LOG_QUOTE_SIZE];
    snprintf(text, sizeof text,
             "this run speaks version %d of the protocol, this program %u to "
             "%u: use the same release of fan",
             WIRE_VERSION, hello->version_min, hello->version_max);
    log_event(LOG_WARNING, "version-refused",
              "role=%s host=%s pid=%u versions=%u-%u ours=%d",
              hello->role == ROLE_SINK ? "sink" : "worker",
              log_quote(hello->host, host), hello->pid, hello->version_min,
              hello->version_max, WIRE_VERSION);
    role_refuse(role, in->address, REFUSED_VERSION, text);
}

static void on_hello(struct role *role, const struct incoming *in)
{
    struct wire_hello hello;
    if (!wire_get_hello(in->body, &hello)) {
        role->refused++;
        return;
    }
    if (hello.version_min > WIRE_VERSION || hello.version_max < WIRE_VERSION) {
        refuse_version(role, in, &hello);
        return;
    }
    if (!id128_is_zero(&in->header.run) &&
        !id128_equal(&in->header.run, &role->run)) {
        role_refuse(role, in->address, REFUSED_RUN,
                    "this address now serves another run");
        return;
    }
    if (role->ending) {
        mark_bye(role, &in->header.sender);
        role_refuse(role, in->address, REFUSED_COMPLETE, "the run is over");
        return;
    }
    if (hello.role == ROLE_SINK)
        hello_sink(role, in, &hello);
    else if (hello.role == ROLE_WORKER)
        hello_worker(role, in, &hello);
    else
        role->refused++;
}

static void must_hello(struct role *role, const struct incoming *in)
{
    role_refuse(role, in->address, REFUSED_HELLO_FIRST, "say HELLO first");
}

static void readdress(struct role *role, const struct incoming *in)
{
    struct peer *peer = peer_of(role, &in->header.sender);
    if (peer)
        peer->address = *in->address;
}

static void on_report(struct role *role, const struct incoming *in)
{
    struct wire_report report;
    if (!wire_get_report(in->body, &report))
        role->refused++;
    else if (!tracker_report(role->tracker, &in->header.sender,
                             in->header.generation, &report, role->now_ms))
        must_hello(role, in);
    else
        readdress(role, in);
}

static void on_progress(struct role *role, const struct incoming *in)
{
    struct wire_progress progress;
    struct peer *peer = peer_of(role, &in->header.sender);
    if (!wire_get_progress(in->body, &progress))
        role->refused++;
    else if (peer)
        peer_progress(role, peer, in->body);
}

static void on_returned(struct role *role, const struct incoming *in)
{
    struct wire_returned returned;
    if (!wire_get_returned(in->body, &returned))
        role->refused++;
    else if (!tracker_returned(role->tracker, &in->header.sender, &returned,
                               role->now_ms))
        must_hello(role, in);
}

static bool from_sink(struct role *role, const struct incoming *in)
{
    if (role->sink_there && id128_equal(&role->sink, &in->header.sender)) {
        role->sink_address = *in->address;
        return true;
    }
    must_hello(role, in);
    return false;
}

static void on_stored(struct role *role, const struct incoming *in)
{
    struct wire_stored stored;
    if (!from_sink(role, in))
        return;
    if (!wire_get_stored(in->body, &stored)) {
        role->refused++;
        return;
    }
    role->syncs = stored.syncs;
    role->sync_us = stored.sync_us;
    tracker_stored(role->tracker, &stored, role->now_ms);
}

// Durable before any TASKS.
static int keep_generation(struct role *role, uint32_t generation)
{
    char text[32];
    snprintf(text, sizeof text, "%u\n", generation);
    return files_replace(role->dir, "generation", span_of_text(text));
}

static bool grant(struct role *role, uint32_t generation)
{
    const uint32_t mine = tracker_generation(role->tracker);
    if (mine == generation)
        return true;
    if (generation <= role->generation_known) {
        problem_exit(role->problem, EXIT_DAMAGED, -EINVAL,
                     "the sink offers generation %u, but this run has had %u: "
                     "its results directory is not this run's, or was emptied",
                     generation, role->generation_known);
        role_end(role, END_ABORTED, EXIT_DAMAGED);
        return false;
    }
    const int error = keep_generation(role, generation);
    if (error) {
        problem_set(role->problem, error, "cannot write %s/generation: %s",
                    role->dir, strerror(-error));
        role_end(role, END_ABORTED, EXIT_ERROR);
        return false;
    }
    role->generation_known = generation;
    return true;
}

void role_watch_roster(struct role *role)
{
    size_t cursor = 0;
    struct wire_roster_entry entry;
    role->roster_due_ms = 0;
    while (tracker_roster_next(role->tracker, &cursor, &entry)) {
        const int fd = process_open(&(struct process){
            .pid = entry.pid, .start = entry.pid_start, .boot = entry.boot});
        if (fd >= 0) {
            close(fd);
            role->roster_due_ms = role->now_ms + ROSTER_MS;
        } else if (fd == PROCESS_GONE)
            tracker_worker_gone(role->tracker, &entry.worker, GONE_CRASHED,
                                role->now_ms);
    }
}

static void on_synced(struct role *role, const struct incoming *in)
{
    struct wire_synced part;
    if (!from_sink(role, in))
        return;
    if (!wire_get_synced(in->body, &part)) {
        role->refused++;
        return;
    }
    // The sink may answer late what a ventilator before this one has asked.
    if (!id128_equal(&part.ventilator, &role->incarnation)) {
        role->refused++;
        return;
    }
    if (tracker_is_synced(role->tracker) || !grant(role, part.generation))
        return;
    if (!(part.flags & SYNCED_DELTA))
        role->number_max = part.number_max;
    struct wire_edit edit;
    for (struct wire_list list = part.edits; wire_next_edit(&list, &edit);)
        if (edits_put(role->edited.edits, &edit) != 0)
            role_starve(role);
    tracker_synced(role->tracker, &part, role->now_ms);
    if (!tracker_is_synced(role->tracker) ||
        (role->settings->input_token &&
         resume_begin(role, role->number_max) < 0))
        return;
    if (!resume_is_matching(role))
        input_place(role);
    role_watch_roster(role);
    log_event(LOG_INFO, "synced", "generation=%u position=%llu",
              part.generation, (unsigned long long)part.position);
}

// By the sink, because a later ventilator has been granted a generation.
static void on_refused(struct role *role, const struct incoming *in)
{
    struct wire_refused refused;
    if (!from_sink(role, in))
        return;
    if (!wire_get_refused(in->body, &refused) ||
        refused.code != REFUSED_FENCED) {
        role->refused++;
        return;
    }
    problem_set(role->problem, -ESTALE,
                "a later ventilator of this run is at work: this one leaves");
    // Not by END, nor by "the run is over": what runs is the other's now.
    role->fenced = role->ending = true;
    role->exit = EXIT_ERROR;
}

static void on_bye(struct role *role, const struct incoming *in)
{
    struct wire_bye bye;
    if (!wire_get_bye(in->body, &bye)) {
        role->refused++;
        return;
    }
    if (role->ending)
        mark_bye(role, &in->header.sender);
    else
        tracker_worker_gone(
            role->tracker, &in->header.sender,
            bye.reason == END_DRAINED ? GONE_DRAINED : GONE_LOST, role->now_ms);
}

static void on_matched(struct role *role, const struct incoming *in)
{
    struct wire_matched matched;
    if (!from_sink(role, in))
        return;
    if (!wire_get_matched(in->body, &matched) ||
        resume_matched(role, &matched) < 0) {
        role->refused++;
        return;
    }
    if (!resume_is_matching(role))
        input_place(role);
}

static const char *state_name(const struct role *role, bool paused)
{
    const bool begun =
        tracker_is_synced(role->tracker) && !resume_is_matching(role);
    return role->ending      ? "complete"
           : role->draining  ? "draining"
           : begun && paused ? "paused"
           : begun           ? "running"
                             : "starting";
}

// The beginning of the object that `fan status --json` prints.
static void put_counts(const struct role *role, struct buffer *text)
{
    struct tracker_counts c;
    char run[ID128_TEXT_SIZE];
    uint64_t done = 0, bytes = 0;
    const uint64_t total = source_total(role->input.front, &bytes);
    tracker_counts(role->tracker, &c);
    id128_text(&role->run, run);
    for (size_t i = 0; i < STATUSES; i++)
        done += c.by_status[i];
    buffer_printf(text,
                  "{\"v\":1,\"run_id\":\"%s\",\"generation\":%u,"
                  "\"state\":\"%s\",\"read\":%" PRIu64 ",\"total\":%" PRIu64
                  ",\"input_bytes\":%" PRIu64 ",\"input_ended\":%s,"
                  "\"input_offset\":%" PRIu64,
                  run, tracker_generation(role->tracker),
                  state_name(role, c.paused),
                  source_place(role->input.front).ordinal - 1, total, bytes,
                  c.input_ended ? "true" : "false", role->input.offset);
    for (unsigned i = STATUS_OK; i < STATUSES; i++)
        if (i <= STATUS_IGNORED || i == STATUS_QUARANTINED ||
            i == STATUS_CANCELLED || i == STATUS_DROPPED)
            buffer_printf(text, ",\"%s\":%" PRIu64, status_name((enum status)i),
                          c.by_status[i]);
    buffer_printf(text,
                  ",\"done\":%" PRIu64 ",\"running\":%zu,\"queued\":%zu,"
                  "\"waiting\":%zu,\"held\":%" PRIu64 ",\"decided\":%" PRIu64
                  ",\"workers\":%zu,\"slots\":%zu",
                  done, c.running, c.queued, c.waiting, c.held, c.decided,
                  c.workers, c.slots);
    buffer_printf(text,
                  ",\"retries\":%" PRIu64 ",\"losses\":%" PRIu64
                  ",\"resends\":%" PRIu64 ",\"speculated\":%" PRIu64
                  ",\"refused\":%" PRIu64
                  ",\"cancelling\":%zu,\"cancel_later\":%zu,\"paused\":%s,"
                  "\"unsaved\":%" PRIu64 ",\"elapsed_s\":%.3f",
                  c.retries, c.losses, c.resends, c.speculated,
                  role->refused + c.odd, c.cancelling, c.cancel_later,
                  c.paused ? "true" : "false", c.decided + c.pause_unsaved,
                  (double)(role->now_ms - role->started_ms) / 1000.0);
    buffer_printf(
        text, ",\"credit\":%" PRIu64 ",\"syncs\":%" PRIu64 ",\"sync_s\":%.6f",
        c.credit, role->syncs, (double)role->sync_us / 1e6);
}

static void on_ask(struct role *role, const struct incoming *in)
{
    struct wire_ask ask;
    if (!wire_get_ask(in->body, &ask)) {
        role->refused++;
        return;
    }
    role_obey(role, ask.json);
    const struct wire_header header = role_header(role, WIRE_ANSWER);
    struct buffer text = {0};
    put_counts(role, &text);
    role_put_longest(role, &text);
    role_put_hosts(role, &text);
    fitting_put_json(role, &text);
    role_put_explain(role, ask.json, &text);
    put_u8(&text, '}');
    const struct wire_ask answer = {ask.id, buffer_span(&text)};
    buffer_clear(&role->out);
    if (!text.failed)
        wire_put_answer(&role->out, &header, &answer);
    role_send(role, in->address);
    buffer_free(&text);
}

typedef void handler(struct role *role, const struct incoming *in);

static handler *const HANDLERS[WIRE_TYPES] = {
    [WIRE_HELLO] = on_hello,     [WIRE_REPORT] = on_report,
    [WIRE_STORED] = on_stored,   [WIRE_RETURNED] = on_returned,
    [WIRE_BYE] = on_bye,         [WIRE_SYNCED] = on_synced,
    [WIRE_ASK] = on_ask,         [WIRE_MATCHED] = on_matched,
    [WIRE_REFUSED] = on_refused, [WIRE_PROGRESS] = on_progress,
};

static void receive_one(struct role *role, const struct net_message *message)
{
    struct incoming in = {.address = &message->peer};
    enum wire_fault fault = WIRE_SHORT;
    if (!message->malformed)
        fault = wire_open(message->frame, WIRE_CONTROL_MAX, &role->scratch,
                          &in.header, &in.body);
    const bool other_run = fault == WIRE_FINE && in.header.type != WIRE_HELLO &&
                           in.header.type != WIRE_ASK &&
                           !id128_equal(&in.header.run, &role->run);
    if (fault != WIRE_FINE || other_run || !HANDLERS[in.header.type]) {
        role->refused++;
        log_event(LOG_DEBUG, "refused", "fault=%s", wire_fault_name(fault));
        return;
    }
    HANDLERS[in.header.type](role, &in);
}

void role_receive(struct role *role)
{
    enum { AT_A_TIME = 512 };
    struct net_message message;
    for (int i = 0; i < AT_A_TIME && !role->fenced &&
                    net_receive(role->control, &message) == 0;
         i++) {
        receive_one(role, &message);
        net_release(&message);
        role_act(role);
    }
}
