/* sim - one run of fan in one process: real cores, a clock and a world of ours
 *
 * The tracker, the ledger, the slot table, the retention, the records and the
 * codec of all messages are the product's. Made here are the network, the
 * disk, the processes that come and go, and, as thin as it can be, what joins
 * the cores in the three roles (sim_vent.c, sim_sink.c, sim_work.c).
 *
 * A seed draws a plan (plan.c): tasks, workers, limits, faults. The same plan
 * and seed give the same events, byte for byte. truth.c keeps what is really
 * so, and says which guarantee an event broke.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "common/base/bytes.h"
#include "common/store/record.h"
#include "common/wire/wire.h"
#include "sink/ledger.h"
#include "ventilator/tracker.h"
#include "worker/retain.h"
#include "worker/slots.h"

enum {
    SIM_WORKERS = 5,
    SIM_SLOTS = 3,
    SIM_TASKS = 60,
    SIM_FAULTS = 12,
    SIM_PEERS = 64, // worker incarnations a ventilator may know at once
    SIM_LONE_DEATHS = 3,
    SIM_RESUMES = 2,
    SIM_KINDS = 4, // of failures
    SIM_HOWS = 3,
    SIM_SLOW = 10,
};
extern const struct failure SIM_KIND[SIM_KINDS];

/* -- the plan -------------------------------------------------------------- */

/* The twin is a ventilator whose place another has taken. */
enum { VENT, SINK, WORK, PROCESSES = WORK + SIM_WORKERS, TWIN = PROCESSES };

enum fault_kind {
    FAULT_KILL,      // the process dies; what it wrote stays in the cache
    FAULT_POWER,     // so does its host: what was not synced may be gone
    FAULT_PAUSE,     // SIGSTOP, SIGCONT
    FAULT_DROP,      // a connection swallows all, and is found to be lost
    FAULT_PARTITION, // all of them, and none comes back for a while
    FAULT_STALL,     // one direction of a connection stands still
    FAULT_DISK_FULL,
    FAULT_FSYNC,
    FAULT_DRAIN, // SIGTERM to a worker
    FAULT_WALL,  // the wall clock is set, a year at most
    FAULT_TWIN,  // another ventilator takes the place of one that goes on
    FAULT_KINDS
};

struct fault {
    int64_t at_ms, length_ms;
    uint8_t kind, victim, detail;
};

struct task_plan {
    uint32_t fails; // its first attempts that fail
    int32_t ms;
    uint8_t how[SIM_HOWS]; // they fail, in turn: of SIM_KIND
    bool bad;              // no command can be made of it
    bool killer;           // takes its worker along
    unsigned slow; // a mask of workers at which it takes SIM_SLOW times as long
};

/* What a failing seed is shrunk by. */
struct choice {
    uint64_t seed;
    unsigned tasks, workers; // 0: as the seed says
    uint32_t faults;         // mask of those that happen
};

struct schedule;

struct plan {
    struct choice choice;
    const struct schedule *schedule; // instead of faults (script.h)
    unsigned tasks, workers, faults;
    unsigned slots[SIM_WORKERS];
    uint32_t unfit; // a bit for each worker that no task fits
    struct task_plan task[SIM_TASKS + 1];
    struct fault fault[SIM_FAULTS];
    struct tracker_limits limits;
    struct policy policy;
    unsigned bad; // a worker's process at which all fails at once; 0: none
    uint64_t retain_max;
    int32_t delay_ms; // of a message, at most
    int32_t dial_ms;  // before a lost connection is tried again, at most
    int32_t restart_ms;
    int32_t input_ms;      // a task can be read so long after the one before
    uint32_t notice;       // of 100 worker deaths that are told at once
    uint32_t deaf;         // of 100 new connections: nobody notices
    uint32_t ghosts;       // of 10000 control messages of a ventilator: come
                           // again, long after it
    unsigned part_max;     // entries of a list in one part of SYNCED, of HELLO
    unsigned batch;        // messages a ventilator takes in one turn
    uint32_t crash;        // of 10000 steps at which a process may die: dies
    unsigned ports;        // to choose from: few are soon used again
    int64_t quiet_from_ms; // no fault goes on beyond
    unsigned resumes;      // lives of the run after the first
    int64_t
        cut_ms[SIM_RESUMES + 1]; // how long one lasts; 0: until it is complete
    uint32_t survive;            // of 100 workers that may: see the next life
    uint32_t decides;            // of 100 held tasks: while the run goes on
    struct {
        int64_t at_ms; // 0: never
        uint64_t first, last;
    } cancel;                    // a person's
    int64_t pause_ms, paused_ms; // a person pauses it then, for so long; 0: no
    bool calm;                   // nothing ever goes wrong
};

