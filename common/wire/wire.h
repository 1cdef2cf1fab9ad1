/* wire - the messages between ventilator, workers, sink and operators
 *
 * docs/protocol.md is the specification. Every message is one frame: a header
 * of WIRE_HEADER_SIZE bytes and a body. Decoders check every length before
 * use, validate the whole body at once and reject trailing bytes, so that the
 * wire_next_... iterators cannot fail afterwards. Decoded structures borrow
 * from the frame: they live no longer than it does.
 *
 * Encoders append a whole frame to a buffer; after an allocation failure the
 * buffer says `failed`. They never fail otherwise: passing what exceeds a
 * stated limit is the caller's bug.
 */
#ifndef COMMON_WIRE_WIRE_H
#define COMMON_WIRE_WIRE_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The version of the protocol that is spoken, and the oldest one that still
 * is. Another build may have others: tests/chaos has such, old and new ones. */
#ifndef FAN_WIRE_VERSION
#define FAN_WIRE_VERSION     1
#define FAN_WIRE_VERSION_MIN 1
#endif
enum {
    WIRE_VERSION = FAN_WIRE_VERSION,
    WIRE_VERSION_MIN = FAN_WIRE_VERSION_MIN,
    WIRE_VERSION_FIRST = 1, /* of what all versions must be able to read */
    WIRE_HEADER_SIZE = 52,
    WIRE_TEXT_MAX = 1024,    /* a host name, an endpoint, a reason */
    WIRE_TASKS_MAX = 65536,  /* tasks in one TASKS, results in one RESULTS */
    WIRE_CANCELS_MAX = 1024, /* ranges to cancel that are not done, of a run */
    WIRE_RUNS_MAX = 1 << 20, /* entries of any other list */
    WIRE_ARGS_MAX = 65535,   /* arguments, slot marks, values of a task */
    WIRE_CONTROL_MAX =
        64 << 20, /* bytes of any message but TASKS and RESULTS */
};

enum wire_type {
    WIRE_HELLO = 1,
    WIRE_WELCOME = 2,
    WIRE_REFUSED = 3,
    WIRE_TASKS = 4,
    WIRE_REPORT = 5,
    WIRE_RECALL = 6,
    WIRE_RETURNED = 7,
    WIRE_CANCEL = 8,
    WIRE_RESULTS = 9,
    WIRE_STORED = 10,
    WIRE_RETIRE = 11,
    WIRE_RESEND = 12,
    WIRE_RECORD = 13,
    WIRE_SYNC = 14,   /* ventilator -> sink: a question */
    WIRE_SYNCED = 15, /* sink -> ventilator: its answer, in parts */
    WIRE_END = 16,
    WIRE_BYE = 17,
    WIRE_MATCH = 18,    /* ventilator -> sink: which numbers have these keys? */
    WIRE_MATCHED = 19,  /* sink -> ventilator */
    WIRE_ASK = 20,      /* operator -> ventilator: a request as JSON */
    WIRE_ANSWER = 21,   /* ventilator -> operator: its answer as JSON */
    WIRE_PROGRESS = 22, /* worker -> ventilator: of what runs long */
    WIRE_TYPES
};

enum wire_role {
    ROLE_NONE,
    ROLE_VENTILATOR,
    ROLE_WORKER,
    ROLE_SINK,
    ROLE_OPERATOR
};

/* Who may send a type, for refusing the rest; one row per type, in order. */
struct wire_row {
    const char *name; /* "HELLO" */
    unsigned senders; /* mask of 1 << role */
    size_t body_min;  /* bytes of the smallest valid body */
    bool ageless;     /* the same in all versions, and sent as the first */
};
extern const struct wire_row WIRE_TABLE[WIRE_TYPES];
const char *wire_type_name(uint8_t type); /* "unknown" where it is none */

