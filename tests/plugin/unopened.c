/* unopened - a plugin whose second slot cannot be set up */
#include "include/fan.h"

const char *fan_slot_open(unsigned slot, void **state)
{
    *state = NULL;
    return slot == 2 ? "there is no second model" : NULL;
}

int fan_run(struct fan_task *task, void *state)
{
    (void)state;
    return fan_printf(task, "ran\n");
}
