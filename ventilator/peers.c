/* peers - workers as sockets and processes: lanes, frames, pidfds */
#include "common/base/log.h"
#include "common/setting/plan.h"
#include "ventilator/role.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct wire_header role_header(const struct role *role, enum wire_type type)
{
    return (struct wire_header){.version = WIRE_VERSION,
                                .type = (uint8_t)type,
                                .generation = tracker_generation(role->tracker),
                                .run = role->run,
                                .sender = role->incarnation};
}

uint64_t role_results_max(const struct role *role)
{
    const uint64_t limit = role->settings->output_max;
    const uint64_t most = UINT64_C(1) << 40;
    return 2 * (limit < most ? limit : most) + (1 << 20);
}

enum { TASKS_ROOM = 128, TASK_ROOM = 42 }; // bytes around payloads, about

void peer_watch(struct role *role, unsigned handle,
                const struct wire_hello *hello)
{
    struct peer *peer = &role->peers[handle];
    const struct process process = {
        .pid = hello->pid, .start = hello->pid_start, .boot = hello->boot};
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = handle};
    peer->pidfd = process_open(&process);
    if (peer->pidfd >= 0 &&
        epoll_ctl(role->ends_fd, EPOLL_CTL_ADD, peer->pidfd, &event) < 0)
        log_event(LOG_WARNING, "unwatched", "pid=%u problem=\"%s\"", hello->pid,
                  strerrordesc_np(errno));
}

void peers_watch_ends(struct role *role)
{
    enum { AT_A_TIME = 64 };
    struct epoll_event events[AT_A_TIME];
    const int count = epoll_wait(role->ends_fd, events, AT_A_TIME, 0);
    for (int i = 0; i < count; i++) {
        const struct peer *peer = &role->peers[events[i].data.u32];
        if (!peer->used || peer->pidfd < 0 || !process_has_ended(peer->pidfd))
            continue; // its place is another's since the wait
        const struct id128 gone = peer->incarnation;
        tracker_worker_gone(role->tracker, &gone, GONE_CRASHED, role->now_ms);
        role_act(role);
    }
}

static void drop_frames(struct peer *peer)
{
    for (size_t i = 0; i < peer->frame_count; i++)
        share_drop(peer->frames[i].frame);
    peer->frame_count = peer->frame_sent = 0;
}

// ZeroMQ leaves the name of an ipc socket behind.
static void close_lane(struct peer *peer)
{
    static const char IPC[] = "ipc://";
    const char *endpoint = peer->lane ? net_endpoint(peer->lane) : "";
    if (strncmp(endpoint, IPC, sizeof IPC - 1) == 0)
        unlink(endpoint + sizeof IPC - 1);
    net_close(&peer->lane);
}

void peer_close(struct role *role, unsigned handle)
{
    struct peer *peer = &role->peers[handle];
    drop_frames(peer);
    free(peer->frames);
    free(peer->unfit);
    close_lane(peer);
    free(peer->host);
    buffer_free(&peer->progress);
    if (peer->used && peer->pidfd >= 0)
        close(peer->pidfd); // leaves the epoll with it
    *peer = (struct peer){.pidfd = -1};
}

static int open_lane(struct role *role, unsigned handle)
{
    struct peer *peer = &role->peers[handle];
    const char *control = net_endpoint(role->control);
    char endpoint[WIRE_TEXT_MAX];
    const struct net_options options = {.linger_ms = 0};
    if (strncmp(control, "ipc://", 6) == 0)
        snprintf(endpoint, sizeof endpoint, "%.900s-lane-%llu-%d", control,
                 (unsigned long long)++role->lanes, (int)getpid());
    else
        snprintf(endpoint, sizeof endpoint, "%.*s:*",
                 (int)(strrchr(control, ':') - control), control);
    struct problem problem = {0};
    peer->lane = net_bind(NET_PUSH, endpoint, &options, &problem);
    if (!peer->lane)
        log_event(LOG_ERROR, "lane-failed", "problem=\"%s\"", problem.text);
    return peer->lane ? 0 : -EIO;
}

enum { DEFINITION_MAX = 63 + PLAN_ENV_MAX };