struct wire_header {
    uint8_t version; /* encoding: 0 stands for WIRE_VERSION */
    uint8_t type;
    uint16_t flags;         /* WIRE_DEFLATED */
    uint32_t generation;    /* the sender's; 0 where it has none yet */
    uint32_t body_size;     /* bytes after the header, as sent */
    uint32_t inflated_size; /* bytes of the body when inflated; 0 when plain */
    struct id128 run;    /* zero in a HELLO of a peer that does not know it */
    struct id128 sender; /* its incarnation */
};
enum { WIRE_DEFLATED = 1 };

/* Why a frame was not accepted; each is counted by name. */
enum wire_fault {
    WIRE_FINE,
    WIRE_SHORT, // less than a header, or body_size is not what is there
    WIRE_MAGIC, // not of this protocol
    WIRE_VERSION_UNKNOWN,
    WIRE_TYPE_UNKNOWN,
    WIRE_FLAGS,     // unknown flags, or inflated_size without WIRE_DEFLATED
    WIRE_TOO_LARGE, // over the limit for its type
    WIRE_INFLATE,   // damaged or lying compressed body
    WIRE_BODY,      // a body that breaks its grammar
    WIRE_FAULTS
};
const char *wire_fault_name(enum wire_fault fault);

/* Checks the frame's header against the frame's size and `size_max` and gives
 * the body. A deflated body is inflated into `scratch` (cleared first; at most
 * size_max bytes); `body` then borrows from there. */
enum wire_fault wire_open(struct span frame, size_t size_max,
                          struct buffer *scratch, struct wire_header *header,
                          struct span *body);

/* Replaces the frame in `frame` by one with a deflated body if that saves at
 * least an eighth; otherwise leaves it alone. Cost: zlib level 1. */
void wire_deflate(struct buffer *frame);

/* A run of consecutive numbers. */
struct wire_run {
    uint64_t first;
    uint64_t count; /* at least 1; first + count does not overflow */
};
/* A run of consecutive tasks, each sent as the same (generation, attempt). */
struct wire_refs {
    uint64_t task;
    uint32_t count;
    uint32_t generation;
    uint32_t attempt;
};
/* A name and a text, such as a setting of a run or a value of a task. */
struct wire_pair {
    struct span name; /* up to WIRE_TEXT_MAX; may be empty */
    struct span value;
};

/* A validated list in a body: iterate with the wire_next_... of its kind. */
struct wire_list {
    struct reader reader;
    uint32_t count; /* entries left */
};
bool wire_next_run(struct wire_list *list, struct wire_run *run);
bool wire_next_refs(struct wire_list *list, struct wire_refs *refs);
bool wire_next_pair(struct wire_list *list, struct wire_pair *pair);

/* For encoding: an array and how many. */
struct wire_runs_out {
    const struct wire_run *at;
    size_t count;
};
struct wire_refs_out {
    const struct wire_refs *at;
    size_t count;
};
struct wire_pairs_out {
    const struct wire_pair *at;
    size_t count;
};

/* -- HELLO: the first message of every connection, and after REFUSED again ---
 */
enum { HELLO_MORE = 1 /* further parts follow: lists continue there */ };
struct wire_hello {
    uint8_t version_min, version_max;
    uint8_t role;   /* enum wire_role */
    uint8_t flags;  /* HELLO_MORE */
    uint32_t lane;  /* worker: counts its HELLOs, from 1; a repeat keeps it */
    uint32_t slots; /* worker: tasks it would run at once */
    uint32_t pid;   /* of the process; 0 unknown */
    uint64_t pid_start; /* field 22 of /proc/PID/stat: clock ticks since boot */
    struct id128 boot;  /* /proc/sys/kernel/random/boot_id; zero unknown */
    uint64_t kept; /* worker: lowest result number retained, made+1 if none */
    uint64_t made; /* worker: highest result number made */
    struct span host;
    struct span endpoint;     /* sink: where workers push results; else empty */
    struct wire_list queued;  /* of wire_refs */
    struct wire_list running; /* of wire_refs */
    struct wire_list has;     /* of wire_pair: settings of the worker */
};
/* The lists of a decoded hello are not used in encoding; the arrays are. */
void wire_put_hello(struct buffer *out, const struct wire_header *header,
                    const struct wire_hello *hello, struct wire_refs_out queued,
                    struct wire_refs_out running, struct wire_pairs_out has);
