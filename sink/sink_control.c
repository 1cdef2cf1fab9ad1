#include "sink/sink_state.h"

#include "common/base/log.h"
#include "common/base/process.h"
#include "sink/convert.h"
#include "sink/sync.h"

#include <errno.h>
#include <unistd.h>

void sink_hello(struct sink *sink)
{
    const struct wire_header header = sink_header(sink);
    char host[WIRE_TEXT_MAX] = "";
    (void)gethostname(host, sizeof host - 1);
    const struct process self = process_self();
    const struct wire_hello hello = {
        .version_min = WIRE_VERSION_MIN,
        .version_max = WIRE_VERSION,
        .role = ROLE_SINK,
        .pid = self.pid,
        .pid_start = self.start,
        .boot = self.boot,
        .host = span_of_text(host),
        .endpoint = span_of_text(net_endpoint(sink->results)),
    };
    wire_put_hello(&sink->out, &header, &hello, (struct wire_refs_out){0},
                   (struct wire_refs_out){0}, (struct wire_pairs_out){0});
    sink_send(sink);
}

static bool on_welcome(struct sink *sink, const struct wire_header *header,
                       struct span body, int64_t now_ms)
{
    struct wire_welcome welcome;
    if (!wire_get_welcome(body, &welcome) ||
        welcome.version < WIRE_VERSION_MIN || welcome.version > WIRE_VERSION)
        return false;
    const struct id128 *run = ledger_run(sink->ledger);
    if (id128_is_zero(run)) {
        if (!sink_store(sink, &(struct record){.event = EVENT_RUN,
                                               .run = header->run}) ||
            !sink_commit(sink, now_ms))
            return true;
    } else if (!id128_equal(run, &header->run)) {
        problem_set(sink->problem, -EINVAL,
                    "the log in '%s' is another run's; give --results a "
                    "folder of its own",
                    sink->settings->results);
        sink_end(sink, EXIT_ERROR);
        return true;
    }
    if (!id128_equal(&sink->ventilator, &header->sender))
        sink->synced = false;
    sink->ventilator = header->sender;
    sink->version = welcome.version;
    if (welcome.message_max > 0)
        sink->message_max = welcome.message_max;
    sink->welcomed = true;
    return true;
}

static bool on_refused(struct sink *sink, struct span body)
{
    struct wire_refused refused;
    if (!wire_get_refused(body, &refused))
        return false;
    if (refused.code == REFUSED_HELLO_FIRST) {
        sink->welcomed = false;
        sink_hello(sink);
        return true;
    }
    if (refused.code == REFUSED_COMPLETE) {
        sink_end(sink, EXIT_OK);
        return true;
    }
    char text[LOG_QUOTE_SIZE];
    problem_set(sink->problem, -EPERM, "the ventilator refuses this sink: %s",
                log_quote(refused.text, text));
    sink_end(sink, EXIT_ERROR);
    return true;
}

/* A position that stays behind is a STORED that was lost on its way. */
static void watch_position(struct sink *sink, uint64_t position, int64_t now_ms)
{
    if (!sink->synced || position >= sink->told) {
        sink->behind = 0;
        return;
    }
    if (sink->behind != position + 1) {
        sink->behind = position + 1;
        sink->behind_ms = now_ms;
    } else if (now_ms - sink->behind_ms >= 2 * SINK_TICK_MS) {
        sink->behind = 0;
        sink_tell_again(sink, position);
    }
}

static bool on_record(struct sink *sink, const struct wire_header *header,
                      struct span body, int64_t now_ms)
{
    struct wire_records records;
    if (!wire_get_records(body, &records))
        return false;
    if (header->generation != ledger_generation(sink->ledger) ||
        !id128_equal(&header->sender, &sink->ventilator))
        return false;
    struct wire_record record;
    while (!sink->ended && wire_next_record(&records.records, &record)) {
        const enum ledger_link link =
            ledger_record_link(sink->ledger, record.number, records.kept);
        if (link == LINK_GAP)
            return false;
        if (link == LINK_HAVE)
            continue;
        const enum ledger_verdict verdict =
            ledger_record(sink->ledger, &record);
        struct record made = record_of_wire(&record, header->generation);
        ledger_fill_final(sink->ledger, &made);
        if (ledger_stores(verdict))
            sink_store(sink, &made);
        else
            sink_count(sink, verdict);
    }
    watch_position(sink, records.position, now_ms);
    return true;
}

