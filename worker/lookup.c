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
    free(lookup->variable);
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
static char *search(const char *variable, const char *name)
{
    const char *from = variable;
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

static void put_text(struct texts_out *files, const char *text)
{
    texts_begin(files);
    texts_put(files, text, strlen(text));
    texts_end(files);
}

// An empty directory is the working directory.
static void put_all(struct texts_out *files, const char *variable,
                    const char *name)
{
    for (const char *from = variable; from;) {
        const size_t size = strcspn(from, ":");
        texts_begin(files);
        texts_put(files, from, size);
        if (size > 0)
            texts_put(files, "/", 1);
        texts_put(files, name, strlen(name));
        texts_end(files);
        from = from[size] ? from + size + 1 : NULL;
    }
}

static bool knows(const struct lookup *lookup, const char *variable,
                  const char *name)
{
    return lookup->path && strcmp(lookup->name, name) == 0 &&
           strcmp(lookup->variable, variable) == 0;
}

void lookup_put(struct lookup *lookup, const char *name,
                struct texts_out *files)
{
    const char *variable = getenv("PATH");
    if (!variable)
        variable = "/bin:/usr/bin"; // as execvp
    if (!*name || strchr(name, '/')) {
        put_text(files, name);
        return;
    }
    if (!knows(lookup, variable, name)) {
        lookup_forget(lookup);
        lookup->name = strdup(name);
        lookup->variable = strdup(variable);
        const bool kept = lookup->name && lookup->variable;
        lookup->path = kept ? search(variable, name) : NULL;
    }
    if (lookup->path)
        put_text(files, lookup->path);
    put_all(files, variable, name);
}
