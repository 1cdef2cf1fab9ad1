#include "ventilator/source_list.h"

#include "common/setting/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// As in numset.h: more tasks than that are a mistake.
#define TASKS_MAX (UINT64_C(1) << 40)
#define UNKNOWN   UINT64_MAX

struct source_product {
    struct source_list *lists;
    size_t count;
    uint64_t inner; // tasks for each item of the first list
    uint64_t total; // tasks in all; UNKNOWN before a lazy list was read
    // What the first list, if it is lazy, is at.
    struct buffer outer; // its item, and a NUL
    uint64_t outer_offset;
    bool outer_there;
    enum source_result outer_result; // SOURCE_TASK or SOURCE_BAD
    struct problem outer_problem;
};

static struct source_list *add_list(struct source_product *product, bool linked)
{
    struct source_list *grown =
        realloc(product->lists, (product->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    product->lists = grown;
    struct source_list *list = &grown[product->count++];
    memset(list, 0, sizeof *list);
    list->linked = linked;
    return list;
}

static int add_values(struct source_list *list, struct texts values)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < values.count; i++)
        error = source_list_add(list, span_of_text(values.at[i]));
    return error;
}

// Each file of a `::::` is a list of its own, as with GNU parallel.
static int add_files(struct source *source, const struct settings *settings,
                     const char *dir, bool linked, struct texts paths,
                     struct problem *problem)
{
    struct source_product *product = source->product;
    int error = 0;
    if (paths.count == 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            ":::: needs the name of a file");
    for (size_t i = 0; error == 0 && i < paths.count; i++) {
        const bool lazy = product->count == 0;
        struct source_list *list = add_list(product, linked && !lazy);
        if (!list)
            return problem_set(problem, -ENOMEM, "out of memory");
        list->lazy = lazy;
        error = lazy ? source_open_reader(source, settings, dir, paths.at[i],
                                          problem)
                     : source_list_read(list, settings, paths.at[i], problem);
    }
    return error;
}

static int read_words(struct source *source, const struct settings *settings,
                      const char *dir, struct problem *problem)
{
    struct source_product *product = source->product;
    char **const words = settings->sources.at;
    const size_t count = settings->sources.count;
    for (size_t i = 0, end; i < count; i = end) {
        bool linked, unused;
        const enum plan_word kind = plan_word(words[i], &linked);
        if (kind == WORD_VALUE)
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "%.200s stands before the first :::", words[i]);
        for (end = i + 1;
             end < count && plan_word(words[end], &unused) == WORD_VALUE;)
            end++;
        const struct texts values = {words + i + 1, end - i - 1};
        if (kind == WORD_FILES) {
            const int error =
                add_files(source, settings, dir, linked, values, problem);
            if (error != 0)
                return error;
            continue;
        }
        struct source_list *list =
            add_list(product, linked && product->count > 0);
        const int error = list ? add_values(list, values) : -ENOMEM;
        if (error != 0)
            return problem_set(problem, error,
                               error == -ENOMEM ? "out of memory"
                                                : "a ::: is over 64 MiB");
    }
    return 0;
}

// Paired lists end with the shortest; of a lazy one that is not known.
static uint64_t shortest(const struct source_list *lists, size_t count)
{
    uint64_t size = UNKNOWN;
    for (size_t i = 0; i < count; i++)
        if (!lists[i].lazy && lists[i].count < size)
            size = lists[i].count;
    return size;
}

static uint64_t times(uint64_t tasks, uint64_t size)
{
    if (tasks == 0 || size == 0)
        return 0;
    if (size == UNKNOWN)
        return UNKNOWN;
    return tasks > TASKS_MAX / size ? TASKS_MAX + 1 : tasks * size;
}

// From the last list, which varies fastest, to the first.
static int measure(struct source_product *product, struct problem *problem)
{
    uint64_t tasks = 1;
    size_t end = product->count;
    for (size_t i = product->count; i-- > 0;) {
        struct source_list *list = &product->lists[i];
        if (list->linked)
            continue;
        const uint64_t size = shortest(list, end - i);
        for (; end > i; end--) {
            product->lists[end - 1].stride = tasks;
            product->lists[end - 1].size = size;
        }
        product->inner = tasks;
        tasks = times(tasks, size);
    }
    product->total = tasks;
    if (product->inner > TASKS_MAX ||
        (product->total > TASKS_MAX && product->total != UNKNOWN))
        return problem_exit(problem, EXIT_USAGE, -ERANGE,
                            "the product has over 2^40 tasks");
    return 0;
}

