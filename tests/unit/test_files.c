#include "tests/testing.h"

#include "common/base/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// Root may read anything: be nobody for a while.
static const uid_t NOBODY = 65534;

// A sticky scratch directory that nobody may list, as on some clusters.
static void directory_is_made_where_its_parent_cannot_be_read(void **state)
{
    (void)state;
    char parent[] = "/tmp/fan-test-XXXXXX", made[sizeof parent + 8];
    assert_non_null(mkdtemp(parent));
    snprintf(made, sizeof made, "%s/a", parent);
    assert_int_equal(files_make_dir(made), 0);
    assert_int_equal(files_make_dir(made), -EEXIST);
    assert_int_equal(rmdir(made), 0);
    assert_int_equal(chmod(parent, 0333), 0);
    const bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(NOBODY), 0);
    const int error = files_make_dir(made);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(error, 0);
    assert_int_equal(rmdir(made), 0);
    assert_int_equal(rmdir(parent), 0);
}

static void a_file_is_replaced_whole_and_nothing_else_is_left(void **state)
{
    (void)state;
    char dir[] = "/tmp/fan-test-XXXXXX", path[sizeof dir + 8], got[16];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/name", dir);
    assert_int_equal(files_put(dir, "name", SPAN_OF("the first")), 0);
    assert_int_equal(files_put(dir, "name", SPAN_OF("second")), 0);
    const int fd = files_open(path);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got), 6);
    assert_memory_equal(got, "second", 6);
    close(fd);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(files_put(dir, "name", SPAN_OF("third")), -EISDIR);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_is_made_where_its_parent_cannot_be_read),
        cmocka_unit_test(a_file_is_replaced_whole_and_nothing_else_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
