/* tracker - who holds what, what is lost, what goes where
 *
 * The pure core of the ventilator: events and the time go in, actions come
 * out. It has no socket, clock, file, thread or log. The rules, and the
 * schedules that break without them, are in docs/design.md.
 *
 * A task is finished only when the sink has said that its final record is
 * stored; everything a worker says moves credit, never completion.
 *
 * Memory is bounded by the window (tasks read and not finished, by count and
 * bytes), by some dozen bytes for each task that has failed and is not final,
 * and by one bit a task where completion is out of order, or that is held.
 *
 * Calls never fail on what a peer sends; what is odd is counted. -ENOMEM
 * makes the tracker say ACTION_FAIL. Not thread safe.
 */
#ifndef VENTILATOR_TRACKER_H
#define VENTILATOR_TRACKER_H

#include "common/policy/policy.h"
#include "common/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tracker;

/* All at least 1 unless said. */
struct tracker_limits {
    size_t window_tasks;      // read, not finished, payload in memory
    size_t window_bytes;      // of their payloads
    uint64_t order_window;    // read beyond the first unfinished; 0: no limit
    uint64_t losses_max;      // while running, before a task ends as lost
    uint32_t lone_deaths_max; // K: before quarantine
    int64_t prefetch_ms;      // work kept waiting at a worker's slots
    int64_t heartbeat_ms, liveness_ms, rejoin_ms;
    size_t workers_max;
    bool speculate;  // a second copy of the slowest, at the end
    int64_t bar_ms;  // first quarantine of a host; 0: never
    bool held_wait;  // for a person, where only held tasks are left
    bool priorities; // what is ready goes by them, all of the window
};

struct tracker *tracker_create(const struct tracker_limits *limits,
                               const struct policy *policy, int64_t now_ms);
void tracker_destroy(struct tracker **tracker);
/* Gives all payloads back, by ACTION_FORGET; then it is to be destroyed. */
void tracker_give_up(struct tracker *tracker);

enum action_kind {
    ACTION_SYNC,        // number: position: ask the sink
    ACTION_RECORDS,     // records, count: send them; number: lowest kept
    ACTION_TASKS,       // worker, number on its lane, sends, count
    ACTION_LANE_AGAIN,  // worker: send its lane's messages from number on again
    ACTION_LANE_FORGET, // worker: its lane's messages up to number are in
    ACTION_RETIRE,      // worker, number
    ACTION_RESEND,      // worker, number
    ACTION_RECALL,      // worker, count
    ACTION_CANCEL,      // worker, refs of one task
    ACTION_CLOSE,       // worker is gone: its handle is free after this
    ACTION_FETCH,       // task, place: read its payload, then tracker_fetched
    ACTION_FORGET,      // payloads, count: no longer needed: free them
    ACTION_HOST,        // task: place of a host that is quarantined, number:
                        // for so many ms, 0: no more; count: failures in a row
    ACTION_APART,       // task: it goes to any host, also where it failed;
                        // number: as none else took it for so many ms; 0: as
                        // none else could
    ACTION_REDO,        // let the redo cursor begin anew, and end where the
                        // front one stands now
    ACTION_COMPLETE,    // every task is final and the sink has it in writing
    ACTION_PARKED,      // all that is not final is held, as the sink has it
    ACTION_FAIL,        // text: the run cannot go on; number 1: what the sink
                        // has is damaged, 0: memory is short
};

/* A task as it goes out. The payload is the caller's. */
struct tracker_send {
    uint64_t task;
    uint32_t round, attempt, failures;
    uint16_t flags;      // TASK_ALONE, TASK_COPY
    uint64_t timeout_ms; // 0: the run's
    uint64_t mem_max;    // 0: the run's
    struct id128 key;
    void *payload;
};

struct tracker_action {
    enum action_kind kind;
    unsigned worker; // handle
    uint64_t number;
    uint64_t task, ordinal, offset;
    size_t count;
    const struct tracker_send *sends;  // until the next tracker_next
    const struct wire_record *records; // until the next tracker_next
    struct wire_refs refs;
    void *const *payloads; // until the next tracker_next
    const char *text;
};
/* Takes the next action; false when there is none. Call after each event. */
bool tracker_next(struct tracker *tracker, struct tracker_action *action);

/* Does what is due and dispatches. Call when sockets are drained. Returns how
 * long the loop may sleep, in ms. If it was not called for half the liveness
 * time, nobody is expired: silence that nobody listened to proves nothing. */
int64_t tracker_turn(struct tracker *tracker, int64_t now_ms);

/* -- the sink ----------------------------------------------------------------
 */
