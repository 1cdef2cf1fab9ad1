#include "tests/testing.h"

#include "command/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t AHEAD = UINT64_C(64) << 20;

struct world {
    char dir[32];
    struct run_input input;
    struct settings settings;
    int given[2]; // a pipe in the place of standard input
    int stdin_was;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    snprintf(world->dir, sizeof world->dir, "/tmp/fan-input-XXXXXX");
    settings_init(&world->settings);
    world->stdin_was = dup(STDIN_FILENO);
    *state = world;
    return mkdtemp(world->dir) && pipe(world->given) == 0 &&
                   dup2(world->given[0], STDIN_FILENO) >= 0
               ? 0
               : -1;
}

static int teardown(void **state)
{
    static const char *const FILES[] = {"input", "input.end"};
    struct world *world = *state;
    char path[64];
    dup2(world->stdin_was, STDIN_FILENO);
    close(world->stdin_was);
    close(world->given[0]);
    close(world->given[1]);
    run_input_close(&world->input);
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", world->dir, FILES[i]);
        unlink(path);
    }
    rmdir(world->dir);
    settings_clear(&world->settings);
    free(world);
    return 0;
}

static void open_input(struct world *world)
{
    struct problem problem = {0};
    assert_int_equal(
        run_input_open(&world->input, &world->settings, false, &problem), 0);
}

// `yes | fan run` fills no disk.
static void copy_stays_so_far_ahead_of_what_is_read(void **state)
{
    struct world *world = *state;
    struct problem problem = {0};
    open_input(world);
    assert_int_equal(run_input_create(&world->input, world->dir, &problem), 0);
    assert_true(run_input_wants(&world->input, 0));
    world->input.copied = AHEAD;
    assert_false(run_input_wants(&world->input, 0));
    assert_true(run_input_wants(&world->input, 1));
    world->input.copied = AHEAD + 1000;
    assert_false(run_input_wants(&world->input, 1000));
    assert_true(run_input_wants(&world->input, 1001));
}

// All of a new input is looked at before the first of it is given out.
static void copy_of_a_resume_waits_for_nobody(void **state)
{
    struct world *world = *state;
    struct problem problem = {0};
    open_input(world);
    assert_int_equal(write(world->given[1], "a\n", 2), 2);
    assert_int_equal(run_input_continue(&world->input, world->dir,
                                        &world->settings, &problem),
                     0);
    assert_int_equal(world->input.copied, 1);
    world->input.copied = 2 * AHEAD;
    assert_true(run_input_wants(&world->input, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(copy_stays_so_far_ahead_of_what_is_read),
        TEST(copy_of_a_resume_waits_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
