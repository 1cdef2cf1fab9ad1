#include "command/held.h"

#include "common/base/map.h"
#include "common/base/numset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 10000, HOSTS_MAX = 60000 };

// A way to fail. It becomes a group when a task that failed so is held.
struct kind {
    struct held_group group;
    char *line;
};

struct place {
    uint64_t task;
    uint32_t kind, host;
};

struct held {
    struct kind *kinds;
    size_t kind_count, kind_capacity;
    struct map *kind_by_hash;
    char **hosts;
    size_t host_count, host_capacity;
    struct map *host_by_hash;
    struct map *failed; // task -> kind and host of its last failure
    struct map *tasks;  // of those held
    struct held_decision *decisions;
    size_t decision_count, decision_capacity;
    struct place *places; // of those held, in order
    size_t place_count;
    const struct held_group **groups;
    size_t group_count;
    unsigned numbers;
    struct buffer line;
    const struct held_watch *watch;
};

struct held *held_create(void)
{
    struct held *held = calloc(1, sizeof *held);
    if (!held)
        return NULL;
    held->kind_by_hash = map_create();
    held->host_by_hash = map_create();
    held->failed = map_create();
    held->tasks = map_create();
    if (!held->kind_by_hash || !held->host_by_hash || !held->failed ||
        !held->tasks)
        held_destroy(&held);
    return held;
}

void held_destroy(struct held **held)
{
    struct held *const gone = *held;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->kind_count; i++)
        free(gone->kinds[i].line);
    for (size_t i = 0; i < gone->host_count; i++)
        free(gone->hosts[i]);
    for (size_t i = 0; i < gone->decision_count; i++) {
        free(gone->decisions[i].user);
        free(gone->decisions[i].note);
        free(gone->decisions[i].edit);
    }
    map_destroy(&gone->kind_by_hash);
    map_destroy(&gone->host_by_hash);
    map_destroy(&gone->failed);
    map_destroy(&gone->tasks);
    free(gone->kinds);
    free((void *)gone->hosts);
    free(gone->decisions);
    free(gone->places);
    free((void *)gone->groups);
    buffer_free(&gone->line);
    free(gone);
    *held = NULL;
}

void held_watch(struct held *held, const struct held_watch *watch)
{
    held->watch = watch;
}

