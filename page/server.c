#include "page/server.h"

#include "common/base/clock.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_BLOCK = 16 << 10, SNAPSHOT_HEAD = 64 };

// An event, shared by the streams that are in the middle of it.
struct snapshot {
    unsigned users;
    struct buffer text;
};

struct stream {
    struct server *server;
    struct MHD_Connection *connection;
    struct snapshot *snapshot; // being sent
    size_t sent;
    uint64_t got, beats; // the number of the last event, and of the last beat
    bool asleep;
    struct stream *next;
};

struct exchange {
    struct server *server;
    struct MHD_Connection *connection;
    char *path;
    bool post, trusted, waits, too_long;
    struct buffer body;
    uint64_t ticket;
    int64_t since_ms;
    struct MHD_Response *response;
    unsigned code;
    struct exchange *next, *before;
};

struct server {
    struct MHD_Daemon *daemon;
    struct guard guard;
    server_handle *handle;
    void *context;
    int fd;
    struct exchange *exchanges;
    struct stream *streams;
    size_t stream_count;
    struct snapshot *latest;
    uint64_t published, beats;
    int64_t asked_ms;
};

// -- Answers ------------------------------------------------------------------

static const char *const HEADERS[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src "
     "'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
     "frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

static void respond(struct exchange *exchange, unsigned code, const char *type,
                    struct MHD_Response *response)
{
    if (!response)
        return; // without memory the connection is closed
    for (size_t i = 0; i < sizeof HEADERS / sizeof HEADERS[0]; i++)
        (void)MHD_add_response_header(response, HEADERS[i][0], HEADERS[i][1]);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
                                      "GET, HEAD, POST");
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    exchange->response = response;
    exchange->code = code;
}

void exchange_answer(struct exchange *exchange, unsigned code, const char *type,
                     struct buffer *text)
{
    struct MHD_Response *const response =
        text->failed ? NULL
                     : MHD_create_response_from_buffer(text->size, text->at,
                                                       MHD_RESPMEM_MUST_FREE);
    if (response)
        *text = (struct buffer){0}; // the library's now
    buffer_free(text);
    respond(exchange, code, type, response);
}

void exchange_refuse(struct exchange *exchange, unsigned code, const char *why)
{
    struct buffer text = {0};
    buffer_printf(&text, "%s\n", why);
    exchange_answer(exchange, code, "text/plain; charset=utf-8", &text);
}

void exchange_file(struct exchange *exchange, const char *type,
                   struct span file)
{
    // The library's parameter lacks a const that it keeps.
    union {
        const void *from;
        void *to;
    } at = {.from = file.at};
    respond(exchange, MHD_HTTP_OK, type,
            MHD_create_response_from_buffer(file.size, at.to,
                                            MHD_RESPMEM_PERSISTENT));
}

void exchange_wait(struct exchange *exchange)
{
    exchange->waits = true;
}

// -- Streams ------------------------------------------------------------------

static void let_go(struct snapshot *snapshot)
{
    if (!snapshot || --snapshot->users > 0)
        return;
    buffer_free(&snapshot->text);
    free(snapshot);
}

static ssize_t send_snapshot(struct stream *stream, char *to, size_t most)
{
    const struct buffer *const text = &stream->snapshot->text;
    const size_t left = text->size - stream->sent;
    const size_t size = left < most ? left : most;
    memcpy(to, text->at + stream->sent, size);
    stream->sent += size;
    if (stream->sent == text->size) {
        let_go(stream->snapshot);
        stream->snapshot = NULL;
    }
    return (ssize_t)size;
}

static ssize_t feed(void *context, uint64_t place, char *to, size_t most)
{
    static const char BEAT[] = ":\n\n";
    struct stream *const stream = context;
    struct server *const server = stream->server;
    (void)place;
    if (!stream->snapshot && server->latest &&
        stream->got != server->published) {
        stream->snapshot = server->latest;
        stream->snapshot->users++;
        stream->sent = 0;
        stream->got = server->published;
        stream->beats = server->beats;
    }
    if (stream->snapshot)
        return send_snapshot(stream, to, most);
    if (stream->beats != server->beats && most >= sizeof BEAT - 1) {
        stream->beats = server->beats;
        memcpy(to, BEAT, sizeof BEAT - 1);
        return sizeof BEAT - 1;
    }
    stream->asleep = true;
    MHD_suspend_connection(stream->connection);
    return 0;
}

