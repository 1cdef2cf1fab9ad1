#include "tests/testing.h"

#include "common/base/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void this_process_is_alive(void **state)
{
    (void)state;
    const struct process self = process_self();
    assert_int_equal(self.pid, getpid());
    assert_int_not_equal(self.start, 0);
    assert_false(id128_is_zero(&self.boot));
    assert_true(process_is_alive(&self));
}

static void end_of_a_child_is_seen(void **state)
{
    (void)state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const struct process self = process_self();
        const bool told =
            write(pipe_fds[1], &self, sizeof self) == (ssize_t)sizeof self;
        pause();
        _exit(told ? 0 : 1);
    }
    struct process child;
    assert_int_equal(read(pipe_fds[0], &child, sizeof child), sizeof child);
    const int fd = process_open(&child);
    assert_true(fd >= 0);
    assert_false(process_has_ended(fd));
    kill(pid, SIGKILL);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 10000), 1);
    assert_true(process_has_ended(fd));
    assert_false(process_is_alive(&child));
    assert_int_equal(process_open(&child), PROCESS_GONE); // not reaped yet
    waitpid(pid, NULL, 0);
    assert_int_equal(process_open(&child), PROCESS_GONE);
    close(fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void another_with_the_same_pid_is_not_it(void **state)
{
    (void)state;
    struct process other = process_self();
    other.start++;
    assert_int_equal(process_open(&other), PROCESS_GONE);
    assert_false(process_is_alive(&other));
}

static void pid_of_elsewhere_tells_nothing(void **state)
{
    (void)state;
    struct process other = process_self();
    other.boot.byte[0] ^= 1;
    assert_int_equal(process_open(&other), PROCESS_UNKNOWN);
    other = (struct process){.pid = other.pid};
    assert_int_equal(process_open(&other), PROCESS_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_process_is_alive),
        cmocka_unit_test(end_of_a_child_is_seen),
        cmocka_unit_test(another_with_the_same_pid_is_not_it),
        cmocka_unit_test(pid_of_elsewhere_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
