#include "tests/testing.h"

#include "common/wire/wire.h"
#include "worker/talk.h"
#include "worker/talk_plugin.h"

#include <string.h>

enum { TASKS_MAX = 8, OUTPUT_MAX = 100, MS = 1000 };

static const struct id128 KEY = {"0123456789abcdef"};

struct world {
    struct talk_settings settings;
    struct talk talk;
    struct slot_task tasks[TASKS_MAX];
    struct buffer payload;
    uint32_t handed;
    int64_t now;
};

static void open_world(struct world *world)
{
    const struct span args[] = {SPAN_OF("x.so")};
    const struct wire_pair values[] = {{.value = SPAN_OF("v")}};
    const struct wire_command_out command = {
        .args = args, .arg_count = 1, .values = {values, 1}};
    memset(world, 0, sizeof *world);
    world->settings = (struct talk_settings){.framing = FRAMING_PLUGIN,
                                             .timeout_us = 500 * MS,
                                             .grace_us = 20 * MS,
                                             .output_max = OUTPUT_MAX,
                                             .tasks_max = UINT64_MAX};
    world->now = MS;
    wire_put_command(&world->payload, &command);
    assert_int_equal(talk_init(&world->talk, &world->settings, 7), 0);
}

static void close_world(struct world *world)
{
    talk_clear(&world->talk);
    buffer_free(&world->payload);
}

static void say(struct world *world, const struct buffer *said)
{
    uint8_t *room = talk_room(&world->talk, said->size);
    assert_non_null(room);
    memcpy(room, said->at, said->size);
    talk_came(&world->talk, said->size);
    talk_hear(&world->talk, world->now);
}

static void greet(struct world *world, const char *refused)
{
    struct buffer text = {0};
    assert_true(talk_may_start(&world->talk, world->now));
    talk_started(&world->talk, world->now);
    call_put_greeting(&text, refused);
    say(world, &text);
    buffer_free(&text);
}

static void hand(struct world *world)
{
    struct slot_task *task = &world->tasks[world->handed++];
    *task = (struct slot_task){.task = world->handed,
                               .slot = 7,
                               .failures = 2,
                               .key = KEY,
                               .payload = buffer_span(&world->payload)};
    talk_hand(&world->talk, task);
    talk_fill(&world->talk, world->now);
}

static struct buffer result_of(uint64_t task, struct frame_result result,
                               const char *err, const char *out)
{
    struct buffer text = {0};
    call_put_result(&text, task, &result, strlen(err), strlen(out));
    buffer_append_text(&text, err);
    buffer_append_text(&text, out);
    return text;
}

static void answer(struct world *world, uint64_t task,
                   struct frame_result result, const char *err, const char *out)
{
    struct buffer text = result_of(task, result, err, out);
    talk_sent(&world->talk, talk_unsent(&world->talk).size);
    say(world, &text);
    buffer_free(&text);
}

static const struct talk_job *ended(const struct world *world,
                                    enum fail_class class, const char *out)
{
    const struct talk_job *job = talk_next(&world->talk);
    assert_non_null(job);
    assert_int_equal(job->class, class);
    assert_true(span_equal(buffer_span(&job->out), span_of_text(out)));
    return job;
}

static void call_is_the_task_as_the_worker_has_it(void **state)
{
    (void)state;
    struct world world;
    struct call call;
    open_world(&world);
    greet(&world, NULL);
    hand(&world);
    const struct span told = talk_unsent(&world.talk);
    assert_int_equal(told.size, CALL_HEAD + world.payload.size);
    assert_true(call_get(told.at, &call));
    assert_int_equal(call.task, 1);
    assert_int_equal(call.failures, 2);
    assert_true(id128_equal(&call.key, &KEY));
    assert_int_equal(call.payload_size, world.payload.size);
    assert_memory_equal(told.at + CALL_HEAD, world.payload.at,
                        world.payload.size);
    const uint8_t nothing[CALL_HEAD] = {0};
    assert_false(call_get(nothing, &call));
    close_world(&world);
}

