#include "common/setting/setting.h"

#include "tests/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
    struct settings settings;
    struct problem problem;
    char dir[32];
    char path[64];
};

static int setup(void **state)
{
    struct world *const world = calloc(1, sizeof *world);
    if (!world)
        return -1;
    settings_init(&world->settings);
    snprintf(world->dir, sizeof world->dir, "/tmp/fan-test-XXXXXX");
    if (!mkdtemp(world->dir))
        return -1;
    snprintf(world->path, sizeof world->path, "%s/s.yaml", world->dir);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *const world = *state;
    settings_clear(&world->settings);
    unlink(world->path);
    rmdir(world->dir);
    free(world);
    return 0;
}

static int read_yaml(struct world *world, unsigned program, const void *text,
                     size_t size)
{
    FILE *const file = fopen(world->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
    world->problem = (struct problem){0};
    return settings_read_yaml(&world->settings, program, world->path,
                              &world->problem);
}

static int read_text(struct world *world, const char *text)
{
    return read_yaml(world, FOR_RUN, text, strlen(text));
}

static int read_flags(struct world *world, unsigned program,
                      const char *const *words)
{
    char *argv[32];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = strdup(words[argc]);
    argv[argc] = NULL;
    enum settings_parsed parsed;
    world->problem = (struct problem){0};
    const int error = settings_read_flags(&world->settings, program, argc, argv,
                                          &parsed, &world->problem);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return error ? error : (int)parsed;
}

#define WORDS(...) ((const char *const[]){"fan", __VA_ARGS__, NULL})

static void assert_says(const struct world *world, const char *part)
{
    if (!strstr(world->problem.text, part))
        fail_msg("'%s' does not say '%s'", world->problem.text, part);
}

static void durations_are_whole_and_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } GOOD[] = {{"100ms", 100},        {"0s", 0},
                {"10s", 10000},        {"5m", 300000},
                {"2h", 7200000},       {"1d", 86400000},
                {"01:02:03", 3723000}, {"unlimited", SETTING_FOREVER}};
    int64_t ms;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        assert_int_equal(parse_duration_ms(GOOD[i].text, &ms), 0);
        assert_true(ms == GOOD[i].ms);
    }
    static const char *const BAD[] = {"",
                                      "10",
                                      "1:30",
                                      "010s",
                                      "-1s",
                                      "1.5s",
                                      "1e9s",
                                      " 1s",
                                      "1s ",
                                      "1w",
                                      "1:60:00",
                                      "::",
                                      "0",
                                      "1:2:3",
                                      "inf",
                                      "1:00:00:00",
                                      "99999999999999999999s",
                                      "106751991168d"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_not_equal(parse_duration_ms(BAD[i], &ms), 0);
}

