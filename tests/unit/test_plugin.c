#include "tests/testing.h"

#include "common/base/clock.h"
#include "common/template/template.h"
#include "worker/plugin.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TASKS TEST_PLUGINS "/tasks.so"

enum { PATIENCE_MS = 60000, TAKEN_MAX = 64 };

struct world {
    struct plugin_code *code;
    struct plugin *plugin;
    struct slots *slots;
    uint32_t slot_count;
    char dir[64], gate[96];
    uint64_t added;                 // the number of the last task
    const struct slot_task *handed; // the last, while it is there
    struct plugin_pack pack;
    struct wire_list results; // of the pack that are not told yet
    uint64_t own_ms;          // how long the next task may take; 0: as all
};

/* What of the settings is zero gets a value that does not matter. */
static void world_open(struct world *world, const char *text,
                       struct plugin_settings settings)
{
    struct problem problem = {0};
    *world = (struct world){.dir = "/tmp/fan-plugin-XXXXXX"};
    assert_non_null(mkdtemp(world->dir));
    (void)snprintf(world->gate, sizeof world->gate, "%s/gate", world->dir);
    assert_int_equal(mkfifo(world->gate, 0600), 0);
    world->code = plugin_load(text, &problem);
    assert_string_equal(problem.text, "");
    settings.code = world->code;
    settings.slots = settings.slots ? settings.slots : 1;
    settings.timeout_ms = settings.timeout_ms ? settings.timeout_ms : INT64_MAX;
    settings.grace_ms = settings.grace_ms ? settings.grace_ms : INT64_MAX;
    settings.output_max =
        settings.output_max ? settings.output_max : UINT64_MAX;
    world->slot_count = settings.slots;
    world->slots = slots_create(settings.slots);
    world->plugin = plugin_create(&settings, &problem);
    assert_string_equal(problem.text, "");
}

static void world_close(struct world *world)
{
    assert_true(plugin_stop(world->plugin, PATIENCE_MS));
    plugin_destroy(&world->plugin);
    buffer_free(&world->pack.frame);
    plugin_code_free(&world->code);
    slots_destroy(&world->slots);
    (void)unlink(world->gate);
    (void)rmdir(world->dir);
}

static void add(struct world *world, const char *value)
{
    const struct span args[] = {SPAN_OF("plugin")};
    const struct wire_pair values[] = {{.value = span_of_text(value)}};
    const struct wire_command_out command = {
        .args = args, .arg_count = 1, .values = {values, 1}};
    struct buffer payload = {0};
    wire_put_command(&payload, &command);
    const struct wire_task task = {.task = ++world->added,
                                   .attempt = 1,
                                   .timeout_ms = world->own_ms,
                                   .payload = buffer_span(&payload)};
    assert_int_equal(slots_add(world->slots, &task, 1), 1);
    buffer_free(&payload);
}

static void wait_for(struct world *world, int64_t until_ms)
{
    const int64_t now_ms = clock_monotonic_ms();
    int64_t wait_ms = plugin_wait_ms(world->plugin, now_ms);
    struct pollfd item = {.fd = plugin_fd(world->plugin), .events = POLLIN};
    assert_true(now_ms < until_ms);
    if (wait_ms < 0 || wait_ms > until_ms - now_ms)
        wait_ms = until_ms - now_ms;
    (void)poll(&item, 1, (int)wait_ms);
}

static void wait_until_ready(struct world *world)
{
    struct problem problem = {0};
    const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (!plugin_is_ready(world->plugin, &problem)) {
        assert_string_equal(problem.text, "");
        wait_for(world, until_ms);
        plugin_turn(world->plugin, clock_monotonic_ms());
    }
}

static void hand_out(struct world *world, uint32_t share)
{
    const struct slot_task *task;
    for (uint32_t slot = 1; slot <= world->slot_count; slot++) {
        while (plugin_has_room(world->plugin, slot, share) &&
               (task = slots_hand(world->slots, slot))) {
            plugin_hand(world->plugin, slot, task);
            world->handed = task;
        }
        plugin_give(world->plugin, slot);
    }
}

