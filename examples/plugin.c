/* plugin - pi by throwing darts: a C function as a task
 *
 *     cc -O2 -fPIC -shared -I include -o libpi.so examples/plugin.c
 *     fan run -k --plugin ./libpi.so ::: 1000 1000000 none
 *
 * A task's value is the number of darts; its seed is the task's own, so that
 * it gives the same again on any host, at every attempt. include/fan.h is the
 * manual. */
#include "fan.h"

#include <stdlib.h>

enum { ASK_EVERY = 100000 }; /* darts between two looks whether to stop */

/* What a slot keeps from task to task. Here it only counts, but it could hold
 * a table, a model, or an open file. */
struct slot {
    uint64_t state; /* of the random numbers */
    unsigned tasks;
};

const char *fan_slot_open(unsigned slot, void **state)
{
    (void)slot;
    *state = calloc(1, sizeof(struct slot));
    return *state ? NULL : "out of memory";
}

void fan_slot_close(unsigned slot, void *state)
{
    (void)slot;
    free(state);
}

/* SplitMix64 (Steele, Lea, Flood 2014), as a number from 0 up to 1. */
static double draw(struct slot *slot)
{
    uint64_t mixed = slot->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((mixed ^ mixed >> 31) >> 11) / (double)(UINT64_C(1) << 53);
}

int fan_run(struct fan_task *task, void *state)
{
    struct slot *slot = state;
    char *end;
    const char *text = fan_payload(task, NULL);
    const long darts = strtol(text, &end, 10);
    if (end == text || *end != '\0' || darts < 1) {
        fan_complain(task, "'%s' is no number of darts", text);
        return 2;
    }
    slot->state = fan_seed(task);
    slot->tasks++;
    long hits = 0;
    for (long i = 0; i < darts; i++) {
        const double x = draw(slot), y = draw(slot);
        hits += x * x + y * y < 1;
        if (i % ASK_EVERY == 0 && fan_cancelled(task))
            return 1;
    }
    return fan_printf(task, "%.4f\n", 4.0 * (double)hits / (double)darts);
}
