#include "tests/testing.h"

#include "worker/live.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t add(struct live *live, const char *text, const char *tag,
                  bool last)
{
    return live_add(live, span_of_text(text), span_of_text(tag), last);
}

static void assert_backlog(const struct live *live, const char *text)
{
    assert_true(span_equal(buffer_span(&live->backlog), span_of_text(text)));
}

static void whole_lines_are_taken_and_the_rest_is_left(void **state)
{
    (void)state;
    struct live live = {.fd = -1};
    assert_int_equal(add(&live, "one\ntwo\nthr", "", false), 8);
    assert_backlog(&live, "one\ntwo\n");
    assert_int_equal(add(&live, "thr", "", false), 0);
    assert_int_equal(add(&live, "", "", true), 0);
    assert_int_equal(add(&live, "three\n\n", "", false), 7);
    assert_backlog(&live, "one\ntwo\nthree\n\n");
    live_clear(&live);
    assert_int_equal(live.backlog.size, 0);
}

static void the_last_line_gets_its_end(void **state)
{
    (void)state;
    struct live live = {.fd = -1};
    assert_int_equal(add(&live, "one\nend", "", true), 7);
    assert_backlog(&live, "one\nend\n");
    live_clear(&live);
}

static void every_line_is_tagged(void **state)
{
    (void)state;
    struct live live = {.fd = -1};
    (void)add(&live, "one\n\nend", "4 x", true);
    assert_backlog(&live, "4 x\tone\n4 x\t\n4 x\tend\n");
    live_clear(&live);
}

static void open_pipe(int ends[2])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

static void what_was_added_is_written(void **state)
{
    (void)state;
    int ends[2];
    open_pipe(ends);
    struct live live = {.fd = ends[1]};
    assert_false(live_flush(&live));
    (void)add(&live, "one\n", "tag", false);
    assert_false(live_flush(&live));
    char text[32] = "";
    assert_int_equal(read(ends[0], text, sizeof text), 8);
    assert_string_equal(text, "tag\tone\n");
    live_clear(&live);
    close(ends[0]);
    close(ends[1]);
}

static void fill(struct live *live, size_t size)
{
    char line[1024];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    const struct span span = {(const uint8_t *)line, sizeof line};
    for (size_t done = 0; done < size; done += sizeof line)
        assert_int_equal(live_add(live, span, (struct span){0}, false),
                         sizeof line);
}

static void a_slow_reader_is_not_waited_for(void **state)
{
    (void)state;
    int ends[2];
    open_pipe(ends);
    struct live live = {.fd = ends[1]};
    fill(&live, 200 << 10);
    assert_true(live_flush(&live)); // the pipe is full: it comes back
    const size_t left = live.backlog.size;
    assert_true(left > 0);
    assert_true(left < 200 << 10);
    assert_true(live_flush(&live));
    assert_int_equal(live.backlog.size, left);
    char text[8192];
    size_t got = 0;
    bool more = true;
    while (got < 200 << 10) {
        const ssize_t size = read(ends[0], text, sizeof text);
        assert_true(size > 0);
        got += (size_t)size;
        more = live_flush(&live);
    }
    assert_int_equal(got, 200 << 10);
    assert_false(more);
    live_clear(&live);
    close(ends[0]);
    close(ends[1]);
}

static void *read_all(void *argument)
{
    static char text[65536];
    size_t *got = argument;
    const int fd = (int)*got;
    *got = 0;
    ssize_t size;
    while ((size = read(fd, text, sizeof text)) > 0)
        *got += (size_t)size;
    return NULL;
}

static void a_reader_far_behind_is_waited_for(void **state)
{
    (void)state;
    enum { SIZE = LIVE_BACKLOG_MAX + (1 << 20) };
    int ends[2];
    open_pipe(ends);
    struct live live = {.fd = ends[1]};
    fill(&live, SIZE);
    size_t got = (size_t)ends[0];
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &got), 0);
    (void)live_flush(&live);
    assert_true(live.backlog.size <= LIVE_BACKLOG_MAX);
    const size_t left = live.backlog.size;
    close(ends[1]);
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_int_equal(got + left, SIZE);
    live_clear(&live);
    close(ends[0]);
}

static void a_reader_that_went_away_stops_nothing(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); // as in the worker
    int ends[2];
    open_pipe(ends);
    close(ends[0]);
    struct live live = {.fd = ends[1]};
    fill(&live, LIVE_BACKLOG_MAX + (1 << 20));
    assert_false(live_flush(&live));
    live_clear(&live);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_lines_are_taken_and_the_rest_is_left),
        cmocka_unit_test(the_last_line_gets_its_end),
        cmocka_unit_test(every_line_is_tagged),
        cmocka_unit_test(what_was_added_is_written),
        cmocka_unit_test(a_slow_reader_is_not_waited_for),
        cmocka_unit_test(a_reader_far_behind_is_waited_for),
        cmocka_unit_test(a_reader_that_went_away_stops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