static void sizes_and_counts_refuse_what_is_not_exactly_one(void **state)
{
    (void)state;
    uint64_t value;
    assert_int_equal(parse_size("64M", &value), 0);
    assert_true(value == 64 << 20);
    assert_int_equal(parse_size("16777215T", &value), 0);
    assert_int_equal(parse_size("16777216T", &value), -ERANGE);
    assert_int_equal(parse_size("1KB", &value), -EINVAL);
    assert_int_equal(parse_size("1k", &value), -EINVAL);
    assert_int_equal(parse_size("", &value), -EINVAL);
    static const char *const BAD[] = {"",   "010", "1e999", "0x10", "+1",
                                      "-1", "1 ",  "1.0",   "1_000"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(parse_count(BAD[i], 0, UINT64_MAX, &value), -EINVAL);
    assert_int_equal(parse_count("18446744073709551615", 0, UINT64_MAX, &value),
                     -ERANGE);
    assert_int_equal(parse_count("18446744073709551616", 0, UINT64_MAX, &value),
                     -ERANGE);
    assert_int_equal(parse_count("unlimited", 0, 9, &value), -ERANGE);
    assert_int_equal(parse_count("unlimited", 0, UINT64_MAX, &value), 0);
    assert_true(value == SETTING_UNLIMITED);
}

static void command_and_sources_are_taken_as_typed(void **state)
{
    struct world *const world = *state;
    assert_int_equal(read_flags(world, FOR_RUN,
                                WORDS("-kj8", "--retries=2", "sweep.yaml",
                                      "--tag", "--", "echo", "--help", "-j",
                                      ":::", "-a", "--", ":::+", "b")),
                     SETTINGS_GO);
    const struct settings *const settings = &world->settings;
    assert_true(settings->keep_order && settings->tag);
    assert_int_equal(settings->jobs, 8);
    assert_int_equal(settings->retries, 2);
    assert_int_equal(settings->operands.count, 1);
    assert_int_equal(settings->command.count, 3);
    assert_string_equal(settings->command.at[1], "--help");
    assert_int_equal(settings->sources.count, 5);
    assert_string_equal(settings->sources.at[0], ":::");
    assert_string_equal(settings->sources.at[2], "--");
}

static void sources_end_the_flags_but_not_inside_an_argument(void **state)
{
    struct world *const world = *state;
    assert_int_equal(read_flags(world, FOR_RUN,
                                WORDS("--colsep", ":::", "--header=false",
                                      "::::+", "--help")),
                     SETTINGS_GO);
    assert_string_equal(world->settings.colsep, ":::");
    assert_false(world->settings.header);
    assert_int_equal(world->settings.sources.count, 2);
    assert_int_equal(world->settings.command.count, 0);
    assert_int_equal(
        read_flags(world, FOR_VENTILATOR, WORDS("e", "::::", "-j", ":::+")),
        SETTINGS_GO);
    assert_int_equal(world->settings.sources.count, 5);
}

static void first_operand_of_a_role_is_its_endpoint(void **state)
{
    struct world *const world = *state;
    assert_int_equal(read_flags(world, FOR_WORKER,
                                WORDS("tcp://head:7700", "-j", "50%", "x")),
                     SETTINGS_GO);
    assert_string_equal(world->settings.endpoint, "tcp://head:7700");
    assert_int_equal(world->settings.jobs_percent, 50);
    assert_int_equal(world->settings.operands.count, 1);
    assert_true(settings_slots(&world->settings) >= 1);
}

static void wrong_flags_are_usage_errors_that_help(void **state)
{
    struct world *const world = *state;
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--retrys", "3")),
                     -EINVAL);
    assert_says(world, "did you mean '--retries'?");
    assert_says(world, "Try 'fan run --help'.");
    assert_int_equal(world->problem.exit, EXIT_USAGE);
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("-Z")), -EINVAL);
    assert_says(world, "'-Z'");
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--timeout")), -EINVAL);
    assert_says(world, "missing after '--timeout'");
    assert_int_equal(read_flags(world, FOR_WORKER, WORDS("--retries", "1")),
                     -EINVAL);
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--run-id", "1")),
                     -EINVAL);
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--jobs", "0")), -EINVAL);
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--name", "../x")),
                     -EINVAL);
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--on-fail", "hold")),
                     -EINVAL);
    assert_says(world, "not built yet");
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--max-losses", "0")),
                     -EINVAL);
    assert_says(world, "1 to unlimited");
    // More of it could not be stored: the result would be sent for ever.
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--output-max", "73M")),
                     -EINVAL);
}

static void usage_errors_of_values_name_the_help_too(void **state)
{
    struct world *const world = *state;
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--timeout", "0s")),
                     -EINVAL);
    assert_says(world, "--timeout: '0s' is out of range: 1ms to unlimited");
    assert_says(world, "Try 'fan run --help'.");
}

static void help_and_version_are_seen_before_a_command_only(void **state)
{
    struct world *const world = *state;
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("-q", "--help")),
                     SETTINGS_HELP);
    assert_int_equal(read_flags(world, FOR_VERIFY, WORDS("--version")),
                     SETTINGS_VERSION);
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--", "ls", "--help")),
                     SETTINGS_GO);
}

