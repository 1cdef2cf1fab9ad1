/* tracker_sink - what the tracker and the sink say to each other */
#include "common/base/mutant.h"
#include "ventilator/tracker_inside.h"

#include <stdlib.h>
#include <string.h>

// A block is to last for a second, and what waits for a mark waits for the
// disk: so one that would do so, were it sixteen times as large, becomes that
// at once.
enum {
    BLOCK_MIN = 64,
    BLOCK_MAX = 1 << 20,
    BLOCK_GROW_MS = 1000,
    BLOCK_LEAP = 16,
};

uint64_t record_add(struct tracker *tracker, struct wire_record record)
{
    if (!tracker_grow((void **)&tracker->records, &tracker->record_capacity,
                      tracker->record_count + 1, sizeof(struct kept_record))) {
        tracker_starve(tracker);
        return 0;
    }
    struct kept_record *kept = &tracker->records[tracker->record_count++];
    const struct span text = record.text;
    kept->record = record;
    kept->longer = text.size > sizeof kept->text ? malloc(text.size) : NULL;
    if (text.size > sizeof kept->text && !kept->longer) {
        tracker->record_count--;
        tracker_starve(tracker);
        return 0;
    }
    kept->record.number = tracker->record_next++;
    if (text.size > 0)
        memcpy(kept->longer ? kept->longer : (uint8_t *)kept->text, text.at,
               text.size);
    return kept->record.number;
}

static void send_records(struct tracker *tracker)
{
    enum { BATCH = 4096 };
    size_t count = tracker->record_count - tracker->record_sent;
    count = count > BATCH ? BATCH : count;
    if (!tracker_grow((void **)&tracker->sending, &tracker->sending_capacity,
                      count, sizeof(struct wire_record))) {
        tracker_starve(tracker);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct kept_record *kept = &tracker->records[tracker->record_sent + i];
        kept->record.text.at =
            kept->longer ? kept->longer : (const uint8_t *)kept->text;
        tracker->sending[i] = kept->record;
    }
    struct tracker_action *action = tracker_act(tracker, ACTION_RECORDS);
    action->records = tracker->sending;
    action->count = count;
    action->number = tracker->record_count ? tracker->records[0].record.number
                                           : tracker->record_next;
    tracker->record_sent += count;
    tracker->records_sent_ms = tracker->now_ms;
}

void records_due(struct tracker *tracker)
{
    if (!tracker->synced)
        return;
    const int64_t silent_ms = tracker->now_ms - tracker->records_sent_ms;
    if (silent_ms >= tracker->limits.heartbeat_ms)
        tracker->record_sent = 0; // go back to the last acknowledged
    if (tracker->record_sent < tracker->record_count ||
        silent_ms >= tracker->limits.heartbeat_ms)
        send_records(tracker);
}

// The last mark was asked for so long ago.
static void resize_block(struct tracker *tracker, int64_t ago_ms)
{
    uint64_t block = tracker->mark_block;
    if (ago_ms < BLOCK_GROW_MS / BLOCK_LEAP)
        block *= BLOCK_LEAP;
    else if (ago_ms < BLOCK_GROW_MS)
        block *= 2;
    else if (ago_ms > 10 * BLOCK_GROW_MS && block > BLOCK_MIN)
        block /= 2;
    tracker->mark_block = block < BLOCK_MAX ? block : BLOCK_MAX;
}

bool mark_reached(struct tracker *tracker, uint64_t ordinal)
{
    if (ordinal + tracker->mark_block / 2 > tracker->mark_asked) {
        resize_block(tracker, tracker->now_ms - tracker->mark_asked_ms);
        tracker->mark_asked = ordinal + tracker->mark_block;
        tracker->mark_asked_ms = tracker->now_ms;
        const uint32_t at = tracker->lists[ENTRY_READY].oldest;
        const struct entry *entry = &tracker->entries[at];
        const bool known = at && entry->ordinal <= ordinal;
        record_add(tracker,
                   (struct wire_record){
                       .kind = RECORD_MARK,
                       .a = tracker->mark_asked,
                       .b = known ? entry->ordinal : tracker->mark_from,
                       .c = known ? entry->offset : tracker->mark_offset});
    }
    return ordinal <= tracker->mark || MUTANT(SKIP_MARK);
}

void tracker_sink_hello(struct tracker *tracker, int64_t now_ms)
{
    tracker->now_ms = now_ms;
    tracker->sink_there = true;
    tracker->synced = false;
    tracker->sync_asked_ms = now_ms;
    tracker->sync_wait_ms = 2 * tracker->limits.heartbeat_ms;
    if (!tracker->loaded) // what a SYNCED that was cut short said is said again
        tracker->roster_count = 0;
    tracker_act(tracker, ACTION_SYNC)->number = tracker->position;
}

