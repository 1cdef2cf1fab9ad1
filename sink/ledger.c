#include "sink/ledger.h"

#include "common/base/mutant.h"
#include "sink/grow.h"
#include "sink/ledger_state.h"

#include <errno.h>
#include <stdlib.h>

struct ledger *ledger_create(void)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->finals = numset_create();
    ledger->rounds = map_create();
    ledger->opens = opens_create();
    ledger->edits = edits_create();
    ledger->peers = peers_create();
    bool whole = ledger->finals != NULL && ledger->rounds != NULL &&
                 ledger->opens != NULL && ledger->edits != NULL &&
                 ledger->peers != NULL;
    for (int i = 0; i < STATUSES; i++) {
        ledger->ended[i] = numset_create();
        whole = whole && ledger->ended[i] != NULL;
    }
    if (!whole)
        ledger_destroy(&ledger);
    return ledger;
}

void ledger_destroy(struct ledger **ledger)
{
    struct ledger *gone = *ledger;
    if (gone == NULL)
        return;
    for (int i = 0; i < STATUSES; i++)
        if (gone->ended[i] != NULL)
            numset_destroy(&gone->ended[i]);
    if (gone->finals != NULL)
        numset_destroy(&gone->finals);
    if (gone->rounds != NULL)
        map_destroy(&gone->rounds);
    opens_destroy(&gone->opens);
    edits_destroy(&gone->edits);
    peers_destroy(&gone->peers);
    stored_free(&gone->collecting);
    stored_free(&gone->released);
    free(gone->marks);
    free(gone);
    *ledger = NULL;
}

enum ledger_link ledger_results_link(struct ledger *ledger,
                                     const struct id128 *worker,
                                     uint64_t number, uint64_t kept)
{
    if (number == 0 || kept == 0 || kept > number)
        return LINK_GAP;
    struct peer *peer = peers_find(ledger->peers, worker);
    if (peer == NULL || !peer->rostered)
        return LINK_STRANGER;
    // What the worker no longer keeps can never come: no use waiting for it.
    if (!peer->linked || (kept > peer->taken + 1 && !MUTANT(KEPT_IGNORED))) {
        peer->taken = MUTANT(KEPT_IGNORED) ? 0 : kept - 1; // was durable
        peer->durable = peer->taken;
        peer->linked = true;
    }
    if (number > peer->taken + 1 && !MUTANT(RESULTS_GAP))
        return LINK_GAP;
    peer->dirty = true;
    ledger->acknowledge = true;
    if (number <= peer->taken)
        return LINK_HAVE;
    peer->taken = number;
    return LINK_TAKE;
}

enum ledger_link ledger_record_link(struct ledger *ledger, uint64_t number,
                                    uint64_t kept)
{
    if (number == 0 || kept == 0 || kept > number)
        return LINK_GAP;
    if (kept > ledger->record_taken + 1)
        ledger->record_taken = kept - 1;
    if (number > ledger->record_taken + 1 && !MUTANT(RECORDS_GAP))
        return LINK_GAP;
    ledger->acknowledge = true;
    if (number <= ledger->record_taken)
        return LINK_HAVE;
    ledger->record_taken = number;
    return LINK_TAKE;
}

/* The newest that failed. */
static void fill_attempt(const struct open_task *open, struct record *record)
{
    if (record->status != STATUS_CANCELLED)
        record->class = (enum fail_class)open->last_class;
    record->key = open->key;
    for (size_t i = open->seen_count; i-- > 0;) {
        if ((open->seen[i].kinds & SEEN_FAILURE) == 0)
            continue;
        record->generation = open->seen[i].generation;
        record->attempt = open->seen[i].attempt;
        return;
    }
}

void ledger_fill_final(const struct ledger *ledger, struct record *record)
{
    if (!record->final)
        return;
    const struct open_task *open = opens_find(ledger->opens, record->task);
    if (open == NULL)
        return;
    if (record->user.size > 0)
        fill_attempt(open, record);
    if (open->last_class != (uint8_t)record->class)
        return;
    record->exit = open->last_exit;
    record->signal = open->last_signal;
}

void ledger_start(struct ledger *ledger)
{
    ledger->started = true;
    ledger->record_durable = ledger->record_taken;
    stored_clear(&ledger->collecting);
}

bool ledger_has_news(const struct ledger *ledger)
{
    return ledger->acknowledge || ledger->collecting.run_count > 0 ||
           ledger->collecting.entry_count > 0;
}

