#include "docs/man/markdown.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 4096, CELLS_MAX = 8 };

enum block { NOTHING, TEXT, BULLETS, NUMBERS, TABLE, CODE, FENCE };

struct page {
    bool brief;
    enum block block;
    bool apart;    // a blank line was there
    bool begun;    // something stands below the heading
    bool parting;  // the next text begins a paragraph
    bool over;     // brief: what was being read has come to its tests
    unsigned rows; // of a table
    char names[CELLS_MAX][64];
};

static bool is_test(const char *word, size_t size)
{
    size_t bars = 0;
    for (size_t i = 0; i < size; i++)
        bars += word[i] == '_';
    return bars >= 2 || (size > 6 && strncmp(word, "tests/", 6) == 0);
}

// At a backtick: does it begin the name of a test?
static bool begins_test(const char *at)
{
    const char *const end = strchr(at + 1, '`');
    return end && is_test(at + 1, (size_t)(end - at - 1));
}

// The text of a line without its marks. `ended`: brief, and a test came.
struct plain {
    char text[2 * LINE_SIZE];
    size_t size;
    bool ended;
};

static void put_letter(struct plain *plain, const char *at)
{
    const bool first = plain->size == 0 || plain->text[plain->size - 1] == '\n';
    if (plain->size + 4 >= sizeof plain->text || (first && *at == ' '))
        return;
    if (*at == '\\' || (first && (*at == '.' || *at == '\''))) {
        memcpy(plain->text + plain->size, *at == '\\' ? "\\e" : "\\&", 2);
        plain->size += 2;
    }
    if (*at != '\\')
        plain->text[plain->size++] = *at;
}

static bool is_sentence(const struct plain *plain)
{
    size_t size = plain->size;
    while (size > 0 && plain->text[size - 1] == ')')
        size--;
    return size > 0 && strchr(".!?", plain->text[size - 1]);
}

// Of *Word*, one of the marks; else a star is a star.
static bool is_mark(const char *text, const char *at)
{
    const bool before = at > text && isalpha((unsigned char)at[-1]);
    const bool behind = isalpha((unsigned char)at[1]);
    return *at == '*' && before != behind &&
           (behind ? at == text || at[-1] == ' ' : true);
}

// A sentence begins a line of its own, but not in the line of a macro.
static void make_plain(const struct page *page, const char *text, bool macro,
                       struct plain *plain)
{
    *plain = (struct plain){0};
    for (const char *at = text; *at && !plain->ended; at++) {
        if (*at == '`')
            plain->ended = page->brief && begins_test(at);
        else if (at[0] == '*' && at[1] == '*')
            at++;
        else if (at[0] == ']' && at[1] == '(')
            at += strcspn(at, ")");
        else if (*at == ' ' && !macro && is_sentence(plain))
            put_letter(plain, "\n");
        else if ((*at != '[' || !strstr(at, "](")) && !is_mark(text, at))
            put_letter(plain, at);
    }
    // What leads up to a test is left out with it.
    while (plain->ended && plain->size > 0 &&
           !strchr(".!?\n", plain->text[plain->size - 1]))
        plain->size--;
    while (plain->size > 0 && strchr(" \n", plain->text[plain->size - 1]))
        plain->size--;
    plain->text[plain->size] = '\0';
}

// Prints it, if there is anything; false: brief, and it has come to a test.
static bool put_inline(struct page *page, const char *text, bool macro)
{
    struct plain plain;
    make_plain(page, text, macro, &plain);
    if (plain.size > 0) {
        if (page->parting && page->begun)
            puts(".Pp");
        puts(plain.text);
        page->begun = true;
        page->parting = false;
    }
    return !plain.ended;
}

static void close_block(struct page *page)
{
    if (page->block == BULLETS || page->block == NUMBERS ||
        page->block == TABLE)
        printf(".El\n");
    if (page->block == CODE || page->block == FENCE)
        printf(".Ed\n");
    page->block = NOTHING;
    page->over = false;
}

static void open_block(struct page *page, enum block block, const char *line)
{
    if (page->block == block)
        return;
    close_block(page);
    puts(line);
    page->begun = true;
    page->parting = false;
    page->block = block;
    page->rows = 0;
}