uint64_t random_next(uint64_t *state); /* splitmix64 */
void plan_draw(struct plan *plan, const struct choice *choice);

/* -- the world ------------------------------------------------------------- */

enum socket { SOCKET_CONTROL, SOCKET_OTHER, SOCKETS };
/* Connections, by who dials: to the ventilator's control socket, to the sink's
 * results socket, to a lane. */
enum way { WAY_CONTROL, WAY_RESULTS, WAY_LANE, WAYS };
enum { UP, DOWN }; // from the dialler, and to it

struct frame {
    struct frame *next;
    uint8_t from;
    uint32_t epoch; // of the connection it came by: its address
    size_t size;
    uint8_t bytes[];
};
struct queue {
    struct frame *first, **end;
};

struct channel {
    bool wanted, up, was_up;
    bool twins; // it leads to the twin
    uint32_t epoch;
    unsigned port;
    int64_t arrival_ms[2]; // of the newest message: first in, first out
    int64_t shut_ms;       // no connection before
    int64_t trouble_ms;    // when it last stood still or was down
    struct queue waiting;  // the dialler's, until it is connected
};

struct process {
    bool alive;
    bool dying; // dies at the end of this step
    bool reconnected;
    uint32_t life;
    int64_t turn_ms;     // when its next turn is; -1: none
    int64_t paused_ms;   // until
    int64_t paused_from; // since
    int64_t trouble_ms;  // when it last was dead or stopped
    struct queue in[SOCKETS];
    struct id128 id;
    bool power;  // how it dies
    bool leaves; // it runs nothing more, and has said BYE
};

struct step {
    int64_t at_ms;
    uint64_t order;
    uint8_t kind, process, way, direction;
    uint32_t detail;
    struct frame *frame;
};

struct vent;
struct sink;
struct work;
struct truth;

struct world {
    const struct plan *plan;
    uint64_t random;
    int64_t now_ms;
    uint64_t order, hash, steps;
    struct step *heap;
    size_t heap_count, heap_capacity;
    struct process process[PROCESSES + 1];
    struct channel channel[WAYS][PROCESSES];
    struct vent *vent, *twin;
    bool twin_acts; // the twin stands where the ventilator stood
    struct sink *sink;
    struct work *work[SIM_WORKERS];
    struct truth *truth;
    uint32_t generation_file; // the ventilator's, synced
    int64_t wall_ms;          // the wall clock is so much ahead
    int64_t disk_full_ms;     // until
    bool fsync_fails;
    unsigned resumes;      // so far
    int64_t began_ms;      // this life of the run
    bool complete;         // it has ended well
    uint32_t ended;        // the generation that completed or parked
    bool over;             // the last one has ended
    bool print;            // the trace
    const char *broke;     // which guarantee; NULL: none
    struct script *script; // of a schedule
    char why[160];
};

enum step_kind {
    STEP_TURN,
    STEP_ARRIVAL,
    STEP_DIAL,
    STEP_DROP,
    STEP_GHOST,
    STEP_FAULT,
    STEP_START,
    STEP_TASK_ENDS,
    STEP_DEATH_NOTICE,
    STEP_LIFE_ENDS,
    STEP_SCRIPT,
    STEP_TWIN_ENDS,
    STEP_DECIDES,
    STEP_PAUSES,
    STEP_CANCELS,
};