static void result_has_all_that_one_in_a_thread_has(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    greet(&world, NULL);
    hand(&world);
    talk_hear_error(&world.talk, span_of_text("printed\n"), world.now);
    answer(&world, 1,
           (struct frame_result){.exit = 65, .user_us = 3, .sys_us = 4},
           "complained\n", "out");
    const struct talk_job *job = ended(&world, CLASS_EXIT, "out");
    assert_int_equal(job->exit, 65);
    assert_int_equal(job->user_us, 3);
    assert_int_equal(job->sys_us, 4);
    assert_true(span_equal(buffer_span(&job->err),
                           span_of_text("printed\ncomplained\n")));
    talk_release(&world.talk);
    hand(&world);
    answer(&world, 2, (struct frame_result){.out_cut = true}, "", "o");
    (void)ended(&world, CLASS_OUTPUT, "o");
    talk_release(&world.talk);
    hand(&world);
    answer(&world, 3, (struct frame_result){.no_memory = true}, "", "");
    (void)ended(&world, CLASS_OUTPUT, "");
    talk_release(&world.talk);
    world.settings.truncate = true;
    hand(&world);
    answer(&world, 4, (struct frame_result){.err_cut = true}, "e", "");
    assert_true(ended(&world, CLASS_NONE, "")->err_cut);
    close_world(&world);
}

static void result_in_pieces_is_found_when_it_is_whole(void **state)
{
    (void)state;
    struct buffer text =
        result_of(9, (struct frame_result){.exit = 1}, "err", "out");
    struct frame_answer found;
    for (size_t size = 0; size < text.size; size++)
        assert_int_equal(frame_get_answer(FRAMING_PLUGIN,
                                          (struct span){text.at, size}, 0,
                                          OUTPUT_MAX, &found),
                         FRAME_PART);
    assert_int_equal(frame_get_answer(FRAMING_PLUGIN, buffer_span(&text), 0,
                                      OUTPUT_MAX, &found),
                     FRAME_FOUND);
    assert_int_equal(found.size, text.size);
    assert_int_equal(found.task, 9);
    assert_true(span_equal(found.result.err, SPAN_OF("err")));
    assert_true(span_equal(found.value, SPAN_OF("out")));
    set_u32(&text, RESULT_HEAD - 4, 7); // more of stderr than there is
    assert_int_equal(frame_get_answer(FRAMING_PLUGIN, buffer_span(&text), 0,
                                      OUTPUT_MAX, &found),
                     FRAME_WRONG);
    set_u32(&text, 0, 20 * OUTPUT_MAX + RESULT_HEAD);
    assert_int_equal(frame_get_answer(FRAMING_PLUGIN, buffer_span(&text), 0,
                                      OUTPUT_MAX, &found),
                     FRAME_LONG);
    set_u32(&text, 0, RESULT_HEAD - 5);
    assert_int_equal(frame_get_answer(FRAMING_PLUGIN, buffer_span(&text), 0,
                                      OUTPUT_MAX, &found),
                     FRAME_WRONG);
    buffer_free(&text);
}

static void crash_is_the_tasks_and_the_next_process_starts_at_once(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    for (uint32_t i = 1; i <= 3; i++) {
        greet(&world, NULL);
        hand(&world);
        talk_ended(&world.talk, (struct talk_status){.signal = 11}, world.now);
        const struct talk_job *job = ended(&world, CLASS_SIGNAL, "");
        assert_int_equal(job->signal, 11);
        assert_string_equal(job->note, "the plugin died of SIGSEGV");
        assert_null(talk_refused(&world.talk));
        talk_release(&world.talk);
    }
    close_world(&world);
}

