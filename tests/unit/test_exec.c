#include "tests/unit/exec_world.h"

#include "worker/shepherd.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>

static void output_of_both_streams_is_captured(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    const struct exec_end end =
        run_script(&world, "printf 'one\\ntwo'; printf three >&2; exit 0");
    assert_int_equal(end.slot, 1);
    assert_int_equal(end.class, CLASS_NONE);
    assert_int_equal(end.exit, 0);
    assert_int_equal(end.signal, 0);
    assert_text(end.out, "one\ntwo");
    assert_text(end.err, "three");
    assert_text(end.note, "");
    release(&world, &end);
    const struct exec_end second = run_script(&world, ":");
    assert_text(second.out, "");
    assert_text(second.err, "");
    release(&world, &second);
    world_close(&world);
}

static void large_output_comes_whole_in_both_streams_at_once(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    const struct exec_end end = run_script(
        &world, "head -c 3000000 /dev/zero & head -c 2000000 /dev/zero >&2;"
                "wait");
    assert_int_equal(end.class, CLASS_NONE);
    assert_int_equal(end.out.size, 3000000);
    assert_int_equal(end.err.size, 2000000);
    release(&world, &end);
    world_close(&world);
}

static void an_exit_code_is_told(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    const struct exec_end end = run_script(&world, "echo so far; exit 77");
    assert_int_equal(end.class, CLASS_EXIT);
    assert_int_equal(end.exit, 77);
    assert_int_equal(end.signal, 0);
    assert_text(end.out, "so far\n");
    release(&world, &end);
    world_close(&world);
}

static void a_signal_is_told(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    const struct exec_end end = run_script(&world, "kill -USR1 $$");
    assert_int_equal(end.class, CLASS_SIGNAL);
    assert_int_equal(end.signal, SIGUSR1);
    assert_int_equal(end.exit, 0);
    release(&world, &end);
    world_close(&world);
}

static void output_up_to_the_limit_is_fine(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){.output_max = 5});
    const struct exec_end end =
        run_script(&world, "printf 12345; printf 54321 >&2");
    assert_int_equal(end.class, CLASS_NONE);
    assert_text(end.out, "12345");
    assert_text(end.err, "54321");
    assert_false(end.out_cut);
    assert_false(end.err_cut);
    release(&world, &end);
    world_close(&world);
}

static void output_over_the_limit_kills_the_command(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){.output_max = 1000});
    const struct exec_end end =
        run_script(&world, "trap '' TERM; while :; do echo line; done");
    assert_int_equal(end.class, CLASS_OUTPUT);
    assert_int_equal(end.out.size, 1000);
    assert_true(end.out_cut);
    assert_int_equal(end.signal, SIGKILL);
    assert_holds(end.note, "stdout is longer than --output-max");
    release(&world, &end);
    // One that has ended before it was read fails too.
    const struct exec_end ended =
        run_script(&world, "head -c 1001 /dev/zero >&2");
    assert_int_equal(ended.class, CLASS_OUTPUT);
    assert_true(ended.err_cut);
    assert_false(ended.out_cut);
    assert_holds(ended.note, "stderr");
    release(&world, &ended);
    world_close(&world);
}

static void longer_output_is_cut_and_flagged_where_that_is_wanted(void **state)
{
    (void)state;
    struct world world;
    world_open(&world,
               (struct exec_settings){.output_max = 4, .truncate = true});
    const struct exec_end end =
        run_script(&world, "printf 123; printf 456; head -c 500000 /dev/zero;"
                           "printf ok >&2");
    assert_int_equal(end.class, CLASS_NONE);
    assert_text(end.out, "1234");
    assert_true(end.out_cut);
    assert_text(end.err, "ok");
    assert_false(end.err_cut);
    release(&world, &end);
    const struct exec_end next = run_script(&world, "printf new");
    assert_text(next.out, "new");
    assert_false(next.out_cut);
    release(&world, &next);
    world_close(&world);
}

