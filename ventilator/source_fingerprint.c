#include "ventilator/source_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *source_path(const struct settings *settings, const char *path)
{
    char *joined = NULL;
    if (path[0] == '/' || !settings->working_directory)
        return strdup(path);
    return asprintf(&joined, "%s/%s", settings->working_directory, path) < 0
               ? NULL
               : joined;
}

static int add_fingerprint(const struct settings *settings, const char *path,
                           struct texts *prints, struct problem *problem)
{
    struct stat about;
    struct buffer print = {0};
    if (strcmp(path, "-") == 0)
        return 0;
    char *full = source_path(settings, path);
    const bool there = full && stat(full, &about) == 0;
    const int error = full ? errno : ENOMEM;
    free(full);
    if (!there)
        return problem_set(problem, -error, "%.512s: %s", path,
                           strerror(error));
    buffer_printf(
        &print, "%llu:%llu:%llu:%lld %s", (unsigned long long)about.st_dev,
        (unsigned long long)about.st_ino, (unsigned long long)about.st_size,
        (long long)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec,
        path);
    put_u8(&print, 0);
    const int added =
        print.failed ? -ENOMEM : texts_add(prints, (const char *)print.at);
    buffer_free(&print);
    return added == 0 ? 0 : problem_set(problem, added, "out of memory");
}

int source_fingerprints(const struct settings *settings, struct texts *prints,
                        struct problem *problem)
{
    const char *path = settings->ndjson ? settings->ndjson : settings->arg_file;
    int error = path ? add_fingerprint(settings, path, prints, problem) : 0;
    bool files = false;
    for (size_t i = 0; error == 0 && i < settings->sources.count; i++) {
        bool linked;
        const char *word = settings->sources.at[i];
        const enum source_word kind = source_word(word, &linked);
        if (kind != WORD_VALUE)
            files = kind == WORD_FILES;
        else if (files)
            error = add_fingerprint(settings, word, prints, problem);
    }
    return error;
}
