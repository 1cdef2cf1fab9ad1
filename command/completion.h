/* completion - scripts that make a shell complete what is typed after fan
 *
 * Made of the table of settings: verbs, options, and the words or files that
 * an option takes. What follows `--` or `:::` is left to the shell.
 */
#ifndef COMMAND_COMPLETION_H
#define COMMAND_COMPLETION_H

#include "common/base/bytes.h"

#include <stdbool.h>

/* Appends the script for "bash", "zsh" or "fish"; false for another shell. */
bool completion_put(const char *shell, struct buffer *out);

#endif
