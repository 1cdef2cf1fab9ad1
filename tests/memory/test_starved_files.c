#include "tests/memory/starving.h"

#include "command/fields.h"
#include "command/follow.h"
#include "command/gather.h"
#include "common/store/logread.h"
#include "common/store/verify.h"
#include "sink/journal.h"
#include "sink/matches.h"
#include "tests/fuzz/folder.h"
#include "ventilator/source.h"

#include <errno.h>

enum { TASKS = 12 };

static bool is_memory(bool failed, const struct problem *problem)
{
    assert_int_equal(failed, problem->code != 0);
    if (failed && problem->code != -ENOMEM)
        print_message("%d: %s\n", problem->code, problem->text);
    assert_true(!failed || problem->code == -ENOMEM);
    assert_true(!failed || problem->exit == EXIT_ERROR);
    return !failed;
}

static int count(void *argument, const struct record *record)
{
    (void)record;
    ++*(unsigned *)argument;
    return 0;
}

static struct record record_of(uint64_t task)
{
    return (struct record){.task = task,
                           .key = {{(uint8_t)task, 1}},
                           .final = task % 4 > 0,
                           .status = task % 4 == 1 ? STATUS_OK : STATUS_FAILED,
                           .class = CLASS_EXIT,
                           .attempt = 1,
                           .generation = 1,
                           .has_args = false,
                           .out = SPAN_OF("output\n")};
}

// Appends and commits; returns how many records are durable.
static unsigned write_log(struct journal *journal, bool *whole)
{
    unsigned durable = 0, waiting = 0;
    for (uint64_t task = 1; task <= TASKS; task++) {
        struct problem problem = {0};
        const struct record record = record_of(task);
        const int error = journal_append(journal, &record);
        assert_true(error == 0 || error == -ENOMEM);
        waiting += error == 0;
        const int later = journal_commit(journal, &problem);
        assert_true(later == 0 || later == -ENOMEM);
        if (later == 0) {
            durable += waiting;
            waiting = 0;
        }
        *whole = *whole && error == 0 && later == 0;
    }
    return durable;
}

// What was durable is there for the one who comes next, with memory.
static void assert_recovered(const char *dir, unsigned durable)
{
    struct problem problem = {0};
    unsigned found = 0;
    starve_stop();
    struct journal *journal = journal_open(dir, count, &found, &problem);
    assert_non_null(journal);
    assert_int_equal(found, durable);
    journal_close(&journal);
}

static bool journal_scenario(void)
{
    bool whole = true;
    const char *dir = folder_empty();
    struct problem problem = {0};
    unsigned found = 0, durable = 0;
    struct journal *journal = journal_open(dir, count, &found, &problem);
    if (is_memory(!journal, &problem))
        durable = write_log(journal, &whole);
    else
        whole = false;
    journal_close(&journal);
    found = 0;
    problem = (struct problem){0};
    journal = journal_open(dir, count, &found, &problem);
    if (is_memory(!journal, &problem))
        assert_int_equal(found, durable);
    else
        whole = false;
    journal_close(&journal);
    assert_recovered(dir, durable);
    return whole;
}

static void what_is_committed_is_recovered(void **state)
{
    (void)state;
    starving(journal_scenario);
}

static const char *written_log(void)
{
    const char *dir = folder_empty();
    struct problem problem = {0};
    unsigned found = 0;
    bool whole = true;
    struct journal *journal = journal_open(dir, count, &found, &problem);
    assert_non_null(journal);
    assert_int_equal(write_log(journal, &whole), TASKS);
    journal_close(&journal);
    return dir;
}

static bool matches_scenario(void)
{
    struct problem problem = {0};
    unsigned found = 0;
    struct matches *matches = NULL;
    struct journal *journal =
        journal_open(folder_path, count, &found, &problem);
    bool whole = is_memory(!journal, &problem);
    if (journal) {
        matches = matches_build(journal, folder_path, &problem);
        whole = is_memory(!matches, &problem);
    }
    if (matches)
        for (uint64_t task = 1; task <= TASKS; task++) {
            const struct id128 key = record_of(task).key;
            assert_int_equal(matches_take(matches, &key), task);
        }
    matches_destroy(&matches);
    journal_close(&journal);
    return whole;
}

static void numbers_are_matched_or_no_memory(void **state)
{
    (void)state;
    (void)written_log();
    starving(matches_scenario);
}

static void no_fault(void *argument, const struct verify_fault *fault)
{
    (void)argument;
    fail_msg("a fault of kind %d", (int)fault->kind);
}

static bool verify_scenario(void)
{
    struct problem problem = {0};
    struct verify_summary summary;
    const int error =
        verify_log(folder_path, no_fault, NULL, &summary, &problem);
    if (is_memory(error != 0, &problem))
        assert_int_equal(summary.records, TASKS);
    return error == 0;
}

static void lack_of_memory_is_no_damage(void **state)
{
    (void)state;
    (void)written_log();
    starving(verify_scenario);
}

static void ignore(void *context, const struct follow_output *output)
{
    (void)context;
    assert_true(output->task >= 1 && output->task <= TASKS);
}

