#include "tests/testing.h"

#include "worker/stock.h"

#include <errno.h>
#include <stdlib.h>

static void check(const struct texts *texts, const char *const *want,
                  size_t count)
{
    assert_int_equal(texts->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(texts->at[i], want[i]);
}

// NOLINTNEXTLINE(readability-non-const-parameter): no setting is const
static void open_with(struct stock *stock, char *gpus)
{
    struct problem problem = {0};
    const struct settings settings = {.own_gpus = gpus};
    assert_int_equal(stock_open(stock, &settings, &problem), 0);
}

static void gpus_are_a_count_or_a_list(void **state)
{
    (void)state;
    static const struct {
        const char *visible;
        char said[16];
        const char *gpus[3];
        size_t count;
    } ROWS[] = {
        {"", "3", {"0", "1", "2"}, 3},
        {"", "0", {0}, 0},
        {"", "3,", {"3"}, 1},
        {"", "7,0,12", {"7", "0", "12"}, 3},
        {"4,5", "2", {"4", "5"}, 2},
        {"4,5", "1", {"4"}, 1},
        {"4,5", "3", {"0", "1", "2"}, 3},
        {"4,5", "8,9", {"8", "9"}, 2},
        {"GPU-1-a,MIG-2/b", "1", {"GPU-1-a"}, 1},
        {"-1", "1", {"0"}, 1},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct stock stock;
        char said[sizeof ROWS[i].said];
        memcpy(said, ROWS[i].said, sizeof said);
        setenv("CUDA_VISIBLE_DEVICES", ROWS[i].visible, 1);
        open_with(&stock, said);
        check(&stock.gpus, ROWS[i].gpus, ROWS[i].count);
        assert_int_equal(stock.has.gpus, ROWS[i].count);
        stock_close(&stock);
    }
}

static void without_a_word_they_are_those_one_sees(void **state)
{
    (void)state;
    static const struct {
        const char *visible;
        const char *gpus[2];
        size_t count;
    } ROWS[] = {
        {"", {0}, 0},    {"-1", {0}, 0},         {"NoDevFiles", {0}, 0},
        {"2", {"2"}, 1}, {"3,1", {"3", "1"}, 2}, {"GPU-a", {"GPU-a"}, 1},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct stock stock;
        setenv("CUDA_VISIBLE_DEVICES", ROWS[i].visible, 1);
        open_with(&stock, NULL);
        check(&stock.gpus, ROWS[i].gpus, ROWS[i].count);
        stock_close(&stock);
    }
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {",",   ",1",  "1,,2", "1,1",
                                      "1 2", "a;b", "$x"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct texts gpus = {0};
        assert_int_equal(stock_read_gpus(BAD[i], &gpus), -EINVAL);
        texts_free(&gpus);
    }
    char many[] = "1025";
    struct stock stock;
    struct problem problem = {0};
    const struct settings settings = {.own_gpus = many};
    assert_int_equal(stock_open(&stock, &settings, &problem), -EINVAL);
    assert_int_equal(problem.exit, EXIT_USAGE);
    stock_close(&stock);
}

static void slots_share_no_gpu(void **state)
{
    (void)state;
    char said[] = "0,5,2,9,4";
    const char *const want[] = {"0,5", "2,9"};
    struct stock stock;
    struct texts dealt = {0};
    open_with(&stock, said);
    assert_int_equal(stock_deal(&stock, 2, 2, &dealt), 0);
    check(&dealt, want, 2);
    texts_free(&dealt);
    assert_int_equal(stock_deal(&stock, 3, 0, &dealt), 0);
    assert_int_equal(dealt.count, 0);
    stock_close(&stock);
}

static void what_is_not_said_is_found(void **state)
{
    (void)state;
    struct stock stock;
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    open_with(&stock, NULL);
    assert_int_equal(stock.has.cpus, cpus_usable());
    assert_true(stock.has.mem_bytes == memory_usable());
    assert_true(memory_usable() > 1 << 20 && memory_usable() < UINT64_MAX);
    struct buffer text = {0};
    struct wire_pair pairs[STOCK_PAIRS_MAX];
    assert_int_equal(stock_pairs(&stock, &text, pairs), 3);
    assert_true(span_equal(pairs[0].name, SPAN_OF("cpus")));
    assert_true(span_equal(pairs[1].name, SPAN_OF("mem")));
    assert_true(span_equal(pairs[2].name, SPAN_OF("gpus")));
    assert_true(span_equal(pairs[2].value, SPAN_OF("0")));
    buffer_free(&text);
    stock_close(&stock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpus_are_a_count_or_a_list),
        cmocka_unit_test(without_a_word_they_are_those_one_sees),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(slots_share_no_gpu),
        cmocka_unit_test(what_is_not_said_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
