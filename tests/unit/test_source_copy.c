#include "tests/unit/source_world.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

// Stands before the C library's.
static struct {
    unsigned count;
    off_t size; // of the file at the last one
} syncs;

int fdatasync(int fd)
{
    struct stat about;
    syncs.count++;
    if (fstat(fd, &about) == 0)
        syncs.size = about.st_size;
    return (int)syscall(SYS_fdatasync, fd);
}

static bool is_readable(const struct source *source)
{
    struct pollfd poll_fd = {.fd = source_fd(source), .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void expect_now(struct source *source, const char *tasks,
                       enum source_result last)
{
    struct seen seen;
    read_all(source, &seen);
    assert_string_equal((const char *)seen.text.at, tasks);
    assert_int_equal(seen.last, last);
    buffer_free(&seen.text);
}

static void growing_copy_is_followed_to_its_end(void **state)
{
    struct world *world = *state;
    char from[64], to[64];
    uint64_t bytes = 1;
    set(&world->settings.input_copy, "input");
    write_text(world, "input", "");
    struct source *source = open_source(world);
    expect_now(source, "", SOURCE_LATER);
    source_fd_clear(source);
    assert_false(is_readable(source));
    append_text(world, "input", "a\nb");
    assert_true(is_readable(source));
    source_fd_clear(source);
    assert_false(is_readable(source));
    expect_now(source, "a\n", SOURCE_LATER);
    append_text(world, "input", "c\nd");
    expect_now(source, "bc\n", SOURCE_LATER);
    assert_int_equal(source_total(source, &bytes), 0);
    assert_int_equal(bytes, 0);
    source_fd_clear(source);
    write_text(world, "end.new", "6\n");
    path_of(world, "end.new", from);
    path_of(world, "input.end", to);
    assert_int_equal(rename(from, to), 0);
    assert_true(is_readable(source));
    expect_now(source, "d\n", SOURCE_END);
    expect_now(source, "", SOURCE_END);
    assert_int_equal(source_fd(source), -1);
    source_total(source, &bytes);
    assert_int_equal(bytes, 6);
    source_close(&source);
    expect(world, "a\nbc\nd\n");
}

static void growing_copy_is_the_first_list_of_a_product(void **state)
{
    struct world *world = *state;
    set(&world->settings.input_copy, "input");
    set_sources(world, ":::: - ::: 1 2");
    write_text(world, "input", "a\nb");
    struct source *source = open_source(world);
    expect_now(source, "a|1\na|2\n", SOURCE_LATER);
    append_text(world, "input", "\n");
    expect_now(source, "b|1\nb|2\n", SOURCE_LATER);
    write_text(world, "input.end", "4");
    expect_now(source, "", SOURCE_END);
    source_close(&source);
    expect(world, "a|1\na|2\nb|1\nb|2\n");
}

static void copied_bytes_are_synced_before_they_are_given(void **state)
{
    struct world *world = *state;
    struct source_task task;
    set(&world->settings.input_copy, "input");
    write_text(world, "input", "a\nb\n");
    struct source *source = open_source(world);
    syncs.count = 0;
    assert_int_equal(source_next(source, &task, &world->problem), SOURCE_TASK);
    assert_int_equal(syncs.count, 1);
    assert_int_equal(syncs.size, 4);
    assert_int_equal(source_next(source, &task, &world->problem), SOURCE_TASK);
    assert_int_equal(syncs.count, 1);
    append_text(world, "input", "c\n");
    assert_int_equal(source_next(source, &task, &world->problem), SOURCE_TASK);
    assert_int_equal(syncs.count, 2);
    assert_int_equal(syncs.size, 6);
    source_close(&source);
}

static void copy_ends_where_its_marker_says(void **state)
{
    struct world *world = *state;
    struct source_task task;
    set(&world->settings.input_copy, "input");
    write_text(world, "input", "a\nb\nc\n");
    write_text(world, "input.end", "4\n");
    expect(world, "a\nb\n");
    write_text(world, "input.end", "9\n");
    struct source *source = open_source(world);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(source_next(source, &task, &world->problem),
                         SOURCE_TASK);
    assert_int_equal(source_next(source, &task, &world->problem), SOURCE_ERROR);
    assert_int_equal(world->problem.code, -EBADMSG);
    source_close(&source);
    write_text(world, "input.end", "4x");
    refuse(world, EXIT_ERROR, "holds no length");
}

static void open_copy_counts_as_far_as_is_told(void **state)
{
    struct world *world = *state;
    set(&world->settings.input_copy, "input");
    world->settings.open = true;
    write_text(world, "input", "a\nb");
    struct source *source = open_source(world);
    expect_now(source, "a\n", SOURCE_LATER); // `fan run` is still copying
    append_text(world, "input", "\nto");
    write_text(world, "input.open", "4\n");
    expect_now(source, "b\n", SOURCE_LATER);
    write_text(world, "input", "a\nb\nnew\ntorn"); // in place of what was torn
    expect_now(source, "", SOURCE_LATER);
    source_fd_clear(source);
    write_text(world, "input.open", "8\n");
    assert_true(is_readable(source));
    expect_now(source, "new\n", SOURCE_LATER);
    write_text(world, "input", "a\nb\nnew\nlast\ntorn");
    write_text(world, "input.open", "13\n");
    write_text(world, "input.end", "13\n");
    expect_now(source, "last\n", SOURCE_END);
    source_close(&source);
    expect(world, "a\nb\nnew\nlast\n");
}

static void waiting_for_a_header_ends_with_a_signal(void **state)
{
    struct world *world = *state;
    sigset_t terminate, before;
    int number = 0;
    set(&world->settings.input_copy, "input");
    world->settings.header = true;
    write_text(world, "input", "a,");
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &terminate, &before), 0);
    assert_int_equal(raise(SIGTERM), 0);
    refuse(world, EXIT_ERROR, "waiting for the table's header");
    assert_int_equal(sigwait(&terminate, &number), 0);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    append_text(world, "input", "b\n1,2\n");
    write_text(world, "input.end", "8");
    expect(world, "a=1|b=2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(growing_copy_is_followed_to_its_end),
        TEST(growing_copy_is_the_first_list_of_a_product),
        TEST(copied_bytes_are_synced_before_they_are_given),
        TEST(copy_ends_where_its_marker_says),
        TEST(open_copy_counts_as_far_as_is_told),
        TEST(waiting_for_a_header_ends_with_a_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
