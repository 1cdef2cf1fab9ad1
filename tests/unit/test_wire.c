#include "tests/unit/wire_check.h"

static void hello_comes_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_HELLO);
    struct wire_hello hello;
    const struct wire_hello want = sample_hello();
    assert_true(wire_get_hello(open_fine(&frame, WIRE_HELLO), &hello));
    assert_int_equal(hello.version_min, want.version_min);
    assert_int_equal(hello.version_max, want.version_max);
    assert_int_equal(hello.role, want.role);
    assert_int_equal(hello.flags, want.flags);
    assert_int_equal(hello.lane, want.lane);
    assert_int_equal(hello.slots, want.slots);
    assert_int_equal(hello.pid, want.pid);
    assert_int_equal(hello.pid_start, want.pid_start);
    assert_true(id128_equal(&hello.boot, &want.boot));
    assert_int_equal(hello.kept, want.kept);
    assert_int_equal(hello.made, want.made);
    assert_true(span_equal(hello.host, want.host));
    assert_true(span_equal(hello.endpoint, want.endpoint));
    check_refs(hello.queued, TWO_REFS);
    check_refs(hello.running, ONE_REFS);
    check_pairs(hello.has);
    buffer_free(&frame);
}

// Peers of any version must be able to tell that they do not go together.
static void greeting_and_refusal_are_the_same_in_every_version(void **state)
{
    enum { VERSION_AT = 4, LATER = 9 };
    (void)state;
    struct wire_header header = SAMPLE_HEADER;
    header.version = LATER;
    const struct wire_refused refused = {REFUSED_VERSION, SPAN_OF("no")};
    const struct wire_hello hello = sample_hello();
    struct buffer frame = {0};
    wire_put_refused(&frame, &header, &refused);
    assert_int_equal(frame.at[VERSION_AT], WIRE_VERSION_FIRST);
    buffer_clear(&frame);
    wire_put_hello(&frame, &header, &hello, TWO_REFS, ONE_REFS,
                   (struct wire_pairs_out){0});
    assert_int_equal(frame.at[VERSION_AT], WIRE_VERSION_FIRST);
    frame.at[VERSION_AT] = LATER;
    struct buffer unused = {0};
    struct span body;
    assert_int_equal(
        wire_open(buffer_span(&frame), FRAME_MAX, &unused, &header, &body),
        WIRE_VERSION_UNKNOWN);
    buffer_clear(&frame);
    header.version = LATER;
    wire_put_bye(&frame, &header, &(struct wire_bye){0});
    assert_int_equal(frame.at[VERSION_AT], LATER);
    buffer_free(&frame);
}

static void welcome_and_refused_come_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_WELCOME);
    struct wire_welcome welcome;
    const struct wire_welcome want = sample_welcome();
    assert_true(wire_get_welcome(open_fine(&frame, WIRE_WELCOME), &welcome));
    assert_int_equal(welcome.version, want.version);
    assert_int_equal(welcome.lane, want.lane);
    assert_int_equal(welcome.heartbeat_ms, want.heartbeat_ms);
    assert_int_equal(welcome.liveness_ms, want.liveness_ms);
    assert_true(welcome.message_max == want.message_max);
    assert_int_equal(welcome.slots, want.slots);
    assert_true(span_equal(welcome.unfit, want.unfit));
    assert_true(id128_equal(&welcome.sink, &want.sink));
    assert_true(span_equal(welcome.lane_endpoint, want.lane_endpoint));
    assert_true(span_equal(welcome.results_endpoint, want.results_endpoint));
    check_pairs(welcome.definition);

    buffer_clear(&frame);
    put_sample(&frame, WIRE_REFUSED);
    struct wire_refused refused;
    assert_true(wire_get_refused(open_fine(&frame, WIRE_REFUSED), &refused));
    assert_int_equal(refused.code, REFUSED_FENCED);
    assert_true(span_equal(refused.text, SPAN_OF("too late")));
    buffer_free(&frame);
}

static void check_command(struct span payload)
{
    struct wire_command command;
    assert_true(wire_get_command(payload, &command));
    assert_int_equal(command.flags, COMMAND_INPUT | COMMAND_STDERR_FILE);
    struct span arg;
    assert_int_equal(command.args.count, 3);
    assert_true(wire_next_arg(&command.args, &arg));
    assert_true(span_equal(arg, SPAN_OF("sh")));
    assert_true(wire_next_arg(&command.args, &arg));
    assert_int_equal(arg.size, 0);
    assert_true(wire_next_arg(&command.args, &arg));
    assert_true(span_equal(arg, SPAN_OF("\xff x")));
    assert_false(wire_next_arg(&command.args, &arg));
    struct wire_slot_mark mark;
    assert_int_equal(command.marks.count, 3);
    assert_true(wire_next_mark(&command.marks, &mark));
    assert_int_equal(mark.arg, 0);
    assert_int_equal(mark.offset, 2);
    check_pairs(command.values);
    assert_true(span_equal(command.input, SPAN_OF("{\"n\":1}")));
    assert_int_equal(command.stdout_path.size, 0);
    assert_true(span_equal(command.stderr_path, SPAN_OF("err/1")));
}

