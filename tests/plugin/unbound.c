/* unbound - a plugin of a later fan.h: it calls what no worker has */
#include "include/fan.h"

int fan_of_tomorrow(struct fan_task *task);

int fan_run(struct fan_task *task, void *state)
{
    (void)state;
    return fan_of_tomorrow(task);
}
