#include "sink/ledger.h"

#include "common/base/mutant.h"
#include "sink/ledger_state.h"

#include <assert.h>

const char *ledger_verdict_name(enum ledger_verdict verdict)
{
    static const char *const NAMES[] = {
        "final",        "attempt",   "event",        "duplicate",
        "unknown-task", "old-round", "lost-attempt", "nonsense",
    };
    static_assert(sizeof NAMES / sizeof *NAMES == LEDGER_VERDICTS,
                  "a name for each verdict");
    return verdict < LEDGER_VERDICTS ? NAMES[verdict] : "unknown";
}

/* After a resume with changed input new lines have numbers above all used
 * before, so that a place in dispatch order may stand for base + place. */
static uint64_t task_limit(const struct ledger *ledger)
{
    const uint64_t room = NUMSET_NUMBER_MAX - ledger->number_base;
    return ledger->mark < room ? ledger->number_base + ledger->mark
                               : NUMSET_NUMBER_MAX;
}

static bool known_task(const struct ledger *ledger, uint64_t task)
{
    return task != 0 && task <= task_limit(ledger);
}

/* What holds for every record of an attempt or end of a task. The answer is
 * STORE_ATTEMPT when nothing speaks against it. */
static enum ledger_verdict judge(const struct ledger *ledger, uint64_t task,
                                 uint32_t round)
{
    const uint32_t now = ledger_round(ledger, task);
    if (round != now && !MUTANT(OLD_ROUND))
        return round < now ? LEDGER_OLD_ROUND : LEDGER_NONSENSE;
    if (ledger_is_final(ledger, task) && !MUTANT(SECOND_FINAL))
        return LEDGER_DUPLICATE;
    return LEDGER_STORE_ATTEMPT;
}

static enum ledger_verdict judge_attempt(const struct ledger *ledger,
                                         uint64_t task, uint32_t round,
                                         uint32_t generation, uint32_t attempt)
{
    if (!known_task(ledger, task))
        return LEDGER_UNKNOWN_TASK;
    if (generation == 0 || attempt == 0 || generation > ledger->generation)
        return LEDGER_NONSENSE;
    if (MUTANT(RESULTS_FENCED) && generation < ledger->generation)
        return LEDGER_OLD_ROUND;
    const enum ledger_verdict verdict = judge(ledger, task, round);
    if (verdict != LEDGER_STORE_ATTEMPT)
        return verdict;
    const struct open_task *open = opens_find(ledger->opens, task);
    if (open == NULL)
        return verdict;
    if (generation < open->floor_generation ||
        (generation == open->floor_generation && attempt < open->floor_attempt))
        return LEDGER_OLD_ROUND;
    return verdict;
}

static unsigned seen_before(const struct ledger *ledger, uint64_t task,
                            uint32_t generation, uint32_t attempt)
{
    const struct open_task *open = opens_find(ledger->opens, task);
    return open != NULL ? open_task_seen(open, generation, attempt) : 0;
}

enum ledger_verdict ledger_result(const struct ledger *ledger,
                                  const struct wire_result *result)
{
    if (result->class >= CLASSES || result->class == CLASS_LOST ||
        result->class == CLASS_QUARANTINED)
        return LEDGER_NONSENSE;
    const enum ledger_verdict verdict =
        judge_attempt(ledger, result->task, result->round, result->generation,
                      result->attempt);
    if (verdict != LEDGER_STORE_ATTEMPT)
        return verdict;
    if (result->class == CLASS_NONE)
        return LEDGER_STORE_FINAL;
    const unsigned seen =
        seen_before(ledger, result->task, result->generation, result->attempt);
    if ((seen & SEEN_FAILURE) != 0)
        return LEDGER_DUPLICATE;
    if ((seen & SEEN_LOSS) != 0 && !MUTANT(LOST_FAILURE))
        return LEDGER_LOST_ATTEMPT;
    return verdict;
}

