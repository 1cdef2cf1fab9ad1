/* printer - follows a run's log and prints it: outputs and the job log
 *
 * Each result is printed at most once, by whichever `fan run`: DIR/printed
 * says how far printing had come, and is written before the printing. What a
 * kill in between swallows, `fan results` has.
 */
#ifndef COMMAND_PRINTER_H
#define COMMAND_PRINTER_H

#include "command/follow.h"
#include "common/base/problem.h"
#include "common/setting/setting.h"

#include <stdbool.h>

struct printer;

/* Opens the log of `dir`, the job log if one is set. NULL with a problem. */
struct printer *printer_open(const struct settings *settings, const char *dir,
                             struct problem *problem);
void printer_close(struct printer **printer);

enum printer_result {
    PRINTER_IDLE,   // at the end of the log
    PRINTER_MORE,   // call again soon
    PRINTER_CLOSED, // nobody reads standard output any more; goes on silently
    PRINTER_FAILED, // see problem
};
/* Reads and prints some records. Blocks while standard output does. */
enum printer_result printer_turn(struct printer *printer,
                                 struct problem *problem);
/* At the end: prints what --keep-order holds back. */
enum printer_result printer_finish(struct printer *printer,
                                   struct problem *problem);
void printer_counts(const struct printer *printer,
                    struct follow_counts *counts);
/* Called with each record of the log as it is read, and its line; `is_new`: no
 * `fan run` before has come so far, and none after will call it new. What it
 * returns but 0 is the problem's code. */
typedef int printer_record(void *context, const struct record *record,
                           struct span line, bool is_new);
void printer_on_record(struct printer *printer, printer_record *record,
                       void *context);
/* Called before something is written to a terminal. */
void printer_on_write(struct printer *printer, void (*clear)(void *),
                      void *context);
/* What was printed last left a terminal within a line: whoever writes there
 * next ends it first. Told once. */
bool printer_left_line(struct printer *printer);

#endif
