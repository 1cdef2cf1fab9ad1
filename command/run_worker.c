/* run_worker - what the run's own worker is told of its machine */
#include "command/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add(struct texts *words, const char *before, const char *text)
{
    char *word = NULL;
    if (asprintf(&word, "--%s%s", before, text) < 0)
        return -ENOMEM;
    const int error = texts_add(words, word);
    free(word);
    return error;
}

// "license=2" is --resource=license=2 of a worker, "cpus=4" its --cpus=4.
static int add_have(struct texts *words, const char *have)
{
    static const char *const OWN[] = {"cpus=", "mem=", "gpus="};
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++)
        if (strncmp(have, OWN[i], strlen(OWN[i])) == 0)
            return add(words, "", have);
    return add(words, "resource=", have);
}

int run_worker_words(const struct settings *settings, struct texts *words)
{
    char number[24];
    int error = 0;
    const bool percent = settings->jobs_percent > 0;
    if (settings->jobs > 0 || percent) {
        (void)snprintf(number, sizeof number, "%" PRIu64 "%s",
                       percent ? settings->jobs_percent : settings->jobs,
                       percent ? "%" : "");
        error = add(words, "jobs=", number);
    }
    for (size_t i = 0; i < settings->have.count && error == 0; i++)
        error = add_have(words, settings->have.at[i]);
    return error;
}
