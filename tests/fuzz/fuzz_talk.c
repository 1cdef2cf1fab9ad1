/* fuzz_talk - bytes as what a coprocess writes, and when, and how it ends
 * covers: worker/talk.c worker/talk_hear.c worker/talk_end.c
 * worker/talk_frame.c worker/talk_plugin.c worker/talk_json.c
 *
 * Whatever it does: a task that was handed ends once, or is given back; tasks
 * end in the order in which they were handed; the process is stopped when it
 * does not keep to the rules, and nothing it wrote after that counts.
 */
#include "common/wire/wire.h"
#include "tests/fuzz/draw.h"
#include "worker/talk.h"
#include "worker/talk_plugin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 512, PIPE_MAX = 1 << 16, OUTPUT_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct reader bytes;
    struct talk_settings settings;
    struct talk talk;
    struct slot_task tasks[TASKS];
    uint64_t waits[TASKS]; // handed, and neither ended nor given back
    uint32_t first, last;
    uint64_t handed;
    struct buffer payload, pipe; // what it has not read
    int64_t now;
};

static void on_hand(struct world *world)
{
    if (world->handed == TASKS || !talk_has_room(&world->talk, 8))
        return;
    struct slot_task *task = &world->tasks[world->handed++];
    *task = (struct slot_task){.task = world->handed,
                               .slot = 1,
                               .payload = buffer_span(&world->payload)};
    world->waits[world->last++ % TASKS] = task->task;
    talk_hand(&world->talk, task);
    talk_fill(&world->talk, world->now);
}

static void on_write(struct world *world)
{
    struct span unsent = talk_unsent(&world->talk);
    const size_t most = 1 + draw(&world->bytes, 200);
    if (unsent.size > most)
        unsent.size = most;
    if (unsent.size == 0 || world->pipe.size + unsent.size > PIPE_MAX)
        return;
    buffer_append(&world->pipe, unsent.at, unsent.size);
    talk_sent(&world->talk, unsent.size);
}

static void on_read(struct world *world)
{
    const size_t most = 1 + draw(&world->bytes, 200);
    buffer_consume(&world->pipe,
                   most < world->pipe.size ? most : world->pipe.size);
}

static void take(void *argument, const struct slot_task *task)
{
    struct world *world = argument;
    assert(world->last > world->first);
    assert(world->waits[--world->last % TASKS] == task->task);
}

static void on_take_back(struct world *world)
{
    talk_unsend(&world->talk, buffer_span(&world->pipe));
    buffer_clear(&world->pipe);
    talk_give_back(&world->talk, take, world);
    assert(world->talk.held == world->talk.ended + world->talk.sent);
}

static void say(struct world *world, const void *text, size_t size)
{
    uint8_t *room = talk_room(&world->talk, size + 1);
    assert(room);
    if (size > 0)
        memcpy(room, text, size);
    talk_came(&world->talk, size);
    talk_hear(&world->talk, world->now);
}

// What keeps to the rules, so that there is more than a first stop.
static void on_answer(struct world *world)
{
    static const char GREETINGS[][40] = {
        "{\"fan\":1,\"framing\":\"ndjson\"}\n",
        "{\"fan\":1,\"framing\":\"binary\"}\n"};
    const struct slot_task *task = talk_running_task(&world->talk);
    struct buffer out = {0};
    if (world->talk.state == TALK_STARTING &&
        world->settings.framing == FRAMING_PLUGIN)
        call_put_greeting(&out, draw(&world->bytes, 8) ? NULL : "no");
    else if (world->talk.state == TALK_STARTING)
        buffer_append_text(&out, GREETINGS[draw(&world->bytes, 2)]);
    else if (world->talk.framing == FRAMING_LINES)
        buffer_append_text(&out, "line\n");
    else if (world->talk.framing == FRAMING_NDJSON)
        buffer_append_text(&out, draw(&world->bytes, 2)
                                     ? "{\"result\":[1,\"\\u00e9\"]}\n"
                                     : "{\"error\":\"\\ud83d\\n\"}\n");
    else if (task && world->talk.framing == FRAMING_PLUGIN) {
        const struct frame_result result = {
            .exit = (uint8_t)draw(&world->bytes, 2),
            .progress = draw(&world->bytes, 4) == 0};
        call_put_result(&out, task->task, &result, 1, 1);
        buffer_append_text(&out, "eo");
    } else if (task) {
        put_u32(&out, 10);
        put_u64(&out, task->task);
        put_u8(&out, (uint8_t)draw(&world->bytes, 2));
        put_u8(&out, 'x');
    }
    say(world, out.at, out.size);
    buffer_free(&out);
}

