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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_is_made_where_its_parent_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