bool wire_get_hello(struct span body, struct wire_hello *hello);

/* -- WELCOME -------------------------------------------------------------- */
struct wire_welcome {
    uint8_t version;
    uint32_t lane; /* echo */
    uint32_t heartbeat_ms;
    uint32_t liveness_ms;
    uint64_t message_max;      /* largest RESULTS, bytes of the whole frame */
    uint32_t slots;            /* worker: as many tasks fit at once */
    struct span unfit;         /* worker: why none does, a clause; else empty */
    struct id128 sink;         /* incarnation; zero while there is none */
    struct span lane_endpoint; /* worker: connect a PULL; else empty */
    struct span
        results_endpoint; /* worker: connect a PUSH; empty while unknown */
    struct wire_list
        definition; /* of wire_pair: settings of the run, by name */
};
void wire_put_welcome(struct buffer *out, const struct wire_header *header,
                      const struct wire_welcome *welcome,
                      struct wire_pairs_out definition);
bool wire_get_welcome(struct span body, struct wire_welcome *welcome);

/* -- REFUSED -------------------------------------------------------------- */
enum wire_refusal {
    REFUSED_HELLO_FIRST = 1, // unknown incarnation: say HELLO (again)
    REFUSED_RUN = 2,         // another run's
    REFUSED_VERSION = 3,     // no common protocol version
    REFUSED_COMPLETE = 4,    // the run is complete
    REFUSED_SINK = 5,        // another sink serves, or this one is wrong
    REFUSED_FENCED = 6,      // a higher generation is at work
    REFUSED_ROLE = 7,        // this role may not say that
    REFUSED_FULL = 8,        // too many workers
};
struct wire_refused {
    uint16_t code;
    struct span text; /* a sentence for a person */
};
void wire_put_refused(struct buffer *out, const struct wire_header *header,
                      const struct wire_refused *refused);
bool wire_get_refused(struct span body, struct wire_refused *refused);

/* -- TASKS ---------------------------------------------------------------- */
enum {
    TASK_ALONE = 1,  /* runs with nothing beside it in the worker */
    TASK_COPY = 2,   /* runs at another worker, too: see --speculate */
    TASK_EDITED = 4, /* with arguments that a person has changed */
};
struct wire_task {
    uint64_t task;
    uint32_t round;
    uint32_t attempt;  /* its generation is the header's */
    uint32_t failures; /* before: FAN_ATTEMPT is this + 1 */
    uint16_t flags;
    uint64_t timeout_ms; /* 0: that of the run's definition */
    uint64_t mem_max;    /* bytes; 0: the same */
    struct id128 key;
    struct span payload; /* a wire_command, encoded */
};
struct wire_tasks {
    uint32_t lane;
    struct id128 addressee; /* the worker's incarnation */
    uint64_t number;        /* from 1 on each lane */
    struct wire_list tasks;
};
/* Building: begin, add each task, end; the buffer holds one frame. */
size_t wire_begin_tasks(struct buffer *out, const struct wire_header *header,
                        const struct wire_tasks *tasks);
void wire_add_task(struct buffer *out, const struct wire_task *task);
void wire_end_tasks(struct buffer *out, size_t begun, uint32_t count);
bool wire_get_tasks(struct span body, struct wire_tasks *tasks);
bool wire_next_task(struct wire_list *list, struct wire_task *task);

/* What a TASKS payload holds: everything but the slot number is filled in.
 * `flags`: COMMAND_INPUT: `input` is the task's object (FAN_TASK, stdin). */
