#include "tests/testing.h"

#include "common/template/template.h"
#include "ventilator/sweep.h"

#include <errno.h>
#include <stdlib.h>

static void expect_values(const char *text, const char *values)
{
    struct sweep sweep;
    struct buffer out = {0};
    struct problem problem = {0};
    if (sweep_read(&sweep, text, 7, &problem) != 0)
        fail_msg("%s: %s", text, problem.text);
    for (uint64_t i = 0; i < sweep.count; i++) {
        if (i > 0)
            put_u8(&out, ' ');
        sweep_value(&sweep, i, &out);
    }
    put_u8(&out, 0);
    assert_string_equal((const char *)out.at, values);
    buffer_free(&out);
    sweep_clear(&sweep);
}

static void ranges_are_written_as_seq_does(void **state)
{
    (void)state;
    expect_values("T=1:4", "1 2 3 4");
    expect_values("T=1:100:30", "1 31 61 91");
    expect_values("T=-2:2:2", "-2 0 2");
    expect_values("T=3:1:-1", "3 2 1");
    expect_values("T=0.5:0:-0.25", "0.50 0.25 0.00");
    expect_values("T=-0.5:0.5:0.5", "-0.5 0.0 0.5");
    expect_values("T=0:1:0.3", "0.0 0.3 0.6 0.9");
    expect_values("T=5:5", "5");
    expect_values("T=999999999999999998:999999999999999999",
                  "999999999999999998 999999999999999999");
}

static void a_tenth_stays_exact(void **state)
{
    struct sweep sweep;
    struct buffer out = {0};
    struct problem problem = {0};
    (void)state;
    assert_int_equal(sweep_read(&sweep, "x=0:100000:0.1", 1, &problem), 0);
    assert_int_equal(sweep.count, 1000001);
    sweep_value(&sweep, 1000000, &out);
    put_u8(&out, 0);
    assert_string_equal((const char *)out.at, "100000.0");
    buffer_free(&out);
    sweep_clear(&sweep);
}

static void lists_hold_texts_and_ranges(void **state)
{
    (void)state;
    expect_values("m=a,b", "a b");
    expect_values("m=one word,x=y", "one word x=y");
    expect_values("m=a,10:12,b", "a 10 11 12 b");
    expect_values("m=a,,b", "a  b");
    expect_values("m=", "");
    expect_values("m=C:temp,12:x", "C:temp 12:x");
    expect_values("m=random(x", "random(x");
}

static void random_numbers_are_the_same_again(void **state)
{
    enum { MANY = 10000 };
    struct sweep sweep, other;
    struct problem problem = {0};
    double sum = 0;
    int differ = 0;
    (void)state;
    assert_int_equal(sweep_read(&sweep, "u=random(10000,-1,3)", 7, &problem),
                     0);
    assert_int_equal(sweep_read(&other, "v=random(10000,-1,3)", 7, &problem),
                     0);
    assert_int_equal(sweep.count, MANY);
    for (uint64_t i = 0; i < MANY; i++) {
        struct buffer first = {0}, again = {0}, third = {0};
        sweep_value(&sweep, i, &first);
        sweep_value(&sweep, i, &again);
        sweep_value(&other, i, &third);
        assert_true(span_equal(buffer_span(&first), buffer_span(&again)));
        differ += !span_equal(buffer_span(&first), buffer_span(&third));
        put_u8(&first, 0);
        const double value = strtod((const char *)first.at, NULL);
        assert_true(value >= -1 && value < 3);
        sum += value;
        buffer_free(&first);
        buffer_free(&again);
        buffer_free(&third);
    }
    // Four deviations of the mean of 10,000: 4 * 4 / sqrt (12) / 100.
    assert_true(sum / MANY > 1 - 0.0462 && sum / MANY < 1 + 0.0462);
    assert_int_equal(differ, MANY);
    sweep_clear(&sweep);
    sweep_clear(&other);
}

static void the_first_random_numbers_are_known(void **state)
{
    (void)state;
    // Drawn once; they shall not change between versions of fan.
    expect_values("u=random(3)",
                  "0.2958970780899558 0.9656264791373647 0.2426045735585507");
}

static void what_is_no_parameter_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
        int code;
    } CASES[] = {
        {"T", "NAME=VALUES", -EINVAL},
        {"", "NAME=VALUES", -EINVAL},
        {"=1", "NAME=VALUES", -EINVAL},
        {"1T=1", "NAME=VALUES", -EINVAL},
        {"a b=1", "NAME=VALUES", -EINVAL},
        {"T=1:5:0", "step of 0", -EINVAL},
        {"T=5:1", "never gets", -EINVAL},
        {"T=1:5:-1", "never gets", -EINVAL},
        {"T=1:", "no range", -EINVAL},
        {"T=1e3:2", "no range", -EINVAL},
        {"T=1.:2", "no range", -EINVAL},
        {"T=1:2:3:4", "more than", -EINVAL},
        {"T=0:0.1234567890123", "no range", -EINVAL},
        {"T=0:1234567890123456789", "no range", -EINVAL},
        {"T=0:999999999999999999:0.001", "too many digits", -EINVAL},
        {"T=0:1099511627776", "2^40", -EINVAL},
        {"T=1,0:1099511627775", "2^40", -EINVAL},
        {"u=random()", "random()", -EINVAL},
        {"u=random(0)", "random()", -EINVAL},
        {"u=random(-3)", "random()", -EINVAL},
        {"u=random(3,1)", "random()", -EINVAL},
        {"u=random(3,2,1)", "random()", -EINVAL},
        {"u=random(3,0,inf)", "random()", -EINVAL},
        {"u=random(3,-1e308,1e308)", "random()", -EINVAL}, // inf between them
        {"u=random(3,0,1,2)", "random()", -EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct sweep sweep;
        struct problem problem = {0};
        if (sweep_read(&sweep, CASES[i].text, 7, &problem) != CASES[i].code)
            fail_msg("%s: %s", CASES[i].text, problem.text);
        if (!strstr(problem.text, CASES[i].says))
            fail_msg("%s: says '%s'", CASES[i].text, problem.text);
        assert_int_equal(problem.exit, EXIT_USAGE);
        sweep_clear(&sweep);
    }
}

static void a_plus_pairs(void **state)
{
    struct sweep sweep;
    struct problem problem = {0};
    (void)state;
    assert_int_equal(sweep_read(&sweep, "+b=1,2", 0, &problem), 0);
    assert_true(sweep.linked);
    assert_string_equal(sweep.name, "b");
    sweep_clear(&sweep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_written_as_seq_does),
        cmocka_unit_test(a_tenth_stays_exact),
        cmocka_unit_test(lists_hold_texts_and_ranges),
        cmocka_unit_test(random_numbers_are_the_same_again),
        cmocka_unit_test(the_first_random_numbers_are_known),
        cmocka_unit_test(what_is_no_parameter_is_refused),
        cmocka_unit_test(a_plus_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
