/* tracker_inside - what the files of the tracker share; for them alone */
#ifndef VENTILATOR_TRACKER_INSIDE_H
#define VENTILATOR_TRACKER_INSIDE_H

#include "common/base/map.h"
#include "common/base/numset.h"
#include "ventilator/tally.h"
#include "ventilator/tracker.h"
#include "ventilator/tracker_blame.h"
#include "ventilator/tracker_speculate.h"

#include <assert.h>

enum { NONE = 0, LANE_UNACKED_MAX = 4096, RUNNING_MAX = 4096, HOST_MAX = 256 };
enum { BATCH_MAX = 1024 }; // tasks in a message

enum entry_state {
    ENTRY_FREE,
    ENTRY_OPENED,    // just now, in no list yet
    ENTRY_READY,     // may be sent
    ENTRY_LONELY,    // may be sent, with nothing beside it
    ENTRY_APART,     // may be sent until due_ms, but not where it failed
    ENTRY_OUT,       // at a worker
    ENTRY_RECORDING, // its loss is being recorded
    ENTRY_WAITING,   // backing off until due_ms
    ENTRY_FETCHING,  // its payload is being read again
    ENTRY_FINISHING, // its final record, or that it is held, was sent
};
enum { ENTRY_STATES = ENTRY_FINISHING + 1 };

// One task under way. Linked by index; 0 is no entry.
struct entry {
    uint64_t task, ordinal, offset;
    double priority;
    uint64_t lane_number; // of the TASKS message that took it; 0: closed lane
    union {
        uint64_t record_number; // RECORDING
        int64_t due_ms;         // WAITING, APART
        int64_t sent_ms;        // OUT: since when
    };
    void *payload;
    uint32_t payload_size;
    struct id128 key;
    uint32_t generation, attempt; // as last sent
    uint32_t attempts;            // sends in this generation
    uint32_t round, failures, losses, lone_deaths;
    uint32_t older, newer; // in the list of its state or of its worker
    uint32_t worker;       // OUT
    uint32_t twin;         // its other copy: tracker_copies.c; 0: none
    uint16_t failed_host;  // where it last failed fast; 0: nowhere
    uint8_t last_class;    // how the last attempt ended, if it was stored
    uint8_t last_code;     // of a failure: see struct failure
    uint8_t state;         // enum entry_state
    bool alone;
    bool loss_stored; // RECORDING: STORED told of it
    bool copied;      // this send of it has had a copy, or is one
};
static_assert(sizeof(struct entry) <= 128, "two lines of the cache");

struct list {
    uint32_t oldest, newest;
    size_t count;
};

struct worker {
    bool active, draining, full;
    bool greeting; // more of its HELLO follows
    bool welcomed; // has said HELLO to the end
    bool rostered; // JOINED is stored
    bool current;  // it has reported since it heard of this ventilator
    bool reserved; // it gets no more, so that a suspect can run on it alone
    bool barred;   // it gets no more: its host is quarantined
    bool alone;    // it runs one
    // With these in a line of the cache dispatch has all that it looks at.
    uint32_t slots, queued, running;
    uint32_t unreceived; // tasks in lane messages beyond `received`
    double mean_us;      // of a task; 0: not known yet
    int64_t progress_ms; // when it last finished one, or had none
    uint64_t retained;   // highest result number it kept at HELLO; 0: none
    struct id128 incarnation;
    uint32_t host;     // place in the table; 0: not told apart
    struct host *home; // the same
    uint32_t lane;
    int64_t heard_ms;
    uint64_t sent, received; // numbers on its lane
    uint64_t joined_record;
    uint64_t made, stored; // result numbers
    int64_t beyond_ms;     // since when more is stored than it has made, or 0
    uint64_t finished, busy_us;
    int64_t over_ms;       // since when it has held more than its credit, or 0
    uint32_t *lane_counts; // tasks by number, a ring of lane_room places
    size_t lane_room;      // a power of two
    struct wire_refs *ran; // running at the last REPORT
    size_t ran_count, ran_room;
    uint32_t alike; // handle of another whose short id is the same
    struct list out;
    int64_t recalled_ms, lane_stuck_ms, results_stuck_ms;
    int64_t stale_ms;       // when its lists were last looked through, and
    struct wire_refs stale; // the first it held that is not its own any more
    uint32_t results_asked; // in vain, since stored_seen
    uint64_t stored_seen;
};

struct roster_slot {
    struct wire_roster_entry entry; // host points into `host`
    char host[HOST_MAX];
    uint64_t made; // results it announced
    bool seen, gone;
};

struct history { // of an open task that is not in the window
    uint32_t round, failures, losses, lone_deaths;
    uint8_t last_class, last_code;
};

struct kept_record {
    struct wire_record record;
    uint8_t *longer; // its text, where `text` has no room for that; or NULL
    char text[HOST_MAX];
};

