#include "tests/testing.h"

#include "worker/texts.h"

#include <stdlib.h>
#include <string.h>

static void put(struct texts_out *texts, const char *text)
{
    texts_begin(texts);
    texts_put(texts, text, strlen(text));
    texts_end(texts);
}

static void no_texts_are_an_array_of_nothing(void **state)
{
    (void)state;
    struct texts_out texts = {0};
    char **array = texts_array(&texts, NULL);
    assert_null(array[0]);
    free(array);
    texts_clear(&texts);
}

static void pieces_become_texts_in_order_behind_others(void **state)
{
    (void)state;
    char first[] = "A=1";
    char *before[] = {first, NULL};
    struct texts_out texts = {0};
    texts_begin(&texts);
    texts_printf(&texts, "%s=", "B");
    texts_put(&texts, "two", 3);
    texts_put(&texts, NULL, 0);
    texts_end(&texts);
    put(&texts, "");
    put(&texts, "end");
    char **array = texts_array(&texts, before);
    assert_ptr_equal(array[0], first);
    assert_string_equal(array[1], "B=two");
    assert_string_equal(array[2], "");
    assert_string_equal(array[3], "end");
    assert_null(array[4]);
    free(array);
    texts_clear(&texts);
    assert_int_equal(texts.count, 0);
}

static void many_texts_stay_where_they_belong(void **state)
{
    (void)state;
    struct texts_out texts = {0};
    for (int i = 0; i < 5000; i++) {
        texts_begin(&texts);
        texts_printf(&texts, "%d", i);
        texts_end(&texts);
    }
    char **array = texts_array(&texts, NULL);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(strtol(array[i], NULL, 10), i);
    assert_null(array[5000]);
    free(array);
    texts_clear(&texts);
}

static void a_nul_ends_its_piece_only(void **state)
{
    (void)state;
    struct texts_out texts = {0};
    texts_begin(&texts);
    texts_put(&texts, "a\0b", 3);
    texts_put(&texts, "c", 1);
    texts_end(&texts);
    put(&texts, "next");
    char **array = texts_array(&texts, NULL);
    assert_string_equal(array[0], "ac");
    assert_string_equal(array[1], "next");
    free(array);
    texts_clear(&texts);
}

static void a_failed_buffer_gives_no_array(void **state)
{
    (void)state;
    struct texts_out texts = {0};
    put(&texts, "one");
    texts.bytes.failed = true;
    put(&texts, "two");
    assert_null(texts_array(&texts, NULL));
    texts_clear(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_texts_are_an_array_of_nothing),
        cmocka_unit_test(pieces_become_texts_in_order_behind_others),
        cmocka_unit_test(many_texts_stay_where_they_belong),
        cmocka_unit_test(a_nul_ends_its_piece_only),
        cmocka_unit_test(a_failed_buffer_gives_no_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
