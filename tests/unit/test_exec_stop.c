#include "tests/unit/exec_world.h"

#include "worker/shepherd.h"

#include <signal.h>

static const struct exec_settings MINUTE = {
    .slots = 2, .timeout_ms = 60000, .grace_ms = 10000};

static void a_timeout_terminates_and_keeps_what_was_written(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, MINUTE);
    start_script(&world, 1,
                 "trap 'echo bye; exit 0' TERM; echo hello; echo up >told;"
                 "while :; do sleep 99 & wait; done");
    wait_told(&world, "up\n");
    pass(&world, 100);
    struct exec_end end;
    assert_int_equal(exec_wait_ms(world.exec, world_now(&world)) > 1000, true);
    pass(&world, 50000);
    assert_false(exec_next(world.exec, &end));
    pass(&world, 10000);
    end = next_end(&world);
    assert_int_equal(end.class, CLASS_TIMEOUT);
    assert_int_equal(end.exit, 0); // even so it is no success
    assert_text(end.out, "hello\nbye\n");
    release(&world, &end);
    world_close(&world);
}

// All of them ignore TERM; the FIFO is closed once the last has gone.
static void after_the_grace_time_the_whole_group_is_killed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, MINUTE);
    start_script(
        &world, 1,
        "exec 3>told; trap '' TERM;"
        "sh -c 'sh -c \"echo up >&3; sleep 99\" & sleep 99' & sleep 99");
    wait_told(&world, "up\n");
    pass(&world, 60000);
    assert_true(exec_wait_ms(world.exec, world_now(&world)) > 5000);
    struct exec_end end;
    assert_false(exec_next(world.exec, &end));
    pass(&world, 10000);
    wait_told_closed(&world);
    end = next_end(&world);
    assert_int_equal(end.class, CLASS_TIMEOUT);
    assert_int_equal(end.signal, SIGKILL);
    release(&world, &end);
    world_close(&world);
}

static void a_stopped_command_is_terminated_too(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, MINUTE);
    start_script(&world, 1, "exec 3>told; echo up >&3; kill -STOP $$");
    wait_told(&world, "up\n");
    pass(&world, 60000);
    const struct exec_end end = next_end(&world);
    assert_int_equal(end.class, CLASS_TIMEOUT);
    release(&world, &end);
    world_close(&world);
}

static void a_task_may_have_a_time_of_its_own(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, MINUTE);
    start_for(&world, 1, "exec sleep 99", 90000);
    start_for(&world, 2, "exec sleep 99", 1000);
    pass(&world, 2000);
    struct exec_end end = next_end(&world);
    assert_int_equal(end.slot, 2);
    assert_int_equal(end.class, CLASS_TIMEOUT);
    release(&world, &end);
    pass(&world, 60000); // beyond the others' time
    exec_turn(world.exec, world_now(&world));
    assert_false(exec_next(world.exec, &end));
    pass(&world, 30000);
    end = next_end(&world);
    assert_int_equal(end.slot, 1);
    assert_int_equal(end.class, CLASS_TIMEOUT);
    release(&world, &end);
    world_close(&world);
}

static void a_timeout_is_of_its_own_slot_only(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, MINUTE);
    start_script(&world, 1, "exec sleep 99");
    pass(&world, 40000);
    start_script(&world, 2, "read line <told; exit 3");
    pass(&world, 30000);
    struct exec_end end = next_end(&world);
    assert_int_equal(end.slot, 1);
    assert_int_equal(end.class, CLASS_TIMEOUT);
    assert_int_equal(end.signal, SIGTERM);
    release(&world, &end);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/told", world.dir);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "go\n", 3), 3);
    end = next_end(&world);
    assert_int_equal(end.slot, 2);
    assert_int_equal(end.class, CLASS_EXIT);
    close(fd);
    release(&world, &end);
    world_close(&world);
}

static void a_cancelled_command_is_terminated_then_killed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, MINUTE);
    start_script(&world, 1, "exec 3>told; trap '' TERM; echo up >&3; sleep 99");
    wait_told(&world, "up\n");
    exec_cancel(world.exec, 1, world_now(&world));
    pass(&world, 9000);
    struct exec_end end;
    assert_false(exec_next(world.exec, &end));
    exec_cancel(world.exec, 1, world_now(&world)); // puts nothing off
    pass(&world, 1000);
    end = next_end(&world);
    assert_int_equal(end.slot, 1);
    assert_int_equal(end.class, CLASS_CANCELLED);
    assert_int_equal(end.signal, SIGKILL);
    release(&world, &end);
    exec_cancel(world.exec, 1, world_now(&world)); // a free slot: nothing
    exec_cancel(world.exec, 2, world_now(&world));
    assert_int_equal(exec_wait_ms(world.exec, world_now(&world)), -1);
    world_close(&world);
}

