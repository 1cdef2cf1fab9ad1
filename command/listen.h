/* listen - where the page of a run is served, and the token for deciding there
 *
 * `fan run` opens the socket before anything runs, so that what is wrong with
 * the address is known at once, and hands it to fan-page, which may be started
 * again at the same place.
 */
#ifndef COMMAND_LISTEN_H
#define COMMAND_LISTEN_H

#include "common/base/bytes.h"
#include "common/base/problem.h"

#include <stdbool.h>

#define LISTEN_DEFAULT "127.0.0.1:7780"
#define LISTEN_FD_NAME "FAN_PAGE_FD" /* tells fan-page of its socket */

enum { LISTEN_NAME_SIZE = 256, LISTEN_URL_SIZE = 320 };

struct listening {
    int fd;
    char name[LISTEN_NAME_SIZE]; /* as typed: an address or a name */
    char url[LISTEN_URL_SIZE];   /* with the port that it has got, and a / */
    bool is_public;              /* others than this host can reach it */
};

/* PORT, ADDRESS:PORT, [ADDRESS]:PORT or NAME:PORT; without an address it is
 * 127.0.0.1. Port 0 is any that is free. Returns 0 or -errno with a problem. */
int listen_open(const char *where, struct listening *listening,
                struct problem *problem);
/* The same of a socket that was opened so by another process. */
int listen_describe(int fd, const char *where, struct listening *listening,
                    struct problem *problem);
/* The token in DIR, made where there is none; nobody else may read it. Where
 * DIR takes no file it is for this time only. Returns 0 or -errno. */
int listen_token(const char *dir, char token[ID128_TEXT_SIZE]);
/* Says on stderr where the page is, and who can see it. */
void listen_tell(const struct listening *listening, const char *token);

#endif