static int list_marks(struct ledger *ledger, bool all, struct ledger_news *news)
{
    size_t count = 0;
    for (size_t i = 0; i < peers_count(ledger->peers); i++) {
        const struct peer *peer = peers_at(ledger->peers, i);
        if (!peer->linked || !(all || peer->dirty))
            continue;
        if (grow(&ledger->marks, &ledger->mark_capacity, count,
                 sizeof *ledger->marks) < 0)
            return -ENOMEM;
        ledger->marks[count++] = (struct wire_worker_mark){
            .worker = peer->id,
            .number = MUTANT(ACK_DUPLICATE) ? peer->taken : peer->durable};
    }
    news->lists.workers = ledger->marks;
    news->lists.worker_count = count;
    news->record = ledger->record_durable;
    return 0;
}

/* Links of workers that left go once their last number is told. */
static void settle_peers(struct ledger *ledger)
{
    for (size_t i = peers_count(ledger->peers); i-- > 0;) {
        struct peer *peer = peers_at(ledger->peers, i);
        peer->dirty = false;
        if (!peer->rostered && peer->left)
            peers_drop(ledger->peers, &peer->id);
    }
}

int ledger_synced(struct ledger *ledger, struct ledger_news *news)
{
    *news = (struct ledger_news){0};
    if (!MUTANT(DROP_UNACKED) || ledger->collecting.run_count > 0 ||
        ledger->collecting.entry_count > 0)
        for (size_t i = 0; i < peers_count(ledger->peers); i++)
            peers_at(ledger->peers, i)->durable =
                peers_at(ledger->peers, i)->taken;
    ledger->record_durable = ledger->record_taken;
    if (list_marks(ledger, false, news) < 0)
        return -ENOMEM;
    settle_peers(ledger);
    const struct stored collected = ledger->collecting;
    ledger->collecting = ledger->released;
    ledger->released = collected;
    stored_clear(&ledger->collecting);
    stored_settle(&ledger->released);
    ledger->acknowledge = false;
    news->lists.finals = (struct wire_runs_out){ledger->released.runs,
                                                ledger->released.run_count};
    news->lists.entries = ledger->released.entries;
    news->lists.entry_count = ledger->released.entry_count;
    return 0;
}

int ledger_heartbeat(struct ledger *ledger, struct ledger_news *news)
{
    *news = (struct ledger_news){0};
    return list_marks(ledger, true, news);
}

const struct id128 *ledger_run(const struct ledger *ledger)
{
    return &ledger->run;
}

uint32_t ledger_generation(const struct ledger *ledger)
{
    return ledger->generation;
}

uint32_t ledger_grant(const struct ledger *ledger,
                      const struct id128 *ventilator)
{
    const bool known = ledger->generation > 0 && !MUTANT(GRANT_NEW) &&
                       id128_equal(&ledger->ventilator, ventilator);
    return known || (MUTANT(GRANT_SAME) && ledger->generation > 0)
               ? ledger->generation
               : ledger->generation + 1;
}

struct ledger_answer ledger_sync(const struct ledger *ledger,
                                 const struct id128 *ventilator, uint32_t had,
                                 const struct id128 *resume)
{
    const uint32_t generation = ledger_grant(ledger, ventilator);
    const bool known = generation == ledger->generation;
    return (struct ledger_answer){
        .fenced = !known && had != 0 && had <= ledger->generation,
        .known = known,
        .generation = generation,
        .resumes =
            !id128_is_zero(resume) &&
            (!id128_equal(resume, &ledger->resumed) || MUTANT(RESUME_AGAIN))};
}

const struct id128 *ledger_resumed(const struct ledger *ledger)
{
    return &ledger->resumed;
}

struct span ledger_host(const struct ledger *ledger, const struct id128 *worker)
{
    const struct peer *peer = peers_find(ledger->peers, worker);
    if (peer == NULL || peer->host == NULL)
        return (struct span){0};
    return (struct span){(const uint8_t *)peer->host, peer->host_size};
}

bool ledger_is_held(const struct ledger *ledger, uint64_t task)
{
    const struct open_task *open = opens_find(ledger->opens, task);
    return open != NULL && open->held;
}

bool ledger_is_final(const struct ledger *ledger, uint64_t task)
{
    return numset_has(ledger->finals, task);
}

uint32_t ledger_round(const struct ledger *ledger, uint64_t task)
{
    uint64_t round = 0;
    if (map_count(ledger->rounds) > 0) // few runs reopen any
        (void)map_get(ledger->rounds, task, &round);
    return (uint32_t)round;
}
