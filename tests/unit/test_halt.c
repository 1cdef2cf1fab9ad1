#include "tests/testing.h"

#include "common/policy/halt.h"

#include <errno.h>

static struct halt parsed(const char *text)
{
    struct halt halt;
    if (halt_parse(text, &halt) != 0)
        fail_msg("%s", text);
    return halt;
}

static void spellings_are_those_of_parallel(void **state)
{
    (void)state;
    struct halt halt = parsed("soon,fail=1");
    assert_int_equal(halt.of, HALT_FAIL);
    assert_int_equal(halt.count, 1);
    assert_false(halt.now || halt.percent);
    halt = parsed("now,fail=10%");
    assert_true(halt.now && halt.percent);
    assert_int_equal(halt.count, 10);
    assert_int_equal(parsed("now,success=3").of, HALT_SUCCESS);
    assert_int_equal(parsed("soon,done=1000000").count, 1000000);
    assert_int_equal(parsed(NULL).of, HALT_NEVER);
}

static void anything_else_is_refused(void **state)
{
    static const char *const TEXTS[] = {"",
                                        "1",
                                        "fail=1",
                                        "soon",
                                        "soon,",
                                        "soon,fail",
                                        "soon,fail=",
                                        "soon,fail=0",
                                        "soon,fail=-1",
                                        "soon,fail=101%",
                                        "soon,fail=1x",
                                        "later,fail=1",
                                        "soon,done=5%",
                                        "soon,success=5%",
                                        "soon,fail=1,done=2",
                                        "soon,fail=99999999999999999999",
                                        " soon,fail=1"};
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct halt halt;
        if (halt_parse(TEXTS[i], &halt) != -EINVAL)
            fail_msg("%s", TEXTS[i]);
        assert_int_equal(halt.of, HALT_NEVER);
    }
}

static void due(const char *text, uint64_t ok, uint64_t failed, bool expected)
{
    const struct halt halt = parsed(text);
    if (halt_is_due(&halt, ok, failed, ok + failed) != expected)
        fail_msg("%s at %d ok, %d failed", text, (int)ok, (int)failed);
}

static void it_is_due_when_the_count_is_reached(void **state)
{
    (void)state;
    due(NULL, 1000, 1000, false);
    due("soon,fail=2", 1000, 1, false);
    due("soon,fail=2", 0, 2, true);
    due("soon,success=2", 1, 1000, false);
    due("soon,success=2", 2, 0, true);
    due("soon,done=5", 2, 2, false);
    due("soon,done=5", 2, 3, true);
    due("soon,fail=10%", 0, 2, false); // fewer than three
    due("soon,fail=10%", 0, 3, true);
    due("soon,fail=10%", 28, 3, false);
    due("soon,fail=10%", 27, 3, true);
    due("soon,fail=100%", 1, 99, false);
    due("soon,fail=100%", 0, 99, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_are_those_of_parallel),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(it_is_due_when_the_count_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
