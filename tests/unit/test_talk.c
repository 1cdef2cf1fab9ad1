#include "tests/testing.h"

#include "common/wire/wire.h"
#include "worker/talk.h"

#include <stdio.h>
#include <string.h>

#define GREETING "{\"fan\":1,\"framing\":\"ndjson\"}\n"

enum { TASKS_MAX = 80, MS = 1000, FOREVER_MS = 1000000 };

struct world {
    struct talk_settings settings;
    struct talk talk;
    struct slot_task tasks[TASKS_MAX];
    struct buffer payload;
    uint32_t handed;
    uint64_t back[TASKS_MAX];
    uint32_t back_count;
    int64_t now;
    int64_t own_ms; // how long the next task may take; 0: as all
};

/* What of the settings is zero gets a value that does not matter. */
static void world_open(struct world *world, struct talk_settings settings)
{
    const struct span args[] = {SPAN_OF("model")};
    const struct wire_pair values[] = {{.value = SPAN_OF("v")}};
    const struct wire_command_out command = {
        .args = args, .arg_count = 1, .values = {values, 1}};
    memset(world, 0, sizeof *world);
    if (settings.timeout_us == 0)
        settings.timeout_us = INT64_MAX;
    if (settings.grace_us == 0)
        settings.grace_us = 20 * MS;
    if (settings.output_max == 0)
        settings.output_max = 1 << 20;
    if (settings.tasks_max == 0)
        settings.tasks_max = UINT64_MAX;
    world->settings = settings;
    world->now = 1000 * MS;
    wire_put_command(&world->payload, &command);
    assert_int_equal(talk_init(&world->talk, &world->settings, 1), 0);
}

static void world_close(struct world *world)
{
    talk_clear(&world->talk);
    buffer_free(&world->payload);
}

static void say(struct world *world, const char *text)
{
    uint8_t *room = talk_room(&world->talk, strlen(text));
    assert_non_null(room);
    memcpy(room, text, strlen(text));
    talk_came(&world->talk, strlen(text));
    talk_hear(&world->talk, world->now);
}

static void complain(struct world *world, const char *text)
{
    talk_hear_error(&world->talk, span_of_text(text), world->now);
}

static void hand(struct world *world)
{
    struct slot_task *task = &world->tasks[world->handed++];
    *task = (struct slot_task){.task = world->handed,
                               .slot = 1,
                               .timeout_ms = world->own_ms,
                               .payload = buffer_span(&world->payload)};
    talk_hand(&world->talk, task);
    talk_fill(&world->talk, world->now);
}

/* All that waits goes into the pipe. */
static size_t write_all(struct world *world)
{
    const size_t size = talk_unsent(&world->talk).size;
    talk_sent(&world->talk, size);
    return size;
}

static void start(struct world *world)
{
    assert_true(talk_may_start(&world->talk, world->now));
    talk_started(&world->talk, world->now);
    if (world->settings.framing == FRAMING_GREETED)
        say(world, GREETING);
    assert_int_equal(world->talk.state, TALK_READY);
}

static void ends(struct world *world, int exit, int signal)
{
    talk_ended(&world->talk, (struct talk_status){exit, signal}, world->now);
}

static struct talk_job *assert_end(struct world *world, uint64_t task,
                                   enum fail_class class, const char *out)
{
    const struct talk_job *job = talk_next(&world->talk);
    assert_non_null(job);
    assert_int_equal(job->held->task, task);
    if (job->class != class)
        fail_msg("class %d, not %d: %s", job->class, class, job->note);
    assert_true(span_equal(buffer_span(&job->out), span_of_text(out)));
    return &world->talk.jobs[world->talk.first & (TALK_PLACES - 1)];
}

static void assert_err(struct world *world, const char *text)
{
    const struct talk_job *job = talk_next(&world->talk);
    if (!span_equal(buffer_span(&job->err), span_of_text(text)))
        fail_msg("'%.*s' is not '%s'", (int)job->err.size,
                 (const char *)job->err.at, text);
}