struct definition {
    struct wire_pair pairs[DEFINITION_MAX + 1];
    size_t count;
    struct buffer text[DEFINITION_MAX];
};

// Places are told whole: the worker need not know where the run was started.
static bool is_place(const struct setting_row *row)
{
    return strcmp(row->name, "chdir") == 0 || strcmp(row->name, "dir") == 0 ||
           strcmp(row->name, "plugin") == 0;
}

static void define_place(struct definition *definition, const char *name,
                         const char *value)
{
    struct buffer *text = &definition->text[definition->count];
    if (!value || definition->count == DEFINITION_MAX)
        return;
    buffer_append_text(text, value);
    definition->pairs[definition->count++] =
        (struct wire_pair){span_of_text(name), buffer_span(text)};
}

static void define(const struct role *role, struct definition *definition)
{
    for (size_t i = 0;
         i < SETTING_COUNT_OF_ROWS && definition->count < DEFINITION_MAX; i++) {
        const struct setting_row *row = &SETTING_TABLE[i];
        struct buffer *text = &definition->text[definition->count];
        if (!(row->programs & IN_DEFINITION) || is_place(row) ||
            !settings_text(role->settings, row, text))
            continue;
        definition->pairs[definition->count++] =
            (struct wire_pair){span_of_text(row->name), buffer_span(text)};
    }
    const char *dir = role->settings->chdir ? role->settings->chdir
                                            : role->settings->working_directory;
    define_place(definition, "chdir", dir);
    char *run_dir = realpath(role->dir, NULL);
    define_place(definition, "dir", run_dir);
    free(run_dir);
    const char *plugin = role->settings->plugin;
    char *plugin_place = plugin ? plan_path(role->settings, plugin) : NULL;
    define_place(definition, "plugin", plugin_place);
    free(plugin_place);
}

// With the values they have here and now: those that a secret has do not stand
// in the plan.
static void define_variables(const struct role *role,
                             struct definition *definition)
{
    char name[PLAN_ENV_NAME_SIZE];
    struct buffer text = {0};
    for (size_t i = 0; plan_env_name(role->settings, i, name); i++) {
        const char *value = getenv(name); // NOLINT(concurrency-*)
        if (!value)
            continue;
        buffer_clear(&text);
        buffer_printf(&text, "%s=%s", name, value);
        put_u8(&text, 0);
        if (!text.failed)
            define_place(definition, "variables", (const char *)text.at);
    }
    buffer_free(&text);
}

static void say_welcome(struct role *role, const struct peer *peer)
{
    struct definition definition = {0};
    define(role, &definition);
    define_variables(role, &definition);
    const struct wire_header header = role_header(role, WIRE_WELCOME);
    const struct wire_welcome welcome = {
        .version = WIRE_VERSION,
        .lane = peer->lane_id,
        .heartbeat_ms = (uint32_t)role->settings->heartbeat_ms,
        .liveness_ms = (uint32_t)role->settings->liveness_ms,
        .message_max = role_results_max(role),
        .slots = peer->slots,
        .unfit = span_of_text(peer->unfit),
        .sink = role->sink,
        .lane_endpoint = span_of_text(net_endpoint(peer->lane)),
        .results_endpoint = span_of_text(role->results_endpoint)};
    buffer_clear(&role->out);
    wire_put_welcome(
        &role->out, &header, &welcome,
        (struct wire_pairs_out){definition.pairs, definition.count});
    role_send(role, &peer->address);
    for (size_t i = 0; i < DEFINITION_MAX; i++)
        buffer_free(&definition.text[i]);
}

void peer_welcome(struct role *role, unsigned handle,
                  const struct wire_hello *hello,
                  const struct net_peer *address,
                  const struct id128 *incarnation, char *unfit)
{
    struct peer *peer = &role->peers[handle];
    if (!peer->used) {
        *peer = (struct peer){.used = true, .pidfd = -1};
        peer->incarnation = *incarnation;
        peer->host = strndup((const char *)hello->host.at, hello->host.size);
        peer_watch(role, handle, hello);
    }
    if (handle > role->peer_top)
        role->peer_top = handle;
    peer->address = *address;
    peer->slots = hello->slots;
    free(peer->unfit);
    peer->unfit = unfit;
    if (peer->lane_id != hello->lane || !peer->lane) {
        close_lane(peer);
        drop_frames(peer);
        peer->lane_id = hello->lane;
        if (open_lane(role, handle) != 0)
            return;
    }
    say_welcome(role, peer);
}

