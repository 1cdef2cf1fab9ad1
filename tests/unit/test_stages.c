#include "tests/unit/setting_world.h"

#include "common/setting/stages.h"

static int read_stages(struct world *world, struct stages *stages,
                       const char *text)
{
    settings_clear(&world->settings);
    settings_init(&world->settings);
    world->problem = (struct problem){0};
    return stages_read_text(stages, &world->settings, "f.yaml",
                            span_of_text(text), &world->problem);
}

static void assert_order(struct world *world, const char *text,
                         const char *expected)
{
    struct stages stages;
    char order[100] = "";
    assert_int_equal(read_stages(world, &stages, text), 0);
    for (size_t i = 0; i < stages.count; i++) {
        const size_t used = strlen(order);
        snprintf(order + used, sizeof order - used, "%s ",
                 stages.at[stages.order[i]].name);
    }
    assert_string_equal(order, expected);
    stages_clear(&stages);
}

static void order_is_that_of_the_file_but_for_after(void **state)
{
    struct world *const world = *state;
    assert_order(world, "retries: 1\n", "");
    assert_order(world, "stages:\n  - name: b\n  - name: a\n", "b a ");
    assert_order(world,
                 "stages:\n"
                 "  - {name: plot, after: [run, pre]}\n"
                 "  - {name: other}\n"
                 "  - {after: pre, name: run, retries: 2}\n"
                 "  - {name: pre}\n"
                 "quiet: true\n",
                 "other pre run plot ");
    assert_true(world->settings.quiet);
    assert_int_equal(world->settings.retries, 0);
}

static void wrong_stages_are_refused_where_they_are_wrong(void **state)
{
    struct world *const world = *state;
    static const struct {
        const char *text, *says;
    } BAD[] = {
        {"stages: 3\n", "f.yaml:1:9: a list of stages is expected"},
        {"stages: []\n", "f.yaml: the list of stages is empty"},
        {"stages:\n  - one\n", "f.yaml:2:5: a stage is expected"},
        {"stages:\n  - name: a\nstages:\n  - name: b\n",
         "f.yaml:3:1: 'stages' is given twice"},
        {"stages:\n  - retries: 1\n  - name: b\n", "a stage without a name"},
        {"stages:\n  - name: a\n  - name: b\n  - name: a\n",
         "f.yaml:4:11: another stage has this name"},
        {"stages:\n  - name: a\n    name: b\n", ":3:11: 'name' is given twice"},
        {"stages:\n  - name: a/b\n", ":2:11: name: 'a/b' has a slash"},
        {"stages:\n  - name: stages.yaml\n",
         ":2:11: a stage's name has no dot"},
        {"stages:\n  - name: \"a\\0b\"\n", "the name of a stage is expected"},
        {"stages:\n  - name: [a]\n", "the name of a stage is expected"},
        {"stages:\n  - name: a\n    after: {b: c}\n", "names of stages"},
        {"stages:\n  - name: a\n    after: [[b]]\n", "names of stages"},
        {"stages:\n  - name: a\n    after: b\n    after: c\n",
         ":4:5: 'after' is given twice"},
        {"stages:\n  - name: one\n  - name: two\n    after: ome\n",
         "f.yaml:4: there is no stage 'ome'; did you mean 'one'?"},
        {"stages:\n  - name: a\n    after: a\n",
         "f.yaml:3: stage 'a' never begins"},
        {"stages:\n  - name: x\n  - name: a\n    after: b\n  - name: b\n"
         "    after: [x, a]\n",
         "f.yaml:4: stage 'a' never begins"},
        {"stages:\n  - name: a\n    retrys: 3\n",
         ":3:5: unknown setting 'retrys'; did you mean 'retries'?"},
        {"stages:\n  - name: a\n    results: here\n",
         ":3:5: a stage's results"},
        {"stages:\n  - name: a\nretries: x\n", ":3:10: retries: 'x' is not"},
        {"stages:\n  - name: a\n    stages:\n      - name: b\n",
         ":3:5: unknown setting 'stages'"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct stages stages;
        assert_int_equal(read_stages(world, &stages, BAD[i].text), -EINVAL);
        assert_says(world, BAD[i].says);
        assert_int_equal(world->problem.exit, EXIT_USAGE);
        stages_clear(&stages);
    }
}

static void one_has_its_own_settings_before_those_of_the_file(void **state)
{
    struct world *const world = *state;
    static const char TEXT[] = "retries: 5\n"
                               "name: whole\n"
                               "on: [exit=fail, spawn=ignore]\n"
                               "on-done: cat\n"
                               "stages:\n"
                               "  - name: a\n"
                               "    retries: 2\n"
                               "    on: [timeout=fail]\n"
                               "  - name: b\n"
                               "    on-done: wc\n"
                               "delay: 1s\n"
                               "jobs: 3\n";
    struct settings *const set = &world->settings;
    FILE *const file = fopen(world->path, "wb");
    assert_non_null(file);
    assert_true(fputs(TEXT, file) >= 0);
    fclose(file);
    assert_int_equal(
        settings_set(set, FOR_RUN, LAYER_FLAG, "jobs", "7", &world->problem),
        0);
    assert_int_equal(stages_settings(set, world->path, 0, &world->problem), 0);
    assert_int_equal(set->retries, 2);
    assert_int_equal(set->on.count, 1);
    assert_string_equal(set->on.at[0], "timeout=fail");
    assert_int_equal(set->delay_ms, 1000);
    assert_int_equal(set->jobs, 7);
    assert_null(set->name);
    assert_null(set->on_done);
    settings_clear(set);
    settings_init(set);
    assert_int_equal(stages_settings(set, world->path, 1, &world->problem), 0);
    assert_int_equal(set->retries, 5);
    assert_int_equal(set->on.count, 2);
    assert_string_equal(set->on_done, "wc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(order_is_that_of_the_file_but_for_after),
        TEST(wrong_stages_are_refused_where_they_are_wrong),
        TEST(one_has_its_own_settings_before_those_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
