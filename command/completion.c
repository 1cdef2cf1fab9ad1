#include "command/completion.h"

#include "common/setting/setting.h"

#include <string.h>

static bool is_offered(const struct setting_row *row, unsigned program)
{
    return (row->programs & program) != 0 &&
           (row->programs & (HIDDEN | NO_FLAG)) == 0;
}

static const char *verb_of(unsigned program)
{
    return settings_program_name(program) + 4; // behind "fan "
}

// Does an option name a file or a folder?
static bool takes_path(const struct setting_row *row)
{
    static const char *const PATHS[] = {"FILE", "DIR", "PATH", "TEMPLATE"};
    for (size_t i = 0; row->argument && i < sizeof PATHS / sizeof PATHS[0]; i++)
        if (strncmp(row->argument, PATHS[i], strlen(PATHS[i])) == 0)
            return true;
    return false;
}

// Appends the choices of an option with blanks between.
static void put_choices(struct buffer *out, const char *choices)
{
    for (; *choices; choices++)
        put_u8(out, *choices == '|' ? ' ' : (uint8_t)*choices);
}

// Within single quotes of a shell, with `also` behind a backslash.
static void put_quoted(struct buffer *out, struct span text, const char *also)
{
    for (size_t i = 0; i < text.size; i++) {
        const char letter = (char)text.at[i];
        if (letter == '\'')
            buffer_append_text(out, "'\\''");
        else if (strchr(also, letter))
            buffer_printf(out, "\\%c", letter);
        else
            put_u8(out, (uint8_t)letter);
    }
}

// -- bash ---------------------------------------------------------------------

static void put_bash_verb(struct buffer *out, unsigned program)
{
    buffer_printf(out, "    %s)\n        case $prev in\n", verb_of(program));
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++) {
        const struct setting_row *const row = &SETTING_TABLE[i];
        if (!is_offered(row, program) || !row->argument)
            continue;
        buffer_printf(out, "        --%s", row->name);
        if (row->letter)
            buffer_printf(out, "|-%c", row->letter);
        if (row->choices) {
            buffer_append_text(out, ") words='");
            put_choices(out, row->choices);
            buffer_append_text(out, "' ;;\n");
        } else {
            buffer_printf(out, ") %s ;;\n",
                          takes_path(row) ? "return" : "words=");
        }
    }
    buffer_append_text(out, "        *) words='--help --version");
    for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
        if (is_offered(&SETTING_TABLE[i], program))
            buffer_printf(out, " --%s", SETTING_TABLE[i].name);
    buffer_append_text(out, "'\n            [[ $cur == -* ]] || return ;;\n"
                            "        esac ;;\n");
}

static void put_bash(struct buffer *out)
{
    unsigned program;
    buffer_append_text(
        out,
        "# fan's words for bash: source <(fan completion bash)\n"
        "_fan() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} words= word i\n"
        "    local prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "    COMPREPLY=()\n"
        "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in --|:::|:::+|::::|::::+) return ;; "
        "esac\n"
        "    done\n"
        "    if ((COMP_CWORD == 1)); then\n"
        "        words='--help --version");
    for (size_t nth = 0; (program = settings_program(nth)) != 0; nth++)
        buffer_printf(out, " %s", verb_of(program));
    buffer_append_text(out, "'\n    else case ${COMP_WORDS[1]} in\n");
    for (size_t nth = 0; (program = settings_program(nth)) != 0; nth++)
        put_bash_verb(out, program);
    buffer_append_text(out, "    esac; fi\n"
                            "    for word in $words; do\n"
                            "        [[ $word == \"$cur\"* ]] && "
                            "COMPREPLY+=(\"$word\")\n"
                            "    done\n"
                            "}\n"
                            "complete -o default -F _fan fan\n");
}

// -- zsh ----------------------------------------------------------------------

static void put_zsh_option(struct buffer *out, const struct setting_row *row)
{
    const bool list = row->type == SETTING_LIST;
    for (unsigned spelling = 0; spelling < (row->letter ? 2U : 1U);
         spelling++) {
        buffer_append_text(out, " \\\n            '");
        buffer_append_text(out, list ? "*" : "");
        if (spelling == 0)
            buffer_printf(out, "--%s%s[", row->name, row->argument ? "=" : "");
        else
            buffer_printf(out, "-%c%s[", row->letter, row->argument ? "+" : "");
        put_quoted(out, span_of_text(row->help), "[]:");
        put_u8(out, ']');
        if (row->argument) {
            put_u8(out, ':');
            put_quoted(out, span_of_text(row->argument), "[]:()");
            put_u8(out, ':');
        }
        if (row->choices) {
            put_u8(out, '(');
            put_choices(out, row->choices);
            put_u8(out, ')');
        } else if (takes_path(row)) {
            buffer_append_text(out, "_files");
        }
        put_u8(out, '\'');
    }
}