enum { COMMAND_INPUT = 1, COMMAND_STDOUT_FILE = 2, COMMAND_STDERR_FILE = 4 };
struct wire_slot_mark {
    uint16_t arg;    /* index of the argument */
    uint32_t offset; /* the slot number goes in before this byte of it */
};
struct wire_command {
    uint8_t flags;
    struct wire_list args;   /* of span: wire_next_arg; at least one */
    struct wire_list marks;  /* of wire_slot_mark, ascending: wire_next_mark */
    struct wire_list values; /* of wire_pair: what makes this task differ */
    struct span input;
    struct span stdout_path; /* file instead of capture; no NUL inside */
    struct span stderr_path;
};
struct wire_command_out {
    uint8_t flags;
    const struct span *args;
    size_t arg_count;
    const struct wire_slot_mark *marks;
    size_t mark_count;
    struct wire_pairs_out values;
    struct span input, stdout_path, stderr_path;
};
void wire_put_command(struct buffer *out,
                      const struct wire_command_out *command);
/* The same part by part, for who makes the bytes of the arguments in place:
 * wire_begin_command; for each argument or path wire_begin_arg or _path, its
 * bytes, wire_end_arg or _path; wire_end_args, wire_put_values, the input by
 * put_span32, and two paths. What begins returns what ends it. */
size_t wire_begin_command(struct buffer *out, uint8_t flags);
size_t wire_begin_arg(struct buffer *out);
void wire_end_arg(struct buffer *out, size_t begun);
void wire_end_args(struct buffer *out, size_t begun, size_t count,
                   const struct wire_slot_mark *marks, size_t mark_count);
size_t wire_begin_path(struct buffer *out);
void wire_end_path(struct buffer *out, size_t begun);
/* Args may hold any byte but NUL. Returns false when malformed. */
bool wire_get_command(struct span payload, struct wire_command *command);
bool wire_next_arg(struct wire_list *list, struct span *arg);
bool wire_next_mark(struct wire_list *list, struct wire_slot_mark *mark);

/* -- REPORT: the worker's whole state, and its heartbeat ------------------- */
enum {
    REPORT_FULL = 1,     /* retention is full: send nothing */
    REPORT_DRAINING = 2, /* takes no new tasks */
};
struct wire_report {
    uint32_t lane;
    uint32_t flags;
    uint64_t received;   /* TASKS number on that lane; all up to it are in */
    uint64_t kept, made; /* as in HELLO */
    uint64_t finished;   /* tasks since its start */
    uint64_t busy_us;    /* wall time of those tasks, summed */
    uint64_t dropped;    /* messages refused, for the counters */
    struct wire_list queued;  /* of wire_refs, in the order they will start */
    struct wire_list running; /* of wire_refs */
};
void wire_put_report(struct buffer *out, const struct wire_header *header,
                     const struct wire_report *report,
                     struct wire_refs_out queued, struct wire_refs_out running);
bool wire_get_report(struct span body, struct wire_report *report);

/* -- RECALL, RETURNED, CANCEL ---------------------------------------------- */
struct wire_recall {
    uint32_t lane;
    uint32_t count;
};
void wire_put_recall(struct buffer *out, const struct wire_header *header,
                     const struct wire_recall *recall);
bool wire_get_recall(struct span body, struct wire_recall *recall);
struct wire_returned {
    uint32_t lane;
    struct wire_list tasks; /* of wire_refs */
};
void wire_put_returned(struct buffer *out, const struct wire_header *header,
                       uint32_t lane, struct wire_refs_out tasks);
bool wire_get_returned(struct span body, struct wire_returned *returned);
struct wire_cancel {
    struct wire_list tasks; /* of wire_refs */
};
void wire_put_cancel(struct buffer *out, const struct wire_header *header,
                     struct wire_refs_out tasks);
bool wire_get_cancel(struct span body, struct wire_cancel *cancel);

