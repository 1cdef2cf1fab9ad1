#include "sink/opens.h"

#include "common/base/map.h"
#include "sink/grow.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct opens {
    struct map *index; // task -> place in `at`
    struct open_task *at;
    size_t count, capacity;
};

struct opens *opens_create(void)
{
    struct opens *opens = calloc(1, sizeof *opens);
    if (opens == NULL)
        return NULL;
    opens->index = map_create();
    if (opens->index == NULL)
        opens_destroy(&opens);
    return opens;
}

void opens_destroy(struct opens **opens)
{
    if (*opens == NULL)
        return;
    for (size_t i = 0; i < (*opens)->count; i++)
        free((*opens)->at[i].seen);
    free((*opens)->at);
    if ((*opens)->index != NULL)
        map_destroy(&(*opens)->index);
    free(*opens);
    *opens = NULL;
}

struct open_task *opens_find(const struct opens *opens, uint64_t task)
{
    uint64_t place = 0;
    if (opens->count == 0 || !map_get(opens->index, task, &place))
        return NULL;
    return &opens->at[place];
}

struct open_task *opens_add(struct opens *opens, uint64_t task, uint32_t round)
{
    struct open_task *known = opens_find(opens, task);
    if (known != NULL)
        return known;
    if (grow(&opens->at, &opens->capacity, opens->count, sizeof *opens->at) < 0)
        return NULL;
    if (map_put(opens->index, task, opens->count) < 0)
        return NULL;
    struct open_task *made = &opens->at[opens->count++];
    *made = (struct open_task){.task = task, .round = round};
    return made;
}

void opens_remove(struct opens *opens, uint64_t task)
{
    struct open_task *gone = opens_find(opens, task);
    if (gone == NULL)
        return;
    free(gone->seen);
    map_remove(opens->index, task);
    struct open_task *last = &opens->at[--opens->count];
    if (gone == last)
        return;
    *gone = *last;
    // The key is there already: putting it again allocates nothing.
    (void)map_put(opens->index, gone->task, (uint64_t)(gone - opens->at));
}

size_t opens_count(const struct opens *opens)
{
    return opens->count;
}

const struct open_task *opens_at(const struct opens *opens, size_t index)
{
    return &opens->at[index];
}

/* The place of the first entry not below (generation, attempt). */
static size_t seen_place(const struct open_task *task, uint32_t generation,
                         uint32_t attempt)
{
    size_t low = 0;
    size_t high = task->seen_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct seen *at = &task->seen[middle];
        if (at->generation < generation ||
            (at->generation == generation && at->attempt < attempt))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct seen *seen_find(const struct open_task *task, uint32_t generation,
                              uint32_t attempt)
{
    const size_t place = seen_place(task, generation, attempt);
    if (place == task->seen_count)
        return NULL;
    struct seen *at = &task->seen[place];
    return at->generation == generation && at->attempt == attempt ? at : NULL;
}

unsigned open_task_seen(const struct open_task *task, uint32_t generation,
                        uint32_t attempt)
{
    const struct seen *at = seen_find(task, generation, attempt);
    return at != NULL ? at->kinds : 0;
}

int open_task_note(struct open_task *task, uint32_t generation,
                   uint32_t attempt, enum seen_kind kind)
{
    struct seen *known = seen_find(task, generation, attempt);
    if (known != NULL) {
        known->kinds = (uint8_t)(known->kinds | kind);
        return 0;
    }
    if (grow(&task->seen, &task->seen_capacity, task->seen_count,
             sizeof *task->seen) < 0)
        return -ENOMEM;
    const size_t place = seen_place(task, generation, attempt);
    memmove(&task->seen[place + 1], &task->seen[place],
            (task->seen_count - place) * sizeof *task->seen);
    task->seen[place] = (struct seen){
        .generation = generation, .attempt = attempt, .kinds = (uint8_t)kind};
    task->seen_count += 1;
    return 0;
}

void open_task_blame(struct open_task *task, uint32_t generation,
                     uint32_t attempt, struct failure failure)
{
    struct seen *at = seen_find(task, generation, attempt);
    if (at == NULL)
        return;
    at->class = (uint8_t)failure.class;
    at->code = failure.code;
}

static unsigned order_of(uint8_t class, uint8_t code)
{
    return (unsigned)class << 8 | code;
}

bool open_task_next_cause(const struct open_task *task,
                          struct wire_cause *cause)
{
    const unsigned last = order_of(cause->class, cause->code);
    unsigned next = UINT_MAX;
    uint32_t count = 0;
    for (size_t i = 0; i < task->seen_count; i++) {
        const struct seen *at = &task->seen[i];
        const unsigned here = order_of(at->class, at->code);
        if (at->class == CLASS_NONE || here <= last || here > next)
            continue;
        count = here == next ? count + 1 : 1;
        next = here;
    }
    if (count == 0)
        return false;
    *cause = (struct wire_cause){.task = task->task,
                                 .count = count,
                                 .class = (uint8_t)(next >> 8),
                                 .code = (uint8_t)next};
    return true;
}
