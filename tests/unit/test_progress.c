#include "command/run.h"

#include <string.h>

#include "tests/testing.h"

enum { LOOK_MS = 250 };

struct looked {
    struct run run;
    int64_t now_ms;
};

static int setup(void **state)
{
    static struct looked looked;
    memset(&looked, 0, sizeof looked);
    looked.now_ms = 1000000;
    memcpy(looked.run.status.state, "running", sizeof "running");
    *state = &looked;
    return 0;
}

// The status comes as often as somebody looks, until so much time has passed.
static void pass(struct looked *looked, int64_t ms)
{
    const int64_t until_ms = looked->now_ms + ms;
    for (; looked->now_ms < until_ms; looked->now_ms += LOOK_MS)
        progress_measure(&looked->run, looked->now_ms);
}

static void assert_rate(const struct looked *looked, double least, double most)
{
    if (looked->run.rate < least || looked->run.rate > most)
        fail_msg("%g/s is not from %g to %g", looked->run.rate, least, most);
}

static void first_tasks_give_their_mean(void **state)
{
    struct looked *const looked = *state;
    pass(looked, 1000);
    assert_rate(looked, 0, 0);
    looked->run.status.done = 2;
    pass(looked, 1000);
    assert_rate(looked, 0.9, 2.1);
}

// Eight slots, ten minutes a task.
static void rate_of_slow_tasks_does_not_fade_between_them(void **state)
{
    enum { SLOTS = 8, TASK_S = 600, STEP_S = TASK_S / SLOTS };
    struct looked *const looked = *state;
    pass(looked, TASK_S * 1000);
    for (int i = 0; i < 100; i++) {
        looked->run.status.done++;
        pass(looked, STEP_S * 1000);
        if (i >= SLOTS)
            assert_rate(looked, 0.5 / STEP_S, 2.0 / STEP_S);
    }
}

static void change_of_speed_is_noticed(void **state)
{
    struct looked *const looked = *state;
    for (int s = 0; s < 60; s++) {
        looked->run.status.done += 100;
        pass(looked, 1000);
    }
    assert_rate(looked, 95, 105);
    for (int s = 0; s < 120; s++) {
        looked->run.status.done += 10;
        pass(looked, 1000);
    }
    assert_rate(looked, 9, 30);
}

static void what_a_resume_finds_done_is_no_speed(void **state)
{
    struct looked *const looked = *state;
    memcpy(looked->run.status.state, "starting", sizeof "starting");
    pass(looked, 1000);
    looked->run.status.done = 10000;
    pass(looked, 1000);
    memcpy(looked->run.status.state, "running", sizeof "running");
    for (int s = 0; s < 3; s++) {
        pass(looked, 1000);
        looked->run.status.done += 5;
    }
    assert_rate(looked, 2, 6);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_tasks_give_their_mean),
        TEST(rate_of_slow_tasks_does_not_fade_between_them),
        TEST(change_of_speed_is_noticed),
        TEST(what_a_resume_finds_done_is_no_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
