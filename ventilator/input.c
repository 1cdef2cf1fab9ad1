#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/setting/plan.h"
#include "ventilator/role.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Is the task's input sent whole? An object is, and what a plugin, or a filter
// of lines, could not put together again from its values.
static bool sends_input(const struct settings *set)
{
    const bool row = set->header || set->colsep;
    const bool lines =
        set->plugin || (set->framing && strcmp(set->framing, "lines") == 0);
    return set->ndjson || (row && lines);
}

// Of a plugin or a coprocess: its name and the arguments after --. Without
// these the values are its arguments, which are sent in any case.
static int open_called(struct role *role, struct template_options *options)
{
    const struct settings *set = role->settings;
    const size_t count = set->command.count + 1;
    const char **words = calloc(count, sizeof *words);
    if (!words)
        return problem_set(role->problem, -ENOMEM, "out of memory");
    words[0] = set->plugin ? set->plugin : set->coprocess;
    for (size_t i = 1; i < count; i++)
        words[i] = set->command.at[i - 1];
    options->lines = false;
    options->input = sends_input(set);
    options->called = !set->dry_run; // workers have its name already
    if (count == 1)
        options->append = set->dry_run;
    role->input.template =
        template_create(words, count, options, role->problem);
    free((void *)words);
    return role->input.template ? 0 : -EINVAL;
}

static int open_template(struct role *role)
{
    const struct settings *set = role->settings;
    size_t name_count = 0;
    const char *const *names = source_names(role->input.front, &name_count);
    const bool speaks_by_environment = set->array || set->ndjson;
    struct template_options options = {.append = !speaks_by_environment,
                                       .shell = set->shell,
                                       .lines = set->command.count == 0,
                                       .input = set->stdin_payload ||
                                                set->ndjson || set->compat ||
                                                set->sweep.count > 0,
                                       .names = names,
                                       .name_count = name_count,
                                       .stdout_path = set->stdout_path,
                                       .stderr_path = set->stderr_path};
    if (plan_check(set, role->problem) != 0)
        return -EINVAL;
    role->input.payloads.apart = set->priority;
    if (priority_open(&role->input.priority, set->priority, &options,
                      role->problem) != 0)
        return -EINVAL;
    if (set->plugin || set->coprocess)
        return open_called(role, &options);
    if (options.lines && (set->array || set->sweep.count > 0))
        return problem_exit(role->problem, EXIT_USAGE, -EINVAL,
                            "%s makes values, not commands: give the command "
                            "after --, such as -- ./sim {%s}",
                            set->array ? "--array" : "--sweep", names[0]);
    role->input.template =
        template_create((const char *const *)set->command.at,
                        set->command.count, &options, role->problem);
    return role->input.template ? 0 : -EINVAL;
}

int input_open(struct role *role)
{
    struct input *input = &role->input;
    if (plan_check(role->settings, role->problem) != 0)
        return -EINVAL;
    if (edited_open(&role->edited) != 0)
        return problem_set(role->problem, -ENOMEM, "out of memory");
    input->seed = role->settings->seed;
    input->front = source_open(role->settings, role->dir, role->problem);
    if (!input->front)
        return -EINVAL;
    input->redo = source_open(role->settings, role->dir, role->problem);
    input->fetch = source_open(role->settings, role->dir, role->problem);
    if (!input->redo || !input->fetch)
        return -EINVAL;
    return open_template(role);
}

void input_close(struct role *role)
{
    struct input *input = &role->input;
    source_close(&input->front);
    source_close(&input->redo);
    source_close(&input->fetch);
    template_destroy(&input->template);
    priority_close(&input->priority);
    buffer_free(&input->scratch);
    payloads_clear(&input->payloads);
    edited_close(&role->edited);
}

// The redo cursor reads what may have been sent, the front what was not.
void input_place(struct role *role)
{
    struct input *input = &role->input;
    struct source_place place;
    if (input->placed)
        return;
    input->placed = true;
    tracker_mark(role->tracker, &input->mark, &place.ordinal, &place.offset);
    if (input->mark == 0)
        tracker_input_ended(role->tracker, CURSOR_REDO);
    if (place.ordinal == 0)
        return;
    if (source_seek(input->front, place, role->problem) != 0)
        role_end(role, END_ABORTED, EXIT_ERROR);
}

void input_redo(struct role *role)
{
    struct input *input = &role->input;
    const uint64_t read = source_place(input->front).ordinal - 1;
    if (read > input->mark)
        input->mark = read;
    source_close(&input->redo);
    input->redo = source_open(role->settings, role->dir, role->problem);
    if (!input->redo)
        role_end(role, END_ABORTED, EXIT_ERROR);
}

static struct payload *expand(struct role *role, const struct source_task *task,
                              struct tracker_offer *offer, struct problem *bad)
{
    struct input *input = &role->input;
    const struct template_task expanded = {
        .task = offer->task,
        .seed = template_seed(input->seed, offer->task),
        .values = task->values,
        .value_count = task->value_count,
        .whole = task->whole,
        .input = task->input};
    buffer_clear(&input->scratch);
    if (template_expand(input->template, &expanded, &input->scratch, bad) !=
            0 ||
        priority_of(&input->priority, &expanded, &offer->priority, bad) != 0)
        return NULL;
    struct payload *payload = payload_make(&input->payloads, &input->scratch);
    if (!payload)
        problem_set(bad, -ENOMEM, "out of memory");
    return payload;
}

