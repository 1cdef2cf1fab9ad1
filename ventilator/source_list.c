#include "ventilator/source_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void source_list_clear(struct source_list *list)
{
    buffer_free(&list->bytes);
    free(list->ends);
    *list = (struct source_list){0};
}

int source_list_add(struct source_list *list, struct span item)
{
    if (list->bytes.size + item.size >= SOURCE_LIST_MAX)
        return -E2BIG;
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity * 2 + 16;
        uint32_t *grown = realloc(list->ends, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        list->ends = grown;
        list->capacity = capacity;
    }
    if (item.size > 0)
        buffer_append(&list->bytes, item.at, item.size);
    put_u8(&list->bytes, 0);
    if (list->bytes.failed)
        return -ENOMEM;
    list->ends[list->count++] = (uint32_t)list->bytes.size;
    return 0;
}

struct span source_list_item(const struct source_list *list, size_t index)
{
    const size_t start = index > 0 ? list->ends[index - 1] : 0;
    return (struct span){list->bytes.at + start, list->ends[index] - start - 1};
}

static int read_records(struct source_list *list, struct source *file,
                        const char *path, struct problem *problem)
{
    struct problem bad = {0};
    struct span record = {NULL, 0};
    uint64_t offset = 0;
    enum source_result result;
    int error = 0;
    while (error == 0 && (result = source_record(file, &record, &offset,
                                                 &bad)) != SOURCE_END) {
        if (result != SOURCE_TASK)
            return problem_set(problem, bad.code, "%.512s: item %llu: %.400s",
                               path, (unsigned long long)file->ordinal,
                               bad.text);
        error = source_list_add(list, record);
        file->ordinal++;
    }
    if (error == -E2BIG)
        return problem_set(problem, error,
                           "%.512s is over 64 MiB: only the first file of a "
                           "product may be",
                           path);
    return error == 0 ? 0 : problem_set(problem, error, "out of memory");
}

int source_list_read(struct source_list *list, const struct settings *settings,
                     const char *path, struct problem *problem)
{
    struct source file = {.ordinal = 1};
    if (strcmp(path, "-") == 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "standard input can only be the first list of a "
                            "product");
    int error = source_open_reader(&file, settings, NULL, path, problem);
    if (error == 0)
        error = read_records(list, &file, path, problem);
    source_reader_close(&file.reader);
    return error;
}
