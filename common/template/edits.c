#include "common/template/edits.h"

#include "common/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct own {
    struct wire_edit edit;
    uint8_t *args; // those of the edit
};

struct edits {
    struct map *places; // task -> place in `at`
    struct own *at;
    size_t count, capacity;
};

struct edits *edits_create(void)
{
    struct edits *edits = calloc(1, sizeof *edits);
    if (!edits)
        return NULL;
    edits->places = map_create();
    if (!edits->places)
        edits_destroy(&edits);
    return edits;
}

void edits_destroy(struct edits **edits)
{
    struct edits *const gone = *edits;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->count; i++)
        free(gone->at[i].args);
    free(gone->at);
    map_destroy(&gone->places);
    free(gone);
    *edits = NULL;
}

static struct own *place_of(struct edits *edits, uint64_t task)
{
    uint64_t place;
    if (map_get(edits->places, task, &place))
        return &edits->at[place];
    if (edits->count == edits->capacity) {
        const size_t capacity = 2 * edits->capacity + 8;
        struct own *const grown =
            reallocarray(edits->at, capacity, sizeof *grown);
        if (!grown)
            return NULL;
        edits->at = grown;
        edits->capacity = capacity;
    }
    if (map_put(edits->places, task, edits->count) != 0)
        return NULL;
    struct own *const made = &edits->at[edits->count++];
    *made = (struct own){.edit.task = task};
    return made;
}

int edits_put(struct edits *edits, const struct wire_edit *edit)
{
    uint8_t *args = NULL;
    if (edit->args.size > 0) {
        args = malloc(edit->args.size);
        if (!args)
            return -ENOMEM;
        memcpy(args, edit->args.at, edit->args.size);
    }
    struct own *const here = place_of(edits, edit->task);
    if (!here) {
        free(args);
        return -ENOMEM;
    }
    if (edit->mem_max > 0)
        here->edit.mem_max = edit->mem_max;
    if (args) {
        free(here->args);
        here->args = args;
        here->edit.args = (struct span){args, edit->args.size};
    }
    return 0;
}

const struct wire_edit *edits_find(const struct edits *edits, uint64_t task)
{
    uint64_t place;
    return edits->count > 0 && map_get(edits->places, task, &place)
               ? &edits->at[place].edit
               : NULL;
}

size_t edits_count(const struct edits *edits)
{
    return edits->count;
}

const struct wire_edit *edits_at(const struct edits *edits, size_t index)
{
    return &edits->at[index].edit;
}
