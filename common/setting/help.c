#include "common/setting/setting.h"

#include <string.h>

static const struct program {
    unsigned mask;
    const char *name;
    const char *usage; // after the name; lines for several forms
    const char *what;
} PROGRAMS[] = {
    {FOR_RUN, "fan run",
     "[OPTION]... [FILE.yaml] [-- COMMAND [ARGUMENT]...] [::: VALUE...]...",
     "Run a command for each value, on all CPUs, and keep every result.\n"
     "Without a command, each line of input is one.\n"
     "\n"
     "Values follow ::: (:::+ pairs them with the list before), or are the\n"
     "lines of files after :::: (::::+), or come from standard input. Many\n"
     "lists are combined. In COMMAND:\n"
     "  {}            the value (appended where no placeholder is given)\n"
     "  {1} {name}    that of a list or column, by number or name\n"
     "  {.} {/} {//} {/.}   without extension, base name, folder, both\n"
     "  {#} {%} {seed}      task number, slot, a number drawn for the task"},
    {FOR_VENTILATOR, "fan ventilator",
     "ENDPOINT [OPTION]... [-- COMMAND [ARGUMENT]...] [::: VALUE...]...",
     "Give the tasks of a run to workers."},
    {FOR_WORKER, "fan worker", "ENDPOINT [OPTION]...",
     "Run the tasks which the ventilator at ENDPOINT gives."},
    {FOR_SINK, "fan sink", "ENDPOINT --results DIR [OPTION]...",
     "Store the results of the run of the ventilator at ENDPOINT."},
    {FOR_STATUS, "fan status", "[OPTION]... [DIR]", "Show how far a run is."},
    {FOR_TOP, "fan top", "[OPTION]... [DIR]",
     "Watch a run on the whole screen, while it goes on or afterwards."},
    {FOR_LIST, "fan list", "[OPTION]... [TASKS] [DIR]",
     "Show the tasks of a run that are done, a line each."},
    {FOR_SHOW, "fan show", "TASK [OPTION]... [DIR]",
     "Show all that is known of a task, and what can be done about it."},
    {FOR_EXPLAIN, "fan explain", "[TASK] [OPTION]... [DIR]",
     "Tell why a task, or the whole run, goes no further."},
    {FOR_LOGS, "fan logs", "[OPTION]... [TASKS] [DIR]",
     "Print what tasks have printed."},
    {FOR_EVENTS, "fan events", "[OPTION]... [DIR]",
     "Show what has happened to a run, besides what its tasks did."},
    {FOR_HOSTS, "fan hosts", "[OPTION]... [DIR]",
     "Show where a run is at work, and how it fared there."},
    {FOR_WAIT, "fan wait", "[OPTION]... [DIR]",
     "Wait until a run ends, and exit as it has."},
    {FOR_RESULTS, "fan results", "[OPTION]... [TASKS] [DIR]",
     "Print the results of a run."},
    {FOR_REPORT, "fan report", "[OPTION]... [DIR]",
     "Make a page of HTML that shows what came of a run."},
    {FOR_PAGE, "fan page", "[OPTION]... [DIR]",
     "Serve a page about a run, for a browser, and its metrics."},
    {FOR_VERIFY, "fan verify", "[OPTION]... [DIR]",
     "Check the stored results of a run for damage."},
    {FOR_HELD, "fan held", "[OPTION]... [DIR]",
     "Show the tasks that wait for a person, in groups that failed alike."},
    {FOR_DECIDE, "fan decide",
     "GROUP|TASK|FIRST-LAST|all... --retry|--ignore|--drop [OPTION]...",
     "Decide about held tasks, of a run that goes on or has stopped."},
    {FOR_CANCEL, "fan cancel", "TASKS|--all [OPTION]... [DIR]",
     "Stop tasks of a run for good, those that run and those that do not yet."},
    {FOR_PAUSE, "fan pause", "[OPTION]... [DIR]",
     "Start no more tasks of a run for now; those that run go on."},
    {FOR_RESUME, "fan resume", "[OPTION]... [DIR]",
     "Start tasks again in a run that is paused."},
    {FOR_ADD, "fan add", "[OPTION]... [::: VALUE...]",
     "Add tasks to a run that was started with --open.\n"
     "Values follow :::, or are the lines of a file, or of standard input."},
    {FOR_COMPLETION, "fan completion", "bash|zsh|fish",
     "Print what makes a shell complete the words of fan."},
};

static const struct program *program_of(unsigned program)
{
    for (size_t i = 0; i < sizeof PROGRAMS / sizeof PROGRAMS[0]; i++)
        if (PROGRAMS[i].mask & program)
            return &PROGRAMS[i];
    return NULL;
}

unsigned settings_program(size_t nth)
{
    return nth < sizeof PROGRAMS / sizeof PROGRAMS[0] ? PROGRAMS[nth].mask : 0;
}

const char *settings_program_name(unsigned program)
{
    const struct program *const found = program_of(program);
    return found ? found->name : "fan";
}

struct span settings_program_summary(unsigned program)
{
    const struct program *const found = program_of(program);
    const char *const what = found ? found->what : "";
    return (struct span){(const uint8_t *)what, strcspn(what, ".\n")};
}

