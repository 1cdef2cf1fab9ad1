/* setting - every option of every program, in one table
 *
 * One row of SETTING_TABLE feeds the flags (getopt_long), the environment
 * (FAN_<NAME>), the YAML files, `--help`, the run definition in WELCOME, the
 * plan, and the tests that hold manual pages against it. A value knows the
 * layer that set it: flags > environment > YAML > built in; a lower layer
 * never overwrites a higher one.
 */
#ifndef COMMON_SETTING_SETTING_H
#define COMMON_SETTING_SETTING_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Programs and verbs, as a mask: who takes a setting. */
enum setting_program {
    FOR_RUN = 1,
    FOR_VENTILATOR = 2,
    FOR_WORKER = 4,
    FOR_SINK = 8,
    FOR_STATUS = 16,
    FOR_RESULTS = 32,
    FOR_VERIFY = 64,
    FOR_LIST = 128,
    FOR_LOGS = 256,
    FOR_HELD = 1 << 9,
    FOR_DECIDE = 1 << 10,
    FOR_REPORT = 1 << 11,
    FOR_PAUSE = 1 << 12,
    FOR_RESUME = 1 << 13,
    FOR_CANCEL = 1 << 14,
    FOR_COMPLETION = 1 << 15,
    FOR_SHOW = 1 << 16,
    FOR_WAIT = 1 << 17,
    FOR_EXPLAIN = 1 << 18,
    FOR_HOSTS = 1 << 19,
    FOR_EVENTS = 1 << 20,
    FOR_ADD = 1 << 22,
    FOR_PAGE = 1 << 23,
    FOR_TOP = 1 << 24,
    FOR_PROGRAMS = (1 << 25) - 1, // any of them
    IN_PLAN = 1 << 25,            // written to the plan and read from it
    IN_DEFINITION = 1 << 26,      // told to workers in WELCOME
    HIDDEN = 1 << 27,             // not in --help
    NO_FLAG = 1 << 28,            // neither a flag nor a variable: typed in
                                  // its place, read from YAML, or written by
                                  // fan itself
    NO_ENVIRONMENT = 1 << 29,     // FAN_<NAME> is a task's own variable
    NAMED = 1 << 30,              // a list of NAME=VALUES, in YAML a mapping
                                  // too
};

enum setting_layer {
    LAYER_BUILT_IN,
    LAYER_YAML,
    LAYER_ENVIRONMENT,
    LAYER_FLAG
};

enum setting_type {
    SETTING_BOOL,     // flag without a value; YAML true or false
    SETTING_COUNT,    // a whole number in [least, most]; `unlimited` if most
                      // allows
    SETTING_JOBS,     // a count, or a percentage of the CPUs such as 50%
    SETTING_DURATION, // 10s 5m 2h 1d 100ms HH:MM:SS, whole ms; `unlimited`
    SETTING_BACKOFF,  // MIN..MAX of two durations, or one
    SETTING_SIZE,     // bytes, K M G T by 1024; `unlimited`
    SETTING_TEXT,
    SETTING_LIST,   // texts; a flag may be repeated; YAML a sequence
    SETTING_RULES,  // a list, each CLASS=ANSWER: see rule.h
    SETTING_CHOICE, // one of `choices`, separated by |
    SETTING_ANSWER, // what follows a failure: a choice kept as enum answer
    SETTING_NAME,   // text that can be a file name: no /, no leading dot
    SETTING_ID,     // 128 bits as 32 hex digits
};

#define SETTING_UNLIMITED UINT64_MAX
#define SETTING_FOREVER   INT64_MAX

struct texts {
    char **at;
    size_t count;
};
void texts_free(struct texts *texts);
int texts_add(struct texts *texts, const char *text); /* 0 or -ENOMEM */