static void end_task(void *argument, const struct slot_task *task)
{
    struct world *world = argument;
    slots_end(world->slots, task);
}

/* The next result of those that have ended. */
static bool next_result(struct world *world, struct wire_result *result)
{
    struct wire_results results = {.number = 1, .kept = 1};
    if (wire_next_result(&world->results, result))
        return true;
    if (!plugin_next(world->plugin, &world->pack, end_task, world))
        return false;
    struct buffer *frame = &world->pack.frame;
    wire_set_results_head(frame, &(struct wire_header){0}, &results,
                          world->pack.count);
    assert_true(wire_get_results((struct span){frame->at + WIRE_HEADER_SIZE,
                                               frame->size - WIRE_HEADER_SIZE},
                                 &results));
    world->results = results.results;
    assert_true(wire_next_result(&world->results, result));
    return true;
}

static void next_end(struct world *world, struct wire_result *result)
{
    const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (!next_result(world, result)) {
        wait_for(world, until_ms);
        plugin_turn(world->plugin, clock_monotonic_ms());
    }
}

static void assert_ends(struct world *world, enum fail_class class,
                        uint8_t exit, const char *out)
{
    struct wire_result end;
    next_end(world, &end);
    assert_int_equal(end.class, class);
    assert_int_equal(end.exit, exit);
    assert_int_equal(end.out.size, strlen(out));
    if (*out)
        assert_memory_equal(end.out.at, out, strlen(out));
}

/* Runs one task to its end. */
static void assert_runs(struct world *world, const char *value,
                        enum fail_class class, uint8_t exit, const char *out)
{
    wait_until_ready(world);
    add(world, value);
    hand_out(world, 1);
    assert_ends(world, class, exit, out);
}

static void all_tasks_come_back_with_their_own_results(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct world world;
    world_open(&world, TASKS, (struct plugin_settings){.slots = 2});
    wait_until_ready(&world);
    for (int i = 1; i <= COUNT; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        add(&world, value);
    }
    uint64_t sum = 0;
    for (int done = 0; done < COUNT; done++) {
        hand_out(&world, COUNT);
        struct wire_result end;
        next_end(&world, &end);
        assert_int_equal(end.class, CLASS_NONE);
        char text[16] = "";
        memcpy(text, end.out.at, end.out.size);
        assert_int_equal(strtoull(text, NULL, 10), end.task);
        assert_in_range(end.slot, 1, 2);
        sum += end.task;
    }
    assert_int_equal(sum, (uint64_t)COUNT * (COUNT + 1) / 2);
    assert_int_equal(slots_running_count(world.slots), 0);
    world_close(&world);
}

static void return_value_is_the_exit_code(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, TASKS ":fail", (struct plugin_settings){0});
    assert_runs(&world, "0", CLASS_NONE, 0, "");
    assert_runs(&world, "3", CLASS_EXIT, 3, "");
    assert_runs(&world, "-1", CLASS_EXIT, 255, "");
    assert_runs(&world, "256", CLASS_EXIT, 255, "");
    world_close(&world);
}

static void complaint_is_a_line_of_stderr(void **state)
{
    (void)state;
    struct world world;
    struct wire_result end;
    world_open(&world, TASKS ":fail", (struct plugin_settings){0});
    wait_until_ready(&world);
    add(&world, "7");
    hand_out(&world, 1);
    next_end(&world, &end);
    assert_true(span_equal(end.err, SPAN_OF("told to return 7\n")));
    world_close(&world);
}

static void result_over_the_limit_fails_whatever_is_returned(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, TASKS ":write_much",
               (struct plugin_settings){.output_max = 3});
    assert_runs(&world, "3", CLASS_NONE, 0, "xxx");
    assert_runs(&world, "4", CLASS_OUTPUT, 0, "xxx");
    assert_runs(&world, "2", CLASS_NONE, 0, "xx");
    world_close(&world);
}

