/* commit - a model of the commit rule, for spin: how a result becomes a record
 * that is neither lost nor doubled, whatever dies
 *
 *     worker --RESULTS--> sink --STORED--> ventilator --TASKS, RETIRE--> worker
 *                          ^------RECORD------'
 *
 * A step of a process is one turn of its loop: it takes a message or looks at
 * a timer, and acts. Between two steps anything may be killed, and every order
 * of steps is tried. A link holds one message in flight; its sender keeps what
 * is not acknowledged and goes back. A timer may fire whenever what it waits
 * for has not come. Sending a task, HELLO, REPORT, RETIRE and SYNC are one
 * step each: the lanes' own numbering is not modelled. Each task has one round.
 *
 * check.py runs it, and once more with each bug of its table switched on: the
 * names after #ifdef in capitals. How many of each fault a schedule may hold
 * is given by the names below; FAULTS is the limit of all together.
 */
#ifndef WORKERS
#define WORKERS 1
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef KILLS /* the sink's process dies; the page cache lives */
#define KILLS FAULTS
#endif
#ifndef CUTS /* the sink's host loses power */
#define CUTS 1
#endif
#ifndef BAD_SYNCS /* fdatasync fails */
#define BAD_SYNCS 1
#endif
#ifndef DROPS /* a connection is lost, with the message in it */
#define DROPS 1
#endif
#ifndef RESTARTS /* the ventilator dies and is started again */
#define RESTARTS 0
#endif
#ifndef DEATHS /* a worker dies; one always lives */
#define DEATHS 0
#endif
#ifndef PAUSES /* a worker is given up although it lives */
#define PAUSES 0
#endif
#ifndef FAILURES /* attempts that end badly by themselves */
#define FAILURES 1
#endif

#define TASKS        2
#define FAILURES_MAX 2 /* own failures that end a task */
#define LOSSES_MAX   2 /* losses that quarantine it */
#define RETAIN_MAX   2 /* results that a worker keeps; then it starts nothing */
#define QUEUE_MAX    4
#define LOG_MAX      12

/* A record or result in a byte: kind, task, attempt. An attempt is the pair
 * (generation, number), ordered as such: four bits. */
#define OK          1 /* final: an attempt succeeded */
#define FAILED      2 /* an attempt failed; not final */
#define LOST        3 /* an attempt went with its worker; not final */
#define ENDED       4 /* final: failed, by the ventilator's word */
#define QUARANTINED 5 /* final: too many losses, by its word too */
#define GRANTED     6 /* a generation, to the incarnation in the low bits */
#define item(kind, task, attempt) ((kind) << 5 | (task) << 4 | (attempt))
#define kind_of(i)                ((i) >> 5)
#define task_of(i)                ((i) >> 4 & 1)
#define attempt_of(i)             ((i) & 15)
#define generation_of(attempt)    ((attempt) >> 2)
#define is_final(kind) \
    ((kind) == OK || (kind) == ENDED || (kind) == QUARANTINED)

/* -- The disk of the sink -------------------------------------------------- */
byte log[LOG_MAX];
byte decided;   /* records the sink has decided on; beyond `written`: memory */
byte written;   /* records that can be read: the page cache holds them */
short starts;   /* bit i: record i is the first of its member, of one write */
short on_disk;  /* bit i: record i outlives a power cut */
short clean;    /* bit i: its page is not written by a sync: the last sync took
                 * it, or failed over it and left it looking clean */
#define bits(from, to) ((1 << (to)) - (1 << (from)))

/* -- The sink -------------------------------------------------------------- */
mtype = { DOWN, READ, CUT, REWRITTEN, UP, WROTE };
mtype sink = DOWN;
bool sink_new;          /* it has not had SYNC in this life */
byte position;          /* what it knows to be durable */
byte told;              /* where the next STORED begins */
byte expected[WORKERS]; /* RESULTS: the next number; 0: worker is new to it */
byte acked[WORKERS];    /* RESULTS: all up to this one may be retired */
byte record_expected, record_acked; /* RECORD: the same */
byte ledger_from;       /* the log's records that its ledger knows begin here */
byte granted, granted_to, granted_end; /* the last generation, to which
                         * incarnation, and where its record ends */

