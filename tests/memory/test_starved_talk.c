#include "tests/memory/starving.h"

#include "common/wire/wire.h"
#include "worker/talk.h"

#include <stdlib.h>
#include <string.h>

static const struct talk_settings SETTINGS = {
    .timeout_us = INT64_MAX, .output_max = 1 << 20, .tasks_max = UINT64_MAX};

static void say(struct talk *talk, const char *text)
{
    uint8_t *room = talk_room(talk, strlen(text));
    if (!room)
        return;
    memcpy(room, text, strlen(text));
    talk_came(talk, strlen(text));
    talk_hear(talk, 0);
}

// What is stopped ends; a start that failed is told by the next task.
static bool end_if_stopped(struct talk *talk)
{
    if (talk->state != TALK_STOPPING)
        return false;
    assert_int_equal(talk_take_order(talk), TALK_KILL);
    talk_ended(talk, (struct talk_status){0, 9}, 0);
    return true;
}

static bool task_ends(struct talk *talk, const struct slot_task *task)
{
    talk_hand(talk, task);
    talk_fill(talk, 0);
    if (!talk_next(talk)) {
        talk_sent(talk, talk_unsent(talk).size);
        talk_hear_error(talk, SPAN_OF("careful\n"), 0);
        say(talk, "{\"error\":\"not \\u0041 number\"}\n");
        (void)end_if_stopped(talk);
    }
    const struct talk_job *job = talk_next(talk);
    assert_non_null(job);
    const bool whole = job->class == CLASS_EXIT;
    if (whole)
        assert_true(span_equal(buffer_span(&job->err),
                               SPAN_OF("careful\nnot A number\n")));
    else
        assert_non_null(strstr(job->note, "out of memory"));
    talk_release(talk);
    assert_int_equal(talk->held, 0);
    return whole;
}

static bool talk_over(struct talk *talk, struct span payload)
{
    const struct slot_task task = {.task = 1, .slot = 1, .payload = payload};
    talk_started(talk, 0);
    say(talk, "{\"fan\":1,\"framing\":\"ndjson\"}\n");
    const bool started = !end_if_stopped(talk);
    assert_true(talk_has_room(talk, 1));
    return task_ends(talk, &task) && started;
}

static bool talk_scenario(void)
{
    static const struct span ARGS[] = {{(const uint8_t *)"model", 5}};
    const struct wire_command_out command = {.args = ARGS, .arg_count = 1};
    struct buffer payload = {0};
    struct talk talk;
    wire_put_command(&payload, &command);
    bool whole = !payload.failed;
    whole = talk_init(&talk, &SETTINGS, 1) == 0 && whole;
    if (whole)
        whole = talk_over(&talk, buffer_span(&payload));
    talk_clear(&talk);
    buffer_free(&payload);
    return whole;
}

static void task_says_that_memory_was_short(void **state)
{
    (void)state;
    starving(talk_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task_says_that_memory_was_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