static void higher_layer_wins_in_any_order(void **state)
{
    struct world *const world = *state;
    setenv("FAN_RETRIES", "4", 1);
    setenv("FAN_TAG", "1", 1);
    setenv("FAN_MAX_LOSSES", "7", 1);
    setenv("FAN_SEED", "5", 1);
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--retries", "3")), 0);
    assert_int_equal(
        settings_read_environment(&world->settings, FOR_RUN, &world->problem),
        0);
    assert_int_equal(read_text(world, "retries: 9\nmax_losses: 8\n"
                                      "output_max: 1M\ncommand: [a, b]\n"),
                     0);
    unsetenv("FAN_RETRIES");
    unsetenv("FAN_TAG");
    unsetenv("FAN_MAX_LOSSES");
    unsetenv("FAN_SEED");
    assert_int_equal(world->settings.retries, 3);
    assert_int_equal(world->settings.max_losses, 7);
    assert_int_equal(world->settings.output_max, 1 << 20);
    assert_true(world->settings.tag);
    assert_int_equal(world->settings.seed, 0);
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--", "c")), 0);
    assert_int_equal(world->settings.command.count, 1);
    assert_string_equal(world->settings.command.at[0], "c");
}

static void wrong_environment_names_its_variable(void **state)
{
    struct world *const world = *state;
    setenv("FAN_BACKOFF", "5m..1s", 1);
    assert_int_equal(
        settings_read_environment(&world->settings, FOR_RUN, &world->problem),
        -EINVAL);
    unsetenv("FAN_BACKOFF");
    assert_says(world, "FAN_BACKOFF: '5m..1s'");
}

