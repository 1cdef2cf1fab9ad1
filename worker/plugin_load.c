#include "worker/plugin_inside.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_FUNCTION "fan_run"

static bool is_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    while (isalnum((unsigned char)*text) || *text == '_')
        text++;
    return *text == '\0';
}

// What follows the last colon, if it can be a function's name.
const char *plugin_split(char *path)
{
    char *colon = strrchr(path, ':');
    if (!colon || colon == path || !is_name(colon + 1))
        return DEFAULT_FUNCTION;
    *colon = '\0';
    return colon + 1;
}

// dlsym gives an object pointer for what is a function.
static bool find(void *library, const char *name, void *function)
{
    void *const symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol;
}

static int refuse(struct problem *problem, const char *path, const char *why)
{
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "cannot load the plugin '%.512s': %.400s", path, why);
}

// A name without a slash is a file here too, and not looked for elsewhere.
static void *open_library(const char *path, struct problem *problem)
{
    char full[PATH_MAX];
    struct stat found;
    if (!realpath(path, full) || stat(full, &found) != 0) {
        (void)refuse(problem, path, strerrordesc_np(errno));
        return NULL;
    }
    if (!S_ISREG(found.st_mode)) {
        (void)refuse(problem, path, "it is no file");
        return NULL;
    }
    void *library = dlopen(full, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread so far
        (void)refuse(problem, path, dlerror());
    return library;
}

static int load(struct plugin_code *code, const char *path, const char *name,
                struct problem *problem)
{
    void *library = open_library(path, problem);
    if (!library)
        return problem->code;
    if (!find(library, name, &code->run)) {
        (void)dlclose(library);
        return problem_exit(problem, EXIT_USAGE, -ENOENT,
                            "the plugin '%.512s' has no function '%.200s'; "
                            "another is named by --plugin %.512s:FUNCTION",
                            path, name, path);
    }
    (void)find(library, "fan_slot_open", &code->open);
    (void)find(library, "fan_slot_close", &code->close);
    // What it prints is no result, and must not be taken for one.
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    return 0;
}

struct plugin_code *plugin_load(const char *text, struct problem *problem)
{
    struct plugin_code *code = calloc(1, sizeof *code);
    char *path = strdup(text);
    if (!code || !path)
        (void)problem_set(problem, -ENOMEM, "out of memory");
    else
        (void)load(code, path, plugin_split(path), problem);
    free(path);
    if (problem->code != 0)
        plugin_code_free(&code);
    return code;
}

void plugin_code_free(struct plugin_code **code)
{
    free(*code);
    *code = NULL;
}
