#include "worker/lookup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void lookup_forget(struct lookup *lookup)
{
    free(lookup->name);
    free(lookup->path);
    *lookup = (struct lookup){0};
}

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           access(path, X_OK) == 0;
}

// As execvp() goes through PATH, up to the first relative directory.
static char *search(const char *name)
{
    const char *from = getenv("PATH");
    while (from && *from == '/') {
        const size_t size = strcspn(from, ":");
        char *path = NULL;
        if (asprintf(&path, "%.*s/%s", (int)size, from, name) < 0)
            return NULL;
        if (is_program(path))
            return path;
        free(path);
        from = from[size] ? from + size + 1 : NULL;
    }
    return NULL;
}

const char *lookup_find(struct lookup *lookup, const char *name)
{
    if (lookup->name && strcmp(lookup->name, name) == 0)
        return lookup->path;
    lookup_forget(lookup);
    if (!*name || strchr(name, '/'))
        return NULL;
    lookup->path = search(name);
    lookup->name = lookup->path ? strdup(name) : NULL;
    return lookup->path;
}
