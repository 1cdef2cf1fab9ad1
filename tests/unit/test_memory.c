#include "tests/testing.h"

#include "worker/memory.h"

#include <signal.h>

#define MIB (UINT64_C(1) << 20)

static void last_words_tell_with_a_limit_only(void **state)
{
    (void)state;
    static const char *const TELL[] = {
        "Traceback ...\nMemoryError\n",
        "terminate called after throwing an instance of 'std::bad_alloc'\n",
        "sort: Cannot allocate memory\n",
        "java.lang.OutOfMemoryError: Java heap space",
        "Error: cannot allocate vector of size 7.5 Gb\nExecution halted",
        "fatal error: runtime: out of memory",
        "true: error while loading shared libraries: libc.so.6: failed to map "
        "segment from shared object",
    };
    struct memory_end end = {.limit_bytes = 100 * MIB, .peak_bytes = MIB};
    for (size_t i = 0; i < sizeof TELL / sizeof TELL[0]; i++) {
        end.limit_bytes = 100 * MIB;
        end.err = span_of_text(TELL[i]);
        assert_non_null(memory_ran_out(&end));
        end.limit_bytes = UINT64_MAX;
        assert_null(memory_ran_out(&end));
    }
    end.limit_bytes = 100 * MIB;
    end.err = SPAN_OF("no such file");
    assert_null(memory_ran_out(&end));
}

static void words_count_at_the_end(void **state)
{
    (void)state;
    struct buffer said = {0};
    buffer_append_text(&said, "MemoryError caught: going on in pieces\n");
    struct memory_end end = {.limit_bytes = 100 * MIB};
    end.err = buffer_span(&said);
    assert_non_null(memory_ran_out(&end));
    for (int i = 0; i < 1000; i++)
        buffer_append_text(&said, "piece done\n");
    end.err = buffer_span(&said);
    assert_null(memory_ran_out(&end));
    buffer_free(&said);
}

static void a_peak_near_the_limit_tells_unless_it_is_ours(void **state)
{
    (void)state;
    struct memory_end end = {.limit_bytes = 800 * MIB, .peak_bytes = 700 * MIB};
    assert_non_null(memory_ran_out(&end));
    end.worker_bytes = 700 * MIB;
    assert_null(memory_ran_out(&end));
    end.worker_bytes = 0;
    end.peak_bytes--;
    assert_null(memory_ran_out(&end));
}

static void the_kernels_kills_tell_of_sigkill_only(void **state)
{
    (void)state;
    struct memory_end end = {.limit_bytes = UINT64_MAX,
                             .signal = SIGKILL,
                             .kills_before = 3,
                             .kills_now = 4};
    assert_non_null(memory_ran_out(&end));
    end.signal = SIGTERM;
    assert_null(memory_ran_out(&end));
    end.signal = SIGKILL;
    end.kills_before = 4;
    assert_null(memory_ran_out(&end));
    assert_true(memory_kills() < UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_words_tell_with_a_limit_only),
        cmocka_unit_test(words_count_at_the_end),
        cmocka_unit_test(a_peak_near_the_limit_tells_unless_it_is_ours),
        cmocka_unit_test(the_kernels_kills_tell_of_sigkill_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