static void write_line(struct buffer *out, char letter, const char *name,
                       const char *argument, const char *help)
{
    enum { COLUMN = 30 };
    const size_t from = out->size;
    if (letter)
        buffer_printf(out, "  -%c, --%s", letter, name);
    else
        buffer_printf(out, "      --%s", name);
    if (argument)
        buffer_printf(out, " %s", argument);
    size_t width = out->size - from;
    if (width + 2 > COLUMN) {
        put_u8(out, '\n');
        width = 0;
    }
    buffer_printf(out, "%*s%s\n", (int)(COLUMN - width), "", help);
}

static bool is_shown(const struct setting_row *row, unsigned program)
{
    return (row->programs & program) && !(row->programs & HIDDEN);
}

void settings_help(unsigned program, struct buffer *out)
{
    const struct program *const found = program_of(program);
    if (!found)
        return;
    buffer_printf(out, "Usage: %s %s\n%s\n", found->name, found->usage,
                  found->what);
    const char *group = NULL; // rows of a group stand together in the table
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        if (!is_shown(row, program))
            continue;
        if (!group || strcmp(group, row->group) != 0)
            buffer_printf(out, "\n%s:\n", row->group);
        group = row->group;
        write_line(out, row->letter, row->name, row->argument, row->help);
    }
    buffer_append_text(out, "\nHelp:\n");
    write_line(out, 'h', "help", NULL, "show this and exit");
    write_line(out, 'V', "version", NULL, "show the version and exit");
    buffer_append_text(
        out, "\nDurations: 100ms 10s 5m 2h 1d HH:MM:SS. Sizes: K M G T, by "
             "1024.\nAn option --some-name is also FAN_SOME_NAME in the "
             "environment and some-name: in YAML.\n");
}

// Text in roff: no character of it is a request or an escape.
static void put_roff(struct buffer *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        buffer_append_text(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            buffer_append_text(out, "\\e");
        else if (*text == '-')
            buffer_append_text(out, "\\-");
        else
            put_u8(out, (uint8_t)*text);
    }
}

static void put_roff_option(struct buffer *out, char letter, const char *name,
                            const char *argument, const char *help)
{
    buffer_append_text(out, ".It Fl ");
    if (letter)
        buffer_printf(out, "%c , Fl ", letter);
    buffer_printf(out, "-%s", name);
    if (argument)
        buffer_printf(out, " Ar %s", argument);
    put_u8(out, '\n');
    put_roff(out, help);
    buffer_append_text(out, ".\n");
}

void settings_man_synopsis(unsigned program, struct buffer *out)
{
    const struct program *const found = program_of(program);
    if (!found)
        return;
    buffer_printf(out, ".Nm %s\n", found->name);
    put_roff(out, found->usage);
    put_u8(out, '\n');
}

// What a value is, in a few words.
static void put_value(struct buffer *out, const struct setting_row *row)
{
    static const char *const KINDS[] = {
        [SETTING_BOOL] = "true or false",
        [SETTING_COUNT] = "a whole number",
        [SETTING_JOBS] = "a whole number, or a share of the CPUs as 50%",
        [SETTING_DURATION] = "a duration",
        [SETTING_BACKOFF] = "two durations as 1s..5m, or one",
        [SETTING_SIZE] = "a size",
        [SETTING_TEXT] = "a text",
        [SETTING_LIST] = "a list",
        [SETTING_RULES] = "a mapping, or a list of texts",
        [SETTING_CHOICE] = "one of",
        [SETTING_ANSWER] = "one of",
        [SETTING_NAME] = "a name",
        [SETTING_ID] = "32 hex digits",
    };
    if (row->argument && row->type == SETTING_TEXT)
        buffer_append_text(out, row->argument);
    else if (row->argument && row->type == SETTING_LIST)
        buffer_printf(out, "a list of %s", row->argument);
    else
        buffer_append_text(out, KINDS[row->type]);
    if (row->programs & NAMED)
        buffer_append_text(out, ", or a mapping from names");
    for (const char *at = row->choices; at && *at;) {
        const size_t length = strcspn(at, "|");
        buffer_printf(out, "%s %.*s", at == row->choices ? "" : ",",
                      (int)length, at);
        at += length + (at[length] == '|');
    }
}

void settings_man_keys(struct buffer *out)
{
    const char *group = NULL;
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        if (!(row->programs & FOR_RUN))
            continue;
        if (!group || strcmp(group, row->group) != 0)
            buffer_printf(out, "%s.Ss %s\n.Bl -tag -width Ds\n",
                          group ? ".El\n" : "", row->group);
        group = row->group;
        buffer_printf(out, ".It Cm %s : Ar ", row->name);
        put_value(out, row);
        put_u8(out, '\n');
        put_roff(out, row->help);
        buffer_append_text(out, ".\n");
    }
    buffer_append_text(out, group ? ".El\n" : "");
}

void settings_man_options(unsigned program, struct buffer *out)
{
    const char *group = NULL;
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        if (!is_shown(row, program) || (row->programs & NO_FLAG))
            continue;
        if (!group || strcmp(group, row->group) != 0)
            buffer_printf(out, "%s.Ss %s\n.Bl -tag -width Ds\n",
                          group ? ".El\n" : "", row->group);
        group = row->group;
        put_roff_option(out, row->letter, row->name, row->argument, row->help);
    }
    buffer_printf(out, "%s.Ss Help\n.Bl -tag -width Ds\n",
                  group ? ".El\n" : "");
    put_roff_option(out, 'h', "help", NULL, "show the options and exit");
    put_roff_option(out, 'V', "version", NULL, "show the version and exit");
    buffer_append_text(out, ".El\n");
}
