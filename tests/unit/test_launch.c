#include "tests/unit/exec_world.h"

#include "worker/shepherd.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void every_argument_stays_one_argument(void **state)
{
    (void)state;
    static const char *const AWKWARD[] = {
        "two words", "line\nbreak", "it's", "\"$(rm -rf /)\"", "; exit 9", "",
        "*",         "-n",          "\\0",  "`id`\t|&<>",      "\xff\xfe",
    };
    enum { COUNT = sizeof AWKWARD / sizeof AWKWARD[0] };
    struct world world;
    world_open(&world, (struct exec_settings){0});
    struct span args[COUNT + 2] = {SPAN_OF("printf"), SPAN_OF("[%s]")};
    struct buffer expected = {0};
    for (size_t i = 0; i < COUNT; i++) {
        args[i + 2] = span_of_text(AWKWARD[i]);
        buffer_printf(&expected, "[%s]", AWKWARD[i]);
    }
    start_command(
        &world, 1,
        &(struct wire_command_out){.args = args, .arg_count = COUNT + 2});
    const struct exec_end end = next_end(&world);
    assert_int_equal(end.class, CLASS_NONE);
    assert_true(span_equal(end.out, buffer_span(&expected)));
    release(&world, &end);
    buffer_free(&expected);
    world_close(&world);
}

static void the_slot_number_goes_in_at_every_mark(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){.slots = 12});
    const struct span args[] = {SPAN_OF("printf"), SPAN_OF("[%s]"),
                                SPAN_OF("a-b"), SPAN_OF("plain"), SPAN_OF("")};
    const struct wire_slot_mark marks[] = {{2, 0}, {2, 2}, {2, 3}, {4, 0}};
    start_command(
        &world, 12,
        &(struct wire_command_out){
            .args = args, .arg_count = 5, .marks = marks, .mark_count = 4});
    const struct exec_end end = next_end(&world);
    assert_text(end.out, "[12a-12b12][plain][12]");
    release(&world, &end);
    world_close(&world);
}

static struct exec_end run_with_input(struct world *world, const char *script,
                                      struct span input)
{
    const struct span args[] = {SPAN_OF("sh"), SPAN_OF("-c"),
                                span_of_text(script)};
    start_command(world, 1,
                  &(struct wire_command_out){.flags = COMMAND_INPUT,
                                             .args = args,
                                             .arg_count = 3,
                                             .input = input});
    return next_end(world);
}

static void the_input_comes_on_standard_input_when_wanted(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){.launch.input = true});
    struct exec_end end = run_with_input(&world, "cat; printf \"|$FAN_TASK\"",
                                         SPAN_OF("{\"id\": 1}\nmore"));
    assert_text(end.out, "{\"id\": 1}\nmore|{\"id\": 1}\nmore");
    release(&world, &end);
    end = run_with_input(&world, "wc -c", SPAN_OF(""));
    assert_text(end.out, "0\n");
    release(&world, &end);

    // Too long for a variable it is on standard input only.
    struct buffer large = {0};
    memset(buffer_extend(&large, 1 << 20), 'x', 1 << 20);
    end = run_with_input(&world, "wc -c; echo ${FAN_TASK-none}",
                         buffer_span(&large));
    assert_text(end.out, "1048576\nnone\n");
    release(&world, &end);
    // Nobody has to read it.
    end = run_with_input(&world, "exit 0", buffer_span(&large));
    assert_int_equal(end.class, CLASS_NONE);
    release(&world, &end);
    buffer_free(&large);
    world_close(&world);
}

static void standard_input_is_empty_otherwise(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    struct exec_end end =
        run_with_input(&world, "cat; echo \"$FAN_TASK\"", SPAN_OF("payload"));
    assert_text(end.out, "payload\n");
    release(&world, &end);
    end = run_script(&world, "cat; echo ${FAN_TASK-none}");
    assert_text(end.out, "none\n");
    release(&world, &end);
    world_close(&world);
}