// Its key is of what stands in the input, whatever a person made of it.
static struct payload *make_payload(struct role *role,
                                    const struct source_task *task,
                                    struct tracker_offer *offer,
                                    struct problem *bad)
{
    struct source_task whole = *task;
    const struct wire_edit *const edit =
        edits_find(role->edited.edits, offer->task);
    if (edit && edit->args.size > 0 &&
        edited_task(&role->edited, role->settings, edit, &whole, bad) != 0)
        return NULL;
    return expand(role, &whole, offer, bad);
}

// Returns false when memory is short: no task is to blame for that.
static bool make_offer(struct role *role, enum source_result result,
                       const struct source_task *task, struct problem *bad,
                       struct tracker_offer *offer)
{
    offer->ordinal = task->place.ordinal;
    offer->offset = task->place.offset;
    struct payload *payload = NULL;
    if (result == SOURCE_TASK) {
        offer->key = template_key(role->input.template, task->values,
                                  task->value_count, task->whole);
        payload = make_payload(role, task, offer, bad);
    }
    offer->payload = payload;
    offer->payload_size = payload ? payload->size : 0;
    if (!payload && bad->code == -ENOMEM) {
        role_starve(role);
        return false;
    }
    if (!payload) {
        offer->bad = bad->text;
        log_event(LOG_INFO, "bad-task", "task=%llu problem=\"%s\"",
                  (unsigned long long)offer->task, bad->text);
    }
    return true;
}

// A field that no object has is more likely to be misspelt.
static void tell_of_priorities(const struct role *role)
{
    const struct priority *const priority = &role->input.priority;
    if (priority->missing > 0 && priority->given == 0)
        log_event(LOG_WARNING, "no-priority",
                  "no task has a value for --priority %s: all are as 0",
                  role->settings->priority);
}

// Returns false when this cursor has nothing more for now.
static bool read_one(struct role *role, enum cursor cursor)
{
    struct input *input = &role->input;
    struct source *source = cursor == CURSOR_FRONT ? input->front : input->redo;
    struct source_task task;
    struct problem bad;
    problem_clear(&bad);
    if (cursor == CURSOR_REDO && source_place(source).ordinal > input->mark) {
        tracker_input_ended(role->tracker, cursor);
        return false;
    }
    const enum source_result result = source_next(source, &task, &bad);
    switch (result) {
    case SOURCE_TASK:
    case SOURCE_BAD:
        break;
    case SOURCE_NONE:
        return true;
    case SOURCE_LATER:
        input->later = true;
        return false;
    case SOURCE_END:
        tracker_input_ended(role->tracker, cursor);
        if (cursor == CURSOR_FRONT)
            tell_of_priorities(role);
        return false;
    case SOURCE_ERROR:
        problem_set(role->problem, bad.code, "%s", bad.text);
        role_end(role, END_ABORTED, EXIT_ERROR);
        return false;
    }
    if (cursor == CURSOR_REDO && task.place.ordinal > input->mark) {
        tracker_input_ended(role->tracker, cursor);
        return false;
    }
    if (cursor == CURSOR_FRONT) {
        input->offset = task.place.offset;
        if (task.place.ordinal <= input->mark)
            return true;
    }
    const uint64_t number = resume_number(role, task.place.ordinal);
    if (number == 0) {
        problem_set(role->problem, -ESTALE,
                    "the input grew while it was read: start again with "
                    "--resume");
        role_end(role, END_ABORTED, EXIT_ERROR);
        return false;
    }
    if (!tracker_needs(role->tracker, number))
        return true;
    struct tracker_offer offer = {.task = number};
    if (!make_offer(role, result, &task, &bad, &offer))
        return false;
    tracker_offer(role->tracker, &offer, role->now_ms);
    return true;
}

void input_pump(struct role *role)
{
    enum { AT_A_TIME = 2048 };
    role->input.later = false;
    for (enum cursor cursor = CURSOR_REDO; cursor <= CURSOR_FRONT; cursor++)
        for (int i = 0; i < AT_A_TIME && !role->ending &&
                        tracker_wants(role->tracker, cursor);
             i++)
            if (!read_one(role, cursor))
                break;
}

void input_fetch(struct role *role, const struct tracker_action *action)
{
    const struct source_place place = {action->ordinal, action->offset};
    struct source_task task;
    struct problem bad = {0};
    memset(&task, 0, sizeof task);
    enum source_result result = SOURCE_ERROR;
    if (source_seek(role->input.fetch, place, &bad) == 0)
        result = source_next(role->input.fetch, &task, &bad);
    if (result != SOURCE_TASK || task.place.ordinal != action->ordinal) {
        problem_set(role->problem, -EIO,
                    "task %llu cannot be read from the input again: %s",
                    (unsigned long long)action->task,
                    bad.code ? bad.text : "the input has changed");
        role_end(role, END_ABORTED, EXIT_ERROR);
        return;
    }
    struct tracker_offer offer = {.task = action->task};
    if (make_offer(role, result, &task, &bad, &offer))
        tracker_fetched(role->tracker, &offer, role->now_ms);
}