/* -- The ventilator -------------------------------------------------------- */
mtype = { STARTING, RUNNING, COMPLETE };
mtype ventilator = STARTING;
byte incarnation = 1, generation, at; /* `at`: its position in the log */
mtype = { READY, OUT, RECORDING, FINISHING, FINAL };
mtype task[TASKS] = READY;
byte out_at[TASKS], attempt[TASKS], attempts[TASKS];
byte failures[TASKS], losses[TASKS];
bool joined[WORKERS];   /* it speaks with this worker */
bool rostered[WORKERS]; /* in the roster, which outlives it in the log */
bool unheard[WORKERS];  /* rostered, and no HELLO to this incarnation yet */
byte awaited[WORKERS];  /* results up to this one were made before its time */
byte queue[QUEUE_MAX], queue_first = 1, queued, queue_sent; /* RECORDs kept */

/* -- The workers ----------------------------------------------------------- */
bool alive[WORKERS] = true;
byte running[WORKERS];  /* item(0, task, attempt) + 1; 0: idle */
byte results[WORKERS * RETAIN_MAX], kept[WORKERS] = 1, retained[WORKERS];
byte pushed[WORKERS];   /* of the retained ones */
#define number_made(w) (kept[w] + retained[w] - 1)

/* -- Messages in flight: number 0 is none ---------------------------------- */
byte result_number[WORKERS], result_kept[WORKERS], result_item[WORKERS];
byte record_number, record_kept, record_generation, record_item;
bool stored;
byte stored_from, stored_to, stored_acked[WORKERS], stored_record;

/* -- Faults left ----------------------------------------------------------- */
byte faults = FAULTS, kills = KILLS, cuts = CUTS, bad_syncs = BAD_SYNCS;
byte drops = DROPS, restarts = RESTARTS, deaths = DEATHS, pauses = PAUSES;
byte bad_ends = FAILURES;

/* -- What an outsider has seen, only to judge ------------------------------ */
byte promised;           /* some STORED named the log up to here */
byte retired_ok;         /* bit t: a result "ok" of task t was retired */
short retired_failed[TASKS]; /* bit a: a failure of attempt a was retired */
byte newest[TASKS];      /* the newest attempt that was sent */
bool given_up[WORKERS];  /* was taken for dead, or not waited for */
byte made_ok[WORKERS];   /* bit t: it has made an "ok" of task t */

/* Scratch of single steps, no part of the state; spin looks for the shortest
 * schedule only where nothing is hidden. */
#ifdef SHORTEST
#define SCRATCH
#else
#define SCRATCH hidden
#endif
SCRATCH byte i, j, k, finals, same_failed, same_lost, all_failed, all_lost;
SCRATCH byte entry;
SCRATCH byte taken, acknowledged_is_there, retired_is_there, one_final_a_task;
SCRATCH byte lost_attempt_never_counts, only_the_newest_attempt_counts;
SCRATCH byte quarantine_follows_its_losses, attempts_grow, attempts_are_few;
SCRATCH byte complete_means_recorded, made_is_not_computed_again;

/* What the log's records [from, to) say of task t, and of its attempt a. A
 * loss behind the failure of the same attempt is not counted. */
inline read_ledger(from, to, t, a)
{
    finals = 0; same_failed = 0; same_lost = 0; all_failed = 0; all_lost = 0;
    i = from;
    do
    :: i >= to -> break
    :: else ->
        entry = log[i];
        if
        :: kind_of(entry) == GRANTED || task_of(entry) != t -> skip
        :: else ->
            if
            :: is_final(kind_of(entry)) -> finals++
            :: kind_of(entry) == FAILED ->
                all_failed++;
                same_failed = same_failed + (attempt_of(entry) == (a))
            :: kind_of(entry) == LOST ->
                same_lost = same_lost + (attempt_of(entry) == (a));
                j = from;
                do
                :: j >= i -> all_lost++; break
                :: log[j] == item(FAILED, t, attempt_of(entry)) -> break
                :: else -> j++
                od
            fi
        fi;
        i++
    od;
    i = 0; j = 0; entry = 0
}

/* -- Properties ------------------------------------------------------------ */

/* Nothing acknowledged is missing: every STORED's bytes are in the log, and of
 * every result that a worker was told to forget the log knows. */
inline judge_retired(t)
{
    read_ledger(0, written, t, 0);
    retired_is_there = finals > 0 || !(retired_ok >> t & 1);
    assert(retired_is_there);
    i = 1;
    do
    :: finals > 0 || i > 15 -> break
    :: else ->
        if
        :: retired_failed[t] >> i & 1 ->
            j = 0;
            do
            :: j >= written || log[j] == item(FAILED, t, i) ||
               log[j] == item(LOST, t, i) -> break
            :: else -> j++
            od;
            retired_is_there = j < written;
            assert(retired_is_there)
        :: else -> skip
        fi;
        i++
    od;
    i = 0; j = 0
}

