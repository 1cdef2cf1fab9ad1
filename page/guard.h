/* guard - who may ask, and who may decide
 *
 * A page of another site must not read this one by a name that it points here
 * (DNS rebinding), so that names in Host are refused unless they are known;
 * and must not decide anything, so that a decision takes the run's token in a
 * header of its own, which no form can send, and an Origin that is ours.
 * Pure.
 */
#ifndef PAGE_GUARD_H
#define PAGE_GUARD_H

#include <stdbool.h>

enum { GUARD_NAMES = 3, GUARD_NAME_SIZE = 256 };

struct guard {
    char token[64];
    char names[GUARD_NAMES][GUARD_NAME_SIZE]; /* beside localhost; "" none */
};

/* An address, localhost, or a known name; any port. NULL: refused. */
bool guard_host(const struct guard *guard, const char *host);
/* NULL: no browser, or a page's own GET; else it must be of `host`. */
bool guard_origin(const char *host, const char *origin);
/* Takes as long whatever is wrong with it. NULL: refused. */
bool guard_token(const struct guard *guard, const char *given);

#endif