static void a_task_knows_who_it_is(void **state)
{
    (void)state;
    struct world world;
    assert_int_equal(setenv("FAN_SUPERVISOR", "77", 1), 0);
    assert_int_equal(setenv("FAN_TASK", "another's", 1), 0);
    assert_int_equal(setenv("PARALLEL_SEQ", "outer", 1), 0);
    assert_int_equal(setenv("MINE", "kept", 1), 0);
    world_open(&world, (struct exec_settings){.slots = 3,
                                              .launch.run = "night",
                                              .launch.dir = "/runs/night"});
    start_script(&world, 3,
                 "echo $FAN_RUN $FAN_RUN_DIR $FAN_TASK_ID $FAN_ATTEMPT "
                 "$FAN_SLOT $FAN_SEED;"
                 "echo ${FAN_TASK-none} ${FAN_ARRAY_ID-none}"
                 " ${FAN_SUPERVISOR-none} $PARALLEL_SEQ"
                 " ${HQ_TASK_ID-none} $MINE");
    const struct exec_end end = next_end(&world);
    assert_text(
        end.out,
        "night /runs/night 1 2 3 12345\nnone none none outer none kept\n");
    release(&world, &end);
    world_close(&world);
}

static void other_programs_variables_come_when_wanted(void **state)
{
    (void)state;
    struct world world;
    assert_int_equal(setenv("PARALLEL_SEQ", "outer", 1), 0);
    world_open(&world, (struct exec_settings){.launch.compat = true});
    static const char *const SCRIPT =
        "echo $PARALLEL_SEQ $HQ_TASK_ID $SLURM_ARRAY_TASK_ID"
        " ${FAN_ARRAY_ID-none}";
    struct exec_end end = run_script(&world, SCRIPT);
    assert_text(end.out, "1 1 1 none\n");
    release(&world, &end);

    const struct span args[] = {SPAN_OF("sh"), SPAN_OF("-c"),
                                span_of_text(SCRIPT)};
    const struct wire_pair values[] = {{SPAN_OF("array"), SPAN_OF("40")}};
    start_command(&world, 1,
                  &(struct wire_command_out){
                      .args = args, .arg_count = 3, .values = {values, 1}});
    end = next_end(&world);
    assert_text(end.out, "2 2 40 40\n");
    release(&world, &end);
    world_close(&world);
}

static void no_other_descriptor_is_passed_on(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){.launch.input = true});
    const int high = dup2(STDERR_FILENO, 50); // without close-on-exec
    assert_int_equal(high, 50);
    const struct exec_end end =
        run_with_input(&world,
                       "for fd in 4 5 6 7 8 9 10 11 12 50; do"
                       "    test -e /proc/$$/fd/$fd && echo $fd is open;"
                       "done; echo checked",
                       SPAN_OF("input"));
    assert_text(end.out, "checked\n");
    close(high);
    release(&world, &end);
    world_close(&world);
}

static void signals_are_as_a_command_expects_them(void **state)
{
    (void)state;
    struct world world;
    sigset_t block, before;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGINT);
    assert_int_equal(sigprocmask(SIG_BLOCK, &block, &before), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    world_open(&world, (struct exec_settings){0});
    const struct span args[] = {SPAN_OF("grep"), SPAN_OF("-E"),
                                SPAN_OF("^Sig(Blk|Ign):"),
                                SPAN_OF("/proc/self/status")};
    start_command(&world, 1,
                  &(struct wire_command_out){.args = args, .arg_count = 4});
    const struct exec_end end = next_end(&world);
    assert_holds(end.out, "SigBlk:\t0000000000000000\n");
    // The C library itself leaves its own two, 32 and 33, ignored.
    const char *ignored = memmem(end.out.at, end.out.size, "SigIgn:", 7);
    assert_non_null(ignored);
    assert_int_equal(strtoull(ignored + 7, NULL, 16) & 0x7fffffff, 0);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGHUP, SIG_DFL);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    release(&world, &end);
    world_close(&world);
}

static void each_command_leads_its_own_group(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    const struct exec_end end =
        run_script(&world, "read -r _ _ _ _ group _ </proc/$$/stat;"
                           "test $group = $$ && echo own");
    assert_text(end.out, "own\n");
    release(&world, &end);
    world_close(&world);
}

