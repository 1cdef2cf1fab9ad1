/* hook - one command of the user's, run beside the run
 *
 * /bin/sh -c COMMAND in a process group of its own, with a text on standard
 * input that is there as a whole (nobody waits for it to be read), and standard
 * output where standard error goes. When `fan run` dies, so does the group.
 */
#ifndef COMMAND_HOOK_H
#define COMMAND_HOOK_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hook {
    pid_t pid;  /* 0: none runs */
    int status; /* of the one that ended, as waitpid(2) has it */
};

struct hook_call {
    const char *command;
    struct span text;      /* for standard input; borrowed for the call */
    const char *run, *dir; /* become FAN_RUN and FAN_RUN_DIR */
    int exit;              /* becomes FAN_EXIT; -1: there is none */
};

/* Starts one where none runs. Returns 0 or -errno. */
int hook_start(struct hook *hook, const struct hook_call *call);
/* A child has died: is it this one? Then what it left in its group is killed.
 */
bool hook_took(struct hook *hook, pid_t pid, int status);
/* Kills the group; the end is seen as any other. */
void hook_kill(const struct hook *hook);
/* "left with exit code 3". */
void hook_describe(int status, char *text, size_t size);

#endif