static void take(void *argument, const struct slot_task *task)
{
    struct world *world = argument;
    world->back[world->back_count++] = task->task;
}

/* One task after the other, until several may be written ahead. */
static void warm_up(struct world *world)
{
    while (!talk_has_room(&world->talk, TALK_PLACES) || world->talk.held == 0 ||
           world->talk.sent < 2) {
        if (talk_has_room(&world->talk, TALK_PLACES)) {
            hand(world);
            continue;
        }
        (void)write_all(world);
        say(world, "{\"result\":0}\n");
        talk_release(&world->talk);
    }
    while (world->talk.sent > 0) {
        (void)write_all(world);
        say(world, "{\"result\":0}\n");
        talk_release(&world->talk);
    }
    world->handed = 0;
}

static void task_is_written_and_its_answer_is_its_result(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    assert_false(talk_has_room(&world.talk, 1));
    start(&world);
    assert_true(talk_has_room(&world.talk, 1));
    hand(&world);
    assert_false(talk_has_room(&world.talk, 1));
    assert_int_equal(talk_unsent(&world.talk).at[0], '{');
    (void)write_all(&world);
    world.now += 7;
    complain(&world, "careful\n");
    say(&world, "{\"result\":");
    assert_null(talk_next(&world.talk));
    say(&world, " [1, 2] }\n");
    const struct talk_job *job = assert_end(&world, 1, CLASS_NONE, "[1, 2]\n");
    assert_int_equal(job->wall_us, 7);
    assert_err(&world, "careful\n");
    talk_release(&world.talk);
    assert_null(talk_next(&world.talk));
    assert_true(talk_has_room(&world.talk, 1));
    assert_int_equal(talk_take_order(&world.talk), TALK_NOTHING);
    world_close(&world);
}

static void error_fails_the_task_and_not_the_process(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    start(&world);
    hand(&world);
    complain(&world, "w\n");
    say(&world, "{\"error\":\"no such \\u00e9\"}\n");
    const struct talk_job *job = assert_end(&world, 1, CLASS_EXIT, "");
    assert_int_equal(job->exit, 1);
    assert_err(&world, "w\nno such \xc3\xa9\n");
    assert_int_equal(world.talk.state, TALK_READY);
    world_close(&world);
}

static void only_the_first_unanswered_is_blamed_for_a_crash(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    start(&world);
    warm_up(&world);
    for (int i = 0; i < 3; i++)
        hand(&world);
    assert_int_equal(world.talk.sent, 3);
    (void)write_all(&world);
    say(&world, "{\"task\":1,\"result\":1}\n");
    complain(&world, "Segmentation fault\n");
    ends(&world, 0, 11);
    (void)assert_end(&world, 1, CLASS_NONE, "1\n");
    talk_release(&world.talk);
    const struct talk_job *job = assert_end(&world, 2, CLASS_SIGNAL, "");
    assert_int_equal(job->signal, 11);
    assert_err(&world, "Segmentation fault\n");
    assert_string_equal(job->note, "the coprocess ended before it answered");
    talk_release(&world.talk);
    assert_null(talk_next(&world.talk));
    talk_give_back(&world.talk, take, &world);
    assert_int_equal(world.back_count, 1);
    assert_int_equal(world.back[0], 3);
    start(&world); // at once: it had answered
    world_close(&world);
}

static void exit_code_is_told_and_zero_is_a_failure_too(void **state)
{
    (void)state;
    struct world world;
    for (int exit = 0; exit < 80; exit += 77) {
        world_open(&world, (struct talk_settings){.framing = FRAMING_LINES});
        start(&world);
        hand(&world);
        ends(&world, exit, 0);
        const struct talk_job *job = assert_end(&world, 1, CLASS_EXIT, "");
        assert_int_equal(job->exit, exit ? exit : 1);
        world_close(&world);
    }
}

