/* doze_plugin - a task of known length that needs no CPU: sleeps as many
 * microseconds as its payload says */
#include "include/fan.h"
#include "tests/bench/doze.h"

#include <stdlib.h>

int fan_run(struct fan_task *task, void *state)
{
    (void)state;
    return doze(strtol(fan_payload(task, NULL), NULL, 10));
}
