/* page - makes a manual page of its hand-written part
 *
 * usage: page NAME PARTS < NAME.1.in > NAME.1
 *
 * These lines of it are replaced: @os by the line that names the version,
 * @synopsis and @options by what the table of settings says of NAME, @keys by
 * what it says of run files, @see by the other pages, "@part FILE" by a file of
 * the folder PARTS, which pages share, and "@section FILE HEADING" by that
 * section of a page in Markdown, of which "@promises FILE HEADING" leaves out
 * the names of tests.
 */
#include "common/base/bytes.h"
#include "common/base/version.h"
#include "common/setting/setting.h"
#include "docs/man/markdown.h"

#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 1024 };

static const char *page_name(unsigned program)
{
    return settings_program_name(program) + 4; // behind "fan "
}

/* The program called "fan-NAME" by its manual page; 0 if there is none. */
static unsigned program_of_page(const char *page)
{
    const char *const dash = strchr(page, '-');
    unsigned mask;
    for (size_t nth = 0; (mask = settings_program(nth)) != 0; nth++)
        if (dash && strcmp(page_name(mask), dash + 1) == 0)
            return mask;
    return 0;
}

static int put_part(const char *folder, const char *name)
{
    char path[LINE_SIZE], line[LINE_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const part = fopen(path, "r");
    if (!part) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof line, part))
        fputs(line, stdout);
    return fclose(part) == 0 ? 0 : 1;
}

// Of "FILE HEADING".
static int put_section(const char *folder, char *words, bool brief)
{
    char path[LINE_SIZE];
    char *const heading = strchr(words, ' ');
    if (!heading)
        return 2;
    *heading = '\0';
    snprintf(path, sizeof path, "%s/%s", folder, words);
    return markdown_print(path, heading + 1, brief);
}

// All pages but this one, by section and name.
static void put_others(const char *page, unsigned own, struct buffer *text)
{
    static const char *const OTHERS[] = {"fan.yaml 5", "fan-guarantees 7",
                                         "fan-protocol 7"};
    const size_t length = strlen(page);
    if (strcmp(page, "fan") != 0)
        buffer_append_text(text, ".Xr fan 1 ,\n");
    for (const char *last = "";;) {
        unsigned next = 0, program;
        for (size_t nth = 0; (program = settings_program(nth)) != 0; nth++)
            if (program != own && strcmp(page_name(program), last) > 0 &&
                (next == 0 || strcmp(page_name(program), page_name(next)) < 0))
                next = program;
        if (next == 0)
            break;
        last = page_name(next);
        buffer_printf(text, ".Xr fan-%s 1 ,\n", last);
    }
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++)
        if (strncmp(OTHERS[i], page, length) != 0 || OTHERS[i][length] != ' ')
            buffer_printf(text, ".Xr %s ,\n", OTHERS[i]);
    text->size -= 2; // the last comma
    text->at[text->size - 1] = '\n';
}

static int put_line(const char *page, const char *folder, char *line)
{
    const unsigned program = program_of_page(page);
    struct buffer text = {0};
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "@part ", 6) == 0)
        return put_part(folder, line + 6);
    if (strncmp(line, "@section ", 9) == 0)
        return put_section(folder, line + 9, false);
    if (strncmp(line, "@promises ", 10) == 0)
        return put_section(folder, line + 10, true);
    if (strcmp(line, "@os") == 0)
        buffer_printf(&text, ".Os fan %s\n", version_text());
    else if (strcmp(line, "@synopsis") == 0 && program != 0)
        settings_man_synopsis(program, &text);
    else if (strcmp(line, "@options") == 0 && program != 0)
        settings_man_options(program, &text);
    else if (strcmp(line, "@keys") == 0)
        settings_man_keys(&text);
    else if (strcmp(line, "@see") == 0)
        put_others(page, program, &text);
    else if (line[0] == '@')
        return fprintf(stderr, "page: %s: what is this?\n", line) < 0 ? 2 : 1;
    else
        buffer_printf(&text, "%s\n", line);
    fwrite(text.at, 1, text.size, stdout);
    buffer_free(&text);
    return 0;
}

int main(int argc, char **argv)
{
    char line[LINE_SIZE];
    int code = argc == 3 ? 0 : 2;
    while (code == 0 && fgets(line, sizeof line, stdin))
        code = put_line(argv[1], argv[2], line);
    return fflush(stdout) == 0 ? code : 1;
}