/* The first question makes the index, the last one drops it. */
static bool open_matches(struct sink *sink, uint64_t question)
{
    if (question != 1)
        return sink->matches && question == sink->question + 1;
    matches_destroy(&sink->matches);
    sink->matches =
        matches_build(sink->journal, sink->settings->results, sink->problem);
    if (!sink->matches)
        sink_end(sink, EXIT_ERROR);
    return sink->matches;
}

static bool on_match(struct sink *sink, struct span body, int64_t now_ms)
{
    struct wire_match match;
    if (!wire_get_match(body, &match))
        return false;
    if (!sink_commit(sink, now_ms)) {
        sink->welcomed = false; // HELLO again brings SYNC, and MATCH, again
        return true;
    }
    if (!open_matches(sink, match.question))
        return false;
    buffer_clear(&sink->numbers);
    struct id128 key;
    while (wire_next_key(&match.keys, &key)) {
        const uint64_t number = matches_take(sink->matches, &key);
        buffer_append(&sink->numbers, &number, sizeof number);
    }
    if (sink->numbers.failed) {
        problem_set(sink->problem, -ENOMEM, "out of memory");
        sink_end(sink, EXIT_ERROR);
        return true;
    }
    sink->question = match.question;
    const struct wire_header header = sink_header(sink);
    const struct wire_matched matched = {.question = match.question,
                                         .left = matches_left(sink->matches)};
    wire_put_matched(&sink->out, &header, &matched,
                     (const uint64_t *)(const void *)sink->numbers.at,
                     sink->numbers.size / sizeof(uint64_t));
    sink_send(sink);
    buffer_clear(&sink->numbers);
    if (match.last)
        matches_destroy(&sink->matches);
    return true;
}

static bool on_end(struct sink *sink, const struct wire_header *header,
                   struct span body, int64_t now_ms)
{
    struct wire_end end;
    // One that another has followed ends alone.
    if (!wire_get_end(body, &end) ||
        (header->generation != 0 &&
         header->generation < ledger_generation(sink->ledger)))
        return false;
    if (!sink_commit(sink, now_ms))
        return true; // not durable yet: END comes again
    const struct wire_header mine = sink_header(sink);
    const struct wire_bye bye = {
        .reason = end.reason,
        .finished = sink->records,
        .refused = sink->refused,
        .duplicates = sink->duplicates,
    };
    wire_put_bye(&sink->out, &mine, &bye);
    sink_send(sink);
    sink_end(sink, EXIT_OK);
    return true;
}

static bool of_this_run(const struct sink *sink,
                        const struct wire_header *header)
{
    if (header->type == WIRE_WELCOME || header->type == WIRE_REFUSED)
        return true;
    return sink->welcomed &&
           id128_equal(&header->run, ledger_run(sink->ledger));
}

void sink_control(struct sink *sink, struct span frame, int64_t now_ms)
{
    struct wire_header header;
    struct span body;
    const enum wire_fault fault =
        wire_open(frame, WIRE_CONTROL_MAX, &sink->inflated, &header, &body);
    bool taken = fault == WIRE_FINE && of_this_run(sink, &header);
    if (taken) {
        sink->heard_ms = now_ms;
        switch ((enum wire_type)header.type) {
        case WIRE_WELCOME:
            taken = on_welcome(sink, &header, body, now_ms);
            break;
        case WIRE_REFUSED:
            taken = on_refused(sink, body);
            break;
        case WIRE_SYNC:
            taken = sink_sync(sink, &header, body, now_ms);
            break;
        case WIRE_RECORD:
            taken = on_record(sink, &header, body, now_ms);
            break;
        case WIRE_MATCH:
            taken = on_match(sink, body, now_ms);
            break;
        case WIRE_END:
            taken = on_end(sink, &header, body, now_ms);
            break;
        case WIRE_HELLO:
        case WIRE_TASKS:
        case WIRE_REPORT:
        case WIRE_RECALL:
        case WIRE_RETURNED:
        case WIRE_CANCEL:
        case WIRE_RESULTS:
        case WIRE_STORED:
        case WIRE_RETIRE:
        case WIRE_RESEND:
        case WIRE_SYNCED:
        case WIRE_BYE:
        case WIRE_MATCHED:
        case WIRE_ASK:
        case WIRE_ANSWER:
        case WIRE_PROGRESS:
        case WIRE_TYPES:
            taken = false;
            break;
        }
    }
    if (!taken)
        sink->refused += 1;
}