static void result_over_the_limit_is_cut_where_that_is_permitted(void **state)
{
    (void)state;
    struct world world;
    struct wire_result end;
    world_open(&world, TASKS ":write_much",
               (struct plugin_settings){.output_max = 3, .truncate = true});
    wait_until_ready(&world);
    add(&world, "9");
    hand_out(&world, 1);
    next_end(&world, &end);
    assert_int_equal(end.class, CLASS_NONE);
    assert_true(end.flags & RESULT_STDOUT_CUT);
    world_close(&world);
}

static void malformed_payload_fails_its_task_alone(void **state)
{
    (void)state;
    struct world world;
    const struct wire_task task = {
        .task = 99, .attempt = 1, .payload = SPAN_OF("\xff\xff")};
    world_open(&world, TASKS, (struct plugin_settings){0});
    wait_until_ready(&world);
    assert_int_equal(slots_add(world.slots, &task, 1), 1);
    hand_out(&world, 1);
    assert_ends(&world, CLASS_SPAWN, 0, "");
    assert_runs(&world, "next", CLASS_NONE, 0, "next");
    world_close(&world);
}

static void task_over_its_time_is_asked_to_stop(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, TASKS ":until_cancelled",
               (struct plugin_settings){.timeout_ms = 20});
    assert_runs(&world, "a", CLASS_TIMEOUT, 0, "begun stopped");
    assert_runs(&world, "b", CLASS_TIMEOUT, 0, "begun stopped");
    world_close(&world);
}

static void a_task_may_have_a_longer_time_of_its_own(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, TASKS ":until_cancelled",
               (struct plugin_settings){.timeout_ms = 1});
    struct wire_result end;
    wait_until_ready(&world);
    world.own_ms = 50;
    add(&world, "a");
    hand_out(&world, 1);
    next_end(&world, &end);
    assert_int_equal(end.class, CLASS_TIMEOUT);
    assert_true(end.wall_us >= 49000);
    world_close(&world);
}

static void cancelled_task_is_asked_to_stop_and_the_next_is_not(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, TASKS ":until_cancelled", (struct plugin_settings){0});
    for (int i = 0; i < 2; i++) {
        const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
        struct wire_result end;
        wait_until_ready(&world);
        add(&world, "a");
        hand_out(&world, 1);
        // It may not have begun when it is first cancelled.
        while (!next_result(&world, &end)) {
            assert_true(clock_monotonic_ms() < until_ms);
            plugin_cancel(world.plugin, world.handed, clock_monotonic_ms());
            plugin_turn(world.plugin, clock_monotonic_ms());
        }
        assert_int_equal(end.class, CLASS_CANCELLED);
    }
    world_close(&world);
}

static void task_that_runs_tells_how_far_it_is(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, TASKS ":until_cancelled", (struct plugin_settings){0});
    for (uint64_t number = 1; number <= 2; number++) {
        const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
        struct wire_longest longest = {0};
        struct wire_result end;
        wait_until_ready(&world);
        add(&world, "a");
        hand_out(&world, 1);
        while (longest.count == 0 || longest.at[0].text.size == 0) {
            assert_true(clock_monotonic_ms() < until_ms);
            longest.count = 0;
            plugin_list_longest(world.plugin, 0, &longest);
            assert_true(longest.count <= 1);
        }
        assert_int_equal(longest.at[0].task, number);
        assert_int_equal(longest.at[0].slot, 1);
        assert_int_equal(longest.at[0].done, PROGRESS_WHOLE / 2);
        assert_true(span_equal(longest.at[0].text, SPAN_OF("waiting")));
        longest.count = 0;
        plugin_list_longest(world.plugin, PATIENCE_MS, &longest);
        assert_int_equal(longest.count, 0);
        plugin_cancel(world.plugin, world.handed, clock_monotonic_ms());
        next_end(&world, &end);
        assert_int_equal(end.class, CLASS_CANCELLED);
        plugin_list_longest(world.plugin, 0, &longest);
        assert_int_equal(longest.count, 0);
    }
    world_close(&world);
}