/* -- RESULTS --------------------------------------------------------------- */
enum {
    RESULT_STDOUT_CUT = 1,
    RESULT_STDERR_CUT = 2,
    RESULT_ALONE = 4,
    RESULT_COPY = 8,    /* of a TASK_COPY: its failure counts nothing */
    RESULT_EDITED = 16, /* of a TASK_EDITED */
};
struct wire_result {
    uint64_t task;
    uint32_t round, generation, attempt;
    struct id128 key;
    uint8_t class; /* enum fail_class; CLASS_NONE: it succeeded */
    uint8_t flags;
    uint8_t signal;
    uint8_t exit;     /* the exit code of the process */
    uint32_t slot;    /* from 1 */
    int64_t start_us; /* UTC */
    uint64_t wall_us, user_us, sys_us, maxrss_bytes;
    struct span note; /* why it could not start, say; up to WIRE_TEXT_MAX */
    struct wire_list values; /* of wire_pair, copied from the task */
    struct span encoded;     /* the same as wire_put_values writes them */
    struct span out, err;
};
struct wire_results {
    uint64_t number; /* from 1 for each worker incarnation */
    uint64_t kept;   /* lowest number the worker still holds */
    struct wire_list results;
};
size_t wire_begin_results(struct buffer *out, const struct wire_header *header,
                          const struct wire_results *results);
/* `values` is the encoded list as it stood in the command: see
 * wire_command_values. */
void wire_add_result(struct buffer *out, const struct wire_result *result,
                     struct span values);
/* Number and kept stay as given at begin. */
void wire_end_results(struct buffer *out, size_t begun, uint32_t count);
/* Results may be added before it is known which message they go into: behind
 * WIRE_RESULTS_HEAD bytes at the start of a buffer. This writes what stands
 * there, and ends the frame. */
enum { WIRE_RESULTS_HEAD = WIRE_HEADER_SIZE + 20 };
void wire_set_results_head(struct buffer *frame,
                           const struct wire_header *header,
                           const struct wire_results *results, uint32_t count);
bool wire_get_results(struct span body, struct wire_results *results);
/* Only for a list that wire_get_results found good, which has checked it. */
bool wire_next_result(struct wire_list *list, struct wire_result *result);
/* The bytes (count and pairs) of a command's values, to be copied into its
 * result; empty span when malformed. */
struct span wire_command_values(struct span payload);
/* The same of one that has been read. Cost: constant. */
struct span wire_encoded_values(const struct wire_command *command);
/* Writes a pair list as wire_add_result takes it. */
void wire_put_values(struct buffer *out, struct wire_pairs_out values);
/* Rewrites `kept` in an encoded RESULTS frame (the worker does so before it
 * sends a retained one again); a deflated one is inflated for it. */
void wire_set_results_kept(struct buffer *frame, uint64_t kept);

/* -- STORED: what became durable between two positions of the log -----------
 */
enum stored_kind {
    STORED_FINAL = 1,   // the task's final record in its round
    STORED_FAILURE = 2, // a failed attempt, not final
    STORED_LOSS = 3,    // a `lost` record
    STORED_REOPENED =
        4,           // a new round: generation, attempt are the lowest taken
    STORED_HELD = 5, // status held: parked; reopened: to be tried again
    STORED_COPY = 6, // a failed copy, beside which the task goes on
};
struct wire_stored_entry {
    uint64_t task;
    uint32_t round, generation, attempt;
    uint8_t kind;   /* enum stored_kind */
    uint8_t status; /* enum status that won */
    uint8_t class;  /* enum fail_class */
    uint8_t code;   /* of a failure: the exit code, or the signal, of class exit
                     * or signal; else 0 */
};
struct wire_worker_mark {
    struct id128 worker;
    uint64_t number; /* every RESULTS up to it is durable or refused for good */
};
struct wire_stored {
    uint64_t from, to; /* bytes of the log; equal: a heartbeat */
    uint64_t record;   /* highest RECORD number durable, of this generation */
    uint64_t syncs;    /* of the log by this sink, for people to see, */
    uint64_t sync_us;  /* and how long they took */
    struct wire_list workers; /* of wire_worker_mark */
    struct wire_list finals;  /* of wire_run: round 0, final and ok */
    struct wire_list entries; /* of wire_stored_entry: everything else */
};
struct wire_stored_out {
    const struct wire_worker_mark *workers;
    size_t worker_count;
    struct wire_runs_out finals;
    const struct wire_stored_entry *entries;
    size_t entry_count;
};
void wire_put_stored(struct buffer *out, const struct wire_header *header,
                     const struct wire_stored *stored,
                     const struct wire_stored_out *lists);