static int row_of(void *context, const struct record *record, struct span line)
{
    struct fields *fields = context;
    struct buffer out = {0};
    (void)line;
    int error = fields_learn(fields, record);
    assert_true(error == 0 || error == -ENOMEM);
    fields_put_names(fields, &out);
    fields_put(fields, record, &out);
    if (out.failed)
        error = -ENOMEM;
    buffer_free(&out);
    return error;
}

struct readers {
    struct follow *follow;
    struct gather *gather;
    struct fields *fields;
    struct logread *log;
};

static bool read_with(struct readers *readers)
{
    struct problem problem = {0};
    struct record record;
    struct span line;
    unsigned records = 0;
    int error = 0;
    enum logread_result result;
    while ((result = logread_next(readers->log, &record, &line, &problem)) ==
           LOGREAD_RECORD) {
        records++;
        error =
            follow_record(readers->follow, &record, logread_end(readers->log));
        if (error == 0)
            error = gather_survey(readers->gather, &record);
        if (error == 0)
            error = gather_take(readers->gather, &record, line, row_of,
                                readers->fields);
        assert_true(error == 0 || error == -ENOMEM);
        if (error != 0)
            return false;
    }
    assert_true(result == LOGREAD_END || result == LOGREAD_ERROR);
    if (is_memory(result == LOGREAD_ERROR, &problem))
        assert_int_equal(records, TASKS);
    error = follow_finish(readers->follow);
    assert_true(error == 0 || error == -ENOMEM);
    return result == LOGREAD_END && error == 0;
}

static bool reading_scenario(void)
{
    struct problem problem = {0};
    const struct follow_place start = {0};
    struct readers readers = {
        .follow = follow_create(true, &start, ignore, NULL),
        .gather = gather_create((struct gather_options){0}),
        .fields = fields_create(FIELDS_CSV, NULL, &(struct texts){0}, &problem),
    };
    bool whole = is_memory(!readers.fields, &problem) && readers.follow &&
                 readers.gather;
    problem = (struct problem){0};
    readers.log = logread_open(folder_path, 0, &problem);
    whole = is_memory(!readers.log, &problem) && whole;
    if (whole)
        whole = read_with(&readers);
    logread_close(&readers.log);
    fields_destroy(&readers.fields);
    gather_destroy(&readers.gather);
    follow_destroy(&readers.follow);
    return whole;
}

static void readers_of_the_log_say_that_memory_is_short(void **state)
{
    (void)state;
    (void)written_log();
    starving(reading_scenario);
}

static const struct input {
    const char *list, *ndjson, *array, *file;
    bool header;
    const char *text;
    unsigned tasks;
} INPUTS[] = {
    {.file = "in", .text = "a\nb\nc\n", .tasks = 3},
    {.file = "in", .header = true, .text = "x,y\n1,\"2\n3\"\n", .tasks = 1},
    {.ndjson = "in", .text = "{\"a\":0.1,\"b\":{\"c\":[2]}}\n", .tasks = 1},
    {.array = "1-5:2", .text = "", .tasks = 3},
    {.list = ":::", .text = "", .tasks = 4},
};
static const struct input *input;

static bool settle(struct settings *settings, const char *path)
{
    bool there = true;
    settings->header = input->header;
    if (input->file)
        there = (settings->arg_file = strdup(path)) != NULL;
    if (input->ndjson)
        there = (settings->ndjson = strdup(path)) != NULL;
    if (input->array)
        there = (settings->array = strdup(input->array)) != NULL;
    for (unsigned i = 0; input->list && there && i < 6; i++)
        there = texts_add(&settings->sources,
                          i % 3 == 0 ? input->list : "value") == 0;
    return there;
}

static bool read_tasks(struct source *source)
{
    struct problem problem = {0};
    struct source_task task;
    unsigned tasks = 0;
    enum source_result result;
    while ((result = source_next(source, &task, &problem)) == SOURCE_TASK) {
        tasks++;
        if (input->ndjson)
            assert_true(span_equal(task.values[0].value, SPAN_OF("0.1")));
    }
    // Too little memory is nothing a line could be blamed for.
    assert_true(result == SOURCE_END || result == SOURCE_ERROR);
    if (is_memory(result == SOURCE_ERROR, &problem))
        assert_int_equal(tasks, input->tasks);
    return result == SOURCE_END;
}

static bool source_scenario(void)
{
    char path[128];
    struct problem problem = {0};
    struct settings settings;
    snprintf(path, sizeof path, "%s/in", folder_path);
    settings_init(&settings);
    bool whole = settings.format && settle(&settings, path);
    if (whole) {
        struct source *source = source_open(&settings, folder_path, &problem);
        whole = is_memory(!source, &problem) && read_tasks(source);
        source_close(&source);
    }
    settings_clear(&settings);
    return whole;
}

static void input_is_read_or_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof INPUTS / sizeof INPUTS[0]; i++) {
        input = &INPUTS[i];
        folder_put(folder_empty(), "in", span_of_text(input->text));
        starving(source_scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_committed_is_recovered),
        cmocka_unit_test(numbers_are_matched_or_no_memory),
        cmocka_unit_test(lack_of_memory_is_no_damage),
        cmocka_unit_test(readers_of_the_log_say_that_memory_is_short),
        cmocka_unit_test(input_is_read_or_no_memory),
    };
    starve_json();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