static void start_arg(struct world *world, const char *program)
{
    const struct span args[] = {span_of_text(program)};
    start_command(world, 1,
                  &(struct wire_command_out){.args = args, .arg_count = 1});
}

static void what_cannot_start_says_why(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    start_arg(&world, "no-such-command");
    struct exec_end end = next_end(&world);
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_text(end.note,
                "cannot start 'no-such-command': No such file or directory");
    release(&world, &end);

    char path[96];
    (void)snprintf(path, sizeof path, "%s/plain", world.dir);
    const int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    start_arg(&world, "./plain");
    end = next_end(&world);
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_text(end.note, "cannot start './plain': Permission denied");
    release(&world, &end);

    assert_int_equal(fchmod(fd, 0755), 0);
    assert_int_equal(write(fd, "echo hello\n", 11), 11);
    close(fd);
    start_arg(&world, "./plain");
    end = next_end(&world);
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_holds(end.note, "Exec format error");
    assert_holds(end.note, "#!");
    release(&world, &end);

    start_command(&world, 1, &(struct wire_command_out){0}); // no argument
    end = next_end(&world);
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_true(end.note.size > 0);
    assert_int_equal(end.wall_us, 0);
    release(&world, &end);
    world_close(&world);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct world world;
    world_open(&world,
               (struct exec_settings){.launch.chdir = "/no/such/folder"});
    const struct exec_end end = run_script(&world, "echo hello");
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_text(end.note,
                "cannot enter '/no/such/folder': No such file or directory");
    release(&world, &end);
    world_close(&world);
}

static void too_long_a_command_fails_by_itself(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    struct buffer text = {0};
    memset(buffer_extend(&text, 200 << 10), 'x', 200 << 10);
    const struct span args[] = {SPAN_OF("true"), buffer_span(&text)};
    start_command(&world, 1,
                  &(struct wire_command_out){.args = args, .arg_count = 2});
    const struct exec_end end = next_end(&world);
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_text(end.note, "cannot start 'true': Argument list too long");
    release(&world, &end);
    buffer_free(&text);
    world_close(&world);
}

static void resources_are_measured(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    const int64_t before = clock_utc_us();
    const struct exec_end end = run_script(
        &world, "i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done");
    assert_int_equal(end.class, CLASS_NONE);
    assert_true(end.start_us >= before && end.start_us <= clock_utc_us());
    assert_true(end.wall_us > 0);
    assert_true(end.user_us > 0);
    assert_true(end.user_us + end.sys_us <= end.wall_us + 20000);
    assert_true(end.maxrss_bytes > 100000);
    release(&world, &end);
    const struct exec_end quick = run_script(&world, ":");
    assert_true(quick.user_us < end.user_us);
    release(&world, &quick);
    world_close(&world);
}

static void slots_run_at_the_same_time_and_end_in_order_of_end(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){.slots = 3});
    // The first waits for the second to write, the second for the third.
    char path[96];
    (void)snprintf(path, sizeof path, "%s/a", world.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/b", world.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    start_script(&world, 1, "cat <a");
    start_script(&world, 3, "cat <b");
    start_script(&world, 2, "echo three >b; read line <told; echo two >a");
    struct exec_end end = next_end(&world);
    assert_int_equal(end.slot, 3);
    assert_text(end.out, "three\n");
    release(&world, &end);
    char told[96];
    (void)snprintf(told, sizeof told, "%s/told", world.dir);
    const int fd = open(told, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "go\n", 3), 3);
    for (int i = 0; i < 2; i++) {
        end = next_end(&world);
        assert_text(end.out, end.slot == 1 ? "two\n" : "");
        release(&world, &end);
    }
    close(fd);
    world_close(&world);
}

