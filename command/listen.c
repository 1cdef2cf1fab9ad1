#include "command/listen.h"

#include "command/rundir.h"
#include "common/setting/setting.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN_FILE "page-token"

enum { BACKLOG = 64 };

struct place {
    char name[LISTEN_NAME_SIZE], port[8];
};

static int bad_place(const char *where, struct problem *problem)
{
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "'%s' is no address and port such as " LISTEN_DEFAULT
                        ", [::1]:7780 or 7780",
                        where);
}

static int split(const char *where, struct place *place,
                 struct problem *problem)
{
    uint64_t port;
    const char *const colon = strrchr(where, ':');
    const char *const digits = colon ? colon + 1 : where;
    size_t size = colon ? (size_t)(colon - where) : 0;
    const bool bracketed = size >= 2 && *where == '[' && colon[-1] == ']';
    if (parse_count(digits, 0, UINT16_MAX, &port) != 0 ||
        size >= sizeof place->name || (colon && size == 0) ||
        (!bracketed && memchr(where, ':', size)))
        return bad_place(where, problem);
    snprintf(place->port, sizeof place->port, "%u", (unsigned)port);
    if (!colon)
        snprintf(place->name, sizeof place->name, "127.0.0.1");
    else if (bracketed)
        snprintf(place->name, sizeof place->name, "%.*s", (int)size - 2,
                 where + 1);
    else
        snprintf(place->name, sizeof place->name, "%.*s", (int)size, where);
    if (strcmp(place->name, "*") == 0)
        snprintf(place->name, sizeof place->name, "0.0.0.0");
    return 0;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, address, sizeof v4);
    memcpy(&v6, address, sizeof v6);
    return address->ss_family == AF_INET
               ? ntohl(v4.sin_addr.s_addr) >> 24 == 127
               : IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

static int bind_one(const struct addrinfo *found)
{
    const int on = 1;
    const int fd = socket(found->ai_family,
                          found->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    const int error = -errno;
    close(fd);
    return error;
}

static int describe(const struct place *place, struct listening *listening,
                    struct problem *problem)
{
    struct sockaddr_storage bound = {0};
    struct sockaddr_in v4;
    socklen_t size = sizeof bound;
    if (getsockname(listening->fd, (struct sockaddr *)&bound, &size) != 0)
        return problem_set(problem, -errno, "cannot serve a page: %s",
                           strerrordesc_np(errno));
    memcpy(&v4, &bound, sizeof v4); // the port has the same place in IPv6
    const bool v6 = strchr(place->name, ':') != NULL;
    listening->is_public = !is_loopback(&bound);
    snprintf(listening->name, sizeof listening->name, "%s", place->name);
    snprintf(listening->url, sizeof listening->url, "http://%s%.255s%s:%u/",
             v6 ? "[" : "", place->name, v6 ? "]" : "", ntohs(v4.sin_port));
    return 0;
}

int listen_describe(int fd, const char *where, struct listening *listening,
                    struct problem *problem)
{
    struct place place;
    const int error = split(where, &place, problem);
    listening->fd = fd;
    return error ? error : describe(&place, listening, problem);
}

int listen_open(const char *where, struct listening *listening,
                struct problem *problem)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    struct place place;
    int error = split(where, &place, problem);
    if (error)
        return error;
    const int failed = getaddrinfo(place.name, place.port, &wanted, &found);
    if (failed != 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "cannot serve a page at %s: %s", where,
                            gai_strerror(failed));
    const int fd = bind_one(found);
    freeaddrinfo(found);
    if (fd < 0)
        return problem_set(
            problem, fd, "cannot serve a page at %s: %s%s", where,
            strerrordesc_np(-fd),
            fd == -EADDRINUSE ? "; --http 0 takes any port that is free" : "");
    listening->fd = fd;
    return describe(&place, listening, problem);
}

int listen_token(const char *dir, char token[ID128_TEXT_SIZE])
{
    char path[RUNDIR_PATH_SIZE + sizeof TOKEN_FILE + 1];
    struct id128 id;
    if (rundir_read(dir, TOKEN_FILE, token, ID128_TEXT_SIZE) == 0 &&
        id128_parse(token, &id) == 0)
        return 0;
    const int error = id128_random(&id);
    if (error)
        return error;
    id128_text(&id, token);
    snprintf(path, sizeof path, "%s/%s", dir, TOKEN_FILE);
    (void)unlink(path); // damaged, if it is there
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return 0;
    if (write(fd, token, strlen(token)) < 0)
        (void)unlink(path);
    close(fd);
    return 0;
}

void listen_tell(const struct listening *listening, const char *token)
{
    fprintf(stderr, "fan: the page of this run is at %s#token=%s\n",
            listening->url, token);
    if (listening->is_public)
        fprintf(stderr,
                "fan: whoever can reach this host can read it there: names, "
                "values and outputs of\n     tasks; to decide takes the token, "
                "which goes unencrypted\n");
}
