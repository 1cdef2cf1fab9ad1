/* record - one line of the log: a task's record or a control record
 *
 * Written by a hand-made encoder in a fixed order of keys; read back by a
 * scanner for exactly that order, with jansson behind it for lines that
 * somebody else wrote or reordered. Keys at their obvious default are left
 * out: round 0, class none, exit 0, signal 0, attempt 1, generation 1, empty
 * stdout and stderr, and so on.
 *
 * {"task":17,"key":"<32 hex>","final":true,"status":"ok","round":1,
 *  "class":"exit","exit":3,"signal":9,"attempt":2,"generation":2,"record":5,
 *  "worker":"<32 hex>","host":"h","slot":1,"start":"2026-...Z",
 *  "wall_s":0.001234,"user_s":0.001,"sys_s":0.5,"maxrss_bytes":1,"ran":true,
 *  "crash":true,"alone":true,"copy":true,"edited":true,"args":["a"] or
 *  {"name":"a"},
 *  "stdout":"...","stderr":"...","truncated":["stdout"],"user":"...",
 *  "note":"..."}
 * A decision to try a task again may have "mem_max_bytes" and "edit":"...".
 * Text that is not UTF-8 goes into stdout_base64, stderr_base64 and so on, and
 * values into args_base64: the whole list, each in base64, or [name, value]
 * pairs in base64 where there are names. Numbers over INT64_MAX, which JSON
 * libraries refuse, are written as that; a start before 1970 or after 9999 is
 * left out.
 * A control record has "event" first and no "task" unless it is about one:
 * {"event":"joined","generation":1,"record":1,"worker":...,"host":...,
 *  "pid":1,"pid_start":1,"boot":"..."}
 * Its attempt and generation are 0 where they are left out. Further keys of
 * control records: place, from, offset, tasks, run, version.
 */
#ifndef COMMON_STORE_RECORD_H
#define COMMON_STORE_RECORD_H

#include "common/base/bytes.h"
#include "common/policy/policy.h"
#include "common/wire/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum event {
    EVENT_NONE,       // a task's record
    EVENT_RUN,        // run id, version: the first record of a log
    EVENT_GENERATION, // generation granted to `worker` (the ventilator's
                      // incarnation)
    EVENT_JOINED,
    EVENT_LEFT,
    EVENT_MARK,
    EVENT_REOPENED,
    EVENT_RESUMED,
    EVENT_DECISION,
    EVENT_COMPLETE,
    EVENT_HOST, // is quarantined, or no more
    EVENT_PAUSED,
    EVENT_UNPAUSED,
    EVENTS
};

struct record {
    enum event event;
    uint64_t task; /* 0: none */
    struct id128 key;
    bool final;
    enum status status;
    uint32_t round;
    enum fail_class class;
    uint8_t exit, signal;
    uint32_t attempt, generation;
    uint64_t number;     /* "record": of the RECORD link; 0 for a worker's */
    struct id128 worker; /* or subject, or token */
    struct span host;
    uint32_t slot;
    int64_t start_us; /* 0: none */
    uint64_t wall_us, user_us, sys_us, maxrss_bytes;
    bool ran, crash, alone; /* of a lost record */
    bool copy;              /* the attempt was a second copy of the task */
    bool edited;            /* its arguments were a person's: see `edit` */
    uint64_t barred_us;     /* of a host: quarantined so long; 0: no more */
    bool has_args;          /* false: no args key at all */
    struct span values;     /* as wire_put_values writes them */
    struct span out, err;
    bool out_cut, err_cut;
    struct span user; /* a person who decided so, at `start` */
    struct span note;
    uint64_t mem_max; /* of a decision: bytes from now on; 0: as it was */
    struct span edit; /* of a decision: arguments; empty: as they were */
    /* control records */
    uint64_t a, b,
        c; /* "place", "from", "offset" of a mark; "tasks" of complete */
    uint32_t pid;
    uint64_t pid_start;
    struct id128 boot, run;
    struct span version;
};

/* Is it a worker's, and not the ventilator's or a person's word? */
static inline bool record_of_worker(const struct record *record)
{
    return record->number == 0 && record->user.size == 0;
}

/* Appends the line with its newline. Without memory `out` says `failed` and
 * holds what it held. */
void record_write(struct buffer *out, const struct record *record);

/* Appends the value of "args" alone, for wire_put_values' `values`. Returns
 * false when it is in the form of "args_base64". */
bool record_put_args(struct buffer *out, struct span values);

/* Reads one line (without its newline). Borrowed spans point into the line
 * where nothing had to be unescaped, else into `scratch`, which is cleared
 * first. Returns 0, -EBADMSG when it is no record, -ENOMEM. */
int record_read(struct span line, struct buffer *scratch,
                struct record *record);

/* Is it the line of a task that was ok at once and has left no output, as fan
 * writes it? Then `record` gets task, final and status; nothing else is looked
 * at. About 20 ns; false for any other line, and for some of these. */
bool record_glance(struct span line, struct record *record);

/* What the attempt failed of, as rules tell failures apart. */
static inline struct failure record_failure(const struct record *record)
{
    return failure_of(record->class, record->exit, record->signal);
}

const char *event_name(enum event event);

#endif
