/* question - one question to the ventilator of a live run, and its answer */
#ifndef COMMAND_QUESTION_H
#define COMMAND_QUESTION_H

#include "command/ask.h"
#include "common/base/problem.h"

/* Asks `question` (NULL: for the status) and waits for the answer, which
 * `ask_json` and `ask_status` have then. Returns 0, -ENOENT: nobody is at work
 * on the run, or another problem. Close it in any case. */
int question_ask(const char *dir, const char *question, struct ask **ask,
                 struct problem *problem);
void question_close(struct ask **ask);

#endif
