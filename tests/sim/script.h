/* script - a schedule of events that is written down, not drawn
 *
 * A schedule is a small world (`prepare`) and steps. A step waits for a line
 * of the trace, or for a message that is about to arrive, and then does
 * something to the world; the next step waits from then on. Nothing else goes
 * wrong, no message takes time, and nobody who died is started but by a step.
 * A schedule of which a step never comes has not been shown, and is red.
 *
 * Each is there for one rule: with the mutant that breaks this rule it must
 * end with `breaks`.
 */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include "tests/sim/mutants.h"
#include "tests/sim/sim.h"

enum { ANY = -1, W1 = WORK, W2, W3 };

enum script_act {
    DO_NOTHING, // it has come: that is what was to be shown
    DO_FAULT,   // as faults.c has it
    DO_START,   // a process that is not there
    DO_PASS,    // the message arrives: the next is meant
    DO_LOSE,    // the message, and its connection with all that is on it
    DO_HOLD,    // the message only: what comes behind it overtakes it
    DO_HAUNT,   // all that was held arrives, by the connection of now
    DO_STALL,   // it, and what comes behind it the same way, wait
    DO_FLOW,    // what waits goes on, as far as its connection is still there
    DO_DROP,    // a connection
    DO_HANG,    // what a worker runs never ends by itself
    DO_EMPTY,   // a dead sink's directory: it will find another
};

struct script_step {
    /* A line of the trace, as world_note has it; or a message, by its type,
     * sender and receiver. ANY is any. NULL: at once. */
    const char *when;
    int64_t a, b, c;
    int64_t after_ms;  // after that
    int64_t within_ms; // of the step before; 0: whenever
    enum script_act act;
    struct fault fault; // its victim is the process
    enum way way;       // of its connection
};

/* How steps are written. */
#define NOTE(what, a_, b_, c_)  .when = (what), .a = (a_), .b = (b_), .c = (c_)
#define MESSAGE(type, from, to) NOTE(type, from, to, ANY)
#define LATER(ms)               .after_ms = (ms)
#define FAULT(kind_, victim_, ms) \
    .act = DO_FAULT,              \
    .fault = {.kind = FAULT_##kind_, .victim = (victim_), .length_ms = (ms)}
#define KILL(process)  FAULT(KILL, process, 0)
#define START(process) .act = DO_START, .fault.victim = (process)
#define EMPTY          .act = DO_EMPTY
#define DROP(way_, process) \
    .act = DO_DROP, .way = (way_), .fault.victim = (process)
/* Cut off from the ventilator's control socket, but from nothing else. */
#define CUT_CONTROL(process, ms) FAULT(PARTITION, process, ms)

struct schedule {
    const char *name;
    const char *rule;
    enum mutant mutant;
    const char *breaks;
    void (*prepare)(struct plan *plan); // NULL: as script_plan leaves it
    const struct script_step *steps;
    size_t count;
    uint32_t late;     // a bit for each process that a step starts
    unsigned runs_max; // of all tasks together; 0: any
    bool moves;        // each start of the sink finds another port
    bool stops;        // the run must refuse to go on
};

/* What a world knows of its schedule. */
struct script {
    size_t at;        // the step that is waited for
    bool waits;       // it has come, and is done a little later
    int64_t since_ms; // the step before
    bool stopped;
    bool stalled[WAYS][PROCESSES][2];
    struct step *kept;
    size_t kept_count, kept_capacity;
};

extern const struct schedule SCHEDULES_LINKS[], SCHEDULES_LOG[],
    SCHEDULES_LIVES[], SCHEDULES_TASKS[], SCHEDULES_RUNS[], SCHEDULES_HELD[],
    SCHEDULES_COPIES[];
const struct schedule *schedule_at(size_t at); /* NULL: no more */

/* The world of a schedule: few tasks, one worker with one slot, no delay. */
void script_plan(struct plan *plan, const struct schedule *schedule);
void script_begin(struct world *world);
void script_note(struct world *world, const char *what, int64_t a, int64_t b,
                 int64_t c);
/* Is this arrival kept from its receiver? Then it is the script's. */
bool script_takes(struct world *world, const struct step *step);
void script_happens(struct world *world);
/* The product would end the run here, with an error. */
void script_stops(struct world *world, const char *guarantee, const char *why);
void script_at_end(struct world *world);
void script_free(struct world *world);

/* Runs all, or the one of that name. Returns the exit status. */
int schedules_run(const char *name, bool print);
/* The same, each with its mutant, as the lines of a table; these must be in
 * the file `page`, if that is given. */
int schedules_bite(const char *name, const char *page, bool print);

#endif
