#include "tests/testing.h"

#include "common/policy/fit.h"

#include <string.h>

#define W(text) ((char[]){text})
#define WORDS(...)                                           \
    {                                                        \
        (char *[]){__VA_ARGS__},                             \
            sizeof((char *[]){__VA_ARGS__}) / sizeof(char *) \
    }

static const uint64_t GIB = UINT64_C(1) << 30;

static uint32_t count(const struct fit *takes, const struct fit *has,
                      uint32_t most, const char *why)
{
    struct buffer text = {0};
    const uint32_t fits = fit_count(takes, has, most, &text);
    put_u8(&text, 0);
    assert_false(text.failed);
    assert_string_equal((const char *)text.at, why);
    buffer_free(&text);
    return fits;
}

static void who_asks_for_nothing_gets_every_slot(void **state)
{
    (void)state;
    const struct fit nothing = {0}, much = {.cpus = 2, .mem_bytes = GIB};
    assert_int_equal(count(&nothing, &nothing, 7, ""), 7);
    assert_int_equal(count(&nothing, &much, 65535, ""), 65535);
}

static void scarcest_decides(void **state)
{
    (void)state;
    const struct fit has = {.cpus = 16,
                            .mem_bytes = 33 * GIB,
                            .gpus = 7,
                            .named = WORDS(W("license=3"), W("disk=100"))};
    const struct fit cpus = {.cpus = 3}, memory = {.mem_bytes = 8 * GIB},
                     gpus = {.gpus = 2}, named = {.named = WORDS(W("disk=50"))},
                     all = {.cpus = 1,
                            .mem_bytes = GIB,
                            .gpus = 1,
                            .named = WORDS(W("disk=10"), W("license=1"))};
    assert_int_equal(count(&cpus, &has, 100, ""), 5);
    assert_int_equal(count(&memory, &has, 100, ""), 4);
    assert_int_equal(count(&gpus, &has, 100, ""), 3);
    assert_int_equal(count(&named, &has, 100, ""), 2);
    assert_int_equal(count(&all, &has, 100, ""), 3);
    assert_int_equal(count(&all, &has, 2, ""), 2);
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    const struct fit has = {.cpus = 2,
                            .mem_bytes = 8 * GIB - 1,
                            .named = WORDS(W("license=1")),
                            .labels = WORDS(W("site=y"), W("rack=3"))};
    const struct {
        struct fit takes;
        const char *why;
    } rows[] = {
        {{.cpus = 4}, "a task takes 4 CPUs, and it has 2"},
        {{.gpus = 1}, "a task takes 1 GPU, and it has 0"},
        {{.mem_bytes = 8 * GIB}, "a task takes 8G of memory, and it has 7.9G"},
        {{.mem_bytes = (UINT64_C(1) << 40) + (UINT64_C(1) << 39)},
         "a task takes 1.5T of memory, and it has 7.9G"},
        {{.named = WORDS(W("license=2"))},
         "a task takes license=2, and it has 1"},
        {{.named = WORDS(W("fpga=1"))}, "a task takes fpga=1, and it has 0"},
        {{.labels = WORDS(W("site=x"))},
         "site=x is required, and it has site=y"},
        {{.labels = WORDS(W("rack=3"), W("disk=ssd"))},
         "disk=ssd is required, and it has no such label"},
        {{.labels = WORDS(W("site=x"), W("room=1")), .cpus = 4},
         "site=x is required, and it has site=y"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(count(&rows[i].takes, &has, 9, rows[i].why), 0);
}

static void labels_are_not_used_up(void **state)
{
    (void)state;
    const struct fit has = {
        .cpus = 4, .labels = WORDS(W("site=y"), W("site=x"), W("empty="))};
    const struct fit takes = {.cpus = 1,
                              .labels = WORDS(W("site=x"), W("empty="))};
    assert_int_equal(count(&takes, &has, 9, ""), 4);
}

static void a_name_that_is_there_twice_counts_once(void **state)
{
    (void)state;
    const struct fit has = {.named = WORDS(W("license=1"), W("license=5"))};
    const struct fit takes = {.named = WORDS(W("license=1"))};
    assert_int_equal(count(&takes, &has, 9, ""), 1);
    assert_string_equal(fit_twice(has.named), "license=5");
    assert_null(fit_twice(takes.named));
    const struct fit_words near = WORDS(W("a=1"), W("ab=1"), W("b=1"));
    assert_null(fit_twice(near));
}

static void amounts_are_whole_numbers_with_a_name(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      "license",
                                      "=1",
                                      "license=",
                                      "license=-1",
                                      "license=1.5",
                                      "license=1K",
                                      "1x=1",
                                      "a b=1",
                                      "cpus=1",
                                      "mem=1",
                                      "gpus=1",
                                      "license= 1",
                                      "license=1 ",
                                      "x=1=1",
                                      "license=99999999999999999999999",
                                      "license=1099511627777"};
    struct span name;
    uint64_t amount;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (fit_read_amount(BAD[i], true, &name, &amount))
            fail_msg("%s", BAD[i]);
    assert_true(fit_read_amount("_a.B-9=1099511627776", false, &name, &amount));
    assert_true(span_equal(name, SPAN_OF("_a.B-9")));
    assert_true(amount == UINT64_C(1) << 40);
    assert_false(fit_read_amount("license=0", false, &name, &amount));
    assert_true(fit_read_amount("license=0", true, &name, &amount));
}

static void names_have_an_end(void **state)
{
    (void)state;
    char word[FIT_NAME_MAX + 4];
    struct span name, text;
    memset(word, 'a', sizeof word);
    memcpy(word + FIT_NAME_MAX, "=x", 3);
    assert_true(fit_read_label(word, &name, &text));
    assert_true(span_equal(text, SPAN_OF("x")));
    memcpy(word + FIT_NAME_MAX, "a=x", 4);
    assert_false(fit_read_label(word, &name, &text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_for_nothing_gets_every_slot),
        cmocka_unit_test(scarcest_decides),
        cmocka_unit_test(what_is_missing_is_told),
        cmocka_unit_test(labels_are_not_used_up),
        cmocka_unit_test(a_name_that_is_there_twice_counts_once),
        cmocka_unit_test(amounts_are_whole_numbers_with_a_name),
        cmocka_unit_test(names_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
