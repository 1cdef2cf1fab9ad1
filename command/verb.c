#include "command/verb.h"

#include "command/rundir.h"
#include "common/base/version.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print(struct buffer *text)
{
    const bool whole =
        !text->failed && fwrite(text->at, 1, text->size, stdout) == text->size;
    buffer_free(text);
    return whole && fflush(stdout) == 0 ? EXIT_OK : EXIT_ERROR;
}

int verb_open(struct settings *settings, unsigned program, int argc,
              char **argv)
{
    struct problem problem = {0};
    struct buffer text = {0};
    enum settings_parsed parsed = SETTINGS_GO;
    settings_init(settings);
    if (settings_read_flags(settings, program, argc, argv, &parsed, &problem) !=
        0)
        return verb_fail(program, &problem);
    switch (parsed) {
    case SETTINGS_HELP:
        settings_help(program, &text);
        return print(&text);
    case SETTINGS_VERSION:
        buffer_printf(&text, "%s %s\n", settings_program_name(program),
                      version_text());
        return print(&text);
    case SETTINGS_GO:
        break;
    }
    if (settings_read_environment(settings, program, &problem) != 0)
        return verb_fail(program, &problem);
    return VERB_GO;
}

int verb_fail(unsigned program, const struct problem *problem)
{
    fprintf(stderr, "%s: %s\n", settings_program_name(program), problem->text);
    if (problem->exit == EXIT_USAGE && !strstr(problem->text, "--help"))
        fprintf(stderr, "Try '%s --help'.\n", settings_program_name(program));
    return problem->exit ? (int)problem->exit : EXIT_ERROR;
}

void verb_quote(struct buffer *out, const char *path)
{
    static const char PLAIN[] =
        "abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+";
    // An operand with a dash in front would be taken for an option.
    const char *const before = *path == '-' ? "./" : "";
    if (*path && path[strspn(path, PLAIN)] == '\0') {
        buffer_append_text(out, before);
        buffer_append_text(out, path);
        return;
    }
    put_u8(out, '\'');
    buffer_append_text(out, before);
    for (const char *at = path; *at; at++)
        if (*at == '\'')
            buffer_append_text(out, "'\\''");
        else
            put_u8(out, (uint8_t)*at);
    put_u8(out, '\'');
}

const char *verb_quoted(struct buffer *out, const char *path)
{
    verb_quote(out, path);
    put_u8(out, '\0');
    return out->failed ? path : (const char *)out->at;
}

void verb_put_again(struct buffer *out, const char *dir)
{
    char whole[RUNDIR_PATH_SIZE], file[RUNDIR_PATH_SIZE + sizeof STAGES_FILE];
    snprintf(whole, sizeof whole, "%s", dir);
    size_t size = strlen(whole);
    while (size > 1 && whole[size - 1] == '/')
        whole[--size] = '\0';
    char *const slash = strrchr(whole, '/');
    const bool staged = rundir_has(whole, STAGES_FILE);
    if (!staged && slash && slash != whole)
        *slash = '\0';
    const bool of_stage = staged || rundir_has(whole, STAGES_FILE);
    buffer_append_text(out, "fan run --resume --results ");
    verb_quote(out, of_stage ? whole : dir);
    if (!of_stage)
        return;
    snprintf(file, sizeof file, "%s/" STAGES_FILE, whole);
    put_u8(out, ' ');
    verb_quote(out, file);
}

int verb_beside(const char *name, char *path, size_t size)
{
    char self[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return -errno;
    self[length] = '\0';
    char *const slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    const int written = snprintf(path, size, "%s/%s", self, name);
    return written < 0 || (size_t)written >= size ? -ENAMETOOLONG : 0;
}