// The answer may have been lost. Ever less often: it may be long, and slow.
void sync_due(struct tracker *tracker)
{
    enum { SYNC_WAIT_MAX_MS = 60000 };
    if (!tracker->sink_there || tracker->synced ||
        tracker->now_ms - tracker->sync_asked_ms < tracker->sync_wait_ms)
        return;
    tracker->sync_asked_ms = tracker->now_ms;
    if (tracker->sync_wait_ms < SYNC_WAIT_MAX_MS)
        tracker->sync_wait_ms *= 2;
    tracker_act(tracker, ACTION_SYNC)->number = tracker->position;
}

static void load_open(struct tracker *tracker,
                      const struct wire_open_task *open)
{
    if (open->held) {
        held_load(tracker, open);
        return;
    }
    struct history *history = history_of(tracker, open->task);
    if (!history)
        return;
    *history =
        (struct history){open->round,       open->failures,   open->losses,
                         open->lone_deaths, open->last_class, open->last_code};
    const uint32_t at = entry_find(tracker, open->task);
    if (at) // its worker was here first
        history_recall(tracker, at);
}

// What begins again says all of it again.
static void load_causes(struct tracker *tracker, const struct wire_synced *part)
{
    if (part->part == 0 && tracker->tally && tally_clear(tracker->tally) < 0)
        tracker_starve(tracker);
    struct wire_list list = part->causes;
    struct wire_cause cause;
    while (wire_next_cause(&list, &cause) && !MUTANT(CAUSES_IGNORED))
        task_blame(tracker, cause.task,
                   (struct failure){(enum fail_class)cause.class, cause.code},
                   cause.count);
}

// It was lost before SYNCED told of it: its LEFT is on its way.
static bool is_leaving(const struct tracker *tracker,
                       const struct id128 *worker)
{
    for (size_t i = 0; i < tracker->record_count; i++)
        if (tracker->records[i].record.kind == RECORD_LEFT &&
            id128_equal(&tracker->records[i].record.subject, worker))
            return true;
    return false;
}

static void load_roster(struct tracker *tracker,
                        const struct wire_roster_entry *entry)
{
    if (rostered(tracker, &entry->worker)) // it was asked twice
        return;
    struct roster_slot *grown =
        reallocarray(tracker->roster, tracker->roster_count + 1, sizeof *grown);
    if (!grown) {
        tracker_starve(tracker);
        return;
    }
    tracker->roster = grown;
    struct roster_slot *slot = &grown[tracker->roster_count++];
    *slot = (struct roster_slot){.entry = *entry};
    slot->entry.host.size = entry->host.size < sizeof slot->host
                                ? entry->host.size
                                : sizeof slot->host;
    if (slot->entry.host.size > 0)
        memcpy(slot->host, entry->host.at, slot->entry.host.size);
    for (size_t i = 0; i < tracker->roster_count; i++)
        grown[i].entry.host.at = (const uint8_t *)grown[i].host;
    slot->gone = is_leaving(tracker, &entry->worker) && !MUTANT(LEAVING_MET);
    if (!slot->gone)
        roster_meet(tracker, slot);
}

static void load(struct tracker *tracker, const struct wire_synced *part)
{
    struct wire_list list = part->finals;
    struct wire_run run;
    while (wire_next_run(&list, &run))
        if (numset_add_run(tracker->final, run.first, run.count) < 0)
            tracker_starve(tracker);
    struct wire_open_task open;
    for (list = part->open; wire_next_open_task(&list, &open);)
        load_open(tracker, &open);
    load_causes(tracker, part);
    struct wire_roster_entry entry;
    for (list = part->roster; wire_next_roster_entry(&list, &entry);)
        load_roster(tracker, &entry);
    for (size_t i = 0; i < STATUSES; i++)
        tracker->counts.by_status[i] = part->by_status[i];
    if (part->number_max > tracker->number_sent)
        tracker->number_sent = part->number_max;
    tracker->mark = tracker->mark_asked = part->mark;
    tracker->mark_from = part->mark_from;
    tracker->mark_offset = part->mark_offset;
    tracker->resumed = !id128_is_zero(&part->resumed);
    tracker->was_complete = part->flags & SYNCED_COMPLETE;
    tracker->paused = tracker->pausing = part->flags & SYNCED_PAUSED;
}

// What was lost before SYNCED was lost in the round that only SYNCED knows.
static void mend_rounds(struct tracker *tracker)
{
    for (size_t i = 0; i < tracker->record_count; i++) {
        struct wire_record *record = &tracker->records[i].record;
        uint64_t past;
        if (record->task != 0 &&
            map_get(tracker->history_by_task, record->task, &past))
            record->round = tracker->histories[past].round;
    }
}

// A worker said that it has it before SYNCED told that it is final, or held.
static void drop_finals(struct tracker *tracker)
{
    for (uint32_t i = 1; i < tracker->entry_count; i++) {
        const struct entry entry = tracker->entries[i];
        if (entry.state == ENTRY_FREE || tracker_needs(tracker, entry.task))
            continue;
        if (entry.state == ENTRY_OUT)
            worker_cancel(tracker, entry.worker, entry.task, entry.generation,
                          entry.attempt);
        entry_close(tracker, i);
    }
}

