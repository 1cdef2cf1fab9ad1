#include "common/base/nearest.h"

#include <string.h>

#include "tests/testing.h"

static const char *near(const char *typed, size_t far)
{
    static const char *const WORDS[] = {"jobs", "joblog", "run", "results",
                                        "keep-order"};
    struct nearest nearest;
    nearest_begin(&nearest, span_of_text(typed), far);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        nearest_try(&nearest, WORDS[i]);
    return nearest.word;
}

static void a_slip_of_the_fingers_is_understood(void **state)
{
    static const char *const SLIPS[][2] = {{"jbos", "jobs"},
                                           {"joblg", "joblog"},
                                           {"ruun", "run"},
                                           {"resluts", "results"},
                                           {"keep_oder", "keep-order"}};
    (void)state;
    for (size_t i = 0; i < sizeof SLIPS / sizeof SLIPS[0]; i++) {
        const size_t slip = nearest_slip(span_of_text(SLIPS[i][0]));
        assert_string_equal(near(SLIPS[i][0], slip), SLIPS[i][1]);
    }
}

static void another_word_is_none(void **state)
{
    (void)state;
    assert_null(near("xyz", nearest_slip(span_of_text("xyz"))));
    assert_null(near("status", nearest_slip(span_of_text("status"))));
    assert_string_equal(near("result", SIZE_MAX), "results");
    assert_null(near("results", 0));
}

static void words_beyond_the_limit_are_never_near(void **state)
{
    char longer[NEAREST_MAX + 2];
    struct nearest nearest;
    (void)state;
    memset(longer, 'x', sizeof longer);
    longer[NEAREST_MAX + 1] = '\0';
    assert_null(near(longer, SIZE_MAX));
    nearest_begin(&nearest, span_of_text("run"), SIZE_MAX);
    nearest_try(&nearest, longer);
    assert_null(nearest.word);
    longer[NEAREST_MAX] = '\0';
    nearest_try(&nearest, longer);
    assert_ptr_equal(nearest.word, longer);
    assert_int_equal(nearest.far, NEAREST_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_of_the_fingers_is_understood),
        cmocka_unit_test(another_word_is_none),
        cmocka_unit_test(words_beyond_the_limit_are_never_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