static void end_stream(void *context)
{
    struct stream *const gone = context;
    struct server *const server = gone->server;
    for (struct stream **at = &server->streams; *at; at = &(*at)->next)
        if (*at == gone) {
            *at = gone->next;
            server->stream_count--;
            break;
        }
    let_go(gone->snapshot);
    free(gone);
}

void exchange_stream(struct exchange *exchange)
{
    struct server *const server = exchange->server;
    struct stream *stream = NULL;
    if (server->stream_count < SERVER_STREAMS)
        stream = calloc(1, sizeof *stream);
    if (!stream) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
                        "too many pages are open");
        return;
    }
    stream->server = server;
    stream->connection = exchange->connection;
    stream->beats = server->beats;
    struct MHD_Response *const response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK, feed, stream, end_stream);
    if (!response) {
        free(stream);
        return;
    }
    stream->next = server->streams;
    server->streams = stream;
    server->stream_count++;
    respond(exchange, MHD_HTTP_OK, "text/event-stream", response);
}

static void wake_streams(struct server *server)
{
    for (struct stream *at = server->streams; at; at = at->next)
        if (at->asleep) {
            at->asleep = false;
            MHD_resume_connection(at->connection);
        }
}

void server_publish(struct server *server, struct buffer *text)
{
    struct snapshot *const snapshot = calloc(1, sizeof *snapshot);
    if (snapshot)
        snapshot->users = 1;
    if (snapshot && !text->failed) {
        buffer_append_text(&snapshot->text, "data: ");
        buffer_append(&snapshot->text, text->at, text->size);
        buffer_append_text(&snapshot->text, "\n\n");
    }
    if (!snapshot || text->failed || snapshot->text.failed) {
        let_go(snapshot);
        return;
    }
    let_go(server->latest);
    server->latest = snapshot;
    server->published++;
    buffer_clear(text);
    wake_streams(server);
}

void server_beat(struct server *server)
{
    server->beats++;
    wake_streams(server);
}

size_t server_streams(const struct server *server)
{
    return server->stream_count;
}

// -- Requests -----------------------------------------------------------------

const char *exchange_path(const struct exchange *exchange)
{
    return exchange->path;
}

bool exchange_is_post(const struct exchange *exchange)
{
    return exchange->post;
}

bool exchange_is_trusted(const struct exchange *exchange)
{
    return exchange->trusted;
}

struct span exchange_body(const struct exchange *exchange)
{
    return buffer_span(&exchange->body);
}

const char *exchange_argument(const struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection,
                                       MHD_GET_ARGUMENT_KIND, name);
}

uint64_t *exchange_ticket(struct exchange *exchange)
{
    return &exchange->ticket;
}

int64_t exchange_since_ms(const struct exchange *exchange)
{
    return exchange->since_ms;
}

static const char *header(const struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND,
                                       name);
}

// What can be said of it by its head alone.
static void check(struct exchange *exchange, const char *method)
{
    const struct guard *const guard = &exchange->server->guard;
    const char *const host = header(exchange, MHD_HTTP_HEADER_HOST);
    const char *const length = header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
    exchange->post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    exchange->trusted =
        guard_origin(host, header(exchange, MHD_HTTP_HEADER_ORIGIN)) &&
        guard_token(guard, header(exchange, "X-Fan-Token"));
    if (!guard_host(guard, host))
        exchange_refuse(exchange, MHD_HTTP_MISDIRECTED_REQUEST,
                        "this page does not go by that name: use its address, "
                        "or give the name to --http");
    else if (!exchange->post && strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
             strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        exchange_refuse(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
                        "only GET, HEAD and POST are understood");
    else if (length && strtoull(length, NULL, 10) > SERVER_BODY_MAX)
        exchange_refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE,
                        "that is too long");
}

