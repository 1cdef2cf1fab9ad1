#include "tests/memory/starving.h"

#include "common/setting/internal.h"
#include "common/store/member.h"
#include "common/store/record.h"
#include "common/template/template.h"
#include "common/wire/wire.h"
#include "tests/unit/wire_samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool buffer_scenario(void)
{
    struct buffer buffer = {0};
    bool whole = true;
    uint8_t next = 0;
    for (unsigned i = 0; i < 3000; i++) {
        const size_t before = buffer.size;
        put_u8(&buffer, next);
        assert_int_equal(buffer.size, before + !buffer.failed);
        next = (uint8_t)(next + !buffer.failed);
        if (buffer.failed) { // goes on where it stood
            whole = false;
            buffer.failed = false;
        }
    }
    for (size_t i = 0; i < buffer.size; i++)
        assert_int_equal(buffer.at[i], (uint8_t)i);
    buffer_free(&buffer);
    return whole;
}

static void buffer_keeps_what_it_holds(void **state)
{
    (void)state;
    starving(buffer_scenario);
}

// Opens and walks what was written; a frame that failed is never sent.
static bool open_frame(const struct buffer *frame, struct buffer *scratch)
{
    struct wire_header header;
    struct span body;
    const enum wire_fault fault =
        wire_open(buffer_span(frame), 1 << 24, scratch, &header, &body);
    assert_true(fault == WIRE_FINE || scratch->failed);
    if (fault != WIRE_FINE)
        return false;
    struct wire_tasks tasks;
    struct wire_task task;
    assert_true(wire_get_tasks(body, &tasks));
    while (wire_next_task(&tasks.tasks, &task))
        assert_true(task.payload.size > 0);
    return true;
}

static bool wire_scenario(void)
{
    struct buffer frame = {0}, scratch = {0};
    struct wire_header header = SAMPLE_HEADER;
    struct buffer payload = {0};
    static uint8_t zeros[4000];
    const struct wire_tasks tasks = {.lane = 1, .number = 1};
    const struct wire_task task = {
        .task = 1, .attempt = 1, .payload = {zeros, sizeof zeros}};
    header.type = WIRE_TASKS;
    const size_t begun = wire_begin_tasks(&frame, &header, &tasks);
    for (unsigned i = 0; i < 5; i++)
        wire_add_task(&frame, &task);
    wire_end_tasks(&frame, begun, 5);
    bool whole = !frame.failed;
    if (whole) {
        const size_t plain = frame.size;
        wire_deflate(&frame);
        whole = frame.size < plain; // else it goes as it is
        whole = open_frame(&frame, &scratch) && whole;
    }
    put_sample_command(&payload);
    whole = !payload.failed && whole;
    buffer_free(&payload);
    buffer_free(&frame);
    buffer_free(&scratch);
    return whole;
}

static void message_is_whole_or_failed(void **state)
{
    (void)state;
    starving(wire_scenario);
}

static const char OTHERS_LINE[] =
    "{\"final\":true,\"status\":\"ok\",\"task\":7,\"args\":[\"a\\n\",\"b\"],"
    "\"stdout\":\"x\\ny\",\"note\":\"\\u00e9\",\"host\":\"h\\t\"}";

static bool record_scenario(void)
{
    struct buffer line = {0}, scratch = {0};
    const struct record record = {.task = 5,
                                  .final = true,
                                  .status = STATUS_OK,
                                  .attempt = 1,
                                  .generation = 1,
                                  .out = SPAN_OF("text\n"),
                                  .err = SPAN_OF("\xff binary")};
    struct record back;
    record_write(&line, &record);
    bool whole = !line.failed;
    assert_true(whole || line.size == 0);
    if (whole) {
        const int error =
            record_read((struct span){line.at, line.size - 1}, &scratch, &back);
        assert_true(error == 0 || error == -ENOMEM);
        whole = error == 0;
    }
    const int error = record_read(SPAN_OF(OTHERS_LINE), &scratch, &back);
    assert_true(error == 0 || error == -ENOMEM);
    if (error == 0) {
        assert_int_equal(back.task, 7);
        assert_int_equal(back.out.size, 3);
    }
    buffer_free(&line);
    buffer_free(&scratch);
    return whole && error == 0;
}

static void record_is_read_or_no_memory(void **state)
{
    (void)state;
    starve_json();
    starving(record_scenario);
}