static void open_gate(const struct world *world)
{
    const int gate = open(world->gate, O_WRONLY);
    assert_true(gate >= 0);
    assert_int_equal(write(gate, "x", 1), 1);
    (void)close(gate);
}

static void add_waiting(struct world *world)
{
    char value[128];
    (void)snprintf(value, sizeof value, "wait %s", world->gate);
    add(world, value);
}

static void task_that_has_ended_is_not_cancelled_in_the_next(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, TASKS ":stubborn", (struct plugin_settings){0});
    wait_until_ready(&world);
    add(&world, "short");
    hand_out(&world, 1);
    const struct slot_task *ended = world.handed;
    add_waiting(&world);
    plugin_hand(world.plugin, 1, slots_hand(world.slots, 1));
    plugin_give(world.plugin, 1);
    const int gate = open(world.gate, O_WRONLY); // the second has begun
    assert_true(gate >= 0);
    plugin_cancel(world.plugin, ended, clock_monotonic_ms());
    assert_int_equal(write(gate, "x", 1), 1);
    (void)close(gate);
    assert_ends(&world, CLASS_NONE, 0, "short");
    assert_ends(&world, CLASS_NONE, 0, "done");
    world_close(&world);
}

static void task_that_does_not_stop_is_given_up(void **state)
{
    (void)state;
    struct world world;
    struct plugin_end end;
    world_open(&world, TASKS ":stubborn",
               (struct plugin_settings){.timeout_ms = 10, .grace_ms = 10});
    wait_until_ready(&world);
    add_waiting(&world);
    hand_out(&world, 1);
    const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (!plugin_given_up(world.plugin, &end)) {
        wait_for(&world, until_ms);
        plugin_turn(world.plugin, clock_monotonic_ms());
    }
    assert_int_equal(end.end.class, CLASS_TIMEOUT);
    assert_int_equal(end.end.out.size, 0);
    slots_abandon(world.slots, end.task);
    assert_false(plugin_given_up(world.plugin, &end));
    assert_false(plugin_has_room(world.plugin, 1, 9));
    assert_false(plugin_stop(world.plugin, 1));
    open_gate(&world);
    while (!plugin_stop(world.plugin, PATIENCE_MS))
        (void)sched_yield(); // it is not waited for
    struct wire_result result;
    assert_false(plugin_given_up(world.plugin, &end)); // told once
    assert_false(next_result(&world, &result));
    world_close(&world);
}

static void put_back(void *argument, const struct slot_task *task)
{
    struct world *world = argument;
    slots_unhand(world->slots, task);
}

static void what_waits_behind_a_long_task_is_taken_back(void **state)
{
    (void)state;
    struct world world;
    const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    world_open(&world, TASKS ":stubborn", (struct plugin_settings){0});
    // Of short tasks many are handed on at a time.
    for (int i = 0; i < 100; i++)
        assert_runs(&world, "short", CLASS_NONE, 0, "short");
    add_waiting(&world);
    add(&world, "second");
    add(&world, "third");
    hand_out(&world, 9);
    assert_int_equal(slots_running_count(world.slots), 3);
    while (slots_running_count(world.slots) > 1) {
        assert_true(clock_monotonic_ms() < until_ms);
        plugin_take_back_stuck(world.plugin, clock_monotonic_ms(), put_back,
                               &world);
    }
    hand_out(&world, 9); // nothing goes behind it again
    assert_int_equal(slots_running_count(world.slots), 1);
    assert_int_equal(slots_queued_count(world.slots), 2);
    open_gate(&world);
    assert_ends(&world, CLASS_NONE, 0, "done");
    hand_out(&world, 9);
    assert_ends(&world, CLASS_NONE, 0, "second");
    hand_out(&world, 9);
    assert_ends(&world, CLASS_NONE, 0, "third");
    world_close(&world);
}

