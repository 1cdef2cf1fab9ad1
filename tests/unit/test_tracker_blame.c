#include "tests/testing.h"

#include "ventilator/tracker_blame.h"

struct row {
    unsigned failures, refuted;
    struct blame_ends others; // meanwhile
    bool due;
};

static void host_is_to_blame_by_one_of_two_signs(void **state)
{
    (void)state;
    static const struct row ROWS[] = {
        {0, 0, {1000, 0}, false},    {5, 4, {1000, 0}, false},
        {5, 5, {5, 0}, true},      // the same tasks passed elsewhere
        {5, 5, {5, 1000}, true},   // whatever else fails there
        {4, 9, {9, 0}, false},     // no more than have failed here
        {29, 0, {1000, 0}, false}, //
        {30, 0, {29, 0}, false},   // too little to compare with
        {30, 0, {30, 0}, true},    //
        {30, 0, {27, 3}, true},    //
        {30, 0, {26, 4}, false},   // tasks fail there, too
        {1000, 0, {0, 1000}, false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct blame_ends before = {500, 70};
        const struct row *row = &ROWS[i];
        struct blame blame = {0};
        for (unsigned k = 0; k < row->failures; k++)
            blame_failed(&blame, before);
        for (unsigned k = 0; k < row->refuted; k++)
            blame_refuted(&blame);
        const struct blame_ends now = {before.passed + row->others.passed,
                                       before.failed + row->others.failed};
        if (blame_is_due(&blame, now) != row->due)
            fail_msg("row %zu", i);
    }
}

static void one_that_passes_clears_it(void **state)
{
    (void)state;
    struct blame blame = {0};
    const struct blame_ends none = {0}, many = {1000, 0};
    for (unsigned i = 0; i < 100; i++)
        blame_failed(&blame, none);
    for (unsigned i = 0; i < 100; i++)
        blame_refuted(&blame);
    assert_true(blame_is_due(&blame, many));
    blame_passed(&blame);
    assert_false(blame_is_due(&blame, many));
    blame_refuted(&blame); // of before
    assert_false(blame_is_due(&blame, many));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_is_to_blame_by_one_of_two_signs),
        cmocka_unit_test(one_that_passes_clears_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