static void
failed_start_is_told_by_the_next_task_and_tried_again_later(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    int64_t before_us = 0;
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(talk_may_start(&world.talk, world.now));
        talk_started(&world.talk, world.now);
        complain(&world, "no module\n");
        ends(&world, 3, 0);
        assert_false(talk_may_start(&world.talk, INT64_MAX));
        assert_true(talk_has_room(&world.talk, 8));
        hand(&world);
        const struct talk_job *job = assert_end(&world, i, CLASS_EXIT, "");
        assert_int_equal(job->exit, 3);
        assert_err(&world, "no module\n");
        assert_string_equal(job->note, "the coprocess ended before it greeted");
        talk_release(&world.talk);
        assert_false(talk_has_room(&world.talk, 8));
        assert_false(talk_may_start(&world.talk, world.now + before_us));
        before_us = world.talk.start_us - world.now;
        world.now = world.talk.start_us;
    }
    start(&world);
    world_close(&world);
}

static void what_cannot_be_started_is_told_too(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    talk_not_started(&world.talk, "no processes left", world.now);
    hand(&world);
    const struct talk_job *job = assert_end(&world, 1, CLASS_SPAWN, "");
    assert_string_equal(job->note, "no processes left");
    world_close(&world);
}

static void assert_killed_for(const char *said, enum fail_class class,
                              const char *why)
{
    struct world world;
    world_open(&world, (struct talk_settings){.output_max = 100});
    start(&world);
    hand(&world);
    say(&world, said);
    assert_int_equal(world.talk.state, TALK_STOPPING);
    assert_int_equal(talk_take_order(&world.talk), TALK_KILL);
    assert_int_equal(talk_take_order(&world.talk), TALK_NOTHING);
    assert_null(talk_next(&world.talk));
    ends(&world, 0, 9);
    const struct talk_job *job = assert_end(&world, 1, class, "");
    assert_non_null(strstr(job->note, why));
    world_close(&world);
}

static void garbage_fails_the_task_and_ends_the_process(void **state)
{
    (void)state;
    char long_line[5000] = "";
    memset(long_line, 'x', sizeof long_line - 1);
    assert_killed_for("Loading...\n", CLASS_EXIT, "no object with a result");
    assert_killed_for("{\"task\":9,\"result\":1}\n", CLASS_EXIT,
                      "another task");
    assert_killed_for(long_line, CLASS_OUTPUT, "longer than --output-max");
}

static void answer_to_no_task_ends_the_process(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.framing = FRAMING_LINES});
    start(&world);
    hand(&world);
    say(&world, "one\ntwo\n");
    (void)assert_end(&world, 1, CLASS_NONE, "one\n");
    talk_release(&world.talk);
    assert_int_equal(talk_take_order(&world.talk), TALK_KILL);
    ends(&world, 0, 9);
    hand(&world);
    const struct talk_job *job = assert_end(&world, 2, CLASS_EXIT, "");
    assert_non_null(strstr(job->note, "no answer to a task"));
    world_close(&world);
}

static void time_limit_asks_then_kills(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.timeout_us = 50 * MS,
                                              .grace_us = 10 * MS});
    start(&world);
    assert_true(talk_due_us(&world.talk) == INT64_MAX);
    hand(&world);
    assert_int_equal(talk_due_us(&world.talk), world.now + 50 * MS);
    world.now += 50 * MS;
    talk_turn(&world.talk, world.now);
    assert_int_equal(talk_take_order(&world.talk), TALK_TERM);
    talk_turn(&world.talk, world.now + 9 * MS);
    assert_int_equal(talk_take_order(&world.talk), TALK_NOTHING);
    say(&world, "{\"result\":1}\n"); // too late
    world.now += 10 * MS;
    talk_turn(&world.talk, world.now);
    assert_int_equal(talk_take_order(&world.talk), TALK_KILL);
    assert_true(talk_due_us(&world.talk) == INT64_MAX);
    ends(&world, 0, 9);
    (void)assert_end(&world, 1, CLASS_TIMEOUT, "");
    assert_int_equal(talk_next(&world.talk)->wall_us, 60 * MS);
    world_close(&world);
}