static void long_tasks_are_handed_one_at_a_time(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, TASKS ":until_cancelled",
               (struct plugin_settings){.timeout_ms = 10});
    assert_runs(&world, "first", CLASS_TIMEOUT, 0, "begun stopped");
    add(&world, "second");
    add(&world, "third");
    hand_out(&world, 9);
    assert_int_equal(slots_running_count(world.slots), 1);
    assert_ends(&world, CLASS_TIMEOUT, 0, "begun stopped");
    world_close(&world);
}

static void seed_is_that_of_run_and_task(void **state)
{
    (void)state;
    struct world world;
    char expected[32];
    (void)snprintf(expected, sizeof expected, "%llu\n",
                   (unsigned long long)template_seed(42, 1));
    world_open(&world, TASKS ":seed", (struct plugin_settings){.seed = 42});
    assert_runs(&world, "a", CLASS_NONE, 0, expected);
    world_close(&world);
}

static void slot_that_cannot_be_set_up_is_told(void **state)
{
    (void)state;
    struct world world;
    struct problem problem = {0};
    const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    world_open(&world, TEST_PLUGINS "/unopened.so",
               (struct plugin_settings){.slots = 3});
    while (problem.code == 0) {
        assert_false(plugin_is_ready(world.plugin, &problem));
        if (problem.code == 0)
            wait_for(&world, until_ms);
        plugin_turn(world.plugin, clock_monotonic_ms());
    }
    assert_string_equal(problem.text, "the plugin cannot set up slot 2: there "
                                      "is no second model");
    world_close(&world);
}

static void tasks_run_in_the_directory_of_the_run(void **state)
{
    (void)state;
    struct world world;
    char here[4096], now[4096];
    assert_non_null(getcwd(here, sizeof here));
    world_open(&world, TASKS ":stubborn",
               (struct plugin_settings){.chdir = "/"});
    assert_runs(&world, "wait dev/null", CLASS_NONE, 0, "done");
    assert_non_null(getcwd(now, sizeof now));
    assert_string_equal(now, here);
    world_close(&world);
}

static void assert_refused(const char *text, const char *why)
{
    struct problem problem = {0};
    assert_null(plugin_load(text, &problem));
    assert_int_equal(problem.exit, EXIT_USAGE);
    if (!strstr(problem.text, why))
        fail_msg("%s", problem.text);
}

static void what_cannot_be_loaded_is_told(void **state)
{
    (void)state;
    assert_refused("/nowhere/x.so", "'/nowhere/x.so': No such file");
    assert_refused(TEST_PLUGINS, "it is no file");
    assert_refused("/dev/null", "it is no file");
    assert_refused(TASKS ":no_such", "has no function 'no_such'");
    assert_refused(TASKS ":", "No such file"); // a name that ends so
    assert_refused(TEST_PLUGINS "/unbound.so", "fan_of_tomorrow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tasks_come_back_with_their_own_results),
        cmocka_unit_test(return_value_is_the_exit_code),
        cmocka_unit_test(complaint_is_a_line_of_stderr),
        cmocka_unit_test(result_over_the_limit_fails_whatever_is_returned),
        cmocka_unit_test(result_over_the_limit_is_cut_where_that_is_permitted),
        cmocka_unit_test(malformed_payload_fails_its_task_alone),
        cmocka_unit_test(task_over_its_time_is_asked_to_stop),
        cmocka_unit_test(a_task_may_have_a_longer_time_of_its_own),
        cmocka_unit_test(cancelled_task_is_asked_to_stop_and_the_next_is_not),
        cmocka_unit_test(task_that_runs_tells_how_far_it_is),
        cmocka_unit_test(task_that_has_ended_is_not_cancelled_in_the_next),
        cmocka_unit_test(task_that_does_not_stop_is_given_up),
        cmocka_unit_test(what_waits_behind_a_long_task_is_taken_back),
        cmocka_unit_test(long_tasks_are_handed_one_at_a_time),
        cmocka_unit_test(seed_is_that_of_run_and_task),
        cmocka_unit_test(slot_that_cannot_be_set_up_is_told),
        cmocka_unit_test(tasks_run_in_the_directory_of_the_run),
        cmocka_unit_test(what_cannot_be_loaded_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