void tracker_sink_hello(struct tracker *tracker, int64_t now_ms);
/* Each part in order. The generation was checked by the caller. */
void tracker_synced(struct tracker *tracker, const struct wire_synced *part,
                    int64_t now_ms);
void tracker_stored(struct tracker *tracker, const struct wire_stored *stored,
                    int64_t now_ms);
/* Sends the RECORDs again that are not stored (the sink is slow or lost some).
 */
uint64_t tracker_position(const struct tracker *tracker);
uint32_t tracker_generation(const struct tracker *tracker);
bool tracker_is_synced(const struct tracker *tracker);
/* Where the input may be read from for tasks never sent: the durable mark.
 * Everything in front of it belongs to the redo cursor. Valid when synced. */
void tracker_mark(const struct tracker *tracker, uint64_t *ordinal,
                  uint64_t *from, uint64_t *offset);

/* -- workers ------------------------------------------------------------------
 */
enum hello_verdict {
    HELLO_NEW,
    HELLO_AGAIN,
    HELLO_LANE_NEW,
    HELLO_PART, // more of it follows
    HELLO_ODD,  // it says what cannot be: no answer
    HELLO_FULL
};
/* On NEW, AGAIN and LANE_NEW the caller welcomes it as *handle; on LANE_NEW it
 * closes the old lane first. */
enum hello_verdict tracker_hello(struct tracker *tracker,
                                 const struct id128 *incarnation,
                                 const struct wire_hello *hello, int64_t now_ms,
                                 unsigned *handle);
/* Its handle; 0: unknown, or gone. */
unsigned tracker_worker(const struct tracker *tracker,
                        const struct id128 *incarnation);
/* `generation`: that of the message's header, the last that the worker heard
 * of. Returns false when the incarnation is unknown, or it has received more
 * than was sent on its lane: tell it to say HELLO. */
bool tracker_report(struct tracker *tracker, const struct id128 *incarnation,
                    uint32_t generation, const struct wire_report *report,
                    int64_t now_ms);
bool tracker_returned(struct tracker *tracker, const struct id128 *incarnation,
                      const struct wire_returned *returned, int64_t now_ms);
enum gone {
    GONE_DRAINED, // said so: what it ran is under no suspicion
    GONE_LOST,    // silent, or it gave up
    GONE_CRASHED  // is known to have died
};
/* Unknown: ignored. */
void tracker_worker_gone(struct tracker *tracker,
                         const struct id128 *incarnation, enum gone how,
                         int64_t now_ms);
/* Looks at the roster that a SYNC gave: entries not seen yet. False at the end.
 */
bool tracker_roster_next(const struct tracker *tracker, size_t *cursor,
                         struct wire_roster_entry *entry);

/* -- hosts -------------------------------------------------------------------
 */
struct tracker_host {
    struct span name; // until the next HELLO
    size_t workers, slots, running;
    uint64_t passed, failed; // attempts that this ventilator heard of
    int64_t barred_ms;       // quarantined for so long from now; 0: not
};
/* The one at this place; places are 1, 2, ... False: no more. */
bool tracker_host(const struct tracker *tracker, size_t at,
                  struct tracker_host *out);

/* -- the input
 * ------------------------------------------------------------------ */
enum cursor { CURSOR_REDO, CURSOR_FRONT };
/* May the next task of this cursor be read now? */
bool tracker_wants(const struct tracker *tracker, enum cursor cursor);
/* False when the task is final already: skip it without reading its values. */
bool tracker_needs(const struct tracker *tracker, uint64_t task);
struct tracker_offer {
    uint64_t task, ordinal, offset;
    struct id128 key;
    void *payload; // the tracker gives it back by ACTION_FORGET
    size_t payload_size;
    double priority; // higher first, then in the order of the input
    const char *bad; // instead of a payload: why no command can be made of it
};
void tracker_offer(struct tracker *tracker, const struct tracker_offer *offer,
                   int64_t now_ms);
void tracker_fetched(struct tracker *tracker, const struct tracker_offer *offer,
                     int64_t now_ms);
/* More input is read before the next turn: where there are priorities, that
 * gives nothing out, as something higher may come. */
void tracker_reads_on(struct tracker *tracker);
void tracker_input_ended(struct tracker *tracker, enum cursor cursor);

/* What a person decides about a held task. */
struct tracker_decision {
    uint64_t task;
    enum status status; // REOPENED: try it again; else it ends so
    int64_t time_us;    // UTC, since 1970
    uint64_t mem_max;   // REOPENED: bytes from now on; 0: as it was
    struct span text;   // the person, a line break, and a note; REOPENED: maybe
                        // a line break and other arguments
};
/* Goes to the sink; is obeyed when it is stored; what it changes of the task is
 * the caller's to heed. Returns 0, -ENOENT: it is not
 * held, -EALREADY: it is decided, and the sink has not said so yet, -ENOMEM. */