static void an_ended_command_is_not_cancelled(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, MINUTE);
    const struct exec_end end = run_script(&world, "exit 4");
    exec_cancel(world.exec, 1, world_now(&world));
    struct exec_end again;
    assert_true(exec_next(world.exec, &again));
    assert_int_equal(again.class, CLASS_EXIT);
    assert_int_equal(again.slot, end.slot);
    release(&world, &again);
    assert_false(exec_next(world.exec, &again));
    world_close(&world);
}

static void killing_all_is_at_once(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, MINUTE);
    start_script(&world, 1, "exec 3>told; trap '' TERM; echo up >&3; sleep 99");
    start_script(&world, 2, "exec 3>told; trap '' TERM; echo up >&3; sleep 99");
    wait_told(&world, "up\nup\n");
    exec_kill_all(world.exec);
    wait_told_closed(&world);
    for (int i = 0; i < 2; i++) {
        const struct exec_end end = next_end(&world);
        assert_int_equal(end.class, CLASS_CANCELLED);
        assert_int_equal(end.signal, SIGKILL);
        release(&world, &end);
    }
    world_close(&world);
}

static void what_a_command_leaves_in_its_group_is_killed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    const struct exec_end end = run_script(
        &world,
        "exec 3>told; sh -c 'trap \"\" TERM HUP; sleep 99' & echo done");
    assert_int_equal(end.class, CLASS_NONE);
    assert_text(end.out, "done\n");
    wait_told_closed(&world);
    release(&world, &end);
    world_close(&world);
}

// It has left the group, holds both pipes and lives: nobody waits for it.
static void what_leaves_the_group_with_the_pipes_hangs_nothing(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    start_script(&world, 1,
                 "echo mine; setsid sh -c 'echo $$ >told; exec sleep 99' &"
                 "sleep 99");
    char text[32] = "";
    struct pollfd item = {.fd = world.told, .events = POLLIN};
    assert_int_equal(poll(&item, 1, -1), 1);
    assert_true(read(world.told, text, sizeof text - 1) > 0);
    const pid_t escaped = (pid_t)strtol(text, NULL, 10);
    assert_true(escaped > 1);
    exec_cancel(world.exec, 1, world_now(&world));
    const struct exec_end end = next_end(&world);
    assert_text(end.out, "mine\n");
    assert_int_equal(kill(escaped, 0), 0);
    assert_int_equal(kill(escaped, SIGKILL), 0);
    release(&world, &end);
    world_close(&world);
}

static void a_command_without_pipes_is_waited_for(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    start_script(&world, 1,
                 "exec >&- 2>&-; echo up >told; read line <told;"
                 "exit 5");
    wait_told(&world, "up\n");
    pass(&world, 0);
    pass(&world, 0);
    struct exec_end end;
    assert_false(exec_next(world.exec, &end));
    char path[96];
    (void)snprintf(path, sizeof path, "%s/told", world.dir);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "go\n", 3), 3);
    end = next_end(&world);
    assert_int_equal(end.exit, 5);
    close(fd);
    release(&world, &end);
    world_close(&world);
}

// With SIGCHLD ignored the kernel keeps no status: never a success.
static void an_end_that_cannot_be_learnt_is_a_failure(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    (void)signal(SIGCHLD, SIG_IGN);
    start_script(&world, 1, "read line <told; exit 0");
    char path[96];
    (void)snprintf(path, sizeof path, "%s/told", world.dir);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "go\n", 3), 3);
    const struct exec_end end = next_end(&world);
    (void)signal(SIGCHLD, SIG_DFL);
    close(fd);
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_holds(end.note, "cannot learn how the command ended");
    release(&world, &end);
    world_close(&world);
}

int main(void)
{
    // Reaps what falls to us, as in the worker.
    int code = 1;
    pid_t parent;
    struct problem problem = {0};
    if (shepherd_split(&code, &parent, &problem) != SHEPHERD_WORKER)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeout_terminates_and_keeps_what_was_written),
        cmocka_unit_test(after_the_grace_time_the_whole_group_is_killed),
        cmocka_unit_test(a_stopped_command_is_terminated_too),
        cmocka_unit_test(a_task_may_have_a_time_of_its_own),
        cmocka_unit_test(a_timeout_is_of_its_own_slot_only),
        cmocka_unit_test(a_cancelled_command_is_terminated_then_killed),
        cmocka_unit_test(an_ended_command_is_not_cancelled),
        cmocka_unit_test(killing_all_is_at_once),
        cmocka_unit_test(what_a_command_leaves_in_its_group_is_killed),
        cmocka_unit_test(what_leaves_the_group_with_the_pipes_hangs_nothing),
        cmocka_unit_test(a_command_without_pipes_is_waited_for),
        cmocka_unit_test(an_end_that_cannot_be_learnt_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