static uint64_t hash_of(uint64_t seed, struct span text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ text.at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void *grow(void *at, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return at;
    const size_t larger = *capacity ? 2 * *capacity : 16;
    void *const moved = reallocarray(at, larger, size);
    if (moved)
        *capacity = larger;
    return moved;
}

static bool is_kind(const struct kind *kind, const struct held_group *like,
                    struct span line)
{
    return kind->group.class == like->class && kind->group.exit == like->exit &&
           kind->group.signal == like->signal &&
           span_equal(span_of_text(kind->line), line);
}

// Finds or adds it: its index, or -ENOMEM.
static int64_t kind_of(struct held *held, const struct held_group *like,
                       struct span line)
{
    if (held->kind_count >= KINDS_MAX) // told apart no more
        line = SPAN_OF("(and others)");
    uint64_t at;
    uint64_t hash = hash_of((uint64_t)like->class << 16 |
                                (uint64_t)like->exit << 8 | like->signal,
                            line);
    for (; map_get(held->kind_by_hash, hash, &at); hash++)
        if (is_kind(&held->kinds[at], like, line))
            return (int64_t)at;
    struct kind *const kinds = grow(held->kinds, &held->kind_capacity,
                                    held->kind_count, sizeof *kinds);
    if (!kinds)
        return -ENOMEM;
    held->kinds = kinds;
    char *const copy = strndup((const char *)line.at, line.size);
    if (!copy || map_put(held->kind_by_hash, hash, held->kind_count) != 0) {
        free(copy);
        return -ENOMEM;
    }
    kinds[held->kind_count] = (struct kind){.group = *like, .line = copy};
    return (int64_t)held->kind_count++;
}

static int64_t host_of(struct held *held, struct span name)
{
    if (held->host_count >= HOSTS_MAX)
        return 0;
    uint64_t at, hash = hash_of(0, name);
    for (; map_get(held->host_by_hash, hash, &at); hash++)
        if (span_equal(span_of_text(held->hosts[at]), name))
            return (int64_t)at;
    char **const hosts = grow((void *)held->hosts, &held->host_capacity,
                              held->host_count, sizeof *hosts);
    if (!hosts)
        return -ENOMEM;
    held->hosts = hosts;
    char *const copy = strndup((const char *)name.at, name.size);
    if (!copy || map_put(held->host_by_hash, hash, held->host_count) != 0) {
        free(copy);
        return -ENOMEM;
    }
    hosts[held->host_count] = copy;
    return (int64_t)held->host_count++;
}

static int take_failure(struct held *held, const struct record *record)
{
    const struct held_group like = {
        .class = record->class, .exit = record->exit, .signal = record->signal};
    buffer_clear(&held->line);
    held_fold(record->err.size > 0 ? record->err : record->note, &held->line);
    if (held->line.failed)
        return -ENOMEM;
    const struct span line =
        held->line.size > 0 ? buffer_span(&held->line) : SPAN_OF("");
    const int64_t kind = kind_of(held, &like, line);
    const int64_t host =
        host_of(held, record->host.size > 0 ? record->host : SPAN_OF("?"));
    if (kind < 0 || host < 0)
        return -ENOMEM;
    return map_put(held->failed, record->task,
                   (uint64_t)kind << 32 | (uint64_t)host);
}

static int take_held(struct held *held, const struct record *record)
{
    uint64_t place;
    if (!map_get(held->failed, record->task, &place)) {
        struct record unknown = *record;
        unknown.err = unknown.note = (struct span){0};
        const int error = take_failure(held, &unknown);
        if (error)
            return error;
        map_get(held->failed, record->task, &place);
    }
    struct held_group *const group = &held->kinds[place >> 32].group;
    if (group->number == 0)
        group->number = ++held->numbers;
    return map_put(held->tasks, record->task, place);
}

static bool same_text(const char *text, struct span other)
{
    return span_equal(span_of_text(text), other);
}

static int see(const struct held *held, const struct record *record)
{
    const struct held_watch *const watch = held->watch;
    return watch && watch->time_us == record->start_us &&
                   same_text(watch->user, record->user)
               ? numset_add(watch->tasks, record->task)
               : 0;
}

static char *copy_of(struct span text)
{
    return text.size > 0 ? strndup((const char *)text.at, text.size)
                         : strdup("");
}

static bool is_same(const struct held_decision *last,
                    const struct record *record, unsigned group)
{
    return last->status == record->status && last->group == group &&
           last->time_us == record->start_us &&
           last->mem_max == record->mem_max &&
           same_text(last->user, record->user) &&
           same_text(last->note, record->note) &&
           same_text(last->edit, record->edit);
}

// Before it is taken off the tasks that are held.
static int note_decision(struct held *held, const struct record *record)
{
    uint64_t place;
    if (see(held, record) < 0)
        return -ENOMEM;
    if (record->status == STATUS_CANCELLED)
        return 0; // a person's word, and nobody had to decide
    const bool known = map_get(held->tasks, record->task, &place);
    const unsigned group = known ? held->kinds[place >> 32].group.number : 0;
    struct held_decision *last =
        held->decision_count > 0 ? &held->decisions[held->decision_count - 1]
                                 : NULL;
    if (last && is_same(last, record, group)) {
        last->count++;
        return 0;
    }
    struct held_decision *const grown =
        grow(held->decisions, &held->decision_capacity, held->decision_count,
             sizeof *grown);
    if (!grown)
        return -ENOMEM;
    held->decisions = grown;
    char *const user = copy_of(record->user);
    char *const note = copy_of(record->note);
    char *const edit = copy_of(record->edit);
    if (!user || !note || !edit) {
        free(user);
        free(note);
        free(edit);
        return -ENOMEM;
    }
    grown[held->decision_count++] =
        (struct held_decision){.status = record->status,
                               .group = group,
                               .count = 1,
                               .first = record->task,
                               .time_us = record->start_us,
                               .mem_max = record->mem_max,
                               .user = user,
                               .note = note,
                               .edit = edit};
    return 0;
}

int held_take(struct held *held, const struct record *record)
{
    if (record->task == 0)
        return 0;
    if (record->event == EVENT_NONE && !record->final)
        return record->status == STATUS_FAILED ? take_failure(held, record) : 0;
    if (record->event == EVENT_DECISION && record->status == STATUS_HELD)
        return take_held(held, record);
    if (record->event != EVENT_DECISION && record->event != EVENT_NONE)
        return 0;
    const int error = record->user.size > 0 ? note_decision(held, record) : 0;
    map_remove(held->tasks, record->task);
    map_remove(held->failed, record->task);
    return error;
}

static int by_task(const void *left, const void *right)
{
    const struct place *const a = left, *const b = right;
    return a->task < b->task ? -1 : a->task > b->task;
}

static int by_count(const void *left, const void *right)
{
    const struct held_group *const a = *(const struct held_group *const *)left;
    const struct held_group *const b = *(const struct held_group *const *)right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void add_host(struct held_group *group, const char *host)
{
    for (size_t i = 0; i < group->host_count; i++)
        if (group->hosts[i] == host)
            return;
    if (group->host_count < HELD_HOSTS_MAX)
        group->hosts[group->host_count++] = host;
    else
        group->more_hosts = true;
}

static void count_groups(struct held *held)
{
    for (size_t i = 0; i < held->place_count; i++) {
        const struct place *const place = &held->places[i];
        struct held_group *const group = &held->kinds[place->kind].group;
        if (group->count++ == 0)
            group->example = place->task;
        add_host(group, held->hosts[place->host]);
    }
    for (size_t i = 0; i < held->kind_count; i++) {
        struct held_group *const group = &held->kinds[i].group;
        group->line = held->kinds[i].line;
        if (group->count > 0)
            held->groups[held->group_count++] = group;
    }
    qsort((void *)held->groups, held->group_count, sizeof(struct held_group *),
          by_count);
}

static void forget_counts(struct held *held)
{
    for (size_t i = 0; i < held->kind_count; i++) {
        struct held_group *const group = &held->kinds[i].group;
        group->count = group->host_count = 0;
        group->more_hosts = false;
    }
    free(held->places);
    free((void *)held->groups);
    held->places = NULL;
    held->groups = NULL;
    held->place_count = held->group_count = 0;
}

int held_settle(struct held *held)
{
    const size_t count = map_count(held->tasks);
    forget_counts(held);
    held->places = calloc(count + 1, sizeof *held->places);
    held->groups = calloc(held->kind_count + 1, sizeof(struct held_group *));
    if (!held->places || !held->groups)
        return -ENOMEM;
    size_t cursor = 0;
    uint64_t task, place;
    while (held->place_count < count &&
           map_next(held->tasks, &cursor, &task, &place))
        held->places[held->place_count++] =
            (struct place){task, (uint32_t)(place >> 32), (uint32_t)place};
    qsort(held->places, held->place_count, sizeof *held->places, by_task);
    count_groups(held);
    return 0;
}

size_t held_group_count(const struct held *held)
{
    return held->group_count;
}

const struct held_group *held_group_at(const struct held *held, size_t index)
{
    return held->groups[index];
}

unsigned held_group_last(const struct held *held)
{
    return held->numbers;
}

uint64_t held_count(const struct held *held)
{
    return held->place_count;
}

bool held_next(const struct held *held, uint64_t *task, unsigned *group)
{
    size_t low = 0, high = held->place_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (held->places[middle].task <= *task)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == held->place_count)
        return false;
    *task = held->places[low].task;
    *group = held->kinds[held->places[low].kind].group.number;
    return true;
}

bool held_has(const struct held *held, uint64_t task)
{
    uint64_t place;
    return map_get(held->tasks, task, &place);
}

size_t held_decision_count(const struct held *held)
{
    return held->decision_count;
}

const struct held_decision *held_decision_at(const struct held *held,
                                             size_t index)
{
    return &held->decisions[index];
}

const char *held_answer(enum status status)
{
    return status == STATUS_REOPENED  ? "retry"
           : status == STATUS_IGNORED ? "ignore"
                                      : "drop";
}