struct host {
    char name[HOST_MAX];
    size_t name_size;
    struct blame blame;
    struct blame_ends ends;
    int64_t barred_ms; // until; 0: it is not quarantined
    unsigned times;    // so often
};

// Of a person: tasks that shall not run any more.
struct cancel_order {
    uint64_t first, last;
    int64_t time_us;
    char text[HOST_MAX];
    size_t text_size;
};

struct tracker {
    struct tracker_limits limits;
    struct policy policy;
    // tasks
    struct entry *entries;
    uint32_t entry_count, entry_capacity, entry_free;
    struct list lists[ENTRY_STATES];
    uint32_t *rank; // READY by priority, a heap from place 1
    size_t rank_capacity;
    bool reads_on;     // more input follows before the next turn
    uint32_t again;    // the last that became READY again, if it still is
    size_t open_count; // entries in use
    uint32_t *ring;    // entries by task number modulo ring_mask + 1
    size_t ring_mask;
    struct map *strays;  // entries whose place in the ring is another's
    struct tally *tally; // failures by rule; NULL: there are no rules
    struct numset *final;
    bool holds;             // something is held, or was: else all below is idle
    struct numset *held;    // parked for a person, as the sink has it
    struct numset *decided; // of these: their decision was sent
    uint64_t first_open;    // all below are final or held
    struct numset *retried; // by a person, and not final
    uint32_t
        attempts_max; // sends of any task that was held, in this generation
    bool redo_again;  // the redo cursor begins anew at its end
    bool parked;      // was said
    struct map *history_by_task;
    struct history *histories;
    size_t history_count, history_capacity;
    struct map *apart; // task -> hosts where it is not to go, 16 bits each
    size_t window_tasks, window_bytes;
    uint64_t number_sent; // no task beyond it is at any worker
    // workers
    struct worker **workers; // by handle, from 1
    size_t worker_top;
    struct map *by_short_id; // handles; the rest by `alike`
    uint32_t *open;          // handles, while tasks are given out
    bool reserving;          // some worker may be reserved
    int64_t workers_seen_ms; // when all of them were looked at
    struct roster_slot *roster;
    size_t roster_count;
    int64_t rejoin_until_ms;
    // the sink
    bool sink_there, synced, was_complete;
    bool loaded;        // a SYNCED, to its last part
    uint32_t part_next; // of SYNCED
    bool resumed;       // places began anew: any task may be out already
    int64_t sync_asked_ms, sync_wait_ms;
    uint32_t generation;
    uint64_t position;
    struct kept_record *records; // not stored yet, in order
    size_t record_count, record_capacity, record_sent;
    uint64_t record_next; // number of the next one
    struct wire_record *sending;
    size_t sending_capacity;
    int64_t records_sent_ms;
    uint64_t mark, mark_asked, mark_block, mark_from, mark_offset;
    int64_t mark_asked_ms;
    // input
    uint64_t last_ordinal, last_offset;
    bool ended[2];
    bool draining, completing, complete, failed;
    bool paused;           // until the sink has it that it is not
    bool pausing;          // as a person has asked for
    uint64_t pause_record; // which says so; 0: it is stored
    struct cancel_order *orders;
    size_t order_count, order_capacity;
    int64_t cancelled_ms; // when the workers were told of them
    // actions
    struct tracker_action *actions;
    size_t action_first, action_count, action_capacity;
    struct tracker_send *sends;
    size_t sends_capacity, sends_used;
    void **forgets;
    size_t forgets_capacity, forgets_used;
    struct tracker_action spare; // written to when out of memory
    bool starved;                // it was: say so by the next action
    int64_t now_ms, turned_ms;
    // hosts, from 1
    struct host **hosts;
    size_t host_count, host_capacity, barred_count;
    struct blame_ends ends; // of all of them
    int64_t passed_ms;      // time of what passed, summed
    // copies of slow tasks
    struct speculate speculate;
    int64_t began_ms;      // synced for the first time
    int64_t speculated_ms; // when slow tasks were last looked for
    struct tracker_counts counts;
};

/* tracker.c */
struct tracker_action *tracker_act(struct tracker *tracker,
                                   enum action_kind kind);
void tracker_damaged(struct tracker *tracker, const char *text);
void tracker_starve(struct tracker *tracker);
bool tracker_grow(void **at, size_t *capacity, size_t needed, size_t size);

