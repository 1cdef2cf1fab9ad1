#include "tests/unit/setting_world.h"

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
    assert_int_equal(read_flags(world, FOR_RUN, WORDS("--on-fail", "park")),
                     -EINVAL);
    assert_says(world, "none of fail|retry|ignore|hold|notify");
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

// A program's options are its own: what another calls the same is another row.
static bool is_of(const char *name, unsigned program)
{
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
        if ((SETTING_TABLE[i].programs & program) &&
            strcmp(SETTING_TABLE[i].name, name) == 0)
            return true;
    return false;
}

static void help_shows_every_row_that_is_not_hidden(void **state)
{
    (void)state;
    unsigned program;
    for (size_t nth = 0; (program = settings_program(nth)) != 0; nth++) {
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
            else if (!is_of(row->name, program) &&
                     strstr("results version", row->name) == NULL)
                assert_false(shown && row->argument);
        }
        buffer_free(&out);
    }
}

static void rows_are_found_by_one_name_and_one_letter(void **state)
{
    enum { SPOKEN = FOR_PROGRAMS | IN_PLAN | IN_DEFINITION };
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
        for (size_t j = i + 1; j < SETTING_COUNT_OF_ROWS; j++) {
            const struct setting_row *const a = &SETTING_TABLE[i];
            const struct setting_row *const b = &SETTING_TABLE[j];
            assert_true(a->offset != b->offset);
            if (!(a->programs & b->programs & SPOKEN))
                continue;
            assert_string_not_equal(a->name, b->name);
            assert_true(!a->letter || a->letter != b->letter);
        }
}

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
        TEST(help_shows_every_row_that_is_not_hidden),
        TEST(rows_are_found_by_one_name_and_one_letter),
    };
    return cmocka_run_group_tests_name("setting", tests, NULL, NULL);
}