struct settings {
    /* input */
    struct texts command; // after --
    char *plugin;         // PATH[:FUNCTION]
    bool isolate;         // the plugin, from the worker
    char *coprocess;      // for /bin/sh -c
    char *framing;        // of the coprocess: greeted | lines
    char *recycle;        // of a slot's process: N, SIZE, or N,SIZE
    struct texts sources; // from the first `:::`, `:::+`, `::::`, `::::+` on
    char *arg_file;       // -a; "-" is standard input; NULL none
    bool null_separated;  // -0
    bool header;
    char *colsep;       // column separator: literal text, "\t" for TAB
    char *array;        // A-B:S
    char *ndjson;       // path or "-"
    struct texts sweep; // NAME=VALUES each
    struct texts where; // conditions, all to hold
    uint64_t repeat;    // tasks of each combination; 0: one, without a name
    bool blank;         // keep blank lines
    bool open;          // the input: fan add gives more
    bool close;         // fan add: it ends
    bool shell;         // run through /bin/sh -c although there is a --
    bool stdin_payload; // --stdin: the task's value or object on its stdin
    uint64_t seed;      // of the run; 0: drawn
    /* failures */
    uint64_t retries;
    int64_t backoff_min_ms, backoff_max_ms;
    int64_t timeout_ms, grace_ms; // timeout_ms: SETTING_FOREVER for none
    enum answer on_fail;
    struct texts on; // CLASS=ANSWER each: see rule.h
    char *halt;      // [now|soon],[fail|success|done]=N or fail=P%
    char *held;      // end | wait
    uint64_t max_losses;
    char *notify, *on_done; // hooks, for /bin/sh -c
    uint64_t notify_rate;   // calls a minute
    uint64_t output_max;    // bytes of each of stdout and stderr
    bool truncate;
    uint64_t mem_max; // bytes a command may map; SETTING_UNLIMITED
    /* output */
    bool keep_order, tag, line_buffer, quiet;
    char *stdout_path, *stderr_path; // templates
    char *joblog;
    char *results; // the run directory
    char *http;    // where a page is served; NULL: nowhere
    /* running */
    uint64_t jobs;         // slots; 0: the CPUs this process may use
    uint64_t jobs_percent; // 0, or -j P%
    char *chdir;
    int64_t delay_ms;
    bool compat;
    char *keep_dirs;        // failed | all | none
    struct texts env;       // NAME or NAME,NAME each
    struct texts variables; // NAME=VALUE each, as told to workers
    bool pin;
    uint64_t nice;
    uint64_t max_load;        // runnable threads; 0: any
    uint64_t min_free_memory; // bytes; 0: any
    bool speculate;
    char *priority; // template of a number
    /* resources: of a run */
    uint64_t cpus, mem, gpus; // what each task takes; 0: nothing is said
    struct texts resource;    // NAME=N each
    struct texts require;     // NAME=TEXT each: labels of its workers
    struct texts have;        // WHAT=AMOUNT each: of the run's own worker
    /* resources: of a worker */
    uint64_t own_cpus, own_mem; // 0: what is found
    char *own_gpus;             // N, or numbers or names with commas
    struct texts own_resource, label;
    /* the run */
    char *name;
    bool resume, accept_partial, dry_run;
    /* places */
    char *endpoint; // the ventilator's, positional for the roles
    char *bind;     // sink: where workers push results
    char *dir;      // ventilator by hand: its plan and input copy
    char *plan;     // ventilator: plan file to read
    char *run;      // --run NAME of the looking verbs
    /* intervals and budgets */
    int64_t heartbeat_ms, liveness_ms, rejoin_ms;
    int64_t wait_ms;       // worker, sink: how long to try for a ventilator
    uint64_t retain_max;   // worker: bytes of results kept until stored
    uint64_t order_window; // -k: tasks dispatched beyond the first unfinished
    /* looking */
    bool json, failed, all_attempts, follow;
    /* a decision */
    bool retry, ignore, drop, all;
    char *note, *edit;
    uint64_t new_mem; // bytes; 0: as it was
    char *decisions;  // sink: the file they are in; - is standard input
    char *format;     // ndjson | csv | tsv
    char *fields;     // a,b.c
    char *class, *host;
    int64_t since_ms;    // 0: at any time
    int64_t patience_ms; // of fan wait
    bool err;
    struct texts extract; // patterns
    char *output_file;
    bool verbose;
    /* identity: written to the plan by `fan run` or the ventilator */
    char *run_id;              // 32 hex digits
    char *resume_token;        // 32 hex digits; absent on a first start
    char *input_token;         // resume_token of when the input last changed;
                               // absent: never
    char *input_copy;          // file name in the plan's directory
    struct texts fingerprints; // "DEV:INO:SIZE:MTIME_NS PATH" of each input
    char *created, *version, *working_directory;
    struct texts arguments; // the command line as typed
    /* operands that are no settings */
    struct texts operands; // verify DIR, run FILE.yaml, ...
    uint8_t layer[160];    // of each row of the table
};