static void tasks_and_their_commands_come_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_TASKS);
    struct wire_tasks tasks;
    assert_true(wire_get_tasks(open_fine(&frame, WIRE_TASKS), &tasks));
    assert_int_equal(tasks.lane, 5);
    assert_true(id128_equal(&tasks.addressee, &SAMPLE_ID));
    assert_int_equal(tasks.number, 6);
    struct wire_task task;
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(wire_next_task(&tasks.tasks, &task));
        assert_int_equal(task.task, 100 + i);
        assert_int_equal(task.round, 1 + i);
        assert_int_equal(task.attempt, 3);
        assert_int_equal(task.failures, 2);
        assert_int_equal(task.flags, TASK_ALONE);
        assert_int_equal(task.timeout_ms, 4 + i);
        assert_int_equal(task.mem_max, (1U << 30) + i);
        assert_true(id128_equal(&task.key, &SAMPLE_KEYS[i]));
        check_command(task.payload);
    }
    assert_false(wire_next_task(&tasks.tasks, &task));
    buffer_free(&frame);
}

static void report_and_lists_of_tasks_come_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_REPORT);
    struct wire_report report;
    assert_true(wire_get_report(open_fine(&frame, WIRE_REPORT), &report));
    assert_int_equal(report.lane, 1);
    assert_int_equal(report.flags, REPORT_FULL);
    assert_int_equal(report.received, 3);
    assert_int_equal(report.kept, 4);
    assert_int_equal(report.made, 5);
    assert_int_equal(report.finished, 6);
    assert_int_equal(report.busy_us, 7);
    assert_int_equal(report.dropped, 8);
    check_refs(report.queued, TWO_REFS);
    check_refs(report.running, ONE_REFS);

    buffer_clear(&frame);
    put_sample(&frame, WIRE_RECALL);
    struct wire_recall recall;
    assert_true(wire_get_recall(open_fine(&frame, WIRE_RECALL), &recall));
    assert_int_equal(recall.lane, 1);
    assert_int_equal(recall.count, 2);

    buffer_clear(&frame);
    put_sample(&frame, WIRE_RETURNED);
    struct wire_returned returned;
    assert_true(wire_get_returned(open_fine(&frame, WIRE_RETURNED), &returned));
    assert_int_equal(returned.lane, 3);
    check_refs(returned.tasks, TWO_REFS);

    buffer_clear(&frame);
    put_sample(&frame, WIRE_CANCEL);
    struct wire_cancel cancel;
    assert_true(wire_get_cancel(open_fine(&frame, WIRE_CANCEL), &cancel));
    check_refs(cancel.tasks, ONE_REFS);
    buffer_free(&frame);
}

static void check_result(const struct wire_result *result)
{
    const struct wire_result want = sample_result();
    assert_int_equal(result->task, want.task);
    assert_int_equal(result->round, want.round);
    assert_int_equal(result->generation, want.generation);
    assert_int_equal(result->attempt, want.attempt);
    assert_true(id128_equal(&result->key, &want.key));
    assert_int_equal(result->class, want.class);
    assert_int_equal(result->flags, want.flags);
    assert_int_equal(result->signal, want.signal);
    assert_int_equal(result->exit, want.exit);
    assert_int_equal(result->slot, want.slot);
    assert_true(result->start_us == want.start_us);
    assert_int_equal(result->wall_us, want.wall_us);
    assert_int_equal(result->user_us, want.user_us);
    assert_int_equal(result->sys_us, want.sys_us);
    assert_int_equal(result->maxrss_bytes, want.maxrss_bytes);
    assert_true(span_equal(result->note, want.note));
    assert_true(span_equal(result->out, want.out));
    assert_true(span_equal(result->err, want.err));
}

static void results_come_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_RESULTS);
    struct wire_results results;
    assert_true(wire_get_results(open_fine(&frame, WIRE_RESULTS), &results));
    assert_int_equal(results.number, 31);
    assert_int_equal(results.kept, 32);
    struct wire_result result;
    assert_true(wire_next_result(&results.results, &result));
    check_result(&result);
    check_pairs(result.values);
    assert_true(wire_next_result(&results.results, &result));
    check_result(&result);
    assert_int_equal(result.values.count, 0);
    assert_false(wire_next_result(&results.results, &result));
    buffer_free(&frame);
}

