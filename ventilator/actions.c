/* actions - what the ventilator says on the control socket, and what it does
 * for the tracker */
#include "common/base/log.h"
#include "ventilator/role.h"

#include <errno.h>
#include <stdlib.h>

void role_starve(struct role *role)
{
    problem_set(role->problem, -ENOMEM, "out of memory");
    role_end(role, END_ABORTED, EXIT_ERROR);
}

void role_send(struct role *role, const struct net_peer *address)
{
    if (role->out.failed)
        role_starve(role);
    else
        net_send(role->control, address, buffer_span(&role->out));
}

void role_refuse(struct role *role, const struct net_peer *address,
                 enum wire_refusal code, const char *text)
{
    const struct wire_header header = role_header(role, WIRE_REFUSED);
    role->refused++;
    const struct wire_refused refused = {(uint16_t)code, span_of_text(text)};
    buffer_clear(&role->out);
    wire_put_refused(&role->out, &header, &refused);
    role_send(role, address);
}

static void ask_sync(struct role *role, uint64_t position)
{
    const struct wire_header header = role_header(role, WIRE_SYNC);
    struct wire_sync sync = {.position = position,
                             .generation = role->generation_known};
    if (role->settings->resume_token)
        (void)id128_parse(role->settings->resume_token, &sync.resume);
    buffer_clear(&role->out);
    wire_put_sync(&role->out, &header, &sync);
    role_send(role, &role->sink_address);
}

static void send_numbered(struct role *role,
                          const struct tracker_action *action)
{
    struct peer *peer = &role->peers[action->worker];
    struct wire_header header = role_header(role, WIRE_RETIRE);
    if (!peer->used)
        return;
    buffer_clear(&role->out);
    if (action->kind == ACTION_RETIRE) {
        const struct wire_retire retire = {action->number};
        wire_put_retire(&role->out, &header, &retire);
    } else if (action->kind == ACTION_RESEND) {
        header.type = WIRE_RESEND;
        const struct wire_resend resend = {
            action->number, role->sink, span_of_text(role->results_endpoint)};
        if (!role->sink_there)
            return;
        wire_put_resend(&role->out, &header, &resend);
    } else if (action->kind == ACTION_RECALL) {
        header.type = WIRE_RECALL;
        const struct wire_recall recall = {peer->lane_id,
                                           (uint32_t)action->count};
        wire_put_recall(&role->out, &header, &recall);
    } else {
        header.type = WIRE_CANCEL;
        wire_put_cancel(&role->out, &header,
                        (struct wire_refs_out){&action->refs, 1});
    }
    role_send(role, &peer->address);
}

static void send_records(struct role *role, const struct tracker_action *action)
{
    const struct wire_header header = role_header(role, WIRE_RECORD);
    const struct wire_records records = {
        .kept = action->number, .position = tracker_position(role->tracker)};
    if (!role->sink_there)
        return;
    buffer_clear(&role->out);
    wire_put_records(&role->out, &header, &records, action->records,
                     action->count);
    role_send(role, &role->sink_address);
}

static int run_exit(const struct role *role)
{
    struct tracker_counts c;
    tracker_counts(role->tracker, &c);
    const uint64_t good = c.by_status[STATUS_OK] + c.by_status[STATUS_IGNORED] +
                          c.by_status[STATUS_DROPPED];
    uint64_t all = 0;
    for (size_t i = 0; i < STATUSES; i++)
        all += c.by_status[i];
    return c.held > 0   ? EXIT_TASKS_HELD
           : all > good ? EXIT_TASKS_FAILED
                        : EXIT_OK;
}

void role_say_end(struct role *role)
{
    const struct span end = buffer_span(&role->end);
    if (role->end.failed) // then the others miss the heartbeat
        return;
    for (unsigned i = 1; i <= role->peer_top; i++)
        if (role->peers[i].used && !role->peers[i].bye)
            net_send(role->control, &role->peers[i].address, end);
    if (role->sink_there && !role->sink_bye)
        net_send(role->control, &role->sink_address, end);
}

void role_end(struct role *role, enum end_reason reason, int exit)
{
    if (role->ending)
        return;
    role->ending = true;
    role->exit = exit;
    struct tracker_counts c;
    tracker_counts(role->tracker, &c);
    struct wire_end end = {.exit = (uint8_t)exit, .reason = (uint8_t)reason};
    for (size_t i = 0; i < STATUSES; i++)
        end.by_status[i] = c.by_status[i];
    end.by_status[STATUS_HELD] = c.held;
    const struct wire_header header = role_header(role, WIRE_END);
    wire_put_end(&role->end, &header, &end);
    role_say_end(role);
}

// Once: where there is one host, it is so of each task.
static void tell_apart(struct role *role, const struct tracker_action *action)
{
    if (!role->apart_told)
        log_event(LOG_WARNING, "no-other-host",
                  "task %llu, and others it may be, runs again where it has "
                  "failed, though a rule of --on says host:other: no other "
                  "host with a worker for it %s",
                  (unsigned long long)action->task,
                  action->number ? "had room for a minute" : "is there");
    role->apart_told = true;
}

static void tell_host(const struct role *role,
                      const struct tracker_action *action)
{
    struct tracker_host host;
    char name[LOG_QUOTE_SIZE];
    if (!tracker_host(role->tracker, action->task, &host))
        return;
    if (action->number > 0)
        log_event(LOG_WARNING, "host-quarantined",
                  "host=%s for_s=%llu failures_in_a_row=%zu "
                  "reason=\"tasks fail there that pass elsewhere\"",
                  log_quote(host.name, name),
                  (unsigned long long)action->number / 1000, action->count);
    else
        log_event(LOG_WARNING, "host-back", "host=%s",
                  log_quote(host.name, name));
}

static void act(struct role *role, const struct tracker_action *action)
{
    struct peer *peer = &role->peers[action->worker];
    switch (action->kind) {
    case ACTION_SYNC:
        ask_sync(role, action->number);
        break;
    case ACTION_RECORDS:
        send_records(role, action);
        break;
    case ACTION_TASKS:
        peer_tasks(role, action);
        break;
    case ACTION_LANE_AGAIN:
        peer_again(peer, action->number);
        break;
    case ACTION_LANE_FORGET:
        peer_forget(peer, action->number);
        break;
    case ACTION_RETIRE:
    case ACTION_RESEND:
    case ACTION_RECALL:
    case ACTION_CANCEL:
        send_numbered(role, action);
        break;
    case ACTION_CLOSE:
        log_event(role->ending ? LOG_INFO : LOG_WARNING, "worker-gone",
                  "worker=%u", action->worker);
        peer_close(role, action->worker);
        break;
    case ACTION_FETCH:
        input_fetch(role, action);
        break;
    case ACTION_FORGET:
        for (size_t i = 0; i < action->count; i++)
            payload_free(&role->input.payloads, action->payloads[i]);
        break;
    case ACTION_HOST:
        tell_host(role, action);
        break;
    case ACTION_APART:
        tell_apart(role, action);
        break;
    case ACTION_REDO:
        input_redo(role);
        break;
    case ACTION_PARKED:
    case ACTION_COMPLETE:
        role_end(role, END_COMPLETE, run_exit(role));
        break;
    case ACTION_FAIL:
        problem_set(role->problem, action->number ? -EIO : -ENOMEM, "%s",
                    action->text);
        role_end(role, END_ABORTED, action->number ? EXIT_DAMAGED : EXIT_ERROR);
        break;
    }
}

void role_act(struct role *role)
{
    struct tracker_action action;
    while (tracker_next(role->tracker, &action))
        act(role, &action);
}
