#include "tests/testing.h"

#include "common/template/edit.h"
#include "common/template/edits.h"

#include <errno.h>
#include <string.h>

#define TEXT(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static const struct wire_pair BY_NAME[] = {{TEXT("tol"), TEXT("1")},
                                           {TEXT("n"), TEXT("2")}},
                              BY_PLACE[] = {{TEXT(""), TEXT("a")},
                                            {TEXT(""), TEXT("b")}};

struct edited {
    struct wire_pair values[2];
    bool changed[2];
    struct buffer words;
    struct problem problem;
    int code;
};

static void edit(struct edited *edited, const char *args,
                 const struct wire_pair *values, size_t count)
{
    edited->problem = (struct problem){0};
    memcpy(edited->values, values, count * sizeof *values);
    edited->code =
        edit_values(span_of_text(args), edited->values, count, edited->changed,
                    &edited->words, &edited->problem);
}

static void assert_value(const struct edited *edited, size_t at,
                         const char *text)
{
    assert_int_equal(edited->code, 0);
    assert_true(span_equal(edited->values[at].value, span_of_text(text)));
}

static void some_are_changed_by_name(void **state)
{
    struct edited edited = {.code = 0};
    (void)state;
    edit(&edited, "n='3 \"4\"'", BY_NAME, 2);
    assert_value(&edited, 0, "1");
    assert_value(&edited, 1, "3 \"4\"");
    assert_false(edited.changed[0]);
    assert_true(edited.changed[1]);
    edit(&edited, " n=a=b\ttol=\"\\\"x\\\\\" ", BY_NAME, 2);
    assert_value(&edited, 0, "\"x\\");
    assert_value(&edited, 1, "a=b");
    edit(&edited, "tol=", BY_NAME, 2);
    assert_value(&edited, 0, "");
    buffer_free(&edited.words);
}

static void all_are_changed_by_place(void **state)
{
    struct edited edited = {.code = 0};
    (void)state;
    edit(&edited, "x\\ y n=3", BY_PLACE, 2);
    assert_value(&edited, 0, "x y");
    assert_value(&edited, 1, "n=3");
    buffer_free(&edited.words);
}

static void single_one_is_the_text_as_it_is(void **state)
{
    struct edited edited = {.code = 0};
    (void)state;
    edit(&edited, " it's \"7\" $x ", BY_PLACE, 1);
    assert_value(&edited, 0, " it's \"7\" $x ");
    edit(&edited, "tol=5 6", BY_NAME, 1);
    assert_value(&edited, 0, "5 6");
    edit(&edited, "tolerance=5", BY_NAME, 1);
    assert_value(&edited, 0, "tolerance=5");
    buffer_free(&edited.words);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const struct {
        const char *args, *why;
        const struct wire_pair *values;
        size_t count;
    } ROWS[] = {
        {"x=1", "'x=1' is no NAME=VALUE with a name that it has: tol, n",
         BY_NAME, 2},
        {"3", "'3' is no NAME=VALUE", BY_NAME, 2},
        {"n=1 'x", "a quote is never closed", BY_NAME, 2},
        {"  ", "it has 2 values, and there are 0", BY_NAME, 2},
        {"x", "it has 2 values, and there are 1", BY_PLACE, 2},
        {"x y z", "it has 2 values, and there are 3", BY_PLACE, 2},
        {"x", "it has no values", BY_PLACE, 0},
    };
    struct edited edited = {.code = 0};
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        edit(&edited, ROWS[i].args, ROWS[i].values, ROWS[i].count);
        assert_int_equal(edited.code, -EINVAL);
        assert_non_null(strstr(edited.problem.text, ROWS[i].why));
    }
    buffer_free(&edited.words);
}

static void an_edit_leaves_what_it_does_not_change(void **state)
{
    (void)state;
    struct edits *edits = edits_create();
    assert_non_null(edits);
    assert_null(edits_find(edits, 7));
    assert_int_equal(
        edits_put(edits, &(struct wire_edit){7, 0, SPAN_OF("one")}), 0);
    assert_int_equal(edits_put(edits, &(struct wire_edit){7, 5, {NULL, 0}}), 0);
    assert_int_equal(edits_put(edits, &(struct wire_edit){8, 9, {NULL, 0}}), 0);
    assert_int_equal(edits_count(edits), 2);
    const struct wire_edit *found = edits_find(edits, 7);
    assert_ptr_equal(found, edits_at(edits, 0));
    assert_int_equal(found->mem_max, 5);
    assert_true(span_equal(found->args, SPAN_OF("one")));
    assert_int_equal(
        edits_put(edits, &(struct wire_edit){7, 0, SPAN_OF("two")}), 0);
    found = edits_find(edits, 7);
    assert_int_equal(found->mem_max, 5);
    assert_true(span_equal(found->args, SPAN_OF("two")));
    edits_destroy(&edits);
    edits_destroy(&edits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_are_changed_by_name),
        cmocka_unit_test(all_are_changed_by_place),
        cmocka_unit_test(single_one_is_the_text_as_it_is),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(an_edit_leaves_what_it_does_not_change),
    };
    return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
