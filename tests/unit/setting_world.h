/* setting_world - settings that are read from flags and from a YAML file */
#ifndef TESTS_UNIT_SETTING_WORLD_H
#define TESTS_UNIT_SETTING_WORLD_H

#include "common/setting/setting.h"

#include "tests/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
    struct settings settings;
    struct problem problem;
    char dir[32];
    char path[64];
};

static inline int setup(void **state)
{
    struct world *const world = calloc(1, sizeof *world);
    if (!world)
        return -1;
    settings_init(&world->settings);
    snprintf(world->dir, sizeof world->dir, "/tmp/fan-test-XXXXXX");
    if (!mkdtemp(world->dir))
        return -1;
    snprintf(world->path, sizeof world->path, "%s/s.yaml", world->dir);
    *state = world;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *const world = *state;
    settings_clear(&world->settings);
    unlink(world->path);
    rmdir(world->dir);
    free(world);
    return 0;
}

static inline int read_yaml(struct world *world, unsigned program,
                            const void *text, size_t size)
{
    FILE *const file = fopen(world->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
    world->problem = (struct problem){0};
    return settings_read_yaml(&world->settings, program, world->path,
                              &world->problem);
}

static inline int read_text(struct world *world, const char *text)
{
    return read_yaml(world, FOR_RUN, text, strlen(text));
}

static inline int read_flags(struct world *world, unsigned program,
                             const char *const *words)
{
    char *argv[32];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = strdup(words[argc]);
    argv[argc] = NULL;
    enum settings_parsed parsed;
    world->problem = (struct problem){0};
    const int error = settings_read_flags(&world->settings, program, argc, argv,
                                          &parsed, &world->problem);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return error ? error : (int)parsed;
}

#define WORDS(...) ((const char *const[]){"fan", __VA_ARGS__, NULL})

static inline void assert_says(const struct world *world, const char *part)
{
    if (!strstr(world->problem.text, part))
        fail_msg("'%s' does not say '%s'", world->problem.text, part);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
