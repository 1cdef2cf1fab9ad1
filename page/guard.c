#include "page/guard.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static bool is_port(const char *text)
{
    return *text == '\0' ||
           (*text == ':' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

static bool is_name(const char *host, const char *name)
{
    const size_t size = strlen(name);
    for (size_t i = 0; i < size; i++)
        if (tolower((unsigned char)host[i]) != tolower((unsigned char)name[i]))
            return false;
    return size > 0 && is_port(host + size);
}

bool guard_host(const struct guard *guard, const char *host)
{
    if (!host)
        return false;
    if (*host == '[') {
        const size_t size = strspn(host + 1, "0123456789abcdefABCDEF:.");
        return size > 0 && host[1 + size] == ']' && is_port(host + size + 2);
    }
    // A name whose last part is a number is an address.
    const size_t address = strspn(host, "0123456789.");
    if (address > 0 && is_port(host + address))
        return true;
    if (is_name(host, "localhost"))
        return true;
    for (size_t i = 0; i < GUARD_NAMES; i++)
        if (is_name(host, guard->names[i]))
            return true;
    return false;
}

bool guard_origin(const char *host, const char *origin)
{
    if (!origin)
        return true;
    const char *const behind = strstr(origin, "://");
    return host && behind &&
           (strncmp(origin, "http:", 5) == 0 ||
            strncmp(origin, "https:", 6) == 0) &&
           strcmp(behind + 3, host) == 0;
}

bool guard_token(const struct guard *guard, const char *given)
{
    const size_t size = strlen(guard->token);
    const size_t given_size = given ? strlen(given) : 0;
    unsigned char differs = size == 0 || size != given_size;
    for (size_t i = 0; i < size; i++)
        differs |=
            (unsigned char)(guard->token[i] ^ (i < given_size ? given[i] : 0));
    return differs == 0;
}
