/* fan.h - a C function as a task: what a plugin and its worker promise
 *
 *     fan run --plugin ./libpi.so ::: 10 20 30
 *
 * A plugin is a shared library with a function that fan calls for each task,
 * within the worker's process: no process is started, nothing is captured
 * through pipes. A task costs about a microsecond instead of a millisecond.
 * The price is isolation: a plugin that crashes takes its worker along, and
 * what ran beside it is run again. Where a crash is likely, --isolate gives
 * each slot a process of its own for two microseconds more a task.
 *
 * A whole plugin:
 *
 *     #include <fan.h>
 *     #include <stdlib.h>
 *
 *     int fan_run(struct fan_task *task, void *state)
 *     {
 *         (void)state;
 *         const double x = strtod(fan_payload(task, NULL), NULL);
 *         return fan_printf(task, "%g\n", x * x);
 *     }
 *
 *     cc -O2 -fPIC -shared $(pkg-config --cflags fan) -o libsquare.so square.c
 *     fan run --plugin ./libsquare.so ::: 1 2 3
 *
 * With CMake: find_package(fan), add_library(square MODULE square.c),
 * target_link_libraries(square PRIVATE fan::fan). In the tree of fan, before it
 * is installed, -I include does. examples/plugin-template is a project to copy.
 *
 * It is linked against nothing of fan's: the worker that loads it has the
 * functions below. (With -Wl,-z,defs the link fails for want of them.) From
 * C++ it is the same: include this header, and let no exception leave.
 *
 * examples/plugin.c shows a slot's state, seeds, failures, and giving up when
 * asked to.
 *
 *
 * LOADING
 *
 * --plugin PATH[:FUNCTION] names the library, from the directory where the run
 * was started (or --chdir), and the function if it is not called fan_run. The
 * worker loads it once, with all symbols bound at once: a library, a function
 * or anything it needs that is missing ends the worker with a message before
 * any task has gone out. It is not unloaded before the process ends. With
 * --isolate a process of its own tries that first, and each slot's loads it.
 *
 * The library's text is no part of a task's key: after a change of the code,
 * `fan run --resume` still counts what is stored as done. PATH as typed is.
 *
 *
 * THREADS
 *
 * A worker has a thread for each slot (-j), which lives as long as the worker.
 * fan_slot_open, each task and fan_slot_close of a slot are called in its
 * thread, one after the other; other slots run the same function beside it. So
 * what belongs to a slot goes into its state, without locks; what is global or
 * static must be constant or guarded. Random numbers come from fan_seed: the
 * same task gives the same numbers on every host, attempt and resume.
 *
 * A task may start threads of its own and must have joined them when it
 * returns. They may call fan_cancelled; all other calls belong to the thread
 * that was given the task.
 *
 * The current directory is that of the tasks, where the run was started or
 * --chdir; standard input is empty.
 *
 *
 * HOW A TASK ENDS
 *
 *   returns 0             it has succeeded
 *   returns 1 to 255      it has failed, class `exit`, with that exit code
 *   returns another       the same, with exit code 255
 *   too long a result     class `output`, whatever it returns (see fan_write)
 *   over its --timeout    class `timeout`: fan_cancelled turns true. What is
 *                         returned within --grace is the task's last output
 *   does not return then  the attempt is recorded as timed out, and the worker
 *                         ends, since a thread cannot be killed: what else it
 *                         holds goes to others. `fan run` starts another
 *   cancelled by a person the same, of class `cancelled`
 *   dies                  by SIGSEGV, abort, exit: so does the worker. Tasks
 *                         that ran there are run again; those it happens to
 *                         twice run alone each, and one that is alone when its
 *                         worker dies three times is quarantined
 *
 *
 * WITH --isolate
 *
 *     fan run --plugin ./libpi.so --isolate ::: 10 20 30
 *
 * Each slot is a process, `fan-plugin`, which has loaded the library, calls
 * fan_slot_open, then the function for one task after the other, and
 * fan_slot_close at its end. The same plugin runs in either way, built once.
 * What differs:
 *
 *   dies                  the task has failed, class `signal`, or `exit` with
 *                         its code if it called exit. It is known to be that
 *                         task and no other; --retries and --on apply. The
 *                         next task of the slot finds a new process, in about
 *                         a millisecond and what fan_slot_open takes
 *   does not return       after --timeout and --grace its process is killed;
 *                         the worker goes on
 *   what it prints,       on standard output or error, and what libraries
 *                         print, is in the task's `stderr`, before what
 *                         fan_complain said
 *   --recycle 1000,2G     starts a slot's process anew after 1000 tasks, or
 *                         when its memory is above 2 GiB, for what leaks
 *   globals               belong to one slot: what is not safe among threads,
 *                         or must be there once per process, is at home here
 *   fan_slot_open         is called again for each new process of the slot. If
 *                         it refuses then, or crashes, a task fails (`spawn`,
 *                         `signal`); the first time it ends the worker
 *   signals               are not blocked. TERM tells it to stop: fan_cancelled
 *                         turns true. If the plugin takes that signal for
 *                         itself, KILL comes after --grace
 *   process-wide things   of the list below are its own affair: nobody else is
 *                         in that process. FAN_RUN, FAN_RUN_DIR and FAN_SLOT
 *                         are in its environment
 *
 *
 * WHAT A PLUGIN MUST NOT DO
 *
 * - end the process or a thread of it: exit, pthread_exit, a C++ exception
 *   that leaves the function, longjmp out of it;
 * - change what the process has once: its directory, environment, locale,
 *   limits, signal handlers, standard descriptors; wait for child processes
 *   that are not its own. Signals are blocked in its threads;
 * - fork without exec;
 * - write to standard output: that is no part of the result. It is turned to
 *   standard error, the worker's, of no task (but see --isolate);
 * - keep a task, or anything got from it, after the return;
 * - use names that begin with fan_ for things of its own.
 *
 *
 * COST
 *
 * Each call below costs nanoseconds and none is a system call, but for memory
 * that a larger result than before needs. Short tasks are handed to a slot
 * many at a time; a task that takes long does not keep those behind it: they
 * are taken back. CPU times are recorded for tasks that follow one of 100 us
 * or more: to ask the kernel would cost more than a shorter task.
 */