static void stopped_task_keeps_what_it_returns_in_time(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    greet(&world, NULL);
    hand(&world);
    world.now += 600 * MS;
    talk_turn(&world.talk, world.now);
    assert_int_equal(talk_take_order(&world.talk), TALK_TERM);
    struct buffer text = result_of(1, (struct frame_result){0}, "", "part");
    struct buffer half = text;
    half.size = 9;
    say(&world, &half);
    half = (struct buffer){.at = text.at + 9, .size = text.size - 9};
    say(&world, &half);
    say(&world, &text); // a second one is none
    assert_null(talk_next(&world.talk));
    talk_ended(&world.talk, (struct talk_status){0}, world.now);
    assert_string_equal(ended(&world, CLASS_TIMEOUT, "part")->note, "");
    buffer_free(&text);
    close_world(&world);
}

static void progress_is_no_end_and_has_a_limit_of_its_own(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    world.settings.output_max = 1;
    const struct frame_result half = {.progress = true,
                                      .user_us = PROGRESS_WHOLE / 2};
    greet(&world, NULL);
    hand(&world);
    answer(&world, 1, half, "", "longer than a result may be");
    assert_null(talk_next(&world.talk));
    assert_int_equal(progress_done(&world.talk.progress), PROGRESS_WHOLE / 2);
    assert_true(span_equal(progress_text(&world.talk.progress),
                           SPAN_OF("longer than a result may be")));
    answer(&world, 1, (struct frame_result){0}, "", "r");
    (void)ended(&world, CLASS_NONE, "r");
    talk_release(&world.talk);
    hand(&world);
    assert_int_equal(progress_done(&world.talk.progress), PROGRESS_UNKNOWN);
    talk_cancel(&world.talk, world.now);
    answer(&world, 2, half, "", "");
    answer(&world, 2, (struct frame_result){0}, "", "l");
    talk_ended(&world.talk, (struct talk_status){0}, world.now);
    (void)ended(&world, CLASS_CANCELLED, "l");
    close_world(&world);
}

static void slot_that_cannot_be_set_up_is_told_apart(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    greet(&world, "no \"model\"");
    assert_int_equal(talk_take_order(&world.talk), TALK_KILL);
    assert_null(talk_refused(&world.talk));
    talk_ended(&world.talk, (struct talk_status){.signal = 9}, world.now);
    assert_non_null(talk_refused(&world.talk));
    assert_string_equal(talk_refused(&world.talk)->note, "no \"model\"");
    close_world(&world);
    open_world(&world);
    talk_started(&world.talk, world.now);
    talk_ended(&world.talk, (struct talk_status){.signal = 6}, world.now);
    assert_string_equal(talk_refused(&world.talk)->note,
                        "the plugin died of SIGABRT while slot 7 was set up");
    close_world(&world);
}

static void setting_up_may_take_longer_than_a_task(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    talk_started(&world.talk, world.now);
    talk_turn(&world.talk, world.now + 3600 * 1000 * INT64_C(1000));
    assert_int_equal(world.talk.state, TALK_STARTING);
    close_world(&world);
}

static void framing_of_plugins_is_no_other_programs(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    world.settings.framing = FRAMING_GREETED;
    greet(&world, NULL);
    assert_int_equal(world.talk.state, TALK_STOPPING);
    talk_ended(&world.talk, (struct talk_status){.signal = 9}, world.now);
    hand(&world);
    assert_string_equal(ended(&world, CLASS_SPAWN, "")->note,
                        "its greeting names another framing");
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_is_the_task_as_the_worker_has_it),
        cmocka_unit_test(result_has_all_that_one_in_a_thread_has),
        cmocka_unit_test(result_in_pieces_is_found_when_it_is_whole),
        cmocka_unit_test(
            crash_is_the_tasks_and_the_next_process_starts_at_once),
        cmocka_unit_test(stopped_task_keeps_what_it_returns_in_time),
        cmocka_unit_test(progress_is_no_end_and_has_a_limit_of_its_own),
        cmocka_unit_test(slot_that_cannot_be_set_up_is_told_apart),
        cmocka_unit_test(setting_up_may_take_longer_than_a_task),
        cmocka_unit_test(framing_of_plugins_is_no_other_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
