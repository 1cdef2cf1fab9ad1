#include "command/ask.h"

#include "common/base/log.h"
#include "common/net/net.h"
#include "common/wire/wire.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATIENCE_MS = 3000, ANSWER_MAX = 1 << 20 };

static const char STATUS_QUESTION[] = "{\"v\":1,\"ask\":\"status\"}";

struct ask {
    struct net_socket *socket;
    struct id128 self;
    uint32_t id;
    const char *question;
    bool open; // asked and not answered
    int64_t asked_ms;
    struct buffer frame, scratch, json;
    struct ask_status status;
};

struct ask *ask_open(const char *endpoint, struct problem *problem)
{
    const struct net_options options = {.message_max = ANSWER_MAX};
    struct ask *ask = calloc(1, sizeof *ask);
    if (!ask || id128_random(&ask->self) != 0) {
        problem_set(problem, -1, "out of memory");
        free(ask);
        return NULL;
    }
    ask->question = STATUS_QUESTION;
    ask->socket = net_connect(NET_DEALER, endpoint, &options, problem);
    if (!ask->socket)
        ask_close(&ask);
    return ask;
}

void ask_close(struct ask **ask)
{
    if (!*ask)
        return;
    net_close(&(*ask)->socket);
    buffer_free(&(*ask)->frame);
    buffer_free(&(*ask)->scratch);
    buffer_free(&(*ask)->json);
    free(*ask);
    *ask = NULL;
}

struct net_socket *ask_socket(const struct ask *ask)
{
    return ask->socket;
}

void ask_about(struct ask *ask, const char *question)
{
    ask->question = question ? question : STATUS_QUESTION;
    ask->open = false;
}

void ask_send(struct ask *ask, int64_t now_ms)
{
    if (ask->open && now_ms - ask->asked_ms < PATIENCE_MS)
        return;
    const struct wire_header header = {
        .version = WIRE_VERSION, .type = WIRE_ASK, .sender = ask->self};
    const struct wire_ask question = {++ask->id, span_of_text(ask->question)};
    buffer_clear(&ask->frame);
    wire_put_ask(&ask->frame, &header, &question);
    if (ask->frame.failed)
        return;
    ask->asked_ms = now_ms;
    ask->open = net_send(ask->socket, NULL, buffer_span(&ask->frame)) == 0;
}

static uint64_t number(const json_t *object, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static void take_unfit(struct ask_status *status, const json_t *unfit)
{
    const json_t *const first = json_array_get(unfit, 0);
    const char *const host = json_string_value(json_object_get(first, "host"));
    const char *const why = json_string_value(json_object_get(first, "why"));
    status->unfit = json_array_size(unfit);
    log_escape(span_of_text(host), status->unfit_host,
               sizeof status->unfit_host);
    log_escape(span_of_text(why), status->unfit_why, sizeof status->unfit_why);
}

static bool understand(struct ask *ask, struct span text)
{
    json_t *const root = json_loadb((const char *)text.at, text.size, 0, NULL);
    const char *const state = json_string_value(json_object_get(root, "state"));
    if (!state) {
        json_decref(root);
        return false;
    }
    struct ask_status *const status = &ask->status;
    *status = (struct ask_status){
        .read = number(root, "read"),
        .total = number(root, "total"),
        .input_bytes = number(root, "input_bytes"),
        .input_offset = number(root, "input_offset"),
        .done = number(root, "done"),
        .ok = number(root, "ok"),
        .failed = number(root, "failed"),
        .ignored = number(root, "ignored"),
        .quarantined = number(root, "quarantined"),
        .cancelled = number(root, "cancelled"),
        .dropped = number(root, "dropped"),
        .running = number(root, "running"),
        .queued = number(root, "queued"),
        .waiting = number(root, "waiting"),
        .workers = number(root, "workers"),
        .slots = number(root, "slots"),
        .retries = number(root, "retries"),
        .losses = number(root, "losses"),
        .speculated = number(root, "speculated"),
        .held = number(root, "held"),
        .decided = number(root, "decided"),
        .generation = number(root, "generation"),
        .cancel_later = number(root, "cancel_later"),
        .cancelling = number(root, "cancelling"),
        .unsaved = number(root, "unsaved"),
        .paused = json_is_true(json_object_get(root, "paused")),
        .input_ended = json_is_true(json_object_get(root, "input_ended")),
        .elapsed_s = json_number_value(json_object_get(root, "elapsed_s")),
    };
    snprintf(status->state, sizeof status->state, "%s", state);
    take_unfit(status, json_object_get(root, "unfit"));
    json_decref(root);
    buffer_clear(&ask->json);
    buffer_append(&ask->json, text.at, text.size);
    return !ask->json.failed;
}

static bool take(struct ask *ask, struct span frame)
{
    struct wire_header header;
    struct wire_ask answer;
    struct span body;
    if (wire_open(frame, ANSWER_MAX, &ask->scratch, &header, &body) !=
            WIRE_FINE ||
        header.type != WIRE_ANSWER || !wire_get_answer(body, &answer) ||
        answer.id != ask->id)
        return false;
    ask->open = false;
    return understand(ask, answer.json);
}

bool ask_receive(struct ask *ask)
{
    bool fresh = false;
    struct net_message message;
    while (net_receive(ask->socket, &message) == 0) {
        if (!message.malformed && take(ask, message.frame))
            fresh = true;
        net_release(&message);
    }
    return fresh;
}

const struct ask_status *ask_status(const struct ask *ask)
{
    return &ask->status;
}

struct span ask_json(const struct ask *ask)
{
    return buffer_span(&ask->json);
}
