/* run - what the files of `fan run` share; for them alone */
#ifndef COMMAND_RUN_H
#define COMMAND_RUN_H

#include "command/ask.h"
#include "command/hook.h"
#include "command/listen.h"
#include "command/printer.h"
#include "command/rundir.h"
#include "common/base/problem.h"
#include "common/setting/setting.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { SOCKET_DIR_SIZE = 80, ENDPOINT_SIZE = 100, BINARY_SIZE = 4096 };

/* -- run_input.c: the copy of an input that cannot be read again ----------- */
#define RUN_INPUT_NAME                                    \
    "input" /* in the run directory; with .end its length \
             */
/* Of an open input: so much of it counts, and fan add may write more. It is
 * there once what `fan run` was given itself has been copied. */
#define RUN_INPUT_OPEN RUN_INPUT_NAME ".open"
#define RUN_INPUT_END  RUN_INPUT_NAME ".end"
struct run_input {
    int from, to;       /* -1: there is nothing (more) to copy */
    bool copied_here;   /* the tasks come from a copy */
    bool open;          /* fan add gives more */
    char separator;     /* of tasks */
    uint64_t copied;    /* bytes */
    uint64_t size;      /* bytes there will be; 0: not known */
    uint64_t ahead_max; /* of where the ventilator reads */
    char source[256];   /* for messages */
};
/* Does the input come through standard input, or a FIFO named by -a or
 * --ndjson, or is it open, so that a copy is needed? */
bool run_input_is_stream(const struct settings *settings);
/* Opens what is to be copied; a terminal is refused, or with `optional` left
 * alone. Returns 0 or -errno with a usage problem. */
int run_input_open(struct run_input *input, const struct settings *settings,
                   bool optional, struct problem *problem);
/* Begins the copy in DIR. */
int run_input_create(struct run_input *input, const char *dir,
                     struct problem *problem);
/* Begins the copy anew with what is given now. Where nothing is given (or
 * open) the old copy is the input, if it is whole or
 * settings->accept_partial. Reads, so may block. */
int run_input_continue(struct run_input *input, const char *dir,
                       const struct settings *settings,
                       struct problem *problem);
/* May more be read, with the ventilator at `offset` of the copy? */
bool run_input_wants(const struct run_input *input, uint64_t offset);
/* Copies a piece; at the end writes the mark, durably: that of the whole, or
 * that from which on others may add. Returns 0 or -errno. */
int run_input_copy(struct run_input *input, const char *dir,
                   struct problem *problem);
void run_input_close(struct run_input *input);

/* -- run_supervise.c: the three roles ---------------------------------------
 */
enum run_role { RUN_SINK, RUN_VENTILATOR, RUN_WORKER, RUN_ROLES };
struct run_process {
    pid_t pid;         /* 0: not running */
    unsigned crashes;  /* in a row, without growth of the log between */
    uint64_t log_size; /* at the last crash */
    int64_t due_ms;    /* to be started then; 0: not at all */
};
struct run_page { /* beside the roles: nothing waits for it */
    bool wanted;
    struct listening listening;
    pid_t pid; /* 0: not running */
    unsigned starts;
};
struct supervisor {
    const struct settings *settings;
    const char *dir, *endpoint;
    char binaries[BINARY_SIZE]; /* the folder of the roles' programs */
    struct run_process process[RUN_ROLES];
    struct hook hook; /* a child, too; not started here */
    struct run_page page;
    struct texts worker_words;
    void (*talk)(void *context); /* called before it writes to stderr */
    void *context;
    bool over;     /* the run is: `exit` holds how */
    bool draining; /* so is a ventilator that is started again */
    bool killed;   /* by a second signal */
    int exit;
};
int supervisor_open(struct supervisor *supervisor, struct problem *problem);
/* Takes the dead and starts what is due. Returns ms until it wants to be
 * called again, -1: when a child dies. */
int64_t supervisor_turn(struct supervisor *supervisor, int64_t now_ms);
/* First time: the ventilator drains. */
void supervisor_drain(struct supervisor *supervisor);
/* Kills all at once; the log is safe. */
void supervisor_kill(struct supervisor *supervisor);
/* Waits for the roles to leave, then kills whatever is left of the run. */
void supervisor_close(struct supervisor *supervisor);
/* Kills what hooks have left behind, but not one that runs. */
void supervisor_sweep(struct supervisor *supervisor);

/* -- run_page.c: the page of --http ------------------------------------------
 */
struct run;
/* Opens the socket and tells of the link; nothing where no page is asked for.
 * Returns 0 or the problem's code. */
int run_page_open(struct run *run, struct problem *problem);
/* Starts fan-page where it does not run. */
void run_page_turn(struct supervisor *supervisor);
/* A child has died: is it fan-page? */
bool run_page_took(struct supervisor *supervisor, pid_t pid, int status);
void run_page_close(struct supervisor *supervisor);

/* -- run_notify.c: hooks for failures, and for the end -----------------------
 */
struct run_notify;
/* Nothing, and 0, where no hook is asked for; else before any record comes. */
int run_notify_open(struct run *run, struct problem *problem);
void run_notify_close(struct run *run);
int run_notify_record(void *context, const struct record *record,
                      struct span line, bool is_new); /* a printer_record */