#ifndef FAN_H
#define FAN_H

#include <stddef.h>
#include <stdint.h>

/* Grows with each function that is added; none is changed or taken away. A
 * plugin that calls one which an older worker lacks is refused at loading. 2:
 * fan_progress. */
#define FAN_API 2

#define FAN_VISIBLE __attribute__((visibility("default")))
#ifdef __cplusplus
#define FAN_PLUGIN extern "C" FAN_VISIBLE
extern "C" {
#else
#define FAN_PLUGIN FAN_VISIBLE
#endif

/* An attempt at a task: the worker's, lent to the plugin for one call. */
struct fan_task;

/* ---- what a plugin has -------------------------------------------------- */

/* The task. `state` is what fan_slot_open left for this slot, or NULL.
 *
 * A function of another name (--plugin PATH:FUNCTION) is declared by the type:
 *
 *     FAN_PLUGIN fan_function area;
 *     int area(struct fan_task *task, void *state) { ... } */
typedef int fan_function(struct fan_task *task, void *state);
FAN_VISIBLE fan_function fan_run;

/* Optional. Sets up a slot (from 1) before its first task: loads a model, say,
 * or allocates what all its tasks use. Returns NULL, or why it cannot: a
 * sentence that outlives the call. Then the worker ends with that message and
 * runs nothing. No time limit; tasks wait until every slot is set up. */
FAN_VISIBLE const char *fan_slot_open(unsigned slot, void **state);

/* Optional. The slot's end, when its last task has returned; not called where
 * fan_slot_open failed, nor when the worker, or the slot's own process, is
 * killed or dies. */
FAN_VISIBLE void fan_slot_close(unsigned slot, void *state);

/* ---- what a task is given -----------------------------------------------
 *
 * Texts are the worker's and live until the task returns. A NUL stands behind
 * each; `size`, where it is not NULL, is set to the bytes before it, among
 * which there may be more NULs in a payload. */

/* The input: the value after :::, the line of the file, the JSON object of
 * --ndjson as it stands there. Several values (::: a b ::: 1 2) are joined by
 * a space. */
const char *fan_payload(struct fan_task *task, size_t *size);

/* Arguments: what stands after -- with its placeholders filled in; without
 * that, the task's values. Index from 0; NULL where there is none. */
size_t fan_argument_count(struct fan_task *task);
const char *fan_argument(struct fan_task *task, size_t index, size_t *size);

/* The value of a name: a column of a table, a field of an object (`outer.inner`
 * within another), `array` for --array. NULL where there is none. Cost: grows
 * with the number of values. */
const char *fan_value(struct fan_task *task, const char *name, size_t *size);

/* Its number in the run, from 1: {#} of a command. */
uint64_t fan_number(const struct fan_task *task);
/* {seed}: 64 well mixed bits from the run's seed and the number. */
uint64_t fan_seed(const struct fan_task *task);
/* From 1; more when it has failed before. A lost worker is no failure. */
uint32_t fan_attempt(const struct fan_task *task);
/* The slot it runs in, from 1. */
uint32_t fan_slot(const struct fan_task *task);
/* Its content key, 16 bytes: the same input has the same in every run. */
const unsigned char *fan_key(const struct fan_task *task);

/* ---- what a task gives --------------------------------------------------
 *
 * Bytes are copied. Each stream may have --output-max bytes (64 MiB): beyond
 * that, and without memory, the call returns -1 and the attempt ends as class
 * `output` (with --truncate it is cut there and flagged). The task may return
 * at once: its own return value counts no more. 0 otherwise. */

/* Appends to the result: the record's `stdout`, printed by `fan run`. Any
 * bytes; what is not UTF-8 is stored in base64. */
int fan_write(struct fan_task *task, const void *data, size_t size);

#if defined(__GNUC__)
#define FAN_FORMAT(string, first) __attribute__((format(printf, string, first)))
#else
#define FAN_FORMAT(string, first)
#endif

/* The same, formatted as by printf. */
int fan_printf(struct fan_task *task, const char *format, ...) FAN_FORMAT(2, 3);

/* How far the task is, from 0 to 1 (any other number: unknown), and what it is
 * at, or NULL: `fan status` shows the last, of tasks that run for longer than a
 * heartbeat (1 s). Costs a lock that is free, or with --isolate a look at the
 * clock and a message; there, what is said oftener than 50 times a second is
 * not all told. Text beyond 120 bytes is cut. */
void fan_progress(struct fan_task *task, double part, const char *text);

/* Appends a line to the record's `stderr`: why it fails, or what is odd. No
 * newline is needed. */
int fan_complain(struct fan_task *task, const char *format, ...)
    FAN_FORMAT(2, 3);

/* ---- being asked to stop ------------------------------------------------ */

/* Is the task to end now? Not 0 when its time is over, when it is cancelled,
 * or when the worker leaves. A task that may run long asks in its loops and
 * returns soon (any value). Costs a load from memory; any thread may ask. */
int fan_cancelled(const struct fan_task *task);

#ifdef __cplusplus
}
#endif

#endif
