/* walk - random walks on a square lattice: a plugin to begin yours with
 *
 * A task's value is a number of steps; its result is the mean squared distance
 * of 10,000 such walks from where they began, with its standard error. That is
 * the number of steps, so you see at once whether it works. It compiles as C
 * and as C++. fan.h is the manual.
 */
#include <fan.h>
#include <math.h>
#include <stdlib.h>

enum { WALKS = 10000, LOOK_EVERY = 100 };

/* What a slot keeps from task to task: tables, models, work space. */
struct slot {
    double squares[WALKS];
};

/* Set-up, once for each slot, in the thread (or process) of its tasks. */
const char *fan_slot_open(unsigned number, void **state)
{
    (void)number;
    *state = malloc(sizeof(struct slot));
    return *state ? NULL : "out of memory";
}

/* Tear-down. */
void fan_slot_close(unsigned number, void *state)
{
    (void)number;
    free(state);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t *random)
{
    uint64_t mixed = *random += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static double walk(long steps, uint64_t *random)
{
    long x = 0, y = 0;
    for (long i = 0; i < steps; i++) {
        const uint64_t side = draw(random) >> 62;
        x += side == 0;
        x -= side == 1;
        y += side == 2;
        y -= side == 3;
    }
    return (double)x * (double)x + (double)y * (double)y;
}

/* The task. */
int fan_run(struct fan_task *task, void *state)
{
    struct slot *slot = (struct slot *)state;
    const char *text = fan_argument(task, 0, NULL);
    char *end = NULL;
    const long steps = text ? strtol(text, &end, 10) : 0;
    if (!text || end == text || *end != '\0' || steps < 0) {
        fan_complain(task, "'%s' is no number of steps", text ? text : "");
        return 2; /* the task fails, with this exit code */
    }
    uint64_t random = fan_seed(task); /* the same at each attempt, anywhere */
    double sum = 0, spread = 0;
    for (int i = 0; i < WALKS; i++) {
        if (i % LOOK_EVERY == 0) {
            fan_progress(task, (double)i / WALKS, NULL); /* for fan status */
            if (fan_cancelled(task))
                return 1; /* its time is over */
        }
        slot->squares[i] = walk(steps, &random);
        sum += slot->squares[i];
    }
    const double mean = sum / WALKS;
    for (int i = 0; i < WALKS; i++)
        spread += (slot->squares[i] - mean) * (slot->squares[i] - mean);
    return fan_printf(task, "%ld %.3f %.3f\n", steps, mean,
                      sqrt(spread / WALKS / (WALKS - 1)));
}