bool wire_get_stored(struct span body, struct wire_stored *stored);
bool wire_next_worker_mark(struct wire_list *list,
                           struct wire_worker_mark *mark);
bool wire_next_stored_entry(struct wire_list *list,
                            struct wire_stored_entry *entry);

/* -- RETIRE, RESEND -------------------------------------------------------- */
struct wire_retire {
    uint64_t number; /* forget all results up to it */
};
void wire_put_retire(struct buffer *out, const struct wire_header *header,
                     const struct wire_retire *retire);
bool wire_get_retire(struct span body, struct wire_retire *retire);
struct wire_resend {
    uint64_t number; /* push again from this one (or the lowest kept) */
    struct id128 sink;
    struct span endpoint; /* connect here if it is not where you are */
};
void wire_put_resend(struct buffer *out, const struct wire_header *header,
                     const struct wire_resend *resend);
bool wire_get_resend(struct span body, struct wire_resend *resend);

/* -- RECORD: what no worker can write; with no records: the heartbeat -------
 */
enum record_kind {
    RECORD_FINAL = 1,  // status, class: a last failure and the like made final
    RECORD_LOST = 2,   // this attempt's worker was lost
    RECORD_JOINED = 3, // subject, host, pid, pid_start, boot: the roster
    RECORD_LEFT = 4,   // subject
    RECORD_MARK = 5,   // a: nothing beyond this place in dispatch order was
                       // sent; b: a known place <= a; c: its input offset
    RECORD_REOPENED = 6, // round, generation, attempt: see recovery rules
    RECORD_DECISION = 7, // status, text: an operator's decision on a task
    RECORD_COMPLETE = 8, // a: tasks in all
    RECORD_HOST =
        9, // text: its name; a: quarantined for so many ms, 0: no more
    RECORD_PAUSED = 10,   // by a person: nothing is sent
    RECORD_UNPAUSED = 11, // by a person: it is sent again
    RECORD_KINDS
};
enum {
    RECORD_RAN = 1,   /* LOST: it was running, as far as is known */
    RECORD_CRASH = 2, /* LOST: the worker is known to have died */
    RECORD_ALONE = 4, /* LOST: it ran alone */
    /* FINAL, DECISION, PAUSED, UNPAUSED: a person's, at time `a`; text: who, a
     * line break, why; to be tried again may have `b`, bytes of memory from now
     * on, and behind a second line break other arguments */
    RECORD_PERSON = 8,
};
struct wire_record {
    uint64_t number; /* of the RECORD link, from 1 in each generation */
    uint8_t kind, status, class, flags;
    uint32_t round, generation, attempt;
    uint32_t pid;
    uint64_t task;        /* 0 where the record is of no task */
    uint64_t a, b, c;     /* by kind; JOINED: a = pid_start */
    struct id128 subject; /* a worker's incarnation, or a token */
    struct id128 extra;   /* FINAL, LOST: the task's key; JOINED: boot id */
    struct span text;     /* host name, or a note; up to WIRE_TEXT_MAX */
};
struct wire_records {
    uint64_t kept;            /* lowest number the ventilator still holds */
    uint64_t position;        /* log position it has reached by STORED */
    struct wire_list records; /* ascending numbers without a gap */
};
void wire_put_records(struct buffer *out, const struct wire_header *header,
                      const struct wire_records *records,
                      const struct wire_record *at, size_t count);
