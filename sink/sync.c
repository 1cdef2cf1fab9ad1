#include "sink/sync.h"

#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>

enum { REPLAY_BYTES = 8 << 20 };

static int collect(void *arg, const struct record *record)
{
    return stored_add(arg, record);
}

void sink_tell_again(struct sink *sink, uint64_t from)
{
    struct stored stored = {0};
    while (!sink->ended && from < sink->told) {
        uint64_t to = from;
        stored_clear(&stored);
        const int error = journal_replay(sink->journal, &to, REPLAY_BYTES,
                                         collect, &stored, sink->problem);
        if (error < 0 || to <= from) {
            problem_set(sink->problem, error < 0 ? error : -EBADMSG,
                        "cannot read the log again at byte %" PRIu64, from);
            sink_end(sink, EXIT_ERROR);
            break;
        }
        stored_settle(&stored);
        struct ledger_news news = {0};
        // Numbers speak for everything before: only the last part has them.
        if (to >= sink->told && ledger_heartbeat(sink->ledger, &news) < 0) {
            problem_set(sink->problem, -ENOMEM, "out of memory");
            sink_end(sink, EXIT_ERROR);
            break;
        }
        news.lists.finals =
            (struct wire_runs_out){stored.runs, stored.run_count};
        news.lists.entries = stored.entries;
        news.lists.entry_count = stored.entry_count;
        sink_send_news(sink, from, to, &news);
        from = to;
    }
    stored_free(&stored);
}

static void answer(struct sink *sink, const struct id128 *ventilator,
                   uint64_t position, bool delta, uint64_t bytes_lost)
{
    struct ledger_cursor cursor = {0};
    const struct wire_header header = sink_header(sink);
    while (!cursor.done) {
        struct wire_synced synced = {
            .ventilator = *ventilator,
            .generation = ledger_generation(sink->ledger),
            .position = position,
            .bytes_lost = bytes_lost,
        };
        struct wire_synced_out lists;
        if (ledger_part(sink->ledger, delta, &cursor, &synced, &lists) < 0) {
            problem_set(sink->problem, -ENOMEM, "out of memory");
            sink_end(sink, EXIT_ERROR);
            break;
        }
        wire_put_synced(&sink->out, &header, &synced, &lists);
        sink_send(sink);
    }
    ledger_cursor_free(&cursor);
}

/* False when there is no room for it now: SYNC will be asked again. */
static bool grant(struct sink *sink, const struct ledger_answer *answer,
                  const struct id128 *ventilator, const struct id128 *resume,
                  int64_t now_ms)
{
    if (!answer->known &&
        !sink_store(sink, &(struct record){.event = EVENT_GENERATION,
                                           .generation = answer->generation,
                                           .attempt = 1,
                                           .worker = *ventilator}))
        return false;
    if (answer->resumes &&
        !sink_store(sink, &(struct record){.event = EVENT_RESUMED,
                                           .generation = answer->generation,
                                           .attempt = 1,
                                           .worker = *resume}))
        return false;
    return sink_commit(sink, now_ms);
}

static void refuse_fenced(struct sink *sink)
{
    const struct wire_header header = sink_header(sink);
    const struct wire_refused refused = {
        REFUSED_FENCED, SPAN_OF("a later ventilator of this run is at work")};
    wire_put_refused(&sink->out, &header, &refused);
    sink_send(sink);
}

bool sink_sync(struct sink *sink, const struct wire_header *header,
               struct span body, int64_t now_ms)
{
    struct wire_sync sync;
    if (!wire_get_sync(body, &sync))
        return false;
    const struct ledger_answer granted = ledger_sync(
        sink->ledger, &header->sender, header->generation, &sync.resume);
    if (granted.fenced) {
        refuse_fenced(sink);
        return false;
    }
    const uint64_t end = journal_position(sink->journal);
    const uint32_t present = ledger_generation(sink->ledger);
    // Before anything is granted, and written: the next one has to see it, too.
    if (sync.generation > present) {
        answer(sink, &header->sender, end, false, 0);
        problem_exit(sink->problem, EXIT_DAMAGED, -EBADMSG,
                     "the run has had generation %" PRIu32
                     ", the log has %" PRIu32
                     ": it is not this run's, or was emptied",
                     sync.generation, present);
        sink_end(sink, EXIT_DAMAGED);
        return true;
    }
    if (sync.position > end) {
        answer(sink, &header->sender, end, true, sync.position - end);
        problem_exit(sink->problem, EXIT_DAMAGED, -EBADMSG,
                     "the log is %" PRIu64 " bytes shorter than what was "
                     "acknowledged: it is damaged or not this run's",
                     sync.position - end);
        sink_end(sink, EXIT_DAMAGED);
        return true;
    }
    if (!grant(sink, &granted, &header->sender, &sync.resume, now_ms)) {
        sink->welcomed = false; // HELLO again asks for the next SYNC
        return true;
    }
    const bool delta = granted.known && sync.position > 0;
    sink->told = journal_position(sink->journal);
    sink->behind = 0;
    answer(sink, &header->sender, delta ? sync.position : sink->told, delta, 0);
    sink->ventilator = header->sender;
    sink->synced = true;
    if (delta)
        sink_tell_again(sink, sync.position);
    log_event(LOG_INFO, "synced",
              "generation=%" PRIu32 " from=%" PRIu64 " position=%" PRIu64,
              ledger_generation(sink->ledger), sync.position, sink->told);
    return true;
}