int tracker_decide(struct tracker *tracker,
                   const struct tracker_decision *decision, int64_t now_ms);

/* A person's word: nothing is sent, and what has not started is recalled; or on
 * it goes. Stopping is obeyed at once, going on when it is stored. */
struct tracker_pause {
    bool paused;
    int64_t time_us;  // UTC, since 1970
    struct span text; // the person, a line break, and a note
};
/* Returns 0, -EALREADY: it is so, or will be when the sink says STORED, or
 * -ENOMEM. Only when synced. */
int tracker_pause(struct tracker *tracker, const struct tracker_pause *pause,
                  int64_t now_ms);

/* A person's word: these tasks shall not run any more. Those that run are
 * stopped. Each ends as cancelled, once that is stored, or as it ended before.
 * A tracker that follows knows nothing of it. */
enum { TRACKER_CANCELS_MAX = WIRE_CANCELS_MAX };
struct tracker_cancel {
    uint64_t first, last;
    int64_t time_us;
    struct span text; // the person, a line break, and a note
};
/* Returns 0, -EALREADY: these are being cancelled, -ENOSPC: too many others
 * are, or -ENOMEM. Only when synced. */
int tracker_cancel(struct tracker *tracker, const struct tracker_cancel *cancel,
                   int64_t now_ms);

/* No more dispatch; all that has not started is recalled. */
void tracker_drain(struct tracker *tracker);
/* Nothing is under way at any worker (as far as they have said). */
bool tracker_is_idle(const struct tracker *tracker);

/* How much memory its next attempt may have, of which the first had `first`. */
uint64_t tracker_mem_max(const struct tracker *tracker, uint64_t task,
                         uint64_t first);

struct tracker_counts {
    uint64_t by_status[STATUSES], retries, losses, resends, odd, speculated;
    size_t running, queued, waiting, workers, slots;
    uint64_t credit;        // tasks that workers hold and have not finished
    uint64_t held, decided; // decided: of the held, on the way to the sink
    bool input_ended;
    bool paused;       // nothing is sent
    size_t cancelling; // ranges of tracker_cancel of which some have not ended
    size_t cancel_later; // those of which some were not read yet
    bool pause_unsaved;  // the sink has not said STORED of it, or of its end
};
void tracker_counts(const struct tracker *tracker,
                    struct tracker_counts *counts);

/* -- why it goes no further ---------------------------------------------------
 */
enum reason {
    REASON_NONE,
    // what holds up everything
    REASON_COMPLETE,
    REASON_NO_SINK, // nobody is there to store results
    REASON_SYNCING, // the sink is asked what is stored
    REASON_DRAINING,
    REASON_PAUSED,
    // it is ready, and not sent
    REASON_NO_WORKER,
    REASON_UNFIT,    // no task fits any worker
    REASON_LEAVING,  // all workers end
    REASON_JOINING,  // the sink has not stored that they are there
    REASON_BARRED,   // their hosts are quarantined, `ms` more
    REASON_FULL,     // they keep all the results that they may
    REASON_RESERVED, // they are kept free for a suspect
    REASON_BUSY,     // all slots are taken
    REASON_SUSPECT,  // it is to run alone, once a worker is empty
    REASON_APART,    // it waits for another host than where it failed
    REASON_SOON,     // nothing: it is about to be sent
    // it is at `worker`, since `ms`
    REASON_SENT,   // and not known to be there
    REASON_QUEUED, // for a slot
    REASON_RUNNING,
    REASON_UNSTORED, // it has ended, and that is not stored
    // else
    REASON_BACKOFF, // it is tried again, in `ms`
    REASON_STORING, // the sink has not said STORED
    REASON_HELD,
    REASON_FINAL,
    REASON_UNREAD,  // the input has not been read so far
    REASON_INPUT,   // the same, and there is no more: the caller knows
    REASON_NO_TASK, // the input has ended before it
    REASONS
};
struct tracker_why {
    enum reason reason;
    unsigned worker;   // handle; 0: it is about none
    uint64_t task;     // of the run: the task it is about; 0: none
    int64_t ms;        // see above
    int64_t silent_ms; // nothing was heard of the worker for so long; or 0
    size_t ahead;      // ready, or open and unread behind them
    uint32_t failures, losses; // of the task
    uint8_t class, code;       // of its last failure
};
/* Costs some steps for each task at its worker, or for each worker. */
struct tracker_why tracker_explain(const struct tracker *tracker,
                                   uint64_t task);
/* Of the whole run: of what has been under way longest, if anything is. */
struct tracker_why tracker_explain_run(const struct tracker *tracker);

#endif
