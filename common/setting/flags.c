#include "common/setting/internal.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_LONG = 256, // values of long options: FIRST_LONG + row
    OPTION_HELP = 'h',
    OPTION_VERSION = 'V',
    OPTIONS_MAX = 96 + 3,
    VARIABLE_SIZE = 48, // of FAN_<NAME>
    WITH_COMMAND = FOR_RUN | FOR_VENTILATOR,
    WITH_SOURCES = WITH_COMMAND | FOR_ADD,
    ROLES = FOR_VENTILATOR | FOR_WORKER | FOR_SINK
};

struct options {
    struct option longs[OPTIONS_MAX];
    char shorts[3 * OPTIONS_MAX];
};

static void options_make(struct options *options, unsigned program)
{
    size_t count = 0, letters = 0;
    *options = (struct options){0};
    // '-': operands come in order, so that `:::` ends the options, while one
    // that is an option's argument does not. ':': missing arguments are told
    // from unknown options.
    options->shorts[letters++] = '-';
    options->shorts[letters++] = ':';
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        if (!(row->programs & program) || (row->programs & NO_FLAG))
            continue;
        const bool alone = row->type == SETTING_BOOL;
        options->longs[count++] = (struct option){
            .name = row->name,
            .has_arg = alone ? optional_argument : required_argument,
            .val = FIRST_LONG + (int)i};
        if (row->letter) {
            options->shorts[letters++] = row->letter;
            if (!alone)
                options->shorts[letters++] = ':';
        }
    }
    options->longs[count++] =
        (struct option){.name = "help", .val = OPTION_HELP};
    options->longs[count++] =
        (struct option){.name = "version", .val = OPTION_VERSION};
    options->shorts[letters++] = OPTION_HELP;
    options->shorts[letters++] = OPTION_VERSION;
}

static const struct setting_row *row_of_option(unsigned program, int option)
{
    if (option >= FIRST_LONG)
        return &SETTING_TABLE[option - FIRST_LONG];
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
        if (SETTING_TABLE[i].letter == option &&
            (SETTING_TABLE[i].programs & program) &&
            !(SETTING_TABLE[i].programs & NO_FLAG))
            return &SETTING_TABLE[i];
    return NULL;
}

static bool is_source(const char *text)
{
    return strcmp(text, ":::") == 0 || strcmp(text, ":::+") == 0 ||
           strcmp(text, "::::") == 0 || strcmp(text, "::::+") == 0;
}

static int usage(unsigned program, struct problem *problem, const char *what,
                 const char *item)
{
    char quoted[SETTING_QUOTE_SIZE];
    return problem_exit(
        problem, EXIT_USAGE, -EINVAL, "%s '%s'. Try '%s --help'.", what,
        setting_quote(item, quoted), settings_program_name(program));
}

static int unknown_option(unsigned program, const char *typed,
                          struct problem *problem)
{
    char name[SETTING_QUOTE_SIZE] = "", text[SETTING_QUOTE_SIZE];
    if (optopt > 0 && optopt < FIRST_LONG) {
        const char letter[] = {'-', (char)optopt, '\0'};
        return usage(program, problem, "unknown option", letter);
    }
    if (optopt >= FIRST_LONG)
        return usage(program, problem, "no value belongs to", typed);
    const size_t length = strcspn(typed, "=");
    if (length > 2 && length < sizeof name)
        memcpy(name, typed + 2, length - 2);
    const char *const near = setting_nearest(program, NO_FLAG, name);
    if (!near)
        return usage(program, problem, "unknown option", typed);
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "unknown option '%s'; did you mean '--%s'? "
                        "Try '%s --help'.",
                        setting_quote(typed, text), near,
                        settings_program_name(program));
}

// Of two inputs one would be lost without a word.
static bool is_second_input(const struct settings *settings,
                            const struct setting_row *row)
{
    return (row->offset == offsetof(struct settings, arg_file) &&
            settings->arg_file) ||
           (row->offset == offsetof(struct settings, ndjson) &&
            settings->ndjson) ||
           (row->offset == offsetof(struct settings, array) && settings->array);
}

