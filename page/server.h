/* server - the only user of libmicrohttpd: requests in, answers and streams out
 *
 * One thread, that of the loop: whatever a client does or does not do, nothing
 * waits for it. Connections, headers, bodies and streams have limits; a client
 * that does not read holds one connection and, of a stream, the event it is in
 * the middle of, which all share.
 */
#ifndef PAGE_SERVER_H
#define PAGE_SERVER_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "page/guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SERVER_CONNECTIONS = 64,
    SERVER_STREAMS = 24,
    SERVER_BODY_MAX = 16 << 10,
    SERVER_HEAD_MAX = 16 << 10, /* request line and headers */
    SERVER_IDLE_S = 30,
};

struct server;
struct exchange; /* a request and its answer */

/* Answers a request with exchange_answer or exchange_file, or waits: then it
 * is asked again soon. */
typedef void server_handle(void *context, struct exchange *exchange);

const char *exchange_path(const struct exchange *exchange);
bool exchange_is_post(const struct exchange *exchange);
/* It has the run's token, and comes from no other site. */
bool exchange_is_trusted(const struct exchange *exchange);
struct span exchange_body(const struct exchange *exchange);
/* Of the query; NULL: there is none such. */
const char *exchange_argument(const struct exchange *exchange,
                              const char *name);
/* A number that is the caller's to set, 0 at first, and when it began. */
uint64_t *exchange_ticket(struct exchange *exchange);
int64_t exchange_since_ms(const struct exchange *exchange);

/* Takes the text over. `type` lives on. */
void exchange_answer(struct exchange *exchange, unsigned code, const char *type,
                     struct buffer *text);
/* One sentence. */
void exchange_refuse(struct exchange *exchange, unsigned code, const char *why);
void exchange_file(struct exchange *exchange, const char *type,
                   struct span file); /* that lives on */
void exchange_wait(struct exchange *exchange);
/* From now on it is a stream of events, if there is room for one. */
void exchange_stream(struct exchange *exchange);

/* `fd` listens; it is the server's from now on. NULL with a problem. */
struct server *server_open(int fd, const struct guard *guard,
                           server_handle *handle, void *context,
                           struct problem *problem);
void server_close(struct server **server);

int server_fd(const struct server *server); /* readable: there is work */
int64_t server_due_ms(const struct server *server); /* at the latest; -1 none */
/* Does what is there to do; those that wait are asked again. */
void server_turn(struct server *server);
/* The next event of all streams; whoever has not got the one before gets only
 * this. Takes the text over. */
void server_publish(struct server *server, struct buffer *text);
/* Lets streams see whether anybody is there. */
void server_beat(struct server *server);
size_t server_streams(const struct server *server);
bool server_is_awaited(const struct server *server);  /* does somebody wait? */
int64_t server_asked_ms(const struct server *server); /* the last request */

#endif
