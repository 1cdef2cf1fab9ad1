/* obey - what a person says to the ventilator, asked for by ASK
 *
 * {"v":1,"ask":"NAME","id":"<32 hex>","time_us":N,"user":"...","note":"...",
 *  ...}
 * Whoever may use the endpoint may say it, and needs no HELLO. What says
 * nothing, or comes while the run starts or ends, is passed over: the answer is
 * the status in any case, from which one sees what was done. Once `unsaved` is
 * 0, the sink has it in writing. One with the id of one of the last 64 is a
 * question that was sent again, and changes nothing: another's word may have
 * come meanwhile.
 */
#include "common/base/log.h"
#include "common/base/numset.h"
#include "ventilator/role.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool read_word(json_t *root, struct person_word *word)
{
    const char *const user = json_string_value(json_object_get(root, "user"));
    const char *const note = json_string_value(json_object_get(root, "note"));
    const char *const id = json_string_value(json_object_get(root, "id"));
    word->root = root;
    word->time_us = json_integer_value(json_object_get(root, "time_us"));
    if (!id || id128_parse(id, &word->id) != 0 || !user || !note || !*user ||
        strchr(user, '\n') || strchr(note, '\n') || word->time_us < 0)
        return false;
    const int size =
        snprintf(word->text, sizeof word->text, "%s\n%s", user, note);
    return size > 0 && (size_t)size < sizeof word->text;
}

static bool was_asked(struct role *role, const struct id128 *id)
{
    for (size_t i = 0; i < ROLE_ASKED_MAX; i++)
        if (id128_equal(&role->asked[i], id))
            return true;
    role->asked[role->asked_next++ % ROLE_ASKED_MAX] = *id;
    return false;
}

static void pause_run(struct role *role, const struct person_word *word,
                      bool paused)
{
    const struct tracker_pause pause = {.paused = paused,
                                        .time_us = word->time_us,
                                        .text = span_of_text(word->text)};
    if (tracker_pause(role->tracker, &pause, role->now_ms) == 0)
        log_event(LOG_INFO, paused ? "paused" : "unpaused", "by=person");
}

static void on_pause(struct role *role, const struct person_word *word)
{
    pause_run(role, word, true);
}

static void on_unpause(struct role *role, const struct person_word *word)
{
    pause_run(role, word, false);
}

// Who means all does not mean what is added to an open run later.
static uint64_t last_of(const struct role *role, uint64_t last)
{
    const uint64_t read = source_place(role->input.front).ordinal - 1;
    const uint64_t known = read > role->number_max ? read : role->number_max;
    return role->settings->open && last > known ? known : last;
}

static bool cancel_run(struct role *role, const struct person_word *word,
                       const json_t *run)
{
    const json_int_t first = json_integer_value(json_array_get(run, 0));
    const json_int_t count = json_integer_value(json_array_get(run, 1));
    if (first <= 0 || count <= 0 || (uint64_t)first > NUMSET_NUMBER_MAX ||
        (uint64_t)count > NUMSET_NUMBER_MAX - (uint64_t)first + 1)
        return false;
    const uint64_t last = (uint64_t)first + (uint64_t)count - 1;
    const struct tracker_cancel cancel = {.first = (uint64_t)first,
                                          .last = last_of(role, last),
                                          .time_us = word->time_us,
                                          .text = span_of_text(word->text)};
    return cancel.last >= cancel.first &&
           tracker_cancel(role->tracker, &cancel, role->now_ms) == 0;
}

static void on_cancel(struct role *role, const struct person_word *word)
{
    const json_t *const tasks = json_object_get(word->root, "tasks");
    unsigned long long taken = 0;
    for (size_t i = 0; i < json_array_size(tasks); i++)
        taken += cancel_run(role, word, json_array_get(tasks, i));
    if (taken > 0)
        log_event(LOG_INFO, "cancelling", "ranges=%llu", taken);
}

static const struct {
    const char *ask;
    void (*obey)(struct role *role, const struct person_word *word);
} WORDS[] = {
    {"decide", role_decide},
    {"cancel", on_cancel},
    {"pause", on_pause},
    {"unpause", on_unpause},
};

void role_obey(struct role *role, struct span question)
{
    struct person_word word;
    json_t *const root =
        json_loadb((const char *)question.at, question.size, 0, NULL);
    const char *const ask = json_string_value(json_object_get(root, "ask"));
    if (ask && !role->ending && tracker_is_synced(role->tracker) &&
        read_word(root, &word) && !was_asked(role, &word.id))
        for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
            if (strcmp(ask, WORDS[i].ask) == 0)
                WORDS[i].obey(role, &word);
    json_decref(root);
}
