#include "sink/ledger.h"
#include "sink/ledger_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void ledger_cursor_free(struct ledger_cursor *cursor)
{
    free(cursor->runs);
    free(cursor->opens);
    free(cursor->causes);
    free(cursor->roster);
    free(cursor->edits);
    *cursor = (struct ledger_cursor){0};
}

static int make_room(struct ledger_cursor *cursor)
{
    if (cursor->part_max == 0)
        cursor->part_max = LEDGER_PART_MAX;
    if (cursor->runs == NULL)
        cursor->runs = calloc(cursor->part_max, sizeof *cursor->runs);
    if (cursor->opens == NULL)
        cursor->opens = calloc(cursor->part_max, sizeof *cursor->opens);
    if (cursor->causes == NULL)
        cursor->causes = calloc(cursor->part_max, sizeof *cursor->causes);
    if (cursor->roster == NULL)
        cursor->roster = calloc(cursor->part_max, sizeof *cursor->roster);
    if (cursor->edits == NULL)
        cursor->edits = calloc(cursor->part_max, sizeof *cursor->edits);
    return cursor->runs != NULL && cursor->opens != NULL &&
                   cursor->causes != NULL && cursor->roster != NULL &&
                   cursor->edits != NULL
               ? 0
               : -ENOMEM;
}

static bool take_finals(const struct ledger *ledger,
                        struct ledger_cursor *cursor,
                        struct wire_synced_out *lists)
{
    size_t count = 0;
    uint64_t first = 0;
    uint64_t length = 0;
    while (numset_next_run(ledger->finals, cursor->task, &first, &length)) {
        if (count == cursor->part_max)
            return false;
        cursor->runs[count++] =
            (struct wire_run){.first = first, .count = length};
        cursor->task = first + length;
        lists->finals = (struct wire_runs_out){cursor->runs, count};
    }
    return true;
}

static bool take_opens(const struct ledger *ledger,
                       struct ledger_cursor *cursor,
                       struct wire_synced_out *lists)
{
    size_t count = 0;
    for (; cursor->open < opens_count(ledger->opens); cursor->open++) {
        if (count == cursor->part_max)
            return false;
        const struct open_task *at = opens_at(ledger->opens, cursor->open);
        cursor->opens[count++] = (struct wire_open_task){
            .task = at->task,
            .round = at->round,
            .failures = at->failures,
            .losses = at->losses,
            .lone_deaths = at->lone_deaths,
            .last_class = at->last_class,
            .last_code = failure_of((enum fail_class)at->last_class,
                                    at->last_exit, at->last_signal)
                             .code,
            .held = at->held,
        };
        lists->open = cursor->opens;
        lists->open_count = count;
    }
    return true;
}

static bool take_causes(const struct ledger *ledger,
                        struct ledger_cursor *cursor,
                        struct wire_synced_out *lists)
{
    size_t count = 0;
    for (; cursor->blamed < opens_count(ledger->opens); cursor->blamed++) {
        const struct open_task *at = opens_at(ledger->opens, cursor->blamed);
        struct wire_cause next = cursor->cause;
        while (open_task_next_cause(at, &next)) {
            if (count == cursor->part_max)
                return false;
            cursor->causes[count++] = cursor->cause = next;
            lists->causes = cursor->causes;
            lists->cause_count = count;
        }
        cursor->cause = (struct wire_cause){0};
    }
    return true;
}

/* Hosts are up to 1 KiB each: a quarter of a list keeps the part small. */
static bool take_roster(const struct ledger *ledger,
                        struct ledger_cursor *cursor,
                        struct wire_synced_out *lists)
{
    size_t count = 0;
    for (; cursor->peer < peers_count(ledger->peers); cursor->peer++) {
        if (count == (cursor->part_max + 3) / 4)
            return false;
        const struct peer *at = peers_at(ledger->peers, cursor->peer);
        if (!at->rostered)
            continue;
        cursor->roster[count++] = (struct wire_roster_entry){
            .worker = at->id,
            .boot = at->boot,
            .pid_start = at->pid_start,
            .pid = at->pid,
            .host = {(const uint8_t *)at->host, at->host_size},
        };
        lists->roster = cursor->roster;
        lists->roster_count = count;
    }
    return true;
}

/* Arguments are long, as hosts are. */
static bool take_edits(const struct ledger *ledger,
                       struct ledger_cursor *cursor,
                       struct wire_synced_out *lists)
{
    size_t count = 0;
    for (; cursor->edited < edits_count(ledger->edits); cursor->edited++) {
        if (count == (cursor->part_max + 3) / 4)
            return false;
        cursor->edits[count++] = *edits_at(ledger->edits, cursor->edited);
        lists->edits = cursor->edits;
        lists->edit_count = count;
    }
    return true;
}

static void fill_numbers(const struct ledger *ledger,
                         struct wire_synced *synced)
{
    synced->flags = (ledger->complete ? SYNCED_COMPLETE : 0U) |
                    (ledger->paused ? SYNCED_PAUSED : 0U);
    synced->number_max = ledger->number_max;
    synced->mark = ledger->mark;
    synced->mark_from = ledger->mark_from;
    synced->mark_offset = ledger->mark_offset;
    synced->resumed = ledger->resumed;
    uint64_t others = 0;
    for (int i = 0; i < STATUSES; i++) {
        synced->by_status[i] = numset_count(ledger->ended[i]);
        others += synced->by_status[i];
    }
    synced->by_status[STATUS_OK] = numset_count(ledger->finals) - others;
}

int ledger_part(const struct ledger *ledger, bool delta,
                struct ledger_cursor *cursor, struct wire_synced *synced,
                struct wire_synced_out *lists)
{
    static_assert(sizeof synced->by_status / sizeof *synced->by_status ==
                      STATUSES,
                  "a count for each status");
    if (make_room(cursor) < 0)
        return -ENOMEM;
    *lists = (struct wire_synced_out){0};
    fill_numbers(ledger, synced);
    bool all = take_roster(ledger, cursor, lists);
    if (delta) {
        synced->flags |= SYNCED_DELTA;
    } else {
        all = take_finals(ledger, cursor, lists) && all;
        all = take_opens(ledger, cursor, lists) && all;
        all = take_causes(ledger, cursor, lists) && all;
        all = take_edits(ledger, cursor, lists) && all;
    }
    if (!all)
        synced->flags |= SYNCED_MORE;
    synced->part = cursor->part++;
    cursor->done = all;
    return 0;
}
