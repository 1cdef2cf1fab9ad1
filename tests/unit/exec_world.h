/* exec_world - commands run in a temporary folder, and the time is the test's
 *
 * A command tells the test something through the FIFO `told` of the folder,
 * which is its working directory. The test waits on descriptors only.
 */
#ifndef TESTS_UNIT_EXEC_WORLD_H
#define TESTS_UNIT_EXEC_WORLD_H

#include "tests/testing.h"

#include "common/base/clock.h"
#include "worker/exec.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    struct exec *exec;
    char dir[64];
    int told;       // reading end
    int64_t ahead;  // of the clock, in ms
    uint64_t tasks; // started
    int64_t own_ms; // how long the next may take; 0: as all
};

/* What of the settings is zero gets a value that does not matter. */
static inline void world_open(struct world *world,
                              struct exec_settings settings)
{
    char path[96];
    *world = (struct world){.dir = "/tmp/fan-exec-XXXXXX"};
    assert_non_null(mkdtemp(world->dir));
    (void)snprintf(path, sizeof path, "%s/told", world->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    world->told = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(world->told >= 0);
    settings.launch.run = settings.launch.run ? settings.launch.run : "run";
    if (!settings.launch.chdir)
        settings.launch.chdir = world->dir;
    settings.slots = settings.slots ? settings.slots : 1;
    if (settings.launch.memory_max == 0)
        settings.launch.memory_max = UINT64_MAX;
    settings.timeout_ms = settings.timeout_ms ? settings.timeout_ms : INT64_MAX;
    settings.output_max =
        settings.output_max ? settings.output_max : UINT64_MAX;
    struct problem problem = {0};
    world->exec = exec_create(&settings, &problem);
    assert_non_null(world->exec);
}

static inline int remove_one(const char *path, const struct stat *status,
                             int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void world_close(struct world *world)
{
    exec_destroy(&world->exec);
    assert_null(world->exec);
    close(world->told);
    assert_int_equal(nftw(world->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline int64_t world_now(const struct world *world)
{
    return clock_monotonic_ms() + world->ahead;
}

static inline void start_command(struct world *world, uint32_t slot,
                                 const struct wire_command_out *command)
{
    struct buffer payload = {0};
    wire_put_command(&payload, command);
    const struct launch_task task = {.task = ++world->tasks,
                                     .seed = 12345,
                                     .attempt = 2,
                                     .slot = slot,
                                     .payload = buffer_span(&payload),
                                     .timeout_ms = world->own_ms};
    exec_start(world->exec, &task, SPAN_OF("tag"), world_now(world));
    buffer_free(&payload);
}

/* `script` by /bin/sh. */
static inline void start_script(struct world *world, uint32_t slot,
                                const char *script)
{
    const struct span args[] = {SPAN_OF("sh"), SPAN_OF("-c"),
                                span_of_text(script)};
    start_command(world, slot,
                  &(struct wire_command_out){.args = args, .arg_count = 3});
}

/* The same with a time of its own. */
static inline void start_for(struct world *world, uint32_t slot,
                             const char *script, int64_t timeout_ms)
{
    world->own_ms = timeout_ms;
    start_script(world, slot, script);
    world->own_ms = 0;
}

/* Waits for the next command to end. */
static inline struct exec_end next_end(struct world *world)
{
    struct exec_end end;
    exec_turn(world->exec, world_now(world));
    while (!exec_next(world->exec, &end)) {
        struct pollfd item = {.fd = exec_fd(world->exec), .events = POLLIN};
        const int64_t wait_ms = exec_wait_ms(world->exec, world_now(world));
        assert_true(poll(&item, 1, wait_ms > INT32_MAX ? -1 : (int)wait_ms) >=
                    0);
        exec_turn(world->exec, world_now(world));
    }
    return end;
}

static inline struct exec_end run_script(struct world *world,
                                         const char *script)
{
    start_script(world, 1, script);
    return next_end(world);
}

/* Lets the time pass without waiting. */
static inline void pass(struct world *world, int64_t ms)
{
    world->ahead += ms;
    exec_turn(world->exec, world_now(world));
}

/* Waits until a command has told `text`. */
static inline void wait_told(struct world *world, const char *text)
{
    char got[64] = "";
    size_t size = 0;
    while (size < strlen(text)) {
        struct pollfd item = {.fd = world->told, .events = POLLIN};
        assert_int_equal(poll(&item, 1, -1), 1);
        const ssize_t more =
            read(world->told, got + size, sizeof got - 1 - size);
        assert_true(more > 0);
        size += (size_t)more;
        got[size] = '\0';
    }
    assert_string_equal(got, text);
}

/* Waits until no process has the FIFO open for writing. */
static inline void wait_told_closed(struct world *world)
{
    char ignored[64];
    struct pollfd item = {.fd = world->told, .events = POLLIN};
    do
        assert_int_equal(poll(&item, 1, -1), 1);
    while (read(world->told, ignored, sizeof ignored) > 0);
}

static inline void assert_text(struct span span, const char *text)
{
    if (!span_equal(span, span_of_text(text)))
        fail_msg("'%.*s' is not '%s'", (int)span.size, (const char *)span.at,
                 text);
}

static inline void assert_holds(struct span span, const char *text)
{
    if (!memmem(span.at, span.size, text, strlen(text)))
        fail_msg("'%.*s' does not hold '%s'", (int)span.size,
                 (const char *)span.at, text);
}

static inline void release(struct world *world, const struct exec_end *end)
{
    exec_release(world->exec, end->slot);
}

#endif