// Lines are live while the command still runs, and in its result as well.
static void whole_lines_are_shown_live_behind_their_tag(void **state)
{
    (void)state;
    struct world world;
    int ends[2];
    world_open(&world, (struct exec_settings){.line_buffer = true});
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(stdout);
    const int before = dup(STDOUT_FILENO);
    assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    start_script(&world, 1,
                 "printf 'one\ntwo\nthr'; read line <told;"
                 "printf ee");
    struct pollfd items[] = {{.fd = ends[0], .events = POLLIN},
                             {.fd = exec_fd(world.exec), .events = POLLIN}};
    char text[64] = "";
    size_t size = 0;
    while (size < strlen("tag\tone\ntag\ttwo\n")) {
        assert_true(poll(items, 2, -1) > 0);
        exec_turn(world.exec, world_now(&world));
        if (poll(items, 1, 0) > 0)
            size += (size_t)read(ends[0], text + size, sizeof text - size);
    }
    char path[96];
    (void)snprintf(path, sizeof path, "%s/told", world.dir);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "go\n", 3), 3);
    const struct exec_end end = next_end(&world);
    assert_true(read(ends[0], text + size, sizeof text - size) > 0);
    assert_int_equal(dup2(before, STDOUT_FILENO), STDOUT_FILENO);
    assert_string_equal(text, "tag\tone\ntag\ttwo\ntag\tthree\n");
    assert_text(end.out, "one\ntwo\nthree");
    close(before);
    close(fd);
    close(ends[0]);
    close(ends[1]);
    release(&world, &end);
    world_close(&world);
}

static size_t descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void a_thousand_commands_leave_no_descriptor(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){.slots = 2});
    const size_t before = descriptors();
    const struct span args[] = {SPAN_OF("true")};
    const struct span none[] = {SPAN_OF("no-such-command")};
    for (int i = 0; i < 500; i++) {
        const bool bad = i % 10 == 9;
        const struct wire_command_out command = {
            .args = bad ? none : args,
            .arg_count = 1,
            .flags = COMMAND_STDERR_FILE,
            .stderr_path = bad ? SPAN_OF("told/nowhere") : SPAN_OF("err")};
        start_command(&world, 1, &command);
        start_command(&world, 2,
                      &(struct wire_command_out){.args = args, .arg_count = 1});
        for (int j = 0; j < 2; j++) {
            const struct exec_end end = next_end(&world);
            assert_int_equal(end.class,
                             bad && end.slot == 1 ? CLASS_SPAWN : CLASS_NONE);
            release(&world, &end);
        }
    }
    assert_int_equal(descriptors(), before);
    world_close(&world);
}

static void destroying_kills_what_runs(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){.slots = 2});
    start_script(&world, 1, "exec 3>told; echo up >&3; trap '' TERM; sleep 99");
    wait_told(&world, "up\n");
    exec_destroy(&world.exec);
    wait_told_closed(&world);
    world_close(&world);
}

int main(void)
{
    // What falls to us is reaped, and SIGCHLD is heard even so.
    (void)signal(SIGCHLD, SIG_IGN);
    int code = 1;
    pid_t parent;
    struct problem problem = {0};
    if (shepherd_split(&code, &parent, &problem) != SHEPHERD_WORKER)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_of_both_streams_is_captured),
        cmocka_unit_test(large_output_comes_whole_in_both_streams_at_once),
        cmocka_unit_test(an_exit_code_is_told),
        cmocka_unit_test(a_signal_is_told),
        cmocka_unit_test(output_up_to_the_limit_is_fine),
        cmocka_unit_test(output_over_the_limit_kills_the_command),
        cmocka_unit_test(longer_output_is_cut_and_flagged_where_that_is_wanted),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
        cmocka_unit_test(too_long_a_command_fails_by_itself),
        cmocka_unit_test(resources_are_measured),
        cmocka_unit_test(slots_run_at_the_same_time_and_end_in_order_of_end),
        cmocka_unit_test(whole_lines_are_shown_live_behind_their_tag),
        cmocka_unit_test(a_thousand_commands_leave_no_descriptor),
        cmocka_unit_test(destroying_kills_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
