#include "worker/state.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONTROL_BURST = 256, // messages of one turn, so that tasks get theirs
    LANE_BURST = 64,
    LARGE_FRAME = 256 << 10,
};

static char *text_of(struct span span)
{
    return strndup(span.size ? (const char *)span.at : "", span.size);
}

void worker_fail(struct worker *worker, enum exit_code exit, const char *text)
{
    problem_exit(&worker->problem, exit, -EPROTO, "%s", text);
    worker->exit_code = (int)exit;
    worker->phase = PHASE_LEAVING;
}

// Connects to the sink, again if it is another one or elsewhere. All that is
// kept goes to a new one; what it has it drops.
static void connect_results(struct worker *worker, struct span endpoint,
                            const struct id128 *sink)
{
    if (endpoint.size == 0)
        return;
    if (worker->results && id128_equal(sink, &worker->sink) &&
        span_equal(endpoint, span_of_text(worker->results_endpoint)))
        return;
    char *text = text_of(endpoint);
    if (!text)
        return;
    net_close(&worker->results);
    free(worker->results_endpoint);
    worker->results_endpoint = text;
    worker->sink = *sink;
    worker->next_push = retain_kept(worker->retain);
    struct problem problem = {0};
    const struct net_options options = {.message_max = worker->message_max};
    worker->results = net_connect(NET_PUSH, text, &options, &problem);
    if (!worker->results)
        log_event(LOG_ERROR, "sink-unreachable", "%s", problem.text);
}

// A plugin of the worker's own is the run's here: its place may be another.
static void apply_definition(struct worker *worker, struct wire_list list)
{
    struct wire_pair pair;
    free(worker->settings->plugin);
    worker->settings->plugin = NULL;
    worker->settings->cpus = worker->settings->mem = 0;
    worker->settings->gpus = 0;
    while (wire_next_pair(&list, &pair)) {
        struct problem problem = {0};
        char *name = text_of(pair.name);
        char *value = text_of(pair.value);
        int code = name && value ? 0 : -ENOMEM;
        if (code == 0)
            code = settings_set(worker->settings, IN_DEFINITION, LAYER_FLAG,
                                name, value, &problem);
        if (code < 0)
            log_event(LOG_WARNING, "definition-ignored", "reason=\"%s\"",
                      problem.text);
        free(name);
        free(value);
    }
}

// For all that this worker runs, and before it makes anything of them.
static void apply_variables(const struct texts *variables)
{
    for (size_t i = 0; i < variables->count; i++) {
        char *name = strdup(variables->at[i]);
        char *equals = name ? strchr(name, '=') : NULL;
        if (equals && equals > name) {
            *equals = '\0';
            (void)setenv(name, equals + 1, 1); // NOLINT(concurrency-*)
        }
        free(name);
    }
}

static bool take_lane(struct worker *worker, struct span endpoint)
{
    worker->lane_endpoint = text_of(endpoint);
    if (!worker->lane_endpoint)
        return false;
    struct problem problem = {0};
    const struct net_options options = {0};
    worker->lane =
        net_connect(NET_PULL, worker->lane_endpoint, &options, &problem);
    if (!worker->lane)
        log_event(LOG_ERROR, "lane-unreachable", "%s", problem.text);
    return worker->lane;
}

// What is kept was made in the version agreed first, so the run stays with it.
static bool agree(struct worker *worker, uint8_t version)
{
    const bool known = version >= WIRE_VERSION_MIN && version <= WIRE_VERSION;
    if (!known || (worker->version != 0 && worker->version != version)) {
        worker_fail(worker, EXIT_ERROR,
                    "the ventilator speaks another version of the protocol");
        return false;
    }
    worker->version = version;
    return true;
}

// True where a task fits. Else the worker stays, and runs none: a ventilator
// that comes after this one may ask for less.
static bool use_slots(struct worker *worker, const struct wire_welcome *welcome)
{
    char quoted[LOG_QUOTE_SIZE];
    const uint32_t room = slots_room(worker->slots);
    slots_use(worker->slots, welcome->slots < room ? welcome->slots : room);
    if (slots_count(worker->slots) > 0)
        return true;
    // Where `fan run` has started it the ventilator says so in the same place.
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables meanwhile
    log_event(getenv("FAN_SUPERVISOR") ? LOG_INFO : LOG_WARNING, "unfit",
              "no task of this run can run here: %s",
              log_quote(welcome->unfit, quoted));
    return false;
}