/* tracker_entries.c */
uint32_t entry_find(const struct tracker *tracker, uint64_t task);
uint32_t entry_open(struct tracker *tracker, uint64_t task); // 0: no memory
/* As entry_open, but it is not found by its number. */
uint32_t entry_make(struct tracker *tracker, uint64_t task);
/* What is found by the number of both is `to` from now on. */
void entry_index_instead(struct tracker *tracker, uint32_t from, uint32_t to);
/* Out of its list, and free. */
void entry_release(struct tracker *tracker, uint32_t at);
void entry_to(struct tracker *tracker, uint32_t at, enum entry_state state);
void entry_to_worker(struct tracker *tracker, uint32_t at, uint32_t worker);
void entry_close(struct tracker *tracker, uint32_t at);
void entry_drop_payload(struct tracker *tracker, uint32_t at);
/* What is known of a task that is not in the window: found or made. NULL, and
 * the run has failed: no memory. */
struct history *history_of(struct tracker *tracker, uint64_t task);
void history_recall(struct tracker *tracker, uint32_t at);
void payload_forget(struct tracker *tracker, void *payload);

/* tracker_rank.c: where there are priorities */
/* Room for all that is open. False: no memory. */
bool rank_reserve(struct tracker *tracker);
void rank_add(struct tracker *tracker, uint32_t at);
void rank_remove(struct tracker *tracker, uint32_t at);
static inline bool is_ranked(const struct tracker *tracker,
                             enum entry_state state)
{
    return state == ENTRY_READY && tracker->limits.priorities;
}

/* tracker_tasks.c */
void task_ready(struct tracker *tracker, uint32_t at); // or fetch, or lonely
/* As task_ready, but where its history says so it ends. */
void task_go_on(struct tracker *tracker, uint32_t at);
void task_again(struct tracker *tracker, uint32_t at); // and is counted
void task_final(struct tracker *tracker, uint64_t task, enum status status);
void tasks_final(struct tracker *tracker, struct wire_run run,
                 enum status status);
/* Notes so many failures for the rule that answers them. */
void task_blame(struct tracker *tracker, uint64_t task, struct failure failure,
                uint32_t count);
/* Of the next attempt of one that has failed; 0: as all. */
uint64_t task_timeout_ms(const struct tracker *tracker,
                         const struct entry *entry);
uint64_t task_mem_max(const struct tracker *tracker, const struct entry *entry);
void task_failed(struct tracker *tracker,
                 const struct wire_stored_entry *stored);
void task_loss_stored(struct tracker *tracker,
                      const struct wire_stored_entry *stored);
void task_loss_recorded(struct tracker *tracker,
                        const struct wire_record *record);
void task_lost(struct tracker *tracker, uint32_t at, bool ran, bool crash);
void task_finish(struct tracker *tracker, uint32_t at, enum status status,
                 enum fail_class class, const char *note);
void tasks_due(struct tracker *tracker);

/* tracker_hosts.c */
/* The place of the host of this name. */
uint32_t hosts_meet(struct tracker *tracker, struct span name);
bool hosts_barred(const struct tracker *tracker, uint32_t host);
/* The task of this entry, which is out: its attempt is stored. */
void hosts_cleared(struct tracker *tracker, uint32_t at);
void hosts_failed(struct tracker *tracker, uint32_t at);
/* Ends what is over. */
void hosts_due(struct tracker *tracker);

/* tracker_copies.c */
/* Of the two copies of a task the one that was sent so, else the first. */
uint32_t copies_which(const struct tracker *tracker, uint64_t task,
                      uint32_t generation, uint32_t attempt);
/* Does this worker have this copy, of entry `at` or its twin? */
bool copies_held(const struct tracker *tracker, uint32_t at, uint32_t worker,
                 const struct wire_refs *copy);
/* Of an entry with a twin: it has ended, and the other goes on alone. */
void copies_part(struct tracker *tracker, uint32_t at);
void copies_failed(struct tracker *tracker, uint32_t at, bool counts,
                   struct failure failure);
/* A copy's failure is stored. */
void copies_stored(struct tracker *tracker,
                   const struct wire_stored_entry *stored);
/* Of an entry with a twin: its loss is being recorded. */
void copies_lost(struct tracker *tracker, uint32_t at);
/* Of the first of two: the task is final. */
void copies_close(struct tracker *tracker, uint32_t at);
/* It is final, and not closed yet: learns how long it was out. */
void copies_took(struct tracker *tracker, uint32_t at, enum status status);
void tracker_speculate(struct tracker *tracker);
/* tracker_held.c */
void task_hold(struct tracker *tracker, uint32_t at);
static inline bool task_is_held(const struct tracker *tracker, uint64_t task)
{
    return tracker->holds && numset_has(tracker->held, task);
}
void held_load(struct tracker *tracker, const struct wire_open_task *open);
/* How often it may have been sent in this generation, before it was held. */
uint32_t held_attempts(const struct tracker *tracker, uint64_t task);
void held_forget(struct tracker *tracker, uint64_t task);
void held_stored(struct tracker *tracker,
                 const struct wire_stored_entry *stored);