static void start_into_files(struct world *world, const char *script,
                             const char *out, const char *err)
{
    const struct span args[] = {SPAN_OF("sh"), SPAN_OF("-c"),
                                span_of_text(script)};
    const unsigned flags =
        (out ? COMMAND_STDOUT_FILE : 0U) | (err ? COMMAND_STDERR_FILE : 0U);
    start_command(world, 1,
                  &(struct wire_command_out){.flags = (uint8_t)flags,
                                             .args = args,
                                             .arg_count = 3,
                                             .stdout_path = span_of_text(out),
                                             .stderr_path = span_of_text(err)});
}

static void assert_file(const struct world *world, const char *name,
                        const char *text)
{
    char path[96], got[256] = "";
    (void)snprintf(path, sizeof path, "%s/%s", world->dir, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!text) {
        assert_int_equal(fd, -1);
        return;
    }
    assert_true(fd >= 0);
    assert_true(read(fd, got, sizeof got - 1) >= 0);
    assert_string_equal(got, text);
    close(fd);
}

static void output_goes_to_files_which_get_their_names_at_the_end(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    start_into_files(&world,
                     "echo one; echo two >&2; test -e out/1/a.partial &&"
                     " test ! -e out/1/a && echo late; exit 3",
                     "out/1/a", "err");
    struct exec_end end = next_end(&world);
    assert_int_equal(end.class, CLASS_EXIT);
    assert_text(end.out, "");
    assert_text(end.err, "");
    assert_file(&world, "out/1/a", "one\nlate\n");
    assert_file(&world, "err", "two\n");
    assert_file(&world, "out/1/a.partial", NULL);
    release(&world, &end);
    start_into_files(&world, "echo new; echo seen >&2", "out/1/a", NULL);
    end = next_end(&world);
    assert_text(end.err, "seen\n");
    assert_file(&world, "out/1/a", "new\n");
    release(&world, &end);
    world_close(&world);
}

static void a_cancelled_command_leaves_its_file_partial(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    start_into_files(&world, "echo half; echo up >told; exec sleep 99", "a",
                     NULL);
    wait_told(&world, "up\n");
    exec_cancel(world.exec, 1, world_now(&world));
    const struct exec_end end = next_end(&world);
    assert_int_equal(end.class, CLASS_CANCELLED);
    assert_file(&world, "a", NULL);
    assert_file(&world, "a.partial", "half\n");
    release(&world, &end);
    world_close(&world);
}

static void assert_refused(struct world *world, const char *path,
                           const char *note)
{
    start_into_files(world, "echo ran >ran", path, NULL);
    const struct exec_end end = next_end(world);
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_holds(end.note, note);
    assert_file(world, "ran", NULL);
    release(world, &end);
}

static void only_a_file_is_written_to(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    char path[96];
    (void)snprintf(path, sizeof path, "%s/fifo.partial", world.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(&world, "fifo", "cannot write 'fifo.partial'");
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_refused(&world, "fifo", "cannot write 'fifo.partial'");
    close(fd);
    (void)snprintf(path, sizeof path, "%s/link.partial", world.dir);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_refused(&world, "link", "cannot write 'link.partial'");
    assert_file(&world, "elsewhere", NULL);
    (void)snprintf(path, sizeof path, "%s/folder", world.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(&world, "folder", "cannot write 'folder': Is a directory");
    assert_file(&world, "folder.partial", NULL);
    assert_refused(&world, "told/a", "cannot write 'told/a.partial'");
    assert_refused(&world, "", "No such file or directory");
    world_close(&world);
}

static void a_file_that_cannot_get_its_name_is_a_failure(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    char command[128];
    (void)snprintf(command, sizeof command, "mkdir %s/folder; echo hello",
                   world.dir);
    start_into_files(&world, command, "folder", NULL);
    const struct exec_end end = next_end(&world);
    assert_int_equal(end.class, CLASS_OUTPUT);
    assert_holds(end.note, "cannot rename 'folder.partial': Is a directory");
    assert_file(&world, "folder.partial", "hello\n");
    release(&world, &end);
    world_close(&world);
}

static void what_does_not_start_leaves_no_file(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct exec_settings){0});
    const struct span args[] = {SPAN_OF("no-such-command")};
    start_command(&world, 1,
                  &(struct wire_command_out){.flags = COMMAND_STDOUT_FILE |
                                                      COMMAND_STDERR_FILE,
                                             .args = args,
                                             .arg_count = 1,
                                             .stdout_path = SPAN_OF("a"),
                                             .stderr_path = SPAN_OF("b")});
    const struct exec_end end = next_end(&world);
    assert_int_equal(end.class, CLASS_SPAWN);
    assert_file(&world, "a.partial", NULL);
    assert_file(&world, "b.partial", NULL);
    assert_file(&world, "a", NULL);
    release(&world, &end);
    world_close(&world);
}