inline judge_recovered_log()
{
    acknowledged_is_there = promised <= written;
    assert(acknowledged_is_there);
    for (k : 0 .. TASKS - 1) {
        judge_retired(k)
    }
    k = 0
}

/* One final record of a task; a failure of an attempt that was recorded lost,
 * or behind which a newer one was sent, never counts; no quarantine without
 * its losses. */
inline judge_append(t, it)
{
    read_ledger(0, decided, t, attempt_of(it));
    one_final_a_task = !is_final(kind_of(it)) || finals == 0;
    assert(one_final_a_task);
    lost_attempt_never_counts = kind_of(it) != FAILED || same_lost == 0;
    assert(lost_attempt_never_counts);
    only_the_newest_attempt_counts = kind_of(it) != FAILED ||
        generation_of(newest[t]) != generation_of(attempt_of(it)) ||
        newest[t] <= attempt_of(it);
    assert(only_the_newest_attempt_counts);
    quarantine_follows_its_losses =
        kind_of(it) != QUARANTINED || all_lost >= LOSSES_MAX;
    assert(quarantine_follows_its_losses)
}

/* No (generation, attempt) twice; and nothing is computed again that a worker
 * runs, or has made, unless that worker died or was given up. */
inline judge_dispatch(t, a)
{
    attempts_grow = a > newest[t];
    assert(attempts_grow);
    newest[t] = a;
    i = 0;
    do
    :: i >= WORKERS -> break
    :: else ->
        made_is_not_computed_again = !alive[i] || given_up[i] ||
            (!(made_ok[i] >> t & 1) &&
             (running[i] == 0 || task_of(running[i] - 1) != t));
#ifndef ALLOW_COMPUTED_AGAIN
        assert(made_is_not_computed_again);
#endif
        i++
    od;
    i = 0
}

/* A run that says it is complete has one final record of each task. */
inline judge_complete()
{
    for (k : 0 .. TASKS - 1) {
        read_ledger(0, written, k, 0);
        complete_means_recorded = finals == 1;
        assert(complete_means_recorded)
    }
    k = 0
}

/* -- A message is received, or lost ---------------------------------------- */

inline drop_first(w)
{
    results[w * RETAIN_MAX] = results[w * RETAIN_MAX + 1];
    results[w * RETAIN_MAX + 1] = 0;
    kept[w]++; retained[w]--;
    pushed[w] = (pushed[w] > 0 -> pushed[w] - 1 : 0)
}

/* The next result goes out as soon as the link is free: that it lies at the
 * worker or on its way is the same. */
inline push(w)
{
    if
    :: alive[w] && result_number[w] == 0 && pushed[w] < retained[w] ->
        result_number[w] = kept[w] + pushed[w];
        result_kept[w] = kept[w];
        result_item[w] = results[w * RETAIN_MAX + pushed[w]];
        pushed[w]++;
#ifdef FORGET_WHEN_SENT
        drop_first(w)
#endif
    :: else -> skip
    fi
}

/* From the first that is retained. */
inline push_again(w)
{
    pushed[w] = 0;
    push(w)
}

inline clear_result(w)
{
    result_number[w] = 0; result_kept[w] = 0; result_item[w] = 0
}

/* RECORD likewise. */
inline push_record()
{
    if
    :: ventilator == RUNNING && !sink_new && record_number == 0 &&
       queue_sent < queued ->
        record_number = queue_first + queue_sent;
        record_kept = queue_first;
        record_generation = generation;
        record_item = queue[queue_sent];
        queue_sent++
    :: else -> skip
    fi
}

inline clear_record()
{
    record_number = 0; record_kept = 0; record_generation = 0; record_item = 0
}

inline clear_stored()
{
    stored = false;
    stored_from = 0; stored_to = 0; stored_record = 0;
    for (i : 0 .. WORKERS - 1) {
        stored_acked[i] = 0
    }
    i = 0
}

/* -- The sink -------------------------------------------------------------- */

inline append(t, it)
{
    judge_append(t, it);
    assert(decided < LOG_MAX);
    log[decided] = it;
    decided++
}

/* The ledger's decision on what came, against all that the log holds and what
 * will be in it with the next commit. What it drops is acknowledged like
 * something stored. */
inline decide(it)
{
    read_ledger(ledger_from, decided, task_of(it), attempt_of(it));
    taken = true;
#ifndef NO_DEDUPE
    if
    :: finals > 0 -> taken = false
    :: kind_of(it) == FAILED && same_failed > 0 -> taken = false
    :: kind_of(it) == LOST && same_lost > 0 -> taken = false
#ifndef COUNT_LOST_FAILURE
    :: kind_of(it) == FAILED && same_lost > 0 -> taken = false
#endif
    :: else -> skip
    fi;
#endif
    if
    :: taken -> append(task_of(it), it)
    :: else -> skip
    fi
}