static void each_task_has_the_whole_time(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.timeout_us = 50 * MS});
    start(&world);
    warm_up(&world);
    hand(&world);
    hand(&world);
    world.now += 40 * MS;
    say(&world, "{\"result\":1}\n");
    assert_int_equal(talk_due_us(&world.talk), world.now + 50 * MS);
    world.now += 40 * MS;
    say(&world, "{\"result\":1}\n");
    assert_true(talk_due_us(&world.talk) == INT64_MAX);
    world_close(&world);
}

static void a_task_may_have_a_time_of_its_own(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.timeout_us = 50 * MS});
    start(&world);
    world.own_ms = 200;
    hand(&world);
    assert_int_equal(talk_due_us(&world.talk), world.now + 200 * MS);
    say(&world, "{\"result\":1}\n");
    world.own_ms = INT64_MAX;
    hand(&world);
    assert_true(talk_due_us(&world.talk) == INT64_MAX);
    world_close(&world);
}

static void start_has_the_time_of_a_task(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.timeout_us = 50 * MS});
    talk_started(&world.talk, world.now);
    talk_turn(&world.talk, world.now + 50 * MS);
    assert_int_equal(talk_take_order(&world.talk), TALK_TERM);
    ends(&world, 0, 15);
    hand(&world);
    (void)assert_end(&world, 1, CLASS_TIMEOUT, "");
    assert_non_null(strstr(talk_next(&world.talk)->note, "did not greet"));
    world_close(&world);
}

static void cancelled_task_ends_as_such(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    start(&world);
    talk_cancel(&world.talk, world.now);
    assert_int_equal(world.talk.state, TALK_READY);
    hand(&world);
    assert_ptr_equal(talk_running_task(&world.talk), &world.tasks[0]);
    talk_cancel(&world.talk, world.now);
    assert_int_equal(talk_take_order(&world.talk), TALK_TERM);
    ends(&world, 0, 15);
    (void)assert_end(&world, 1, CLASS_CANCELLED, "");
    assert_true(talk_may_start(&world.talk, FOREVER_MS * (int64_t)MS));
    world_close(&world);
}

static void long_stderr_is_cut_or_a_failure(void **state)
{
    (void)state;
    struct world world;
    for (int truncate = 0; truncate < 2; truncate++) {
        world_open(&world, (struct talk_settings){.output_max = 4,
                                                  .truncate = truncate});
        start(&world);
        hand(&world);
        complain(&world, "abc");
        complain(&world, "def");
        if (truncate)
            say(&world, "{\"result\":1}\n");
        else
            ends(&world, 0, 9);
        const struct talk_job *job =
            assert_end(&world, 1, truncate ? CLASS_NONE : CLASS_OUTPUT,
                       truncate ? "1\n" : "");
        assert_true(job->err_cut);
        assert_err(&world, "abcd");
        world_close(&world);
    }
}

static void
what_is_said_between_tasks_is_bounded_and_the_next_ones(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    start(&world);
    for (int i = 0; i < TALK_TAIL_MAX / 4; i++)
        complain(&world, "12345678");
    assert_int_equal(world.talk.err.size, TALK_TAIL_MAX);
    hand(&world);
    say(&world, "{\"result\":1}\n");
    assert_int_equal(talk_next(&world.talk)->err.size, TALK_TAIL_MAX);
    world_close(&world);
}

static void who_speaks_gets_one_task_at_a_time(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    start(&world);
    warm_up(&world);
    hand(&world);
    assert_true(talk_has_room(&world.talk, 2));
    assert_false(talk_has_room(&world.talk, 1));
    complain(&world, "x");
    assert_false(talk_has_room(&world.talk, 8));
    say(&world, "{\"result\":1}\n");
    hand(&world);
    assert_false(talk_has_room(&world.talk, 8));
    world_close(&world);
}