struct setting_row {
    const char *name; // "output-max": flag --output-max, key output-max or
                      // output_max, environment FAN_OUTPUT_MAX
    char letter;      // short flag or 0
    enum setting_type type;
    unsigned programs; // mask
    size_t offset;     // of the field in struct settings
    uint64_t least, most;
    const char *choices;
    const char *group;    // heading in --help
    const char *argument; // "DURATION" in --help; NULL for booleans
    const char *help;     // one line; says the default
};
extern const struct setting_row SETTING_TABLE[];
extern const size_t SETTING_COUNT_OF_ROWS;

void settings_init(struct settings *settings);
void settings_clear(struct settings *settings); /* frees; init to use again */

/* Sets one by name (either spelling). Returns 0, -ENOENT for an unknown name
 * (the problem names the nearest right one), -EINVAL for a bad value. */
int settings_set(struct settings *settings, unsigned program,
                 enum setting_layer layer, const char *name, const char *value,
                 struct problem *problem);

/* Takes a text back to where nobody has set it. */
void settings_forget(struct settings *settings, const char *name);

enum settings_parsed { SETTINGS_GO, SETTINGS_HELP, SETTINGS_VERSION };
/* Reads flags, `--`, `:::` and operands. argv[0] is not looked at. A role's
 * first operand is its endpoint. Everything after `--` up to `:::`, `:::+`,
 * `::::`, `::::+` is the command. Returns 0 and *parsed, or -EINVAL with a
 * usage problem. */
int settings_read_flags(struct settings *settings, unsigned program, int argc,
                        char **argv, enum settings_parsed *parsed,
                        struct problem *problem);
/* FAN_<NAME> of every row of the program but identity; tasks' own variables
 * (FAN_RUN_ID...) are no settings. */
int settings_read_environment(struct settings *settings, unsigned program,
                              struct problem *problem);
/* libyaml events, depth and size capped: no document API, no aliases, no tags,
 * no merges, no duplicate keys. Problems name file, line, column and the
 * nearest right key. */
int settings_read_yaml(struct settings *settings, unsigned program,
                       const char *path, struct problem *problem);
/* Appends YAML of every setting of `program` that is not at its built-in
 * value; reading it back gives the same settings. */
void settings_write_yaml(const struct settings *settings, unsigned program,
                         struct buffer *out);
/* The value as settings_set takes it; appends to `out`; false when at its
 * built-in value or a list. */
bool settings_text(const struct settings *settings,
                   const struct setting_row *row, struct buffer *out);

/* Text of --help: usage, groups, rows, from the table. */
void settings_help(unsigned program, struct buffer *out);
/* The same for a manual page, in mdoc: the line of the synopsis, and the
 * options in their groups. */
void settings_man_synopsis(unsigned program, struct buffer *out);
void settings_man_options(unsigned program, struct buffer *out);
/* The same of what a run file may say: each key, what is its value, and what it
 * is for. */
void settings_man_keys(struct buffer *out);
/* "Try 'fan run --help'." for a usage error, and so on. */
const char *settings_program_name(unsigned program); /* "fan run" */
/* Its first sentence, without the full stop: "Show how far a run is". */
struct span settings_program_summary(unsigned program);
/* The programs one by one, for `nth` from 0; 0 behind the last. */
unsigned settings_program(size_t nth);

/* CPUs this process may use: affinity and cgroup (v1 and v2) quota, at least 1.
 */
unsigned cpus_usable(void);
/* Bytes of memory this process may use: the machine's, or its cgroup's limit.
 */
uint64_t memory_usable(void);
/* The slots to use: jobs, or jobs_percent of the CPUs, or the CPUs: own_cpus or
 * cpus_usable. */
unsigned settings_slots(const struct settings *settings);

/* Parsers of single values, for tests and other verbs. 0 or -EINVAL, -ERANGE.
 */
int parse_count(const char *text, uint64_t least, uint64_t most,
                uint64_t *value);
int parse_duration_ms(const char *text, int64_t *ms);
int parse_size(const char *text, uint64_t *bytes);
/* MIN..MAX, or one of them for both. -ERANGE: not in that order. */
int parse_backoff_ms(const char *text, int64_t *min_ms, int64_t *max_ms);
/* N tasks, a SIZE with its unit, or both with a comma between: what is not
 * there is SETTING_UNLIMITED. */
int parse_recycle(const char *text, uint64_t *tasks, uint64_t *bytes);

#endif