/* What was received is released to be acknowledged: after a sync, or when
 * there is nothing that is not synced. */
inline release()
{
    for (i : 0 .. WORKERS - 1) {
        if
        :: expected[i] > 0 -> acked[i] = expected[i] - 1
        :: else -> skip
        fi
    }
    if
    :: record_expected > 0 -> record_acked = record_expected - 1
    :: else -> skip
    fi;
    i = 0
}

inline release_if_idle()
{
#ifdef ACK_DUPLICATE_BEFORE_SYNC
    if
    :: !taken || decided == position -> release()
    :: else -> skip
    fi
#else
    if
    :: decided == position -> release()
    :: else -> skip
    fi
#endif
}

/* RESULTS from w: accepted where the number is the expected one. A lower number
 * was received before, a higher one is refused: go back. What the worker no
 * longer keeps is not waited for: a sink to whom it is new starts at what is
 * kept, and so does one that started too low: its first message may have been
 * sent before the last RETIRE, and have outlived the old sink. */
inline take_result(w)
{
    taken = false;
    if
#if defined(START_AT_ONE)
    :: expected[w] == 0 -> expected[w] = 1
#elif defined(KEPT_ONLY_AT_FIRST)
    :: expected[w] == 0 -> expected[w] = result_kept[w]
#else
    :: expected[w] < result_kept[w] -> expected[w] = result_kept[w]
#endif
    :: else -> skip
    fi;
    if
    :: result_number[w] < expected[w] -> skip
#ifndef ACCEPT_GAP
    :: result_number[w] > expected[w] -> pushed[w] = 0 /* RESEND */
#endif
    :: else ->
        expected[w] = result_number[w] + 1;
        decide(result_item[w])
    fi;
    clear_result(w);
    push(w);
    release_if_idle()
}

/* RECORD: the same, and nothing of a lower generation than was granted. */
inline take_record()
{
    taken = false;
    if
#ifndef NO_FENCE
    :: record_generation < granted -> skip
#endif
    :: else ->
        if
        :: record_expected < record_kept -> record_expected = record_kept
        :: else -> skip
        fi;
        if
        :: record_number < record_expected -> skip
#ifndef ACCEPT_RECORD_GAP
        :: record_number > record_expected -> queue_sent = 0
#endif
        :: else ->
            record_expected = record_number + 1;
            decide(record_item)
        fi;
        release_if_idle()
    fi;
    clear_record();
    push_record()
}

/* i: where the last whole member of the log begins. Each member is written
 * only when all before it are durable, and says so in its header; so this is
 * the last offset known to be durable. */
inline find_last_member()
{
    i = written;
    do
    :: i == 0 || (i < written && (starts >> i & 1)) -> break
    :: else -> i--
    od
}

/* Up again: it knows what the log says and nothing else. Where each worker's
 * numbers stand it learns from their next RESULTS. */
inline sink_ready()
{
    position = written;
    for (k : 0 .. written) {
        if
        :: k < written && kind_of(log[k]) == GRANTED ->
            granted++; granted_to = attempt_of(log[k]); granted_end = k + 1
        :: else -> skip
        fi
    }
    k = 0;
#ifdef LEDGER_NOT_REBUILT
    ledger_from = written;
#endif
    judge_recovered_log();
    sink = UP;
    sink_new = true
}

inline sink_dies()
{
    sink = DOWN; sink_new = false;
    do
    :: decided == written -> break
    :: else -> decided--; log[decided] = 0
    od;
    position = 0; told = 0; granted = 0; granted_to = 0; granted_end = 0;
    for (i : 0 .. WORKERS - 1) {
        expected[i] = 0; acked[i] = 0
    }
    record_expected = 0; record_acked = 0;
    ledger_from = 0;
    i = 0
}

/* What no sync has taken is gone, and what stood behind it. (What the kernel
 * wrote in time by itself is there: that is a kill.) */
inline power_goes()
{
    i = 0;
    do
    :: i == written || !(on_disk >> i & 1) -> break
    :: else -> i++
    od;
    do
    :: decided == i -> break
    :: else -> decided--; log[decided] = 0
    od;
    written = i;
    on_disk = bits(0, written); clean = on_disk; starts = starts & on_disk;
    sink_dies()
}

