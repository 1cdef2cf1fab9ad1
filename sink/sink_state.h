/* sink_state - the role's own fields, for sink*.c only */
#ifndef SINK_SINK_STATE_H
#define SINK_SINK_STATE_H

#include "common/net/net.h"
#include "common/wire/wire.h"
#include "sink/journal.h"
#include "sink/ledger.h"
#include "sink/matches.h"
#include "sink/sink.h"

enum { SINK_TICK_MS = 1000, SINK_FULL_RETRY_MS = 500 };

struct sink {
    const struct settings *settings;
    struct problem *problem;
    struct net_socket *control; // DEALER to the ventilator
    struct net_socket *results; // PULL
    struct journal *journal;
    struct ledger *ledger;
    struct id128 incarnation;
    struct id128 ventilator; // sender of the last WELCOME
    uint64_t message_max;
    uint8_t version; // of the protocol, as agreed; 0: not yet
    bool welcomed;
    bool synced;       // SYNC was answered: STORED may be sent
    uint64_t told;     // the log position STORED has reached
    uint64_t behind;   // 1 + the ventilator's position while below `told`
    int64_t behind_ms; // since when
    bool dirty;        // something was appended since the last commit
    bool full;         // the disk is: nothing is taken until retry_ms
    int64_t retry_ms;
    int64_t tick_ms;  // when HELLO or the empty STORED is due
    int64_t heard_ms; // when the ventilator was last heard
    uint64_t refused, duplicates, records;
    bool keeps; // the memory it frees, as some of its messages are large
    bool ended;
    enum exit_code exit;
    struct matches *matches; // while a resume asks
    uint64_t question;       // the last one answered
    struct buffer out, inflated, numbers;
};

struct wire_header sink_header(const struct sink *sink);
/* Sends sink->out to the ventilator and clears it. What is lost with a
 * connection is told again: HELLO, or STORED by its position. */
void sink_send(struct sink *sink);
/* Ends the role. The first reason stays. */
void sink_end(struct sink *sink, enum exit_code exit);
/* Appends and applies one record. Failing ends the role. */
bool sink_store(struct sink *sink, const struct record *record);
/* Makes the group durable and tells. False when the disk is full (later) or
 * the role has ended. */
bool sink_commit(struct sink *sink, int64_t now_ms);
/* Messages of the ventilator. */
void sink_control(struct sink *sink, struct span frame, int64_t now_ms);
void sink_hello(struct sink *sink);
/* Counts what was not stored. */
void sink_count(struct sink *sink, enum ledger_verdict verdict);
void sink_send_news(struct sink *sink, uint64_t from, uint64_t to,
                    const struct ledger_news *news);

#endif