int source_open_product(struct source *source, const struct settings *settings,
                        const char *dir, struct problem *problem)
{
    source->kind = &SOURCE_KIND_PRODUCT;
    source->product = calloc(1, sizeof *source->product);
    if (!source->product)
        return problem_set(problem, -ENOMEM, "out of memory");
    const int error = read_words(source, settings, dir, problem);
    return error != 0 ? error : measure(source->product, problem);
}

// Reads the lazy list's item unless it is held.
static enum source_result read_outer(struct source *source,
                                     struct problem *problem)
{
    struct source_product *product = source->product;
    struct span record = {NULL, 0};
    if (product->outer_there)
        return SOURCE_TASK;
    product->outer_problem = (struct problem){0};
    product->outer_result = source_record(
        source, &record, &product->outer_offset, &product->outer_problem);
    buffer_clear(&product->outer);
    switch (product->outer_result) {
    case SOURCE_TASK:
        if (record.size > 0)
            buffer_append(&product->outer, record.at, record.size);
        put_u8(&product->outer, 0);
        break;
    case SOURCE_BAD:
        break;
    case SOURCE_NONE:
    case SOURCE_LATER:
    case SOURCE_END:
        return product->outer_result;
    case SOURCE_ERROR:
        *problem = product->outer_problem;
        return SOURCE_ERROR;
    }
    if (product->outer.failed) {
        problem_set(problem, -ENOMEM, "out of memory");
        return SOURCE_ERROR;
    }
    product->outer_there = true;
    return SOURCE_TASK;
}

static struct span item_of(const struct source_product *product,
                           const struct source_list *list, uint64_t index)
{
    if (list->lazy)
        return (struct span){product->outer.at, product->outer.size - 1};
    return source_list_item(list, index / list->stride % list->size);
}

// `index` is the task's, from 0.
static enum source_result combine(struct source *source, uint64_t index,
                                  struct source_task *task,
                                  struct problem *problem)
{
    const struct source_product *product = source->product;
    struct buffer *joined = &source->scratch;
    buffer_clear(joined);
    for (size_t i = 0; i < product->count; i++) {
        const struct span item = item_of(product, &product->lists[i], index);
        struct wire_pair *value = source_add_value(source);
        if (!value) {
            problem_set(problem, -ENOMEM, "out of memory");
            return SOURCE_ERROR;
        }
        value->value = item;
        if (i > 0)
            put_u8(joined, ' ');
        if (item.size > 0)
            buffer_append(joined, item.at, item.size);
    }
    if (joined->failed) {
        problem_set(problem, -ENOMEM, "out of memory");
        return SOURCE_ERROR;
    }
    // `whole` stays absent where there are several: {} joins them.
    if (product->count == 1)
        task->whole = task->input = source->values[0].value;
    else
        task->input = buffer_span(joined);
    return SOURCE_TASK;
}

static enum source_result bad_outer(const struct source *source, uint64_t index,
                                    struct problem *problem)
{
    const struct source_product *product = source->product;
    if (index % product->inner == 0)
        *problem = product->outer_problem;
    else
        problem_set(problem, product->outer_problem.code,
                    "task %llu has the same first value: %.900s",
                    (unsigned long long)source->ordinal,
                    product->outer_problem.text);
    return SOURCE_BAD;
}

static enum source_result next_combination(struct source *source,
                                           struct source_task *task,
                                           struct problem *problem)
{
    struct source_product *product = source->product;
    const uint64_t index = source->ordinal - 1;
    enum source_result result = SOURCE_TASK;
    if (index >= product->total)
        return SOURCE_END;
    if (source->reader)
        result = read_outer(source, problem);
    if (result != SOURCE_TASK)
        return result;
    task->place.offset = product->outer_offset;
    result = product->outer_result == SOURCE_BAD
                 ? bad_outer(source, index, problem)
                 : combine(source, index, task, problem);
    // Its bytes stay until the next call.
    if (index % product->inner == product->inner - 1)
        product->outer_there = false;
    return result;
}

static void close_product(struct source *source)
{
    struct source_product *product = source->product;
    if (!product)
        return;
    for (size_t i = 0; i < product->count; i++)
        source_list_clear(&product->lists[i]);
    free(product->lists);
    buffer_free(&product->outer);
    free(product);
}

static uint64_t total_of_product(const struct source *source)
{
    return source->reader ? 0 : source->product->total;
}

static void forget_outer(struct source *source, uint64_t offset)
{
    (void)offset;
    source->product->outer_there = false;
}

static bool place_of_outer(const struct source *source, uint64_t *offset)
{
    *offset = source->product->outer_offset;
    return source->product->outer_there;
}

const struct source_kind SOURCE_KIND_PRODUCT = {.next = next_combination,
                                                .close = close_product,
                                                .total = total_of_product,
                                                .seek = forget_outer,
                                                .place = place_of_outer};