inline send_stored(to)
{
    stored = true;
    stored_from = told; stored_to = to; told = to;
    for (i : 0 .. WORKERS - 1) {
        stored_acked[i] = acked[i]
    }
    stored_record = record_acked;
    i = 0
}

#define to_retire(w) \
    (alive[w] && joined[w] && retained[w] > 0 && kept[w] <= acked[w])

/* SYNC makes the ventilator go on; what it does then stands here. */

/* A RECORD, kept until the sink has stored it. */
inline keep(it)
{
    assert(queued < QUEUE_MAX);
    queue[queued] = it;
    queued++;
    push_record()
}

inline finish(t, kind)
{
    keep(item(kind, t, attempt[t]));
#ifdef FINISH_WITHOUT_SINK
    task[t] = FINAL
#else
    task[t] = FINISHING
#endif
}

/* What is due now by what was counted; one fact of a task leads on, the last
 * ventilator may have died before it said so. */
inline go_on(t)
{
    if
    :: failures[t] >= FAILURES_MAX -> finish(t, ENDED)
    :: failures[t] < FAILURES_MAX && losses[t] >= LOSSES_MAX ->
        finish(t, QUARANTINED)
    :: else -> task[t] = READY; attempt[t] = 0; out_at[t] = 0
    fi
}

/* SYNCED: finals, and what was counted of each open task. Tasks without a
 * final record wait until every worker of the roster has said HELLO and what
 * it retains is in. */
inline load()
{
    for (k : 0 .. TASKS - 1) {
        read_ledger(0, position, k, 0);
        failures[k] = all_failed; losses[k] = all_lost;
        if
        :: finals > 0 -> task[k] = FINAL; failures[k] = 0; losses[k] = 0
        :: else -> go_on(k)
        fi
    }
    k = 0;
    for (i : 0 .. WORKERS - 1) {
        unheard[i] = rostered[i]
    }
    i = 0;
    generation = granted;
    at = position; told = position; sink_new = false;
    ventilator = RUNNING;
    push_record()
}

active proctype Sink()
{
end:
    do
    /* Recovery: read; write what may be in the page cache alone over itself,
     * same bytes, same place; sync; and only then speak. An unfinished member
     * at the end is kept aside and cut; nobody was told of it, so here it is
     * as if it was not written. */
    :: d_step { sink == DOWN -> sink = READ }
#if defined(NO_REWRITE_AT_RECOVERY)
    :: d_step { sink == READ -> sink_ready() }
#elif defined(SYNC_ONLY_AT_RECOVERY)
    :: d_step { sink == READ -> sink = REWRITTEN }
#elif defined(TRUNCATE_FIRST)
    :: d_step { sink == READ ->
        find_last_member();
        written = i;
        on_disk = on_disk & bits(0, i); clean = clean & bits(0, i);
        i = 0;
        sink = CUT }
    :: d_step { sink == CUT ->
        written = decided;
        sink = REWRITTEN }
#else
    :: d_step { sink == READ ->
        find_last_member();
        clean = clean & ~bits(i, written);
        i = 0;
        sink = REWRITTEN }
#endif
    :: d_step { sink == REWRITTEN ->
        on_disk = on_disk | (bits(0, written) & ~clean);
        clean = clean | bits(0, written);
        sink_ready() }

    /* Group commit: what has arrived, one member, one write, one sync. */
    :: d_step { sink == UP && result_number[0] > 0 -> take_result(0) }
#if WORKERS > 1
    :: d_step { sink == UP && result_number[1] > 0 -> take_result(1) }
#endif
    :: d_step { sink == UP && record_number > 0 -> take_record() }
    :: d_step { sink == UP && decided > written ->
        starts = starts | 1 << written;
        written = decided;
        sink = WROTE }
    :: d_step { sink == WROTE ->
        on_disk = on_disk | (bits(0, written) & ~clean);
        clean = clean | bits(0, written);
        position = written;
        release();
        sink = UP }
    /* After a sync that failed the pages look clean and are not on the disk:
     * acknowledge nothing, and end. */
    :: d_step { (sink == WROTE || sink == REWRITTEN) && bad_syncs > 0 &&
                faults > 0 ->
        bad_syncs--; faults--;
        clean = clean | bits(0, written);
#ifndef SYNC_AGAIN_AFTER_FAILURE
        sink_dies()
#endif
        }

    /* STORED covers the log from where the last one ended; and again from
     * where the ventilator stands, when its heartbeat shows that one is
     * missing. It also says what may be retired. */
    :: d_step { sink == UP && ventilator == RUNNING && !sink_new && !stored &&
                told < position ->
        send_stored(position) }
#ifdef ACK_BEFORE_SYNC
    :: d_step { sink == WROTE && ventilator == RUNNING && !sink_new &&
                !stored && told < written ->
        release();
        send_stored(written) }
#endif
#ifndef NO_STORED_AGAIN
    :: d_step { sink == UP && ventilator == RUNNING && !sink_new && !stored &&
                told == position &&
                (at < position ||
                 (queued > 0 && queue_first <= record_acked) ||
                 to_retire(0)
#if WORKERS > 1
                 || to_retire(1)
#endif
                ) ->
        told = at;
        send_stored(position) }
#endif

    /* SYNC. A repeated one gets the same generation, another incarnation the
     * next one, which is durable before it is said. */
    :: d_step { sink == UP && ventilator == STARTING &&
                granted_to != incarnation ->
        record_expected = 0; record_acked = 0;
        log[decided] = item(GRANTED, 0, incarnation);
        decided++;
        granted++; granted_to = incarnation; granted_end = decided }
    :: d_step { sink == UP && ventilator == STARTING &&
#ifndef GRANT_BEFORE_SYNC
                granted_end <= position &&
#endif
                granted_to == incarnation ->
        load() }
    /* A ventilator that was STORED beyond what was recovered would stop. Else
     * what was on its way to the old sink is sent again, by all. */
    :: d_step { sink == UP && ventilator == RUNNING && sink_new ->
        acknowledged_is_there = at <= position;
        assert(acknowledged_is_there);
        told = at; sink_new = false;
        queue_sent = 0;
        push_record();
        for (i : 0 .. WORKERS - 1) {
            push_again(i)
        }
        i = 0 }
    od
}