static void on_bytes(struct world *world)
{
    const size_t size = draw(&world->bytes, 64);
    const struct span some = read_bytes(
        &world->bytes,
        size < reader_left(&world->bytes) ? size : reader_left(&world->bytes));
    if (draw(&world->bytes, 4) > 0)
        say(world, some.at, some.size);
    else if (some.size > 0)
        talk_hear_error(&world->talk, some, world->now);
}

static void on_end(struct world *world)
{
    struct talk_status status = {0};
    if (world->talk.state == TALK_DOWN)
        return;
    if (draw(&world->bytes, 2))
        status.exit = (int)draw(&world->bytes, 256);
    else
        status.signal = 9;
    talk_ended(&world->talk, status, world->now);
    buffer_clear(&world->pipe);
    assert(world->talk.state == TALK_DOWN && world->talk.sent == 0);
}

static void on_time(struct world *world)
{
    world->now += draw(&world->bytes, 256) * 1000;
    talk_turn(&world->talk, world->now);
}

static void on_start(struct world *world)
{
    if (talk_may_start(&world->talk, world->now))
        talk_started(&world->talk, world->now);
}

static void on_stop(struct world *world)
{
    switch (draw(&world->bytes, 4)) {
    case 0:
        talk_cancel(&world->talk, world->now);
        break;
    case 1:
        talk_recycle(&world->talk, world->now);
        break;
    case 2:
        talk_hung_up(&world->talk, world->now);
        break;
    default:
        if (world->talk.state == TALK_DOWN && !world->talk.failure.pending)
            talk_not_started(&world->talk, "no", world->now);
    }
}

static void check(struct world *world)
{
    const struct talk *talk = &world->talk;
    const struct talk_job *job;
    assert(talk->ended + talk->sent <= talk->held);
    assert(talk->held <= TALK_PLACES);
    while ((job = talk_next(talk))) {
        assert(job->held->task == world->waits[world->first % TASKS]);
        assert(world->first++ < world->last);
        assert(job->out.size <= OUTPUT_MAX + 1);
        assert(job->class == CLASS_NONE || job->class == CLASS_EXIT ||
               job->out.size == 0 || job->class == CLASS_OUTPUT ||
               world->settings.framing == FRAMING_PLUGIN);
        talk_release(&world->talk);
    }
    assert(world->last - world->first == talk->held);
    assert(talk->sent == 0 || talk->state == TALK_READY ||
           talk->state == TALK_STOPPING);
    assert((talk_running_task(talk) == NULL) == (talk_running(talk) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const ON[])(struct world *) = {
        on_hand,   on_hand,  on_write, on_read, on_take_back, on_answer,
        on_answer, on_bytes, on_end,   on_time, on_start,     on_stop};
    const struct span args[] = {SPAN_OF("model")};
    const struct wire_command_out command = {.args = args, .arg_count = 1};
    struct world *world = calloc(1, sizeof *world);
    assert(world);
    world->bytes = reader_over((struct span){data, size});
    const uint8_t kind = read_u8(&world->bytes);
    world->settings = (struct talk_settings){
        .framing = kind % 3 == 2   ? FRAMING_LINES
                   : kind % 9 == 4 ? FRAMING_PLUGIN
                                   : FRAMING_GREETED,
        .timeout_us = 500000,
        .grace_us = 50000,
        .output_max = OUTPUT_MAX,
        .truncate = draw(&world->bytes, 2),
        .tasks_max = draw_rare(&world->bytes, 3) ? 5 : UINT64_MAX};
    wire_put_command(&world->payload, &command);
    assert(talk_init(&world->talk, &world->settings, 1) == 0);
    while (reader_left(&world->bytes) > 0) {
        ON[draw(&world->bytes, sizeof ON / sizeof ON[0])](world);
        check(world);
    }
    talk_clear(&world->talk);
    buffer_free(&world->payload);
    buffer_free(&world->pipe);
    free(world);
    return 0;
}