static bool member_scenario(void)
{
    struct buffer out = {0}, text = {0};
    struct member member;
    int error = member_write(&out, SPAN_OF("a line\nanother line\n"),
                             MEMBER_DEFLATED, 0);
    assert_true(error == 0 || error == -ENOMEM);
    bool whole = error == 0;
    assert_true(whole || out.size == 0);
    if (whole) {
        const enum member_fault fault =
            member_read(buffer_span(&out), &member, &text);
        assert_true(text.failed || fault == MEMBER_WHOLE);
        whole = !text.failed;
    }
    buffer_free(&out);
    buffer_free(&text);
    return whole;
}

static void member_is_written_whole_or_not(void **state)
{
    (void)state;
    starving(member_scenario);
}

static bool is_memory(bool failed, const struct problem *problem)
{
    assert_int_equal(failed, problem->code != 0);
    if (failed && problem->code != -ENOMEM)
        print_message("%d: %s\n", problem->code, problem->text);
    assert_true(!failed || problem->code == -ENOMEM);
    return !failed;
}

static bool template_scenario(void)
{
    static const char *const COMMAND[] = {"prog",   "--x={name}", "{1}-{/.}",
                                          "{#}{%}", "{seed}",     "{2}"};
    static const char *const NAMES[] = {"name"};
    const struct template_options options = {.append = true,
                                             .input = true,
                                             .names = NAMES,
                                             .name_count = 1,
                                             .stdout_path = "out/{#}"};
    const struct wire_pair values[] = {{SPAN_OF("name"), SPAN_OF("a value")},
                                       {SPAN_OF(""), SPAN_OF("b/c.d")},
                                       {SPAN_OF(""), SPAN_OF("e")}};
    const struct template_task task = {
        .task = 3, .values = values, .value_count = 3, .input = SPAN_OF("in")};
    struct buffer out = {0}, text = {0};
    struct problem problem = {0};
    struct template *template = template_create(
        COMMAND, sizeof COMMAND / sizeof COMMAND[0], &options, &problem);
    bool whole = is_memory(!template, &problem);
    if (template)
        whole = is_memory(template_expand(template, &task, &out, &problem) != 0,
                          &problem);
    if (whole) {
        struct wire_command command;
        assert_true(wire_get_command(buffer_span(&out), &command));
        command_text(&command, 1, &text);
        whole = !text.failed;
    }
    buffer_free(&out);
    buffer_free(&text);
    template_destroy(&template);
    return whole;
}

static void template_is_expanded_or_no_memory(void **state)
{
    (void)state;
    starving(template_scenario);
}

static bool yaml_round(const struct settings *settings)
{
    struct settings again;
    struct buffer yaml = {0};
    struct problem problem = {0};
    settings_init(&again);
    settings_write_yaml(settings, FOR_RUN, &yaml);
    bool whole = !yaml.failed;
    if (whole)
        whole =
            is_memory(setting_read_yaml_text(&again, FOR_RUN, "text",
                                             buffer_span(&yaml), &problem) != 0,
                      &problem);
    if (whole)
        assert_string_equal(again.results, "dir");
    buffer_free(&yaml);
    settings_clear(&again);
    return whole;
}

static bool settings_scenario(void)
{
    char *words[] = {
        (char[]){"fan"},  (char[]){"--retries=3"}, (char[]){"--results"},
        (char[]){"dir"},  (char[]){"-j2"},         (char[]){"--"},
        (char[]){"echo"}, (char[]){"{}"},          (char[]){":::"},
        (char[]){"a"},    (char[]){"b"},           NULL};
    struct settings settings;
    struct problem problem = {0};
    enum settings_parsed parsed;
    settings_init(&settings);
    const int error =
        settings_read_flags(&settings, FOR_RUN, 11, words, &parsed, &problem);
    bool whole = is_memory(error != 0, &problem);
    if (whole) {
        assert_int_equal(settings.sources.count, 3);
        assert_int_equal(settings.command.count, 2);
        whole = yaml_round(&settings);
    }
    settings_clear(&settings);
    return whole;
}

static void settings_are_read_or_no_memory(void **state)
{
    (void)state;
    starving(settings_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_keeps_what_it_holds),
        cmocka_unit_test(message_is_whole_or_failed),
        cmocka_unit_test(record_is_read_or_no_memory),
        cmocka_unit_test(member_is_written_whole_or_not),
        cmocka_unit_test(template_is_expanded_or_no_memory),
        cmocka_unit_test(settings_are_read_or_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
