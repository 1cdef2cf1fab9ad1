#include "tests/testing.h"

#include "worker/shepherd.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// A worker tells the test something through `fd`, which closes when the last
// process that has it is gone.
typedef void work_function(int fd);

static void tell(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        _exit(99);
}

static void split(work_function *work, int fd)
{
    int code = 98;
    pid_t parent = 0;
    struct problem problem = {0};
    switch (shepherd_split(&code, &parent, &problem)) {
    case SHEPHERD_WORKER:
        if (getppid() == parent)
            work(fd);
        _exit(97);
    case SHEPHERD_PARENT:
    case SHEPHERD_FAILED:
        _exit(code);
    }
}

static pid_t start(work_function *work, int *told)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const pid_t shepherd = fork();
    assert_true(shepherd >= 0);
    if (shepherd == 0)
        split(work, ends[1]);
    close(ends[1]);
    *told = ends[0];
    return shepherd;
}

static void assert_told(int told, const char *text)
{
    char got[32] = "";
    for (size_t size = 0; size < strlen(text);) {
        const ssize_t more = read(told, got + size, strlen(text) - size);
        assert_true(more > 0);
        size += (size_t)more;
    }
    assert_string_equal(got, text);
}

static void assert_told_no_more(int told)
{
    char got[32] = "";
    if (read(told, got, sizeof got - 1) != 0)
        fail_msg("told: %s", got);
    close(told);
}

static int code_of(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void exit_with_seven(int fd)
{
    (void)fd;
    _exit(7);
}

static void the_workers_exit_code_is_the_shepherds(void **state)
{
    (void)state;
    int told;
    const pid_t shepherd = start(exit_with_seven, &told);
    assert_told_no_more(told);
    assert_int_equal(code_of(shepherd), 7);
}

// The child of a child, in a session of its own.
static void leave_somebody_and_die(int fd)
{
    const pid_t child = fork();
    if (child == 0) {
        (void)setsid();
        if (fork() == 0) {
            (void)signal(SIGTERM, SIG_IGN);
            tell(fd, "up");
            for (;;)
                pause();
        }
        _exit(0);
    }
    for (;;)
        pause();
}

static void a_killed_workers_processes_are_cleared_up(void **state)
{
    (void)state;
    int told;
    const pid_t shepherd = start(leave_somebody_and_die, &told);
    assert_told(told, "up");
    char path[64], text[32] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children",
                   (int)shepherd, (int)shepherd);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    // The worker is the first child: what fell to the shepherd came later.
    assert_int_equal(kill((pid_t)strtol(text, NULL, 10), SIGKILL), 0);
    assert_told_no_more(told);
    assert_int_equal(code_of(shepherd), 128 + SIGKILL);
}

static sigset_t all_heard(void)
{
    sigset_t set;
    sigemptyset(&set);
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaddset(&set, signals[i]);
    return set;
}

static void exit_with_the_signal(int fd)
{
    const sigset_t set = all_heard();
    int number = 0;
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    tell(fd, "up");
    (void)sigwait(&set, &number);
    _exit(number);
}

static void signals_go_on_to_the_worker(void **state)
{
    (void)state;
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        int told;
        const pid_t shepherd = start(exit_with_the_signal, &told);
        assert_told(told, "up");
        assert_int_equal(kill(shepherd, signals[i]), 0);
        assert_int_equal(code_of(shepherd), signals[i]);
        assert_told_no_more(told);
    }
}

static void tell_of_quit(int fd)
{
    const sigset_t set = all_heard();
    sigset_t quit;
    int number = 0;
    sigemptyset(&quit);
    sigaddset(&quit, SIGQUIT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    tell(fd, "up");
    (void)sigwait(&quit, &number);
    tell(fd, "quit");
    _exit(0);
}

static void a_worker_quits_when_its_supervisor_dies(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const pid_t supervisor = fork();
    if (supervisor == 0) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", (int)getpid());
        (void)setenv("FAN_SUPERVISOR", text, 1);
        if (fork() == 0)
            split(tell_of_quit, ends[1]);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_told(ends[0], "up");
    assert_int_equal(kill(supervisor, SIGKILL), 0);
    assert_told(ends[0], "quit");
    assert_told_no_more(ends[0]);
    assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
}

static void count_interrupts(int fd)
{
    const sigset_t set = all_heard();
    sigset_t some;
    int number = 0;
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    sigemptyset(&some);
    sigaddset(&some, SIGINT);
    tell(fd, "up");
    (void)sigwait(&some, &number);
    tell(fd, "int");
    sigaddset(&some, SIGUSR1);
    (void)sigwait(&some, &number);
    tell(fd, number == SIGUSR1 ? "once" : "twice");
    _exit(0);
}

// The terminal tells both; USR1 through the shepherd comes behind any INT.
static void an_interrupt_from_a_terminal_comes_once(void **state)
{
    (void)state;
    int ends[2], terminal;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const pid_t shepherd = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(shepherd >= 0);
    if (shepherd == 0)
        split(count_interrupts, ends[1]);
    close(ends[1]);
    assert_told(ends[0], "up");
    assert_int_equal(write(terminal, "\003", 1), 1);
    assert_told(ends[0], "int");
    assert_int_equal(kill(shepherd, SIGUSR1), 0);
    assert_told(ends[0], "once");
    assert_told_no_more(ends[0]);
    assert_int_equal(code_of(shepherd), 0);
    close(terminal);
}

int main(void)
{
    (void)unsetenv("FAN_SUPERVISOR");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_workers_exit_code_is_the_shepherds),
        cmocka_unit_test(a_killed_workers_processes_are_cleared_up),
        cmocka_unit_test(signals_go_on_to_the_worker),
        cmocka_unit_test(a_worker_quits_when_its_supervisor_dies),
        cmocka_unit_test(an_interrupt_from_a_terminal_comes_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