// dir/NAME/prog, which says NAME and what it was called.
static void make_program(const struct world *world, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", world->dir, name);
    assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/%s/prog", world->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\necho %s\n", name);
    assert_int_equal(fchmod(fileno(file), 0777), 0);
    assert_int_equal(fclose(file), 0);
}

static void runs(struct world *world, const char *said)
{
    const struct span args[] = {SPAN_OF("prog")};
    start_command(world, 1,
                  &(struct wire_command_out){.args = args, .arg_count = 1});
    const struct exec_end end = next_end(world);
    assert_int_equal(end.class, said ? CLASS_NONE : CLASS_SPAWN);
    if (said)
        assert_text(end.out, said);
    release(world, &end);
}

// The place of a program is remembered, and looked for again when it moves.
static void a_program_is_found_where_the_path_has_it(void **state)
{
    (void)state;
    struct world world;
    char path[3 * PATH_MAX], file[PATH_MAX];
    const char *before = getenv("PATH");
    char *kept = strdup(before ? before : "");
    world_open(&world, (struct exec_settings){0});
    make_program(&world, "a");
    make_program(&world, "b");
    snprintf(path, sizeof path, "%s/none:%s/a:%s/b:%s", world.dir, world.dir,
             world.dir, kept);
    assert_int_equal(setenv("PATH", path, 1), 0);
    runs(&world, "a\n");
    runs(&world, "a\n");
    snprintf(file, sizeof file, "%s/a/prog", world.dir);
    assert_int_equal(unlink(file), 0);
    runs(&world, "b\n");
    make_program(&world, "a");
    runs(&world, "a\n"); // b was found by execvp, which is asked again
    snprintf(path, sizeof path, "%s/none:b:%s", world.dir, kept);
    assert_int_equal(setenv("PATH", path, 1), 0);
    snprintf(file, sizeof file, "%s/a/prog", world.dir);
    assert_int_equal(unlink(file), 0);
    runs(&world, "b\n"); // relative to the tasks' directory
    assert_int_equal(setenv("PATH", kept, 1), 0);
    runs(&world, NULL);
    free(kept);
    world_close(&world);
}

int main(void)
{
    int code = 1;
    pid_t parent;
    struct problem problem = {0};
    if (shepherd_split(&code, &parent, &problem) != SHEPHERD_WORKER)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_argument_stays_one_argument),
        cmocka_unit_test(the_slot_number_goes_in_at_every_mark),
        cmocka_unit_test(the_input_comes_on_standard_input_when_wanted),
        cmocka_unit_test(standard_input_is_empty_otherwise),
        cmocka_unit_test(a_task_knows_who_it_is),
        cmocka_unit_test(other_programs_variables_come_when_wanted),
        cmocka_unit_test(no_other_descriptor_is_passed_on),
        cmocka_unit_test(signals_are_as_a_command_expects_them),
        cmocka_unit_test(each_command_leads_its_own_group),
        cmocka_unit_test(output_goes_to_files_which_get_their_names_at_the_end),
        cmocka_unit_test(a_cancelled_command_leaves_its_file_partial),
        cmocka_unit_test(only_a_file_is_written_to),
        cmocka_unit_test(a_file_that_cannot_get_its_name_is_a_failure),
        cmocka_unit_test(what_does_not_start_leaves_no_file),
        cmocka_unit_test(a_program_is_found_where_the_path_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
