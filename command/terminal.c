#define NCURSES_WIDECHAR 1

#include "command/terminal.h"

#include "command/top.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { ESCAPE_MS = 25, ESCAPE = 27 };

struct terminal {
    SCREEN *curses;
    bool utf8;
    attr_t styles[STYLES];
    short pairs[STYLES];
};

static void choose_styles(struct terminal *terminal)
{
    static const attr_t ATTRIBUTES[STYLES] = {
        [STYLE_BOLD] = A_BOLD,     [STYLE_FAINT] = A_DIM,
        [STYLE_TITLE] = A_REVERSE, [STYLE_HEAD] = A_BOLD | A_UNDERLINE,
        [STYLE_BAD] = A_BOLD,      [STYLE_HELD] = A_BOLD,
        [STYLE_CHOSEN] = A_REVERSE};
    static const short COLOURS[STYLES] = {[STYLE_GOOD] = COLOR_GREEN,
                                          [STYLE_BAD] = COLOR_RED,
                                          [STYLE_HELD] = COLOR_YELLOW,
                                          [STYLE_CURVE] = COLOR_CYAN,
                                          [STYLE_HEAD] = COLOR_BLUE};
    const char *const plain = getenv("NO_COLOR");
    const bool colour = !(plain && *plain) && has_colors() &&
                        start_color() == OK && use_default_colors() == OK;
    memcpy(terminal->styles, ATTRIBUTES, sizeof ATTRIBUTES);
    for (short i = 0; i < STYLES && colour; i++)
        if (COLOURS[i] != 0 && init_pair((short)(i + 1), COLOURS[i], -1) == OK)
            terminal->pairs[i] = (short)(i + 1);
}

struct terminal *terminal_open(struct problem *problem)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        problem_exit(problem, EXIT_USAGE, -ENOTTY,
                     "this is no terminal; fan status prints how far a run is, "
                     "and fan list --failed what failed");
        return NULL;
    }
    struct terminal *terminal = calloc(1, sizeof *terminal);
    if (!terminal) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    setlocale(LC_CTYPE, "");
    terminal->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    terminal->curses = newterm(NULL, stdout, stdin);
    if (!terminal->curses) {
        const char *const name = getenv("TERM");
        problem_exit(problem, EXIT_USAGE, -ENOTTY,
                     "a terminal such as TERM=%s is not known here, or cannot "
                     "do it; fan status prints how far a run is",
                     name ? name : "");
        free(terminal);
        return NULL;
    }
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    curs_set(0);
    choose_styles(terminal);
    return terminal;
}

void terminal_close(struct terminal **terminal)
{
    if (!*terminal)
        return;
    endwin();
    delscreen((*terminal)->curses);
    free(*terminal);
    *terminal = NULL;
}

static int width_of(uint32_t letter)
{
    return wcwidth((wchar_t)letter);
}

int terminal_fit(struct terminal *terminal, struct screen *screen)
{
    const size_t rows = (size_t)LINES, columns = (size_t)COLS;
    screen->utf8 = terminal->utf8;
    screen->width = width_of;
    if (rows == screen->rows && columns == screen->columns)
        return 0;
    return screen_resize(screen, rows, columns);
}

void terminal_show(struct terminal *terminal, const struct screen *screen)
{
    for (size_t row = 0; row < screen->rows; row++)
        for (size_t column = 0; column < screen->columns; column++) {
            const struct cell cell =
                screen->cells[row * screen->columns + column];
            const wchar_t letter[2] = {(wchar_t)cell.letter, L'\0'};
            cchar_t shown;
            if (cell.letter == 0) // the one before has covered it
                continue;
            setcchar(&shown, letter, terminal->styles[cell.style],
                     terminal->pairs[cell.style], NULL);
            // The last cell cannot be written without scrolling: it says so.
            (void)mvadd_wch((int)row, (int)column, &shown);
        }
    refresh();
}

uint32_t terminal_key(struct terminal *terminal)
{
    (void)terminal;
    const int key = getch();
    switch (key) {
    case ERR:
        return TOP_NOTHING_TYPED;
    case KEY_UP:
        return TOP_UP;
    case KEY_DOWN:
        return TOP_DOWN;
    case KEY_ENTER:
    case '\r':
    case '\n':
        return TOP_ENTER;
    case ESCAPE:
        return TOP_ESCAPE;
    default:
        return key > 0 && key < 0x7f ? (uint32_t)key : 0;
    }
}
