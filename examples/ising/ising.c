/* ising - the energy of Ising's magnet on a square lattice, by Monte Carlo
 *
 * A task has a length L and a temperature T (--sweep L=... --sweep T=...). Its
 * result is "L T ENERGY MAGNETISATION" of an L x L torus, each per spin, with
 * J = k = 1. `run` beside this file does a study with it.
 *
 * Clusters are flipped as by Wolff (Phys. Rev. Lett. 62, 361 (1989)), which is
 * fast at the critical temperature, too. The energy is known after each flip
 * from what changed. How many flips there are is fixed before the first that
 * counts: to stop by what has been seen would bias the mean.
 */
#include "fan.h"

#include <math.h>
#include <stdlib.h>

enum {
    LENGTH_MAX = 1024,
    SWEEPS = 2000,       /* flips of each spin that count, about */
    SWEEPS_BEFORE = 200, /* ... and that do not */
    LOOK_EVERY = 100000, /* spins between two looks whether to stop */
};

/* What a slot has: a lattice, made anew where a task needs a larger one. */
struct slot {
    int length;
    signed char *spins;
    int *stack;
    uint64_t random;
    double add; /* probability that a like neighbour joins */
    long energy, magnetisation;
    long looked; /* spins since the last look */
};

const char *fan_slot_open(unsigned number, void **state)
{
    (void)number;
    *state = calloc(1, sizeof(struct slot));
    return *state ? NULL : "out of memory";
}

static void drop(struct slot *slot)
{
    free(slot->spins);
    free(slot->stack);
    slot->spins = NULL;
    slot->stack = NULL;
    slot->length = 0;
}

void fan_slot_close(unsigned number, void *state)
{
    (void)number;
    drop(state);
    free(state);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(struct slot *slot)
{
    uint64_t mixed = slot->random += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static double draw_part(struct slot *slot)
{
    return (double)(draw(slot) >> 11) / (double)(UINT64_C(1) << 53);
}

/* All spins up. */
static int begin(struct slot *slot, int length, double temperature,
                 uint64_t seed)
{
    const size_t count = (size_t)length * (size_t)length;
    if (length != slot->length) {
        drop(slot);
        slot->spins = malloc(count);
        slot->stack = malloc(count * sizeof *slot->stack);
        if (!slot->spins || !slot->stack)
            return -1;
        slot->length = length;
    }
    for (size_t i = 0; i < count; i++)
        slot->spins[i] = 1;
    slot->random = seed;
    slot->add = 1 - exp(-2 / temperature);
    slot->magnetisation = (long)count;
    slot->energy = -2 * (long)count;
    return 0;
}

static void neighbours(int length, int at, int found[4])
{
    const int row = at / length, column = at % length;
    found[0] = row * length + (column + 1) % length;
    found[1] = row * length + (column + length - 1) % length;
    found[2] = (row + 1) % length * length + column;
    found[3] = (row + length - 1) % length * length + column;
}

static void turn(struct slot *slot, int at)
{
    int beside[4];
    int field = 0;
    neighbours(slot->length, at, beside);
    for (int i = 0; i < 4; i++)
        field += slot->spins[beside[i]];
    slot->energy += 2L * slot->spins[at] * field;
    slot->magnetisation -= 2L * slot->spins[at];
    slot->spins[at] = (signed char)-slot->spins[at];
}

/* Grows a cluster from a spin drawn at random; who joins is turned. Gives its
 * size. */
static long flip(struct slot *slot)
{
    const uint64_t count = (uint64_t)slot->length * (uint64_t)slot->length;
    const int first = (int)(draw(slot) % count);
    const signed char old = slot->spins[first];
    long top = 0, size = 0;
    slot->stack[top++] = first;
    turn(slot, first);
    while (top > 0) {
        int beside[4];
        neighbours(slot->length, slot->stack[--top], beside);
        size++;
        for (int i = 0; i < 4; i++) {
            if (slot->spins[beside[i]] != old || draw_part(slot) >= slot->add)
                continue;
            slot->stack[top++] = beside[i];
            turn(slot, beside[i]);
        }
    }
    return size;
}

static int is_to_stop(struct slot *slot, const struct fan_task *task,
                      long spins)
{
    slot->looked += spins;
    if (slot->looked < LOOK_EVERY)
        return 0;
    slot->looked = 0;
    return fan_cancelled(task);
}

static int study(struct slot *slot, struct fan_task *task, double temperature)
{
    const double spins = (double)slot->length * slot->length;
    double flipped = 0, energy = 0, magnetisation = 0;
    long before = 0;
    while (flipped < SWEEPS_BEFORE * spins) {
        const long size = flip(slot);
        flipped += (double)size;
        before++;
        if (is_to_stop(slot, task, size))
            return 1;
    }
    const long flips = before * (SWEEPS / SWEEPS_BEFORE);
    for (long i = 0; i < flips; i++) {
        if (is_to_stop(slot, task, flip(slot)))
            return 1;
        energy += (double)slot->energy;
        magnetisation += labs(slot->magnetisation);
    }
    return fan_printf(task, "%d %g %.9f %.9f\n", slot->length, temperature,
                      energy / (double)flips / spins,
                      magnetisation / (double)flips / spins);
}

static double number(struct fan_task *task, const char *name)
{
    const char *text = fan_value(task, name, NULL);
    return text ? strtod(text, NULL) : 0;
}

int fan_run(struct fan_task *task, void *state)
{
    struct slot *slot = state;
    const double length = number(task, "L"), temperature = number(task, "T");
    if (!(length >= 2 && length <= LENGTH_MAX && temperature > 0)) {
        fan_complain(task, "L is to be from 2 to %d, T above 0", LENGTH_MAX);
        return 2;
    }
    if (begin(slot, (int)length, temperature, fan_seed(task)) < 0) {
        fan_complain(task, "out of memory for so large a lattice");
        return 1;
    }
    return study(slot, task, temperature);
}
