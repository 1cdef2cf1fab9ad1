/* source_list - one list of a product, held in memory
 *
 * At most SOURCE_LIST_MAX bytes, and four more for each item.
 */
#ifndef VENTILATOR_SOURCE_LIST_H
#define VENTILATOR_SOURCE_LIST_H

#include "ventilator/source_parts.h"

enum { SOURCE_LIST_MAX = 64 << 20 };

struct source_list {
    struct buffer bytes; // the items, a NUL after each
    uint32_t *ends;      // of each item, behind its NUL
    size_t count, capacity;
    bool linked;     // paired with the list before it
    bool lazy;       // the first file: its items come from the reader
    uint64_t stride; // tasks for which the item stays the same
    uint64_t size;   // items used: of the shortest of those paired
};

void source_list_clear(struct source_list *list);
/* 0, -ENOMEM, or -E2BIG beyond SOURCE_LIST_MAX. */
int source_list_add(struct source_list *list, struct span item);
struct span source_list_item(const struct source_list *list, size_t index);
/* Reads the file whole. 0 or -errno with a problem. */
int source_list_read(struct source_list *list, const struct settings *settings,
                     const char *path, struct problem *problem);

#endif