static void lines_are_never_written_ahead(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.framing = FRAMING_LINES});
    start(&world);
    for (int i = 0; i < 40; i++) {
        hand(&world);
        assert_false(talk_has_room(&world.talk, TALK_PLACES));
        (void)write_all(&world);
        say(&world, "x\n");
        talk_release(&world.talk);
    }
    world_close(&world);
}

static void what_was_not_read_is_taken_back(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    start(&world);
    warm_up(&world);
    char pipe[4096];
    size_t ends_at[4], size = 0;
    for (int i = 0; i < 4; i++) {
        hand(&world);
        const struct span unsent = talk_unsent(&world.talk);
        memcpy(pipe + size, unsent.at, unsent.size);
        size += unsent.size;
        ends_at[i] = size;
        talk_sent(&world.talk, unsent.size);
    }
    // It has read the first and a part of the second.
    const size_t had = ends_at[0] + 5;
    talk_unsend(&world.talk, (struct span){(uint8_t *)pipe + had, size - had});
    assert_int_equal(world.talk.sent, 2);
    assert_true(
        span_equal(talk_unsent(&world.talk),
                   (struct span){(uint8_t *)pipe + had, ends_at[1] - had}));
    talk_give_back(&world.talk, take, &world);
    assert_int_equal(world.back_count, 2);
    assert_int_equal(world.back[0], 4);
    assert_int_equal(world.back[1], 3);
    say(&world, "{\"result\":1}\n{\"result\":2}\n");
    (void)assert_end(&world, 1, CLASS_NONE, "1\n");
    world_close(&world);
}

static void task_that_nobody_read_has_not_begun(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.timeout_us = MS});
    start(&world);
    hand(&world);
    assert_true(talk_running(&world.talk) != 0);
    talk_unsend(&world.talk, (struct span){0}); // none of it was written
    assert_true(talk_running(&world.talk) == 0);
    assert_true(talk_due_us(&world.talk) == INT64_MAX);
    assert_int_equal(talk_unsent(&world.talk).size, 0);
    talk_fill(&world.talk, world.now); // and is written again
    assert_true(talk_running(&world.talk) != 0);
    world_close(&world);
}

/* Else all would be taken back again and again, and no time limit be met. */
static void who_does_not_read_gets_one_task_at_a_time(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    start(&world);
    warm_up(&world);
    hand(&world);
    hand(&world);
    talk_unsend(&world.talk, (struct span){0});
    talk_give_back(&world.talk, take, &world);
    assert_int_equal(world.back_count, 2);
    hand(&world);
    assert_false(talk_has_room(&world.talk, 8));
    world_close(&world);
}

static void long_error_is_output_over_the_limit(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.output_max = 8});
    start(&world);
    hand(&world);
    complain(&world, "12345");
    say(&world, "{\"error\":\"6789\"}\n");
    const struct talk_job *job = assert_end(&world, 1, CLASS_OUTPUT, "");
    assert_true(job->err_cut);
    assert_err(&world, "12345678");
    assert_int_equal(world.talk.state, TALK_READY);
    world_close(&world);
}