static int take_option(struct settings *settings, unsigned program, int option,
                       struct problem *problem)
{
    char shown[48];
    const struct setting_row *const row = row_of_option(program, option);
    if (!row)
        return -EINVAL;
    struct problem inner = {0};
    snprintf(shown, sizeof shown, "--%s", row->name);
    if (is_second_input(settings, row))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "%s is given twice; every pair of two files is "
                            ":::: FILE FILE. Try '%s --help'.",
                            shown, settings_program_name(program));
    const int error = setting_store(settings, row, LAYER_FLAG, shown,
                                    optarg ? optarg : "true", &inner);
    if (!error)
        return 0;
    return problem_exit(problem, inner.exit, error, "%.800s. Try '%s --help'.",
                        inner.text, settings_program_name(program));
}

static int take_operand(struct settings *settings, unsigned program,
                        const char *text, struct problem *problem)
{
    if ((program & ROLES) && !settings->endpoint)
        return settings_set(settings, program, LAYER_FLAG, "endpoint", text,
                            problem);
    return texts_add(&settings->operands, text);
}

// What follows the options: the command up to the first source, and sources.
static int take_rest(struct settings *settings, unsigned program, int count,
                     char **rest, struct problem *problem)
{
    const char *list = program & WITH_COMMAND ? "command" : NULL;
    for (int i = 0; i < count; i++) {
        int error;
        if ((program & WITH_SOURCES) && is_source(rest[i]))
            list = "sources";
        if (!list) {
            error = take_operand(settings, program, rest[i], problem);
        } else {
            error = settings_set(settings, program, LAYER_FLAG, list, rest[i],
                                 problem);
        }
        if (error)
            return error;
    }
    return 0;
}

// One result of getopt_long, help and the first source aside.
static int take(struct settings *settings, unsigned program, int option,
                char **argv, struct problem *problem)
{
    switch (option) {
    case 1:
        return take_operand(settings, program, optarg, problem);
    case ':':
        return usage(program, problem, "a value is missing after",
                     argv[optind - 1]);
    case '?':
        return unknown_option(program, argv[optind - 1], problem);
    default:
        return take_option(settings, program, option, problem);
    }
}

int settings_read_flags(struct settings *settings, unsigned program, int argc,
                        char **argv, enum settings_parsed *parsed,
                        struct problem *problem)
{
    struct options options;
    options_make(&options, program);
    *parsed = SETTINGS_GO;
    optind = 0; // glibc: start anew
    opterr = 0;
    for (;;) {
        const int option =
            getopt_long(argc, argv, options.shorts, options.longs, NULL);
        if (option == -1)
            break;
        if (option == 1 && (program & WITH_SOURCES) && is_source(optarg)) {
            optind--;
            break;
        }
        if (option == OPTION_HELP || option == OPTION_VERSION) {
            *parsed = option == OPTION_HELP ? SETTINGS_HELP : SETTINGS_VERSION;
            return 0;
        }
        const int error = take(settings, program, option, argv, problem);
        if (error)
            return error;
    }
    return take_rest(settings, program, argc - optind, argv + optind, problem);
}

static bool has_variable(const struct setting_row *row, unsigned program)
{
    return (row->programs & program) && !setting_is_list(row) &&
           !(row->programs & (NO_FLAG | NO_ENVIRONMENT));
}

static char upper(char letter)
{
    if (letter == '-')
        return '_';
    if (letter >= 'a' && letter <= 'z')
        return (char)(letter - 'a' + 'A');
    return letter;
}

static const char *variable_of(const struct setting_row *row,
                               char name[VARIABLE_SIZE])
{
    const int size = snprintf(name, VARIABLE_SIZE, "FAN_%s", row->name);
    for (int i = 4; i < size && i < VARIABLE_SIZE - 1; i++)
        name[i] = upper(name[i]);
    return name;
}

// In the environment, 1 and 0 too are a boolean's values.
static const char *spelled_out(const struct setting_row *row, const char *value)
{
    if (row->type != SETTING_BOOL)
        return value;
    if (strcmp(value, "1") == 0)
        return "true";
    return strcmp(value, "0") == 0 ? "false" : value;
}

int settings_read_environment(struct settings *settings, unsigned program,
                              struct problem *problem)
{
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        char name[VARIABLE_SIZE];
        if (!has_variable(row, program))
            continue;
        const char *const value = getenv(variable_of(row, name));
        if (!value || !*value)
            continue; // empty is as good as unset
        const int error = setting_store(settings, row, LAYER_ENVIRONMENT, name,
                                        spelled_out(row, value), problem);
        if (error)
            return error;
    }
    return 0;
}
