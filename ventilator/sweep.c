#include "ventilator/sweep.h"

#include "common/template/template.h"
#include "ventilator/where.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    DECIMALS_MAX = 12,
    DIGITS_MAX = 18, // of a decimal: it fits into 63 bits, sums too
};

// -- Decimals -----------------------------------------------------------------

struct decimal {
    int64_t digits; // without the point
    unsigned decimals;
};

// [-]digits[.digits], all of `text`.
static bool read_decimal(struct span text, struct decimal *decimal)
{
    size_t at = 0;
    unsigned count = 0;
    bool point = false;
    *decimal = (struct decimal){0};
    const bool negative = text.size > 0 && text.at[0] == '-';
    for (at = negative; at < text.size; at++) {
        const uint8_t byte = text.at[at];
        if (byte == '.' && !point && count > 0) {
            point = true;
            continue;
        }
        if (byte < '0' || byte > '9' || ++count > DIGITS_MAX)
            return false;
        decimal->digits = decimal->digits * 10 + (byte - '0');
        decimal->decimals += point;
    }
    if (negative)
        decimal->digits = -decimal->digits;
    return count > 0 && text.at[text.size - 1] != '.' &&
           decimal->decimals <= DECIMALS_MAX;
}

static bool scale(struct decimal *decimal, unsigned decimals)
{
    for (; decimal->decimals < decimals; decimal->decimals++)
        if (__builtin_mul_overflow(decimal->digits, 10, &decimal->digits))
            return false;
    return true;
}

static void put_decimal(struct buffer *out, int64_t digits, unsigned decimals)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    const uint64_t size = digits < 0 ? (uint64_t)-digits : (uint64_t)digits;
    buffer_printf(out, "%s%llu", digits < 0 ? "-" : "",
                  (unsigned long long)(size / unit));
    if (decimals > 0)
        buffer_printf(out, ".%0*llu", (int)decimals,
                      (unsigned long long)(size % unit));
}

// -- Reading ------------------------------------------------------------------

// Takes what stands before the next `separator`, or all that is left.
static struct span take(struct span *rest, uint8_t separator)
{
    const uint8_t *end =
        rest->size > 0 ? memchr(rest->at, separator, rest->size) : NULL;
    const struct span part = {rest->at,
                              end ? (size_t)(end - rest->at) : rest->size};
    const size_t used = part.size + (end != NULL);
    *rest = (struct span){rest->at + used, rest->size - used};
    return part;
}

static int refuse(struct problem *problem, struct span part, const char *why)
{
    return problem_exit(problem, EXIT_USAGE, -EINVAL, "--sweep: '%.*s' %s",
                        (int)(part.size > 200 ? 200 : part.size),
                        (const char *)part.at, why);
}

// What can be meant as numbers with colons between them only.
static bool looks_like_range(struct span text)
{
    bool colon = false;
    for (size_t i = 0; i < text.size; i++) {
        if (!memchr("0123456789.:+-eE", text.at[i], 16))
            return false;
        colon = colon || text.at[i] == ':';
    }
    return colon;
}

static int read_range(struct sweep_item *item, struct span text,
                      struct problem *problem)
{
    struct span rest = text;
    struct decimal parts[3] = {{0}, {0}, {.digits = 1}};
    unsigned decimals = 0;
    const bool step =
        memchr(text.at, ':', text.size) != memrchr(text.at, ':', text.size);
    for (int i = 0; i < 2 + step; i++) {
        if (!read_decimal(take(&rest, ':'), &parts[i]))
            return refuse(problem, text,
                          "is no range: give FIRST:LAST or FIRST:LAST:STEP in "
                          "decimals, such as 0:1:0.25");
        if (parts[i].decimals > decimals)
            decimals = parts[i].decimals;
    }
    if (rest.size > 0)
        return refuse(problem, text, "has more than FIRST:LAST:STEP");
    int64_t width;
    if (!scale(&parts[0], decimals) || !scale(&parts[1], decimals) ||
        !scale(&parts[2], decimals) ||
        __builtin_sub_overflow(parts[1].digits, parts[0].digits, &width))
        return refuse(problem, text, "has too many digits");
    const int64_t by = parts[2].digits;
    if (by == 0 || (width != 0 && (width > 0) != (by > 0)))
        return refuse(problem, text,
                      by == 0 ? "has a step of 0"
                              : "never gets from its first to "
                                "its last: turn the step's sign");
    *item = (struct sweep_item){.range = true,
                                .first = parts[0].digits,
                                .step = by,
                                .decimals = decimals,
                                .count = (uint64_t)(width / by) + 1};
    return 0;
}