struct outcome {
    uint64_t hash, steps;
    int64_t ended_ms;
    const char *broke;
    char why[160];
};
/* Runs a plan to its end, or to the first broken guarantee. */
void world_run(const struct plan *plan, bool print, struct outcome *outcome);

uint32_t world_draw(struct world *world, uint32_t below); // 0 <= it < below
bool world_chance(struct world *world, uint32_t of_10000);
/* A line of the trace, and of its hash. */
void world_note(struct world *world, const char *what, int64_t a, int64_t b,
                int64_t c);
void world_broke(struct world *world, const char *guarantee, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));
void world_at(struct world *world, int64_t at_ms, struct step step);
void world_turn(struct world *world, unsigned process, int64_t at_ms);
/* Is this one of the moments at which a process dies? Then it is dying: sends
 * nothing more, and must stop. */
bool world_dies(struct world *world, unsigned process);
void world_kill(struct world *world, unsigned process, bool power);
/* After a while, if this life of the run goes on. */
void world_restart(struct world *world, unsigned process);
struct id128 world_id(unsigned process, uint32_t life);
unsigned id_process(const struct id128 *id);
uint32_t id_life(const struct id128 *id);
bool id_alive(const struct world *world, const struct id128 *id);

/* net.c */
void net_dial(struct world *world, enum way way, unsigned process,
              unsigned port);
void net_hang_up(struct world *world, enum way way, unsigned process);
void net_drop(struct world *world, enum way way, unsigned process);
void net_ghost(struct world *world, const struct step *step);
void net_dialled(struct world *world, const struct step *step);
void net_arrived(struct world *world, const struct step *step);
void net_up(struct world *world, enum way way, unsigned process,
            struct span frame);
/* False: that connection is gone. */
bool net_down(struct world *world, enum way way, unsigned process,
              uint32_t epoch, struct span frame);
struct frame *net_take(struct world *world, unsigned process,
                       enum socket socket);
void queue_add(struct queue *queue, struct frame *frame);
void queue_clear(struct queue *queue);

/* sim_vent.c, vent_hear.c */
void vent_start(struct world *world);
void vent_turn(struct world *world);
void vent_stop(struct world *world);
const struct tracker *vent_tracker(const struct world *world);
bool vent_listens(const struct world *world, unsigned port);
/* Is this worker known, or within the time it has to come back? */
bool vent_serves(const struct world *world, const struct id128 *worker);
/* Does it know a worker that takes tasks, but for those of this mask? It may
 * have died since. */
bool vent_may_feed(const struct world *world, unsigned not_at);
/* Did it take the decision? */
bool vent_decides(struct world *world, uint64_t task, enum status status);
/* Did it obey? */
bool vent_pauses(struct world *world, bool paused);
bool vent_cancels(struct world *world, uint64_t first, uint64_t last);
void vent_notice(struct world *world, const struct id128 *worker);

/* sim_sink.c, sink_hear.c */
void sink_start(struct world *world);
void sink_turn(struct world *world);
void sink_stop(struct world *world); // the process; the disk stays
void sink_free(struct world *world);
void sink_empty(struct world *world); // the disk is another's
bool sink_listens(const struct world *world, unsigned port);

/* sim_work.c */
void work_start(struct world *world, unsigned process);
void work_turn(struct world *world, unsigned process);
void work_stop(struct world *world, unsigned process);
void work_task_ends(struct world *world, const struct step *step);
void work_hang(struct world *world, unsigned process);
void work_drain(struct world *world, unsigned process);

/* Has nobody told it that the run is over? */
bool work_may_stay(const struct world *world, unsigned process);

/* lives.c */
void lives_begin(struct world *world);
/* The ventilator is done. */
void lives_complete(struct world *world);
void lives_end(struct world *world, uint32_t life);
/* By which it resumes; zero in the first life. */
struct id128 lives_token(const struct world *world);

/* twin.c */
void twin_begins(struct world *world, const struct fault *fault);
void twin_turn(struct world *world);
void twin_ends(struct world *world);
/* Does this connection lead to it? */
bool twin_has(const struct world *world, enum way way, unsigned process);

/* faults.c */
void fault_happens(struct world *world, const struct fault *fault);

#endif
