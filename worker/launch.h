/* launch - one command: its arguments, environment, files, and its start
 *
 * Knows nothing of slots' life, pipes' reading or time: exec.h does.
 */
#ifndef WORKER_LAUNCH_H
#define WORKER_LAUNCH_H

#include "common/base/bytes.h"
#include "common/wire/wire.h"
#include "worker/amounts.h"
#include "worker/lookup.h"
#include "worker/start.h"
#include "worker/texts.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What all tasks of a worker share. Texts are borrowed, and outlive it. */
struct launch_settings {
    const char *run;   /* FAN_RUN */
    const char *dir;   /* FAN_RUN_DIR, or NULL */
    const char *chdir; /* directory of the tasks, or NULL */
    bool compat;       /* PARALLEL_SEQ, SLURM_ARRAY_TASK_ID, HQ_TASK_ID,
                        * HQ_ENTRY */
    bool input;        /* the task's input on its standard input */
    int nice;
    bool pin;            /* each slot to one of the CPUs that we may use */
    uint64_t memory_max; /* bytes of address space; UINT64_MAX: no limit */
    struct amounts amounts;
};

struct launch_task {
    uint64_t task, seed;
    uint32_t attempt;    /* FAN_ATTEMPT: failures so far + 1 */
    uint32_t slot;       /* from 1 */
    struct span payload; /* an encoded wire_command */
    const char *dir;     /* FAN_DIR, or NULL */
    int progress_fd;     /* FAN_PROGRESS_FD, which is 3 in the command;
                          * -1: there is none */
    int64_t timeout_ms;  /* 0: that of all; for exec */
    uint64_t memory_max; /* bytes; 0: that of all */
};

/* What a worker starts its commands with: {0}, then opened. */
struct launcher {
    const struct launch_settings *settings; /* borrowed */
    char **environment; /* the process's, less what fan sets */
    struct lookup lookup;
    uint64_t signals; /* not at their default here */
    int null_fd;
    cpu_set_t cpus; /* that we may use */
};

/* Returns 0 or -errno; close it in either case. */
int launcher_open(struct launcher *launcher,
                  const struct launch_settings *settings);
void launcher_close(struct launcher *launcher);

/* What a child uses until it has begun its program; {0} at first. One for each
 * command at a time. */
struct launch_ground {
    struct start start;
    cpu_set_t cpus; /* the slot's one, with `pin` */
    struct texts_out arguments, variables, files;
    char **argv, **environment, **paths;
};
/* Only when no child begins (start_is_under_way). */
void launch_ground_close(struct launch_ground *ground);

/* A started command. Descriptors are the reading ends, not blocking, or -1
 * where the stream goes to a file. */
struct launched {
    pid_t pid; /* and its process group */
    int pidfd, out_fd, err_fd;
    char *out_partial, *err_partial; /* files: PATH.partial till the end */
    int dir_fd;                      /* what those are relative to, or -1 */
};

enum { LAUNCH_NOTE_SIZE = 512 };
/* Starts the command in its own process group, with every signal at its
 * default and unblocked, and no descriptor but 0 to 3. Does not wait for
 * the program to begin. Returns 0, or -errno with a sentence in `note`; then
 * nothing is left behind. */
int launch(struct launcher *launcher, const struct launch_task *task,
           struct launch_ground *ground, struct launched *launched,
           char note[LAUNCH_NOTE_SIZE]);
/* To be called once when its process has ended. Returns 0, or -errno with a
 * note where the program never began; then its files are gone. */
int launch_end(struct launch_ground *ground, struct launched *launched,
               char note[LAUNCH_NOTE_SIZE]);

/* Gives the files their names (`keep`), or leaves them as PATH.partial; frees
 * the paths. Returns 0 or -errno with a note. */
int launch_finish_files(struct launched *launched, bool keep,
                        char note[LAUNCH_NOTE_SIZE]);

#endif
