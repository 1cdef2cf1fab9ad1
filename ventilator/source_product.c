#include "ventilator/source_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// As in numset.h: more tasks than that are a mistake.
#define TASKS_MAX (UINT64_C(1) << 40)
enum { LIST_MAX = 64 << 20 }; // bytes of a file that is read whole

struct list {
    struct buffer bytes; // what items point into
    struct span *items;
    size_t count, capacity;
    bool linked; // paired with the list before it
    bool lazy;   // the first file: its items come from the reader
};

struct source_product {
    struct list *lists;
    size_t count;
    uint64_t inner;      // combinations of all lists but a lazy one
    struct buffer outer; // the lazy list's item
    uint64_t outer_offset;
    bool outer_there, outer_bad;
    struct problem outer_problem;
};

enum { WORD_VALUE, WORD_LIST, WORD_FILES };

// ::: ::: + :::: ::::+, or a value.
static int word_kind(const char *word, bool *linked)
{
    const size_t colons = strspn(word, ":");
    *linked = word[colons] == '+';
    if ((colons != 3 && colons != 4) || word[colons + *linked] != '\0')
        return WORD_VALUE;
    return colons == 3 ? WORD_LIST : WORD_FILES;
}

static struct list *add_list(struct source_product *product, bool linked)
{
    struct list *grown =
        realloc(product->lists, (product->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    product->lists = grown;
    struct list *list = &grown[product->count++];
    memset(list, 0, sizeof *list);
    list->linked = linked;
    return list;
}

static int add_item(struct list *list, struct span item)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity * 2 + 16;
        struct span *grown = realloc(list->items, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return 0;
}

// Values stay the settings' words, copied, with a NUL after each.
static int add_values(struct list *list, char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buffer_append(&list->bytes, words[i], strlen(words[i]) + 1);
    if (list->bytes.failed)
        return -ENOMEM;
    const char *at = (const char *)list->bytes.at;
    for (size_t i = 0; i < count; i++) {
        if (add_item(list, span_of_text(at)) != 0)
            return -ENOMEM;
        at += strlen(at) + 1;
    }
    return 0;
}

static bool is_blank(struct span line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.at[i] != ' ' && line.at[i] != '\t' && line.at[i] != '\r')
            return false;
    return true;
}

// Reads every record of a source of its own, then points into the bytes.
static int read_records(struct list *list, struct source *file,
                        const char *path, struct problem *problem)
{
    struct span record;
    uint64_t offset = 0;
    enum source_result result;
    while ((result = source_record(file, &record, &offset, problem)) ==
           SOURCE_TASK) {
        // The size stands in for the place, which may still move.
        if (add_item(list, (struct span){NULL, record.size}) != 0)
            return problem_set(problem, -ENOMEM, "out of memory");
        if (record.size > 0)
            buffer_append(&list->bytes, record.at, record.size);
        if (list->bytes.failed || list->bytes.size > (size_t)LIST_MAX)
            return problem_set(problem, -E2BIG,
                               "%.512s is over 64 MiB: only the first file of "
                               "a product may be",
                               path);
    }
    if (result != SOURCE_END)
        return problem->code;
    put_u8(&list->bytes, 0); // no item is a null pointer
    if (list->bytes.failed)
        return problem_set(problem, -ENOMEM, "out of memory");
    const uint8_t *at = list->bytes.at;
    for (size_t i = 0; i < list->count; i++) {
        list->items[i].at = at;
        at += list->items[i].size;
    }
    return 0;
}

static int add_file(struct list *list, const struct settings *settings,
                    const char *path, struct problem *problem)
{
    struct source file = {.ordinal = 1};
    if (strcmp(path, "-") == 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "standard input can only be the first and "
                            "unpaired list of a product");
    int error = source_open_reader(&file, settings, NULL, path, problem);
    if (error == 0)
        error = read_records(list, &file, path, problem);
    source_reader_close(&file.reader);
    return error;
}