void tracker_synced(struct tracker *tracker, const struct wire_synced *part,
                    int64_t now_ms)
{
    tracker->now_ms = now_ms;
    if (tracker->synced)
        return;
    tracker->sync_asked_ms = now_ms;
    if (part->bytes_lost > 0) {
        tracker_damaged(tracker,
                        "the sink's log is shorter than what it has "
                        "acknowledged: it is damaged or not this run's");
        return;
    }
    // One may have been lost with a connection, and the next not.
    if (part->part == 0)
        tracker->part_next = 0;
    if (part->part != tracker->part_next) {
        tracker->counts.odd++;
        return;
    }
    tracker->part_next++;
    // What answers an older question would skip what was stored since.
    if (tracker->loaded && (!(part->flags & SYNCED_DELTA) ||
                            part->position != tracker->position)) {
        tracker->counts.odd++;
        return;
    }
    if (!tracker->loaded)
        load(tracker, part);
    tracker->generation = part->generation;
    if (part->flags & SYNCED_MORE && !MUTANT(SYNCED_CUT))
        return;
    tracker->position = part->position;
    if (!tracker->loaded) {
        tracker->rejoin_until_ms = now_ms + tracker->limits.rejoin_ms;
        tracker->began_ms = now_ms;
        mend_rounds(tracker);
        drop_finals(tracker);
    }
    tracker->loaded = tracker->synced = true;
    tracker->record_sent = 0;
    workers_resend(tracker);
}

static void record_stored(struct tracker *tracker,
                          const struct wire_record *record)
{
    switch ((enum record_kind)record->kind) {
    case RECORD_JOINED:
        worker_joined(tracker, record);
        break;
    case RECORD_LOST:
        task_loss_recorded(tracker, record);
        break;
    case RECORD_MARK:
        tracker->mark = record->a;
        tracker->mark_from = record->b;
        tracker->mark_offset = record->c;
        break;
    case RECORD_COMPLETE:
        tracker->complete = true;
        tracker_act(tracker, ACTION_COMPLETE);
        break;
    case RECORD_FINAL:
    case RECORD_DECISION:
        held_decision_recorded(tracker, record);
        break;
    case RECORD_PAUSED:
    case RECORD_UNPAUSED:
        if (record->number == tracker->pause_record) {
            tracker->pause_record = 0;
            tracker->paused = tracker->pausing;
        }
        break;
    case RECORD_LEFT:
    case RECORD_REOPENED:
    case RECORD_HOST:
    case RECORD_KINDS:
        break;
    }
}

static void records_stored(struct tracker *tracker, uint64_t number)
{
    size_t done = 0;
    while (done < tracker->record_count &&
           tracker->records[done].record.number <= number)
        done++;
    if (done == 0)
        return;
    for (size_t i = 0; i < done; i++) {
        const struct wire_record record = tracker->records[i].record;
        record_stored(tracker, &record);
        free(tracker->records[i].longer);
    }
    // What record_stored added stands behind: move it all down together.
    tracker->record_count -= done;
    memmove(tracker->records, tracker->records + done,
            tracker->record_count * sizeof tracker->records[0]);
    tracker->record_sent =
        tracker->record_sent > done ? tracker->record_sent - done : 0;
}

static void entry_stored(struct tracker *tracker,
                         const struct wire_stored_entry *entry)
{
    switch ((enum stored_kind)entry->kind) {
    case STORED_FINAL:
        task_final(tracker, entry->task,
                   entry->status < STATUSES ? (enum status)entry->status
                                            : STATUS_NONE);
        break;
    case STORED_FAILURE:
        task_failed(tracker, entry);
        break;
    case STORED_LOSS:
        task_loss_stored(tracker, entry);
        break;
    case STORED_COPY:
        copies_stored(tracker, entry);
        break;
    case STORED_HELD:
        held_stored(tracker, entry);
        break;
    case STORED_REOPENED:
        break;
    }
}

void tracker_stored(struct tracker *tracker, const struct wire_stored *stored,
                    int64_t now_ms)
{
    tracker->now_ms = now_ms;
    if (!tracker->synced ||
        (stored->from != tracker->position && !MUTANT(STORED_UNCHECKED))) {
        tracker->counts.odd++;
        return;
    }
    struct wire_list list = stored->finals;
    struct wire_run run;
    while (wire_next_run(&list, &run))
        tasks_final(tracker, run, STATUS_OK);
    struct wire_stored_entry entry;
    for (list = stored->entries; wire_next_stored_entry(&list, &entry);)
        entry_stored(tracker, &entry);
    tracker->position = stored->to;
    struct wire_worker_mark mark;
    for (list = stored->workers; wire_next_worker_mark(&list, &mark);)
        workers_stored(tracker, &mark);
    records_stored(tracker, stored->record);
}
