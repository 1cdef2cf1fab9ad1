/* ledger - decides what enters the log, and knows what the log says
 *
 * The pure core of the sink. Peers' messages are put to ledger_result and
 * ledger_record, which change nothing and say what is to be done; what is to
 * be stored becomes a record, goes into the log's next group and then through
 * ledger_apply. At recovery the log's records go through ledger_apply too, so
 * that a rebuilt ledger equals the live one.
 *
 * What the peers are told (STORED, acknowledged numbers) is collected and
 * released by ledger_synced only: call it when the group is durable. A
 * duplicate of something that is not durable yet is so acknowledged with it,
 * never before (design rule D5).
 *
 * Rules: the first final record of a (task, round) wins. An attempt is counted
 * by what was recorded of it first: a failure after `lost` is refused, a loss
 * after the failure is recorded but not counted. A `resumed` record reopens
 * every task final as failed, quarantined or expired, in the next
 * round, and ends a pause. No clock, no I/O, no log. Not thread safe.
 *
 * Memory: a bit for each finished task where order is broken, 16 bytes for
 * each reopened one, some dozen for each with a history that is not final.
 */
#ifndef SINK_LEDGER_H
#define SINK_LEDGER_H

#include "common/store/record.h"
#include "common/wire/wire.h"
#include "sink/stored.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

struct ledger *ledger_create(void); /* NULL when out of memory */
void ledger_destroy(struct ledger **ledger);

/* -- Links: is this message the next of its sender? ------------------------ */
enum ledger_link {
    LINK_TAKE,    // the next one: it counts as received from now on
    LINK_HAVE,    // received before: acknowledged again after the next sync
    LINK_GAP,     // something is missing in front of it: refuse it
    LINK_STRANGER // of no worker that has joined and not left: refuse it
};
/* A RESULTS message. A worker that is new here starts at `kept`. One that left
 * and lives sends again when it has joined again. */
enum ledger_link ledger_results_link(struct ledger *ledger,
                                     const struct id128 *worker,
                                     uint64_t number, uint64_t kept);
/* A record of a RECORD message of the present generation. */
enum ledger_link ledger_record_link(struct ledger *ledger, uint64_t number,
                                    uint64_t kept);

/* -- Decisions: each is acknowledged like something stored ----------------- */
enum ledger_verdict {
    LEDGER_STORE_FINAL,   // a final record
    LEDGER_STORE_ATTEMPT, // a failed attempt or a loss
    LEDGER_STORE_EVENT,   // a control record
    LEDGER_DUPLICATE,     // it is recorded already
    LEDGER_UNKNOWN_TASK,  // beyond the sent mark, or no task
    LEDGER_OLD_ROUND,     // of a round or attempt before a redo
    LEDGER_LOST_ATTEMPT,  // a failure of an attempt recorded lost
    LEDGER_NONSENSE,      // from the future, or what nobody may say
    LEDGER_VERDICTS
};
const char *ledger_verdict_name(enum ledger_verdict verdict);
static inline bool ledger_stores(enum ledger_verdict verdict)
{
    return verdict <= LEDGER_STORE_EVENT;
}
enum ledger_verdict ledger_result(const struct ledger *ledger,
                                  const struct wire_result *result);
enum ledger_verdict ledger_record(const struct ledger *ledger,
                                  const struct wire_record *record);

/* What the ventilator made final says no more than the class: puts in how the
 * task's last attempt ended; what a person did not even say that: puts in which
 * attempt it was, too. Changes nothing else, and no other records. */
void ledger_fill_final(const struct ledger *ledger, struct record *record);

/* -- The log --------------------------------------------------------------- */
/* Takes a record that is in the log or will be with its next group. Returns 0,
 * -ENOMEM (stop: the ledger no longer says what the log says), or -EBADMSG: a
 * log that contradicts itself, found at recovery. */
int ledger_apply(struct ledger *ledger, const struct record *record);
/* After recovery: from now on STORED lists are collected. */
void ledger_start(struct ledger *ledger);

/* What became durable since the last call; lists borrow from the ledger until
 * its next ledger_synced or ledger_heartbeat. */
struct ledger_news {
    struct wire_stored_out lists;
    uint64_t record; /* highest RECORD number durable or refused for good */
};
/* Call after each successful sync. Returns 0, or -ENOMEM: as for apply. */
int ledger_synced(struct ledger *ledger, struct ledger_news *news);
/* Everything acknowledged by number so far, and nothing new. */
int ledger_heartbeat(struct ledger *ledger, struct ledger_news *news);
/* Is something collected that a sync would release? */
bool ledger_has_news(const struct ledger *ledger);

/* -- What it knows --------------------------------------------------------- */
const struct id128 *ledger_run(const struct ledger *ledger); /* zero: none */
uint32_t ledger_generation(const struct ledger *ledger);
/* The generation to grant to this ventilator: the one it has, or the next.
 * Record the next one (EVENT_GENERATION) and sync before saying so. */
uint32_t ledger_grant(const struct ledger *ledger,
                      const struct id128 *ventilator);
/* What a SYNC is answered with. `had`: the generation it was granted before, by
 * its header; 0: none. */
struct ledger_answer {
    bool fenced;         /* nothing: another ventilator has followed it */
    bool known;          /* it has the present generation already */
    uint32_t generation; /* what it has from now on */
    bool resumes;        /* its token is new: store EVENT_RESUMED, too */
};
struct ledger_answer ledger_sync(const struct ledger *ledger,
                                 const struct id128 *ventilator, uint32_t had,
                                 const struct id128 *resume);
/* The token of the last resume; zero: there was none. */
const struct id128 *ledger_resumed(const struct ledger *ledger);
/* The host of a rostered worker, else empty. Borrowed until the next apply. */
struct span ledger_host(const struct ledger *ledger,
                        const struct id128 *worker);
bool ledger_is_final(const struct ledger *ledger, uint64_t task);
/* Is it parked for a person? */
bool ledger_is_held(const struct ledger *ledger, uint64_t task);
uint32_t ledger_round(const struct ledger *ledger, uint64_t task);

/* -- SYNCED, in parts ------------------------------------------------------ */
enum { LEDGER_PART_MAX = 65536 };
/* Zeroed, it is at the start. Free it when done. */
struct ledger_cursor {
    size_t part_max; /* entries of each list in one part; 0: LEDGER_PART_MAX */
    uint64_t task;   /* finals below were given */
    size_t open, blamed, peer, edited;
    struct wire_cause cause; /* the last given, of the task at `blamed` */
    uint32_t part;           /* number of the next part */
    bool done;               /* the last part was given */
    struct wire_run *runs;
    struct wire_open_task *opens;
    struct wire_cause *causes;
    struct wire_roster_entry *roster;
    struct wire_edit *edits;
};
void ledger_cursor_free(struct ledger_cursor *cursor);
/* Fills the numbers of `synced` but generation and position, and `lists`,
 * which borrow from cursor and ledger until the next call. `delta`: no finals,
 * no open tasks. Sets part, SYNCED_MORE, SYNCED_COMPLETE, SYNCED_DELTA. Call
 * until cursor->done; the ledger may not change meanwhile. Returns 0 or
 * -ENOMEM. */
int ledger_part(const struct ledger *ledger, bool delta,
                struct ledger_cursor *cursor, struct wire_synced *synced,
                struct wire_synced_out *lists);

#endif