bool wire_get_records(struct span body, struct wire_records *records);
bool wire_next_record(struct wire_list *list, struct wire_record *record);

/* -- SYNC, SYNCED -----------------------------------------------------------
 */
struct wire_sync {
    uint64_t position;   /* reached by STORED; 0: tell everything */
    uint32_t generation; /* highest this ventilator's plan has seen */
    struct id128 resume; /* token of this resume, zero: none. One that is new
                          * reopens, durably and before the answer, every task
                          * that ended badly, and puts the mark back to 0. */
};
void wire_put_sync(struct buffer *out, const struct wire_header *header,
                   const struct wire_sync *sync);
bool wire_get_sync(struct span body, struct wire_sync *sync);

/* A task with a history and no final record in its round. */
struct wire_open_task {
    uint64_t task;
    uint32_t round;
    uint32_t failures, losses, lone_deaths; /* in this round */
    uint8_t last_class, last_code;          /* code: as in STORED */
    uint8_t held;                           /* 1: parked for a person */
};
/* How often such a task has failed so in this round. */
struct wire_cause {
    uint64_t task;
    uint32_t count;
    uint8_t class, code;
};
/* What persons have changed of a task: see RECORD. */
struct wire_edit {
    uint64_t task;
    uint64_t mem_max; /* bytes; 0: as it was */
    struct span args; /* empty: as they were */
};
struct wire_roster_entry {
    struct id128 worker;
    struct id128 boot;
    uint64_t pid_start;
    uint32_t pid;
    struct span host;
};
enum {
    SYNCED_MORE = 1,     /* further parts follow; lists continue there */
    SYNCED_COMPLETE = 2, /* the log's last word: the run is complete */
    SYNCED_DELTA = 4,    /* position was accepted: STORED follows from there,
                            all lists here but the roster are empty */
    SYNCED_PAUSED = 8,   /* a person has paused the run */
};
struct wire_synced {
    struct id128 ventilator; /* whom it answers: another's is not believed */
    uint32_t generation;     /* granted, durable */
    uint32_t flags;
    uint32_t part;       /* from 0 in each answer; one that skips is dropped */
    uint64_t position;   /* of the log: STORED goes on from here */
    uint64_t number_max; /* highest task number ever seen or marked sent */
    uint64_t mark, mark_from, mark_offset; /* a, b, c of RECORD_MARK */
    uint64_t by_status[11]; /* final records in force, by enum status */
    uint64_t bytes_lost; /* STORED claims of the ventilator beyond the log: 0 */
    struct id128 resumed;    /* the last token, zero for none */
    struct wire_list finals; /* of wire_run: tasks final in their round */
    struct wire_list open;   /* of wire_open_task */
    struct wire_list causes; /* of wire_cause: their failures make up those of
                              * the open task */
    struct wire_list roster; /* of wire_roster_entry */
    struct wire_list edits;  /* of wire_edit: all that there are */
};
struct wire_synced_out {
    struct wire_runs_out finals;
    const struct wire_open_task *open;
    size_t open_count;
    const struct wire_cause *causes;
    size_t cause_count;
    const struct wire_roster_entry *roster;
    size_t roster_count;
    const struct wire_edit *edits;
    size_t edit_count;
};
void wire_put_synced(struct buffer *out, const struct wire_header *header,
                     const struct wire_synced *synced,
                     const struct wire_synced_out *lists);
bool wire_get_synced(struct span body, struct wire_synced *synced);
bool wire_next_open_task(struct wire_list *list, struct wire_open_task *task);
bool wire_next_cause(struct wire_list *list, struct wire_cause *cause);
bool wire_next_roster_entry(struct wire_list *list,
                            struct wire_roster_entry *entry);
