/* unloaded - a plugin that crashes while it is loaded, or set up */
#include "include/fan.h"

#include <signal.h>
#include <stdlib.h>

__attribute__((constructor)) static void begin(void)
{
    if (getenv("TEST_CRASH_LOADED"))
        (void)raise(SIGSEGV);
}

const char *fan_slot_open(unsigned slot, void **state)
{
    (void)slot;
    *state = NULL;
    (void)raise(SIGABRT);
    return NULL;
}

int fan_run(struct fan_task *task, void *state)
{
    (void)state;
    return fan_printf(task, "ran\n");
}
