#include "common/policy/fit.h"

#include <inttypes.h>
#include <string.h>

static const uint64_t AMOUNT_MAX = UINT64_C(1) << 40;

static bool is_name_start(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_part(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool fit_read_label(const char *word, struct span *name, struct span *text)
{
    size_t size = 0;
    while (is_name_part(word[size]))
        size++;
    if (!is_name_start(word[0]) || size > FIT_NAME_MAX || word[size] != '=')
        return false;
    *name = (struct span){(const uint8_t *)word, size};
    *text = span_of_text(word + size + 1);
    return true;
}

bool fit_read_amount(const char *word, bool has, struct span *name,
                     uint64_t *amount)
{
    static const char *const OWN[] = {"cpus", "mem", "gpus"};
    struct span text;
    if (!fit_read_label(word, name, &text) || text.size == 0)
        return false;
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++)
        if (span_equal(*name, span_of_text(OWN[i])))
            return false;
    *amount = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || *amount > AMOUNT_MAX)
            return false;
        *amount = *amount * 10 + (uint64_t)(text.at[i] - '0');
    }
    return *amount <= AMOUNT_MAX && (has || *amount > 0);
}

static struct span name_of(const char *word)
{
    return (struct span){(const uint8_t *)word, strcspn(word, "=")};
}

const char *fit_twice(struct fit_words words)
{
    for (size_t i = 1; i < words.count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_equal(name_of(words.at[i]), name_of(words.at[j])))
                return words.at[i];
    return NULL;
}

static uint64_t amount_of(struct fit_words words, struct span name)
{
    struct span found;
    uint64_t amount;
    for (size_t i = 0; i < words.count; i++)
        if (fit_read_amount(words.at[i], true, &found, &amount) &&
            span_equal(found, name))
            return amount;
    return 0;
}

// Cut, not rounded: what is short of 8G must not read as 8.0G.
static void put_size(struct buffer *out, uint64_t bytes)
{
    static const char UNITS[] = "KMGT";
    unsigned unit = 0;
    for (; unit < 4 && bytes >> (10 * (unit + 1)) > 0; unit++)
        ;
    const unsigned shift = 10 * unit;
    const uint64_t rest = bytes - (bytes >> shift << shift);
    buffer_printf(out, "%" PRIu64, bytes >> shift);
    if (rest > 0)
        buffer_printf(out, ".%u",
                      (unsigned)((rest >> (shift - 10)) * 10 >> 10));
    if (unit > 0)
        put_u8(out, (uint8_t)UNITS[unit - 1]);
}

struct room {
    uint32_t count;
    struct buffer *why;
};

// What one of them leaves of the count; true when it is the one that is short.
static bool take(struct room *room, uint64_t takes, uint64_t has)
{
    if (room->count == 0 || takes == 0)
        return false;
    if (has / takes < room->count)
        room->count = (uint32_t)(has / takes);
    return room->count == 0;
}

static void take_numbers(struct room *room, const struct fit *takes,
                         const struct fit *has)
{
    const struct {
        const char *what;
        uint64_t takes, has;
    } numbers[] = {{"CPU", takes->cpus, has->cpus},
                   {"GPU", takes->gpus, has->gpus}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (take(room, numbers[i].takes, numbers[i].has))
            buffer_printf(room->why,
                          "a task takes %" PRIu64 " %s%s, and it has %" PRIu64,
                          numbers[i].takes, numbers[i].what,
                          numbers[i].takes > 1 ? "s" : "", numbers[i].has);
    if (!take(room, takes->mem_bytes, has->mem_bytes))
        return;
    buffer_append_text(room->why, "a task takes ");
    put_size(room->why, takes->mem_bytes);
    buffer_append_text(room->why, " of memory, and it has ");
    put_size(room->why, has->mem_bytes);
}

static void take_named(struct room *room, const struct fit *takes,
                       const struct fit *has)
{
    struct span name;
    uint64_t amount;
    for (size_t i = 0; i < takes->named.count; i++) {
        const char *word = takes->named.at[i];
        if (!fit_read_amount(word, false, &name, &amount))
            continue;
        const uint64_t there = amount_of(has->named, name);
        if (take(room, amount, there))
            buffer_printf(room->why, "a task takes %s, and it has %" PRIu64,
                          word, there);
    }
}

static void match_label(struct room *room, const char *word,
                        struct fit_words has)
{
    const char *other = NULL;
    for (size_t i = 0; i < has.count; i++) {
        if (strcmp(has.at[i], word) == 0)
            return;
        if (!other && span_equal(name_of(has.at[i]), name_of(word)))
            other = has.at[i];
    }
    room->count = 0;
    buffer_printf(room->why, "%s is required, and it has %s", word,
                  other ? other : "no such label");
}

uint32_t fit_count(const struct fit *takes, const struct fit *has,
                   uint32_t most, struct buffer *why)
{
    struct room room = {most, why};
    for (size_t i = 0; i < takes->labels.count && room.count > 0; i++)
        match_label(&room, takes->labels.at[i], has->labels);
    take_numbers(&room, takes, has);
    take_named(&room, takes, has);
    return room.count;
}
