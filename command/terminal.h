/* terminal - the terminal as a full screen: the only user of ncurses */
#ifndef COMMAND_TERMINAL_H
#define COMMAND_TERMINAL_H

#include "command/screen.h"
#include "common/base/problem.h"

struct terminal;

/* Takes over the terminal of standard input and output. NULL with a usage
 * problem where it is none, or not known. Without colours if NO_COLOR is set.
 */
struct terminal *terminal_open(struct problem *problem);
void terminal_close(struct terminal **terminal);

/* Makes the screen as large as the terminal is now. Returns 0 or -ENOMEM. */
int terminal_fit(struct terminal *terminal, struct screen *screen);
void terminal_show(struct terminal *terminal, const struct screen *screen);

/* The next key that was typed, as in top.h, without waiting; a key that means
 * nothing is 0. TOP_NOTHING_TYPED: none. */
uint32_t terminal_key(struct terminal *terminal);

#endif