/* -- The ventilator -------------------------------------------------------- */

inline close(t)
{
    task[t] = FINAL;
    attempt[t] = 0; out_at[t] = 0; attempts[t] = 0;
    failures[t] = 0; losses[t] = 0
}

/* One record that has become durable. */
inline learn(it)
{
    if
    :: kind_of(it) == GRANTED -> skip
    :: is_final(kind_of(it)) -> close(task_of(it))
    :: kind_of(it) == FAILED && attempt[task_of(it)] == attempt_of(it) &&
       (task[task_of(it)] == OUT || task[task_of(it)] == RECORDING) ->
        failures[task_of(it)]++;
        go_on(task_of(it))
    :: else -> skip
    fi
}

inline forget(w, it)
{
    if
    :: kind_of(it) == OK -> retired_ok = retired_ok | 1 << task_of(it)
    :: else ->
        retired_failed[task_of(it)] =
            retired_failed[task_of(it)] | 1 << attempt_of(it)
    fi;
    drop_first(w)
}

/* RETIRE: only now the worker forgets. */
inline retire(w, upto)
{
    do
    :: retained[w] == 0 || kept[w] > upto -> break
    :: else ->
        forget(w, results[w * RETAIN_MAX])
    od;
    if
    :: awaited[w] <= upto -> awaited[w] = 0
    :: else -> skip
    fi
}

/* The first RECORD kept is durable. */
inline learn_stored_record()
{
    entry = queue[0];
    for (j : 0 .. QUEUE_MAX - 2) {
        queue[j] = queue[j + 1]
    }
    j = 0;
    queue[QUEUE_MAX - 1] = 0;
    queue_first++; queued--;
    queue_sent = (queue_sent > 0 -> queue_sent - 1 : 0);
    if
    :: kind_of(entry) == LOST && task[task_of(entry)] == RECORDING &&
       attempt[task_of(entry)] == attempt_of(entry) ->
        losses[task_of(entry)]++;
        go_on(task_of(entry))
    :: else -> skip
    fi;
    entry = 0
}

inline take_stored()
{
    if
#ifndef ACCEPT_STORED_GAP
    :: stored_from != at -> skip
#endif
    :: else ->
        promised = (stored_to > promised -> stored_to : promised);
        k = stored_from;
        do
        :: k >= stored_to -> break
        :: else -> learn(log[k]); k++
        od;
        k = 0;
        at = stored_to;
        for (i : 0 .. WORKERS - 1) {
            if
            :: alive[i] && joined[i] -> retire(i, stored_acked[i])
            :: else -> skip
            fi
        }
        i = 0;
        do
        :: queued == 0 || queue_first > stored_record -> break
        :: else -> learn_stored_record()
        od
    fi;
    clear_stored()
}

#define nothing_awaited(w) (!unheard[w] && awaited[w] == 0)
#ifdef DISPATCH_BEFORE_HELLO
#define may_dispatch true
#elif WORKERS > 1
#define may_dispatch (nothing_awaited(0) && nothing_awaited(1))
#else
#define may_dispatch nothing_awaited(0)
#endif
#define holds(w, t) (task[t] == OUT && out_at[t] == w)

