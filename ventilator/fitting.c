/* fitting - which workers have what the tasks of this run take */
#include "common/base/log.h"
#include "common/policy/fit.h"
#include "common/setting/setting.h"
#include "common/store/text.h"
#include "ventilator/role.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 1000 }; // until somebody who fits may have joined, too

static uint64_t number_of(struct span text)
{
    char digits[24] = "";
    if (text.size > 0 && text.size < sizeof digits)
        memcpy(digits, text.at, text.size);
    return strtoull(digits, NULL, 10);
}

static bool add_word(struct texts *words, struct span text)
{
    char *word = words->count < FIT_WORDS_MAX
                     ? strndup((const char *)text.at, text.size)
                     : NULL;
    const bool added = word && texts_add(words, word) == 0;
    free(word);
    return added;
}

// What is unknown here is nothing a run of this version can ask for.
static bool read_pair(const struct wire_pair *pair, struct fit *has,
                      struct texts *named, struct texts *labels)
{
    if (pair->value.size == 0)
        return true;
    if (span_equal(pair->name, SPAN_OF("cpus")))
        has->cpus = number_of(pair->value);
    else if (span_equal(pair->name, SPAN_OF("mem")))
        has->mem_bytes = number_of(pair->value);
    else if (span_equal(pair->name, SPAN_OF("gpus")))
        has->gpus = number_of(pair->value);
    else if (span_equal(pair->name, SPAN_OF("resource")))
        return add_word(named, pair->value);
    else if (span_equal(pair->name, SPAN_OF("label")))
        return add_word(labels, pair->value);
    return true;
}

static struct fit taken(const struct settings *settings)
{
    return (struct fit){
        .cpus = settings->cpus,
        .mem_bytes = settings->mem,
        .gpus = settings->gpus,
        .named = {settings->resource.at, settings->resource.count},
        .labels = {settings->require.at, settings->require.count}};
}

// A clause is cut where it would not go into WELCOME.
static char *clause(struct buffer *why, bool complete)
{
    if (!complete)
        buffer_append_text(why, "it says more of itself than can be kept");
    if (why->failed || why->size == 0)
        return strdup("");
    const size_t most = WIRE_TEXT_MAX - 1;
    return strndup((const char *)why->at, why->size < most ? why->size : most);
}

char *fitting_of(const struct role *role, const struct wire_hello *hello,
                 uint32_t *slots)
{
    const struct fit takes = taken(role->settings);
    struct fit has = {0};
    struct texts named = {0}, labels = {0};
    struct buffer why = {0};
    struct wire_list list = hello->has;
    struct wire_pair pair;
    bool complete = true;
    while (complete && wire_next_pair(&list, &pair))
        complete = read_pair(&pair, &has, &named, &labels);
    has.named = (struct fit_words){named.at, named.count};
    has.labels = (struct fit_words){labels.at, labels.count};
    const uint32_t most = hello->slots ? hello->slots : 1;
    *slots = complete ? fit_count(&takes, &has, most, &why) : 0;
    char *unfit = *slots == 0 ? clause(&why, complete) : NULL;
    buffer_free(&why);
    texts_free(&named);
    texts_free(&labels);
    return unfit;
}

const struct peer *fitting_missing(const struct role *role)
{
    const struct peer *first = NULL;
    for (unsigned i = 1; i <= role->peer_top; i++) {
        const struct peer *peer = &role->peers[i];
        if (!peer->used)
            continue;
        if (peer->slots > 0)
            return NULL;
        first = first ? first : peer;
    }
    return first;
}

// A host name is a peer's text.
static void put_text(struct buffer *json, const char *text)
{
    if (!text_put_quoted(json, span_of_text(text)))
        buffer_append_text(json, "\"?\"");
}

void fitting_put_json(const struct role *role, struct buffer *json)
{
    enum { SHOWN_MAX = 16 };
    unsigned shown = 0;
    buffer_append_text(json, ",\"unfit\":[");
    for (unsigned i = 1; i <= role->peer_top && shown < SHOWN_MAX; i++) {
        const struct peer *peer = &role->peers[i];
        if (!peer->used || peer->slots > 0)
            continue;
        buffer_append_text(json, shown++ > 0 ? ",{\"host\":" : "{\"host\":");
        put_text(json, peer->host);
        buffer_append_text(json, ",\"why\":");
        put_text(json, peer->unfit);
        put_u8(json, '}');
    }
    put_u8(json, ']');
}

// To a person at a terminal, so in a sentence.
static void tell(struct role *role, const struct peer *missing)
{
    char host[LOG_QUOTE_SIZE];
    role->unfit_told = missing;
    if (missing)
        log_event(LOG_WARNING, "unfit",
                  "no worker can run a task of this run: on %s %s. It goes on "
                  "when one joins that can",
                  log_quote(span_of_text(missing->host), host),
                  missing->unfit ? missing->unfit : "");
    else
        log_event(LOG_WARNING, "fit", "a worker that can run tasks has joined");
}

void fitting_watch(struct role *role)
{
    if (role->draining)
        return;
    const struct peer *missing = fitting_missing(role);
    if (!missing)
        role->unfit_since_ms = 0;
    else if (role->unfit_since_ms == 0)
        role->unfit_since_ms = role->now_ms;
    if (missing && !role->unfit_told &&
        role->now_ms - role->unfit_since_ms >= PATIENCE_MS)
        tell(role, missing);
    else if (!missing && role->unfit_told)
        tell(role, NULL);
}
