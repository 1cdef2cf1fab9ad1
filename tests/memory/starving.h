/* starving - runs a scenario over and over, each time with another allocation
 * failing, until none is left that could */
#ifndef TESTS_MEMORY_STARVING_H
#define TESTS_MEMORY_STARVING_H

#include "tests/testing.h"

#include "tests/memory/starve.h"

/* Of the sanitizer, where there is one. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* Does it all, and frees all it made. Returns false when it was refused an
 * allocation somewhere; it asserts that this was said in the documented way,
 * and that nothing but the refused step is missing. */
typedef bool scenario(void);

static inline void starving(scenario *run)
{
    unsigned long failed = 0;
    for (unsigned onward = 0; onward < 2; onward++)
        for (unsigned long number = 1;; number++) {
            starve_at(number, onward == 1);
            const bool whole = run();
            const bool struck = starve_struck();
            starve_stop();
            if (!struck) {
                assert_true(whole);
                break;
            }
            failed++;
        }
    print_message("%lu allocations failed\n", failed);
    assert_true(failed > 0);
    if (__lsan_do_recoverable_leak_check)
        assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
}

#endif
