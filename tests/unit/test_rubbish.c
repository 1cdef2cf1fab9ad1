#include "tests/testing.h"

#include "worker/rubbish.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The test's folder, and one in it that is to be emptied.
struct place {
    char dir[64];
    int top, folder;
};

static void make_file(int folder, const char *name)
{
    const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int make_folder(int folder, const char *name)
{
    assert_int_equal(mkdirat(folder, name, 0700), 0);
    const int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static int open_place(void **state)
{
    static struct place place;
    (void)snprintf(place.dir, sizeof place.dir, "/tmp/fan-rubbish-XXXXXX");
    assert_non_null(mkdtemp(place.dir));
    place.top = open(place.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    place.folder = make_folder(place.top, "folder");
    *state = &place;
    return 0;
}

static int close_place(void **state)
{
    struct place *place = *state;
    (void)rubbish_clear(place->top);
    close(place->folder);
    close(place->top);
    return rmdir(place->dir);
}

static unsigned count(int folder)
{
    unsigned found = 0;
    DIR *entries = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY));
    assert_non_null(entries);
    while (readdir(entries))
        found++;
    closedir(entries);
    return found - 2;
}

static void links_are_removed_and_not_followed(void **state)
{
    struct place *place = *state;
    const int outside = make_folder(place->top, "outside");
    make_file(outside, "precious");
    assert_int_equal(fchmod(outside, 0500), 0);
    const int within = make_folder(place->folder, "within");
    assert_int_equal(symlinkat("../outside", place->folder, "link"), 0);
    assert_int_equal(symlinkat("../../outside", within, "link"), 0);
    assert_int_equal(symlinkat("../../outside/precious", within, "file"), 0);
    assert_int_equal(rubbish_clear(place->folder), 0);
    assert_int_equal(count(place->folder), 0);
    assert_int_equal(count(outside), 1);
    struct stat status;
    assert_int_equal(fstat(outside, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0500);
    close(within);
    close(outside);
}

static void depth_costs_neither_stack_nor_descriptors(void **state)
{
    struct place *place = *state;
    enum { DEEP = 3000 };
    int at = dup(place->folder);
    for (int i = 0; i < DEEP; i++) {
        make_file(at, "file");
        const int next = make_folder(at, "a folder, one of many, one in one");
        close(at);
        at = next;
    }
    close(at);
    assert_int_equal(rubbish_clear(place->folder), 0);
    assert_int_equal(count(place->folder), 0);
}

static void what_its_owner_has_shut_is_opened(void **state)
{
    struct place *place = *state;
    const int shut = make_folder(place->folder, "shut");
    const int within = make_folder(shut, "within");
    make_file(within, "file");
    make_file(within, "-rf");
    make_file(within, "two\nlines");
    assert_int_equal(fchmod(within, 0), 0);
    assert_int_equal(fchmod(shut, 0), 0);
    assert_int_equal(rubbish_clear(place->folder), 0);
    assert_int_equal(count(place->folder), 0);
    close(within);
    close(shut);
}

static void names_that_it_would_give_may_be_there(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "up-%d", i);
        const int folder = make_folder(place->folder, name);
        const int within = make_folder(folder, name);
        make_file(within, name);
        close(within);
        close(folder);
    }
    assert_int_equal(rubbish_clear(place->folder), 0);
    assert_int_equal(count(place->folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links_are_removed_and_not_followed,
                                        open_place, close_place),
        cmocka_unit_test_setup_teardown(
            depth_costs_neither_stack_nor_descriptors, open_place, close_place),
        cmocka_unit_test_setup_teardown(what_its_owner_has_shut_is_opened,
                                        open_place, close_place),
        cmocka_unit_test_setup_teardown(names_that_it_would_give_may_be_there,
                                        open_place, close_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
