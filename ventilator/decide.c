/* decide - a person's word about held tasks, asked for by ASK
 *
 * {"v":1,"ask":"decide","id":"<32 hex>","status":"reopened"|"ignored"|
 *  "dropped","time_us":N,"user":"...","note":"...","tasks":[[FIRST,COUNT],...]}
 * Tasks that are not held, or decided already, are passed over. The answer is
 * the status: once `decided` is 0 again, all of them are stored. One with the
 * id of one of the last 64 is a question that was sent again, and changes
 * nothing: what it had tried again may be held anew by then.
 */
#include "common/base/log.h"
#include "common/base/numset.h"
#include "ventilator/role.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TASKS_MAX = 65536, TEXT_MAX = 250 };

struct words {
    enum status status;
    int64_t time_us;
    char text[TEXT_MAX]; // user, line break, note
    struct id128 id;
    json_t *tasks;
};

static bool read_words(json_t *root, struct words *words)
{
    const char *const ask = json_string_value(json_object_get(root, "ask"));
    const char *const status =
        json_string_value(json_object_get(root, "status"));
    const char *const user = json_string_value(json_object_get(root, "user"));
    const char *const note = json_string_value(json_object_get(root, "note"));
    const char *const id = json_string_value(json_object_get(root, "id"));
    words->tasks = json_object_get(root, "tasks");
    words->time_us = json_integer_value(json_object_get(root, "time_us"));
    if (!ask || strcmp(ask, "decide") != 0 || !id ||
        id128_parse(id, &words->id) != 0 || !status || !user || !note ||
        !*user || strchr(user, '\n') || words->time_us < 0 ||
        !json_is_array(words->tasks))
        return false;
    words->status = status_parse(status);
    const int size =
        snprintf(words->text, sizeof words->text, "%s\n%s", user, note);
    return size > 0 && size < TEXT_MAX &&
           (words->status == STATUS_REOPENED ||
            words->status == STATUS_IGNORED || words->status == STATUS_DROPPED);
}

static uint64_t decide_run(struct role *role, const struct words *words,
                           json_t *run, uint64_t *room)
{
    const json_int_t first = json_integer_value(json_array_get(run, 0));
    const json_int_t count = json_integer_value(json_array_get(run, 1));
    uint64_t taken = 0;
    if (first <= 0 || (uint64_t)first > NUMSET_NUMBER_MAX || count <= 0 ||
        (uint64_t)count > *room)
        return 0;
    *room -= (uint64_t)count;
    for (json_int_t i = 0; i < count; i++) {
        const struct tracker_decision decision = {
            .task = (uint64_t)(first + i),
            .status = words->status,
            .time_us = words->time_us,
            .text = span_of_text(words->text)};
        taken += tracker_decide(role->tracker, &decision, role->now_ms) == 0;
    }
    return taken;
}

static bool was_asked(struct role *role, const struct id128 *id)
{
    for (size_t i = 0; i < ROLE_ASKED_MAX; i++)
        if (id128_equal(&role->asked[i], id))
            return true;
    role->asked[role->asked_next++ % ROLE_ASKED_MAX] = *id;
    return false;
}

void role_decide(struct role *role, struct span question)
{
    struct words words;
    json_t *const root =
        json_loadb((const char *)question.at, question.size, 0, NULL);
    if (role->ending || !tracker_is_synced(role->tracker) ||
        !read_words(root, &words) || was_asked(role, &words.id)) {
        json_decref(root);
        return;
    }
    uint64_t taken = 0, room = TASKS_MAX; // of a question
    for (size_t i = 0; i < json_array_size(words.tasks) && i < TASKS_MAX; i++)
        taken +=
            decide_run(role, &words, json_array_get(words.tasks, i), &room);
    if (taken > 0)
        log_event(LOG_INFO, "decided", "status=%s tasks=%llu",
                  status_name(words.status), (unsigned long long)taken);
    json_decref(root);
}
