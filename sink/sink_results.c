#include "sink/sink_results.h"

#include "common/base/memory.h"
#include "sink/convert.h"

/* A group is bounded: what waits behind it gets the next sync. It is far below
 * the ventilator's window, so that tasks go out and run while others are
 * stored.
 */
enum {
    GROUP_MESSAGES = 4096,
    GROUP_RESULTS = 1 << 13,
    GROUP_BYTES = 4 << 20,
    LARGE_FRAME = 256 << 10,
};

/* Who made the results of a message. */
struct origin {
    const struct id128 *worker;
    struct span host;
};

static bool take_result(struct sink *sink, const struct wire_result *result,
                        const struct origin *origin)
{
    const enum ledger_verdict verdict = ledger_result(sink->ledger, result);
    if (!ledger_stores(verdict)) {
        sink_count(sink, verdict);
        return true;
    }
    const struct record record =
        record_of_result(result, origin->worker, origin->host, result->encoded);
    return sink_store(sink, &record);
}

/* Returns the number of results in it, 0 when it was refused. */
static uint32_t take_results(struct sink *sink, struct span frame)
{
    struct wire_header header;
    struct span body;
    struct wire_results results;
    const enum wire_fault fault = wire_open(frame, (size_t)sink->message_max,
                                            &sink->inflated, &header, &body);
    if (fault != WIRE_FINE || header.type != WIRE_RESULTS ||
        !id128_equal(&header.run, ledger_run(sink->ledger)) ||
        !wire_get_results(body, &results)) {
        sink->refused += 1;
        return 0;
    }
    switch (ledger_results_link(sink->ledger, &header.sender, results.number,
                                results.kept)) {
    case LINK_TAKE:
        break;
    case LINK_HAVE:
        sink->duplicates += 1;
        return 1;
    case LINK_GAP:
    case LINK_STRANGER:
        sink->refused += 1;
        return 0;
    }
    const uint32_t count = results.results.count;
    const struct origin origin = {&header.sender,
                                  ledger_host(sink->ledger, &header.sender)};
    struct wire_result result;
    while (wire_next_result(&results.results, &result))
        if (!take_result(sink, &result, &origin))
            break;
    return count;
}

void sink_drain_results(struct sink *sink)
{
    size_t bytes = 0;
    size_t count = 0;
    for (int i = 0; i < GROUP_MESSAGES && !sink->ended; i++) {
        struct net_message message;
        if (count >= GROUP_RESULTS || bytes >= GROUP_BYTES ||
            net_receive(sink->results, &message) != 0)
            break;
        bytes += message.frame.size;
        if (message.frame.size > LARGE_FRAME)
            memory_keep(&sink->keeps);
        if (message.malformed)
            sink->refused += 1;
        else
            count += take_results(sink, message.frame);
        net_release(&message);
    }
}
