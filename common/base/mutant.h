/* mutant - mistakes made on purpose, to see whether the simulation notices
 *
 * MUTANT(name) is false, at no cost, in everything but tests/sim's own build
 * with WITH_MUTANTS: there it is true while that mistake is switched on.
 */
#ifndef COMMON_BASE_MUTANT_H
#define COMMON_BASE_MUTANT_H

#define MUTANTS(X)                                                             \
    X(NONE, "none")                                                            \
    X(ACK_BEFORE_SYNC, "acknowledge before the sync")                          \
    X(RECOVER_UNSYNCED, "trust the page cache at recovery")                    \
    X(NEVER_TELL_AGAIN, "never say a lost STORED again")                       \
    X(RECORD_OF_OLD, "take RECORDs of any generation")                         \
    X(ACK_DUPLICATE, "acknowledge a duplicate before its original's sync")     \
    X(SECOND_FINAL, "store a second final record")                             \
    X(RESULTS_GAP, "accept a gap in RESULTS")                                  \
    X(RECORDS_GAP, "accept a gap in RECORDs")                                  \
    X(LOST_FAILURE, "count a failure of a lost attempt")                       \
    X(LEDGER_FORGETS, "recover without the final records")                     \
    X(KEPT_IGNORED, "expect 1 from a worker that is new to the sink")          \
    X(SKIP_MARK, "dispatch beyond the durable mark")                           \
    X(SKIP_ROSTER, "dispatch before JOINED is stored")                         \
    X(SEND_UNSYNCED, "dispatch before SYNC")                                   \
    X(LOSS_UNRECORDED, "resend without recording the loss")                    \
    X(STORED_UNCHECKED, "accept STORED from any position")                     \
    X(NO_GENERATION, "workers take lower generations")                         \
    X(NO_PAUSE_GUARD, "no guard for the own pause")                            \
    X(SILENT_IS_CRASH, "count a lost heartbeat as a crash")                    \
    X(LOSS_IS_FAILURE, "a loss spends a retry")                                \
    X(TRUST_WORKER, "finish a task on the worker's word")                      \
    X(ATTEMPT_AGAIN, "use an attempt's number again")                          \
    X(NO_ADOPTION, "do not adopt what a worker holds at HELLO")                \
    X(ROSTER_UNAWAITED, "redo without waiting for the roster")                 \
    X(LANE_GAP, "accept a gap on a lane")                                      \
    X(LANE_ANY, "take another lane's messages")                                \
    X(RETIRE_EARLY, "forget a result once it is pushed")                       \
    X(RECORDS_ONCE, "never send a RECORD again")                               \
    X(COMPLETE_EARLY, "complete without waiting for what is out")

#ifdef WITH_MUTANTS
enum mutant {
#define MUTANT_ENUM(name, text) MUTANT_##name,
    MUTANTS(MUTANT_ENUM) MUTANT_COUNT
};
extern enum mutant mutant_on;
#define MUTANT(name) (mutant_on == (name))
#else
#define MUTANT(name) 0
#endif

#endif