static void put_text(struct page *page, const char *line)
{
    if (page->over)
        return;
    page->over = !put_inline(page, line, false);
}

static size_t split(char *line, char *cells[CELLS_MAX])
{
    size_t count = 0;
    char *rest = line + strspn(line, "| ");
    while (*rest && count < CELLS_MAX) {
        char *const bar = strchr(rest, '|');
        char *end = bar ? bar : rest + strlen(rest);
        while (end > rest && isspace((unsigned char)end[-1]))
            end--;
        cells[count++] = rest;
        rest = bar ? bar + 1 + strspn(bar + 1, " ") : end;
        *end = '\0';
    }
    return count;
}

static void put_row(struct page *page, char *line)
{
    char *cells[CELLS_MAX];
    const size_t count = split(line, cells);
    page->rows++;
    for (size_t i = 0; i < count && page->rows == 1; i++)
        snprintf(page->names[i], sizeof page->names[i], "%s", cells[i]);
    if (page->rows <= 2)
        return; // the names, and the line below them
    printf(".It ");
    put_inline(page, cells[0], true);
    for (size_t i = 1; i < count; i++) {
        if (!*cells[i] || (page->brief && strcmp(page->names[i], "test") == 0))
            continue;
        if (count > 2)
            printf("%s%s:\n", i > 1 ? ".br\n" : "", page->names[i]);
        put_inline(page, cells[i], false);
    }
}

// A line that is not code and not blank.
static void put_line(struct page *page, char *line)
{
    const size_t digits = strspn(line, "0123456789");
    if (strncmp(line, "### ", 4) == 0) {
        close_block(page);
        printf(".Ss %s\n", line + 4);
        page->begun = false;
    } else if (line[0] == '|') {
        open_block(page, TABLE, ".Bl -tag -width Ds");
        put_row(page, line);
    } else if (strncmp(line, "- ", 2) == 0) {
        open_block(page, BULLETS, ".Bl -bullet");
        page->over = false;
        puts(".It");
        put_text(page, line + 2);
    } else if (digits > 0 && strncmp(line + digits, ". ", 2) == 0) {
        open_block(page, NUMBERS, ".Bl -enum");
        page->over = false;
        puts(".It");
        put_text(page, line + digits + 2);
    } else if (line[0] == ' ' && page->block > TEXT && page->block < TABLE) {
        put_text(page, line + strspn(line, " "));
    } else {
        if (page->block != TEXT)
            close_block(page);
        page->parting = page->apart;
        page->over = page->over && !page->apart;
        page->block = TEXT;
        put_text(page, line);
    }
}

static void put_code(const char *line)
{
    if (line[0] == '.' || line[0] == '\'')
        fputs("\\&", stdout);
    for (; *line; line++)
        fputs(*line == '\\' ? "\\e" : (char[]){*line, '\0'}, stdout);
    putchar('\n');
}

static void take_line(struct page *page, char *line)
{
    static const char OPEN[] = ".Bd -literal -offset indent";
    const bool fence = strncmp(line, "```", 3) == 0;
    const bool listed = page->block == BULLETS || page->block == NUMBERS;
    if (page->block == FENCE) {
        if (fence)
            close_block(page);
        else
            put_code(line);
    } else if (fence) {
        open_block(page, FENCE, OPEN);
    } else if (!*line) {
        page->apart = true;
        return;
    } else if (strncmp(line, "    ", 4) == 0 && !listed) {
        const bool more = page->block == CODE && page->apart;
        open_block(page, CODE, OPEN);
        if (more)
            putchar('\n');
        put_code(line + 4);
    } else if (strncmp(line, "<!--", 4) != 0) {
        put_line(page, line);
    }
    page->apart = false;
}

int markdown_print(const char *path, const char *heading, bool brief)
{
    char line[LINE_SIZE];
    struct page page = {.brief = brief};
    bool inside = false, found = false;
    FILE *const file = fopen(path, "r");
    if (!file) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        const bool section = strncmp(line, "## ", 3) == 0;
        inside = section ? strcmp(line + 3, heading) == 0 : inside;
        found = found || inside;
        if (inside && !section)
            take_line(&page, line);
    }
    close_block(&page);
    fclose(file);
    if (!found)
        fprintf(stderr, "%s: there is no section '%s'\n", path, heading);
    return found ? 0 : 1;
}
