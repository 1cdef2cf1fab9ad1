/* noop_plugin - the smallest task there is: its payload is its result
 *
 * 100 bytes in are 100 bytes out.
 */
#include "include/fan.h"

int fan_run(struct fan_task *task, void *state)
{
    (void)state;
    size_t size;
    const char *payload = fan_payload(task, &size);
    return fan_write(task, payload, size);
}
