#include "tests/testing.h"

#include "ventilator/where.h"

#include <errno.h>

#define PAIR(n, v)                           \
    {                                        \
        {(const uint8_t *)n, sizeof n - 1},  \
        {                                    \
            (const uint8_t *)v, sizeof v - 1 \
        }                                    \
    }
static const struct wire_pair VALUES[] = {
    PAIR("cores", "4"), PAIR("threads", "8"), PAIR("model", "fine"),
    PAIR("T", "-0.25"), PAIR("empty", ""),    PAIR("zeros", "007"),
    PAIR("big", "1e3"),
};
enum { COUNT = sizeof VALUES / sizeof VALUES[0] };

static void expect(const char *condition, bool expected)
{
    bool holds = !expected;
    struct problem problem = {0};
    if (where_holds(condition, VALUES, COUNT, &holds, &problem) != 0)
        fail_msg("%s: %s", condition, problem.text);
    if (holds != expected)
        fail_msg("%s is %s", condition, holds ? "true" : "false");
}

static void comparisons_are_of_numbers_or_of_texts(void **state)
{
    (void)state;
    expect("cores == 4", true);
    expect("cores == 4.0", true);
    expect("cores != 4", false);
    expect("cores < threads", true);
    expect("cores > threads", false);
    expect("10 > 9", true);
    expect("T <= -0.25", true);
    expect("T >= 0", false);
    expect("big == 1000", true);
    expect("model == 'fine'", true);
    expect("model < 'finer'", true);
    expect("model > 'coarse'", true);
    expect("model >= 'fine' && model <= 'fine'", true);
    expect("empty == ''", true);
    expect("zeros == '007'", true);
    expect("zeros == 7", false);
    expect("model == 4", false);
    expect("model != 4", true);
}

static void signs_bind_as_usual(void **state)
{
    (void)state;
    expect("2 + 3 * 4 == 14", true);
    expect("(2 + 3) * 4 == 20", true);
    expect("10 - 4 - 3 == 3", true);
    expect("2 * 9 / 3 % 4 == 2", true);
    expect("cores * threads <= 32", true);
    expect("cores*threads<32", false);
    expect("-cores + 4 == 0", true);
    expect("1 - -1 == 2", true);
    expect("cores == 4 || 1 == 2 && 1 == 3", true);
    expect("(cores == 4 || 1 == 2) && 1 == 3", false);
    expect("!(cores == 4)", false);
    expect("!cores == 0", true);
    expect("!!cores", true);
    expect("cores - 4", false);
    expect("1 == 1 == 1", true);
}

static void what_cannot_be_read_is_refused(void **state)
{
    static const struct {
        const char *condition, *says;
    } CASES[] = {
        {"", "missing"},
        {"cores <", "missing"},
        {"cores < < 3", "missing"},
        {"cores = 4", "not understood"},
        {"cores 4", "not understood"},
        {"(cores", "parenthesis"},
        {"cores)", "not understood"},
        {"model == 'a", "quote"},
        {"unknown > 1", "no value"},
        {"inf > 1", "no value"},
        {"model", "neither true"},
        {"!model", "neither true"},
        {"model && 1", "neither true"},
        {"model + 1 > 2", "with a text"},
        {"-model < 2", "with a text"},
        {"model < 3", "no order"},
        {"1 / (cores - 4)", "by 0"},
        {"1 % 0", "by 0"},
        {"+1 < 2", "missing"},
        {"cores & 1", "not understood"},
        // What is decided already is read all the same.
        {"1 == 1 || unknown", "no value"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool holds;
        struct problem problem = {0};
        const int error =
            where_holds(CASES[i].condition, VALUES, COUNT, &holds, &problem);
        if (error != -EINVAL || !strstr(problem.text, CASES[i].says))
            fail_msg("%s: %d '%s'", CASES[i].condition, error, problem.text);
        assert_int_equal(problem.exit, EXIT_USAGE);
    }
}

static void nesting_has_an_end(void **state)
{
    enum { MANY = 100000 };
    static const char *const NESTS[] = {"(", "!", "-", "1+(", "-!("};
    static char text[5 * MANY + 1];
    (void)state;
    for (size_t i = 0; i < sizeof NESTS / sizeof NESTS[0]; i++) {
        const size_t size = strlen(NESTS[i]);
        bool holds;
        struct problem problem = {0};
        for (size_t j = 0; j < MANY; j++)
            memcpy(text + j * size, NESTS[i], size);
        text[MANY * size] = '\0';
        assert_int_equal(where_holds(text, VALUES, COUNT, &holds, &problem),
                         -EINVAL);
        assert_non_null(strstr(problem.text, "nested"));
    }
    expect("((((((((((cores))))))))))", true);
}

static void numbers_are_those_of_json(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } CASES[] = {
        {"0", true},    {"-0", true},   {"12", true},      {"1.50", true},
        {"1e5", true},  {"1E-5", true}, {"-1.5e+3", true}, {"", false},
        {"-", false},   {"01", false},  {"1.", false},     {".5", false},
        {"1e", false},  {"+1", false},  {"0x1", false},    {"inf", false},
        {"nan", false}, {"1 ", false},  {" 1", false},     {"1e999", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        double number;
        if (where_number(span_of_text(CASES[i].text), &number) != CASES[i].is)
            fail_msg("'%s'", CASES[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_are_of_numbers_or_of_texts),
        cmocka_unit_test(signs_bind_as_usual),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(numbers_are_those_of_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