static void put_zsh(struct buffer *out)
{
    unsigned program;
    buffer_append_text(out, "#compdef fan\n"
                            "# fan's words for zsh: put this into a folder of "
                            "$fpath as _fan\n"
                            "_fan() {\n"
                            "    local -a verbs\n"
                            "    verbs=(");
    for (size_t nth = 0; (program = settings_program(nth)) != 0; nth++) {
        buffer_printf(out, "\n        '%s:", verb_of(program));
        put_quoted(out, settings_program_summary(program), ":");
        put_u8(out, '\'');
    }
    buffer_append_text(out, ")\n"
                            "    if ((CURRENT == 2)); then\n"
                            "        _describe verb verbs\n"
                            "        return\n"
                            "    fi\n"
                            "    local verb=$words[2]\n"
                            "    shift words\n"
                            "    ((CURRENT--))\n"
                            "    case $verb in\n");
    for (size_t nth = 0; (program = settings_program(nth)) != 0; nth++) {
        buffer_printf(out,
                      "    %s)\n        _arguments -S '--help[show the "
                      "options]' '--version[show the version]'",
                      verb_of(program));
        for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
            if (is_offered(&SETTING_TABLE[i], program))
                put_zsh_option(out, &SETTING_TABLE[i]);
        buffer_append_text(out, " \\\n            '*:file:_files' ;;\n");
    }
    buffer_append_text(out, "    esac\n"
                            "}\n"
                            "if [[ $funcstack[1] == _fan ]]; then\n"
                            "    _fan \"$@\"\n"
                            "else\n"
                            "    compdef _fan fan\n"
                            "fi\n");
}

// -- fish ---------------------------------------------------------------------

static void put_fish_option(struct buffer *out, unsigned program,
                            const struct setting_row *row)
{
    buffer_printf(out,
                  "complete -c fan -n '__fish_seen_subcommand_from %s' -l %s",
                  verb_of(program), row->name);
    if (row->letter)
        buffer_printf(out, " -s %c", row->letter);
    if (row->choices) {
        buffer_append_text(out, " -x -a '");
        put_choices(out, row->choices);
        put_u8(out, '\'');
    } else if (row->argument) {
        buffer_append_text(out, takes_path(row) ? " -r -F" : " -x");
    }
    buffer_append_text(out, " -d '");
    // In fish's single quotes a backslash goes before a quote or another.
    for (const char *at = row->help; *at; at++) {
        if (*at == '\'' || *at == '\\')
            put_u8(out, '\\');
        put_u8(out, (uint8_t)*at);
    }
    buffer_append_text(out, "'\n");
}

static void put_fish(struct buffer *out)
{
    unsigned program;
    buffer_append_text(out, "# fan's words for fish: fan completion fish "
                            "| source\n"
                            "complete -c fan -n __fish_use_subcommand -f\n");
    for (size_t nth = 0; (program = settings_program(nth)) != 0; nth++) {
        const struct span what = settings_program_summary(program);
        buffer_printf(out,
                      "complete -c fan -n __fish_use_subcommand -a %s -d "
                      "'%.*s'\n",
                      verb_of(program), (int)what.size, (const char *)what.at);
        for (size_t i = 0; i < SETTING_COUNT_OF_ROWS; i++)
            if (is_offered(&SETTING_TABLE[i], program))
                put_fish_option(out, program, &SETTING_TABLE[i]);
    }
    buffer_append_text(out, "complete -c fan -l help -d 'Show the options'\n"
                            "complete -c fan -l version -d 'Show the "
                            "version'\n");
}

bool completion_put(const char *shell, struct buffer *out)
{
    static const struct {
        const char *shell;
        void (*put)(struct buffer *out);
    } SHELLS[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
    for (size_t i = 0; i < sizeof SHELLS / sizeof SHELLS[0]; i++)
        if (strcmp(shell, SHELLS[i].shell) == 0) {
            SHELLS[i].put(out);
            return true;
        }
    return false;
}