static int read_list(struct sweep *sweep, struct span list,
                     struct problem *problem)
{
    for (bool more = true; more;) {
        more = list.size > 0 && memchr(list.at, ',', list.size);
        const struct span text = take(&list, ',');
        struct sweep_item *grown =
            reallocarray(sweep->items, sweep->item_count + 1, sizeof *grown);
        if (!grown)
            return problem_set(problem, -ENOMEM, "out of memory");
        sweep->items = grown;
        struct sweep_item *item = &grown[sweep->item_count++];
        *item = (struct sweep_item){.text = text, .count = 1};
        const int error =
            looks_like_range(text) ? read_range(item, text, problem) : 0;
        if (error)
            return error;
        if (item->count > SWEEP_MAX - sweep->count)
            return refuse(problem, text, "has over 2^40 values");
        sweep->count += item->count;
    }
    return 0;
}

// N or N,LOW,HIGH within the parentheses.
static int read_random(struct sweep *sweep, struct span inside,
                       struct problem *problem)
{
    struct span rest = inside;
    const struct span many = take(&rest, ',');
    struct decimal count;
    sweep->random = true;
    sweep->high = 1;
    bool good = read_decimal(many, &count) && count.decimals == 0 &&
                count.digits > 0 && (uint64_t)count.digits <= SWEEP_MAX;
    if (good && many.size < inside.size) {
        const struct span low = take(&rest, ',');
        good = where_number(low, &sweep->low) &&
               where_number(rest, &sweep->high) && sweep->low < sweep->high &&
               isfinite(sweep->high - sweep->low);
    }
    sweep->count = (uint64_t)count.digits;
    return good ? 0
                : refuse(problem, inside,
                         "in random() is not N, or N,LOW,HIGH with numbers");
}

static bool is_name(struct span name)
{
    if (name.size == 0 || (name.at[0] >= '0' && name.at[0] <= '9'))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t byte = name.at[i], small = byte | 0x20;
        if ((small < 'a' || small > 'z') && (byte < '0' || byte > '9') &&
            byte != '_')
            return false;
    }
    return true;
}

int sweep_read(struct sweep *sweep, const char *text, uint64_t run_seed,
               struct problem *problem)
{
    static const char RANDOM[] = "random(";
    *sweep = (struct sweep){.linked = text[0] == '+'};
    sweep->text = strdup(text + sweep->linked);
    if (!sweep->text)
        return problem_set(problem, -ENOMEM, "out of memory");
    struct span values = span_of_text(sweep->text);
    const struct span whole = values, name = take(&values, '=');
    if (name.size == whole.size || !is_name(name))
        return refuse(problem, whole,
                      "is not NAME=VALUES, such as T=1:100:10 or m=a,b");
    sweep->name = strndup(sweep->text, name.size);
    if (!sweep->name)
        return problem_set(problem, -ENOMEM, "out of memory");
    sweep->seed = XXH3_64bits_withSeed(name.at, name.size, run_seed);
    const size_t word = sizeof RANDOM - 1;
    if (values.size > word && memcmp(values.at, RANDOM, word) == 0 &&
        values.at[values.size - 1] == ')')
        return read_random(
            sweep, (struct span){values.at + word, values.size - word - 1},
            problem);
    return read_list(sweep, values, problem);
}

void sweep_clear(struct sweep *sweep)
{
    free(sweep->name);
    free(sweep->text);
    free(sweep->items);
    *sweep = (struct sweep){0};
}

// -- Values -------------------------------------------------------------------

static void put_real(struct buffer *out, double value)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buffer_append_text(out, text);
}

void sweep_value(const struct sweep *sweep, uint64_t index, struct buffer *out)
{
    if (sweep->random) {
        const uint64_t bits = template_seed(sweep->seed, index) >> 11;
        const double fraction = (double)bits / (double)(UINT64_C(1) << 53);
        put_real(out, sweep->low + (sweep->high - sweep->low) * fraction);
        return;
    }
    const struct sweep_item *item = sweep->items;
    for (; index >= item->count; item++)
        index -= item->count;
    if (item->range)
        put_decimal(out, item->first + (int64_t)index * item->step,
                    item->decimals);
    else if (item->text.size > 0)
        buffer_append(out, item->text.at, item->text.size);
}