static void taking_back_changes_no_limit_of_a_start_or_an_end(void **state)
{
    (void)state;
    char pipe[4096];
    struct world world;
    world_open(&world, (struct talk_settings){.timeout_us = 50 * MS});
    talk_started(&world.talk, world.now);
    talk_unsend(&world.talk, (struct span){0});
    assert_true(talk_due_us(&world.talk) == world.now + 50 * MS);
    say(&world, GREETING);
    hand(&world);
    const struct span unread = talk_unsent(&world.talk);
    memcpy(pipe, unread.at, unread.size);
    const size_t size = write_all(&world);
    world.now += 50 * MS;
    talk_turn(&world.talk, world.now);
    assert_int_equal(talk_take_order(&world.talk), TALK_TERM);
    talk_unsend(&world.talk, (struct span){(uint8_t *)pipe, size});
    talk_give_back(&world.talk, take, &world);
    assert_int_equal(world.back_count, 0);
    talk_turn(&world.talk, world.now + 20 * MS);
    assert_int_equal(talk_take_order(&world.talk), TALK_KILL);
    ends(&world, 0, 9);
    (void)assert_end(&world, 1, CLASS_TIMEOUT, "");
    assert_false(world.talk.failure.pending); // no other is blamed
    world_close(&world);
}

static void process_ends_after_its_share_and_nobody_is_blamed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){.tasks_max = 2});
    start(&world);
    hand(&world);
    say(&world, "{\"result\":1}\n");
    talk_release(&world.talk);
    hand(&world);
    assert_false(talk_has_room(&world.talk, 8));
    say(&world, "{\"result\":1}\n");
    (void)assert_end(&world, 2, CLASS_NONE, "1\n");
    talk_release(&world.talk);
    assert_int_equal(world.talk.state, TALK_STOPPING);
    assert_int_equal(talk_take_order(&world.talk), TALK_CLOSE);
    world.now += 20 * MS; // it does not leave
    talk_turn(&world.talk, world.now);
    assert_int_equal(talk_take_order(&world.talk), TALK_TERM);
    ends(&world, 0, 15);
    assert_false(world.talk.failure.pending);
    start(&world);
    world_close(&world);
}

static void recycled_process_answers_first(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, (struct talk_settings){0});
    start(&world);
    hand(&world);
    talk_recycle(&world.talk, world.now);
    assert_int_equal(world.talk.state, TALK_READY);
    assert_false(talk_has_room(&world.talk, 8));
    say(&world, "{\"result\":1}\n");
    (void)assert_end(&world, 1, CLASS_NONE, "1\n");
    assert_int_equal(talk_take_order(&world.talk), TALK_CLOSE);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task_is_written_and_its_answer_is_its_result),
        cmocka_unit_test(error_fails_the_task_and_not_the_process),
        cmocka_unit_test(only_the_first_unanswered_is_blamed_for_a_crash),
        cmocka_unit_test(exit_code_is_told_and_zero_is_a_failure_too),
        cmocka_unit_test(
            failed_start_is_told_by_the_next_task_and_tried_again_later),
        cmocka_unit_test(what_cannot_be_started_is_told_too),
        cmocka_unit_test(garbage_fails_the_task_and_ends_the_process),
        cmocka_unit_test(answer_to_no_task_ends_the_process),
        cmocka_unit_test(time_limit_asks_then_kills),
        cmocka_unit_test(each_task_has_the_whole_time),
        cmocka_unit_test(a_task_may_have_a_time_of_its_own),
        cmocka_unit_test(start_has_the_time_of_a_task),
        cmocka_unit_test(cancelled_task_ends_as_such),
        cmocka_unit_test(long_stderr_is_cut_or_a_failure),
        cmocka_unit_test(
            what_is_said_between_tasks_is_bounded_and_the_next_ones),
        cmocka_unit_test(who_speaks_gets_one_task_at_a_time),
        cmocka_unit_test(lines_are_never_written_ahead),
        cmocka_unit_test(what_was_not_read_is_taken_back),
        cmocka_unit_test(task_that_nobody_read_has_not_begun),
        cmocka_unit_test(who_does_not_read_gets_one_task_at_a_time),
        cmocka_unit_test(long_error_is_output_over_the_limit),
        cmocka_unit_test(taking_back_changes_no_limit_of_a_start_or_an_end),
        cmocka_unit_test(process_ends_after_its_share_and_nobody_is_blamed),
        cmocka_unit_test(recycled_process_answers_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