static void values_are_copied_from_command_to_result(void **state)
{
    (void)state;
    struct buffer command = {0}, frame = {0};
    put_sample_command(&command);
    const struct span values = wire_command_values(buffer_span(&command));
    const struct wire_results results = {.number = 1, .kept = 1};
    const struct wire_result sent = sample_result();
    const size_t begun = wire_begin_results(&frame, &SAMPLE_HEADER, &results);
    wire_add_result(&frame, &sent, values);
    wire_end_results(&frame, begun, 1);
    struct wire_results got;
    struct wire_result result;
    assert_true(wire_get_results(open_fine(&frame, WIRE_RESULTS), &got));
    assert_true(wire_next_result(&got.results, &result));
    check_pairs(result.values);
    assert_true(span_equal(result.encoded, values));
    assert_int_equal(wire_command_values(SPAN_OF("bad")).size, 0);
    buffer_free(&command);
    buffer_free(&frame);
}

static uint64_t kept_of(const struct buffer *frame)
{
    struct buffer scratch = {0};
    struct wire_header header;
    struct span body;
    struct wire_results results;
    assert_int_equal(
        wire_open(buffer_span(frame), FRAME_MAX, &scratch, &header, &body),
        WIRE_FINE);
    assert_true(wire_get_results(body, &results));
    const uint64_t kept = results.kept;
    buffer_free(&scratch);
    return kept;
}

static void kept_is_rewritten_plain_and_deflated(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_RESULTS);
    wire_set_results_kept(&frame, UINT64_C(1) << 33);
    assert_true(kept_of(&frame) == UINT64_C(1) << 33);
    const size_t plain = frame.size;
    wire_deflate(&frame);
    assert_true(frame.size < plain);
    wire_set_results_kept(&frame, 77);
    assert_int_equal(kept_of(&frame), 77);
    buffer_free(&frame);
}

static void short_messages_come_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_RETIRE);
    struct wire_retire retire;
    assert_true(wire_get_retire(open_fine(&frame, WIRE_RETIRE), &retire));
    assert_int_equal(retire.number, 91);

    buffer_clear(&frame);
    put_sample(&frame, WIRE_RESEND);
    struct wire_resend resend;
    assert_true(wire_get_resend(open_fine(&frame, WIRE_RESEND), &resend));
    assert_int_equal(resend.number, 92);
    assert_true(id128_equal(&resend.sink, &SAMPLE_ID));
    assert_true(span_equal(resend.endpoint, SPAN_OF("ipc://sink")));

    buffer_clear(&frame);
    put_sample(&frame, WIRE_SYNC);
    struct wire_sync sync;
    assert_true(wire_get_sync(open_fine(&frame, WIRE_SYNC), &sync));
    assert_int_equal(sync.position, 93);
    assert_int_equal(sync.generation, 94);
    assert_true(id128_equal(&sync.resume, &SAMPLE_ID));

    buffer_clear(&frame);
    put_sample(&frame, WIRE_ASK);
    struct wire_ask ask;
    assert_true(wire_get_ask(open_fine(&frame, WIRE_ASK), &ask));
    assert_int_equal(ask.id, 9);
    assert_true(span_equal(ask.json, SPAN_OF("{\"v\":1}")));

    buffer_clear(&frame);
    put_sample(&frame, WIRE_ANSWER);
    assert_true(wire_get_answer(open_fine(&frame, WIRE_ANSWER), &ask));
    assert_true(span_equal(ask.json, SPAN_OF("{}")));
    buffer_free(&frame);
}

static void end_and_bye_come_back(void **state)
{
    (void)state;
    struct buffer frame = {0};
    put_sample(&frame, WIRE_END);
    struct wire_end end;
    assert_true(wire_get_end(open_fine(&frame, WIRE_END), &end));
    assert_int_equal(end.exit, 3);
    assert_int_equal(end.reason, END_DRAINED);
    assert_int_equal(end.by_status[2], 3);
    assert_int_equal(end.by_status[10], 0);

    buffer_clear(&frame);
    put_sample(&frame, WIRE_BYE);
    struct wire_bye bye;
    assert_true(wire_get_bye(open_fine(&frame, WIRE_BYE), &bye));
    assert_int_equal(bye.reason, END_COMPLETE);
    assert_int_equal(bye.finished, 2);
    assert_int_equal(bye.refused, 3);
    assert_int_equal(bye.duplicates, 4);
    buffer_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_comes_back),
        cmocka_unit_test(greeting_and_refusal_are_the_same_in_every_version),
        cmocka_unit_test(welcome_and_refused_come_back),
        cmocka_unit_test(tasks_and_their_commands_come_back),
        cmocka_unit_test(report_and_lists_of_tasks_come_back),
        cmocka_unit_test(results_come_back),
        cmocka_unit_test(values_are_copied_from_command_to_result),
        cmocka_unit_test(kept_is_rewritten_plain_and_deflated),
        cmocka_unit_test(short_messages_come_back),
        cmocka_unit_test(end_and_bye_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
