#include "worker/belt.h"

#include <assert.h>

static uint32_t begun_of(uint64_t cursors)
{
    return (uint32_t)cursors;
}

static uint32_t given_of(uint64_t cursors)
{
    return (uint32_t)(cursors >> 32);
}

static uint64_t cursors_of(uint32_t given, uint32_t begun)
{
    return (uint64_t)given << 32 | begun;
}

void belt_init(struct belt *belt, uint32_t size)
{
    assert(size > 0 && (size & (size - 1)) == 0);
    belt->mask = size - 1;
    belt->taken = belt->filled = belt->given = 0;
    atomic_init(&belt->cursors, 0);
    atomic_init(&belt->ended, 0);
}

uint32_t belt_held(const struct belt *belt)
{
    return belt->filled - belt->taken;
}

bool belt_full(const struct belt *belt)
{
    return belt_held(belt) > belt->mask;
}

uint32_t belt_place(const struct belt *belt)
{
    return belt->filled & belt->mask;
}

void belt_fill(struct belt *belt)
{
    assert(!belt_full(belt));
    belt->filled++;
}

bool belt_give(struct belt *belt)
{
    const uint32_t count = belt->filled - belt->given;
    if (count == 0)
        return false;
    belt->given = belt->filled;
    // Adds to the upper half alone; what leaves it is lost.
    atomic_fetch_add(&belt->cursors, (uint64_t)count << 32);
    return true;
}

uint32_t belt_recall(struct belt *belt, uint32_t *first)
{
    assert(belt->filled == belt->given);
    uint64_t now = atomic_load(&belt->cursors);
    while (!atomic_compare_exchange_weak(
        &belt->cursors, &now, cursors_of(begun_of(now), begun_of(now))))
        ;
    *first = begun_of(now) & belt->mask;
    belt->filled = belt->given = begun_of(now);
    return given_of(now) - begun_of(now);
}

uint32_t belt_ended(const struct belt *belt)
{
    return atomic_load(&belt->ended) - belt->taken;
}

bool belt_next(const struct belt *belt, uint32_t *place)
{
    *place = belt->taken & belt->mask;
    return atomic_load_explicit(&belt->ended, memory_order_acquire) !=
           belt->taken;
}

void belt_take(struct belt *belt)
{
    belt->taken++;
}

bool belt_running(const struct belt *belt, uint32_t *place)
{
    const uint32_t begun = begun_of(atomic_load(&belt->cursors));
    *place = (begun - 1) & belt->mask;
    return atomic_load(&belt->ended) != begun;
}

bool belt_idle(const struct belt *belt)
{
    return atomic_load(&belt->ended) == belt->filled;
}

// Should the giver have recalled and given again in between, what it wrote is
// seen: the exchange takes its last word.
bool belt_begin(struct belt *belt, uint32_t *place)
{
    uint64_t now = atomic_load(&belt->cursors);
    do {
        if (begun_of(now) == given_of(now))
            return false;
    } while (!atomic_compare_exchange_weak(
        &belt->cursors, &now, cursors_of(given_of(now), begun_of(now) + 1)));
    *place = begun_of(now) & belt->mask;
    return true;
}

void belt_end(struct belt *belt)
{
    const uint32_t ended =
        atomic_load_explicit(&belt->ended, memory_order_relaxed);
    atomic_store_explicit(&belt->ended, ended + 1, memory_order_release);
}

bool belt_is_empty(const struct belt *belt)
{
    const uint64_t now = atomic_load(&belt->cursors);
    return begun_of(now) == given_of(now);
}