bool wire_next_edit(struct wire_list *list, struct wire_edit *edit);

/* -- MATCH, MATCHED: resume by content --------------------------------------
 */
struct wire_match {
    uint64_t question;     /* counts, from 1; 1 starts afresh */
    uint8_t last;          /* 1: no more keys; the answer counts what is left */
    struct wire_list keys; /* of id128: wire_next_key */
};
void wire_put_match(struct buffer *out, const struct wire_header *header,
                    const struct wire_match *match, const struct id128 *keys,
                    size_t count);
bool wire_get_match(struct span body, struct wire_match *match);
bool wire_next_key(struct wire_list *list, struct id128 *key);
struct wire_matched {
    uint64_t question;
    uint64_t left; /* with the last answer: stored tasks no key has matched */
    struct wire_list
        numbers; /* of u64, one per key, 0: none: wire_next_number */
};
void wire_put_matched(struct buffer *out, const struct wire_header *header,
                      const struct wire_matched *matched,
                      const uint64_t *numbers, size_t count);
bool wire_get_matched(struct span body, struct wire_matched *matched);
bool wire_next_number(struct wire_list *list, uint64_t *number);

/* -- END, BYE -----------------------------------------------------------------
 */
struct wire_end {
    uint8_t exit;   /* exit code of the run */
    uint8_t reason; /* enum end_reason */
    uint64_t by_status[11];
};
enum end_reason { END_COMPLETE = 1, END_DRAINED = 2, END_ABORTED = 3 };
void wire_put_end(struct buffer *out, const struct wire_header *header,
                  const struct wire_end *end);
bool wire_get_end(struct span body, struct wire_end *end);
struct wire_bye {
    uint8_t reason;    /* enum end_reason */
    uint64_t finished; /* worker: tasks it finished; sink: records it stored */
    uint64_t refused;  /* messages it refused or dropped */
    uint64_t duplicates;
};
void wire_put_bye(struct buffer *out, const struct wire_header *header,
                  const struct wire_bye *bye);
bool wire_get_bye(struct span body, struct wire_bye *bye);

/* -- PROGRESS: for people to see; nothing depends on it ---------------------
 */
enum {
    PROGRESS_TASKS_MAX = 8, /* those that have run longest */
    PROGRESS_WHOLE = 1000000,
};
#define PROGRESS_UNKNOWN UINT32_MAX
struct wire_long {
    uint64_t task;
    uint32_t slot;
    uint64_t wall_ms; /* how long it has run */
    uint32_t done;    /* of PROGRESS_WHOLE, or PROGRESS_UNKNOWN */
    struct span text; /* what it said; may be empty */
    unsigned owner;   /* not told: for who gathers them */
};
struct wire_progress {
    struct span waits;      /* why this worker starts nothing, or empty */
    struct wire_list tasks; /* of wire_long */
};
void wire_put_progress(struct buffer *out, const struct wire_header *header,
                       struct span waits, const struct wire_long *tasks,
                       size_t count);
bool wire_get_progress(struct span body, struct wire_progress *progress);
bool wire_next_long(struct wire_list *list, struct wire_long *task);
/* Puts a task among those that have run longest, the longest first. */
struct wire_longest {
    struct wire_long at[PROGRESS_TASKS_MAX];
    size_t count;
};
void wire_add_longest(struct wire_longest *longest,
                      const struct wire_long *task);

/* -- ASK, ANSWER
 * --------------------------------------------------------------- */
struct wire_ask {
    uint32_t id;
    struct span json;
};
void wire_put_ask(struct buffer *out, const struct wire_header *header,
                  const struct wire_ask *ask);
bool wire_get_ask(struct span body, struct wire_ask *ask);
void wire_put_answer(struct buffer *out, const struct wire_header *header,
                     const struct wire_ask *answer);
bool wire_get_answer(struct span body, struct wire_ask *answer);

#endif