static void wrong_yaml_is_refused_where_it_is_wrong(void **state)
{
    struct world *const world = *state;
    static const struct {
        const char *text, *says;
    } BAD[] = {
        {"quiet: true\nretrys: 3\n", ":2:1: unknown setting 'retrys'; did you "
                                     "mean 'retries'?"},
        {"retries: 010\n", ":1:10: retries: '010' is not a whole number"},
        {"retries: 1e999\n", "'1e999'"},
        {"timeout: 1:30\n", "is not a duration"},
        {"tag: yes\n", "is neither true nor false"},
        {"name:\n", "a value is missing"},
        {"name: ~\n", "a value is missing"},
        {"name: \"a\\0b\"\n", "a NUL byte"},
        {"name: &a x\ncolsep: *a\n", "anchors are not taken"},
        {"colsep: *a\n", "aliases are not taken"},
        {"name: !!str x\n", "tags are not taken"},
        {"<<: {retries: 3}\n", "unknown setting '<<'"},
        {"output_max: 1M\noutput-max: 1M\n", ":2:1: 'output-max' is given "
                                             "twice"},
        {"retries: [3]\n", "no list is expected"},
        {"command: [[a]]\n", "a list in a list"},
        {"retries: {a: b}\n", "no mapping is expected"},
        {"- a\n", "no list is expected"},
        {"hello\n", "settings are expected"},
        {"tag: true\n---\ntag: true\n", "a second document"},
        {"run_id: 00\n", "unknown setting"},
        {"? [a]\n: b\n", "no list is expected"},
        {"tag: \"\xff\"\n", "UTF-8"},
        {"\"a\\nb\\e[1m\": 1\n", "'a?b?[1m'"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_true(read_text(world, BAD[i].text) < 0);
        assert_says(world, BAD[i].says);
        assert_says(world, world->path);
        assert_int_equal(world->problem.exit, EXIT_USAGE);
    }
}

static void odd_but_right_yaml_is_taken(void **state)
{
    struct world *const world = *state;
    assert_int_equal(read_text(world, ""), 0);
    assert_int_equal(read_text(world, "# nothing\n"), 0);
    assert_int_equal(read_text(world, "\xef\xbb\xbfretries: 1\r\ntag: true"),
                     0);
    assert_int_equal(world->settings.retries, 1);
    assert_int_equal(read_text(world, "{\"jobs\": \"50%\"}"), 0);
    assert_int_equal(world->settings.jobs_percent, 50);
}

static void huge_and_deep_yaml_is_refused_at_once(void **state)
{
    struct world *const world = *state;
    enum { SIZE = (1 << 20) + 1 };
    char *const text = malloc(SIZE);
    assert_non_null(text);
    memset(text, '[', SIZE);
    assert_int_equal(read_yaml(world, FOR_RUN, text, 100000), -EINVAL);
    memset(text, '#', SIZE);
    assert_int_equal(read_yaml(world, FOR_RUN, text, SIZE), -EFBIG);
    assert_int_equal(read_yaml(world, FOR_RUN, text, SIZE - 1), 0);
    free(text);
    struct problem problem = {0};
    assert_int_equal(settings_read_yaml(&world->settings, FOR_RUN,
                                        "/nonexistent/x", &problem),
                     -ENOENT);
}

static void plan_reads_back_as_the_same_settings(void **state)
{
    struct world *const world = *state;
    static const char *const ARGUMENTS[] = {"",
                                            "plain",
                                            "a b",
                                            "\xff\xfe",
                                            "caf\xc3\xa9",
                                            "\"q\\",
                                            "x\ny",
                                            "\xf4\x8f\xba\x80",
                                            "\xed\xa0\x80",
                                            "- : #",
                                            "\x7f\t",
                                            "~",
                                            "\xe2\x80\xa8",
                                            "\xc0\x80",
                                            ":::"};
    const size_t count = sizeof ARGUMENTS / sizeof ARGUMENTS[0];
    for (size_t i = 0; i < count; i++)
        assert_int_equal(texts_add(&world->settings.arguments, ARGUMENTS[i]),
                         0);
    assert_int_equal(
        read_flags(world, FOR_RUN,
                   WORDS("--retries", "unlimited", "--timeout", "90s",
                         "--backoff", "0s..1500ms", "--output-max", "3K",
                         "--on-fail", "ignore", "-j", "25%", "--colsep", "\t",
                         "--name", "null", "--seed", "18446744073709551614",
                         "-k", "--", "x", ":::", "1")),
        0);
    world->settings.run_id = strdup("00112233445566778899aabbccddeeff");
    struct buffer first = {0}, second = {0};
    settings_write_yaml(&world->settings, IN_PLAN, &first);
    settings_clear(&world->settings);
    settings_init(&world->settings);
    if (read_yaml(world, IN_PLAN, first.at, first.size) != 0)
        fail_msg("%s", world->problem.text);
    settings_write_yaml(&world->settings, IN_PLAN, &second);
    assert_true(span_equal(buffer_span(&first), buffer_span(&second)));
    buffer_free(&first);
    buffer_free(&second);
    const struct settings *const settings = &world->settings;
    assert_int_equal(settings->arguments.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(settings->arguments.at[i], ARGUMENTS[i]);
    assert_true(settings->retries == SETTING_UNLIMITED);
    assert_int_equal(settings->timeout_ms, 90000);
    assert_int_equal(settings->backoff_max_ms, 1500);
    assert_int_equal(settings->on_fail, ANSWER_IGNORE);
    assert_string_equal(settings->colsep, "\t");
    assert_string_equal(settings->name, "null");
    assert_true(settings->keep_order);
}

static void untouched_settings_write_nothing(void **state)
{
    struct world *const world = *state;
    struct buffer out = {0};
    settings_write_yaml(&world->settings, ~0U, &out);
    assert_int_equal(out.size, 0);
    buffer_free(&out);
}

static void definition_sets_only_what_workers_may_be_told(void **state)
{
    struct world *const world = *state;
    static const char *const TOLD[][2] = {
        {"timeout", "5s"},
        {"grace", "1s"},
        {"output-max", "1M"},
        {"truncate", "true"},
        {"line-buffer", "true"},
        {"tag", "true"},
        {"compat", "true"},
        {"delay", "1ms"},
        {"seed", "1"},
        {"chdir", "/"},
        {"dir", "/run"},
        {"stdin", "true"},
        {"plugin", "./x.so:f"},
        {"retain-max", "2M"},
        {"name", "n"},
        {"run-id", "00112233445566778899aAbBcCdDeEfF"}};
    for (size_t i = 0; i < sizeof TOLD / sizeof TOLD[0]; i++)
        assert_int_equal(settings_set(&world->settings, IN_DEFINITION,
                                      LAYER_YAML, TOLD[i][0], TOLD[i][1],
                                      &world->problem),
                         0);
    size_t rows = 0;
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
        rows += (SETTING_TABLE[i].programs & IN_DEFINITION) != 0;
    assert_int_equal(rows, sizeof TOLD / sizeof TOLD[0]);
    assert_int_equal(settings_set(&world->settings, IN_DEFINITION, LAYER_YAML,
                                  "endpoint", "x", &world->problem),
                     -ENOENT);
}

static void identities_are_32_hex_digits(void **state)
{
    struct world *const world = *state;
    static const char *const NAMES[] = {"run-id", "resume_token"};
    static const char *const BAD[] = {"", "00",
                                      "0011223344556677-8899aabbccddeef",
                                      "00112233445566778899aabbccddeefg",
                                      "00112233445566778899aabbccddeeff0"};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < sizeof BAD / sizeof BAD[0]; j++) {
            world->problem = (struct problem){0};
            assert_int_equal(settings_set(&world->settings, IN_PLAN, LAYER_YAML,
                                          NAMES[i], BAD[j], &world->problem),
                             -EINVAL);
            assert_says(world, "32 hex digits");
        }
    assert_null(world->settings.run_id);
    assert_null(world->settings.resume_token);
}

static void help_shows_every_row_that_is_not_hidden(void **state)
{
    (void)state;
    for (unsigned program = FOR_RUN; program <= FOR_VERIFY; program *= 2) {
        struct buffer out = {0};
        settings_help(program, &out);
        put_u8(&out, 0);
        assert_false(out.failed);
        const char *const text = (const char *)out.at;
        assert_non_null(strstr(text, settings_program_name(program)));
        for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
            const struct setting_row *const row = &SETTING_TABLE[i];
            char flag[64];
            snprintf(flag, sizeof flag, " --%s%s", row->name,
                     row->argument ? " " : "");
            const bool shown = strstr(text, flag) != NULL;
            if ((row->programs & program) && !(row->programs & HIDDEN))
                assert_true(shown);
            else if (strstr("results version", row->name) == NULL)
                assert_false(shown && row->argument);
        }
        buffer_free(&out);
    }
}

