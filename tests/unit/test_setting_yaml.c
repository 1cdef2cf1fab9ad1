#include "tests/unit/setting_world.h"

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
        {"on:\n  exit:2-10: retry:2\n  late: fail\n",
         ":3:3: 'late' is for no class"},
        {"on:\n  exit:70-2: fail\n", ":2:3: 'exit:70-2' has no exit code"},
        {"on:\n  exit: [a]\n", ":2:9: no list is expected"},
        {"on:\n  exit: stop\n", ":2:9: on: 'exit=stop' has no answer"},
        {"on:\n  exit:\n", "'exit=' has no answer"},
        {"on:\n  exit: fail\n  exit: ignore\n", ":3:3: 'exit' is given twice"},
        {"on:\n  timeout:\n    retries: 3\n    backof: 1s\n",
         ":4:5: 'backof' is nothing that a rule has"},
        {"on:\n  timeout:\n    retries: 3\n    backoff: 1x\n",
         ":4:14: '1x' has no backoff"},
        {"on:\n  timeout: {retries: x}\n", ":2:22: 'x' has no number"},
        {"on:\n  timeout: {retries: 3, timeout: x1}\n",
         ":2:34: 'x1' has no timeout"},
        {"on:\n  timeout: {answer: fail, retries: 2}\n",
         ":2:3: on: 'timeout=fail:2' has no answer"},
        {"on:\n  timeout: {answer: retry}\n",
         ":2:3: on: 'timeout=retry' has no number"},
        {"on:\n  timeout: {retries: 1, retries: 2}\n",
         ":2:25: 'retries' is given twice"},
        {"on:\n  timeout: {retries: {a: b}}\n",
         ":2:22: no mapping is expected"},
        {"sweep: {T: [[1]]}\n", ":1:13: a list in a list"},
        {"sweep: {T: {a: b}}\n", "no mapping is expected"},
        {"sweep: {T: []}\n", ":1:13: a value is missing"},
        {"sweep: {T: }\n", "a value is missing"},
        {"sweep: {T: ['a,b']}\n", ":1:13: 'a,b' has a comma"},
        {"sweep: {a=b: 1}\n", ":1:9: 'a=b' is no name"},
        {"where: {a: b}\n", "no mapping is expected"},
        {"on:\n  - exit=fail\n  - exit=bad\n",
         ":3:5: on: 'exit=bad' has no answer"},
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

static void sweep_is_a_mapping_or_a_list(void **state)
{
    struct world *const world = *state;
    assert_int_equal(read_text(world,
                               "sweep:\n  T: 1:100:10\n  m: [a, 1:3, 'b c']\n"
                               "  +n: [x]\n  u: random(5,0,1)\nretries: 2\n"),
                     0);
    const struct texts *const sweep = &world->settings.sweep;
    assert_int_equal(sweep->count, 4);
    assert_string_equal(sweep->at[0], "T=1:100:10");
    assert_string_equal(sweep->at[1], "m=a,1:3,b c");
    assert_string_equal(sweep->at[2], "+n=x");
    assert_string_equal(sweep->at[3], "u=random(5,0,1)");
    assert_int_equal(world->settings.retries, 2);
    settings_clear(&world->settings);
    settings_init(&world->settings);
    assert_int_equal(read_text(world, "sweep: [T=1:3, m=a]\n"), 0);
    assert_int_equal(sweep->count, 2);
}

static void flag_stands_above_a_sweep_in_the_file(void **state)
{
    struct world *const world = *state;
    assert_int_equal(settings_set(&world->settings, FOR_RUN, LAYER_FLAG,
                                  "sweep", "T=9", &world->problem),
                     0);
    assert_int_equal(read_text(world, "sweep: {T: [1, 2, 3]}\n"), 0);
    assert_int_equal(world->settings.sweep.count, 1);
    assert_string_equal(world->settings.sweep.at[0], "T=9");
}

static void assert_rules(struct world *world, const char *text,
                         const char *const *rules)
{
    settings_clear(&world->settings);
    settings_init(&world->settings);
    assert_int_equal(read_text(world, text), 0);
    const struct texts *on = &world->settings.on;
    for (size_t i = 0; i < on->count; i++) {
        assert_non_null(rules[i]);
        assert_string_equal(on->at[i], rules[i]);
    }
    assert_null(rules[on->count]);
}

static void rules_are_short_or_mappings_or_a_list(void **state)
{
    struct world *const world = *state;
    assert_rules(world,
                 "on:\n  exit:65: ignore\n  timeout: retry:3,timeout:x2\n"
                 "retries: 7\n",
                 (const char *const[]){"exit:65=ignore",
                                       "timeout=retry:3,timeout:x2", NULL});
    assert_int_equal(world->settings.retries, 7);
    assert_rules(world,
                 "on:\n"
                 "  timeout:\n"
                 "    answer: retry\n"
                 "    timeout: 10m\n"
                 "    retries: 3\n"
                 "    backoff: 10s..1m\n"
                 "  signal:SEGV: {answer: fail}\n"
                 "  oom: {retries: 3, mem: x2, host: other}\n"
                 "  \"exit:2-10\": {retries: 1}\n",
                 (const char *const[]){
                     "timeout=retry:3,timeout:10m,backoff:10s..1m",
                     "signal:SEGV=fail", "oom=retry:3,mem:x2,host:other",
                     "exit:2-10=retry:1", NULL});
    assert_rules(world, "on: [exit=fail, oom=ignore]\n",
                 (const char *const[]){"exit=fail", "oom=ignore", NULL});
    assert_rules(world, "on: exit=fail\n",
                 (const char *const[]){"exit=fail", NULL});
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
        {"isolate", "true"},
        {"coprocess", "cat"},
        {"framing", "lines"},
        {"recycle", "1000,2G"},
        {"keep-dirs", "all"},
        {"max-load", "4"},
        {"min-free-memory", "1G"},
        {"variables", "A=b"},
        {"pin", "true"},
        {"nice", "5"},
        {"mem-max", "2G"},
        {"cpus", "4"},
        {"mem", "8G"},
        {"gpus", "1"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_yaml_is_refused_where_it_is_wrong),
        TEST(odd_but_right_yaml_is_taken),
        TEST(sweep_is_a_mapping_or_a_list),
        TEST(flag_stands_above_a_sweep_in_the_file),
        TEST(rules_are_short_or_mappings_or_a_list),
        TEST(huge_and_deep_yaml_is_refused_at_once),
        TEST(plan_reads_back_as_the_same_settings),
        TEST(untouched_settings_write_nothing),
        TEST(definition_sets_only_what_workers_may_be_told),
        TEST(identities_are_32_hex_digits),
    };
    return cmocka_run_group_tests_name("setting_yaml", tests, NULL, NULL);
}
