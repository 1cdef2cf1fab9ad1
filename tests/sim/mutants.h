/* mutants - the mistakes that fan-sim-mutants can switch on, and what they are
 *
 * See common/base/mutant.h for where they are made.
 */
#ifndef TESTS_SIM_MUTANTS_H
#define TESTS_SIM_MUTANTS_H

#define MUTANTS(X)                                                         \
    X(NONE, "none")                                                        \
    X(ACK_BEFORE_SYNC, "acknowledge before the sync")                      \
    X(RECOVER_UNSYNCED, "trust the page cache at recovery")                \
    X(NEVER_TELL_AGAIN, "never say a lost STORED again")                   \
    X(RECORD_OF_OLD, "take RECORDs of any generation")                     \
    X(ACK_DUPLICATE, "acknowledge a duplicate before its original's sync") \
    X(SECOND_FINAL, "store a second final record")                         \
    X(RESULTS_GAP, "accept a gap in RESULTS")                              \
    X(RECORDS_GAP, "accept a gap in RECORDs")                              \
    X(LOST_FAILURE, "count a failure of a lost attempt")                   \
    X(LEDGER_FORGETS, "recover without the final records")                 \
    X(KEPT_IGNORED, "expect 1 from a worker that is new to the sink")      \
    X(SKIP_MARK, "dispatch beyond the durable mark")                       \
    X(SKIP_ROSTER, "dispatch before JOINED is stored")                     \
    X(SEND_UNSYNCED, "dispatch before SYNC")                               \
    X(LOSS_UNRECORDED, "resend without recording the loss")                \
    X(STORED_UNCHECKED, "accept STORED from any position")                 \
    X(NO_PAUSE_GUARD, "no guard for the own pause")                        \
    X(SILENT_IS_CRASH, "count a lost heartbeat as a crash")                \
    X(LOSS_IS_FAILURE, "a loss spends a retry")                            \
    X(TRUST_WORKER, "finish a task on the worker's word")                  \
    X(ATTEMPT_AGAIN, "use an attempt's number again")                      \
    X(NO_ADOPTION, "do not adopt what a worker holds at HELLO")            \
    X(ROSTER_UNAWAITED, "redo without waiting for the roster")             \
    X(LANE_ANY, "take another lane's messages")                            \
    X(RETIRE_EARLY, "forget a result once it is pushed")                   \
    X(SYNCED_OF_OTHER, "believe what another ventilator was answered")     \
    X(COMPLETE_EARLY, "complete without waiting for what is out")          \
    X(STEAL_BACK, "give back what was taken for an idle worker")           \
    X(HISTORY_IGNORED, "send again what SYNCED says is at its end")        \
    X(LEAVING_MET, "believe the roster of a worker that is leaving")       \
    X(SPEND_TWICE, "retry once more than was allowed")                     \
    X(NO_RESEND, "never ask a worker for its results again")               \
    X(LANE_STUCK, "never send a lane's messages again")                    \
    X(GRANT_SAME, "grant a new ventilator the old generation")             \
    X(TRACKER_GENERATION, "take another generation's failure for ours")    \
    X(ASTRAY, "never look for tasks that went astray")                     \
    X(TASKS_GAP, "accept a gap on a lane")                                 \
    X(QUARANTINE_ALONE, "quarantine without the sink")                     \
    X(WALL_CLOCK, "timers by the wall clock")                              \
    X(STOPPED_FAILS, "end a task whose stale copy was stopped")            \
    X(RESUME_AGAIN, "reopen again at each SYNC of a resume")               \
    X(OLD_ROUND, "take a result of an old round")                          \
    X(SYNCED_CUT, "take the first part of SYNCED for all of it")           \
    X(COPY_BESIDE, "start a copy at the same worker")                      \
    X(BARRED_FED, "give tasks to a quarantined host")                      \
    X(UNFIT_FED, "send tasks to a worker that no task fits")               \
    X(HELD_UNRECORDED, "park a task without recording that")               \
    X(HELD_FORGOTTEN, "overlook what SYNCED says is held")                 \
    X(RETRY_UNREAD, "do not read again what is to be retried")             \
    X(DECIDED_EARLY, "obey a decision before it is stored")                \
    X(RETRY_FROM_ONE, "count a retried task's attempts from one")          \
    X(DECIDED_FORGETS, "recover without the decisions")                    \
    X(CANCELLED_GOES_ON, "send a cancelled task again")                    \
    X(CANCELLED_EARLY, "end a cancelled task while it runs")               \
    X(PAUSED_FED, "send tasks of a paused run")                            \
    X(PAUSE_FORGOTTEN, "recover without the pause")                        \
    X(UNPAUSED_EARLY, "go on before the sink has it in writing")

/* Those that need a schedule of their own: script.h. */
#define SCHEDULE_MUTANTS(X)                                            \
    X(SHORT_LOG, "go on with a log shorter than was told")             \
    X(GENERATION_ANY, "take a generation that was had before")         \
    X(RESULTS_FENCED, "refuse results of older generations")           \
    X(FORGET_LOSSES, "recover without the losses")                     \
    X(FORGET_FAILURES, "recover without the failures")                 \
    X(CAUSES_IGNORED, "start without what tasks have failed of")       \
    X(LANE_REPORT, "believe a REPORT about any lane")                  \
    X(DROP_UNACKED, "do not acknowledge what is dropped")              \
    X(ENDPOINT_OLD, "stay with the sink's first endpoint")             \
    X(FINAL_IS_ATTEMPT, "take a final record for its attempt's")       \
    X(FSYNC_AGAIN, "sync again after a sync that failed")              \
    X(WAITING_STAYS, "keep waiting tasks in the window")               \
    X(GRANT_NEW, "grant each SYNC a generation")                       \
    X(CANCEL_ONCE, "say CANCEL once")                                  \
    X(OLDER_STAYS, "of two copies keep the one told of first")         \
    X(COPY_COUNTS, "count the failure of a copy")                      \
    X(COPY_SENT_AGAIN, "send again what has lost one of its copies")   \
    X(COPY_DECIDES, "end a task with its copy")                        \
    X(COPY_RUNS_ON, "let the slower copy run on")                      \
    X(BAR_THE_ONLY, "quarantine the only host")                        \
    X(CANCEL_SAID_ONCE, "tell a worker once to stop a cancelled task") \
    X(PARKED_EARLY, "end with held tasks while results are on their way")

enum mutant {
#define MUTANT_ENUM(name, text) MUTANT_##name,
    MUTANTS(MUTANT_ENUM) MUTANT_COUNT,
    MUTANT_BEFORE = MUTANT_COUNT - 1, // the same numbers go on
    SCHEDULE_MUTANTS(MUTANT_ENUM) MUTANT_ALL
};
#ifdef WITH_MUTANTS
extern enum mutant mutant_on;
#define MUTANT(name) (mutant_on == MUTANT_##name)
#endif

#endif
