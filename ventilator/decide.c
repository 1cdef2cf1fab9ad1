/* decide - a person's word about held tasks: see obey.c
 *
 * {..., "ask":"decide","status":"reopened"|"ignored"|"dropped",
 *  "tasks":[[FIRST,COUNT],...]}
 * and with "reopened" also "mem_max":BYTES and "edit":"other arguments".
 * Tasks that are not held, or decided already, are passed over. The answer is
 * the status: once `decided` is 0 again, all of them are stored.
 */
#include "common/base/log.h"
#include "common/base/numset.h"
#include "common/template/edit.h"
#include "ventilator/role.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

enum { TASKS_MAX = 65536 };

struct words {
    const struct person_word *person;
    enum status status;
    const char *edit; // other arguments, or NULL
    uint64_t mem_max; // bytes; 0: as it was
    char text[PERSON_TEXT_MAX + EDIT_MAX + 1];
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
            .mem_max = words->mem_max,
            .text = span_of_text(words->text)};
        const struct wire_edit edit = {decision.task, words->mem_max,
                                       span_of_text(words->edit)};
        if (tracker_decide(role->tracker, &decision, role->now_ms) != 0)
            continue;
        taken++;
        if ((edit.mem_max > 0 || edit.args.size > 0) &&
            edits_put(role->edited.edits, &edit) != 0)
            role_starve(role);
    }
    return taken;
}

// What is to be tried again may be changed.
static bool read_change(const struct person_word *person, struct words *words)
{
    const json_int_t mem =
        json_integer_value(json_object_get(person->root, "mem_max"));
    words->edit = json_string_value(json_object_get(person->root, "edit"));
    words->mem_max = mem > 0 ? (uint64_t)mem : 0;
    const int size =
        snprintf(words->text, sizeof words->text, "%s%s%s", person->text,
                 words->edit ? "\n" : "", words->edit ? words->edit : "");
    return size > 0 && (size_t)size < sizeof words->text &&
           (words->status == STATUS_REOPENED ||
            (!words->edit && words->mem_max == 0));
}

void role_decide(struct role *role, const struct person_word *person)
{
    const char *const status =
        json_string_value(json_object_get(person->root, "status"));
    json_t *const tasks = json_object_get(person->root, "tasks");
    struct words words = {.person = person};
    words.status = status ? status_parse(status) : STATUS_NONE;
    if ((words.status != STATUS_REOPENED && words.status != STATUS_IGNORED &&
         words.status != STATUS_DROPPED) ||
        !read_change(person, &words))
        return;
    uint64_t taken = 0, room = TASKS_MAX; // of a question
    for (size_t i = 0; i < json_array_size(tasks) && i < TASKS_MAX; i++)
        taken += decide_run(role, &words, json_array_get(tasks, i), &room);
    if (taken > 0)
        log_event(LOG_INFO, "decided", "status=%s tasks=%llu",
                  status_name(words.status), (unsigned long long)taken);
}