static void hear_welcome(struct worker *worker,
                         const struct wire_header *header, struct span body,
                         int64_t now_ms)
{
    struct wire_welcome welcome;
    if (!wire_get_welcome(body, &welcome) ||
        welcome.lane != slots_lane(worker->slots)) {
        slots_drop(worker->slots);
        return;
    }
    if (worker->phase == PHASE_WORKING) {
        // The answer to a repeated HELLO; another lane behind the same number
        // is another ventilator's.
        if (!span_equal(welcome.lane_endpoint,
                        span_of_text(worker->lane_endpoint)))
            worker_greet_again(worker, now_ms);
        else
            connect_results(worker, welcome.results_endpoint, &welcome.sink);
        return;
    }
    if (!agree(worker, welcome.version))
        return;
    worker->run = header->run;
    worker->ventilator = header->sender;
    id128_text(&worker->run, worker->run_text);
    worker->heartbeat_ms = welcome.heartbeat_ms ? welcome.heartbeat_ms : 1000;
    worker->liveness_ms = welcome.liveness_ms ? welcome.liveness_ms : 5000;
    worker->message_max = welcome.message_max;
    if (!worker_is_prepared(worker)) {
        apply_definition(worker, welcome.definition);
        apply_variables(&worker->settings->variables);
        if (use_slots(worker, &welcome) && !worker_prepare(worker))
            return;
    }
    if (!take_lane(worker, welcome.lane_endpoint)) {
        worker_fail(worker, EXIT_ERROR, "cannot connect to the lane");
        return;
    }
    connect_results(worker, welcome.results_endpoint, &welcome.sink);
    worker->phase = PHASE_WORKING;
    log_event(LOG_DEBUG, "welcome", "run=%s lane=%u generation=%u",
              worker->run_text, welcome.lane, header->generation);
    worker_report(worker, now_ms);
}

static void hear_refused(struct worker *worker,
                         const struct wire_header *header, struct span body,
                         int64_t now_ms)
{
    (void)header;
    struct wire_refused refused;
    if (!wire_get_refused(body, &refused)) {
        slots_drop(worker->slots);
        return;
    }
    char quoted[LOG_QUOTE_SIZE];
    switch (refused.code) {
    case REFUSED_HELLO_FIRST:
        if (worker->phase == PHASE_WORKING)
            worker_greet_again(worker, now_ms);
        return;
    case REFUSED_COMPLETE:
        worker->end_reason = END_COMPLETE;
        worker->phase = PHASE_LEAVING;
        return;
    case REFUSED_FULL: // HELLO is repeated until there is room
    case REFUSED_SINK:
        log_event(LOG_WARNING, "refused", "reason=%s",
                  log_quote(refused.text, quoted));
        return;
    default:
        worker_fail(worker, EXIT_ERROR, log_quote(refused.text, quoted));
    }
}

static void hear_recall(struct worker *worker, const struct wire_header *header,
                        struct span body, int64_t now_ms)
{
    (void)header;
    (void)now_ms;
    struct wire_recall recall;
    if (!wire_get_recall(body, &recall) || worker->phase != PHASE_WORKING ||
        recall.lane != slots_lane(worker->slots))
        slots_drop(worker->slots);
    else
        worker_return(worker, recall.count);
}

struct stopping {
    struct worker *worker;
    int64_t now_ms;
};

static void stop(void *argument, const struct slot_task *task)
{
    const struct stopping *stopping = argument;
    worker_stop_task(stopping->worker, task, stopping->now_ms);
}

static void hear_cancel(struct worker *worker, const struct wire_header *header,
                        struct span body, int64_t now_ms)
{
    (void)header;
    struct wire_cancel cancel;
    if (!wire_get_cancel(body, &cancel) || !worker_is_prepared(worker)) {
        slots_drop(worker->slots);
        return;
    }
    struct stopping stopping = {worker, now_ms};
    worker_take_back(worker);
    struct wire_refs refs;
    while (wire_next_refs(&cancel.tasks, &refs))
        (void)slots_cancel(worker->slots, &refs, stop, &stopping);
    worker->changed = true;
}

static void hear_retire(struct worker *worker, const struct wire_header *header,
                        struct span body, int64_t now_ms)
{
    (void)header;
    (void)now_ms;
    struct wire_retire retire;
    const bool was_full = retain_full(worker->retain);
    if (!wire_get_retire(body, &retire) ||
        retain_retire(worker->retain, retire.number) < 0)
        slots_drop(worker->slots);
    if (was_full && !retain_full(worker->retain))
        worker->changed = true;
}

static void hear_resend(struct worker *worker, const struct wire_header *header,
                        struct span body, int64_t now_ms)
{
    (void)header;
    (void)now_ms;
    struct wire_resend resend;
    if (!wire_get_resend(body, &resend)) {
        slots_drop(worker->slots);
        return;
    }
    connect_results(worker, resend.endpoint, &resend.sink);
    const uint64_t kept = retain_kept(worker->retain);
    const uint64_t from = resend.number > kept ? resend.number : kept;
    if (from < worker->next_push)
        worker->next_push = from;
}