void peer_flush(struct peer *peer)
{
    while (peer->frame_sent < peer->frame_count &&
           net_send_share(peer->lane, peer->frames[peer->frame_sent].frame) ==
               0)
        peer->frame_sent++;
}

static struct lane_frame *add_frame(struct peer *peer)
{
    if (peer->frame_count == peer->frame_capacity) {
        const size_t larger =
            peer->frame_capacity ? 2 * peer->frame_capacity : 16;
        struct lane_frame *grown =
            reallocarray(peer->frames, larger, sizeof *grown);
        if (!grown)
            return NULL;
        peer->frames = grown;
        peer->frame_capacity = larger;
    }
    struct lane_frame *added = &peer->frames[peer->frame_count++];
    *added = (struct lane_frame){0};
    return added;
}

// What a person has changed of it; what rules add to that is the tracker's.
static void put_edit(const struct role *role, struct wire_task *task)
{
    const struct wire_edit *const edit =
        edits_find(role->edited.edits, task->task);
    if (edit && edit->args.size > 0)
        task->flags |= TASK_EDITED;
    if (edit && edit->mem_max > 0)
        task->mem_max =
            tracker_mem_max(role->tracker, task->task, edit->mem_max);
}

static void put_tasks(const struct role *role, struct buffer *out,
                      const struct wire_header *header,
                      const struct wire_tasks *tasks,
                      const struct tracker_action *action)
{
    size_t size = TASKS_ROOM;
    for (size_t i = 0; i < action->count; i++)
        size += TASK_ROOM +
                ((const struct payload *)action->sends[i].payload)->size;
    // As much as is needed: the frame stays until its worker has it.
    *out = (struct buffer){.at = malloc(size), .capacity = size};
    out->failed = !out->at;
    const size_t begun = wire_begin_tasks(out, header, tasks);
    for (size_t i = 0; i < action->count; i++) {
        const struct tracker_send *send = &action->sends[i];
        const struct payload *payload = send->payload;
        struct wire_task task = {.task = send->task,
                                 .round = send->round,
                                 .attempt = send->attempt,
                                 .failures = send->failures,
                                 .timeout_ms = send->timeout_ms,
                                 .mem_max = send->mem_max,
                                 .flags = send->flags,
                                 .key = send->key,
                                 .payload = {payload->at, payload->size}};
        put_edit(role, &task);
        wire_add_task(out, &task);
    }
    wire_end_tasks(out, begun, (uint32_t)action->count);
}

void peer_tasks(struct role *role, const struct tracker_action *action)
{
    struct peer *peer = &role->peers[action->worker];
    struct lane_frame *added = add_frame(peer);
    if (!added) {
        role_starve(role);
        return;
    }
    added->number = action->number;
    const struct wire_header header = role_header(role, WIRE_TASKS);
    const struct wire_tasks tasks = {.lane = peer->lane_id,
                                     .addressee = peer->incarnation,
                                     .number = action->number};
    struct buffer encoded = {0};
    put_tasks(role, &encoded, &header, &tasks, action);
    added->frame = encoded.failed ? NULL : share_make(&encoded);
    if (!added->frame) {
        buffer_free(&encoded);
        peer->frame_count--;
        role_starve(role);
        return;
    }
    peer_flush(peer);
}

void peer_forget(struct peer *peer, uint64_t number)
{
    size_t done = 0;
    while (done < peer->frame_count && peer->frames[done].number <= number)
        share_drop(peer->frames[done++].frame);
    if (done == 0)
        return;
    peer->frame_count -= done;
    peer->frame_sent = peer->frame_sent > done ? peer->frame_sent - done : 0;
    memmove(peer->frames, peer->frames + done,
            peer->frame_count * sizeof peer->frames[0]);
}

void peer_again(struct peer *peer, uint64_t number)
{
    peer_forget(peer, number - 1);
    peer->frame_sent = 0;
    if (peer->lane)
        peer_flush(peer);
}