/* Sees what has become of the hook that runs, and starts what is due. Returns
 * ms until it wants to be called again, -1: when a child dies. */
int64_t run_notify_turn(struct run *run, int64_t now_ms);
/* The run is over: no new failures. Is there nothing more to wait for? */
bool run_notify_is_over(const struct run *run);
/* Gives up what waits and kills what runs. */
void run_notify_give_up(struct run *run, const char *how);
/* Appends what did not go well, a line each. */
void run_notify_sum_up(const struct run *run, struct buffer *out);

/* -- run_done.c -------------------------------------------------------------
 */
/* Runs the command of --on-done, if there is one, and waits for it. A signal
 * ends it. What goes wrong with it is told, and changes nothing. */
void run_done(struct run *run, int exit);
/* The same for a command that there is, with this on standard input. */
void run_done_with(struct run *run, int exit, struct buffer *summary);

/* -- run_stages.c -----------------------------------------------------------
 */
enum { RUN_NO_STAGES = -2 };
/* Runs the stages of the run file that is named, if it has any: else
 * RUN_NO_STAGES, and nothing is done. Returns the exit code of the last one
 * that was begun. `run`, with the flags read, is for the whole. */
int run_stages(struct run *run, int argc, char **argv);

/* -- verb_run.c -------------------------------------------------------------
 */
/* One run, of run->settings, from its plan to its end. Returns the exit code;
 * the settings are the caller's to clear. */
int run_one(struct run *run, int argc, char **argv);
int run_watch_signals(struct run *run, struct problem *problem);
/* Waits for a signal; a child's death is one. */
void run_wait_for_child(struct run *run, int64_t most_ms);
/* Takes the signals that have come; was there one to end it all? */
bool run_is_told_to_end(struct run *run);

/* -- run_worker.c: flags of the run's own worker ----------------------------
 */
/* Appends -j and what --have says as words of its command line: 0 or -ENOMEM.
 */
int run_worker_words(const struct settings *settings, struct texts *words);

/* -- run_plan.c: directory and plan -----------------------------------------
 */
struct run {
    struct settings settings;
    char dir[RUNDIR_PATH_SIZE];
    int lock;
    bool staged;  /* the whole of a run with stages */
    bool made;    /* the directory is this run's own, and new */
    bool resumed; /* there is a plan of before */
    struct run_input input;
    char socket_dir[SOCKET_DIR_SIZE], endpoint[ENDPOINT_SIZE];
    struct supervisor supervisor;
    struct printer *printer;
    struct run_notify *notify; /* NULL: no --notify */
    struct ask *ask;
    struct ask_status status;
    int signal_fd, watch_fd;
    int signal; /* the first that came; 0: none */
    int64_t signal_ms, started_ms, asked_ms, shown_ms;
    uint64_t shown_done;
    int64_t woken_ms; /* by the log */
    int64_t rated_ms; /* when `rate` was last brought up to date */
    int64_t rated_from_ms;
    uint64_t rated_done;
    double rate;       /* tasks a second, smoothed; 0: not known */
    bool bar;          /* a progress bar stands on the terminal */
    bool unread;       /* who was to read the output is gone */
    bool print_failed; /* something was not printed */
    bool input_failed; /* not all of the input was copied */
    bool held_told;    /* that only held tasks are left */
    bool print_over;   /* nothing more can be read or printed */
};
/* Reads the YAML operand, makes or finds the directory, takes its lock. */
int run_plan_open(struct run *run, struct problem *problem);
/* The directory alone, with its lock. */
int run_plan_place(struct run *run, struct problem *problem);
/* Writes the plan: identity, input copy, settings. */
int run_plan_write(struct run *run, int argc, char **argv,
                   struct problem *problem);
/* What `fan wait` reads when the directory is free again; a negative `exit` is
 * none yet. */
void run_plan_note_exit(const struct run *run, int exit);
/* A private directory for the sockets, and DIR/endpoint. */
int run_plan_sockets(struct run *run, struct problem *problem);
/* Removes the sockets; and, where `nothing_ran`, what this run had made. */
void run_plan_close(struct run *run, bool nothing_ran);
/* Writes a plan to a temporary directory and lets the ventilator print the
 * commands. Returns the exit code. */
int run_plan_dry(struct run *run, int argc, char **argv,
                 struct problem *problem);

/* -- run_resume.c: the plan of before ---------------------------------------
 */
/* Identity of a new run: id, seed, fingerprints, place and time. */
int run_identify(struct run *run, int argc, char **argv,
                 struct problem *problem);
/* Takes over the identity of the plan in run->dir, and all of it where the
 * command line names no tasks; refuses another command. */
int run_resume(struct run *run, struct problem *problem);

/* -- run_progress.c ---------------------------------------------------------
 */
enum { PROGRESS_BAR_MS = 250, PROGRESS_LINE_MS = 5000 };
/* Is somebody looking at standard error? */
bool progress_is_terminal(void);
/* Takes the status that has come into account for the rate. */
void progress_measure(struct run *run, int64_t now_ms);
void progress_show(struct run *run, int64_t now_ms);
void progress_clear(struct run *run);
void progress_summary(const struct run *run, int exit, int64_t now_ms);

#endif