static void rows_are_found_by_one_name_and_one_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
        for (size_t j = i + 1; j < SETTING_COUNT_OF_ROWS; j++) {
            const struct setting_row *const a = &SETTING_TABLE[i];
            const struct setting_row *const b = &SETTING_TABLE[j];
            assert_string_not_equal(a->name, b->name);
            assert_true(a->offset != b->offset);
            assert_true(!a->letter || a->letter != b->letter);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(durations_are_whole_and_have_units),
        TEST(sizes_and_counts_refuse_what_is_not_exactly_one),
        TEST(command_and_sources_are_taken_as_typed),
        TEST(sources_end_the_flags_but_not_inside_an_argument),
        TEST(first_operand_of_a_role_is_its_endpoint),
        TEST(wrong_flags_are_usage_errors_that_help),
        TEST(usage_errors_of_values_name_the_help_too),
        TEST(help_and_version_are_seen_before_a_command_only),
        TEST(higher_layer_wins_in_any_order),
        TEST(wrong_environment_names_its_variable),
        TEST(wrong_yaml_is_refused_where_it_is_wrong),
        TEST(odd_but_right_yaml_is_taken),
        TEST(huge_and_deep_yaml_is_refused_at_once),
        TEST(plan_reads_back_as_the_same_settings),
        TEST(untouched_settings_write_nothing),
        TEST(definition_sets_only_what_workers_may_be_told),
        TEST(identities_are_32_hex_digits),
        TEST(help_shows_every_row_that_is_not_hidden),
        TEST(rows_are_found_by_one_name_and_one_letter),
    };
    return cmocka_run_group_tests_name("setting", tests, NULL, NULL);
}