inline dispatch(t, w)
{
    attempts[t]++;
    attempts_are_few = attempts[t] < 4 && generation < 4;
    assert(attempts_are_few); /* only a fault or a failure causes one */
    attempt[t] = generation << 2 | attempts[t];
    task[t] = OUT;
    out_at[t] = w;
    judge_dispatch(t, attempt[t]);
    running[w] = (alive[w] -> 1 + item(0, t, attempt[t]) : 0)
}

/* END retires everything. */
inline run_ends()
{
    for (k : 0 .. WORKERS - 1) {
        running[k] = 0; joined[k] = false;
        results[k * RETAIN_MAX] = 0; results[k * RETAIN_MAX + 1] = 0;
        kept[k] = 1; retained[k] = 0; pushed[k] = 0;
        awaited[k] = 0; unheard[k] = false;
        clear_result(k)
    }
    k = 0;
    for (k : 0 .. QUEUE_MAX - 1) {
        queue[k] = 0
    }
    k = 0; queue_first = 1; queued = 0; queue_sent = 0;
    clear_record(); clear_stored()
}

active proctype Ventilator()
{
    do
    :: d_step { ventilator == RUNNING && stored -> take_stored() }
    /* RECORD again when the sink does not have it. */
    :: d_step { ventilator == RUNNING && !sink_new && record_number == 0 &&
                queued > 0 && queue_sent == queued && sink == UP &&
                record_expected < queue_first + queued ->
        queue_sent = 0;
        push_record() }
    :: d_step { ventilator == RUNNING && task[0] == FINAL && task[1] == FINAL ->
        judge_complete();
        ventilator = COMPLETE;
        run_ends() } -> break
    od
}

/* What the ventilator does about one worker. */
inline lose(w)
{
    joined[w] = false; rostered[w] = false; awaited[w] = 0;
    for (k : 0 .. TASKS - 1) {
        if
        :: holds(w, k) ->
            keep(item(LOST, k, attempt[k]));
#ifdef NEXT_ATTEMPT_BEFORE_LOSS_STORED
            losses[k]++;
            go_on(k)
#else
            task[k] = RECORDING
#endif
        :: else -> skip
        fi
    }
    k = 0
}

/* HELLO lists what runs and what is retained. A task that runs there and that
 * this ventilator has not sent itself is adopted, another one cancelled; what
 * is retained is asked for. */
inline hello(w)
{
    joined[w] = true; rostered[w] = true;
    k = task_of(running[w] - 1);
    if
    :: running[w] == 0 -> skip
    :: running[w] > 0 && task[k] == READY && attempts[k] == 0 ->
        task[k] = OUT;
        out_at[k] = w;
        attempt[k] = attempt_of(running[w] - 1)
    :: else -> running[w] = 0
    fi;
    k = 0;
    push_again(w);
    awaited[w] = (unheard[w] && retained[w] > 0 -> number_made(w) : 0);
    unheard[w] = false
}

/* Sent to a worker, in neither of its lists, and all that it made is stored:
 * it went astray; again, and no loss. */
#define astray(w, t) \
    (alive[w] && joined[w] && retained[w] == 0 && holds(w, t) && \
     running[w] != 1 + item(0, t, attempt[t]))

inline send_again(t)
{
    task[t] = READY;
    attempt[t] = 0; out_at[t] = 0
}

proctype Peer(byte w)
{
end:
    do
    :: d_step { ventilator == RUNNING && may_dispatch && joined[w] &&
                running[w] == 0 && task[0] == READY &&
                (newest[0] > 0 || w == 0 || !alive[0]) ->
        dispatch(0, w) }
    :: d_step { ventilator == RUNNING && may_dispatch && joined[w] &&
                running[w] == 0 && task[1] == READY &&
                task[0] != READY ->
        dispatch(1, w) }
    :: d_step { ventilator == RUNNING && alive[w] && !joined[w] -> hello(w) }
    /* Death is seen; or is known of one who never said HELLO. */
    :: d_step { ventilator == RUNNING && !alive[w] && joined[w] -> lose(w) }
    :: d_step { ventilator == RUNNING && !alive[w] && unheard[w] ->
        unheard[w] = false; rostered[w] = false }
    /* It lives, but its time is over. */
    :: d_step { ventilator == RUNNING && alive[w] &&
                (joined[w] || unheard[w]) && pauses > 0 && faults > 0 ->
        pauses--; faults--;
        given_up[w] = true;
        unheard[w] = false; rostered[w] = false;
        lose(w) }
#ifndef NEVER_SENT_AGAIN
    :: d_step { ventilator == RUNNING && astray(w, 0) -> send_again(0) }
    :: d_step { ventilator == RUNNING && astray(w, 1) -> send_again(1) }
#endif
    od
}

