/* tasks - functions for the tests of plugins, each for one behaviour */
#include "include/fan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

FAN_PLUGIN fan_function tell_all, seed, fail, write_much, until_cancelled,
    stubborn, crash, print, leave, crash_by_seed, say_and_wait;

struct slot {
    unsigned number, calls;
};

const char *fan_slot_open(unsigned slot, void **state)
{
    struct slot *own = malloc(sizeof *own);
    if (!own)
        return "out of memory";
    *own = (struct slot){.number = slot};
    *state = own;
    return NULL;
}

/* Tells the test that it was called, if it is to be told. */
void fan_slot_close(unsigned slot, void *state)
{
    const struct slot *own = state;
    const char *path = getenv("TEST_CLOSED");
    FILE *told = path ? fopen(path, "a") : NULL;
    if (told) {
        (void)fprintf(told, "%u %u\n", slot, own->calls);
        (void)fclose(told);
    }
    free(state);
}

int fan_run(struct fan_task *task, void *state)
{
    struct slot *own = state;
    size_t size;
    const char *payload = fan_payload(task, &size);
    own->calls++;
    return own->number == fan_slot(task) ? fan_write(task, payload, size) : 99;
}

int tell_all(struct fan_task *task, void *state)
{
    (void)state;
    const char *name = fan_value(task, "name", NULL);
    size_t size;
    (void)fan_printf(task, "payload=%s", fan_payload(task, &size));
    (void)fan_printf(task, " size=%zu arguments=", size);
    for (size_t i = 0; i < fan_argument_count(task); i++)
        (void)fan_printf(task, "[%s]", fan_argument(task, i, NULL));
    if (fan_argument(task, fan_argument_count(task), NULL))
        return 1;
    return fan_printf(task, " name=%s number=%" PRIu64 " attempt=%" PRIu32 "\n",
                      name ? name : "-", fan_number(task), fan_attempt(task));
}

int seed(struct fan_task *task, void *state)
{
    (void)state;
    return fan_printf(task, "%" PRIu64 "\n", fan_seed(task));
}

/* Its payload is its exit code. */
int fail(struct fan_task *task, void *state)
{
    (void)state;
    (void)fan_complain(task, "told to return %s", fan_payload(task, NULL));
    return (int)strtol(fan_payload(task, NULL), NULL, 10);
}

/* Its payload is how many bytes it writes. */
int write_much(struct fan_task *task, void *state)
{
    (void)state;
    for (long left = strtol(fan_payload(task, NULL), NULL, 10); left > 0;
         left--)
        if (fan_write(task, "x", 1) < 0)
            return 0;
    return 0;
}

int until_cancelled(struct fan_task *task, void *state)
{
    (void)state;
    (void)fan_write(task, "begun", 5);
    while (!fan_cancelled(task)) {
        fan_progress(task, 0.5, "waiting");
        (void)poll(NULL, 0, 1);
    }
    return fan_write(task, " stopped", 8);
}

/* `wait PATH`: until something is written to that FIFO, whatever is asked of
 * it. All else is given back. */
int stubborn(struct fan_task *task, void *state)
{
    const char *payload = fan_payload(task, NULL);
    char byte;
    if (strncmp(payload, "wait ", 5) != 0)
        return fan_run(task, state);
    const int gate = open(payload + 5, O_RDONLY);
    if (gate < 0 || read(gate, &byte, 1) < 0)
        return 1;
    (void)close(gate);
    return fan_write(task, "done", 4);
}

/* Dies of `crash`. */
int crash(struct fan_task *task, void *state)
{
    if (strcmp(fan_payload(task, NULL), "crash") == 0) {
        volatile int *volatile nowhere = NULL;
        *nowhere = 1;
    }
    return fan_run(task, state);
}

/* Writes where others print, on both descriptors. */
int print(struct fan_task *task, void *state)
{
    (void)printf("printed %s\n", fan_payload(task, NULL));
    (void)fflush(stdout);
    if (write(STDOUT_FILENO, "written\n", 8) != 8)
        return 1;
    return fan_run(task, state);
}

/* Ends its process with the exit code in its payload, if there is one. */
int leave(struct fan_task *task, void *state)
{
    char *end;
    const char *payload = fan_payload(task, NULL);
    const long code = strtol(payload, &end, 10);
    if (end != payload)
        exit((int)code);
    return fan_run(task, state);
}

/* One of $TEST_CRASHES tasks dies, each time it is run, of one of four
 * signals. */
int crash_by_seed(struct fan_task *task, void *state)
{
    static const int SIGNALS[] = {SIGSEGV, SIGABRT, SIGBUS, SIGKILL};
    const char *text = getenv("TEST_CRASHES");
    const uint64_t one_of = text ? strtoull(text, NULL, 10) : 0;
    const uint64_t seed = fan_seed(task);
    if (one_of > 0 && seed % one_of == 0)
        (void)kill(getpid(), SIGNALS[seed / one_of % 4]);
    return fan_run(task, state);
}

/* Says how far it is, more often than anybody looks; then waits as stubborn. */
int say_and_wait(struct fan_task *task, void *state)
{
    for (int i = 0; i < 10; i++)
        fan_progress(task, i / 10.0, "on the way");
    fan_progress(task, 0.37, "h\033alf \xc3\xa9");
    return stubborn(task, state);
}
