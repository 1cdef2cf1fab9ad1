#include "common/base/numset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Numbers are grouped into pages of PAGE_BITS. A block is either one page
// with its bits, or a run of full pages without; absent pages are empty.
enum { PAGE_SHIFT = 12, PAGE_BITS = 1 << PAGE_SHIFT, PAGE_WORDS = 64 };

struct block {
    uint64_t page;  // the first
    uint64_t pages; // 1 where there are bits
    uint64_t *bits; // NULL: full
    uint32_t used;  // bits set
};

struct numset {
    struct block *blocks; // ascending, not overlapping, full ones merged
    size_t blocks_used;
    size_t blocks_max;
    uint64_t count;
};

struct numset *numset_create(void)
{
    return calloc(1, sizeof(struct numset));
}

void numset_destroy(struct numset **set)
{
    if (!*set)
        return;
    for (size_t i = 0; i < (*set)->blocks_used; i++)
        free((*set)->blocks[i].bits);
    free((*set)->blocks);
    free(*set);
    *set = NULL;
}

// The first block that ends after `page`: it holds the page, or follows it.
static size_t find(const struct numset *set, uint64_t page)
{
    size_t low = 0, high = set->blocks_used;
    // Nearly all look-ups are near the end of what is there.
    if (high > 0) {
        const struct block *last = &set->blocks[high - 1];
        if (page >= last->page)
            return page < last->page + last->pages ? high - 1 : high;
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct block *block = &set->blocks[middle];
        if (block->page + block->pages <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds(const struct numset *set, size_t at, uint64_t page)
{
    return at < set->blocks_used && set->blocks[at].page <= page;
}

// Makes room for `more` blocks, so that inserting them cannot fail.
static int reserve(struct numset *set, size_t more)
{
    if (set->blocks_used + more <= set->blocks_max)
        return 0;
    const size_t blocks_max = (set->blocks_max + more) * 2;
    struct block *blocks = realloc(set->blocks, blocks_max * sizeof *blocks);
    if (!blocks)
        return -ENOMEM;
    set->blocks = blocks;
    set->blocks_max = blocks_max;
    return 0;
}

static void insert(struct numset *set, size_t at, struct block block)
{
    memmove(set->blocks + at + 1, set->blocks + at,
            (set->blocks_used - at) * sizeof block);
    set->blocks[at] = block;
    set->blocks_used++;
}

static void erase(struct numset *set, size_t at, size_t count)
{
    for (size_t i = at; i < at + count; i++)
        free(set->blocks[i].bits);
    memmove(set->blocks + at, set->blocks + at + count,
            (set->blocks_used - at - count) * sizeof *set->blocks);
    set->blocks_used -= count;
}

// Joins a full block with full neighbours that touch it.
static void merge(struct numset *set, size_t at)
{
    if (at + 1 < set->blocks_used) {
        struct block *block = &set->blocks[at];
        const struct block *next = block + 1;
        if (!next->bits && block->page + block->pages == next->page) {
            block->pages += next->pages;
            erase(set, at + 1, 1);
        }
    }
    if (at > 0) {
        struct block *before = &set->blocks[at - 1];
        const struct block *block = before + 1;
        if (!before->bits && before->page + before->pages == block->page) {
            before->pages += block->pages;
            erase(set, at, 1);
        }
    }
}

// Puts an empty page of bits where no block is.
static int open_page(struct numset *set, size_t at, uint64_t page)
{
    if (reserve(set, 1) != 0)
        return -ENOMEM;
    uint64_t *bits = calloc(PAGE_WORDS, sizeof *bits);
    if (!bits)
        return -ENOMEM;
    insert(set, at, (struct block){page, 1, bits, 0});
    return 0;
}

static uint64_t mask_of(uint64_t number)
{
    return UINT64_C(1) << (number % 64);
}

static size_t word_of(uint64_t number)
{
    return (size_t)(number % PAGE_BITS / 64);
}

static void fill_if_full(struct numset *set, size_t at)
{
    struct block *block = &set->blocks[at];
    if (block->used < PAGE_BITS)
        return;
    free(block->bits);
    block->bits = NULL;
    merge(set, at);
}

int numset_add(struct numset *set, uint64_t number)
{
    if (number > NUMSET_NUMBER_MAX)
        return -ERANGE;
    const uint64_t page = number >> PAGE_SHIFT;
    const size_t at = find(set, page);
    if (!holds(set, at, page) && open_page(set, at, page) != 0)
        return -ENOMEM;
    struct block *block = &set->blocks[at];
    if (!block->bits || (block->bits[word_of(number)] & mask_of(number)))
        return 0;
    block->bits[word_of(number)] |= mask_of(number);
    block->used++;
    set->count++;
    fill_if_full(set, at);
    return 1;
}

// Numbers of one page, a word of bits at a time.
static int add_part(struct numset *set, uint64_t first, uint64_t end)
{
    enum { WORD_BITS = 64 };
    const uint64_t page = first >> PAGE_SHIFT;
    const size_t at = find(set, page);
    if (!holds(set, at, page) && open_page(set, at, page) != 0)
        return -ENOMEM;
    struct block *block = &set->blocks[at];
    if (!block->bits)
        return 0;
    unsigned added = 0;
    for (uint64_t number = first; number < end;) {
        const uint64_t offset = number % WORD_BITS;
        const uint64_t left = end - number, room = WORD_BITS - offset;
        const uint64_t count = left < room ? left : room;
        const uint64_t mask = UINT64_MAX >> (WORD_BITS - count) << offset;
        uint64_t *const word = &block->bits[word_of(number)];
        added += (unsigned)__builtin_popcountll(mask & ~*word);
        *word |= mask;
        number += count;
    }
    set->count += added;
    block->used += added;
    fill_if_full(set, at);
    return 0;
}

static int add_each(struct numset *set, uint64_t first, uint64_t end)
{
    while (first < end) {
        const uint64_t next = ((first >> PAGE_SHIFT) + 1) << PAGE_SHIFT;
        const int rc = add_part(set, first, next < end ? next : end);
        if (rc < 0)
            return rc;
        first = next;
    }
    return 0;
}

static uint64_t block_count(const struct block *block)
{
    return block->bits ? block->used : block->pages * PAGE_BITS;
}

// Fills whole pages, whatever they held.
static int fill_pages(struct numset *set, uint64_t page, uint64_t pages)
{
    if (reserve(set, 1) != 0)
        return -ENOMEM;
    size_t at = find(set, page);
    if (holds(set, at, page) && !set->blocks[at].bits) {
        // Begin behind the full run that is there already.
        const uint64_t end = set->blocks[at].page + set->blocks[at].pages;
        if (end >= page + pages)
            return 0;
        pages -= end - page;
        page = end;
        at++;
    }
    size_t covered = 0;
    uint64_t held = 0;
    while (at + covered < set->blocks_used &&
           set->blocks[at + covered].page < page + pages) {
        const struct block *block = &set->blocks[at + covered];
        if (block->page + block->pages > page + pages)
            pages = block->page + block->pages - page;
        held += block_count(block);
        covered++;
    }
    erase(set, at, covered);
    insert(set, at, (struct block){page, pages, NULL, PAGE_BITS});
    set->count += pages * PAGE_BITS - held;
    merge(set, at);
    return 0;
}

int numset_add_run(struct numset *set, uint64_t first, uint64_t count)
{
    if (count == 0)
        return 0;
    if (first > NUMSET_NUMBER_MAX || count > NUMSET_NUMBER_MAX - first + 1)
        return -ERANGE;
    const uint64_t end = first + count;
    const uint64_t page = (first + PAGE_BITS - 1) >> PAGE_SHIFT;
    const uint64_t page_end = end >> PAGE_SHIFT;
    if (page >= page_end)
        return add_each(set, first, end);
    int rc = add_each(set, first, page << PAGE_SHIFT);
    if (rc == 0)
        rc = fill_pages(set, page, page_end - page);
    if (rc == 0)
        rc = add_each(set, page_end << PAGE_SHIFT, end);
    return rc;
}

// Takes one page out of a run of full pages, as a page of bits.
static int split(struct numset *set, size_t at, uint64_t page)
{
    if (reserve(set, 2) != 0)
        return -ENOMEM;
    uint64_t *bits = malloc(PAGE_WORDS * sizeof *bits);
    if (!bits)
        return -ENOMEM;
    memset(bits, 0xff, PAGE_WORDS * sizeof *bits);
    const struct block run = set->blocks[at];
    const uint64_t before = page - run.page;
    const uint64_t after = run.pages - before - 1;
    set->blocks[at] = (struct block){page, 1, bits, PAGE_BITS};
    if (after > 0)
        insert(set, at + 1, (struct block){page + 1, after, NULL, PAGE_BITS});
    if (before > 0)
        insert(set, at, (struct block){run.page, before, NULL, PAGE_BITS});
    return 0;
}

int numset_remove(struct numset *set, uint64_t number)
{
    if (!numset_has(set, number))
        return 0;
    const uint64_t page = number >> PAGE_SHIFT;
    size_t at = find(set, page);
    if (!set->blocks[at].bits) {
        if (split(set, at, page) != 0)
            return -ENOMEM;
        at = find(set, page);
    }
    struct block *block = &set->blocks[at];
    block->bits[word_of(number)] &= ~mask_of(number);
    set->count--;
    if (--block->used == 0)
        erase(set, at, 1);
    return 1;
}

bool numset_has(const struct numset *set, uint64_t number)
{
    const uint64_t page = number >> PAGE_SHIFT;
    const size_t at = find(set, page);
    if (!holds(set, at, page))
        return false;
    const struct block *block = &set->blocks[at];
    return !block->bits || (block->bits[word_of(number)] & mask_of(number));
}

uint64_t numset_count(const struct numset *set)
{
    return set->count;
}

// The offset of the first bit at or after `from` that is set, or clear when
// `flip` is all ones; PAGE_BITS when there is none.
static uint64_t scan(const uint64_t *bits, uint64_t from, uint64_t flip)
{
    uint64_t keep = UINT64_MAX << (from % 64);
    for (size_t i = (size_t)(from / 64); i < PAGE_WORDS; i++) {
        const uint64_t word = (bits[i] ^ flip) & keep;
        if (word)
            return i * 64 + (uint64_t)__builtin_ctzll(word);
        keep = UINT64_MAX;
    }
    return PAGE_BITS;
}

uint64_t numset_next_absent(const struct numset *set, uint64_t from)
{
    const size_t first = find(set, from >> PAGE_SHIFT);
    for (size_t at = first; holds(set, at, from >> PAGE_SHIFT); at++) {
        const struct block *block = &set->blocks[at];
        if (block->bits) {
            const uint64_t bit =
                scan(block->bits, from % PAGE_BITS, UINT64_MAX);
            if (bit < PAGE_BITS)
                return (block->page << PAGE_SHIFT) + bit;
        }
        from = (block->page + block->pages) << PAGE_SHIFT;
    }
    return from;
}

bool numset_next_run(const struct numset *set, uint64_t from, uint64_t *first,
                     uint64_t *count)
{
    for (size_t at = find(set, from >> PAGE_SHIFT); at < set->blocks_used;
         at++) {
        const struct block *block = &set->blocks[at];
        const uint64_t start = block->page << PAGE_SHIFT;
        if (from < start)
            from = start;
        if (block->bits) {
            const uint64_t bit = scan(block->bits, from % PAGE_BITS, 0);
            if (bit == PAGE_BITS)
                continue;
            from = start + bit;
        }
        *first = from;
        *count = numset_next_absent(set, from) - from;
        return true;
    }
    return false;
}