/* -- A worker -------------------------------------------------------------- */

inline make(w, kind)
{
    results[w * RETAIN_MAX + retained[w]] =
        item(kind, task_of(running[w] - 1), attempt_of(running[w] - 1));
    retained[w]++;
    running[w] = 0;
    push(w)
}

proctype Worker(byte w)
{
end:
    do
    :: d_step { running[w] > 0 && retained[w] < RETAIN_MAX ->
        k = task_of(running[w] - 1);
        made_ok[w] = made_ok[w] | 1 << k;
#ifdef TRUST_WORKER
        task[k] = (holds(w, k) -> FINAL : task[k]);
#endif
        k = 0;
        make(w, OK) }
    :: d_step { running[w] > 0 && retained[w] < RETAIN_MAX && bad_ends > 0 ->
        bad_ends--;
        make(w, FAILED) }
    /* RESEND after a connection was lost. */
    :: d_step { alive[w] && result_number[w] == 0 && retained[w] > 0 &&
                pushed[w] == retained[w] && sink == UP && !sink_new &&
                expected[w] <= number_made(w) ->
        push_again(w) }
    od
}

/* -- Faults ---------------------------------------------------------------- */

inline ventilator_dies()
{
    ventilator = STARTING;
    incarnation++;
    generation = 0; at = 0;
    for (i : 0 .. TASKS - 1) {
        close(i);
        task[i] = READY
    }
    for (i : 0 .. WORKERS - 1) {
        joined[i] = false; unheard[i] = false; awaited[i] = 0
    }
    for (i : 0 .. QUEUE_MAX - 1) {
        queue[i] = 0
    }
    queue_first = 1; queued = 0; queue_sent = 0;
    clear_stored()
}

inline worker_dies(w)
{
    alive[w] = false;
    running[w] = 0; retained[w] = 0; kept[w] = 1; pushed[w] = 0;
    results[w * RETAIN_MAX] = 0; results[w * RETAIN_MAX + 1] = 0
}

inline links_break()
{
    if
    :: d_step { result_number[0] > 0 -> clear_result(0); push(0) }
    :: true
    fi;
#if WORKERS > 1
    if
    :: d_step { result_number[1] > 0 -> clear_result(1); push(1) }
    :: true
    fi;
#endif
    if
    :: d_step { record_number > 0 -> clear_record(); push_record() }
    :: true
    fi
}

/* What was on its way to a process that dies may come to its next life, or
 * not. */
active proctype Faults()
{
end:
    do
    :: atomic { sink != DOWN && kills > 0 && faults > 0 ->
        kills--; faults--;
        d_step { sink_dies() };
        links_break() }
    :: atomic { on_disk != bits(0, written) && cuts > 0 && faults > 0 ->
        cuts--; faults--;
        d_step { power_goes() };
        links_break() }
    :: atomic { ventilator == RUNNING && restarts > 0 && faults > 0 ->
        restarts--; faults--;
        d_step { ventilator_dies() };
        if
        :: d_step { record_number > 0 -> clear_record(); push_record() }
        :: true
        fi }
#if WORKERS > 1
    :: atomic { alive[0] && alive[1] && deaths > 0 && faults > 0 ->
        deaths--; faults--;
        if
        :: d_step { worker_dies(0) }
        :: d_step { result_number[0] > 0 -> worker_dies(0); clear_result(0) }
        :: d_step { worker_dies(1) }
        :: d_step { result_number[1] > 0 -> worker_dies(1); clear_result(1) }
        fi }
    :: d_step { result_number[1] > 0 && drops > 0 && faults > 0 ->
        drops--; faults--;
        clear_result(1); push(1) }
#endif
    :: d_step { result_number[0] > 0 && drops > 0 && faults > 0 ->
        drops--; faults--;
        clear_result(0); push(0) }
    :: d_step { record_number > 0 && drops > 0 && faults > 0 ->
        drops--; faults--;
        clear_record(); push_record() }
    :: d_step { stored && drops > 0 && faults > 0 ->
        drops--; faults--;
        clear_stored() }
    od
}

init {
    atomic {
        run Worker(0); run Peer(0);
#if WORKERS > 1
        run Worker(1); run Peer(1)
#endif
    }
}