static enum ledger_verdict decide_final(const struct ledger *ledger,
                                        const struct wire_record *record)
{
    const unsigned takes = 1U << STATUS_FAILED | 1U << STATUS_IGNORED |
                           1U << STATUS_QUARANTINED | 1U << STATUS_CANCELLED |
                           1U << STATUS_DROPPED | 1U << STATUS_EXPIRED;
    if (record->status >= STATUSES || (takes >> record->status & 1U) == 0 ||
        record->class >= CLASSES)
        return LEDGER_NONSENSE;
    // An operator may end a task that was never sent.
    if (record->task == 0 || record->task > NUMSET_NUMBER_MAX)
        return LEDGER_UNKNOWN_TASK;
    const enum ledger_verdict verdict =
        judge(ledger, record->task, record->round);
    if (MUTANT(FINAL_IS_ATTEMPT) &&
        seen_before(ledger, record->task, record->generation, record->attempt))
        return LEDGER_DUPLICATE;
    return verdict == LEDGER_STORE_ATTEMPT ? LEDGER_STORE_FINAL : verdict;
}

static enum ledger_verdict decide_lost(const struct ledger *ledger,
                                       const struct wire_record *record)
{
    const enum ledger_verdict verdict =
        judge_attempt(ledger, record->task, record->round, record->generation,
                      record->attempt);
    if (verdict != LEDGER_STORE_ATTEMPT)
        return verdict;
    const unsigned seen =
        seen_before(ledger, record->task, record->generation, record->attempt);
    return (seen & SEEN_LOSS) != 0 ? LEDGER_DUPLICATE : verdict;
}

static enum ledger_verdict decide_reopened(const struct ledger *ledger,
                                           const struct wire_record *record)
{
    if (record->task == 0 || record->task > NUMSET_NUMBER_MAX)
        return LEDGER_UNKNOWN_TASK;
    const uint32_t now = ledger_round(ledger, record->task);
    if (record->round <= now)
        return record->round == now ? LEDGER_DUPLICATE : LEDGER_OLD_ROUND;
    if (record->round != now + 1 || !ledger_is_final(ledger, record->task))
        return LEDGER_NONSENSE;
    return LEDGER_STORE_EVENT;
}

static enum ledger_verdict decide_joined(const struct ledger *ledger,
                                         const struct wire_record *record,
                                         bool joins)
{
    const struct peer *peer = peers_find(ledger->peers, &record->subject);
    const bool there = peer != NULL && peer->rostered;
    return there == joins ? LEDGER_DUPLICATE : LEDGER_STORE_EVENT;
}

static enum ledger_verdict decide_mark(const struct ledger *ledger,
                                       const struct wire_record *record)
{
    if (record->b > record->a || record->a > NUMSET_NUMBER_MAX)
        return LEDGER_NONSENSE;
    const bool same = record->a == ledger->mark &&
                      record->b == ledger->mark_from &&
                      record->c == ledger->mark_offset;
    return same ? LEDGER_DUPLICATE : LEDGER_STORE_EVENT;
}

static enum ledger_verdict decide_decision(const struct ledger *ledger,
                                           const struct wire_record *record)
{
    const bool holds = record->status == STATUS_HELD;
    if (!holds && record->status != STATUS_REOPENED)
        return LEDGER_NONSENSE;
    if (record->task == 0 || record->task > NUMSET_NUMBER_MAX)
        return LEDGER_UNKNOWN_TASK;
    const enum ledger_verdict verdict =
        judge(ledger, record->task, record->round);
    if (verdict != LEDGER_STORE_ATTEMPT)
        return verdict;
    return ledger_is_held(ledger, record->task) == holds ? LEDGER_DUPLICATE
                                                         : LEDGER_STORE_EVENT;
}

enum ledger_verdict ledger_record(const struct ledger *ledger,
                                  const struct wire_record *record)
{
    switch ((enum record_kind)record->kind) {
    case RECORD_FINAL:
        return decide_final(ledger, record);
    case RECORD_LOST:
        return decide_lost(ledger, record);
    case RECORD_JOINED:
        return decide_joined(ledger, record, true);
    case RECORD_LEFT:
        return decide_joined(ledger, record, false);
    case RECORD_MARK:
        return decide_mark(ledger, record);
    case RECORD_REOPENED:
        return decide_reopened(ledger, record);
    case RECORD_DECISION:
        return decide_decision(ledger, record);
    case RECORD_COMPLETE:
        return ledger->complete ? LEDGER_DUPLICATE : LEDGER_STORE_EVENT;
    case RECORD_PAUSED:
    case RECORD_UNPAUSED:
        return ledger->paused == (record->kind == RECORD_PAUSED)
                   ? LEDGER_DUPLICATE
                   : LEDGER_STORE_EVENT;
    case RECORD_HOST:
        return LEDGER_STORE_EVENT;
    case RECORD_KINDS:
        break;
    }
    return LEDGER_NONSENSE;
}
