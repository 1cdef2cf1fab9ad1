#include "tests/unit/source_world.h"

static void set_sweep(struct world *world, const char *const *parameters)
{
    texts_free(&world->settings.sweep);
    texts_free(&world->settings.where);
    world->settings.repeat = 0;
    for (; *parameters; parameters++)
        assert_int_equal(texts_add(&world->settings.sweep, *parameters), 0);
}
#define SWEEP(...) ((const char *const[]){__VA_ARGS__, NULL})

static void add_where(struct world *world, const char *condition)
{
    assert_int_equal(texts_add(&world->settings.where, condition), 0);
}

static void last_parameter_varies_fastest(void **state)
{
    struct world *world = *state;
    uint64_t bytes = 1;
    size_t count = 0;
    set_sweep(world, SWEEP("T=1:3", "m=a,b"));
    expect(world, "T=1|m=a\nT=1|m=b\nT=2|m=a\nT=2|m=b\nT=3|m=a\nT=3|m=b\n");
    struct source *source = open_source(world);
    assert_int_equal(source_total(source, &bytes), 6);
    assert_int_equal(bytes, 0);
    assert_string_equal(source_names(source, &count)[1], "m");
    assert_int_equal(count, 2);
    source_close(&source);
}

static void paired_parameters_go_together(void **state)
{
    struct world *world = *state;
    set_sweep(world, SWEEP("x=1,2", "a=p,q,r", "+b=7:9", "y=0"));
    expect(world, "x=1|a=p|b=7|y=0\nx=1|a=q|b=8|y=0\nx=1|a=r|b=9|y=0\n"
                  "x=2|a=p|b=7|y=0\nx=2|a=q|b=8|y=0\nx=2|a=r|b=9|y=0\n");
    set_sweep(world, SWEEP("a=1,2", "+b=3,4", "+c=5,6"));
    expect(world, "a=1|b=3|c=5\na=2|b=4|c=6\n");
}

static void conditions_leave_tasks_out(void **state)
{
    struct world *world = *state;
    uint64_t bytes = 1;
    set_sweep(world, SWEEP("a=1:4", "b=1:4"));
    add_where(world, "a * b <= 4");
    add_where(world, "a != b");
    expect(world, "a=1|b=2\na=1|b=3\na=1|b=4\na=2|b=1\na=3|b=1\na=4|b=1\n");
    struct source *source = open_source(world);
    assert_int_equal(source_total(source, &bytes), 0);
    source_close(&source);
    add_where(world, "a > 9");
    expect(world, "");
}

// Who reads has signals and heartbeats to see to.
static void what_finds_no_task_for_long_says_so(void **state)
{
    struct world *world = *state;
    struct problem problem = {0};
    struct source_task task;
    enum source_result result;
    unsigned none = 0;
    set_sweep(world, SWEEP("a=1:1000000000"));
    add_where(world, "a % 1000 == 0");
    struct source *source = open_source(world);
    while ((result = source_next(source, &task, &problem)) == SOURCE_NONE) {
        assert_int_equal(task.value_count, 0);
        none++;
    }
    assert_int_equal(result, SOURCE_TASK);
    assert_in_range(none, 10, 100);
    assert_int_equal(task.place.ordinal, 1);
    assert_int_equal(task.place.offset, 999);
    source_close(&source);
}

static void repetitions_are_told_apart(void **state)
{
    struct world *world = *state;
    uint64_t bytes = 1;
    set_sweep(world, SWEEP("a=x,y"));
    world->settings.repeat = 3;
    expect(world, "a=x|repeat=1\na=x|repeat=2\na=x|repeat=3\n"
                  "a=y|repeat=1\na=y|repeat=2\na=y|repeat=3\n");
    struct source *source = open_source(world);
    assert_int_equal(source_total(source, &bytes), 6);
    source_close(&source);
    add_where(world, "repeat != 2 && a == 'y'");
    expect(world, "a=y|repeat=1\na=y|repeat=3\n");
    world->settings.repeat = 1;
    texts_free(&world->settings.where);
    expect(world, "a=x\na=y\n");
}

