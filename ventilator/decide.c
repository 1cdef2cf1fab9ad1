/* decide - a person's word about held tasks: see obey.c
 *
 * {..., "ask":"decide","status":"reopened"|"ignored"|"dropped",
 *  "tasks":[[FIRST,COUNT],...]}
 * Tasks that are not held, or decided already, are passed over. The answer is
 * the status: once `decided` is 0 again, all of them are stored.
 */
#include "common/base/log.h"
#include "common/base/numset.h"
#include "ventilator/role.h"

#include <errno.h>
#include <jansson.h>

enum { TASKS_MAX = 65536 };

struct words {
    const struct person_word *person;
    enum status status;
};

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
            .time_us = words->person->time_us,
            .text = span_of_text(words->person->text)};
        taken += tracker_decide(role->tracker, &decision, role->now_ms) == 0;
    }
    return taken;
}

void role_decide(struct role *role, const struct person_word *person)
{
    const char *const status =
        json_string_value(json_object_get(person->root, "status"));
    json_t *const tasks = json_object_get(person->root, "tasks");
    const struct words words = {person,
                                status ? status_parse(status) : STATUS_NONE};
    if (words.status != STATUS_REOPENED && words.status != STATUS_IGNORED &&
        words.status != STATUS_DROPPED)
        return;
    uint64_t taken = 0, room = TASKS_MAX; // of a question
    for (size_t i = 0; i < json_array_size(tasks) && i < TASKS_MAX; i++)
        taken += decide_run(role, &words, json_array_get(tasks, i), &room);
    if (taken > 0)
        log_event(LOG_INFO, "decided", "status=%s tasks=%llu",
                  status_name(words.status), (unsigned long long)taken);
}
