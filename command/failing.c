#include "command/failing.h"

#include "command/held.h"
#include "command/row.h"
#include "common/base/map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { AGAIN, HELD, FAILED };

struct failing {
    struct failing_group *groups; // FAILING_GROUPS of them
    size_t count;
    unsigned numbers;
    struct map *tasks; // task -> its group and state
    struct buffer line, values;
};

struct failing *failing_create(void)
{
    struct failing *failing = calloc(1, sizeof *failing);
    if (!failing)
        return NULL;
    failing->tasks = map_create();
    failing->groups = calloc(FAILING_GROUPS, sizeof *failing->groups);
    if (!failing->tasks || !failing->groups)
        failing_destroy(&failing);
    return failing;
}

static void forget(struct failing_group *group)
{
    free(group->line);
    free(group->values);
    free(group->host);
    free(group->said);
    *group = (struct failing_group){0};
}

void failing_destroy(struct failing **failing)
{
    struct failing *const gone = *failing;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->count; i++)
        forget(&gone->groups[i]);
    free(gone->groups);
    map_destroy(&gone->tasks);
    buffer_free(&gone->line);
    buffer_free(&gone->values);
    free(gone);
    *failing = NULL;
}

static char *copy_of(struct span text)
{
    char *const copy = malloc(text.size + 1);
    for (size_t i = 0; copy && i < text.size; i++)
        copy[i] = (char)(text.at[i] ? text.at[i] : '?');
    if (copy)
        copy[text.size] = '\0';
    return copy;
}

static struct span end_of(struct span text, size_t most)
{
    return text.size <= most ? text
                             : (struct span){text.at + text.size - most, most};
}

static bool is_alike(const struct failing_group *group,
                     const struct record *record, struct span line)
{
    return group->class == record->class && group->exit == record->exit &&
           group->signal == record->signal &&
           span_equal(span_of_text(group->line), line);
}

static int add(struct failing *failing, const struct record *record,
               struct span line)
{
    const bool others = failing->count == FAILING_GROUPS - 1;
    struct failing_group *const group = &failing->groups[failing->count];
    buffer_clear(&failing->values);
    row_put_values(record, &failing->values);
    *group = (struct failing_group){
        .class = others ? CLASS_NONE : record->class,
        .exit = record->exit,
        .signal = record->signal,
        .example = record->task,
        .line = copy_of(others ? SPAN_OF("(in other ways)") : line),
        .values = copy_of(buffer_span(&failing->values)),
        .host = copy_of(record->host),
        .said = copy_of(end_of(
            record->err.size > 0 ? record->err : record->note, FAILING_SAID))};
    if (!group->line || !group->values || !group->host || !group->said ||
        failing->values.failed) {
        forget(group);
        return -ENOMEM;
    }
    failing->count++;
    return 0;
}

// Its index, or -ENOMEM.
static int group_of(struct failing *failing, const struct record *record)
{
    buffer_clear(&failing->line);
    held_fold(record->err.size > 0 ? record->err : record->note,
              &failing->line);
    if (failing->line.failed)
        return -ENOMEM;
    const struct span line =
        failing->line.size > 0 ? buffer_span(&failing->line) : SPAN_OF("");
    for (size_t i = 0; i < failing->count; i++)
        if (is_alike(&failing->groups[i], record, line))
            return (int)i;
    if (failing->count == FAILING_GROUPS)
        return FAILING_GROUPS - 1;
    const int error = add(failing, record, line);
    return error ? error : (int)failing->count - 1;
}

static uint64_t *count_of(struct failing *failing, uint64_t place)
{
    struct failing_group *const group = &failing->groups[place >> 8];
    switch ((enum state)(place & 0xff)) {
    case AGAIN:
        return &group->again;
    case HELD:
        return &group->held;
    case FAILED:
        return &group->failed;
    }
    return &group->failed;
}

static void drop(struct failing *failing, uint64_t task)
{
    uint64_t place;
    if (!map_get(failing->tasks, task, &place))
        return;
    --*count_of(failing, place);
    map_remove(failing->tasks, task);
}

static int put(struct failing *failing, uint64_t task, uint64_t group,
               enum state state)
{
    drop(failing, task);
    const uint64_t place = group << 8 | state;
    if (map_put(failing->tasks, task, place) != 0)
        return -ENOMEM;
    ++*count_of(failing, place);
    return 0;
}

static int take_attempt(struct failing *failing, const struct record *record)
{
    if (record->status != STATUS_FAILED || record->copy)
        return 0;
    const int group = group_of(failing, record);
    return group < 0 ? group
                     : put(failing, record->task, (uint64_t)group, AGAIN);
}

// It stays in the group of its last failure; else, what is said of it counts.
static int settle(struct failing *failing, const struct record *record,
                  enum state state)
{
    uint64_t place;
    if (map_get(failing->tasks, record->task, &place))
        return put(failing, record->task, place >> 8, state);
    const int group = group_of(failing, record);
    return group < 0 ? group
                     : put(failing, record->task, (uint64_t)group, state);
}

static int take_held(struct failing *failing, const struct record *record)
{
    struct record unknown = *record;
    unknown.err = unknown.note = (struct span){0};
    const int error = settle(failing, &unknown, HELD);
    uint64_t place;
    if (error || !map_get(failing->tasks, record->task, &place))
        return error;
    struct failing_group *const group = &failing->groups[place >> 8];
    // Where groups were thrown together, fan held counts others.
    if (group->number == 0 && failing->count < FAILING_GROUPS)
        group->number = ++failing->numbers;
    return 0;
}

int failing_take(struct failing *failing, const struct record *record)
{
    if (record->task == 0)
        return 0;
    if (record->event == EVENT_NONE && !record->final)
        return take_attempt(failing, record);
    if (record->event == EVENT_DECISION && record->status == STATUS_HELD)
        return take_held(failing, record);
    if (record->event != EVENT_NONE && record->event != EVENT_DECISION &&
        record->event != EVENT_REOPENED)
        return 0;
    if (record->event == EVENT_NONE && (record->status == STATUS_FAILED ||
                                        record->status == STATUS_QUARANTINED))
        return settle(failing, record, FAILED);
    drop(failing, record->task);
    return 0;
}

static uint64_t size_of(const struct failing_group *group)
{
    return group->failed + group->held + group->again;
}

static int by_size(const void *left, const void *right)
{
    const struct failing_group *const a =
        *(const struct failing_group *const *)left;
    const struct failing_group *const b =
        *(const struct failing_group *const *)right;
    if (size_of(a) != size_of(b))
        return size_of(a) > size_of(b) ? -1 : 1;
    return a < b ? -1 : a > b; // as they came
}

size_t failing_groups(struct failing *failing,
                      const struct failing_group *groups[FAILING_GROUPS])
{
    size_t count = 0;
    for (size_t i = 0; i < failing->count; i++)
        if (size_of(&failing->groups[i]) > 0)
            groups[count++] = &failing->groups[i];
    qsort((void *)groups, count, sizeof(struct failing_group *), by_size);
    return count;
}

void failing_way(const struct failing_group *group, char *way, size_t size)
{
    if (group->class == CLASS_EXIT)
        snprintf(way, size, "exit %u", group->exit);
    else if (group->class == CLASS_SIGNAL)
        snprintf(way, size, "signal %u", group->signal);
    else
        snprintf(way, size, "%s",
                 group->class == CLASS_NONE ? "" : class_name(group->class));
}
