#include "command/selection.h"

#include "common/base/numset.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_numbers(const char *operand)
{
    return operand[0] >= '0' && operand[0] <= '9' &&
           operand[strspn(operand, "0123456789,-")] == '\0';
}

static int add_range(struct selection *selection, struct selection_range range)
{
    const size_t count = selection->count;
    // Room is always a power of two, so it is full when the count is one.
    if ((count & (count - 1)) == 0) {
        struct selection_range *const grown =
            reallocarray(selection->ranges, count == 0 ? 1 : 2 * count,
                         sizeof *selection->ranges);
        if (!grown)
            return -ENOMEM;
        selection->ranges = grown;
    }
    selection->ranges[selection->count++] = range;
    return 0;
}

static int bad(const char *operand, struct problem *problem)
{
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "'%s' does not select tasks: they have numbers from 1, "
                        "as in  17  or  3,7-9  (a directory of such a name is "
                        "./%s)",
                        operand, operand);
}

// Reads digits, and moves behind them; false when there are none, or too many.
static bool take_number(const char **at, uint64_t *number)
{
    char *end;
    if (**at < '0' || **at > '9') // strtoull would take a sign
        return false;
    errno = 0;
    *number = strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

static bool take_range(const char **at, struct selection_range *range)
{
    if (!take_number(at, &range->first))
        return false;
    range->last = range->first;
    if (**at == '-') {
        (*at)++;
        range->last = NUMSET_NUMBER_MAX;
        if (**at != '\0' && **at != ',' && !take_number(at, &range->last))
            return false;
    }
    return range->first > 0 && range->last >= range->first;
}

static int read_numbers(struct selection *selection, const char *operand,
                        struct problem *problem)
{
    for (const char *at = operand;; at++) {
        struct selection_range range;
        if (!take_range(&at, &range) || (*at != '\0' && *at != ','))
            return bad(operand, problem);
        if (add_range(selection, range) != 0)
            return problem_set(problem, -ENOMEM, "out of memory");
        if (*at == '\0')
            return 0;
    }
}

static int by_first(const void *left, const void *right)
{
    const uint64_t a = ((const struct selection_range *)left)->first;
    const uint64_t b = ((const struct selection_range *)right)->first;
    return a < b ? -1 : a > b;
}

static void merge(struct selection *selection)
{
    struct selection_range *const ranges = selection->ranges;
    size_t used = 0;
    if (selection->count == 0)
        return;
    qsort(ranges, selection->count, sizeof *ranges, by_first);
    for (size_t i = 1; i < selection->count; i++) {
        if (ranges[i].first > ranges[used].last)
            ranges[++used] = ranges[i];
        else if (ranges[i].last > ranges[used].last)
            ranges[used].last = ranges[i].last;
    }
    selection->count = used + 1;
}

// Takes the numbers out of the operands.
static int take_operands(struct selection *selection, struct texts *operands,
                         struct problem *problem)
{
    size_t kept = 0;
    int error = 0;
    for (size_t i = 0; i < operands->count; i++) {
        char *const operand = operands->at[i];
        if (error != 0 || !is_numbers(operand)) {
            operands->at[kept++] = operand;
            continue;
        }
        error = read_numbers(selection, operand, problem);
        free(operand);
    }
    operands->count = kept;
    return error;
}

int selection_read(struct selection *selection, struct settings *settings,
                   int64_t now_us, struct problem *problem)
{
    *selection = (struct selection){.host = settings->host};
    const char *const class = settings->class;
    if (class)
        selection->class = class_parse(class);
    if (settings->since_ms > 0)
        selection->since_us = now_us - settings->since_ms * 1000;
    const int error = take_operands(selection, &settings->operands, problem);
    merge(selection);
    return error;
}

int selection_add(struct selection *selection, uint64_t first, uint64_t last)
{
    return add_range(selection, (struct selection_range){first, last});
}

void selection_clear(struct selection *selection)
{
    free(selection->ranges);
    *selection = (struct selection){0};
}

static int against(const void *key, const void *element)
{
    const uint64_t task = *(const uint64_t *)key;
    const struct selection_range *const range = element;
    return task < range->first ? -1 : task > range->last;
}

bool selection_has(const struct selection *selection,
                   const struct record *record)
{
    if (selection->count > 0 &&
        !bsearch(&record->task, selection->ranges, selection->count,
                 sizeof *selection->ranges, against))
        return false;
    if (selection->class != CLASS_NONE && record->class != selection->class)
        return false;
    if (selection->host &&
        !span_equal(record->host, span_of_text(selection->host)))
        return false;
    return selection->since_us == 0 ||
           record->start_us + (int64_t)record->wall_us >= selection->since_us;
}

bool selection_is_one(const struct selection *selection)
{
    return selection->count == 1 &&
           selection->ranges[0].first == selection->ranges[0].last;
}