void held_decision_recorded(struct tracker *tracker,
                            const struct wire_record *record);
/* Has it? Else it begins anew. */
bool held_redo_ended(struct tracker *tracker);
bool held_is_all(const struct tracker *tracker);
void held_end_run(struct tracker *tracker);
/* The first task that is neither final nor held. */
uint64_t held_first_open(const struct tracker *tracker);

/* tracker_apart.c */
/* It is not to go where it failed, if it can go elsewhere. */
void apart_note(struct tracker *tracker, uint64_t task, uint32_t host);
void apart_forget(struct tracker *tracker, uint64_t task);
/* Is it, which is ready, one of those? */
bool apart_wants(struct tracker *tracker, uint32_t at);
void apart_place(struct tracker *tracker);

/* tracker_cancel.c */
bool cancel_has(const struct tracker *tracker, uint64_t task);
/* Does this entry, which is at no worker, end so? */
bool cancel_ends(struct tracker *tracker, uint32_t at);
/* This task is held now. */
void cancel_held(struct tracker *tracker, uint64_t task);
/* Says again what was said, and forgets what is done. */
void cancel_due(struct tracker *tracker);
void cancel_count(const struct tracker *tracker, struct tracker_counts *counts);

/* tracker_stale.c */
void worker_cancel(struct tracker *tracker, uint32_t worker, uint64_t task,
                   uint32_t generation, uint32_t attempt);
void worker_find_stale(struct tracker *tracker, uint32_t at,
                       const struct wire_report *report);

/* tracker_hello.c */
uint32_t worker_count_refs(struct wire_list list);
/* No worker is ever given so many: a message that lists them is dropped. */
bool worker_lists_too_many(struct tracker *tracker, struct wire_list queued,
                           struct wire_list running);
/* What it has forgotten it was told to: that is stored. */
void worker_take_kept(struct worker *worker, uint64_t kept, uint64_t made);

/* tracker_fleet.c */
struct worker *worker_at(const struct tracker *tracker, uint32_t handle);
uint32_t worker_find(const struct tracker *tracker,
                     const struct id128 *incarnation); // its handle, or 0
uint32_t worker_open(struct tracker *tracker,
                     const struct id128 *incarnation); // 0: no room
void worker_close(struct tracker *tracker, uint32_t at);
void worker_free(struct worker *worker); // and its lists; NULL does nothing
/* Notes a lane message more, of `count` tasks. False: no memory. */
bool worker_sends(struct worker *worker, uint32_t count);

/* tracker_workers.c */
uint32_t worker_outstanding(const struct worker *worker);
void workers_stored(struct tracker *tracker,
                    const struct wire_worker_mark *mark);
void worker_joined(struct tracker *tracker, const struct wire_record *record);
void workers_due(struct tracker *tracker);
void workers_resend(struct tracker *tracker);
struct roster_slot *rostered(const struct tracker *tracker,
                             const struct id128 *incarnation);
bool roster_settled(const struct tracker *tracker);
/* The worker of this slot may have said HELLO before SYNCED told of it. */
void roster_meet(struct tracker *tracker, struct roster_slot *slot);

/* tracker_dispatch.c */
void tracker_dispatch(struct tracker *tracker);
/* Slots for which it may be given something. */
uint32_t worker_idle_slots(const struct tracker *tracker, uint32_t handle);
/* False: no memory. */
bool dispatch_to(struct tracker *tracker, uint32_t at, uint32_t worker,
                 uint16_t flags);
/* Tasks that it may be given now. */
uint32_t worker_room(const struct tracker *tracker, uint32_t handle);
/* The input is dry and somebody idles: what waits at others is taken back. */
bool dispatch_steals(const struct tracker *tracker);
/* When it is to be called again, by what waits at workers; in ms. */
int64_t tracker_dispatch_wait_ms(const struct tracker *tracker);

/* tracker_sink.c */
/* Its number; 0: no memory, the tracker is starved. */
uint64_t record_add(struct tracker *tracker, struct wire_record record);
void records_due(struct tracker *tracker);
void sync_due(struct tracker *tracker);
bool mark_reached(struct tracker *tracker, uint64_t ordinal);

/* Of an entry: its task is final and ok. For each task: so it is short. */
static inline void hosts_passed(struct tracker *tracker, uint32_t at)
{
    const struct entry *entry = &tracker->entries[at];
    if (entry->state != ENTRY_OUT || entry->twin)
        return; // of two copies it may be either
    struct host *host = tracker->workers[entry->worker]->home;
    if (!host)
        return;
    host->ends.passed++;
    tracker->ends.passed++;
    tracker->passed_ms += tracker->now_ms - entry->sent_ms;
    if (host->blame.row > 0 || entry->failed_host)
        hosts_cleared(tracker, at);
}

#endif