static struct exchange *begin(struct server *server,
                              struct MHD_Connection *connection,
                              const char *path)
{
    struct exchange *const exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->server = server;
    exchange->connection = connection;
    exchange->since_ms = clock_monotonic_ms();
    exchange->path = strdup(path);
    exchange->next = server->exchanges;
    if (exchange->next)
        exchange->next->before = exchange;
    server->exchanges = exchange;
    server->asked_ms = exchange->since_ms;
    return exchange;
}

static void end(void *context, struct MHD_Connection *connection, void **at,
                enum MHD_RequestTerminationCode how)
{
    struct server *const server = context;
    struct exchange *const gone = *at;
    (void)connection;
    (void)how;
    if (!gone)
        return;
    if (gone->before)
        gone->before->next = gone->next;
    else
        server->exchanges = gone->next;
    if (gone->next)
        gone->next->before = gone->before;
    if (gone->response)
        MHD_destroy_response(gone->response);
    buffer_free(&gone->body);
    free(gone->path);
    free(gone);
    *at = NULL;
}

static enum MHD_Result send_answer(struct exchange *exchange)
{
    return exchange->response
               ? MHD_queue_response(exchange->connection, exchange->code,
                                    exchange->response)
               : MHD_NO;
}

static enum MHD_Result take_body(struct exchange *exchange, const char *data,
                                 size_t *size)
{
    if (exchange->body.size + *size > SERVER_BODY_MAX)
        return MHD_NO; // it had no length, and does not end
    buffer_append(&exchange->body, data, *size);
    *size = 0;
    return exchange->body.failed ? MHD_NO : MHD_YES;
}

// NOLINTNEXTLINE(readability-function-size): the library has it so
static enum MHD_Result on_request(void *context,
                                  struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *size, void **at)
{
    struct server *const server = context;
    struct exchange *exchange = *at;
    (void)version;
    if (!exchange) {
        *at = exchange = begin(server, connection, url);
        if (!exchange || !exchange->path)
            return MHD_NO;
        check(exchange, method);
        return exchange->response ? send_answer(exchange) : MHD_YES;
    }
    if (*size > 0)
        return take_body(exchange, data, size);
    server->handle(server->context, exchange);
    if (!exchange->waits)
        return send_answer(exchange);
    MHD_suspend_connection(connection);
    return MHD_YES;
}

struct server *server_open(int fd, const struct guard *guard,
                           server_handle *handle, void *context,
                           struct problem *problem)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    server->guard = *guard;
    server->handle = handle;
    server->context = context;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
        server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SERVER_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SERVER_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)SERVER_HEAD_MAX, MHD_OPTION_NOTIFY_COMPLETED, end, server,
        MHD_OPTION_END);
    const union MHD_DaemonInfo *const info =
        server->daemon
            ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
            : NULL;
    if (!info) {
        problem_set(problem, -EIO, "cannot serve the page");
        server_close(&server);
        return NULL;
    }
    server->fd = info->epoll_fd;
    return server;
}

static void wake_waiting(struct server *server)
{
    for (struct exchange *at = server->exchanges; at; at = at->next)
        if (at->waits) {
            at->waits = false;
            MHD_resume_connection(at->connection);
        }
}

void server_close(struct server **server)
{
    struct server *const gone = *server;
    if (!gone)
        return;
    wake_waiting(gone);
    wake_streams(gone);
    if (gone->daemon)
        MHD_stop_daemon(gone->daemon);
    let_go(gone->latest);
    free(gone);
    *server = NULL;
}

int server_fd(const struct server *server)
{
    return server->fd;
}

int64_t server_due_ms(const struct server *server)
{
    MHD_UNSIGNED_LONG_LONG due_ms;
    return MHD_get_timeout(server->daemon, &due_ms) == MHD_YES ? (int64_t)due_ms
                                                               : -1;
}

bool server_is_awaited(const struct server *server)
{
    const struct exchange *at = server->exchanges;
    while (at && !at->waits)
        at = at->next;
    return at != NULL;
}

void server_turn(struct server *server)
{
    wake_waiting(server);
    (void)MHD_run(server->daemon);
}

int64_t server_asked_ms(const struct server *server)
{
    return server->asked_ms;
}