static void the_input_is_an_object_of_json(void **state)
{
    struct world *world = *state;
    set_sweep(world, SWEEP("T=0.5:1:0.5", "m=a\"b,007,-1e3,,\xff,null"));
    expect_nth(world, 1, NULL, "{\"T\":0.5,\"m\":\"a\\\"b\"}");
    expect_nth(world, 2, NULL, "{\"T\":0.5,\"m\":\"007\"}");
    expect_nth(world, 3, NULL, "{\"T\":0.5,\"m\":-1e3}");
    expect_nth(world, 4, NULL, "{\"T\":0.5,\"m\":\"\"}");
    expect_nth(world, 5, NULL, "{\"T\":0.5,\"m\":\"/w==\"}");
    expect_nth(world, 12, NULL, "{\"T\":1.0,\"m\":\"null\"}");
}

static void many_combinations_cost_no_memory(void **state)
{
    struct world *world = *state;
    struct source_task task;
    struct problem problem = {0};
    set_sweep(world, SWEEP("a=1:1000000", "b=1:1000000"));
    struct source *source = open_source(world);
    const struct source_place last = {UINT64_C(1000000000000),
                                      UINT64_C(999999999999)};
    assert_int_equal(source_seek(source, last, &problem), 0);
    assert_int_equal(source_next(source, &task, &problem), SOURCE_TASK);
    assert_true(span_equal(task.values[0].value, SPAN_OF("1000000")));
    assert_true(span_equal(task.values[1].value, SPAN_OF("1000000")));
    assert_int_equal(source_next(source, &task, &problem), SOURCE_END);
    source_close(&source);
}

static void sweeps_that_cannot_be_are_refused(void **state)
{
    struct world *world = *state;
    set_sweep(world, SWEEP("a=1,2", "+b=1,2,3"));
    refuse(world, EXIT_USAGE, "'b' has 3 values, 'a', which it is paired");
    set_sweep(world, SWEEP("+a=1,2"));
    refuse(world, EXIT_USAGE, "none before it");
    set_sweep(world, SWEEP("a=1", "a=2"));
    refuse(world, EXIT_USAGE, "two parameters are named 'a'");
    set_sweep(world, SWEEP("a=1:1000000", "b=1:1000000", "c=1,2"));
    refuse(world, EXIT_USAGE, "over 2^40 tasks");
    set_sweep(world, SWEEP("a=1:1000000", "b=1:1000000"));
    world->settings.repeat = 2;
    refuse(world, EXIT_USAGE, "over 2^40 tasks");
    set_sweep(world, SWEEP("repeat=1,2"));
    world->settings.repeat = 2;
    refuse(world, EXIT_USAGE, "two parameters are named 'repeat'");
    set_sweep(world, SWEEP("a=1,2"));
    add_where(world, "c > 1");
    refuse(world, EXIT_USAGE, "--where 'c > 1': it names what is no value");
    set_sweep(world, SWEEP("a=1,2"));
    set_sources(world, "::: a");
    refuse(world, EXIT_USAGE, "one input");
    texts_free(&world->settings.sources);
    world->settings.header = true;
    refuse(world, EXIT_USAGE, "for tables");
    world->settings.header = false;
    set_sweep(world, SWEEP("a=1,x"));
    add_where(world, "a > 0"); // good for the first value only
    struct source *source = open_source(world);
    struct source_task task;
    struct problem problem = {0};
    assert_int_equal(source_next(source, &task, &problem), SOURCE_TASK);
    assert_int_equal(source_next(source, &task, &problem), SOURCE_ERROR);
    assert_non_null(strstr(problem.text, "no order"));
    source_close(&source);
}

static void conditions_need_a_sweep(void **state)
{
    struct world *world = *state;
    set_sources(world, "::: a");
    add_where(world, "1 == 1");
    refuse(world, EXIT_USAGE, "go with --sweep");
    texts_free(&world->settings.where);
    world->settings.repeat = 2;
    refuse(world, EXIT_USAGE, "go with --sweep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(last_parameter_varies_fastest),
        TEST(paired_parameters_go_together),
        TEST(conditions_leave_tasks_out),
        TEST(what_finds_no_task_for_long_says_so),
        TEST(repetitions_are_told_apart),
        TEST(the_input_is_an_object_of_json),
        TEST(many_combinations_cost_no_memory),
        TEST(sweeps_that_cannot_be_are_refused),
        TEST(conditions_need_a_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