static void hear_end(struct worker *worker, const struct wire_header *header,
                     struct span body, int64_t now_ms)
{
    (void)header;
    (void)now_ms;
    struct wire_end end;
    if (!wire_get_end(body, &end)) {
        slots_drop(worker->slots);
        return;
    }
    (void)retain_retire(worker->retain, retain_made(worker->retain));
    worker->end_reason = end.reason;
    worker->phase = PHASE_LEAVING;
}

static const struct {
    uint8_t type;
    void (*hear)(struct worker *worker, const struct wire_header *header,
                 struct span body, int64_t now_ms);
} HEAR[] = {
    {WIRE_WELCOME, hear_welcome}, {WIRE_REFUSED, hear_refused},
    {WIRE_RECALL, hear_recall},   {WIRE_CANCEL, hear_cancel},
    {WIRE_RETIRE, hear_retire},   {WIRE_RESEND, hear_resend},
    {WIRE_END, hear_end},
};

// Ours: of this run, where that is known, and of no ventilator that has been
// followed by another. A REFUSED may come of another run: it says so.
static bool is_ours(struct worker *worker, const struct wire_header *header)
{
    if (header->type == WIRE_REFUSED)
        return true;
    if (!id128_is_zero(&worker->run) &&
        !id128_equal(&worker->run, &header->run))
        return false;
    if (header->generation < worker->generation)
        return false;
    worker->generation = header->generation;
    return true;
}

static bool open_frame(struct worker *worker, const struct net_message *message,
                       struct wire_header *header, struct span *body)
{
    return !message->malformed &&
           wire_open(message->frame, WIRE_CONTROL_MAX, &worker->scratch, header,
                     body) == WIRE_FINE &&
           is_ours(worker, header);
}

static void hear(struct worker *worker, const struct net_message *message,
                 int64_t now_ms)
{
    struct wire_header header;
    struct span body;
    if (!open_frame(worker, message, &header, &body)) {
        slots_drop(worker->slots);
        return;
    }
    worker->heard_ms = now_ms;
    // Another ventilator knows nothing of this lane, though its number fits.
    if (worker->phase == PHASE_WORKING && header.type != WIRE_REFUSED &&
        !id128_equal(&header.sender, &worker->ventilator))
        worker_greet_again(worker, now_ms);
    for (size_t i = 0; i < sizeof HEAR / sizeof HEAR[0]; i++) {
        if (HEAR[i].type == header.type) {
            HEAR[i].hear(worker, &header, body, now_ms);
            return;
        }
    }
    slots_drop(worker->slots);
}

void worker_hear_control(struct worker *worker, int64_t now_ms)
{
    struct net_message message;
    for (int i = 0; i < CONTROL_BURST && worker->phase != PHASE_LEAVING &&
                    net_receive(worker->control, &message) == 0;
         i++) {
        hear(worker, &message, now_ms);
        net_release(&message);
    }
}

static void take_tasks(struct worker *worker, const struct net_message *message)
{
    struct wire_header header;
    struct span body;
    struct wire_tasks tasks;
    if (!open_frame(worker, message, &header, &body) ||
        header.type != WIRE_TASKS || !wire_get_tasks(body, &tasks) ||
        !id128_equal(&tasks.addressee, &worker->incarnation)) {
        slots_drop(worker->slots);
        return;
    }
    const enum lane_verdict verdict =
        slots_receive(worker->slots, tasks.lane, tasks.number);
    worker->changed = true;
    if (verdict == LANE_DUPLICATE)
        worker->duplicates++;
    if (verdict != LANE_TAKE)
        return;
    struct wire_task task;
    while (wire_next_task(&tasks.tasks, &task)) {
        const int code = slots_add(worker->slots, &task, header.generation);
        if (code < 0) {
            worker_fail(worker, EXIT_ERROR,
                        code == -ENOBUFS ? "the ventilator sent more tasks "
                                           "than a worker may hold"
                                         : "out of memory for tasks");
            return;
        }
        worker->duplicates += code == 0;
    }
}

void worker_hear_lane(struct worker *worker)
{
    struct net_message message;
    for (int i = 0; i < LANE_BURST && worker->phase == PHASE_WORKING &&
                    net_receive(worker->lane, &message) == 0;
         i++) {
        if (message.frame.size > LARGE_FRAME)
            memory_keep(&worker->keeps);
        take_tasks(worker, &message);
        net_release(&message);
    }
}
